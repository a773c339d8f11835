"""Reads the parallel lists of a JSON object as records: `{"urls": ["a", "b"], "captions": ["x", "y"]}`.

`of("urls", "captions")` gives the reader of these lists, which have to be equally long. Record n holds value n of each
list that its type names; other members may be anything. Places and edges are record numbers, and so is `at` of a bad
record.

Each list is gone through once by pieces, of which only the places are kept. A piece is guessed to end before a comma.
It starts on a true edge, so if it is a JSON array in brackets of its own, it proves that end (as in pieces.py). Memory:
a piece of each list.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, cast

import msgspec

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, Batch
from mixer.readers.depth import Unbalanced, shown, value_end
from mixer.readers.envelope import KEPT, Envelope
from mixer.readers.faults import CHECK, DOWNLOAD_AGAIN, FAULTS, bad, damaged, is_json_lines, listed, wrong_start
from mixer.readers.mapping import mapped, skip_blanks, text_start
from mixer.readers.trying import LEAST, SHRINK
from mixer.stamps import Stamp, stamp

PIECE = 256 << 10
"""Bytes of a list that are parsed at once."""
ROWS = 2048
"""Records made at once, at most."""
REACH = 4
"""How many piece lengths a guess may lie away."""

_BETWEEN = (re.compile(rb'"[ \t\r\n]*+(?=,[ \t\r\n]*+")'), re.compile(rb"(?=,)"))
"""What stands before the comma at which a piece may end: between texts, else anywhere."""
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode = msgspec.json.Decoder(list[Any]).decode


@dataclass(frozen=True)
class Columns:
    """The reader of lists of these names; see the package's docstring."""

    names: tuple[str, ...]
    unit: str = field(default="records", init=False)
    """What places count; see the package's docstring."""

    def cut(self, path: Path, place: int) -> int:
        """Give a record number: each is an edge."""
        return min(max(place, 0), next(iter(_lists(path, self.names).values())).count)

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read records `start` to `stop`, at most `piece` to a batch."""
        lists = _lists(path, self.names)
        fields = msgspec.structs.fields(raw)
        missing = [each.encode_name for each in fields if each.required and each.encode_name not in lists]
        if missing:
            raise DataError(f"{path}: expected columns {listed(missing)}, got {listed(lists)}; {CHECK}")
        names = [each.encode_name for each in fields if each.encode_name in lists]
        with mapped(path) as view:
            rows = zip(*(_values(lists[name], view, start) for name in names), strict=True)
            edge = start
            while edge < stop and (some := list(islice(rows, min(ROWS, piece, stop - edge)))):
                yield Batch(_records(names, some, edge, raw), edge + len(some))
                edge += len(some)


def of(*names: str) -> Columns:
    """Make the reader of the lists of these names."""
    if not names:
        raise ValueError("a list has a name")
    return Columns(names)


@dataclass
class _List:
    """Where a list lies: of each of its pieces the first value's number, and the bytes it takes."""

    firsts: list[int] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    count: int = 0
    end: int = 0
    """Position behind its closing bracket."""


def _lists(path: Path, names: tuple[str, ...]) -> dict[str, _List]:
    return _found(path, names, stamp(path))


@lru_cache(maxsize=8)
def _found(path: Path, names: tuple[str, ...], _version: Stamp) -> dict[str, _List]:
    """Find the lists and check that they are equally long. Raises DataError."""
    with mapped(path) as view:
        lists = _Walk(path, view, names).lists()
    lengths = {each.count for each in lists.values()}
    if len(lengths) > 1:
        counts = listed(f"{name}: {each.count:,}" for name, each in lists.items())
        raise DataError(f"{path}: expected columns of one length, got {counts}; {DOWNLOAD_AGAIN}")
    return {name: lists[name] for name in names}


class _Walk:
    """One way through a mapped file."""

    def __init__(self, path: Path, view: memoryview, names: tuple[str, ...]) -> None:
        self._path, self._view, self._names = path, view, names
        self._envelope = Envelope(path, view, names)

    def lists(self) -> dict[str, _List]:
        """Go through the object's members. Raises DataError."""
        view, start = self._view, text_start(self._view)
        expected = f"a JSON object with columns {listed(self._names)}"
        if self._byte(start) != b"{":
            raise wrong_start(self._path, view, start, expected)
        found: dict[str, _List] = {}
        keys: list[str] = []
        at = start + 1
        while (member := self._envelope.member(at, first=not keys)) is not None:
            keys.append(member.key)
            if member.key not in self._names:
                at = self._envelope.end_of(member)
                continue
            if member.key in found:
                expected = f"one column {listed([member.key])}"
                raise damaged(self._path, member.at, expected, "a second one", "keep one of them")
            if self._byte(member.value) != b"[":
                raise self._damaged(member.value, f"a list as column {listed([member.key])}", CHECK)
            found[member.key] = self._list(member.value)
            at = found[member.key].end
        more = skip_blanks(view, skip_blanks(view, at) + 1)
        if more < len(view):
            if is_json_lines(view, start):
                raise wrong_start(self._path, view, start, expected)
            raise self._damaged(more, "nothing after the closing `}`")
        missing = [name for name in self._names if name not in found]
        if missing:
            got = listed(keys[:KEPT], len(keys)) or "none"
            raise DataError(f"{self._path}: expected columns {listed(missing)}, got {got}; {CHECK}")
        return found

    def _list(self, start: int) -> _List:
        """Go through a list, piece by piece."""
        found = _List()
        body = skip_blanks(self._view, start + 1)
        if self._byte(body) == b"]":
            found.end = body + 1
            return found
        length = PIECE
        while True:
            stop, count = self._piece(body, length)
            if not count and length > LEAST:
                length //= SHRINK
                continue
            if count:
                length = min(length * SHRINK, PIECE)
            else:
                stop, count = self._singly(body)
            found.firsts.append(found.count)
            found.spans.append((body, stop))
            found.count += count
            if self._byte(stop) == b"]":
                found.end = stop + 1
                return found
            body = skip_blanks(self._view, stop + 1)

    def _piece(self, body: int, length: int) -> tuple[int, int]:
        """Guess where a piece of about so many bytes ends, and count its values; 0: that is no end."""
        for pattern in _BETWEEN:
            guess = pattern.search(self._view, body + length, body + REACH * length)
            if guess is not None:
                try:
                    return guess.end(), len(_split(b"".join((b"[", self._view[body : guess.end()], b"]"))))
                except FAULTS:
                    continue
        return body, 0

    def _singly(self, body: int) -> tuple[int, int]:
        """Go from value to value, to the list's end or some way. Raises DamagedFile."""
        count, least = 0, body + LEAST
        while True:
            stop, count = skip_blanks(self._view, self._end(body)), count + 1
            byte = self._byte(stop)
            if byte == b"]" or (byte == b"," and stop >= least):
                return stop, count
            if byte != b",":
                raise self._damaged(stop, "`,` or `]`")
            body = skip_blanks(self._view, stop + 1)

    def _end(self, body: int) -> int:
        try:
            return value_end(self._view, body)
        except Unbalanced as fault:
            expected = f"{fault.expected} in the value that starts at byte {body}"
            raise damaged(self._path, fault.at, expected, fault.got) from None

    def _byte(self, at: int) -> bytes:
        return bytes(self._view[at : at + 1])

    def _damaged(self, at: int, expected: str, hint: str = DOWNLOAD_AGAIN) -> DamagedFile:
        is_cut = at >= len(self._view)
        return damaged(self._path, at, expected, shown(self._view, at), DOWNLOAD_AGAIN if is_cut else hint)


def _values(found: _List, view: memoryview, start: int) -> Iterator[Any]:
    """Go through the values of a list from the one of a number on; those that do not decode are Bad."""
    first = max(0, bisect_right(found.firsts, start) - 1)
    for number in range(first, len(found.spans)):
        text = bytes(view[slice(*found.spans[number])])
        try:
            values = _decode(b"[%b]" % text)
        except FAULTS:
            values = list(_judged_values(text))
        yield from values[max(0, start - found.firsts[number]) :]


def _judged_values(text: bytes) -> Iterator[Any]:
    """Decode the values of a piece one by one."""
    view, at = memoryview(text), 0
    while at < len(text):
        end = value_end(view, at)
        value = text[at:end]
        try:
            yield msgspec.json.decode(value)
        except FAULTS as error:
            yield bad(error, value, 0)
        at = skip_blanks(view, skip_blanks(view, end) + 1)


def _records(names: list[str], rows: list[tuple[Any, ...]], start: int, raw: type) -> list[Any]:
    records: Any = list[raw]  # type: ignore[valid-type]
    named = [dict(zip(names, row, strict=True)) for row in rows]
    if Bad not in set(map(type, chain.from_iterable(rows))):  # a field of any type would take it
        try:
            return cast("list[Any]", msgspec.convert(named, records))
        except FAULTS:
            pass
    return [_judged(row, number, raw) for number, row in enumerate(named, start)]


def _judged(row: dict[str, Any], number: int, raw: type) -> Any:
    for name, value in row.items():
        if type(value) is Bad:
            return Bad(f"{value.reason} in {listed([name])}", value.where, number)
    try:
        return msgspec.convert(row, raw)
    except FAULTS as error:
        return bad(error, b"", number)
