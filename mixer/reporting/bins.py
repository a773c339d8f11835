"""The bins of histograms: about as wide as what they hold is large, the same for every source, so that they compare."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

_STEPS = (10, 15, 20, 30, 50, 70)
"""Six a decade, each about 1.5 times the one before."""
_DECADES = 9

CHARACTERS = (0, 5, *(step * 10**decade for decade in range(_DECADES) for step in _STEPS))
"""First value of each bin; the last has no end."""
TURNS = (1, 2, 3, 4, 5, 6, 7, 8, *(step * 10**decade for decade in range(_DECADES) for step in _STEPS))


def place(value: int, edges: Sequence[int]) -> int:
    """Give the bin of a value; one below the first edge is in the first bin."""
    return max(0, bisect_right(edges, value) - 1)


def used(counts: Sequence[int]) -> range:
    """Give the bins from the first to the last that hold anything; the first alone where none does."""
    held = [at for at, count in enumerate(counts) if count]
    return range(held[0], held[-1] + 1) if held else range(1)


def name(at: int, edges: Sequence[int]) -> str:
    """Name a bin by its first and last value."""
    if at + 1 == len(edges):
        return f"{edges[at]:,} and more"
    first, last = edges[at], edges[at + 1] - 1
    return f"{first:,}" if first == last else f"{first:,}–{last:,}"


def tick(value: int) -> str:
    """Write an edge for an axis, short."""
    for size, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:g}{suffix}"
    return str(value)
