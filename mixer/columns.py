"""The index columns of a converted part: what planning, selection and the mix's index know of a record.

A task collects the values batch by batch and writes them as one Parquet file when it is done. `item` is the raw item's
number, counted from 0 in the task's span; the ledger's parts say at which item of the file a span begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer.conversation import Conversation, Labels, digests, media, record_keys
from mixer.errors import IntegrityError
from mixer.validate import Checks

if TYPE_CHECKING:
    import polars as pl

NO_LABELS = Labels()

COLLECTED = (
    "item", "id", "key", "digest", "length", "paths", "images", "videos", "audios", "turns", "characters",
    "literal_tokens", "separators", "subset", "split", "task", "language", "rating",
)  # fmt: skip
"""What a task collects. `key` has ordinal 0 until the whole source is known; `paths` are the record's media joined by
NUL, which no path holds: a column of lists takes a hundred times as long to make, and thirty times to gather from."""
MEDIA = ("paths", "images", "videos", "audios")
"""What a record's list of media is made of."""
_LABELS = ("subset", "split", "task", "language", "rating")


class Columns:
    """The columns of one part, while it is being made."""

    def __init__(self) -> None:
        self._values: dict[str, list[Any]] = {name: [] for name in COLLECTED}

    def __len__(self) -> int:
        return len(self._values["id"])

    def add(
        self,
        items: list[int],
        records: list[Conversation],
        lines: list[bytes],
        checks: Checks,
        labels: list[Labels],
    ) -> None:
        """Add valid records; `lines` are their canonical bytes."""
        ids = [record.id for record in records]
        content = digests(lines, ids)
        values = self._values
        values["item"] += items
        values["id"] += ids
        values["key"] += record_keys(ids, content)
        values["digest"] += content
        values["length"] += map(len, lines)
        values["turns"] += [len(record.conversations) for record in records]
        values["characters"] += checks.characters
        values["literal_tokens"] += checks.literal_tokens
        values["separators"] += checks.separators
        self._add_media(records)
        alike = len(set(map(id, labels))) == 1
        for name in _LABELS:
            if alike:  # by far the most common
                values[name] += [getattr(labels[0], name)] * len(labels)
            else:
                values[name] += [getattr(label, name) for label in labels]

    def _add_media(self, records: list[Conversation]) -> None:
        values = self._values
        images = [record.image for record in records]
        if list not in set(map(type, images)) and all(
            record.video is None and record.audio is None for record in records
        ):  # by far the most common
            values["paths"] += ["" if image is None else image for image in images]
            values["images"] += [int(image is not None) for image in images]
            values["videos"] += [0] * len(records)
            values["audios"] += [0] * len(records)
            return
        values["paths"] += ["\0".join(media(record)) for record in records]
        values["images"] += map(_count, images)
        values["videos"] += [_count(record.video) for record in records]
        values["audios"] += [_count(record.audio) for record in records]

    def write(self, path: Path) -> None:
        """Write the part's index; `offset` counts bytes from the part's start."""
        import polars as pl

        types = schema()
        frame = pl.DataFrame([pl.Series(name, values, types[name]) for name, values in self._values.items()])
        step = pl.col("length").cast(pl.UInt64) + 1
        frame = frame.with_columns((step.cum_sum() - step).alias("offset"))
        write_frame(frame.select(list(types)), path)


def _count(paths: str | list[str] | None) -> int:
    return 0 if paths is None else 1 if isinstance(paths, str) else len(paths)


def media_lists(frame: pl.DataFrame) -> pl.Series:
    """Give the lists of media that `paths` joins, by the counts of images, videos and audios beside it."""
    import polars as pl

    count = pl.col("images") + pl.col("videos") + pl.col("audios")
    nothing = pl.lit([], dtype=pl.List(pl.String))
    one = pl.concat_list("paths")
    # Few records have several media; splitting would read every path, and those of a mix lie scattered in memory.
    if frame.select((count > 1).any()).item():
        one = pl.when(count == 1).then(one).otherwise(pl.col("paths").str.split("\0"))
    return frame.select(pl.when(count > 0).then(one).otherwise(nothing).alias("media"))["media"]


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write an index. Digests do not compress, so speed decides the codec."""
    frame.write_parquet(path, compression="lz4")


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read columns of a Parquet file. Raises IntegrityError when it is not the file that was written."""
    import polars as pl

    try:
        return pl.read_parquet(path, columns=columns, glob=False)  # a folder may be called `mix[1]`
    except (OSError, pl.exceptions.PolarsError) as error:
        raise IntegrityError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error


def types_of(named: Mapping[str, str]) -> dict[str, Any]:
    """Map columns to polars types, which are given by name: declarations are read where polars is not wanted yet."""
    import polars as pl

    return {name: getattr(pl, type_) for name, type_ in named.items()}


def schema() -> dict[str, Any]:
    """Map each index column to its polars type."""
    import polars as pl

    return {
        "item": pl.UInt64,
        "id": pl.String,
        "key": pl.UInt64,
        "digest": pl.Binary,
        "offset": pl.UInt64,
        "length": pl.UInt32,
        "paths": pl.String,
        "images": pl.UInt32,
        "videos": pl.UInt32,
        "audios": pl.UInt32,
        "turns": pl.UInt32,
        "characters": pl.UInt32,
        "literal_tokens": pl.Boolean,
        "separators": pl.Boolean,
        "subset": pl.String,
        "split": pl.String,
        "task": pl.String,
        "language": pl.String,
        "rating": pl.Float64,
    }
