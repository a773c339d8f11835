"""The recipe language, version 1: what may be written, as strict models.

The models judge one map each; what holds between keys, leaves and files is judged by resolving.py. Descriptions become
the JSON Schema that editors show.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from mixer import quantities, writers
from mixer.errors import did_you_mean
from mixer.quantities import described
from mixer.resolved import AmountKind, MatchBy, OnShort, Order, Unit
from mixer.yaml_scalars import Number

VERSION = 1
AMOUNTS: tuple[AmountKind, ...] = ("count", "epochs", "budget", "share", "weight")
NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]*"

T = TypeVar("T")


# --- kinds of values -------------------------------------------------------------------------------------------------


def _text(value: object) -> object:
    if isinstance(value, Number):
        raise ValueError(f'expected text, got the number {value}: write "{value}"')
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"expected text, got {described(value)}")
    return value


def name(value: object) -> str:
    """Judge the name of a recipe or leaf: it becomes part of file names."""
    if isinstance(value, str) and not isinstance(value, Number) and re.fullmatch(NAME_PATTERN, value):
        return value
    raise ValueError(f"expected a name of letters, digits, '.', '_', '-' that starts with neither of the signs, {_got(value)}")


def _got(value: object) -> str:
    return f"got {described(value)}"


def _one_of(*known: str) -> BeforeValidator:
    def judge(value: object) -> object:
        if isinstance(value, str) and value in known:
            return value
        hint = did_you_mean(value, known) if isinstance(value, str) else f" (known: {', '.join(known)})"
        raise ValueError(f"expected one of {', '.join(known)}, {_got(value)}{hint}")

    return BeforeValidator(judge)


def _number(read: Callable[[object], T], schema: dict[str, Any]) -> tuple[PlainValidator, WithJsonSchema]:
    return PlainValidator(read), WithJsonSchema(schema)

