"""Pairs of 64-bit hashes by the bits in which they differ, exactly.

Hashes are cut alike into a few stretches. Of two that differ in k bits at most, one of m stretches differs in k / m bits
at most, rounded down. So each hash is compared with those that have, in one of the stretches, the same bits but for so
many: every such change of a stretch is looked up. A pair that is found in several stretches is taken at the first. The
score is 1 - bits / 64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from mixer.errors import UsageError
from mixer.near.pairs import Piece, leveled
from mixer.progress import Advance

if TYPE_CHECKING:
    import numpy as np

BITS = 64
MOST_BITS = 10
"""Stretches get short, and candidates many, beyond that; and pictures that differ in more are unlike."""
_BYTES = 0x0101010101010101
_ALL = 0x11 * _BYTES
FEWEST = 3
"""Stretches, where that many bits may differ: a table of one has 4 million places."""
WIDEST = 22
"""Bits of a stretch that are looked at."""
LOOKED_UP = 1 << 20
"""Changes of stretches to look up at a time: 24 MB."""
CANDIDATES = 1 << 22
"""Pairs to compare at a time: 32 MB a column."""


def bits(threshold: float) -> int:
    """Give the bits that two hashes may differ in. Raises UsageError for a threshold that allows too many."""
    allowed = math.floor((1 - threshold) * BITS + 1e-9)
    if allowed > MOST_BITS:
        raise UsageError(
            f"--threshold {threshold:g}: hashes of pictures that differ in {allowed} of {BITS} bits say nothing; by the "
            f"perceptual hash the least is {1 - MOST_BITS / BITS:g}, {MOST_BITS} bits"
        )
    return allowed


def ones(values: np.ndarray) -> np.ndarray:
    """Count the bits that are set in each of some uint64."""
    import numpy as np

    odd, pairs, nibbles, bytes_ = (np.uint64(mask) for mask in (0x5 * _ALL, 0x3 * _ALL, 0xF * _BYTES, _BYTES))
    one, two, four, last = (np.uint64(shift) for shift in (1, 2, 4, BITS - 8))
    values = values - ((values >> one) & odd)
    values = (values & pairs) + ((values >> two) & pairs)
    counted: np.ndarray = (((values + (values >> four)) & nibbles) * bytes_) >> last
    return counted


@dataclass(frozen=True)
class _Stretch:
    """Some of the bits, and the nodes in the order of these bits, and then of their numbers."""

    shift: np.uint64
    mask: np.uint64
    reach: int
    """Bits that may differ."""
    changes: np.ndarray
    """What a stretch is changed by: every number of so many bits that has no more than `reach` set; int64."""
    order: np.ndarray
    """Nodes, int64."""
    offsets: np.ndarray
    """Where in that order the nodes with certain bits begin, int64."""

    def bits(self, hashes: np.ndarray) -> np.ndarray:
        """Give the stretch of hashes."""
        cut: np.ndarray = (hashes >> self.shift) & self.mask
        return cut


@dataclass(frozen=True)
class Hamming:
    """A search for pairs of hashes, within groups of nodes that follow each other."""

    hashes: np.ndarray
    """uint64, one a node."""
    bounds: np.ndarray
    """int64: where the groups begin, and the number of nodes. Only pairs within a group are compared."""
    alone: np.ndarray | None = None
    """Nodes, int64, whose hashes say nothing: they are compared with none."""
    off: float = 0.0

    @property
    def nodes(self) -> int:
        """Count the nodes."""
        return len(self.hashes)

    @property
    def work(self) -> int:
        """Count the nodes to look up."""
        return len(self._compared)

    @property
    def _compared(self) -> np.ndarray:
        """Give the nodes that are compared with others."""
        import numpy as np

        nodes = np.arange(self.nodes)
        return nodes if self.alone is None else np.delete(nodes, self.alone)

    def exact(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Give the scores of pairs, float64."""
        score: np.ndarray = 1 - ones(self.hashes[first] ^ self.hashes[second]) / BITS
        return score

    def pieces(self, thresholds: Sequence[float], advance: Advance) -> Iterator[Piece]:
        """Find all pairs at or above the least of the thresholds, some millions of candidates at a time."""
        import numpy as np

        allowed = bits(thresholds[0])
        nodes = self._compared
        groups = np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))
        stretches = self._stretches(nodes, allowed)
        rows = max(1, LOOKED_UP // sum(len(stretch.changes) for stretch in stretches))
        for top in range(0, len(nodes), rows):
            block = nodes[top : top + rows]
            looked_up = [_look_up(stretch, self.hashes[block]) for stretch in stretches]
            for begin, end in _cuts(sum(counts.sum(axis=1) for _, counts in looked_up)):
                candidates = [
                    _candidates(stretch, block[begin:end], starts[begin:end], counts[begin:end])
                    for stretch, (starts, counts) in zip(stretches, looked_up, strict=True)
                ]
                found = [
                    self._near(stretches[:number], groups, *columns, allowed)
                    for number, columns in enumerate(candidates)
                ]
                first, second = (np.concatenate(column) for column in zip(*found, strict=True))
                order = np.lexsort((second, first))
                first, second = first[order], second[order]
                piece = leveled(first, second, self.exact(first, second), thresholds, self)
                if len(piece.first):
                    yield piece
            advance(len(block))

    def _stretches(self, nodes: np.ndarray, allowed: int) -> list[_Stretch]:
        """Cut the hashes; stretches of about as many bits as the number of nodes has hold few nodes each."""
        number = min(allowed + 1, max(FEWEST, BITS // max(len(nodes).bit_length(), 1)))
        edges = [BITS * each // number for each in range(number + 1)]
        return [self._stretch(nodes, start, stop - start, allowed // number) for start, stop in pairwise(edges)]

    def _stretch(self, nodes: np.ndarray, shift: int, width: int, reach: int) -> _Stretch:
        import numpy as np

        width = min(width, WIDEST)  # some bits of a wide stretch are enough
        mask = (1 << width) - 1
        keys = ((self.hashes[nodes] >> np.uint64(shift)) & np.uint64(mask)).astype(np.int64)
        order = nodes[np.argsort(keys, kind="stable")]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=mask + 1))])
        changes = [
            sum(1 << bit for bit in changed)
            for count in range(reach + 1)
            for changed in combinations(range(width), count)
        ]
        return _Stretch(np.uint64(shift), np.uint64(mask), reach, np.array(changes), order, offsets)

    def _near(
        self, earlier: list[_Stretch], groups: np.ndarray, first: np.ndarray, second: np.ndarray, allowed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Leave of candidates the pairs that are near, of one group, and not found in an earlier stretch."""
        differ = self.hashes[first] ^ self.hashes[second]
        near = (ones(differ) <= allowed) & (first < second) & (groups[first] == groups[second])
        first, second, differ = first[near], second[near], differ[near]
        for stretch in earlier:
            new = ones(stretch.bits(differ)) > stretch.reach
            first, second, differ = first[new], second[new], differ[new]
        return first, second


def _look_up(stretch: _Stretch, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give (hashes, changes) places where nodes with a changed stretch begin, and how many they are."""
    import numpy as np

    keys = stretch.bits(hashes).astype(np.int64)[:, None] ^ stretch.changes
    starts = stretch.offsets[keys]
    return starts, stretch.offsets[keys + 1] - starts


def _candidates(
    stretch: _Stretch, nodes: np.ndarray, starts: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Give each of the nodes with all that were looked up for it."""
    import numpy as np

    rows, columns = np.nonzero(counts)
    each = counts[rows, columns]
    inside = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    return np.repeat(nodes[rows], each), stretch.order[np.repeat(starts[rows, columns], each) + inside]


def _cuts(counts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Cut nodes into runs of some millions of candidates; a node is never cut."""
    import numpy as np

    total = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        before = int(total[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(total, before + CANDIDATES, side="right")), begin + 1)
        yield begin, end
        begin = end
