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
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from mixer import linking, ordering, selection, writers
from mixer.gathering import Every, running
from mixer.plans import LeafPlan, Plan
from mixer.processes import Engine, Workers
from mixer.progress import Advance, Progress
from mixer.scattering import Choice, Lane, Scatter, paths, scatter
from mixer.slicing import Reader, Shard, Slice, Stretch, Work, arrange, write_shard
from mixer.store import Entry, Part
from mixer.writers import Job, Written, shards

if TYPE_CHECKING:
    import polars as pl

A = TypeVar("A")
R = TypeVar("R")

LARGEST = 256 << 20
"""Bytes of a bucket, and of a run of parts, however much memory there is."""
MOST = 1000
"""Buckets, and runs of parts, at most: a bucket is put together from a piece of every run."""
SHARE = 4
"""One bucket takes this part of memory at most: it is read as its records stand in the mix."""
ROWS = 1 << 18
"""Records of a bucket, and of a run of parts, however small they are: an index has about 150 bytes of each."""
SMALL = 2 << 30
"""Bytes of a mix that this process makes sooner than others on the same machine start."""
AHEAD = 2
"""Tasks under way or waiting, for each that runs."""


@dataclass(frozen=True)
class _Leaf:
    """What a leaf shows, for all parts of its source."""

    code: int
    plan: LeafPlan
    lane: Lane
    shown: _Shown

    @property
    def buckets(self) -> range:
        """Those that its records go in."""
        lane = self.lane
        return range(lane.first, lane.first + lane.ranges + lane.step * max(0, self.shown.passes - 1))

    def choice(self, first: int, count: int) -> Choice:
        """Say what it shows of `count` records from the `first` on."""
        import polars as pl

        keep, edge, picked = self.plan.pool.keep[first : first + count], self.shown.edge, self.shown.picked
        if edge is not None:
            edge = edge._replace(rows=tuple(row - first for row in edge.rows if first <= row < first + count))
        if picked is not None:
            inside = picked.filter(pl.col("row").is_between(first, first + count, closed="left"))
            picked = inside.with_columns((pl.col("row") - first).cast(pl.UInt32))
        whole = self.shown.whole
        return Choice(self.code, self.plan.name, self.lane, None if keep.all() else keep, whole, edge, picked)


class _Shown(NamedTuple):
    """How often all of a leaf's pool is shown, where the pass after those ends, and, under a cap, what instead."""

    whole: int
    edge: selection.Edge | None
    picked: pl.DataFrame | None
    passes: int
    """All of them, the last one whole or not."""


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
        buckets = min(MOST, max(-(-size // self._piece), -(-self.records // ROWS), 1))
        self._rows = -(-self.records // buckets)
        """Records of a bucket, about."""
        leaves = self._leaves()
        runs = list(self._runs(leaves))
        self._work = Work(folder, len(runs))
        count = _count(leaves)
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

    def _leaves(self) -> list[_Leaf]:
        """Say what each leaf shows, and give it its buckets."""
        leaves: list[_Leaf] = []
        shared = Lane(0, -(-self.records // self._rows))
        for code, plan in enumerate(self._planned.leaves):
            chosen = _Leaf(code, plan, shared, _shown(plan, self._planned.recipe.seed))
            if self._planned.recipe.order != "shuffle":
                chosen = replace(chosen, lane=self._lane(chosen, _count(leaves)))
            leaves.append(chosen)
        return leaves

    def _lane(self, leaf: _Leaf, first: int) -> Lane:
        """Give a leaf buckets of its own; where they are dealt to slots, each of its passes."""
        if self._planned.recipe.order == "blocks":
            return Lane(first, max(1, -(-leaf.plan.count // self._rows)))
        ranges = max(1, -(-min(leaf.plan.count, leaf.plan.pool.records) // self._rows))
        return Lane(first, ranges, ranges)

    def _runs(self, leaves: list[_Leaf]) -> Iterator[tuple[Entry, tuple[Choice, ...]]]:
        """Cut the parts of each source that is shown into runs, and say what is shown of each."""
        size = max(self._piece, -(-Every([leaf.plan.pool.entry for leaf in leaves]).bytes // MOST))
        by_entry: dict[Path, list[_Leaf]] = {}
        for leaf in leaves:
            if leaf.plan.count:
                by_entry.setdefault(leaf.plan.pool.entry.folder, []).append(leaf)
        for same in by_entry.values():
            first = 0
            for entry in _cut(same[-1].plan.pool.entry, size):
                count = sum(part.records for part in entry.ledger.parts)
                yield entry, tuple(leaf.choice(first, count) for leaf in same)
                first += count

    # --- where it goes ---------------------------------------------------------------------------------------------

    def _to_arrange(self, leaves: list[_Leaf], records: list[int]) -> Iterator[Slice]:
        """Say which rows of which buckets each slice has."""
        if self._planned.recipe.order == "spread":
            yield from self._dealt(leaves, records)
            return
        shown = [Stretch(bucket, 0, count) for bucket, count in enumerate(records) if count]
        for number, stretch in enumerate(shown):
            yield Slice(self._work, number, (stretch,), self._names, None)

    def _dealt(self, leaves: list[_Leaf], records: list[int]) -> Iterator[Slice]:
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


def _shown(plan: LeafPlan, seed: int) -> _Shown:
    pool, name = plan.pool, plan.name
    if pool.leaf.max_per_image is not None:
        picked = selection.select(pool.rows(), name, seed, plan.count, pool.identity, pool.leaf.max_per_image)
        last = picked["pass"].max()
        return _Shown(0, None, picked.select("row", "pass"), last + 1 if isinstance(last, int) else 0)
    whole, left = divmod(plan.count, pool.records) if plan.count else (0, 0)
    edge = selection.edge(pool.keys, name, seed, whole, left, pool.identity) if left else None
    return _Shown(whole, edge, None, whole + bool(left))


def _cut(entry: Entry, size: int) -> Iterator[Entry]:
    """Cut an entry into runs of parts of about so many bytes; more are in a run only if one part has more."""
    most = max(ROWS, entry.ledger.made // MOST)
    held: list[Part] = []
    records = bytes_ = 0
    for part in entry.ledger.parts:
        if held and (bytes_ + part.bytes > size or records + part.records > most):
            yield _of_parts(entry, held)
            held, records, bytes_ = [], 0, 0
        held.append(part)
        records, bytes_ = records + part.records, bytes_ + part.bytes
    if held:
        yield _of_parts(entry, held)


def _of_parts(entry: Entry, parts: list[Part]) -> Entry:
    """Give the entry as if these were all its parts, to go to another process."""
    derived = tuple(replace(each, settings=dict(each.settings)) for each in entry.derived)
    ledger = msgspec.structs.replace(entry.ledger, parts=parts)
    return replace(entry, folder=entry.folder.absolute(), ledger=ledger, derived=derived)


def entry_bytes(entry: Entry) -> int:
    """Add up the bytes of an entry's records."""
    return sum(part.bytes for part in entry.ledger.parts)


def estimated_bytes(planned: Plan) -> int:
    """Say how large a mix will be, if its records are as long as those of their sources."""
    return sum(
        leaf.count * entry_bytes(leaf.pool.entry) // max(1, leaf.pool.entry.ledger.made) for leaf in planned.leaves
    )


def _count(leaves: list[_Leaf]) -> int:
    """Count the buckets of leaves."""
    return max((leaf.buckets.stop for leaf in leaves), default=0)


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
