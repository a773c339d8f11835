"""The records of a mix in order, where the converted sources outgrow memory.

Gathering reads the parts at random places, which is fast as long as they stay in the page cache and hopeless when they
do not. So here one sequential pass over the parts puts every record in a bucket by the range of the mix it belongs to,
and then each bucket, which is small, is gathered from. What is read, and so every byte, is the same.

It takes two and a half times as long as gathering when both fit; fewer, larger buckets are faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mixer.gathering import SLICE, Every, allow_files, in_batches, map_files
from mixer.mix_index import GROUP, STEPS
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
    """A mix's records in buckets, which are files of a new folder. A bucket holds records that are neighbours in the mix.

    In it they stand as the parts have them.
    """

    def __init__(
        self, every: Every, order: pl.DataFrame, total: int, memory: int, folder: Path, progress: Progress
    ) -> None:
        self._every = every
        self._order = order
        self._folder = folder
        count = -(-total // max(1, min(LARGEST, memory // SHARE), -(-total // MOST)))
        self._size = -(-order.height // max(1, count))
        """Records of a bucket."""
        self._count = -(-order.height // self._size)
        self._lengths: list[list[pl.Series]] = [[] for _ in range(self._count)]
        folder.mkdir()
        self._scatter(progress)

    def _scatter(self, progress: Progress) -> None:
        """Go through the parts once and append every record to its bucket."""
        every = self._every
        at = every.at(self._order)
        allow_files(self._count)
        with ExitStack() as stack, progress("scattering", every.bytes) as advance:
            buckets = [stack.enter_context(self._path(number).open("wb")) for number in range(self._count)]
            for group in every.groups(max(GROUP, every.records // STEPS)):
                rows = self._wanted(at, group)
                for place in group:
                    advance(self._scatter_part(place, rows, buckets))

    def _wanted(self, at: pl.Series, parts: range) -> pl.DataFrame:
        """Say which records of some parts the mix holds and in which bucket each goes, in the order of the parts."""
        import polars as pl

        first, last = self._every.first_of(parts), self._every.first_of(range(parts.stop, parts.stop))
        places = at.is_between(first, last, closed="left").arg_true()
        bucket = (places // self._size).cast(pl.UInt32).alias("bucket")
        return pl.DataFrame([at[places].alias("at"), bucket]).sort("at", maintain_order=True)

    def _scatter_part(self, place: int, rows: pl.DataFrame, buckets: Sequence[BinaryIO]) -> int:
        """Append a part's records to their buckets; count the part's bytes."""
        import polars as pl

        every = self._every
        index = every.columns(["offset", "length"], range(place, place + 1))
        first = every.first_of(range(place, place))
        start, stop = (rows["at"].search_sorted(edge) for edge in (first, first + index.height))
        here = rows[start:stop]
        spans = index[here["at"] - first].with_columns(
            here["bucket"], (pl.col("offset") + pl.col("length")).alias("end")
        )
        (view,) = map_files([every.files[place]])
        for (number,), piece in spans.partition_by("bucket", as_dict=True, maintain_order=True).items():
            slices = map(slice, piece["offset"].to_list(), piece["end"].to_list())
            buckets[number].write(b"".join([view[each] for each in slices]))
            self._lengths[number].append(piece["length"])
        return len(view)

    def batches(self) -> Iterator[list[memoryview]]:
        """Go through the records in the mix's order, as `gathering.batches` does."""
        for number in range(self._count):
            yield from self._bucket(number)

    def _bucket(self, number: int) -> Iterator[list[memoryview]]:
        import polars as pl

        at = self._every.at(self._order[number * self._size : (number + 1) * self._size]).alias("at")
        rows = at.to_frame().with_row_index("place").sort("at", maintain_order=True)
        length = pl.concat(self._lengths[number])
        end = length.cast(pl.UInt64).cum_sum()
        rows = rows.with_columns((end - length).alias("start"), end.alias("end")).sort("place")
        (view,) = map_files([self._path(number)])
        for piece in rows.iter_slices(SLICE):
            yield from in_batches([view[each] for each in map(slice, piece["start"].to_list(), piece["end"].to_list())])

    def _path(self, number: int) -> Path:
        return self._folder / f"bucket-{number:06d}"
