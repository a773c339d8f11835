"""What each leaf of a mix shows of each run of parts of its source, told without listing records.

All of a pool so many times, and once more what is below a select key: whoever has the rows of a run can tell the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mixer import selection
from mixer.plans import LeafPlan, Plan
from mixer.scattering import Choice, Lane
from mixer.store import Entry, Part

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Showing:
    """What a leaf shows, for all parts of its source."""

    code: int
    plan: LeafPlan
    lane: Lane
    shown: Shown

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


class Shown(NamedTuple):
    """How often all of a leaf's pool is shown, where the pass after those ends, and, under a cap, what instead."""

    whole: int
    edge: selection.Edge | None
    picked: pl.DataFrame | None
    passes: int
    """All of them, the last one whole or not."""


def shown(plan: LeafPlan, seed: int) -> Shown:
    """Say what a leaf of a plan shows; its pool is gone through some records at a time, but under a cap."""
    pool, name = plan.pool, plan.name
    if pool.leaf.max_per_image is not None:
        picked = selection.select(pool.rows(), name, seed, plan.count, pool.identity, pool.leaf.max_per_image)
        last = picked["pass"].max()
        return Shown(0, None, picked.select("row", "pass"), last + 1 if isinstance(last, int) else 0)
    whole, left = divmod(plan.count, pool.records) if plan.count else (0, 0)
    edge = selection.edge(pool.keys, pool.records, name, seed, whole, left, pool.identity) if left else None
    return Shown(whole, edge, None, whole + bool(left))


def cut(entry: Entry, records: int, size: int) -> Iterator[Entry]:
    """Cut an entry into runs of parts of at most so many records and bytes; only a part alone may have more."""
    held: list[Part] = []
    count = bytes_ = 0
    for part in entry.ledger.parts:
        if held and (bytes_ + part.bytes > size or count + part.records > records):
            yield _of_parts(entry, held)
            held, count, bytes_ = [], 0, 0
        held.append(part)
        count, bytes_ = count + part.records, bytes_ + part.bytes
    if held:
        yield _of_parts(entry, held)


def _of_parts(entry: Entry, parts: list[Part]) -> Entry:
    """Give the entry as if these were all its parts, to go to another process: what it was made from stays here."""
    derived = tuple(replace(each, settings=dict(each.settings)) for each in entry.derived)
    ledger = msgspec.structs.replace(entry.ledger, parts=parts, files=[])
    return replace(entry, folder=entry.folder.absolute(), ledger=ledger, derived=derived)


def entry_bytes(entry: Entry) -> int:
    """Add up the bytes of an entry's records."""
    return sum(part.bytes for part in entry.ledger.parts)


def estimated_bytes(planned: Plan) -> int:
    """Say how large a mix will be, if its records are as long as those of their sources."""
    return sum(
        leaf.count * entry_bytes(leaf.pool.entry) // max(1, leaf.pool.entry.ledger.made) for leaf in planned.leaves
    )


def buckets(leaves: list[Showing]) -> int:
    """Count the buckets of leaves."""
    return max((leaf.buckets.stop for leaf in leaves), default=0)
