"""Pairs of vectors by cosine, exactly: blocked products in float32 find what may be a pair, float64 decides.

A pair's score is the cosine of the vectors as they were given. It is reckoned in float64 in one fixed way: products,
which two float32 fill without rounding, are added half to half, and the sum is divided by the root of the product of the
two squares. No library's summation is in it, so it is the same on every machine, down to the last bit.

The products of blocks are of unit vectors in float32, and differ between machines. For any order of summation they
differ from the score by at most (width + 4) roundings of 2**-24. Whatever lies nearer to a threshold than that, or than
1e-5, is decided by its score, so that what is found is exact, and the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from mixer.errors import DataError
from mixer.near.pairs import MOST_PAIRS, Gathered, Pairs, Piece, leveled
from mixer.progress import Advance

if TYPE_CHECKING:
    import numpy as np

Find = Callable[["Cosine", int, int, Sequence[float], Advance], Iterator[Piece]]
"""Finds the pairs of a group, given its first node, the node behind its last, and the thresholds."""
BLOCK = 2048
"""Vectors a block, the rows and the columns of a product: 16 MB of float32, and twice 8 MB of vectors of width 1024."""
SCORED = 256
"""Pairs whose scores are reckoned together: a few MB of float64."""


def sums(products: np.ndarray) -> np.ndarray:
    """Add up the rows of (n, d) float64, half to half: a fixed order. Overwrites what it is given."""
    width = products.shape[1]
    while width > 1:
        half = (width + 1) // 2
        products[:, : width - half] += products[:, half:width]
        width = half
    return products[:, 0].copy()


def squares(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Give the squared lengths of rows of (m, d) float32, as float64."""
    import numpy as np

    made = np.empty(len(rows))
    for start in range(0, len(rows), SCORED):
        values = matrix[rows[start : start + SCORED]].astype(np.float64)
        values *= values
        made[start : start + SCORED] = sums(values)
    return made


@dataclass(frozen=True)
class Cosine:
    """A search for pairs of vectors by cosine, within groups of nodes that follow each other."""

    matrix: np.ndarray
    """(m, d) float32; every row that is used is finite, and not all zero."""
    rows: np.ndarray
    """int64: a node's row of the matrix."""
    bounds: np.ndarray
    """int64: where the groups begin, and the number of nodes. Only pairs within a group are compared."""
    block: int = BLOCK
    find: Find | None = None
    """None: by products."""

    @property
    def nodes(self) -> int:
        """Count the nodes."""
        return len(self.rows)

    @property
    def off(self) -> float:
        """Say how far a product of unit vectors in float32 may be from the score."""
        width: int = self.matrix.shape[1]
        return max(1e-5, (width + 4) * 2.0**-24 * 1.01)

    @property
    def work(self) -> int:
        """Count the pairs to compare."""
        return sum((stop - start) * (stop - start - 1) // 2 for start, stop in self.groups())

    def groups(self) -> Iterator[tuple[int, int]]:
        """Go through the groups: each one's first node, and the node behind its last."""
        bounds: list[int] = self.bounds.tolist()
        yield from pairwise(bounds)

    @cached_property
    def _squares(self) -> np.ndarray:
        return squares(self.matrix, self.rows)

    def exact(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Give the cosines of pairs, float64; see above."""
        import numpy as np

        made = np.empty(len(first))
        for start in range(0, len(first), SCORED):
            one, other = first[start : start + SCORED], second[start : start + SCORED]
            products = self.matrix[self.rows[one]].astype(np.float64)
            products *= self.matrix[self.rows[other]]
            lengths = np.sqrt(self._squares[one] * self._squares[other])
            made[start : start + SCORED] = sums(products) / lengths
        np.clip(made, -1.0, 1.0, out=made)
        return made

    def pieces(self, thresholds: Sequence[float], advance: Advance) -> Iterator[Piece]:
        """Find all pairs at or above the least of the thresholds."""
        for start, stop in self.groups():
            if stop - start > 1:  # most folders of some collections hold one image
                yield from (self.find or by_products)(self, start, stop, thresholds, advance)

    def floor(self, thresholds: Sequence[float]) -> np.float32:
        """Give the float32 below which no product is a pair's."""
        import numpy as np

        below: np.float32 = np.nextafter(np.float32(thresholds[0] - self.off), np.float32(-2))
        return below

    def unit(self, start: int, stop: int) -> np.ndarray:
        """Give the vectors of the nodes from one to before another, of length 1, float32."""
        import numpy as np

        return self.unit_of(np.arange(start, stop))

    def unit_of(self, nodes: np.ndarray) -> np.ndarray:
        """Give the vectors of nodes, of length 1, float32."""
        import numpy as np

        values: np.ndarray = self.matrix[self.rows[nodes]]
        inverse = 1 / np.sqrt(self._squares[nodes])
        np.multiply(values, inverse[:, None], out=values, casting="same_kind")
        return values


def by_products(
    search: Cosine, start: int, stop: int, thresholds: Sequence[float], advance: Advance
) -> Iterator[Piece]:
    """Find the pairs of a group's nodes; blocks go through the upper triangle row by row."""
    import numpy as np

    buffer = np.empty(min(search.block, stop - start) ** 2, np.float32)
    floor = search.floor(thresholds)
    for top in range(start, stop, search.block):
        left = search.unit(top, min(top + search.block, stop))
        for begin in range(top, stop, search.block):
            right = search.unit(begin, min(begin + search.block, stop))
            product = buffer[: len(left) * len(right)].reshape(len(left), len(right))
            np.matmul(left, right.T, out=product)
            first, second, about = above(product, floor)
            first += top
            second += begin
            piece = leveled(first, second, about, thresholds, search)
            if len(piece.first):
                yield piece
        advance(len(left) * (stop - top - len(left)) + len(left) * (len(left) - 1) // 2)


def above(product: np.ndarray, floor: np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give rows, columns and values, as float64, of what reaches a floor."""
    import numpy as np

    at = np.flatnonzero(product.ravel() >= floor)
    rows, columns = np.divmod(at, product.shape[1])
    return rows, columns, product.ravel()[at].astype(np.float64)


def cosine_pairs(
    matrix: np.ndarray,
    least: float,
    *,
    groups: np.ndarray | None = None,
    block: int = BLOCK,
    most: int = MOST_PAIRS,
    advance: Advance = lambda _done: None,
) -> Pairs:
    """Find all pairs of rows of (n, d) float32 whose cosine is `least` or more, within groups (an int a row) if given.

    Raises DataError for a row that is not finite or all zero, and where there are more than `most` pairs.
    """
    import numpy as np

    codes = np.zeros(len(matrix), np.int64) if groups is None else groups
    rows = np.argsort(codes, kind="stable")
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(codes[rows])) + 1, [len(rows)]])
    unusable = np.flatnonzero(~usable(matrix))
    if len(unusable):
        raise DataError(f"vector {unusable[0]} of {len(matrix):,}, counted from 0, is all zero or not finite")
    search = Cosine(matrix, rows, bounds, block)
    gathered = Gathered([least], most)
    for piece in search.pieces([least], advance):
        gathered.take(piece)
    found = gathered.pairs(search)
    first, second = rows[found.first], rows[found.second]
    order = np.lexsort((second, first))
    return Pairs(first[order], second[order], found.score[order])


def usable(matrix: np.ndarray) -> np.ndarray:
    """Say of each row of (n, d) float32 whether it has a direction: is finite, and not all zero."""
    import numpy as np

    found = squares(matrix, np.arange(len(matrix)))
    answer: np.ndarray = np.isfinite(found) & (found > 0)
    return answer
