"""A recipe written for whole datasets -> one for the miniatures that ship inside the package.

The rule, for a recipe and likewise for a nested recipe with a `count`, `budget`, `share` or `weight` (innermost first,
each as if it stood alone, since its amounts are relative to each other only):

1. Its absolute amounts - every `count` and `budget`, the `size`, and those of nested recipes without an amount or with
   `epochs` - are multiplied by one factor: the largest up to 1 at which the ideals of every leaf fit its pool, beside
   what `epochs` takes of it. Pools that are empty or that `epochs` uses up set no factor, for none would fit. Products
   are rounded down, to no less than 1. `epochs`, shares and weights stay. A `size` that nothing divides is dropped.
2. Where what is fixed then exceeds the `size`, that is raised to the smallest at which each leaf with a share or
   weight gets at least 1.

Recipes that even so do not fit (their roundings leave a remainder that nobody may take, or pools are empty) are shrunk
as `on_short: shrink` does, or as a last resort written out: each leaf a `count` of what it would take, at least 1 and
at most its pool; leaves that only have `epochs` keep them. That always fits. planning.scale_to_pools runs these in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

from mixer.planning.amounts import Child, MassOf, is_relative, level, read
from mixer.planning.pots import ONE, PoolSize, half_up, totals, value_of
from mixer.resolved import Amount, Group, Leaf, Recipe

Change = Callable[[Fraction], Fraction]


def scaled(recipe: Recipe, pools: Mapping[str, PoolSize], mass_of: MassOf) -> Recipe:
    """Scale a recipe's absolute amounts to its pools: steps 1 and 2."""
    children = tuple(_inner_scaled(child, recipe, pools, mass_of) for child in recipe.children)
    recipe = replace(recipe, children=children)
    if recipe.size is None and any(map(is_relative, level(children))):
        return recipe  # a nested recipe of shares and weights only: nothing in it is absolute
    factor = _factor(recipe, pools, mass_of)
    if factor < 1:
        recipe = _changed(recipe, lambda value: min(value, max(ONE, Fraction(floor(factor * value)))))
    return replace(recipe, size=_raised(recipe, pools, mass_of))


def written_out(recipe: Recipe, pools: Mapping[str, PoolSize], mass_of: MassOf) -> Recipe:
    """Give each leaf a count that its pool can fill: the last resort."""
    demand = read(recipe, pools, mass_of)
    parts = demand.divided(recipe.size)
    wanted, placed = demand.wanted(parts), totals(parts)
    children = []
    for leaf in recipe.leaves():
        name, pool = leaf.name, pools[leaf.name]
        if name in placed or demand.counts[name]:
            records = half_up(wanted[name] * pool.records / pool.mass) if pool.mass else pool.records
            amount = Amount("count", Fraction(min(pool.records, max(1, records))))
        else:
            amount = Amount("epochs", Fraction(demand.records[name], max(1, pool.records)))
        children.append(replace(leaf, amount=amount))
    return replace(recipe, children=tuple(children), size=None)


def _inner_scaled(child: Child, recipe: Recipe, pools: Mapping[str, PoolSize], mass_of: MassOf) -> Child:
    """Scale the nested recipes whose amounts are relative, each as if it stood alone."""
    if isinstance(child, Leaf):
        return child
    if child.amount is None or child.amount.kind == "epochs":
        inner = tuple(_inner_scaled(each, recipe, pools, mass_of) for each in child.children)
        return replace(child, children=inner)
    alone = scaled(replace(recipe, children=child.children, size=child.size), pools, mass_of)
    return replace(child, children=alone.children, size=alone.size)


def _factor(recipe: Recipe, pools: Mapping[str, PoolSize], mass_of: MassOf) -> Fraction:
    """Give the largest factor up to 1 at which every leaf's ideals fit its pool.

    Ideals are linear in it, so those at 1 and at 2 tell all (at 0 a `size` would measure nothing). Only the rounded
    total of a nested recipe with `epochs` strays from the line, by less than 1.
    """
    once, twice = _changed(recipe, lambda value: value), _changed(recipe, lambda value: 2 * value)
    demand, doubled = (read(each, pools, mass_of) for each in (once, twice))
    at_1, at_2 = demand.wanted(demand.divided(once.size)), doubled.wanted(doubled.divided(twice.size))
    factor = ONE
    for name, count in demand.counts.items():
        pool, growth = pools[name], at_2[name] - at_1[name]
        room = pool.mass - (at_1[name] - growth)
        if pool.mass and growth > 0 and room > 0:
            factor = min(factor, room / growth)
        left = pool.records - (demand.records[name] - count)
        if count and left > 0:
            factor = min(factor, Fraction(left, count))
    return factor


def _raised(recipe: Recipe, pools: Mapping[str, PoolSize], mass_of: MassOf) -> int | None:
    """Give the size at which shares and weights get something; None where there are none."""
    if recipe.size is None or not any(map(is_relative, level(recipe.children))):
        return None
    *_, pot = read(recipe, pools, mass_of).pots
    if pot.amount(recipe.size) > value_of(pot.parts, "share") * recipe.size:
        return recipe.size
    at_0, at_1 = (totals(pot.divided(size)) for size in (0, 1))
    enough = [ceil((1 - at_0[name]) / (at_1[name] - at_0[name])) for name in at_0 if at_1[name] > at_0[name]]
    return max([recipe.size, *enough])


def _changed(recipe: Recipe, change: Change) -> Recipe:
    """Change the absolute amounts of a recipe."""
    return replace(
        recipe,
        children=tuple(_changed_child(child, change) for child in recipe.children),
        size=_changed_size(recipe, change),
    )


def _changed_child(child: Child, change: Change) -> Child:
    if is_relative(child):
        return child
    if child.amount is not None and child.amount.kind in ("count", "budget"):
        return replace(child, amount=replace(child.amount, value=change(child.amount.value)))
    if isinstance(child, Leaf):
        return child
    inner = tuple(_changed_child(each, change) for each in child.children)
    return replace(child, children=inner, size=_changed_size(child, change))


def _changed_size(sized: Recipe | Group, change: Change) -> int | None:
    if sized.size is None or not any(map(is_relative, level(sized.children))):
        return None
    return int(change(Fraction(sized.size)))
