"""Readers: one raw shape a file, all with the same face; the only code that opens source files.

A reader module exports two functions:

    cuts(path, size) -> list[int]
        Byte positions at which the file may be cut for parallel work, ascending: the first is where its first record
        may begin, the last is the file's length, the others lie about `size` bytes apart. All but the first are
        guesses; they depend on nothing but the file's bytes and `size`.
    read(path, start, stop, raw, piece) -> Iterator[Batch]
        The records from `start`, a true record edge, up to the first record edge at or after `stop`, about `piece`
        bytes to a batch, decoded as `raw` (a msgspec Struct).

Spans may be read anywhere, in parallel, but are accepted from left to right only: a span counts when it starts where
the last accepted one ended. A nested record that begins like the outer one makes false cuts whose spans parse, so
nothing but this induction from the left proves a cut; a span that started elsewhere is thrown away and read again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that does not decode: why, where in the record (`$.turns[2].value`) and its byte position in the file."""

    reason: str
    where: str
    at: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive items of a file, each a decoded raw record or `Bad`, and the byte position of the edge after them."""

    items: list[Any]
    end: int


class Reader(Protocol):
    """The face of a reader module; see the package's docstring."""

    def cuts(self, path: Path, size: int) -> list[int]: ...  # noqa: D102 - described above

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]: ...  # noqa: D102
