"""Pairs that are alike, found some at a time: what the searches give, and what looks at it.

Nodes are the distinct contents that are compared, numbered in a stable order, so that no result depends on the order of
files. A search gives *pieces*: all pairs of some nodes with nodes behind them, or a part of these. Pieces come so that
whoever reads them from the first on can decide one node after the other:

- all pairs that end in a node come before, or in the same piece as, the first that starts with it;
- the pairs of a piece are sorted by their first node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mixer.errors import DataError
from mixer.progress import Advance, Progress, silent

if TYPE_CHECKING:
    import numpy as np

MOST_PAIRS = 10_000_000
"""Pairs that are held at a time; what a thousandth of all pairs of 140,000 images are."""

SCORED = 1 << 16
"""Pairs between two words on progress."""


@dataclass(frozen=True)
class Piece:
    """Some pairs, as columns of the same length."""

    first: np.ndarray
    """Nodes, int64."""
    second: np.ndarray
    """Nodes, int64, each larger than the first."""
    about: np.ndarray
    """Scores, float64, as far off as the search says at most."""
    level: np.ndarray
    """How many of the thresholds the exact score reaches, int8: at least one."""

    def where(self, mask: np.ndarray) -> Piece:
        """Give some of the pairs."""
        return Piece(self.first[mask], self.second[mask], self.about[mask], self.level[mask])


class Search(Protocol):
    """Finds the pairs at or above thresholds, and knows the exact score of any pair."""

    @property
    def nodes(self) -> int:
        """Count the nodes."""
        ...

    @property
    def off(self) -> float:
        """Say how far a piece's `about` may be from the exact score; 0: it is exact."""
        ...

    @property
    def work(self) -> int:
        """Say how many steps the search reports in all."""
        ...

    def exact(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Give the scores of pairs, float64: bit for bit the same on every machine."""
        ...

    def pieces(self, thresholds: Sequence[float], advance: Advance) -> Iterator[Piece]:
        """Find all pairs at or above the least of the thresholds, which ascend."""
        ...


def leveled(
    first: np.ndarray, second: np.ndarray, about: np.ndarray, thresholds: Sequence[float], search: Search
) -> Piece:
    """Say of pairs which thresholds they reach, those in doubt by their exact score.

    Pairs that reach none are left out, and so is what is not in order: a node with itself or with one before it.
    """
    import numpy as np

    ordered = first < second
    first, second, about = first[ordered], second[ordered], about[ordered]

    level = np.zeros(len(first), np.int8)
    doubt = np.zeros(len(first), np.bool_)
    for threshold in thresholds:
        level += about >= threshold
        doubt |= np.abs(about - threshold) <= search.off
    if search.off:
        score = search.exact(first[doubt], second[doubt])
        level[doubt] = (score[:, None] >= np.asarray(thresholds)).sum(axis=1)
    return Piece(first, second, about, level).where(level > 0)


@dataclass(frozen=True)
class CopiesOnly:
    """The search that finds nothing: only copies, which are one node, are alike."""

    nodes: int
    off: float = 0.0
    work: int = 0

    def exact(self, first: np.ndarray, _second: np.ndarray) -> np.ndarray:
        """Give the scores of pairs: all 0."""
        return first * 0.0

    def pieces(self, _thresholds: Sequence[float], _advance: Advance) -> Iterator[Piece]:
        """Find nothing."""
        yield from ()


@dataclass(frozen=True)
class Pairs:
    """Pairs with exact scores, sorted by first and second node."""

    first: np.ndarray
    """int64"""
    second: np.ndarray
    """int64"""
    score: np.ndarray
    """float64"""

    def __len__(self) -> int:
        return len(self.first)


class Gathered:
    """Holds the pairs of a search, at most so many: those at or above the least threshold for which they fit.

    Which threshold that is depends on nothing but the pairs.
    """

    def __init__(self, thresholds: Sequence[float], most: int = MOST_PAIRS) -> None:
        self._thresholds = thresholds
        self._most = most
        self._least = 0
        self._count = 0
        self._pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    @property
    def least(self) -> float:
        """Give the threshold from which on all pairs are held."""
        return self._thresholds[self._least]

    def take(self, piece: Piece) -> None:
        """Add pairs. Raises DataError when there are too many even at the highest threshold."""
        import numpy as np

        kept = piece.where(piece.level > self._least)
        self._pieces.append((kept.first.astype(np.int32), kept.second.astype(np.int32), kept.level))
        self._count += len(kept.first)
        while self._count > self._most:
            self._rise()

    def _rise(self) -> None:
        self._least += 1
        if self._least == len(self._thresholds):
            raise DataError(
                f"more than {self._most:,} pairs are alike by {self._thresholds[-1]:g} or more, which is more than are "
                "held at a time; add a higher --threshold, or allow more --pairs, each of which takes about 250 bytes "
                "of memory"
            )
        masks = [level > self._least for _, _, level in self._pieces]
        self._pieces = [
            (first[mask], second[mask], level[mask])
            for (first, second, level), mask in zip(self._pieces, masks, strict=True)
        ]
        self._count = sum(len(first) for first, _, _ in self._pieces)

    def pairs(self, search: Search, progress: Progress = silent) -> Pairs:
        """Give the pairs with their exact scores."""
        import numpy as np

        nothing = np.zeros(0, np.int32)
        first = np.concatenate([nothing, *(piece[0] for piece in self._pieces)]).astype(np.int64)
        second = np.concatenate([nothing, *(piece[1] for piece in self._pieces)]).astype(np.int64)
        self._pieces.clear()
        order = np.lexsort((second, first))
        first, second = first[order], second[order]
        score = np.empty(len(first))
        with progress("scoring", len(first), "pairs") as advance:
            for start in range(0, len(first), SCORED):
                span = slice(start, start + SCORED)
                score[span] = search.exact(first[span], second[span])
                advance(len(score[span]))
        return Pairs(first, second, score)
