"""Reads JSON Lines whose records are told by the number of their line alone, as two files that go together line by line.

Each record's attribute `line` is set to the number of its record in the file, from 0; blank lines are nothing. Places
and edges are these numbers, and so the whole file is gone through for each span: it is meant for short files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from mixer.readers import PAST_ANY_END, Bad, Batch, json_lines

unit = "lines"
"""What places count; see the package's docstring."""
_PIECE = 1 << 20
"""Bytes of lines decoded at once."""


def cut(path: Path, place: int) -> int:
    """Give a line number: each is an edge."""
    if place <= 0:
        return 0
    return min(place, sum(len(batch.items) for batch in _lines(path, msgspec.Raw)))


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:  # noqa: ARG001 - the face of a reader
    """Read lines `start` to `stop`; see the package's docstring."""
    first = 0
    for batch in _lines(path, raw):
        numbered = list(enumerate(batch.items, first))[max(0, start - first) : max(0, stop - first)]
        first += len(batch.items)
        for number, item in numbered:
            if type(item) is not Bad:
                item.line = number
        if numbered:
            yield Batch([item for _, item in numbered], numbered[-1][0] + 1)


def _lines(path: Path, raw: type) -> Iterator[Batch]:
    return json_lines.read(path, json_lines.cut(path, 0), json_lines.cut(path, PAST_ANY_END), raw, _PIECE)
