"""Cutting an array of records, or an object of them by id, into pieces, and proving each cut by parsing the piece.

A piece is guessed to end where the next record seems to begin (`}` `,` `{"first key":`). Put in brackets of its own it
is a JSON document only if it ends on a record's edge: inside a string the bracket would not close, at a deeper level
the record would stay open. So a piece that starts on a true edge and parses proves its end, and by induction every cut.

A piece that does not parse holds a bad record or ends on a false guess. Either way shorter ones are tried, down to a
length (trying.py) at which the depth scan finds the edges and each record is judged singly.

An edge lies right behind a record's last character, before the comma; the first lies behind the opening bracket, and
the last is the file's length, once nothing but blanks was found behind the closing bracket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mixer.errors import DamagedFile
from mixer.readers import Batch
from mixer.readers.depth import Unbalanced, shown, value_end
from mixer.readers.faults import FAULTS, bad, damaged, is_json_lines, wrong_start
from mixer.readers.mapping import mapped, skip_blanks, text_end, text_start
from mixer.readers.trying import batches

REACH = 4
"""How many piece lengths a guess may lie away."""
FARTHEST_CUT = 4 << 20
"""The piece length by which cuts are guessed: a file that gives no guesses is not searched whole for each of them."""

_KEY = rb'"[^"\\]*(?:\\.[^"\\]*){0,64}"'
_COLON = rb"[ \t\r\n]*+:[ \t\r\n]*+"
_LONGEST_KEY = 4096

Decode = Callable[[bytes], list[Any]]
T = TypeVar("T")


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


def cut(shape: Shape, path: Path, place: int) -> int:
    """Guess the first edge at or after a place of a file that is one container; see the package's docstring."""
    with mapped(path) as view:
        return _whole(shape, path, view).cut(place)


def read(shape: Shape, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read a span of a file that is one container; see the package's docstring."""
    with mapped(path) as view:
        yield from _whole(shape, path, view).read(start, stop, raw, piece)


def _whole(shape: Shape, path: Path, view: memoryview) -> Records:
    """Find the container that fills a file. Raises DataError."""
    start = text_start(view)
    if bytes(view[start : start + 1]) != shape.opening:
        raise wrong_start(path, view, start, shape.name)
    closer = text_end(view) - 1

    def refuse_more(at: int) -> None:
        if at != closer:
            if is_json_lines(view, start):
                raise wrong_start(path, view, start, shape.name)
            more = skip_blanks(view, at + 1)
            raise damaged(path, more, f"nothing after the closing `{shape.closing.decode()}`", shown(view, more))

    if closer == start:
        raise damaged(path, len(view), f"`{shape.closing.decode()}`", shown(view, len(view)))
    return Records(shape, path, view, start + 1, closer, refuse_more)


class Records:
    """The records of a container in a mapped file.

    `first` is its first edge, if that is known, `closer` where its closing bracket probably stands, if that can be
    told. `rest` is called with the closing bracket's position when the container ends: it checks what follows.
    """

    def __init__(
        self,
        shape: Shape,
        path: Path,
        view: memoryview,
        first: int | None,
        closer: int | None,
        rest: Callable[[int], None],
    ) -> None:
        self.shape, self.path, self.view = shape, path, view
        self.first, self.closer, self._rest = first, closer, rest
        self._behind = _KEY + _COLON if shape.keyed else b""
        self._edge = rb"\}[ \t\r\n]*+,[ \t\r\n]*+" + self._behind + rb"\{[ \t\r\n]*+"
        if first is not None:
            self.learn(skip_blanks(view, first))

    def learn(self, body: int) -> None:
        """Guess from now on that records begin like the one at `body`."""
        head = re.compile(self._behind + rb"\{[ \t\r\n]*+(" + _KEY + rb")" + _COLON, re.DOTALL)
        first_key = head.match(self.view, body, body + _LONGEST_KEY)
        any_key = re.compile(self._edge + rb'["}]', re.DOTALL)
        same_key = re.compile(self._edge + re.escape(first_key[1]) + _COLON, re.DOTALL) if first_key else any_key
        self._guesses = ((same_key, 1), (any_key, REACH))

    def guess(self, place: int, length: int, stop: int, *, strictly: bool = False) -> int | None:
        """Guess the first edge at or after a place: before a record that begins like the last known one.

        Farther away, unless `strictly` asked, before one that begins with any key.
        """
        for pattern, reach in self._guesses[: 1 if strictly else None]:
            found = pattern.search(self.view, place - 1, min(place + reach * length, stop))
            if found is not None:
                return found.start() + 1
        return None

    def cut(self, place: int, *, strictly: bool = False) -> int:
        """Guess the first edge at or after a place. Where nothing looks like one it is none, and reading there fails."""
        if self.first is not None and place <= self.first:
            return self.first
        end = len(self.view)
        if place >= end:
            return end
        guess = self.guess(place, FARTHEST_CUT, end, strictly=strictly)
        return min(place + REACH * FARTHEST_CUT, end) if guess is None else guess

    def read(self, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read the records from `start` to the first edge at or after `stop`; see the package's docstring."""
        decode = self.shape.decoder(raw)
        edge = start if self.first is None else max(start, self.first)
        return batches(
            lambda edge, length: self._piece(edge, length, stop, decode),
            lambda edge, stop: self._singly(edge, stop, decode),
            edge,
            stop,
            piece,
        )

    def parse(self, start: int, stop: int, decode: Callable[[bytes], T]) -> T | None:
        """Decode what lies between two places, in brackets of its own, or give None: it is no row of whole records."""
        try:
            return decode(self._wrapped(start, stop))
        except FAULTS:
            return None

    def _piece(self, edge: int, length: int, stop: int, decode: Decode) -> Batch | None:
        """Decode about `length` bytes at once, or give None: a record is bad or the guess was false."""
        body = self._body(edge)
        if body is None:
            return Batch([], len(self.view))
        end = self._likely_end(edge, length, stop)
        if end is None or end <= body:
            return None
        items = self.parse(body, end, decode)
        if items is None:
            return None
        if end == self.closer:
            self._body(end)
            end = len(self.view)
        return Batch(items, end)

    def _singly(self, edge: int, stop: int, decode: Decode) -> Batch:
        """Judge each record by itself up to the first edge at or after `stop`."""
        items: list[Any] = []
        last = edge
        while edge < stop or edge == len(self.view):
            body = self._body(edge)
            if body is None:
                return Batch(items, len(self.view))
            last, edge = body, self._record_end(body)
            items.append(self._judged(last, edge, decode))
        self.learn(last)
        return Batch(items, edge)

    def _likely_end(self, edge: int, length: int, stop: int) -> int | None:
        place = edge + length
        closer = self.closer if self.closer is not None and edge <= self.closer < stop else None
        last = stop if closer is None else closer
        if place + length // 2 < last:
            return self.guess(place, length, last)
        if closer is not None:
            return closer
        # Inside a number the piece would parse, too, and at the file's end the closing bracket is missing.
        return stop if self._byte(stop - 1) == b"}" and stop < len(self.view) else None

    def _wrapped(self, start: int, stop: int) -> bytes:
        return b"".join((self.shape.opening, self.view[start:stop], self.shape.closing))

    def _body(self, edge: int) -> int | None:
        """Give the start of the record behind an edge, or None when the container ends there."""
        at = skip_blanks(self.view, edge)
        if self._byte(at) == self.shape.closing:
            self._rest(at)
            return None
        if edge != self.first:
            if self._byte(at) != b",":
                raise self._damaged(at, f"`,` or `{self.shape.closing.decode()}`")
            at = skip_blanks(self.view, at + 1)
        if self._byte(at) in (b"", b",", b":", b"]", b"}"):
            raise self._damaged(at, "a record")
        return at

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
        colon = skip_blanks(self.view, value_end(self.view, body))
        if self._byte(colon) != b":":
            raise Unbalanced(colon, "`:`", shown(self.view, colon))
        return skip_blanks(self.view, colon + 1)

    def _judged(self, start: int, stop: int, decode: Decode) -> Any:
        text = self._wrapped(start, stop)
        try:
            return decode(text)[0]
        except FAULTS as error:
            return bad(error, text, start, wrapped=1)

    def _byte(self, at: int) -> bytes:
        return bytes(self.view[at : at + 1])

    def _damaged(self, at: int, expected: str) -> DamagedFile:
        return damaged(self.path, at, expected, shown(self.view, at))
