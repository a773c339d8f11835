"""One search at several thresholds: who stays at each, and the pairs for the file, in one go over the pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mixer.near.keeping import Keeping, Kept
from mixer.near.pairs import MOST_PAIRS, Gathered, Pairs, Search
from mixer.progress import Progress, silent


@dataclass(frozen=True)
class Compared:
    """What a search found."""

    thresholds: tuple[float, ...]
    """Ascending."""
    kept: tuple[Kept, ...]
    """What became of the nodes, by threshold: exact, however many pairs there are."""
    least: float
    """From which threshold on the pairs are here."""
    pairs: Pairs


def compare(
    search: Search, thresholds: Sequence[float], most: int = MOST_PAIRS, progress: Progress = silent
) -> Compared:
    """Go through a search. Raises DataError where there are too many pairs even at the highest threshold."""
    ascending = tuple(sorted(set(thresholds)))
    exact = search.exact if search.off else None
    gathered = Gathered(ascending, most)
    keeping = [Keeping(search.nodes, at, search.off, exact) for at in range(len(ascending))]
    with progress("comparing", search.work, "pairs") as advance:
        for piece in search.pieces(ascending, advance):
            gathered.take(piece)
            for each in keeping:
                each.take(piece)
    pairs = gathered.pairs(search, progress)
    return Compared(ascending, tuple(each.kept() for each in keeping), gathered.least, pairs)
