"""The numbers of a recipe: YAML scalars in, exact integers and fractions out.

Each function takes a value as yaml_text reads it and raises ValueError with what was expected, what was given and what
to write instead. `80k`, `80_000` and `1e6` are refused: a recipe is read by people who must not guess.
"""

from __future__ import annotations

import re
from fractions import Fraction

from mixer.recipe.yaml_scalars import Number

MAX_INTEGER = 10**18
"""No amount is larger; with it every sum of amounts stays exact in 64 bits where it becomes a column."""

_RATIO = re.compile(r"([0-9]{1,18})/([0-9]{1,18})")
_PERCENT = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)%")
_SUFFIXED = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kKmMbBgG])")
_GROUPED = re.compile(r"[0-9]{1,3}(?:[_, ][0-9]{3})+")
_THOUSANDS = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}


def described(value: object) -> str:
    """Say in a few words what a value is, as the end of a message: `got ...`."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number | int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value if len(value) <= 60 else value[:57] + '...'!r}"
    return "a map" if isinstance(value, dict) else "a list"


def integer(value: object, minimum: int) -> int:
    """Read a whole number of at least `minimum`."""
    expected = f"expected a whole number of at least {minimum}"
    if not isinstance(value, Number):
        raise _unlike(expected, value)
    if "." in value:
        raise ValueError(f"{expected}, got {value}")
    number = int(value)
    if number < minimum:
        raise ValueError(f"{expected}, got {number}")
    if number > MAX_INTEGER:
        raise ValueError(f"expected at most {MAX_INTEGER}, got {number}")
    return number


def positive(value: object) -> Fraction:
    """Read a number above 0: `3`, `0.1` (exactly a tenth) or `1/8`."""
    expected = "expected a number above 0, such as 3, 1.5 or 1/8"
    if isinstance(value, Number):
        number = Fraction(value)
    elif isinstance(value, str) and (ratio := _ratio(value)) is not None:
        number = ratio
    else:
        raise _unlike(expected, value)
    if number <= 0:
        raise ValueError(f"{expected}, got {value}")
    if number > MAX_INTEGER:
        raise ValueError(f"expected at most {MAX_INTEGER}, got {value}")
    return number


def share(value: object, *, or_none: bool = False) -> Fraction:
    """Read a part of a whole, above 0 (or 0, where nothing is a fair share) and up to 1: `12.5%` or `1/8`."""
    expected = "expected a share, such as 12.5% or 1/8"
    if isinstance(value, Number):
        raise _unlike(expected, value, _as_share(value))
    percent = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    part = Fraction(percent[1]) / 100 if percent else _ratio(value)
    if part is None:
        raise _unlike(expected, value, "")
    if part > 1 or part < 0 or (part == 0 and not or_none):
        raise ValueError(f"expected a share {'from' if or_none else 'above'} 0% and up to 100%, got {value}")
    return part


def threshold(value: object) -> Fraction:
    """Read a likeness above 0 and up to 1, written as a decimal: `0.9`."""
    expected = "expected a likeness above 0 and up to 1, such as 0.9"
    if not isinstance(value, Number):
        raise _unlike(expected, value)
    number = Fraction(value)
    if not 0 < number <= 1:
        raise ValueError(f"{expected}, got {value}")
    return number


def _unlike(expected: str, value: object, hint: str | None = None) -> ValueError:
    return ValueError(f"{expected}, got {described(value)}{_hint(value) if hint is None else hint}")


def _ratio(value: object) -> Fraction | None:
    ratio = _RATIO.fullmatch(value) if isinstance(value, str) else None
    return Fraction(int(ratio[1]), int(ratio[2])) if ratio and int(ratio[2]) else None


def _as_share(value: Number) -> str:
    number = Fraction(value)
    return f": write {_decimal(number * 100)}%" if 0 < number <= 1 else f": write {value}%"


def _hint(value: object) -> str:
    """Say how to write a number that was written for people."""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    suffixed = _SUFFIXED.fullmatch(text)
    if suffixed and len(suffixed[1]) <= 18:
        return f": write {_decimal(Fraction(suffixed[1]) * _THOUSANDS[suffixed[2].lower()])}"
    if _GROUPED.fullmatch(text):
        return f": write {re.sub('[_, ]', '', text)}"
    if _PERCENT.fullmatch(text):
        return ": a percentage is a share; write {share: " + text + "}"
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return ": remove the quotes"
    return ""


def _decimal(value: Fraction) -> str:
    """Write a fraction whose decimal form ends."""
    places = next((n for n in range(40) if (value * 10**n).denominator == 1), 40)
    digits = str(int(value * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits
