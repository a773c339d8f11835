"""`on_short: redistribute`: what a leaf's pool cannot give goes to the weights that have room, nearest first.

Weights fill like vessels joined at the bottom: all rise in proportion until one is full, then the others go on. A
nested recipe is such a vessel: it holds what its entries hold together, so it passes on only what all of them cannot
take. Shares, and places that repeat openly, receive nothing. A leaf in several places gives each of them room in
proportion to its ideal there, and what one of them leaves unused to those that are full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from mixer.errors import ShortageError
from mixer.planning.pots import ZERO, Demand, Part, PoolSize, Pot, figure, places, totals

Room = Callable[[Part], Fraction]
"""A leaf's place -> the most it can take, in the recipe's unit."""


MOST_ROUNDS = 64
"""Rounds in which places of one leaf hand room to each other; a few settle what real recipes ask."""


def redistributed(demand: Demand, size: int | None, pools: Mapping[str, PoolSize]) -> tuple[Part, ...]:
    """Give ideals that fit their pools and add up as before: the fixed point of handing on what does not fit.

    No leaf gets less than its ideal was unless its pool is full. Raises ShortageError for what nobody can take.
    """
    pots = [(pot, pot.divided(size)) for pot in demand.pots]
    rooms = _rooms(demand, pots, pools)

    def room(place: Part) -> Fraction:
        return rooms[id(place)]

    for _ in range(MOST_ROUNDS):
        filled = [_filled(parts, min(pot.amount(size), _held(parts, room)), room) for pot, parts in pots]
        moved = _moved(rooms, pots, filled)
        if not moved:
            break
        rooms.update(moved)
    for pot, parts in pots:
        unclaimed = pot.amount(size) - _held(parts, room)
        if unclaimed > 0:
            whose = f"nested recipe {pot.name!r}" if pot.name else f"`size` {size}"
            full = ", ".join(f"{name} {pools[name].mass}" for name in totals(parts))
            raise ShortageError(
                f"redistributing leaves {figure(unclaimed)} of {whose} that nobody has room for (pools: {full}): "
                "lower it, or say `on_short: shrink` or `repeat` (with `max_epochs`)"
            )
    return tuple(part for parts in filled for part in parts)


def _rooms(
    demand: Demand, pots: Sequence[tuple[Pot, tuple[Part, ...]]], pools: Mapping[str, PoolSize]
) -> dict[int, Fraction]:
    """Give each place, by its identity, the most it can take to begin with."""
    every = [place for _, parts in pots for place in places(parts)]
    spoken_for = totals(place for place in every if place.open)
    limited = [place for place in every if not place.open]
    ideals, number = totals(limited), Counter(place.name for place in limited)
    rooms = {id(place): place.ideal for place in every}
    for place in limited:
        left = max(ZERO, pools[place.name].mass - demand.masses[place.name] - spoken_for[place.name])
        rooms[id(place)] = left * place.ideal / ideals[place.name] if ideals[place.name] else left / number[place.name]
    return rooms


def _moved(
    rooms: Mapping[int, Fraction], pots: Sequence[tuple[Pot, tuple[Part, ...]]], filled: Sequence[Sequence[Part]]
) -> dict[int, Fraction]:
    """Hand the room that some places of a leaf leave unused to its places that are full; nothing when there is none."""
    moved: dict[int, Fraction] = {}
    by_leaf: dict[str, list[tuple[int, Fraction]]] = {}
    for (_, parts), given in zip(pots, filled, strict=True):
        for place, full in zip(places(parts), places(given), strict=True):
            if not place.open and place.value:
                by_leaf.setdefault(place.name, []).append((id(place), full.ideal))
    for those in by_leaf.values():
        tight = [key for key, held in those if held == rooms[key]]
        spare = sum((rooms[key] - held for key, held in those), ZERO)
        if tight and spare:
            moved |= dict(those)
            moved |= {key: rooms[key] + spare / len(tight) for key in tight}
    return moved


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
