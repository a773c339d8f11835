"""Reads one JSON array of records.

A comma before the closing bracket, like any fault between records, belongs to no record: the file is damaged there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from mixer.readers import Batch, pieces
from mixer.readers.faults import ARRAY


def _decoder(raw: type) -> pieces.Decode:
    return msgspec.json.Decoder(list[raw]).decode  # type: ignore[valid-type]


SHAPE = pieces.Shape(name=ARRAY, opening=b"[", closing=b"]", keyed=False, decoder=_decoder)


def cut(path: Path, place: int) -> int:
    """Guess the first edge at or after a place; see the package's docstring."""
    return pieces.cut(SHAPE, path, place)


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read the records of a span; see the package's docstring."""
    return pieces.read(SHAPE, path, start, stop, raw, piece)
