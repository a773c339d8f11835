"""Cutting an array of records, or an object of them by id, into pieces, and proving each cut by parsing the piece.

A piece is guessed to end where the next record seems to begin (`}` `,` `{"first key":`). Put in brackets of its own it
is a JSON document only if it ends on a record's edge: inside a string the bracket would not close, at a deeper level
the record would stay open. So a piece that starts on a true edge and parses proves its end, and by induction every cut.

A piece that does not parse holds a bad record or ends on a false guess. Either way the next try is four times shorter,
down to `LEAST`, where the depth scan finds the edges and each record is judged singly; lengths grow again with each
piece that parses. So one bad record costs about one more parse of its piece, whatever its fault.

An edge lies right behind a record's last character, before the comma; the first lies behind the opening bracket, and
the last is the file's length, once nothing but blanks was found behind the closing bracket.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixer.errors import DamagedFile
from mixer.readers import Batch
from mixer.readers.depth import Unbalanced, shown, value_end
from mixer.readers.faults import BOM, FAULTS, bad, damaged, is_json_lines, wrong_start

LEAST = 16 << 10
"""The shortest piece tried before its records are judged singly: below it a try costs as much."""
SHRINK = 4
REACH = 4
"""How many piece lengths a guess may lie away."""
FARTHEST_CUT = 4 << 20
"""How far a cut may lie from its place: without it, a file that gives no guesses would be searched whole."""

_BLANKS = re.compile(rb"[ \t\r\n]*+")
_KEY = rb'"[^"\\]*(?:\\.[^"\\]*){0,64}"'
_COLON = rb"[ \t\r\n]*+:[ \t\r\n]*+"
_LONGEST_KEY = 4096
_BLOCK = 4096

Decode = Callable[[bytes], list[Any]]


@dataclass(frozen=True)
class Shape:
    """What tells one container of records from another."""

    name: str
    opening: bytes
    closing: bytes
    keyed: bool
    """Each record stands behind a key and a colon."""
    decoder: Callable[[type], Decode]
    """Given a raw type, what decodes a whole container to its records."""


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """Map a file, read-only, to be read from left to right. No slice of the view may outlive the block."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            yield memoryview(b"")  # an empty file cannot be mapped
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory, memoryview(memory) as view:
                memory.madvise(mmap.MADV_SEQUENTIAL)
                yield view


def cuts(shape: Shape, path: Path, size: int) -> list[int]:
    """Guess where a file may be cut, about `size` bytes apart; see the package's docstring."""
    with mapped(path) as view:
        records = _Records(shape, path, view)
        places = range(records.first + size, len(view), size)
        guesses = (records.guess(place, min(size, FARTHEST_CUT), min(place + size, len(view))) for place in places)
        return [records.first, *(edge for edge in guesses if edge is not None), len(view)]


def read(shape: Shape, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read the records from `start` to the first edge at or after `stop`; see the package's docstring."""
    with mapped(path) as view:
        records = _Records(shape, path, view)
        decode = shape.decoder(raw)
        edge, length, least = max(start, records.first), piece, min(piece, LEAST)
        suspect = 0  # a piece up to here failed, and its fault was not met yet: longer ones would fail, too
        while edge < stop:
            batch = records.piece(edge, length, stop, decode)
            if batch is None and length > least:
                suspect, length = edge + length, max(min(length, stop - edge) // SHRINK, least)
                continue
            if batch is None:
                batch, suspect = records.singly(edge, min(edge + length, stop), decode), 0
            elif batch.end >= suspect:
                length = min(length * SHRINK, piece)
            yield batch
            edge = batch.end


class _Records:
    """The records of one mapped file.

    `first` is the first edge; `closer` is where the closing bracket stands if the file is whole.
    """

    def __init__(self, shape: Shape, path: Path, view: memoryview) -> None:
        self.shape, self.path, self.view = shape, path, view
        start = self._skip(len(BOM) if view[: len(BOM)] == BOM else 0)
        if self._byte(start) != shape.opening:
            raise wrong_start(path, view, start, shape.name)
        self.first = start + 1
        self.closer = _rstripped(view) - 1
        if self.closer < self.first:
            raise self._damaged(len(view), f"`{shape.closing.decode()}`")
        self._behind = _KEY + _COLON if shape.keyed else b""
        self._edge = rb"\}[ \t\r\n]*+,[ \t\r\n]*+" + self._behind + rb"\{[ \t\r\n]*+"
        self._learn(self._skip(self.first))

    def _learn(self, body: int) -> None:
        """Guess from now on that records begin like the one at `body`."""
        head = re.compile(self._behind + rb"\{[ \t\r\n]*+(" + _KEY + rb")" + _COLON, re.DOTALL)
        first_key = head.match(self.view, body, body + _LONGEST_KEY)
        any_key = re.compile(self._edge + rb'["}]', re.DOTALL)
        same_key = re.compile(self._edge + re.escape(first_key[1]) + _COLON, re.DOTALL) if first_key else any_key
        self._guesses = ((same_key, 1), (any_key, REACH))

    def guess(self, place: int, length: int, stop: int) -> int | None:
        """Guess the first edge at or after a place: before a record that begins like the last known one."""
        for pattern, reach in self._guesses:
            found = pattern.search(self.view, place - 1, min(place + reach * length, stop))
            if found is not None:
                return found.start() + 1
        return None

    def piece(self, edge: int, length: int, stop: int, decode: Decode) -> Batch | None:
        """Decode about `length` bytes at once, or give None: a record is bad or the guess was false."""
        body = self._body(edge)
        if body is None:
            return Batch([], len(self.view))
        end = self._likely_end(edge, length, stop)
        if end is None or end <= body:
            return None
        try:
            items = decode(self._wrapped(body, end))
        except FAULTS:
            return None
        if end == self.closer:
            self._body(end)
            end = len(self.view)
        return Batch(items, end)

    def singly(self, edge: int, stop: int, decode: Decode) -> Batch:
        """Judge each record by itself up to the first edge at or after `stop`."""
        items: list[Any] = []
        last = edge
        while edge < stop or edge == len(self.view):
            body = self._body(edge)
            if body is None:
                return Batch(items, len(self.view))
            last, edge = body, self._record_end(body)
            items.append(self._judged(last, edge, decode))
        self._learn(last)
        return Batch(items, edge)

    def _likely_end(self, edge: int, length: int, stop: int) -> int | None:
        place = edge + length
        if place + length // 2 < stop:
            return self.guess(place, length, stop)
        if stop == len(self.view):
            return self.closer
        return stop if self._byte(stop - 1) == b"}" else None  # inside a number the piece would parse, too

    def _wrapped(self, start: int, stop: int) -> bytes:
        return b"".join((self.shape.opening, self.view[start:stop], self.shape.closing))

    def _body(self, edge: int) -> int | None:
        """Give the start of the record behind an edge, or None when the container ends there."""
        at = self._skip(edge)
        if self._byte(at) == self.shape.closing:
            self._refuse_more(at)
            return None
        if edge != self.first:
            if self._byte(at) != b",":
                raise self._damaged(at, f"`,` or `{self.shape.closing.decode()}`")
            at = self._skip(at + 1)
        if self._byte(at) in (b"", b",", b":", b"]", b"}"):
            raise self._damaged(at, "a record")
        return at

    def _refuse_more(self, closer: int) -> None:
        if closer != self.closer:
            if is_json_lines(self.view, self.first - 1):
                raise wrong_start(self.path, self.view, self.first - 1, self.shape.name)
            raise self._damaged(self._skip(closer + 1), f"nothing after the closing `{self.shape.closing.decode()}`")

    def _record_end(self, body: int) -> int:
        try:
            return value_end(self.view, self._value(body) if self.shape.keyed else body)
        except Unbalanced as fault:
            expected = f"{fault.expected} in the record that starts at byte {body}"
            raise damaged(self.path, fault.at, expected, fault.got) from None

    def _value(self, body: int) -> int:
        """Give the start of the value behind a key and its colon."""
        if self._byte(body) != b'"':
            raise Unbalanced(body, "a key in quotes", shown(self.view, body))
        colon = self._skip(value_end(self.view, body))
        if self._byte(colon) != b":":
            raise Unbalanced(colon, "`:`", shown(self.view, colon))
        return self._skip(colon + 1)

    def _judged(self, start: int, stop: int, decode: Decode) -> Any:
        text = self._wrapped(start, stop)
        try:
            return decode(text)[0]
        except FAULTS as error:
            return bad(error, text, start, wrapped=1)

    def _skip(self, at: int) -> int:
        blanks = _BLANKS.match(self.view, at)
        assert blanks is not None  # it matches the empty text, too
        return blanks.end()

    def _byte(self, at: int) -> bytes:
        return bytes(self.view[at : at + 1])

    def _damaged(self, at: int, expected: str) -> DamagedFile:
        return damaged(self.path, at, expected, shown(self.view, at))


def _rstripped(view: memoryview) -> int:
    """Give the length of a file, which does not hold blanks only, without the blanks at its end."""
    end = len(view)
    while not (kept := bytes(view[max(0, end - _BLOCK) : end]).rstrip(b" \t\r\n")):
        end -= _BLOCK
    return max(0, end - _BLOCK) + len(kept)
