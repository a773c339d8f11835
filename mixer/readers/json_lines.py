"""Reads JSON Lines: one record a line; blank lines are nothing.

Every fault is its line's, since a line break ends a record whatever is wrong with it. Only a last line that is cut
short, and a line longer than any record may be, damage the file.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from mixer.errors import DamagedFile
from mixer.readers import Batch, depth
from mixer.readers.faults import FAULTS, LINES, bad, damaged, is_other_format, wrong_start
from mixer.readers.mapping import after_mark, mapped, text_start

_BREAK = re.compile(rb"\n")
_SPREAD_OBJECT = re.compile(rb'\{[ \t\r]*+\n[ \t\r\n]*+"')
_TEXT = re.compile(rb"[^ \t\r\n]")


def cut(path: Path, place: int) -> int:
    """Give the first line start at or after a place, which is no mere guess: every line break is an edge."""
    with mapped(path) as view:
        first = _first(path, view)
        if place <= first:
            return first
        return _line_end(path, view, place) if place < len(view) else len(view)


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read the lines from `start` to the first line start at or after `stop`; see the package's docstring."""
    with mapped(path) as view:
        lines = _Lines(path, len(view), raw)
        edge = max(start, _first(path, view))
        while edge < stop:
            end = _line_end(path, view, min(edge + piece, stop))
            yield Batch(lines.decode(bytes(view[edge:end]), edge), end)
            edge = end


def _first(path: Path, view: memoryview) -> int:
    """Give the start of the first line. Raises DataError for a file of another kind."""
    at = text_start(view)
    if at == len(view) or is_other_format(view, at) or _is_document(view, at):
        raise wrong_start(path, view, at, LINES)
    return after_mark(view)


def _is_document(view: memoryview, at: int) -> bool:
    """Say whether one JSON document fills the file: a list, or an object whose first line holds only its bracket."""
    if view[at] != ord("["):
        return _SPREAD_OBJECT.match(view, at) is not None
    line = _BREAK.search(view, at, at + depth.LONGEST)
    if line is None or _TEXT.search(view, line.end()) is None:
        return True
    return not _is_value(bytes(view[at : line.end()]))


def _is_value(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except FAULTS:
        return False
    return True


def _line_end(path: Path, view: memoryview, place: int) -> int:
    """Give the first line start at or after a place; the file's end is one."""
    found = _BREAK.search(view, place - 1, place + depth.LONGEST)
    if found is None and place + depth.LONGEST <= len(view):  # the line begins before the place, so it is longer
        raise _too_long(path, place)
    return len(view) if found is None else found.end()


def _too_long(path: Path, at: int) -> DamagedFile:
    return damaged(path, at, f"a line break within {depth.LONGEST:,} bytes", "none")


class _Lines:
    """Decodes the lines of one file."""

    def __init__(self, path: Path, size: int, raw: type) -> None:
        self._path, self._size = path, size
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(raw).decode

    def decode(self, text: bytes, start: int) -> list[Any]:
        """Decode whole lines, the first of which is at `start` in the file."""
        # Not msgspec's decode_lines: it lets a record span lines and a line hold several, as long as no cut falls there.
        if len(text) <= depth.LONGEST:
            try:
                return list(map(self._decode, filter(None, text.split(b"\n"))))
            except FAULTS:
                pass
        return list(self._singly(text, start))

    def _singly(self, text: bytes, start: int) -> Iterator[Any]:
        for line in io.BytesIO(text):
            if len(line) > depth.LONGEST:
                raise _too_long(self._path, start)
            if record := line.strip(b" \t\r\n"):
                at = start + line.index(record)
                yield self._judged(record, at, is_cut=not line.endswith(b"\n"))
            start += len(line)

    def _judged(self, record: bytes, at: int, *, is_cut: bool) -> Any:
        try:
            return self._decode(record)
        except FAULTS as error:
            if is_cut and not _is_value(record) and not _is_balanced(record):
                expected = f"the end of the record that starts at byte {at}"
                raise damaged(self._path, self._size, expected, "the end of the file") from None
            return bad(error, record, at)


def _is_balanced(record: bytes) -> bool:
    view = memoryview(record)
    try:
        return record[:1] in (b"{", b"[") and depth.value_end(view, 0) == len(view)
    except depth.Unbalanced:
        return False
