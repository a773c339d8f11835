"""Mixing moves bytes: the records of a mix, in order, as slices of the store's mapped parts, and the mix's index.

No record becomes a Python object: a record is a view of the very bytes its conversion wrote.
"""

from __future__ import annotations

import mmap
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.store import Entry

if TYPE_CHECKING:
    import polars as pl

BATCH = 1024
"""Records handed to a writer at once: measured best, see writers/framing.py."""
SLICE = 1 << 16
"""Rows of the order turned into Python integers at once, so that memory stays flat."""

_FROM_STORE = ["id", "digest", "subset", "media", "turns", "characters", "length"]


def batches(entries: list[Entry], order: pl.DataFrame) -> Iterator[list[memoryview]]:
    """Go through the records of a mix, `BATCH` at a time.

    `order` holds, in mix order, entry (index into `entries`) and row (number in that entry).
    """
    import polars as pl

    paths = [entry.data(part) for entry in entries for part in entry.ledger.parts]
    first_part = _running([len(entry.ledger.parts) for entry in entries])
    maps = _map(paths)
    where = [entry.index(["part", "offset", "length"]) for entry in entries]
    where = [
        frame.with_columns(pl.col("part") + first, (pl.col("offset") + pl.col("length")).alias("end")).drop("length")
        for frame, first in zip(where, first_part, strict=True)
    ]
    atlas = pl.concat(where)
    for rows in _slices(entries, order):
        part, offset, end = (column.to_list() for column in atlas[rows].get_columns())
        views = [maps[number][start:stop] for number, start, stop in zip(part, offset, end, strict=True)]
        for start in range(0, len(views), BATCH):
            yield views[start : start + BATCH]


def index(entries: list[Entry], order: pl.DataFrame, names: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Go through the rows of a mix's index, in mix order, `SLICE` at a time; offsets are the writer's to add.

    `order` is as for `batches`, with leaf and pass beside it; `names` maps leaf to its name and source.
    """
    import polars as pl

    atlas = pl.concat([entry.index(_FROM_STORE) for entry in entries])
    start = 0
    for rows in _slices(entries, order):
        here = order[start : start + rows.len()]
        start += rows.len()
        leaf = names[here["leaf"]]
        yield pl.concat([leaf, atlas[rows], here.select("pass")], how="horizontal").with_columns(
            pl.lit(None, dtype=pl.UInt32).alias("tokens")
        )


def _slices(entries: list[Entry], order: pl.DataFrame) -> Iterator[pl.Series]:
    """Turn (entry, row) into row numbers of all entries laid end to end, a slice at a time."""
    import polars as pl

    first = pl.Series(_running([entry.ledger.made for entry in entries]), dtype=pl.UInt64)
    for start in range(0, order.height, SLICE):
        here = order[start : start + SLICE]
        yield first[here["entry"]] + here["row"].cast(pl.UInt64)


def _running(counts: list[int]) -> list[int]:
    """Give the sum of the counts before each."""
    sums = [0]
    for count in counts:
        sums.append(sums[-1] + count)
    return sums[:-1]


def _map(paths: list[Path]) -> list[memoryview]:
    """Map the parts for reading. Each map holds a file open, so the soft limit on open files is raised to fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(paths) + 256
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )
    views = []
    for path in paths:
        with path.open("rb") as file:
            views.append(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    return views
