"""A recipe's amounts, with the pools known -> what is fixed, and the pots that the rest divides.

A nested recipe with neither an amount nor a `size` is as if its entries stood in its place. In one that has an amount
the amounts are relative: where all of them are fixed (count, epochs, budget) they become weights in proportion to
their masses; where only some are, they become shares of the nested recipe's own `size`.

Everything is exact but the records of an `epochs`, rounded for each leaf on its own, and the total of a nested recipe
that has `epochs`, rounded likewise, so that every pot in samples is a whole number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mixer.errors import ShortageError
from mixer.planning.pots import ONE, ZERO, Demand, Part, PoolSize, Pot, Relative, figure, half_up, value_of
from mixer.resolved import Group, Leaf, Recipe, Unit

MassOf = Callable[[str, int], int | Fraction]
"""(leaf, records) -> the mass of that many records of its selection order, in the recipe's unit."""
Child = Leaf | Group
OPEN = ("epochs", "budget")
"""Amounts that ask for repeats openly."""


def read(recipe: Recipe, pools: Mapping[str, PoolSize], mass_of: MassOf) -> Demand:
    """Read a recipe's amounts. Raises ShortageError where they contradict each other whatever the pools hold."""
    return _Reading(pools, mass_of, recipe.unit).demand(recipe)


def level(children: Iterable[Child]) -> Iterator[Child]:
    """List the entries of one level; those of a nested recipe with neither amount nor size stand in its place."""
    for child in children:
        if isinstance(child, Group) and child.amount is None and child.size is None:
            yield from level(child.children)
        else:
            yield child


def is_relative(child: Child) -> bool:
    """Say whether a child takes a part of what stands above it, rather than an amount of its own."""
    return child.amount is not None and child.amount.kind in ("share", "weight")


def _absolute(children: Iterable[Child]) -> Iterator[Child]:
    """List the entries whose amounts hold as written, also those in nested recipes that have a size but no amount."""
    for child in level(children):
        if not is_relative(child):
            yield child
        if isinstance(child, Group) and child.amount is None:
            yield from _absolute(child.children)


@dataclass(frozen=True)
class _Reading:
    """What every step of reading looks at."""

    pools: Mapping[str, PoolSize]
    mass_of: MassOf
    unit: Unit

    def demand(self, recipe: Recipe) -> Demand:
        counts: defaultdict[str, int] = defaultdict(int)
        epochs: defaultdict[str, Fraction] = defaultdict(Fraction)
        pots: list[Pot] = []
        for child in _absolute(recipe.children):
            if isinstance(child, Leaf) and child.amount.kind == "count":
                counts[child.name] += int(child.amount.value)
            elif isinstance(child, Leaf) and child.amount.kind == "epochs":
                epochs[child.name] += child.amount.value
            else:
                pots.append(self.pot(child))
        names = [leaf.name for leaf in recipe.leaves()]
        records = {name: counts[name] + half_up(epochs[name] * self.pools[name].records) for name in names}
        masses = {name: self.weighed(name, records[name]) for name in names}
        if recipe.size is not None or any(map(is_relative, level(recipe.children))):
            if recipe.size is None:
                raise ShortageError("`weight` and `share` are parts of a whole: give the recipe a `size`")
            taken = (*masses.items(), *((pot.name, pot.amount(None)) for pot in pots))
            pots.append(self.sized("", recipe.children, None, taken))
        return Demand({name: counts[name] for name in names}, records, masses, tuple(pots))

    def pot(self, child: Child) -> Pot:
        """Read a budget, or a nested recipe whose total is fixed."""
        if isinstance(child, Group) and child.amount is None:
            fixed = [each for each in level(child.children) if not is_relative(each)]
            taken = ((each.name, self.mass(each, rounded=True)) for each in fixed)
            return self.sized(child.name, child.children, Fraction(_own_size(child)), taken)
        return Pot(child.name, (self.part(child, "weight", ONE, may_repeat=True),), self.mass(child, rounded=True))

    def sized(
        self, name: str, children: Iterable[Child], base: Fraction | None, taken: Iterable[tuple[str, Fraction]]
    ) -> Pot:
        """Read the shares and weights of a recipe with a size."""
        parts = tuple(self.relative(each, may_repeat=True) for each in level(children) if is_relative(each))
        _refuse_beyond_the_whole(name, parts)
        return Pot(name, parts, base, tuple((whose, amount) for whose, amount in taken if amount))

    def part(self, child: Child, kind: Relative, value: Fraction, *, may_repeat: bool) -> Part:
        may_repeat = may_repeat and (child.amount is None or child.amount.kind in OPEN)
        below = self.parts(child, may_repeat=may_repeat) if isinstance(child, Group) else None
        return Part(child.name, kind, value, below, may_repeat)

    def relative(self, child: Child, *, may_repeat: bool) -> Part:
        assert child.amount is not None
        kind: Relative = "share" if child.amount.kind == "share" else "weight"
        return self.part(child, kind, child.amount.value, may_repeat=may_repeat)

    def parts(self, group: Group, *, may_repeat: bool) -> tuple[Part, ...]:
        """Read what a nested recipe's entries get of whatever it is given."""
        children = tuple(level(group.children))
        masses = [None if is_relative(child) else self.mass(child) for child in children]
        if not any(map(is_relative, children)):
            # Where there is no mass to be in proportion to, equal parts: what they come to is then short, by name.
            weights = [mass or ZERO for mass in masses] if any(masses) else [ONE] * len(masses)
            pairs = zip(children, weights, strict=True)
            return tuple(self.part(child, "weight", weight, may_repeat=may_repeat) for child, weight in pairs)
        _refuse_beyond_the_whole(
            group.name, [self.relative(each, may_repeat=True) for each in filter(is_relative, children)]
        )
        size = ONE if all(map(is_relative, children)) else Fraction(_own_size(group))
        return tuple(
            self.relative(child, may_repeat=may_repeat)
            if mass is None
            else self.part(child, "share", mass / size, may_repeat=may_repeat)
            for child, mass in zip(children, masses, strict=True)
        )

    def mass(self, child: Child, *, rounded: bool = False) -> Fraction:
        """Give the mass of a fixed amount as written; `rounded`: what it comes to where it stands by itself."""
        if isinstance(child, Group):
            return self.group_mass(child, rounded=rounded)
        value, pool = child.amount.value, self.pools[child.name]
        if child.amount.kind == "count":
            return self.weighed(child.name, int(value))
        if child.amount.kind == "epochs":
            return self.weighed(child.name, half_up(value * pool.records)) if rounded else value * pool.mass
        return value

    def weighed(self, leaf: str, records: int) -> Fraction:
        # An empty pool has nothing to weigh. Any mass will do: what is asked of it is short, by name.
        return Fraction(self.mass_of(leaf, records) if self.pools[leaf].records else records)

    def group_mass(self, group: Group, *, rounded: bool) -> Fraction:
        if group.amount is None:
            return self.written(group, rounded=rounded)
        if group.amount.kind == "epochs":
            exact = group.amount.value * self.written(group, rounded=False)
            return Fraction(half_up(exact)) if rounded else exact
        if group.amount.kind == "count" and self.unit != "samples":
            raise ShortageError(
                f"nested recipe {group.name!r}: `count` is in records, but its entries divide {self.unit}; "
                "give it a `budget`, or its entries a `count` each"
            )
        return group.amount.value

    def written(self, group: Group, *, rounded: bool) -> Fraction:
        """Give what a nested recipe's entries come to as written."""
        children = tuple(level(group.children))
        if any(map(is_relative, children)):
            return Fraction(_own_size(group))
        return sum((self.mass(child, rounded=rounded) for child in children), ZERO)


def _own_size(group: Group) -> int:
    if group.size is None:
        raise ShortageError(
            f"nested recipe {group.name!r}: its amounts have no common measure; give the nested recipe a `size`, "
            "or all of its entries a weight"
        )
    return group.size


def _refuse_beyond_the_whole(name: str, parts: Iterable[Part]) -> None:
    shares = [part for part in parts if part.kind == "share"]
    total = value_of(shares, "share")
    if total > 1:
        listed = ", ".join(f"{part.name} {figure(part.value * 100)}%" for part in shares)
        where = f"nested recipe {name!r}: " if name else ""
        raise ShortageError(f"{where}the shares come to {figure(total * 100)}% of the whole ({listed}); lower them")
