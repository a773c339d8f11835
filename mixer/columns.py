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


class Columns(msgspec.Struct, array_like=True):
    """Parallel lists, one value a record; the names are the columns' names in the Parquet file."""

    item: list[int] = []
    id: list[str] = []
    key: list[int] = []
    """conversation.record_key with ordinal 0 until the whole source is known."""
    digest: list[bytes] = []
    content: list[bytes] = []
    """matching.match_digests: what `except` and `only` compare."""
    prompt: list[bytes] = []
    length: list[int] = []
    """Bytes of the record in the part, its newline not counted."""
    media: list[list[str]] = []
    images: list[int] = []
    videos: list[int] = []
    audios: list[int] = []
    turns: list[int] = []
    characters: list[int] = []
    literal_tokens: list[bool] = []
    subset: list[str | None] = []
    split: list[str | None] = []
    task: list[str | None] = []
    language: list[str | None] = []
    rating: list[float | None] = []


def add(columns: Columns, item: int, record: Conversation, line: bytes, checked: Checked, labels: Labels) -> None:
    """Append one valid record; `line` is its canonical bytes."""
    paths = media(record)
    content = digest(line, record.id)
    matched, prompt = match_digests(record, paths)
    columns.item.append(item)
    columns.id.append(record.id)
    columns.key.append(record_key(record.id, content, 0))
    columns.digest.append(content)
    columns.content.append(matched)
    columns.prompt.append(prompt)
    columns.length.append(len(line))
    columns.media.append(paths)
    columns.images.append(_count(record.image))
    columns.videos.append(_count(record.video))
    columns.audios.append(_count(record.audio))
    columns.turns.append(len(record.conversations))
    columns.characters.append(checked.characters)
    columns.literal_tokens.append(checked.literal_tokens)
    columns.subset.append(labels.subset)
    columns.split.append(labels.split)
    columns.task.append(labels.task)
    columns.language.append(labels.language)
    columns.rating.append(labels.rating)


def _count(paths: str | list[str] | None) -> int:
    return 0 if paths is None else 1 if isinstance(paths, str) else len(paths)


def save(columns: Columns, path: Path) -> None:
    """Write the columns for the process that makes the Parquet file."""
    path.write_bytes(msgspec.msgpack.encode(columns))


def load(path: Path) -> Columns:
    """Read what `save` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=Columns)


def frame(columns: Columns) -> pl.DataFrame:
    """Turn the columns into a frame with the schema of a part's index; `offset` counts bytes from the part's start."""
    import polars as pl

    types = schema()
    data = pl.DataFrame(
        {name: pl.Series(name, getattr(columns, name), types[name]) for name in types if name != "offset"}
    )
    step = pl.col("length").cast(pl.UInt64) + 1
    return data.with_columns((step.cum_sum() - step).alias("offset")).select(list(types))


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
