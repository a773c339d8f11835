"""The first step of a mix that is made in slices: the records of some parts of the store, put in buckets.

A bucket holds the records whose order keys lie in one range, so that they are neighbours in the mix. Which records the
mix shows and what their keys are hangs on nothing but the rows themselves, so a task knows it alone: nobody holds the
order of a whole mix, and every part is read once, from its start to its end. Its results are files:

    group-000007.records   the records, bucket after bucket, one right behind the other
    group-000007.rows      what an index tells of them, an Arrow stream per bucket
    group-000007.places    how many records, bytes of rows and bytes of records lie before each bucket
"""

from __future__ import annotations

import io
import os
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from mixer.allocator import keep_freed_blocks
from mixer.garbage import collector_off
from mixer.gathering import SLICE, Every, in_batches, map_files
from mixer.ordering import mix64_column, salt
from mixer.selection import Edge
from mixer.store import Entry

if TYPE_CHECKING:
    import polars as pl

PLACE = 3
"""Numbers that tell where a bucket begins: records, bytes of rows, bytes of records."""


@dataclass(frozen=True)
class Lane:
    """The buckets of a leaf: so many ranges of the order key, from bucket `first` on; each pass `step` further on."""

    first: int
    ranges: int
    step: int = 0


@dataclass(frozen=True)
class Choice:
    """Which records of some parts a leaf shows; rows are counted from the first of these parts."""

    leaf: int
    name: str
    lane: Lane
    keep: pl.Series | None
    """Which are in its pool; None: all."""
    passes: int
    """So often all of these are shown."""
    edge: Edge | None
    """Which are shown once more."""
    picked: pl.DataFrame | None = None
    """Instead of all that: row and pass of each."""


@dataclass(frozen=True)
class Scatter:
    """A run of parts of a converted source, to be put in buckets."""

    entry: Entry
    """Of these parts alone."""
    choices: tuple[Choice, ...]
    seed: int
    columns: tuple[str, ...]
    """Of the store's index, to go along."""
    buckets: int
    """Of the whole mix."""
    out: Path
    """Results are written to this path with suffixes of their own."""


class Tally(NamedTuple):
    """What a task put in each bucket."""

    records: array[int]
    bytes: array[int]


def scatter(task: Scatter) -> Tally:
    """Do a task; done again it gives the same."""
    keep_freed_blocks()
    every = Every([task.entry])
    atlas = every.columns(["part", "offset", *task.columns])
    rows = _chosen(task, atlas["key"]).sort("bucket", maintain_order=True)
    with collector_off(), ExitStack() as stack:
        files = [stack.enter_context(appearing(path)) for path in paths(task.out)]
        _write_records(every, atlas, rows["at"], files[0])
        places, tally = _write_rows(task, atlas.drop("part", "offset"), rows, files[1])
        files[2].write(places.tobytes())
    return tally


def paths(stem: Path) -> tuple[Path, Path, Path]:
    """Name the files of a task: records, rows, places."""
    return stem.with_suffix(".records"), stem.with_suffix(".rows"), stem.with_suffix(".places")


@contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Give a file to fill that is there as a whole or not at all, whoever else writes the same at the same time."""
    temporary = path.with_name(f"{path.name}.{os.urandom(6).hex()}")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _chosen(task: Scatter, keys: pl.Series) -> pl.DataFrame:
    """Say which records the mix shows: where each is, its leaf, pass and order key, and in which bucket it goes."""
    import polars as pl

    frames = [
        _placed(task, choice, keys, at, pass_) for choice in task.choices for at, pass_ in _shown(task, choice, keys)
    ]
    types = {"at": pl.UInt32, "leaf": pl.UInt16, "pass": pl.UInt32, "order": pl.UInt64, "bucket": pl.UInt32}
    return pl.concat([pl.DataFrame(schema=types), *frames])


def _shown(task: Scatter, choice: Choice, keys: pl.Series) -> Iterator[tuple[pl.Series, int]]:
    """Go through the passes of a leaf: which records each shows."""
    import polars as pl

    if choice.picked is not None:
        for (pass_,), piece in choice.picked.partition_by("pass", as_dict=True).items():
            yield piece["row"], pass_
        return
    pool = pl.int_range(keys.len(), dtype=pl.UInt32, eager=True) if choice.keep is None else choice.keep.arg_true()
    for pass_ in range(choice.passes):
        yield pool, pass_
    if choice.edge is not None:
        select = mix64_column(keys[pool], salt(choice.name, task.seed, "select", choice.passes))
        below = pool.filter(select < pl.Series([choice.edge.key], dtype=pl.UInt64))
        yield below.append(pl.Series(choice.edge.rows, dtype=pl.UInt32)), choice.passes


def _placed(task: Scatter, choice: Choice, keys: pl.Series, at: pl.Series, pass_: int) -> pl.DataFrame:
    import polars as pl

    lane = choice.lane
    order = mix64_column(keys[at], salt(choice.name, task.seed, "order", pass_)).alias("order")
    width = min(-(-(1 << 64) // lane.ranges), (1 << 64) - 1)
    range_ = (pl.col("order") // pl.lit(width, dtype=pl.UInt64)).clip(upper_bound=lane.ranges - 1)
    return pl.DataFrame([at.cast(pl.UInt32).alias("at"), order]).select(
        "at",
        pl.lit(choice.leaf, dtype=pl.UInt16).alias("leaf"),
        pl.lit(pass_, dtype=pl.UInt32).alias("pass"),
        "order",
        (range_ + lane.first + pass_ * lane.step).cast(pl.UInt32).alias("bucket"),
    )


def _write_records(every: Every, atlas: pl.DataFrame, at: pl.Series, file: BinaryIO) -> None:
    import polars as pl

    maps = map_files(every.files)
    spans = atlas.select("part", "offset", (pl.col("offset") + pl.col("length")).alias("end"))
    for start in range(0, at.len(), SLICE):
        part, offset, end = (column.to_list() for column in spans[at[start : start + SLICE]].get_columns())
        views = [maps[number][first:last] for number, first, last in zip(part, offset, end, strict=True)]
        file.writelines(b"".join(batch) for batch in in_batches(views))


def _write_rows(task: Scatter, atlas: pl.DataFrame, rows: pl.DataFrame, file: BinaryIO) -> tuple[array[int], Tally]:
    """Write the rows of each bucket; give the places of buckets, and what is in them."""
    import polars as pl

    tally = Tally(array("Q", bytes(8 * task.buckets)), array("Q", bytes(8 * task.buckets)))
    sizes = array("Q", bytes(8 * task.buckets))
    for (bucket,), piece in rows.partition_by("bucket", as_dict=True, maintain_order=True).items():
        named = piece.select("leaf", "pass", "order").hstack(atlas[piece["at"]])
        blob = io.BytesIO()
        named.write_ipc_stream(blob)  # read in a fifth of the time of a file's form, and there are very many
        sizes[bucket] = file.write(blob.getbuffer())
        tally.records[bucket] = piece.height
        tally.bytes[bucket] = int(named["length"].cast(pl.UInt64).sum())
    places, held = array("Q"), [0] * PLACE
    for here in zip(tally.records, sizes, tally.bytes, strict=True):
        places.extend(held)
        held = [before + more for before, more in zip(held, here, strict=True)]
    places.extend(held)
    return places, tally
