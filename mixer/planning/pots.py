"""Amounts that are divided: pots, the shares and weights in them, and the exact ideals these come to.

A **pot** is an amount in the recipe's unit that its parts divide among themselves. There is one for the recipe's
`size` (what the fixed amounts leave of it), one for each nested recipe with a fixed amount, one for each nested recipe
without an amount but with a `size`, and one for each `budget`. A **part** is a leaf's place or a nested recipe inside
a pot: a share of what stands above it, or a weight in what the shares leave.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor
from typing import Literal

Relative = Literal["share", "weight"]
ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class PoolSize:
    """What one pass over a leaf's pool holds: records, and their mass in the recipe's unit (for samples: records)."""

    records: int
    mass: int


@dataclass(frozen=True)
class Part:
    """A leaf's place (`parts` is None) or a nested recipe inside a pot, and what of the pot is its."""

    name: str
    kind: Relative
    value: Fraction
    parts: tuple[Part, ...] | None = None
    open: bool = False
    """Its own amount and all above it ask for repeats openly (epochs, budget), so it may exceed its pool."""
    ideal: Fraction = ZERO


@dataclass(frozen=True)
class Pot:
    """`base` less what is taken of it; shares are of `base`, weights divide the rest."""

    name: str
    """Of the leaf or nested recipe; empty for the recipe itself."""
    parts: tuple[Part, ...]
    base: Fraction | None
    """None: the recipe's size."""
    taken: tuple[tuple[str, Fraction], ...] = ()
    """Fixed amounts that come out of `base`: whose, and how much."""

    def whole(self, size: int | None) -> Fraction:
        """Give the base, when the recipe's size is `size`."""
        return Fraction(size or 0) if self.base is None else self.base

    def amount(self, size: int | None) -> Fraction:
        """Give what the parts divide, when the recipe's size is `size`."""
        return self.whole(size) - sum(amount for _, amount in self.taken)

    def divided(self, size: int | None) -> tuple[Part, ...]:
        """Give the parts their ideals, linear in `size`. Nothing is checked: a rest may be negative or unclaimed."""
        return _divided(self.parts, self.whole(size), self.amount(size))


@dataclass(frozen=True)
class Demand:
    """What a recipe asks of its pools."""

    counts: Mapping[str, int]
    """Leaf -> records that a `count` fixes."""
    records: Mapping[str, int]
    """Leaf -> records that `count` and `epochs` fix."""
    masses: Mapping[str, Fraction]
    """Leaf -> the mass of those, in the recipe's unit."""
    pots: tuple[Pot, ...]

    def divided(self, size: int | None) -> tuple[Part, ...]:
        """Give the parts of all pots their ideals."""
        return tuple(part for pot in self.pots for part in pot.divided(size))

    def wanted(self, parts: Iterable[Part]) -> dict[str, Fraction]:
        """Add what is fixed to the ideals of each leaf's places."""
        sums = totals(parts)
        return {name: mass + sums[name] for name, mass in self.masses.items()}


def places(parts: Iterable[Part]) -> Iterator[Part]:
    """Go through the leaves' places below some parts."""
    for part in parts:
        if part.parts is None:
            yield part
        else:
            yield from places(part.parts)


def totals(parts: Iterable[Part]) -> defaultdict[str, Fraction]:
    """Add the ideals of each leaf's places; 0 for a leaf without a place."""
    sums: defaultdict[str, Fraction] = defaultdict(Fraction)
    for place in places(parts):
        sums[place.name] += place.ideal
    return sums


def value_of(parts: Iterable[Part], kind: Relative) -> Fraction:
    """Add the shares, or the weights, of some parts."""
    return sum((part.value for part in parts if part.kind == kind), ZERO)


def half_up(value: Fraction) -> int:
    """Round to the nearest integer, halves up."""
    return floor(value + Fraction(1, 2))


def figure(value: Fraction | int) -> str:
    """Write a number for a message: exactly when whole, else to two places."""
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    units, hundredths = divmod(half_up(abs(value) * 100), 100)
    return f"{'-' if value < 0 else ''}{units}.{hundredths:02}".rstrip("0").rstrip(".")


def _divided(parts: tuple[Part, ...], base: Fraction, amount: Fraction) -> tuple[Part, ...]:
    weights = value_of(parts, "weight")
    unit = (amount - value_of(parts, "share") * base) / weights if weights else ZERO
    divided = []
    for part in parts:
        ideal = part.value * (base if part.kind == "share" else unit)
        below = None if part.parts is None else _divided(part.parts, ideal, ideal)
        divided.append(replace(part, ideal=ideal, parts=below))
    return tuple(divided)
