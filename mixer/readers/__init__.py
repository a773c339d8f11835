"""Readers: one raw shape a file, all with the same face; the only code that opens source files.

A reader, a module or what its function `of` gives, has two functions:

    cut(path, place) -> int
        A guess of the first record edge at or after byte `place`. Two are sure: that of place 0 is where the first
        record may begin, that of any place at or past the end is the file's length. A guess depends on the file's
        bytes only, and apart from what stands before the first record on none that lie 64 MiB or more after `place`.
    read(path, start, stop, raw, piece) -> Iterator[Batch]
        The records from `start`, a true record edge, up to the first record edge at or after `stop`, about `piece`
        bytes to a batch, decoded as `raw` (a msgspec Struct).

Spans may be read anywhere, in parallel, but are accepted from left to right only: a span counts when it starts where
the last accepted one ended. A nested record that begins like the outer one makes false cuts whose spans parse, so
nothing but this induction from the left proves a cut; a span that started elsewhere is thrown away and read again.

A file may be read while it grows at its end: a cut or a span whose place or `stop` lies `AHEAD` bytes or more before the
present end gives what it will give when the file is whole. Only an error is not final then: what stands before the
first record, or behind the last, may be longer than any record, and where it does not end yet, it seems cut short. Who
reads a growing file waits for its end on an error, and tries again.

A reader with an attribute `unit` other than "bytes" counts places, edges and pieces in that, and needs the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from mixer.readers.depth import LONGEST

AHEAD = LONGEST
"""How far behind a place a reader may look, in bytes."""
PAST_ANY_END = 1 << 62


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that does not decode: why, where in the record (`$.turns[2].value`), and its place in the file."""

    reason: str
    where: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive items of a file, each a decoded raw record or `Bad`, and the byte position of the edge after them."""

    items: list[Any]
    end: int


class Reader(Protocol):
    """The face of a reader; see the package's docstring."""

    def cut(self, path: Path, place: int) -> int: ...  # noqa: D102 - described above

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]: ...  # noqa: D102


def cuts(reader: Reader | ModuleType, path: Path, size: int) -> list[int]:
    """Give places at which a file may be cut for parallel work, about `size` bytes apart; all but the ends are guesses.

    They ascend, and are two at least: where the first record may begin, and the file's end.
    """
    end = reader.cut(path, PAST_ANY_END)
    step = max(1, round(size / bytes_a_place(reader, path)))
    edges = [reader.cut(path, 0)]
    while len(edges) == 1 or edges[-1] < end:
        edges.append(reader.cut(path, min(edges[-1] + step, end)))
    return edges


def bytes_a_place(reader: Reader | ModuleType, path: Path) -> float:
    """Tell how many bytes of a file a place stands for: 1, unless the reader counts in another unit; then on average."""
    if not reads_from_end(reader):
        return 1
    return path.stat().st_size / max(1, reader.cut(path, PAST_ANY_END))


def counts_bytes(reader: Reader | ModuleType) -> bool:
    """Say whether a reader's places, and so those of its bad records, are byte positions."""
    return str(getattr(reader, "unit", "bytes")).startswith("bytes")


def reads_from_end(reader: Reader | ModuleType) -> bool:
    """Say whether a reader needs the whole file, since it counts in a unit of its own that the file's end tells."""
    return getattr(reader, "unit", "bytes") != "bytes"
