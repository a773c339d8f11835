"""JSON inside texts: what a cell holds, and values as Python prints them into training text."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def parsed(text: str | bytes, kind: type[T]) -> T:
    """Decode the JSON that a cell holds. Raises ValueError: its record is bad."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        raise ValueError("a text that should hold JSON does not") from None


def printed(value: Any) -> str:
    """Write a value as Python's `json.dumps` does by default: blanks behind `,` and `:`, all but ASCII as escapes."""
    return json.dumps(value)
