"""Pools and amounts -> exact ideals and counts, pure: fractions all the way, rounded once at the end.

    amounts.read -> what is fixed, and pots -> shortages.settle -> ideals that fit -> largest remainder -> counts

In samples the counts are final here. In another unit a leaf's ideal is a mass, and selection finds the records whose
mass is nearest; there only `count` and `epochs` fix records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import floor

from mixer.errors import ShortageError
from mixer.planning import scaling
from mixer.planning.amounts import MassOf, read
from mixer.planning.pots import PoolSize, Pot, half_up, places, totals
from mixer.planning.shortages import settle
from mixer.resolved import Recipe

__all__ = ["Allotment", "PoolSize", "Quota", "allot", "largest_remainder", "scale_to_pools"]


@dataclass(frozen=True)
class Quota:
    """What a leaf takes: its exact `ideal` in the recipe's unit, and its records, or None where `ideal` finds them."""

    ideal: Fraction
    count: int | None


@dataclass(frozen=True)
class Allotment:
    """Leaf -> quota, in recipe order, and the size that was kept (None: the recipe names none)."""

    quotas: Mapping[str, Quota]
    size: int | None


def allot(recipe: Recipe, pools: Mapping[str, PoolSize], fixed_mass: MassOf | None = None) -> Allotment:
    """Give every leaf its quota.

    `fixed_mass` gives the mass of a leaf's first records in selection order, over as many passes as they take; only
    samples do without. Raises ShortageError where amounts do not add up or pools are short and `on_short` cannot help.
    """
    demand = read(recipe, pools, _mass_of(recipe, fixed_mass))
    parts, size = settle(demand, recipe, pools)
    ideals, placed = demand.wanted(parts), totals(parts)
    if recipe.unit == "samples":
        rounded = _rounded(demand.pots, placed)
        quotas = {name: Quota(ideals[name], demand.records[name] + rounded.get(name, 0)) for name in ideals}
    else:
        quotas = {name: Quota(ideals[name], None if name in placed else demand.records[name]) for name in ideals}
    return Allotment(quotas, size)


def _mass_of(recipe: Recipe, fixed_mass: MassOf | None) -> MassOf:
    if fixed_mass is not None:
        return fixed_mass
    if recipe.unit != "samples":
        raise ValueError(f"the mass of fixed records in {recipe.unit} is known to selection only: give `fixed_mass`")
    return lambda _leaf, records: records


def _rounded(pots: Iterable[Pot], ideals: Mapping[str, Fraction]) -> dict[str, int]:
    """Round the ideals of places. Pots that share no leaf are rounded apart, so that each keeps its own total."""
    together: list[set[str]] = []
    for pot in pots:
        names = {place.name for place in places(pot.parts)}
        met = [others for others in together if others & names]
        together = [others for others in together if not others & names] + [names.union(*met)]
    rounded: dict[str, int] = {}
    for names in together:
        inside = {name: ideals[name] for name in names}
        rounded |= largest_remainder(inside, half_up(sum(inside.values(), Fraction(0))))
    return rounded


def largest_remainder(ideals: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Round ideals to integers that sum to `total` (their own sum, rounded), each within 1; ties go to the first name."""
    counts = {name: floor(ideal) for name, ideal in ideals.items()}
    by_remainder = sorted(ideals, key=lambda name: (counts[name] - ideals[name], name))
    for name in by_remainder[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def scale_to_pools(recipe: Recipe, pools: Mapping[str, PoolSize], fixed_mass: MassOf | None = None) -> Recipe:
    """Give the recipe with its absolute amounts scaled down until it fits small pools, by the rule in scaling.py.

    What it gives can be allotted from these pools, in other units than samples if `fixed_mass` is allot's. Raises
    ShortageError only for amounts that contradict each other whatever the pools hold.
    """

    def mean_mass(leaf: str, records: int) -> Fraction:
        return Fraction(records * pools[leaf].mass, max(1, pools[leaf].records))

    read(recipe, pools, mean_mass)
    smaller = scaling.scaled(recipe, pools, mean_mass)
    for on_short in dict.fromkeys((recipe.on_short, "shrink")):
        try:
            size = allot(replace(smaller, on_short=on_short), pools, fixed_mass or mean_mass).size
        except ShortageError:
            continue
        return replace(smaller, size=size)
    return scaling.written_out(smaller, pools, mean_mass)
