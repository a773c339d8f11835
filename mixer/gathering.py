"""Mixing moves bytes: the records of a mix, in order, as slices of the store's mapped parts.

No record becomes a Python object: a record is a view of the very bytes its conversion wrote.
"""

from __future__ import annotations

import mmap
import resource
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import sources
from mixer.store import Entry

if TYPE_CHECKING:
    import polars as pl

BATCH = 1024
"""Records handed to a writer at once: measured best, see writers/framing.py."""
SLICE = 1 << 16
"""Rows of the order turned into Python integers at once, so that memory stays flat."""


def batches(every: Every, order: pl.DataFrame) -> Iterator[list[memoryview]]:
    """Go through the records of a mix, `BATCH` at a time.

    `order` holds, in mix order, each record's leaf and its row in the leaf's entry.
    """
    import polars as pl

    maps = map_files(every.files)
    atlas = every.columns(["part", "offset", "length"]).select(
        "part", "offset", (pl.col("offset") + pl.col("length")).alias("end")
    )
    for _, rows in every.slices(order):
        part, offset, end = (column.to_list() for column in atlas[rows].get_columns())
        views = [maps[number][start:stop] for number, start, stop in zip(part, offset, end, strict=True)]
        yield from in_batches(views)


def in_batches(views: list[memoryview]) -> Iterator[list[memoryview]]:
    """Hand records on as writers like them best."""
    for start in range(0, len(views), BATCH):
        yield views[start : start + BATCH]


def in_item_order(entry: Entry) -> Iterator[list[memoryview]]:
    """Go through all records of a converted source as its files have them; parts of grouped records do not."""
    import polars as pl

    if not entry.ledger.parts:
        return
    rows = entry.index(["row", "item"])
    if sources.get(entry.ledger.source).grouping is not None:
        rows = rows.sort("item", "row")
    yield from batches(Every([entry]), rows.select(pl.lit(0, dtype=pl.UInt16).alias("leaf"), "row"))


def lengths(every: Every, order: pl.DataFrame) -> Iterator[pl.Series]:
    """Go through the bytes of a mix's records, in order, some at a time."""
    length = every.columns(["length"])["length"]
    yield from (length[rows] for _, rows in every.slices(order))


def total_bytes(every: Every, order: pl.DataFrame) -> int:
    """Add up the bytes of a mix's records."""
    import polars as pl

    return sum(int(piece.cast(pl.UInt64).sum()) for piece in lengths(every, order))


class Every:
    """The records of all distinct entries laid end to end, so that one number tells where a record lies."""

    def __init__(self, entries: list[Entry]) -> None:
        distinct = {entry.folder: entry for entry in entries}
        self.sources = [entry.ledger.source for entry in entries]
        self._parts = [(entry, number) for entry in distinct.values() for number in range(len(entry.ledger.parts))]
        self._records = [entry.ledger.parts[number].records for entry, number in self._parts]
        starts = dict(zip(distinct, running([entry.ledger.made for entry in distinct.values()]), strict=True))
        self._first = [starts[entry.folder] for entry in entries]

    @property
    def files(self) -> list[Path]:
        """The data files of all parts."""
        return [entry.data(entry.ledger.parts[number]) for entry, number in self._parts]

    @property
    def records(self) -> int:
        """Count all of them."""
        return sum(self._records)

    @property
    def bytes(self) -> int:
        """Size of all data files together."""
        return sum(entry.ledger.parts[number].bytes for entry, number in self._parts)

    def columns(self, names: list[str], parts: range | None = None) -> pl.DataFrame:
        """Read index columns of all records, or of those of some parts; `part` counts the parts of all entries."""
        import polars as pl

        frames = []
        for place in range(len(self._parts)) if parts is None else parts:
            entry, number = self._parts[place]
            part = pl.lit(place, dtype=pl.UInt32).alias("part")
            frames.append(entry.part_index(number, names).with_columns(part).select(names))
        # Gathering from many chunks takes ten times as long; made one by one, the columns never lie twice in memory.
        return pl.DataFrame(
            [pl.concat([frame.drop_in_place(name) for frame in frames], rechunk=True) for name in names]
        )

    def groups(self, records: int) -> list[range]:
        """Cut the parts into runs of at least so many records, but for the last."""
        cuts, held = [0], 0
        for place, more in enumerate(self._records):
            held += more
            if held >= records and place + 1 < len(self._records):
                cuts.append(place + 1)
                held = 0
        return [range(*cut) for cut in pairwise([*cuts, len(self._records)])]

    def first_of(self, parts: range) -> int:
        """Count the records before some parts."""
        return sum(self._records[: parts.start])

    def at(self, order: pl.DataFrame) -> pl.Series:
        """Say where each record of (a slice of) a mix lies."""
        import polars as pl

        return pl.Series(self._first, dtype=pl.UInt64)[order["leaf"]] + order["row"].cast(pl.UInt64)

    def slices(self, order: pl.DataFrame, rows: int = SLICE) -> Iterator[tuple[pl.DataFrame, pl.Series]]:
        """Go through a mix's order in slices: its rows, and where each record lies."""
        for start in range(0, order.height, rows):
            here = order[start : start + rows]
            yield here, self.at(here)


def running(counts: list[int]) -> list[int]:
    """Give the sum of the counts before each."""
    sums = [0]
    for count in counts:
        sums.append(sums[-1] + count)
    return sums[:-1]


def map_files(paths: list[Path]) -> list[memoryview]:
    """Map the parts for reading. Each map holds a file open, so the soft limit on open files is raised to fit."""
    allow_files(len(paths))
    views = []
    for path in paths:
        with path.open("rb") as file:
            views.append(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    return views


def allow_files(count: int) -> None:
    """Raise the soft limit on open files, as far as the hard one lets us, so that many more fit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + 256
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else min(needed, hard), hard)
        )
