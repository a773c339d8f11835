"""The JSON objects around a container of records: finding the container in them, and checking what follows it.

Members are skipped by parsing pieces of them, which is fast, and by the depth scan where that fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from mixer.errors import DamagedFile, DataError
from mixer.readers import json_array, json_object
from mixer.readers.depth import Unbalanced, container_end, shown, value_end
from mixer.readers.faults import CHECK, DOWNLOAD_AGAIN, FAULTS, damaged, is_json_lines, listed, wrong_start
from mixer.readers.mapping import skip_blanks, text_start
from mixer.readers.pieces import Records, Shape

TAIL = 64 << 10
"""How far from the file's end the container's closing bracket is looked for."""
TRIES = 1000
"""How many brackets there are tried."""
SHORT = 64 << 10
"""Members up to this length are skipped by the depth scan at once."""
KEPT = 20
"""How many of an object's keys are kept for a message."""
PIECE = 1 << 20
"""Bytes of a longer one that are parsed at once."""

_SHAPES = {b"[": json_array.SHAPE, b"{": json_object.SHAPE}
_split = msgspec.json.Decoder(msgspec.Raw).decode


class Member(NamedTuple):
    """A member of an object: its key, and where that and its value begin."""

    key: str
    at: int
    value: int


class Envelope:
    """What encloses the container that the keys `names` lead to, in a mapped file."""

    def __init__(self, path: Path, view: memoryview, names: tuple[str, ...]) -> None:
        self._path, self._view, self._names = path, view, names
        self._called = "a member " + " of ".join(listed([name]) for name in reversed(names))

    def first(self) -> int:
        """Find the container and give its first edge. Raises DataError when there is none."""
        at = text_start(self._view)
        if self._byte(at) != b"{":
            raise self._wrong_start()
        for name in self._names:
            at = self._value_of(name, at)
        if self._byte(at) not in _SHAPES:
            raise self._damaged(at, f"an array or object of records in {self._called}", CHECK)
        if at + 1 == len(self._view):  # no span would be read, so nobody else would tell
            raise self._damaged(at + 1, f"records in {self._called}")
        return at + 1

    def members(self) -> Iterator[tuple[str, int, int]]:
        """Go through the container's members: key, and where its value starts and ends. Raises DamagedFile."""
        start = end = self.first()
        if self._byte(start - 1) != b"{":
            raise self._damaged(start - 1, f"an object in {self._called}", CHECK)
        while (member := self.member(end, first=end == start)) is not None:
            end = self.end_of(member)
            yield member.key, member.value, end
        self._check_rest(skip_blanks(self._view, end))

    def begins(self, edge: int) -> bool:
        """Say whether the container seems to begin at an edge."""
        before = bytes(self._view[max(0, edge - 4096) : max(0, edge - 1)]).rstrip(b" \t\r\n:")
        return self._byte(edge - 1) in _SHAPES and before.endswith(msgspec.json.encode(self._names[-1]))

    def records(self, edge: int) -> Records:
        """Give the container's records from an edge; what stands around that tells whether they have ids."""
        opening = self._byte(edge - 1)
        is_first = opening in _SHAPES  # no record ends like this
        body = skip_blanks(self._view, edge)
        if not is_first:
            is_last = self._byte(body) == b"}"
            body = skip_blanks(self._view, body + 1)
            opening = b"{" if is_last or self._is_key(body) else b"["
        shape = _SHAPES[opening]
        records = Records(shape, self._path, self._view, edge if is_first else None, None, self._check_rest)
        records.learn(body)
        return records

    def likely_closer(self, shape: Shape) -> int | None:
        """Guess where the container ends: at the first bracket that closes a document with what may stand before it."""
        start = max(0, len(self._view) - TAIL)
        tail = bytes(self._view[start:])
        before = b'{"":' * len(self._names) + shape.opening
        found, at = None, len(tail)
        for _ in range(TRIES):
            at = tail.rfind(shape.closing, 0, at)
            if at < 0:
                break
            try:
                _split(before + tail[at:])
            except FAULTS:
                continue
            found = start + at
        return found

    def _is_key(self, at: int) -> bool:
        try:
            return self._byte(at) == b'"' and self._byte(skip_blanks(self._view, value_end(self._view, at))) == b":"
        except Unbalanced:
            return False

    def _value_of(self, name: str, at: int) -> int:
        """Give the start of a member's value, in the object that begins at `at`. Raises DataError without the member."""
        if self._byte(at) != b"{":
            raise self._damaged(at, f"an object on the way to {self._called}", CHECK)
        keys: list[str] = []
        count, end = 0, at + 1
        while (member := self.member(end, first=not count)) is not None:
            if member.key == name:
                return member.value
            keys += [member.key] if count < KEPT else []
            count, end = count + 1, self.end_of(member)
        if is_json_lines(self._view, at):
            raise self._wrong_start()
        raise DataError(f"{self._path}: expected {self._called}, got {listed(keys, count) or 'none'}; {CHECK}")

    def _check_rest(self, closer: int) -> None:
        """Check what follows the container: members, the brackets that close, and nothing more. Raises DataError."""
        at = closer + 1
        for name in reversed(self._names):
            while (member := self.member(at)) is not None:
                if member.key == name:
                    raise damaged(
                        self._path, member.at, f"one member {listed([name])}", "a second one", "keep one of them"
                    )
                at = self.end_of(member)
            at = skip_blanks(self._view, at) + 1
        more = skip_blanks(self._view, at)
        if more < len(self._view):
            if is_json_lines(self._view, text_start(self._view)):
                raise self._wrong_start()
            raise self._damaged(more, "nothing after the closing `}`")

    def member(self, at: int, *, first: bool = False) -> Member | None:
        """Give the member that follows an object's bracket or another member, or None when the object ends there."""
        at = skip_blanks(self._view, at)
        if self._byte(at) == b"}":
            return None
        if not first:
            if self._byte(at) != b",":
                raise self._damaged(at, "`,` or `}`")
            at = skip_blanks(self._view, at + 1)
        if self._byte(at) != b'"':
            raise self._damaged(at, "a key in quotes")
        try:
            end = value_end(self._view, at)
        except Unbalanced as fault:
            raise self._damaged(fault.at, fault.expected) from None
        colon = skip_blanks(self._view, end)
        if self._byte(colon) != b":":
            raise self._damaged(colon, "`:`")
        return Member(_text(bytes(self._view[at:end])), at, skip_blanks(self._view, colon + 1))

    def end_of(self, member: Member) -> int:
        """Give the position after a member. Raises DamagedFile."""
        is_container = self._byte(member.value) in _SHAPES
        short = self._short_end(member.value) if is_container else None
        if short is not None:
            return short
        try:
            if is_container:
                return container_end(self._view, member.value, self._last_edge(member.value))
            return value_end(self._view, member.value)
        except Unbalanced as fault:
            expected = f"{fault.expected} in the member {listed([member.key])}"
            raise damaged(self._path, fault.at, expected, fault.got) from None

    def _short_end(self, start: int) -> int | None:
        try:
            return value_end(self._view[: start + SHORT], start)
        except Unbalanced:
            return None

    def _last_edge(self, start: int) -> int:
        """Go through a container by pieces that parse, and give the last edge that is reached so."""
        records = Records(_SHAPES[self._byte(start)], self._path, self._view, start + 1, None, self._check_rest)
        edge = start + 1
        while True:
            body = skip_blanks(self._view, edge)
            if edge != start + 1:
                body = skip_blanks(self._view, body + 1)  # a guess lies before a comma
            guess = records.guess(edge + PIECE, PIECE, len(self._view))
            if guess is None or records.parse(body, guess, _split) is None:
                return edge
            edge = guess

    def _byte(self, at: int) -> bytes:
        return bytes(self._view[at : at + 1])

    def _damaged(self, at: int, expected: str, hint: str = DOWNLOAD_AGAIN) -> DamagedFile:
        is_cut = at >= len(self._view)
        return damaged(self._path, at, expected, shown(self._view, at), DOWNLOAD_AGAIN if is_cut else hint)

    def _wrong_start(self) -> DataError:
        return wrong_start(self._path, self._view, text_start(self._view), f"a JSON object with {self._called}")


def _text(quoted: bytes) -> str:
    try:
        return msgspec.json.decode(quoted, type=str)
    except FAULTS:
        return quoted[1:-1].decode(errors="replace")
