"""Reads one JSON object of records by id: `{"20602949": {"question": ...}, ...}`.

The id is set on the raw record's attribute `key`, if its type has one. An id that comes twice gives two records, where
a parser of the whole file would keep the last: what is read must not depend on where the file was cut, nor vanish.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from mixer.readers import Batch, pieces
from mixer.readers.faults import OBJECT


class _Key:
    """A key that equals no other, so that a dict keeps every record."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _key(kind: type, text: str) -> _Key:
    if kind is not _Key:
        raise NotImplementedError(kind)
    return _Key(text)


def _decoder(raw: type) -> pieces.Decode:
    decode = msgspec.json.Decoder(dict[_Key, raw], dec_hook=_key).decode  # type: ignore[valid-type]
    keyed = "key" in getattr(raw, "__struct_fields__", ())

    def records(text: bytes) -> list[Any]:
        decoded: dict[_Key, Any] = decode(text)
        if keyed:
            for key, record in decoded.items():
                msgspec.structs.force_setattr(record, "key", key.text)
        return list(decoded.values())

    return records


SHAPE = pieces.Shape(name=OBJECT, opening=b"{", closing=b"}", keyed=True, decoder=_decoder)


def cut(path: Path, place: int) -> int:
    """Guess the first edge at or after a place; see the package's docstring."""
    return pieces.cut(SHAPE, path, place)


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read the records of a span; see the package's docstring."""
    return pieces.read(SHAPE, path, start, stop, raw, piece)
