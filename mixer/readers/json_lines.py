"""Reads JSON Lines: one record a line; blank lines are nothing.

Every fault is its line's, since a line break ends a record whatever is wrong with it. Only a last line that is cut
short, and a line longer than any record may be, damage the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from mixer.errors import DamagedFile
from mixer.readers import Batch, depth
from mixer.readers.faults import BOM, FAULTS, LINES, bad, damaged, wrong_start
from mixer.readers.pieces import mapped

_BREAK = re.compile(rb"\n")
_START = re.compile(rb"[ \t\r\n]*+(?!\{[ \t\r]*+\n)(?=.)", re.DOTALL)
_BLANKS = b" \t\r"


def cuts(path: Path, size: int) -> list[int]:
    """Give line breaks about `size` bytes apart; none of them is a mere guess."""
    with mapped(path) as view:
        edges = [_first(path, view)]
        while (place := edges[-1] + size) < len(view):
            edges.append(_line_end(path, view, place))
        return edges if edges[-1] == len(view) else [*edges, len(view)]


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read the lines from `start` to the first line break at or after `stop`."""
    with mapped(path) as view:
        lines = _Lines(path, raw)
        edge = max(start, _first(path, view))
        while edge < stop:
            end = _line_end(path, view, min(edge + piece, stop))
            yield Batch(lines.decode(bytes(view[edge:end]), edge, is_last=end == len(view)), end)
            edge = end
