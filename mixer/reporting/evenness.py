"""How evenly a mix's sources lie in its order, and how evenly they would in a random one: pure.

A mix is cut into consecutive slices. In a random order the records of a source among the m of a slice are drawn without
replacement (hypergeometric), so how far a slice may be off is computed, not simulated.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate, pairwise
from math import exp, lgamma

MOST_SLICES = 50
LEAST_RECORDS = 20
"""Of a slice; fewer say nothing."""
CHANCE = 0.01
"""How often a random order may go beyond its bound."""


def slices(records: int) -> int:
    """Say into how many slices a mix of so many records is cut; at least 1."""
    return max(1, min(MOST_SLICES, records // LEAST_RECORDS))


def starts(records: int, count: int) -> list[int]:
    """Give the first row of each slice, and the number of rows; slices differ by one record at most."""
    return [-(-number * records // count) for number in range(count + 1)]


def deviation(counts: list[int], of_leaf: int, records: int) -> float:
    """Give the largest distance between a leaf's share in a slice and in the mix; `counts` are its records by slice."""
    if not records:
        return 0.0
    edges = starts(records, len(counts))
    share = of_leaf / records
    sizes = (after - before for before, after in pairwise(edges))
    return max(abs(count / size - share) for count, size in zip(counts, sizes, strict=True))


def expected(of_leaf: int, records: int, count: int) -> float:
    """Give the distance that no slice of a random order exceeds, in at least 99 of 100 random orders.

    The chances of all slices are added up, which is never too few.
    """
    if not 0 < of_leaf < records or count < 2:
        return 0.0
    sizes = {records // count, -(-records // count)}
    return max(_bound(of_leaf, records, size, CHANCE / count) for size in sizes)


def _bound(of_leaf: int, records: int, size: int, chance: float) -> float:
    """Give the distance that a slice of a random order exceeds with at most this probability."""
    mean = size * of_leaf / records
    distances, chances = zip(*_outside_in(of_leaf, records, size, mean), strict=True)
    beyond = bisect_right(list(accumulate(chances)), chance)
    return float(distances[min(beyond, len(distances) - 1)] / size)


def _outside_in(of_leaf: int, records: int, size: int, mean: float) -> list[tuple[float, float]]:
    """List what a slice may hold, the furthest from the mean first: distance in records, and its chance."""
    least, most = max(0, size + of_leaf - records), min(size, of_leaf)
    # Twelve standard deviations and some: what lies beyond has no chance that a float could hold beside the rest.
    width = 12 * (mean * (1 - of_leaf / records)) ** 0.5 + 40
    near = range(max(least, int(mean - width)), min(most, int(mean + width)) + 1)
    listed = [(abs(held - mean), _chance(held, of_leaf, records, size)) for held in near]
    return sorted(listed, reverse=True)


def _chance(held: int, of_leaf: int, records: int, size: int) -> float:
    """Give the hypergeometric probability of `held` in a slice."""
    return exp(_choose(of_leaf, held) + _choose(records - of_leaf, size - held) - _choose(records, size))


def _choose(of: int, taken: int) -> float:
    """Give the logarithm of a binomial coefficient."""
    return lgamma(of + 1) - lgamma(taken + 1) - lgamma(of - taken + 1)
