"""Amounts above their pools, and what `on_short` does about them.

A leaf is short where its `count` is more than its pool's records, or where shares and weights (its own, or of the
nested recipes it stands in) come to more than what its pool has left beside its fixed amounts. `epochs` and `budget`
ask for repeats openly and are short of an empty pool only. A leaf in several places has one pool.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from mixer.errors import ShortageError
from mixer.planning.pots import Demand, Part, PoolSize, Pot, figure, half_up, places, totals, value_of
from mixer.planning.redistribution import redistributed
from mixer.resolved import Leaf, Recipe

WAYS_OUT = {
    "error": "lower its amount or `size`, or say `on_short: repeat` (with `max_epochs`), `redistribute` or `shrink`",
    "repeat": "lower its amount or `size`, or give it a `max_epochs` that allows the repeats",
    "redistribute": "lower it, for only shares and weights are redistributed",
    "shrink": "lower it, for only `size` shrinks",
}


@dataclass(frozen=True)
class Short:
    """A leaf that its pool cannot give."""

    name: str
    need: Fraction
    holds: int
    """What the pool holds, with the repeats that are allowed."""
    measure: str
    """What `need` and `holds` count."""
    fixed: bool
    """No other leaf and no smaller size can help."""

    def __str__(self) -> str:
        return f"{self.name!r} needs {figure(self.need)} {self.measure} and its pool holds {self.holds}"


def settle(demand: Demand, recipe: Recipe, pools: Mapping[str, PoolSize]) -> tuple[tuple[Part, ...], int | None]:
    """Give the ideals that the pools can fill, and the size they add up to (None if the recipe has none).

    Raises ShortageError, naming the offenders, where amounts do not add up to `size` or `on_short` cannot help.
    """
    size = recipe.size
    check_sums(demand, size)
    parts = demand.divided(size)
    short = list(_shortages(demand, parts, recipe, pools))
    if not short:
        return parts, size
    fixed = [each for each in short if each.fixed]
    if recipe.on_short in ("error", "repeat") or fixed:
        raise _error(short if recipe.on_short in ("error", "repeat") else fixed, recipe, pools)
    if recipe.on_short == "shrink":
        return _shrunk(demand, short, recipe, pools)
    try:
        return redistributed(demand, size, pools), size
    except ShortageError as error:
        raise ShortageError(f"{_needs(short)}; {error}") from None


def check_sums(demand: Demand, size: int | None) -> None:
    """Raise ShortageError where the entries of a size come to more than it, or leave what nobody may take."""
    for pot in demand.pots:
        _check_pot(pot, size)
        _check_groups(pot.parts)


def _check_pot(pot: Pot, size: int | None) -> None:
    whole = pot.whole(size)
    rest = pot.amount(size) - value_of(pot.parts, "share") * whole
    if rest >= 0 and (not rest or value_of(pot.parts, "weight")):
        return
    shares = [(part.name, part.value * whole) for part in pot.parts if part.kind == "share"]
    listed = ", ".join(f"{name} {figure(amount)}" for name, amount in (*pot.taken, *shares))
    what = f"`size` {figure(whole)}" + (f" of nested recipe {pot.name!r}" if pot.name else "")
    comes = f"counts, epochs, budgets and shares come to {figure(whole - rest)} of {what} ({listed})"
    if rest < 0:
        raise ShortageError(f"{comes}, {figure(-rest)} too many: lower them, or raise `size`")
    raise ShortageError(f"{comes}, and nobody may take the other {figure(rest)}: give an entry a `weight`")


def _check_groups(parts: Iterable[Part]) -> None:
    for group in parts:
        if group.parts is None:
            continue
        shares = value_of(group.parts, "share")
        if shares > 1 or (shares < 1 and not value_of(group.parts, "weight")):
            listed = ", ".join(
                f"{part.name} {figure(part.value * 100)}%" for part in group.parts if part.kind == "share"
            )
            advice = "lower them" if shares > 1 else "give an entry a `weight`"
            raise ShortageError(
                f"nested recipe {group.name!r}: its entries come to {figure(shares * 100)}% of it ({listed}): {advice}"
            )
        _check_groups(group.parts)


def _shortages(
    demand: Demand, parts: tuple[Part, ...], recipe: Recipe, pools: Mapping[str, PoolSize]
) -> Iterator[Short]:
    wanted = demand.wanted(parts)
    limited = totals(place for place in places(parts) if not place.open)
    for leaf in recipe.leaves():
        name, pool = leaf.name, pools[leaf.name]
        records, mass = (_most(leaf, recipe, held) for held in (pool.records, pool.mass))
        if demand.counts[name] and demand.records[name] > records:
            yield Short(name, Fraction(demand.records[name]), records, "records", fixed=True)
        elif limited[name] > 0 and wanted[name] > mass:
            yield Short(name, wanted[name], mass, recipe.unit, fixed=False)
        elif wanted[name] > 0 and not pool.mass:
            yield Short(name, wanted[name], 0, recipe.unit, fixed=True)


def _most(leaf: Leaf, recipe: Recipe, held: int) -> int:
    """Give how much of a pool a leaf may take, rounded as `epochs` is, so that a rounded ideal never exceeds it."""
    if recipe.on_short != "repeat" or leaf.max_epochs is None:
        return held
    return half_up(leaf.max_epochs * held)


def _shrunk(
    demand: Demand, short: list[Short], recipe: Recipe, pools: Mapping[str, PoolSize]
) -> tuple[tuple[Part, ...], int]:
    size = largest_size(demand, recipe.size or 0, pools)
    parts = demand.divided(size)
    left = list(_shortages(demand, parts, recipe, pools))
    if left or not size:
        raise _error(left or short, recipe, pools)
    try:
        check_sums(demand, size)
    except ShortageError as error:
        raise ShortageError(
            f"{_needs(short)}; and at `size` {size}, the largest that its pools can fill, {error}"
        ) from None
    return parts, size


def largest_size(demand: Demand, size: int, pools: Mapping[str, PoolSize]) -> int:
    """Give the largest size up to `size` whose ideals fit all pools that a smaller size helps; at least 0.

    Ideals are linear in the size and do not fall as it grows, so each leaf sets one bound: its pool or, where fixed
    amounts openly exceed that, what these come to.
    """
    at_0, at_1 = (demand.wanted(demand.divided(at)) for at in (0, 1))
    openly = totals(place for place in places(demand.divided(0)) if place.open)
    bounds = [
        floor((max(Fraction(pools[name].mass), fixed + openly[name]) - at_0[name]) / (at_1[name] - at_0[name]))
        for name, fixed in demand.masses.items()
        if at_1[name] > at_0[name]
    ]
    return max(0, min([size, *bounds]))


def _error(short: list[Short], recipe: Recipe, pools: Mapping[str, PoolSize]) -> ShortageError:
    advice = WAYS_OUT[recipe.on_short]
    if recipe.on_short == "repeat":
        enough = ", ".join(f"{each.name} {_enough(each, pools[each.name])}" for each in short if pools[each.name].mass)
        advice += f" ({enough} would)" if enough else ""
    return ShortageError(f"{_needs(short)}: {advice}")


def _needs(short: list[Short]) -> str:
    return "; ".join(map(str, short))


def _enough(short: Short, pool: PoolSize) -> str:
    """Write the smallest `max_epochs` in hundredths that allows what a leaf needs."""
    held = pool.records if short.fixed else pool.mass
    return figure(Fraction(ceil(Fraction(ceil(short.need) * 100, held)), 100))
