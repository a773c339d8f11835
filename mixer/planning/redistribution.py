"""`on_short: redistribute`: what a leaf's pool cannot give goes to the weights that have room, nearest first.

Weights fill like vessels joined at the bottom: all rise in proportion until one is full, then the others go on. A
nested recipe is such a vessel: it holds what its entries hold together, so it passes on only what all of them cannot
take. Shares, and places that repeat openly, receive nothing. A leaf in several places gives each of them room in
proportion to its ideal there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mixer.errors import ShortageError
from mixer.planning.pots import ZERO, Demand, Part, PoolSize, figure, places, totals

Room = Callable[[Part], Fraction]
"""A leaf's place -> the most it can take, in the recipe's unit."""


def redistributed(demand: Demand, size: int | None, pools: Mapping[str, PoolSize]) -> tuple[Part, ...]:
    """Give ideals that fit their pools and add up as before: the fixed point of handing on what does not fit.

    No leaf gets less than its ideal was unless its pool is full. Raises ShortageError for what nobody can take.
    """
    room = _rooms(demand, demand.divided(size), pools)
    filled: list[Part] = []
    for pot in demand.pots:
        parts, amount = pot.divided(size), pot.amount(size)
        unclaimed = amount - _held(parts, room)
        if unclaimed > 0:
            whose = f"nested recipe {pot.name!r}" if pot.name else f"`size` {size}"
            full = ", ".join(f"{name} {pools[name].mass}" for name in totals(parts))
            raise ShortageError(
                f"redistributing leaves {figure(unclaimed)} of {whose} that nobody has room for (pools: {full}): "
                "lower it, or say `on_short: shrink` or `repeat` (with `max_epochs`)"
            )
        filled += _filled(parts, amount, room)
    return tuple(filled)


def _rooms(demand: Demand, parts: tuple[Part, ...], pools: Mapping[str, PoolSize]) -> Room:
    spoken_for = totals(place for place in places(parts) if place.open)
    limited = [place for place in places(parts) if not place.open]
    ideals, number = totals(limited), Counter(place.name for place in limited)

    def room(place: Part) -> Fraction:
        if place.open:
            return place.ideal
        left = max(ZERO, pools[place.name].mass - demand.masses[place.name] - spoken_for[place.name])
        return left * place.ideal / ideals[place.name] if ideals[place.name] else left / number[place.name]

    return room


def _held(parts: Sequence[Part], room: Room) -> Fraction:
    """Give the most that some parts can take together."""
    return sum((_most(part, room) for part in parts), ZERO)


def _most(part: Part, room: Room) -> Fraction:
    if not part.value:
        return ZERO
    most = room(part) if part.parts is None else _held(part.parts, room)
    return most if part.kind == "weight" else min(part.ideal, most)


def _filled(parts: Sequence[Part], amount: Fraction, room: Room) -> list[Part]:
    """Divide an amount that the parts can take: shares what they had or can take, weights the rest."""
    given = {number: _most(part, room) for number, part in enumerate(parts)}
    weights = {number: part.value for number, part in enumerate(parts) if part.kind == "weight" and part.value}
    left = amount - sum(given[number] for number in given if number not in weights)
    heavy = sum(weights.values(), ZERO)
    for number in sorted(weights, key=lambda number: given[number] / weights[number]):  # the fullest vessel first
        given[number] = min(given[number], left * weights[number] / heavy)
        left, heavy = left - given[number], heavy - weights[number]
    return [
        replace(part, ideal=given[number], parts=part.parts and tuple(_filled(part.parts, given[number], room)))
        for number, part in enumerate(parts)
    ]
