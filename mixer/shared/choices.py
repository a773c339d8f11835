"""Choices behind letters: how they are written, which letter is whose, and their order shifted."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import TypeVar

T = TypeVar("T")


def letter(place: int) -> str:
    """Give the letter of the choice at a place, counted from 0: A, B ... Z."""
    return ascii_uppercase[place]


def lettered(choices: Sequence[str]) -> str:
    """Write each choice on a line of its own behind its letter, `A. a kite`, as LLaVA-1.5's mix does."""
    return "\n".join(f"{letter(place)}. {choice}" for place, choice in enumerate(choices))


def shifted(choices: Sequence[T], by: int) -> list[T]:
    """Move each choice so many places on, those at the end to the front: the one at `n` comes to `(n + by) % len`."""
    return [choices[(place - by) % len(choices)] for place in range(len(choices))]
