"""Searches for pairs of records that are alike: by their shingles, and by vectors that the user brings.

Only nodes of the same group are compared. Groups do not follow each other in the order of the nodes, so a search holds
its pairs, sorts them, and gives them as one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from mixer.near.cosine import Cosine
from mixer.near.large import exact_find
from mixer.near.pairs import MOST_PAIRS, Gathered, Pairs, Piece
from mixer.progress import Advance
from mixer.texts.jaccard import jaccard
from mixer.texts.shingles import Shingles

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mixer.texts.candidates import Rows


@dataclass(frozen=True)
class ByShingles:
    """Finds pairs by the Jaccard similarity of their sets of shingles, among pairs that somebody proposes."""

    shingles: Shingles
    """A node's set each."""
    groups: NDArray[np.uint64]
    """A node's group each."""
    propose: Callable[[float, Advance], Iterator[Rows]]
    """Gives the pairs to look at, each once, that may be as alike as that."""
    work: int
    """Steps that it reports."""
    most: int = MOST_PAIRS
    off: float = 0.0

    @property
    def nodes(self) -> int:
        """Count the nodes."""
        return len(self.groups)

    def exact(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the similarities of pairs."""
        return jaccard(self.shingles, first, second, 0.0)

    def pieces(self, thresholds: Sequence[float], advance: Advance) -> Iterator[Piece]:
        """Find all pairs. Raises DataError where more than `most` are as alike as the least of the thresholds."""
        import numpy as np

        gathered = Gathered(thresholds[:1], self.most)
        for left, right in self.propose(thresholds[0], advance):
            same = self.groups[left] == self.groups[right]
            first, second = np.minimum(left, right)[same], np.maximum(left, right)[same]
            scores = jaccard(self.shingles, first, second, thresholds[0])
            gathered.take(Piece(first, second, scores, (scores >= thresholds[0]).astype(np.int8)))
        yield _whole(gathered.pairs(self), thresholds)


@dataclass(frozen=True)
class ByVectors:
    """Finds pairs by cosine."""

    matrix: NDArray[np.float32]
    rows: NDArray[np.int64]
    """A node's row of the matrix each."""
    groups: NDArray[np.uint64]
    """A node's group each."""
    most: int = MOST_PAIRS
    off: float = 0.0

    @property
    def nodes(self) -> int:
        """Count the nodes."""
        return len(self.rows)

    @property
    def work(self) -> int:
        """Count the pairs to compare."""
        return self._grouped.work

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """Put nodes of a group side by side."""
        import numpy as np

        return np.argsort(self.groups, kind="stable")

    @cached_property
    def _grouped(self) -> Cosine:
        import numpy as np

        changes = np.flatnonzero(np.diff(self.groups[self._order])) + 1
        bounds = np.unique(np.concatenate([[0], changes, [self.nodes]])).astype(np.int64)
        search = Cosine(self.matrix, self.rows[self._order], bounds)
        return replace(search, find=exact_find(search))

    def exact(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the cosines of pairs."""
        import numpy as np

        places = np.empty(self.nodes, np.int64)
        places[self._order] = np.arange(self.nodes)
        return self._grouped.exact(places[first], places[second])

    def pieces(self, thresholds: Sequence[float], advance: Advance) -> Iterator[Piece]:
        """Find all pairs. Raises DataError where more than `most` are as alike as the least of the thresholds."""
        import numpy as np

        gathered = Gathered(thresholds[:1], self.most)
        for piece in self._grouped.pieces(thresholds[:1], advance):
            gathered.take(piece)
        found = gathered.pairs(self._grouped)
        one, other = self._order[found.first], self._order[found.second]
        first, second = np.minimum(one, other), np.maximum(one, other)
        sort = np.lexsort((second, first))
        yield _whole(Pairs(first[sort], second[sort], found.score[sort]), thresholds)


def _whole(pairs: Pairs, thresholds: Sequence[float]) -> Piece:
    import numpy as np

    reached = (pairs.score[:, None] >= np.asarray(thresholds)).sum(axis=1)
    return Piece(pairs.first, pairs.second, pairs.score, reached.astype(np.int8))
