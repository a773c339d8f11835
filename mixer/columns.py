"""The index columns of a converted part: what planning, selection and the mix's index know of a record.

A worker collects them as plain lists (it never loads polars) and hands them on in one small file; the process that
publishes the source turns them into Parquet. `item` is the raw item's number in its file, counted from 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixer.conversation import Conversation, Labels, digest, media, record_key
from mixer.matching import match_digests
from mixer.validate import Checked

if TYPE_CHECKING:
    import polars as pl

NO_LABELS = Labels()

Row = tuple[
    int, str, int, bytes, bytes, bytes, int, str, int, int, int, int, int, bool,
    str | None, str | None, str | None, str | None, float | None,
]  # fmt: skip
"""One record's values of the stored columns, in the order of `STORED`."""

STORED = (
    "item", "id", "key", "digest", "content", "prompt", "length", "media", "images", "videos", "audios", "turns",
    "characters", "literal_tokens", "subset", "split", "task", "language", "rating",
)  # fmt: skip
"""What a worker collects. `key` has ordinal 0 until the whole source is known; `media` is joined by NUL, which no path
holds, since a column of lists takes a hundred times as long to make as one of texts."""


def row(item: int, record: Conversation, line: bytes, checked: Checked, labels: Labels) -> Row:
    """Give the index values of one valid record; `line` is its canonical bytes."""
    paths = media(record)
    content = digest(line, record.id)
    matched, prompt = match_digests(record, paths, checked)
    return (
        item,
        record.id,
        record_key(record.id, content, 0),
        content,
        matched,
        prompt,
        len(line),
        "\0".join(paths),
        _count(record.image),
        _count(record.video),
        _count(record.audio),
        len(record.conversations),
        checked.characters,
        checked.literal_tokens,
        labels.subset,
        labels.split,
        labels.task,
        labels.language,
        labels.rating,
    )


def _count(paths: str | list[str] | None) -> int:
    return 0 if paths is None else 1 if isinstance(paths, str) else len(paths)


def save(rows: list[Row], path: Path) -> None:
    """Write the rows for the process that makes the Parquet file."""
    path.write_bytes(msgspec.msgpack.encode(rows))


def load(path: Path, first_item: int) -> pl.DataFrame:
    """Read what `save` wrote as a part's index; items count from `first_item`, `offset` in bytes from the part's start."""
    import polars as pl

    types = schema()
    rows = msgspec.msgpack.decode(path.read_bytes(), type=list[Row])
    columns = dict(zip(STORED, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(STORED, ())
    joined = {**types, "media": pl.String}
    frame = pl.DataFrame([pl.Series(name, values, joined[name]) for name, values in columns.items()])
    step = pl.col("length").cast(pl.UInt64) + 1
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return frame.with_columns(
        pl.col("item") + first_item,
        (step.cum_sum() - step).alias("offset"),
        pl.when(pl.col("media") == "").then(nothing).otherwise(pl.col("media").str.split("\0")).alias("media"),
    ).select(list(types))


def schema() -> dict[str, Any]:
    """Map each index column to its polars type."""
    import polars as pl

    return {
        "item": pl.UInt64,
        "id": pl.String,
        "key": pl.UInt64,
        "digest": pl.Binary,
        "content": pl.Binary,
        "prompt": pl.Binary,
        "offset": pl.UInt64,
        "length": pl.UInt32,
        "media": pl.List(pl.String),
        "images": pl.UInt32,
        "videos": pl.UInt32,
        "audios": pl.UInt32,
        "turns": pl.UInt32,
        "characters": pl.UInt32,
        "literal_tokens": pl.Boolean,
        "subset": pl.String,
        "split": pl.String,
        "task": pl.String,
        "language": pl.String,
        "rating": pl.Float64,
    }
