"""The same search by faiss, for many vectors: by its flat index, or, only if asked for, by one that misses some pairs.

What the flat index gives are candidates like the products of blocks, and they are decided in the same way: the pairs are
the same. The inverted lists compare a vector only with those in the lists nearest to it. How many pairs that misses is
measured: those of some nodes are searched for exactly too. Where k-means puts the lists depends on the machine, so what
the approximate search finds may differ from one machine to another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mixer.extras import need
from mixer.near.cosine import Cosine, Find, above, by_products
from mixer.near.pairs import Piece, leveled
from mixer.progress import Advance

if TYPE_CHECKING:
    import numpy as np

LARGE = 100_000
"""Nodes of a group from which on the flat index is used, where faiss is installed."""
SMALL = 10_000
"""Nodes of a group up to which even the approximate search is exact."""
SAMPLE = 1_000
"""Nodes whose pairs are searched for exactly, to measure what is missed."""
PROBED = 10
"""One of so many lists is looked into."""


def by_flat_index(
    search: Cosine, start: int, stop: int, thresholds: Sequence[float], advance: Advance
) -> Iterator[Piece]:
    """Find the pairs of a group's nodes: each block is searched for among all nodes up to its last."""
    faiss = need("faiss", "dedup-large")
    index = faiss.IndexFlatIP(search.matrix.shape[1])
    for top in range(start, stop, search.block):
        vectors = search.unit(top, min(top + search.block, stop))
        index.add(vectors)
        yield from _found(index, vectors, start, top, thresholds, search)
        advance(len(vectors) * (top - start) + len(vectors) * (len(vectors) - 1) // 2)


def _found(
    index: Any, vectors: np.ndarray, start: int, top: int, thresholds: Sequence[float], search: Cosine
) -> Iterator[Piece]:
    """Give the pairs of a block's nodes with nodes before them, as one piece."""
    import numpy as np

    limits, about, found = index.range_search(vectors, float(search.floor(thresholds)))
    second = top + np.repeat(np.arange(len(vectors)), np.diff(limits.astype(np.int64)))
    first = start + found
    order = np.lexsort((second, first))
    piece = leveled(first[order], second[order], about[order].astype(np.float64), thresholds, search)
    if len(piece.first):
        yield piece


def exact_find(search: Cosine) -> Find:
    """Choose how a search goes: by the flat index where a group is large and faiss is installed."""
    largest = max((stop - start for start, stop in search.groups()), default=0)
    return by_flat_index if largest >= LARGE and find_spec("faiss") else by_products


class Lists:
    """Finds most pairs of a group's nodes by inverted lists, and counts what it must to say how many it misses."""

    def __init__(self) -> None:
        self._found: dict[float, int] = {}
        """Pairs that end in a node of the sample, by threshold."""

    def __call__(
        self, search: Cosine, start: int, stop: int, thresholds: Sequence[float], advance: Advance
    ) -> Iterator[Piece]:
        """Find pairs; of a small group all."""
        find = by_products if stop - start <= SMALL else _by_lists
        for piece in find(search, start, stop, thresholds, advance):
            sampled = piece.level[piece.second % _every(search) == 0]
            for at, threshold in enumerate(thresholds):
                self._found[threshold] = self._found.get(threshold, 0) + int((sampled > at).sum())
            yield piece

    def missed(self, search: Cosine, thresholds: Sequence[float]) -> list[dict[str, float | int | None]]:
        """Measure by exact search for the pairs of a sample of nodes what was missed; plain JSON values, by threshold."""
        import numpy as np

        true = np.zeros(len(thresholds), np.int64)
        for start, stop in search.groups():
            true += _pairs_of_sample(search, start, stop, thresholds)
        found = [self._found.get(threshold, 0) for threshold in thresholds]
        return [
            {
                "threshold": each,
                "pairs": pairs,
                "missed": pairs - got,
                "share": (pairs - got) / pairs if pairs else None,
            }
            for each, pairs, got in zip(thresholds, true.tolist(), found, strict=True)
        ]


def _every(search: Cosine) -> int:
    """Say how far apart the nodes of the sample are."""
    return max(1, search.nodes // SAMPLE)


def _by_lists(search: Cosine, start: int, stop: int, thresholds: Sequence[float], advance: Advance) -> Iterator[Piece]:
    """Search in the lists nearest to each node; the number of lists is the root of that of the nodes."""
    import numpy as np

    faiss = need("faiss", "dedup-large")
    count, width = math.isqrt(stop - start), search.matrix.shape[1]
    quantizer = faiss.IndexFlatIP(width)
    index = faiss.IndexIVFFlat(quantizer, width, count, faiss.METRIC_INNER_PRODUCT)
    step = max(1, (stop - start) // (64 * count))
    index.train(search.unit_of(np.arange(start, stop, step)))
    blocks = range(start, stop, search.block)
    for top in blocks:
        index.add(search.unit(top, min(top + search.block, stop)))
    index.nprobe = -(-count // PROBED)
    for top in blocks:
        vectors = search.unit(top, min(top + search.block, stop))
        yield from _found(index, vectors, start, top, thresholds, search)
        advance(len(vectors) * (top - start) + len(vectors) * (len(vectors) - 1) // 2)


def _pairs_of_sample(search: Cosine, start: int, stop: int, thresholds: Sequence[float]) -> np.ndarray:
    """Count the pairs of a group that end in a node of the sample, (thresholds,) int64."""
    import numpy as np

    every = _every(search)
    sample = np.arange(-(-start // every) * every, stop, every)
    counted = np.zeros(len(thresholds), np.int64)
    if not len(sample):
        return counted
    vectors = search.unit_of(sample)
    for top in range(start, stop, search.block):
        product = search.unit(top, min(top + search.block, stop)) @ vectors.T
        rows, columns, about = above(product, search.floor(thresholds))
        piece = leveled(top + rows, sample[columns], about, thresholds, search)
        counted += [int((piece.level > at).sum()) for at in range(len(thresholds))]
    return counted
