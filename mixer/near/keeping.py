"""Which of things that are alike stay: no two that stay are alike, and whatever goes is like one that stays.

Nodes are taken one after the other, in their order. One stays unless one before it that stays is its twin: is like it at
or above the threshold. What goes names the best of these twins: the highest score, of equal ones the first node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from mixer.near.pairs import Pairs, Piece

if TYPE_CHECKING:
    import numpy as np

    Exact = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Kept:
    """What became of the nodes at a threshold; a position a node."""

    dropped: np.ndarray
    """bool"""
    twin: np.ndarray
    """int64: the node that one is dropped for; -1 where it stays."""
    score: np.ndarray
    """float64: how alike the two are; 0 where it stays."""


class Keeping:
    """Decides nodes at one of the thresholds of a search, piece by piece."""

    def __init__(self, nodes: int, at: int = 0, off: float = 0.0, exact: Exact | None = None) -> None:
        import numpy as np

        self._at = at
        """Number of the threshold, from 0."""
        self._off = off
        """As the search says; 0: `about` is exact, and `exact` is not needed."""
        self._exact = exact
        self._dropped = np.zeros(nodes, np.bool_)
        self._twin = np.full(nodes, -1, np.int64)
        self._score = np.full(nodes, -np.inf)

    def take(self, piece: Piece) -> None:
        """Look at more pairs."""
        piece = piece.where(piece.level > self._at)
        if len(piece.first):
            _decide(self._dropped, piece.first, piece.second)
            self._name(piece.where(~self._dropped[piece.first]))

    def _name(self, piece: Piece) -> None:
        """Remember the best twins. Only where `about` leaves a doubt is the exact score reckoned."""
        import numpy as np

        if not len(piece.first):
            return
        start, stop = int(piece.second.min()), int(piece.second.max()) + 1
        best = self._score[start:stop] - self._off
        np.maximum.at(best, piece.second - start, piece.about - 2 * self._off)
        piece = piece.where(piece.about >= best[piece.second - start])
        score = piece.about if self._exact is None else self._exact(piece.first, piece.second)
        order = np.lexsort((piece.first, -score, piece.second))
        order = order[np.diff(piece.second[order], prepend=-1) > 0]  # the best of each
        first, second, score = piece.first[order], piece.second[order], score[order]
        old = self._score[second]
        better = (score > old) | ((score == old) & (first < self._twin[second]))
        self._score[second[better]] = score[better]
        self._twin[second[better]] = first[better]

    def kept(self) -> Kept:
        """Say what became of the nodes, once all pieces were taken."""
        import numpy as np

        return Kept(self._dropped, self._twin, np.where(self._dropped, self._score, 0.0))


def _decide(dropped: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    """Drop what is the twin of a kept node; pairs are sorted by their first node."""
    import numpy as np

    # Whatever starts before all second nodes is decided, and what it says can be taken at once.
    decided = int(np.searchsorted(first, second.min()))
    dropped[second[:decided][~dropped[first[:decided]]]] = True
    first, second = first[decided:], second[decided:]
    starts = [0, *(np.flatnonzero(np.diff(first)) + 1).tolist(), len(first)] if len(first) else []
    for start, stop in pairwise(starts):
        if not dropped[first[start]]:
            dropped[second[start:stop]] = True


def keep(nodes: int, pairs: Pairs, threshold: float) -> Kept:
    """Decide so many nodes by all their pairs; those below the threshold count for nothing."""
    import numpy as np

    keeping = Keeping(nodes)
    keeping.take(Piece(pairs.first, pairs.second, pairs.score, (pairs.score >= threshold).astype(np.int8)))
    return keeping.kept()
