"""Values of files by their ids, read when they are asked for: what a lookup gives whose values are too large to hold.

Of each value only its id and its place are in memory, a few hundred bytes. What several files hold is one with `|`.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Slice = tuple[int, int]
"""Where a value starts, and how long it is."""


class Part(NamedTuple):
    """The values of one file: how bytes of it are read, and where each value stands."""

    read: Callable[[int, int], bytes]
    slices: dict[str, Slice]


class Places:
    """The values of some files; of equal ids the first file's counts."""

    def __init__(self, *parts: Part) -> None:
        self._parts = parts

    def __contains__(self, id: str) -> bool:
        return any(id in part.slices for part in self._parts)

    def __or__(self, other: Places) -> Places:
        return Places(*self._parts, *other._parts)

    def get(self, id: str) -> bytes | None:
        """Read a value; None where there is none of this id."""
        for part in self._parts:
            if id in part.slices:
                return part.read(*part.slices[id])
        return None


def file_bytes(path: Path, start: int, length: int) -> bytes:
    """Read bytes of a file that stays where it is."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


class Spool:
    """Values written out to a working file that nobody else sees and that goes with its owner."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as its owner
        self._size = 0
        weakref.finalize(self, self._file.close)

    def add(self, value: bytes) -> Slice:
        """Write a value, and say where."""
        start = self._size
        self._file.seek(start)
        self._size += self._file.write(value)
        return start, len(value)

    def read(self, start: int, length: int) -> bytes:
        """Read bytes of it."""
        self._file.seek(start)
        return self._file.read(length)
