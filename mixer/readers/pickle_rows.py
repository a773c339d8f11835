"""Reads the records of a pickled list, as Python 2 programs left them; see plain_pickle.py for what is never done.

A pickle cannot be cut, and is held in memory as a whole: a few times its size. Places count files, of which there is
one; `at` of a bad record is its number in the list.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mixer.errors import DataError
from mixer.readers import Batch
from mixer.readers.faults import CHECK, FAULTS, bad
from mixer.readers.plain_pickle import check_start, load

unit = "files"
"""What places count; see the package's docstring."""

BATCH = 1024
"""Records to a batch."""


def cut(path: Path, place: int) -> int:
    """Give what is before the list, or behind it: nothing between is an edge."""
    check_start(path)
    return min(max(place, 0), 1)


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:  # noqa: ARG001 - the face of a reader
    """Read the whole list, if the span holds it."""
    if start or stop < 1:
        return
    values = load(path)
    if type(values) is not list:
        raise DataError(f"{path}: expected a pickled list of records, got a `{type(values).__name__}`; {CHECK}")
    for first in range(0, len(values), BATCH):
        yield Batch(_records(values[first : first + BATCH], first, raw), 0)
    yield Batch([], 1)


def _records(values: list[Any], first: int, raw: type) -> list[Any]:
    try:
        return msgspec.convert(values, list[raw])  # type: ignore[valid-type]
    except FAULTS:
        return [_record(value, number, raw) for number, value in enumerate(values, first)]


def _record(value: Any, number: int, raw: type) -> Any:
    try:
        return msgspec.convert(value, raw)
    except FAULTS as error:
        return bad(error, b"", number)
