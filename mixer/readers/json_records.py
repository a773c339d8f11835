"""Reads records that circulate as one JSON array and, in other copies, as a JSON object.

`of()` gives the reader of an array or an object of records by id, `of("data")` that of an array or an object whose
member `data` holds the records. The file's first character tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixer.readers import Batch, Reader, json_array, json_member, json_object
from mixer.readers.mapping import mapped, text_start


@dataclass(frozen=True)
class Either:
    """The reader of an array, or of an object: its members, or what the member of these names holds."""

    names: tuple[str, ...]

    def cut(self, path: Path, place: int) -> int:
        """Guess the first edge at or after a place."""
        return self._reader(path).cut(path, place)

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read the records of a span."""
        return self._reader(path).read(path, start, stop, raw, piece)

    def _reader(self, path: Path) -> Reader:
        with mapped(path) as view:
            start = text_start(view)
            is_array = bytes(view[start : start + 1]) == b"["
        if is_array:
            return json_array
        return json_member.of(*self.names) if self.names else json_object


def of(*names: str) -> Either:
    """Make the reader; with names, the object's records are in the member that these keys lead to."""
    return Either(names)
