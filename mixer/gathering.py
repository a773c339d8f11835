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

    `order` holds, in mix order, each record's leaf and its row in the leaf's entry; `entries` has one a leaf.
    """
    import polars as pl

    every = _Every(entries)
    maps = _map([entry.data(part) for entry in every.entries for part in entry.ledger.parts])
    atlas = every.columns(["part", "offset", "length"]).select(
        "part", "offset", (pl.col("offset") + pl.col("length")).alias("end")
    )
    for _, rows in every.slices(order):
        part, offset, end = (column.to_list() for column in atlas[rows].get_columns())
        views = [maps[number][start:stop] for number, start, stop in zip(part, offset, end, strict=True)]
        for start in range(0, len(views), BATCH):
            yield views[start : start + BATCH]


def total_bytes(entries: list[Entry], order: pl.DataFrame) -> int:
    """Add up the bytes of a mix's records."""
    import polars as pl

    every = _Every(entries)
    length = every.columns(["length"])["length"]
    return sum(int(length[rows].cast(pl.UInt64).sum()) for _, rows in every.slices(order))


def index(entries: list[Entry], order: pl.DataFrame, names: list[str]) -> Iterator[pl.DataFrame]:
    """Go through the rows of a mix's index, in mix order, `SLICE` at a time; the offsets are the writer's to add.

    `order` has each record's pass beside what `batches` needs; `names` are the leaves'.
    """
    import polars as pl

    every = _Every(entries)
    atlas = every.columns(_FROM_STORE)
    leaves = pl.DataFrame({"leaf": names, "source": [entry.ledger.source for entry in entries]})
    for here, rows in every.slices(order):
        columns = [leaves[here["leaf"]], atlas[rows], here.select("pass")]
        yield pl.concat(columns, how="horizontal").with_columns(pl.lit(None, dtype=pl.UInt32).alias("tokens"))


class _Every:
    """The records of all distinct entries laid end to end, so that one number tells where a record lies."""

    def __init__(self, entries: list[Entry]) -> None:
        distinct = {entry.folder: entry for entry in entries}
        self.entries = list(distinct.values())
        starts = dict(zip(distinct, _running([entry.ledger.made for entry in self.entries]), strict=True))
        self._first = [starts[entry.folder] for entry in entries]

    def columns(self, names: list[str]) -> pl.DataFrame:
        """Read index columns of all records; `part` then counts the parts of all entries."""
        import polars as pl

        first_part = _running([len(entry.ledger.parts) for entry in self.entries])
        frames = [entry.index(names) for entry in self.entries]
        if "part" in names:
            frames = [
                frame.with_columns(pl.col("part") + first) for frame, first in zip(frames, first_part, strict=True)
            ]
        return pl.concat(frames)

    def slices(self, order: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
        """Go through a mix's order in slices: its rows, and where each record lies."""
        import polars as pl

        first = pl.Series(self._first, dtype=pl.UInt64)
        for start in range(0, order.height, SLICE):
            here = order[start : start + SLICE]
            yield here, first[here["leaf"]] + here["row"].cast(pl.UInt64)


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
