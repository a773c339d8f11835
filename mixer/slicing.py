"""The second and third step of a mix that is made in slices: a slice put in order, and written.

A slice is a run of neighbours in the mix. Its rows are collected from the buckets of all groups and sorted, which gives
slice-000003.arrow: what the index tells of each record, in order, and where its bytes lie among the groups'. Whoever
writes records, this process or a task that writes one shard, then reads them from there: a bucket is small.
"""

from __future__ import annotations

import io
import mmap
import shutil
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mixer import writers
from mixer.allocator import keep_freed_blocks
from mixer.garbage import collector_off
from mixer.gathering import SLICE, allow_files, in_batches
from mixer.ordering import dealt, sort_by_keys
from mixer.resolved import Kind
from mixer.scattering import PLACE, appearing, paths

if TYPE_CHECKING:
    import polars as pl


class Stretch(NamedTuple):
    """The rows from `start` to `stop` of a bucket, or slice, in the mix's order."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class Work:
    """The folder in which a mix is made in slices."""

    folder: Path
    groups: int

    def group(self, number: int) -> Path:
        """Name the files of a group of parts, but for their suffixes."""
        return self.folder / f"group-{number:06d}"

    def slice(self, number: int) -> Path:
        """Name the file of a slice."""
        return self.folder / f"slice-{number:06d}.arrow"


@dataclass(frozen=True)
class Slice:
    """A slice to be put in order."""

    work: Work
    number: int
    stretches: tuple[Stretch, ...]
    """Of buckets: its rows, leaf by leaf if they are dealt to slots."""
    names: tuple[str, ...]
    """Of the leaves."""
    slots: bytes | None
    """The leaf's code of each of its rows, 16 bits each; None: rows stand as their stretches have them."""


def arrange(task: Slice) -> int:
    """Put a slice in order; give the number of its records. Done again it gives the same."""
    import polars as pl

    keep_freed_blocks()
    rows = pl.concat(
        [_sorted(_collected(task.work, each.number), task.names)[each.start : each.stop] for each in task.stretches]
    )
    if task.slots is not None:
        rows = dealt(rows, pl.Series(array("H", task.slots), dtype=pl.UInt16))
    with appearing(task.work.slice(task.number)) as file:
        rows.drop("order").write_ipc(file)
    return rows.height


def _collected(work: Work, bucket: int) -> pl.DataFrame:
    """Read the rows of a bucket from all groups; `group` and `start` say where each record's bytes begin."""
    import polars as pl

    frames = []
    for number in range(work.groups):
        _, rows, places = paths(work.group(number))
        with places.open("rb") as file:
            file.seek(8 * PLACE * bucket)
            first, start, offset, last, stop, _ = array("Q", file.read(16 * PLACE))
        if first == last:
            continue
        with rows.open("rb") as file:
            file.seek(start)
            frame = pl.read_ipc_stream(io.BytesIO(file.read(stop - start)))
        end = frame["length"].cast(pl.UInt64).cum_sum() + offset
        frames.append(
            frame.with_columns(pl.lit(number, dtype=pl.UInt32).alias("group"), (end - frame["length"]).alias("start"))
        )
    return pl.concat(frames, rechunk=True)  # rows are taken from it in another order, which many chunks make slow


def _sorted(rows: pl.DataFrame, names: tuple[str, ...]) -> pl.DataFrame:
    """Sort by order key. Only keys and places are sorted, which takes a fraction of the memory of sorting rows."""
    import polars as pl

    def identity(tied: pl.DataFrame) -> pl.DataFrame:
        # Records of equal id and digest are the same bytes: their ordinal decides nothing.
        return rows.select("id", "digest")[tied["place"]].with_columns(pl.lit(0).alias("ordinal"))

    keys = rows.select("leaf", "pass", "order").with_row_index("place")
    return rows[sort_by_keys(keys, ["order"], identity, names)["place"]]


class Reader:
    """Reads the records of slices, in order, as slices of the mapped files of all groups."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._maps: dict[int, memoryview] = {}
        allow_files(work.groups)

    def batches(self, stretches: list[Stretch]) -> Iterator[list[memoryview]]:
        """Go through records, as `gathering.batches` does; stretches are of slices."""
        import polars as pl

        for number, first, last in stretches:
            rows = (
                pl.scan_ipc(self._work.slice(number), glob=False)
                .select("group", "start", "length")
                .collect()[first:last]
            )
            rows = rows.select("group", "start", (pl.col("start") + pl.col("length")).alias("end"))
            for piece in rows.iter_slices(SLICE):
                places = zip(*(column.to_list() for column in piece.get_columns()), strict=True)
                yield from in_batches([self._map(group)[start:end] for group, start, end in places])

    def _map(self, group: int) -> memoryview:
        mapped = self._maps.get(group)
        if mapped is None:
            with paths(self._work.group(group))[0].open("rb") as file:
                mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            self._maps[group] = mapped
        return mapped


@dataclass(frozen=True)
class Shard:
    """A shard to be written to the work's folder, of a target whose files hold records as they are."""

    work: Work
    target: str
    kind: Kind
    name: str
    """Of the file, but for its suffix."""
    stretches: tuple[Stretch, ...]


def write_shard(task: Shard) -> writers.Written:
    """Write a shard; done again it writes the same over it."""
    keep_freed_blocks()
    records = sum(each.stop - each.start for each in task.stretches)
    folder = Path(tempfile.mkdtemp(dir=task.work.folder))
    job = writers.Job(task.name, folder, task.kind, (records,))
    with collector_off():
        batches = Reader(task.work).batches(list(task.stretches))
        (written,) = writers.get(task.target).write(job, batches, lambda _written: None)
    (folder / written.path).replace(task.work.folder / written.path)
    shutil.rmtree(folder)
    return written
