"""A mix made in slices, for what outgrows memory or one machine: tasks name files and ranges, and answer with counts.

scatter  a run of parts of the store -> its records in buckets by range of the order key       (scattering.py)
arrange  a slice of the mix: its rows from all runs, in order                                  (slicing.py)
write    records slice by slice, here; or a task a shard, for targets that hold records as they are

What is here of a record is the bit that says whether its pool has it. Which records a pass shows is told by the last
select key it shows, and where a record goes by its order key, so no list of records is made: only those of a leaf with
a cap, which are drawn one after another, are chosen here. The records, and so every byte, are the same as gathered ones.
"""

from __future__ import annotations

import shutil
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mixer import linking, ordering, writers
from mixer.gathering import Every, running
from mixer.plans import Plan
from mixer.processes import Engine, Workers
from mixer.progress import Advance, Progress
from mixer.scattering import Choice, Lane, Scatter, paths, scatter
from mixer.showing import Showing, buckets, cut, entry_bytes, estimated_bytes, shown
from mixer.slicing import Reader, Shard, Slice, Stretch, Work, arrange, write_shard
from mixer.store import Entry
from mixer.writers import Job, Written, shards

if TYPE_CHECKING:
    import polars as pl

A = TypeVar("A")
R = TypeVar("R")

LARGEST = 256 << 20
"""Bytes of a bucket, and of a run of parts, however much memory there is."""
MOST = 1000
"""Buckets at most, and runs of parts, about: a bucket is put together from a piece of every run."""
ROWS = 1 << 18
"""Records of a bucket, and those shown of a run, however small they are: an index has about 150 bytes of each."""
SHARE = 4
"""One bucket takes this part of memory at most: it is read as its records stand in the mix."""
SMALL = 2 << 30
"""Bytes of a mix that this process makes sooner than others on the same machine start."""
AHEAD = 2
"""Tasks under way or waiting, for each that runs."""


class Partitioned:
    """The records of a mix, in slices that are files of a working folder which the engine's machines share."""

    def __init__(
        self, planned: Plan, columns: tuple[str, ...], folder: Path, memory: int, engine: Engine, progress: Progress
    ) -> None:
        self._planned = planned
        self._names = tuple(leaf.name for leaf in planned.leaves)
        self._engine = engine
        self.records = planned.records
        size = estimated_bytes(planned)
        self._inline = isinstance(engine, Workers) and (engine.count == 1 or size <= SMALL)
        self._piece = max(1, min(LARGEST, memory // SHARE))
        most = min(MOST, max(-(-size // self._piece), -(-self.records // ROWS), 1))
        self._rows = -(-self.records // most)
        """Records of a bucket, about."""
        leaves = self._leaves()
        runs = list(self._runs(leaves))
        self._work = Work(folder, len(runs))
        count = buckets(leaves)
        tasks = (
            Scatter(entry, choices, planned.recipe.seed, columns, count, self._work.group(number))
            for number, (entry, choices) in enumerate(runs)
        )
        records, self.total = [0] * count, 0
        with progress("scattering", sum(entry_bytes(entry) for entry, _ in runs)) as advance:
            for (entry, _), tally in zip(runs, self._results(scatter, tasks, "scattering"), strict=True):
                records = [held + more for held, more in zip(records, tally.records, strict=True)]
                self.total += sum(tally.bytes)
                advance(entry_bytes(entry))
        self._slices: list[int] = []
        """Records of each slice."""
        with progress("ordering", self.records, "records") as advance:
            for held in self._results(arrange, self._to_arrange(leaves, records), "ordering"):
                self._slices.append(held)
                advance(held)
        for number in range(len(runs)):
            paths(self._work.group(number))[1].unlink()

    # --- what is shown ---------------------------------------------------------------------------------------------

    def _leaves(self) -> list[Showing]:
        """Say what each leaf shows, and give it its buckets."""
        leaves: list[Showing] = []
        shared = Lane(0, -(-self.records // self._rows))
        for code, plan in enumerate(self._planned.leaves):
            chosen = Showing(code, plan, shared, shown(plan, self._planned.recipe.seed))
            if self._planned.recipe.order != "shuffle":
                chosen = replace(chosen, lane=self._lane(chosen, buckets(leaves)))
            leaves.append(chosen)
        return leaves

    def _lane(self, leaf: Showing, first: int) -> Lane:
        """Give a leaf buckets of its own; where they are dealt to slots, each of its passes."""
        if self._planned.recipe.order == "blocks":
            return Lane(first, max(1, -(-leaf.plan.count // self._rows)))
        ranges = max(1, -(-min(leaf.plan.count, leaf.plan.pool.records) // self._rows))
        return Lane(first, ranges, ranges)

    def _runs(self, leaves: list[Showing]) -> Iterator[tuple[Entry, tuple[Choice, ...]]]:
        """Cut the parts of each source that is shown into runs, and say what is shown of each.

        The more often a source is shown, the fewer of its records are in a run: a task has a row of each time.
        """
        every = Every([leaf.plan.pool.entry for leaf in leaves])
        size = max(self._piece, -(-every.bytes // MOST))
        rows = max(ROWS, every.records // MOST, self.records // MOST)
        by_entry: dict[Path, list[Showing]] = {}
        for leaf in leaves:
            if leaf.plan.count:
                by_entry.setdefault(leaf.plan.pool.entry.folder, []).append(leaf)
        for same in by_entry.values():
            first, times = 0, sum(leaf.shown.passes for leaf in same)
            for entry in cut(same[-1].plan.pool.entry, rows // times, size):
                count = sum(part.records for part in entry.ledger.parts)
                yield entry, tuple(leaf.choice(first, count) for leaf in same)
                first += count

    # --- where it goes ---------------------------------------------------------------------------------------------

    def _to_arrange(self, leaves: list[Showing], records: list[int]) -> Iterator[Slice]:
        """Say which rows of which buckets each slice has."""
        if self._planned.recipe.order == "spread":
            yield from self._dealt(leaves, records)
            return
        filled = [Stretch(bucket, 0, count) for bucket, count in enumerate(records) if count]
        for number, stretch in enumerate(filled):
            yield Slice(self._work, number, (stretch,), self._names, None)

    def _dealt(self, leaves: list[Showing], records: list[int]) -> Iterator[Slice]:
        """Cut the mix at so many slots, and each leaf at what these hold of it."""
        by_name = sorted((leaf for leaf in leaves if leaf.plan.count), key=lambda leaf: leaf.plan.name)
        slots = ordering.slots([leaf.plan.count for leaf in by_name])
        chains = {leaf.code: records[leaf.buckets.start : leaf.buckets.stop] for leaf in by_name}
        done = dict.fromkeys(chains, 0)
        number = 0
        while here := array("H", (by_name[slot].code for slot in islice(slots, self._rows))):
            stretches: list[Stretch] = []
            for leaf in leaves:
                more = here.count(leaf.code)
                if more:
                    inside = between(chains[leaf.code], done[leaf.code], done[leaf.code] + more)
                    stretches += [each._replace(number=leaf.lane.first + each.number) for each in inside]
                    done[leaf.code] += more
            yield Slice(self._work, number, tuple(stretches), self._names, here.tobytes())
            number += 1

    # --- what is written -------------------------------------------------------------------------------------------

    def lengths(self) -> Iterator[pl.Series]:
        """Go through the bytes of the records, in order, some at a time."""
        for rows in self._read(["length"]):
            yield rows["length"]

    def rows(self, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        """Go through the rows in order: leaf, pass and what the store knows of each."""
        return self._read(["leaf", "pass", *columns])

    def _read(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        import polars as pl

        for number in range(len(self._slices)):
            yield pl.scan_ipc(self._work.slice(number), glob=False).select(columns).collect()

    def write(self, target: str, job: Job, advance: Advance) -> list[Written]:
        """Write the records for a target."""
        if self._inline or len(job.cuts) == 1 or writers.frames(target) is None:
            every = between(self._slices, 0, self.records)
            return writers.get(target).write(job, Reader(self._work).batches(every), advance)
        tasks = [
            Shard(
                self._work,
                target,
                job.kind,
                shards.name(job.name, number, len(job.cuts), ""),
                tuple(between(self._slices, start, stop)),
            )
            for number, (start, stop) in enumerate(pairwise([0, *job.cuts]))
        ]
        made = []
        for written in self._results(write_shard, tasks, f"writing {target}"):
            shutil.move(self._work.folder / written.path, job.folder / written.path)
            made.append(written)
            advance(written.bytes)
        return made

    def link(self, folder: Path, progress: Progress) -> None:
        """Link the media that came with annotations, of the records that the mix holds."""
        import polars as pl

        entries = {
            leaf: plan.pool.entry
            for leaf, plan in enumerate(self._planned.leaves)
            if plan.pool.entry.ledger.media.files
        }
        if not entries:
            return
        with progress("linking media", self.records, "records") as advance:
            for rows in self._read(["leaf", "paths"]):
                for leaf, entry in entries.items():
                    linking.link_named(entry, rows.filter(pl.col("leaf") == leaf)["paths"], folder)
                advance(rows.height)

    def _results(self, function: Callable[[A], R], tasks: Iterable[A], about: str) -> Iterator[R]:
        """Have tasks done, and go through their results in turn; no more of them wait than keep everybody busy."""
        waiting: deque[Callable[[], R]] = deque()
        try:
            for number, task in enumerate(tasks):
                waiting.append(self._engine.call(function, task, about=f"{about} {number}", inline=self._inline))
                if len(waiting) >= (1 if self._inline else AHEAD * self._engine.count):
                    yield waiting.popleft()()
            while waiting:
                yield waiting.popleft()()
        finally:
            self._engine.settle()


def between(counts: list[int], start: int, stop: int) -> list[Stretch]:
    """Say which rows of things that hold so many rows each are those from `start` to `stop` of all of them."""
    firsts = running(counts)
    found = []
    for number in range(max(0, bisect_right(firsts, start) - 1), len(counts)):
        first = firsts[number]
        if first >= stop:
            break
        low, high = max(start - first, 0), min(stop - first, counts[number])
        if low < high:
            found.append(Stretch(number, low, high))
    return found
