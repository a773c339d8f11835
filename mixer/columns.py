"""The index columns of a converted part: what planning, selection and the mix's index know of a record.

A task collects a tuple a record and writes them as one Parquet file when it is done. `item` is the raw item's number,
counted from 0 in the task's span; the ledger's parts say at which item of the file a span begins.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer.conversation import Conversation, Labels, digest, media, record_key
from mixer.errors import IntegrityError
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
"""What a task collects. `key` has ordinal 0 until the whole source is known; `media` is joined by NUL, which no path
holds, since a column of lists takes a hundred times as long to make as one of texts."""


def row(item: int, record: Conversation, line: bytes, checked: Checked, labels: Labels) -> Row:
    """Give the index values of one valid record; `line` is its canonical bytes."""
    id, image = record.id, record.image
    if record.video is None and record.audio is None and not isinstance(image, list):  # by far the most common
        paths = [] if image is None else [image]
        images, videos, audios = len(paths), 0, 0
    else:
        paths = media(record)
        images, videos, audios = _count(image), _count(record.video), _count(record.audio)
    content = digest(line, id)
    return (
        item,
        id,
        record_key(id, content, 0),
        content,
        *match_digests(record, paths, checked),
        len(line),
        "\0".join(paths),
        images,
        videos,
        audios,
        len(checked.stripped),
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


def write(rows: list[Row], path: Path) -> None:
    """Write a part's index; `offset` counts bytes from the part's start."""
    import polars as pl

    types = schema()
    joined = {**types, "media": pl.String}
    columns = zip(STORED, zip(*rows, strict=True), strict=True)
    frame = pl.DataFrame([pl.Series(name, values, joined[name]) for name, values in columns])
    step = pl.col("length").cast(pl.UInt64) + 1
    nothing = pl.lit([], dtype=pl.List(pl.String))
    frame = frame.with_columns(
        (step.cum_sum() - step).alias("offset"),
        pl.when(pl.col("media") == "").then(nothing).otherwise(pl.col("media").str.split("\0")).alias("media"),
    )
    write_frame(frame.select(list(types)), path)


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write an index. Digests do not compress, so speed decides the codec."""
    frame.write_parquet(path, compression="lz4")


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read columns of a Parquet file. Raises IntegrityError when it is not the file that was written."""
    import polars as pl

    try:
        return pl.read_parquet(path, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise IntegrityError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error


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
