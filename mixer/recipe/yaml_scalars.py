"""Plain YAML scalars: nothing, Booleans, decimal numbers and text; whatever else YAML readers see in them is refused.

YAML 1.1 reads `no` as False, `010` as 8, `12:30` as 750 and `1_000` as 1000, YAML 1.2 and JSON differ. A recipe means
the same to all of them, since none of these can stand in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

MAX_DIGITS = 40
"""The longest number; Python's own conversions are quadratic, or refuse, at some thousand digits."""


class Number(str):
    """A decimal number as it was written, so that `0.1` can be exactly one tenth."""

    __slots__ = ()


def plain(text: str) -> str | bool | None:
    """Read a plain scalar. Raises ValueError that says what else it might mean and what to write."""
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _DECIMAL.fullmatch(text):
        if len(text) > MAX_DIGITS:
            raise ValueError(f"expected a number of at most {MAX_DIGITS} characters, got {len(text)}")
        return Number(text)
    for pattern, kind, hint in _SURPRISES:
        if pattern.fullmatch(text):
            raise ValueError(f"{text[:MAX_DIGITS]} is {kind} to some YAML readers: {hint(text)}")
    return text


_NULLS = frozenset({"", "~", "null"})
_BOOLEANS = {"true": True, "false": False}
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")

_QUOTE = "quote it if you mean text"


def _plain_number(text: str) -> str:
    """Write an odd number plainly, where that is short."""
    try:
        value = Decimal(text.replace("_", ""))
    except ArithmeticError:  # an exponent beyond what Decimal can hold
        return "decimal digits"
    return f"{value:f}" if -MAX_DIGITS < value.adjusted() < MAX_DIGITS else "decimal digits"


def _write(text: str) -> str:
    return f"write {_plain_number(text)}, or {_QUOTE}"


def _fixed(hint: str) -> Callable[[str], str]:
    return lambda _text: f"{hint}, or {_QUOTE}"


_SURPRISES: list[tuple[re.Pattern[str], str, Callable[[str], str]]] = [
    (re.compile(r"(?i:yes|no|on|off|y|n|true|false)"), "a Boolean", _fixed("write true or false")),
    (re.compile(r"Null|NULL"), "nothing", _fixed("write null")),
    (re.compile(r"[-+]?0[xX][0-9a-fA-F_]+"), "a hexadecimal number", _fixed("write decimal digits")),
    (re.compile(r"[-+]?0[oObB][0-7_]+|[-+]?0[0-9_]+"), "an octal or binary number", _fixed("write decimal digits")),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        "a number to base 60",
        _fixed("write decimal digits"),
    ),
    (re.compile(r"[-+]?\.(?i:inf)|\.(?i:nan)"), "a number without end", _fixed("write a decimal number")),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?"), "a date", lambda _text: _QUOTE),
    (re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"), "a number", _write),
]
"""Plain scalars that YAML readers turn into something: pattern, what they make of it, what to write instead."""
