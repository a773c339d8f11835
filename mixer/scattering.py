"""The records of a mix in order, where the converted sources outgrow memory.

Gathering reads the parts at random places, which is fast as long as they stay in the page cache and hopeless when they
do not. So here one sequential pass over the parts puts every record in a bucket by the range of the mix it belongs to,
and then each bucket, which is small, is gathered from. What is read, and so every byte, is the same.

It takes two and a half times as long as gathering when both fit; fewer, larger buckets are faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.gathering import BATCH, SLICE, Every, allow_files, map_files
from mixer.progress import Progress

if TYPE_CHECKING:
    import polars as pl

LARGEST = 256 << 20
"""Bytes of a bucket, however much memory there is."""
MOST = 1000
"""Buckets at most: each is an open file, and small ones would be filled in small writes."""
SHARE = 4
"""One bucket takes this part of memory at most: it is read as its records stand in the mix."""


class Scattered:
    """A mix's records in buckets, which are files of a new folder."""

    def __init__(self, every: Every, order: pl.DataFrame, memory: int, folder: Path, progress: Progress) -> None:
        import polars as pl

        self._every = every
        self._folder = folder
        lengths = every.columns(["length"])["length"]
        at = every.at(order)
        self._rows = pl.DataFrame({"at": at, "length": lengths[at]})
        step = pl.col("length").cast(pl.UInt64)
        size = max(min(LARGEST, memory // SHARE), -(-int(self._rows.select(step.sum()).item()) // MOST))
        bucket = ((step.cum_sum() - step) // size).cast(pl.UInt32)
        self._rows = self._rows.with_columns(bucket.alias("bucket"))
        self._count = int(self._rows.select(pl.col("bucket").max()).item() or 0) + 1
        folder.mkdir()
        self._scatter(progress)

    def _scatter(self, progress: Progress) -> None:
        """Go through the parts once and append every record to its bucket."""
        rows = self._rows.select("at", "bucket").sort("at", maintain_order=True)
        every = self._every
        allow_files(self._count)
        with ExitStack() as stack, progress("scattering", every.bytes) as advance:
            buckets = [stack.enter_context(self._path(number).open("wb")) for number in range(self._count)]
            for place, path in enumerate(every.files):
                parts = range(place, place + 1)
                index = every.columns(["offset", "length"], parts)
                first = every.first_of(parts)
                start, stop = (rows["at"].search_sorted(edge) for edge in (first, first + index.height))
                here = rows[start:stop]
                spans = index[here["at"] - first].with_columns(here["bucket"])
                (view,) = map_files([path])
                for (number,), piece in spans.partition_by("bucket", as_dict=True, maintain_order=True).items():
                    ends = (piece["offset"] + piece["length"]).to_list()
                    slices = map(slice, piece["offset"].to_list(), ends)
                    buckets[number].write(b"".join([view[each] for each in slices]))
                advance(len(view))

    def batches(self) -> Iterator[list[memoryview]]:
        """Go through the records in the mix's order, as `gathering.batches` does."""
        for number in range(self._count):
            yield from self._bucket(number)

    def _bucket(self, number: int) -> Iterator[list[memoryview]]:
        import polars as pl

        rows = self._rows.filter(pl.col("bucket") == number).with_row_index("place")
        if not rows.height:
            return
        step = pl.col("length").cast(pl.UInt64)
        # In the bucket the records stand as the parts have them.
        rows = rows.sort("at", "place").with_columns((step.cum_sum() - step).alias("start")).sort("place")
        (view,) = map_files([self._path(number)])
        for piece in rows.iter_slices(SLICE):
            ends = (piece["start"] + piece["length"]).to_list()
            views = [view[each] for each in map(slice, piece["start"].to_list(), ends)]
            for start in range(0, len(views), BATCH):
                yield views[start : start + BATCH]

    def _path(self, number: int) -> Path:
        return self._folder / f"bucket-{number:06d}"
