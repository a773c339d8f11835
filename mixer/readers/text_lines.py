"""Reads plain text, a record a line: a raw type's `text` is the line, its `line` the number, from 0; it may lack either.

Lines end at line feeds and nowhere else; a carriage return before one belongs to it. Blank lines are records, so that
files of which line n belongs to line n stay in step. Places and edges are line numbers, and so is `at` of a bad record.

Nothing in a text tells that it was cut short: only a source that knows what belongs to its lines will notice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from mixer.readers import Batch, depth
from mixer.readers.faults import FAULTS, bad, damaged, is_other_format, wrong_start
from mixer.readers.mapping import after_mark, mapped

unit = "lines"
"""What places count; see the package's docstring."""

TEXT = "lines of text"
BLOCK = 1 << 20
"""Bytes in which lines are counted at once."""
PIECE = 128 << 10
"""Bytes that are made records at once, about."""
_BREAK = re.compile(rb"\n")


def cut(path: Path, place: int) -> int:
    """Give a line number: each is an edge."""
    with mapped(path) as view:
        first = _first(path, view)
        if place <= 0:
            return 0
        lines = sum(bytes(view[at : at + BLOCK]).count(b"\n") for at in range(first, len(view), BLOCK))
        return min(place, lines + (view[-1] != ord("\n")))


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read lines `start` to `stop`, at most `piece` to a batch; see the package's docstring."""
    names = {field.encode_name for field in msgspec.structs.fields(raw)}
    with mapped(path) as view:
        edge, at = start, _place(view, _first(path, view), start)
        while edge < stop and at < len(view):
            end = _line_end(path, view, min(at + PIECE, len(view)))
            lines = bytes(view[at:end]).removesuffix(b"\n").split(b"\n")[: min(piece, stop - edge)]
            yield Batch(_records(lines, edge, raw, names), edge + len(lines))
            edge += len(lines)
            at = min(at + sum(map(len, lines)) + len(lines), len(view))


def _first(path: Path, view: memoryview) -> int:
    """Give the start of the first line. Raises DataError for a file of another kind."""
    start = after_mark(view)
    if start == len(view) or is_other_format(view, start):
        raise wrong_start(path, view, start, TEXT)
    return start


def _place(view: memoryview, at: int, lines: int) -> int:
    """Give the start of the line that so many lines are before."""
    while lines and at < len(view):
        block = bytes(view[at : at + BLOCK])
        count = block.count(b"\n")
        if count >= lines:
            ends = (found.end() for found in _BREAK.finditer(block))
            return at + next(end for number, end in enumerate(ends, 1) if number == lines)
        lines -= count
        at += len(block)
    return at


def _line_end(path: Path, view: memoryview, place: int) -> int:
    """Give the first line start at or after a place; the file's end is one. Raises DamagedFile for a line too long."""
    found = _BREAK.search(view, place - 1, place + depth.LONGEST)
    if found is None and place + depth.LONGEST < len(view):
        raise damaged(path, place, f"a line break within {depth.LONGEST:,} bytes", "none")
    return len(view) if found is None else found.end()


def _records(lines: list[bytes], start: int, raw: type, names: set[str]) -> list[Any]:
    records: Any = list[raw]  # type: ignore[valid-type]
    try:
        rows = [_row(line, number, names) for number, line in enumerate(lines, start)]
        return cast("list[Any]", msgspec.convert(rows, records))
    except FAULTS:
        return [_judged(line, number, raw, names) for number, line in enumerate(lines, start)]


def _judged(line: bytes, number: int, raw: type, names: set[str]) -> Any:
    try:
        return msgspec.convert(_row(line, number, names), raw)
    except FAULTS as error:
        return bad(error, line, number)


def _row(line: bytes, number: int, names: set[str]) -> dict[str, Any]:
    row = {"text": line.removesuffix(b"\r").decode(), "line": number}
    return {name: value for name, value in row.items() if name in names}
