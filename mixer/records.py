"""The records of a mix in order, as writers and its index go through them: gathered from the store, or in slices.

Gathering is the quickest: nothing is copied but into the mix. Its order, about a hundred bytes a record, is in memory,
and so, in the page cache, are the sources. What outgrows either, and what other machines help with, is made in slices.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mixer import atomic, gathering, linking, mix_index, ordering, selection, writers
from mixer.gathering import Every
from mixer.partitioning import SHARE, Partitioned
from mixer.plans import Plan
from mixer.pools import identity_of
from mixer.processes import Engine, Workers
from mixer.progress import Advance, Progress
from mixer.showing import estimated_bytes
from mixer.writers import Job, Written

if TYPE_CHECKING:
    import polars as pl

LARGE = 1 << 23
"""More records than these are never put in order in memory, however much there is."""
ORDER = 100
"""Bytes of memory that a record takes in an order, about."""
ROW = 300
"""Bytes of a record's rows in the files of a mix that is made in slices, about."""


class Records(Protocol):
    """The records of a mix, in order."""

    records: int
    total: int
    """Bytes of all of them."""

    def lengths(self) -> Iterator[pl.Series]:
        """Go through their bytes, some at a time."""
        ...

    def rows(self, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        """Go through their rows, some at a time: leaf, pass and columns of the store."""
        ...

    def write(self, target: str, job: Job, advance: Advance) -> list[Written]:
        """Write them for a target."""
        ...

    def link(self, folder: Path, progress: Progress) -> None:
        """Link the media that came with their annotations."""
        ...


class Gathered:
    """The records of a mix whose order is in memory."""

    def __init__(self, planned: Plan, folder: Path) -> None:
        self._entries = [leaf.pool.entry for leaf in planned.leaves]
        self._every = Every(self._entries)
        self._order = _order(planned)
        self._folder = folder
        self.records = self._order.height
        self.total = gathering.total_bytes(self._every, self._order)

    def lengths(self) -> Iterator[pl.Series]:
        """See Records."""
        return gathering.lengths(self._every, self._order)

    def rows(self, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        """See Records."""
        return mix_index.gathered(self._every, self._order, columns, self._folder)

    def write(self, target: str, job: Job, advance: Advance) -> list[Written]:
        """See Records."""
        return writers.get(target).write(job, gathering.batches(self._every, self._order), advance)

    def link(self, folder: Path, progress: Progress) -> None:
        """See Records."""
        linking.link(self._entries, self._order, folder, progress)


def _order(planned: Plan) -> pl.DataFrame:
    """Choose the records of every leaf and put them in the mix's one order: leaf, row and pass of each."""
    import polars as pl

    recipe, names = planned.recipe, [leaf.name for leaf in planned.leaves]
    chosen = []
    for code, leaf in enumerate(planned.leaves):
        pool = leaf.pool
        cap = pool.leaf.max_per_image
        rows = selection.select(pool.rows(), leaf.name, recipe.seed, leaf.count, pool.identity, cap)
        chosen.append(rows.with_columns(pl.lit(code, dtype=pl.UInt16).alias("leaf")))
    entries = [leaf.pool.entry for leaf in planned.leaves]
    ordered = ordering.order(pl.concat(chosen), recipe.order, names, identity_of(entries))
    return pl.concat([part.select("leaf", "row", "pass") for part in ordered])


@contextmanager
def at_hand(
    planned: Plan, folder: Path, store: Path, memory: int, copies: int, engine: Engine, progress: Progress
) -> Iterator[Records]:
    """Give the records of a mix that is written into a folder so many times.

    An engine of other machines shares the store with them, so slices are made there. Raises MixerError where what is
    written does not fit.
    """
    every = Every([leaf.pool.entry for leaf in planned.leaves])
    is_local = isinstance(engine, Workers)
    if is_local and every.bytes <= memory and planned.records <= min(LARGE, memory // SHARE // ORDER):
        gathered = Gathered(planned, folder)
        atomic.ensure_space(folder, gathered.total * copies)
        yield gathered
        return
    with atomic.working_folder((folder if is_local else store.absolute()) / "slices") as working:
        size = estimated_bytes(planned)
        atomic.ensure_space(folder, size * copies)
        atomic.ensure_space(working, size * (1 + copies * is_local) + ROW * planned.records)
        columns = mix_index.columns(tokens=bool(planned.recipe.curation.tokens))
        yield Partitioned(planned, columns, working, memory, engine, progress)
    if is_local:
        atomic.remove_folder(folder / "slices")
