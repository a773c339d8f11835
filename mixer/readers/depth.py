"""Where a JSON value ends, found without parsing: brackets are counted, strings are skipped.

The way of last resort. It needs neither valid escapes nor valid numbers, only quotes and brackets that balance, so it
finds the end of a record that no parser accepts. Memory: a byte a level.
"""

from __future__ import annotations

import re

LONGEST = 64 << 20
"""The longest record in bytes. Longer ones are taken for a lost bracket, which would swallow the rest of the file."""

# Repeats of groups are bounded, since the matcher remembers each of them: without a bound 16 MiB of escapes take 2 GB.
# (Possessive groups would remember nothing, but the first releases of Python 3.11 match them wrongly.)
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*(?:"[^"\\]*"[^"{}\[\]]*){0,256}')
"""What lies before the next bracket outside of strings; it stops at a quote, too, when more has to be said there."""
_IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*){0,256}', re.DOTALL)
_SCALAR = re.compile(rb'[^ \t\r\n,:"{}\[\]]+')
_CLOSER = {ord("{"): ord("}"), ord("["): ord("]")}
_QUOTE = ord('"')


class Unbalanced(Exception):
    """No end of a value can be told: the byte position of the contradiction, what belongs there and what is there."""

    def __init__(self, at: int, expected: str, got: str) -> None:
        super().__init__(at, expected, got)
        self.at, self.expected, self.got = at, expected, got


def value_end(view: memoryview, start: int) -> int:
    """Give the position after the value that begins at `start`. Raises Unbalanced."""
    limit = min(len(view), start + LONGEST)
    if start < limit and view[start] in _CLOSER:
        return _nested_end(view, start, start + 1, limit, bytearray([_CLOSER[view[start]]]))
    if start < limit and view[start] == _QUOTE:
        return _string_end(view, start, limit, start)
    scalar = _SCALAR.match(view, start, limit)
    if scalar is None:
        raise Unbalanced(start, "a value", shown(view, start))
    return scalar.end()


def container_end(view: memoryview, start: int, at: int) -> int:
    """Give the position after the container that begins at `start`, whatever its length; `at` is where a member ends.

    Raises Unbalanced.
    """
    return _nested_end(view, start, at, len(view), bytearray([_CLOSER[view[start]]]))


def _string_end(view: memoryview, start: int, limit: int, record: int) -> int:
    """Give the position after the string that begins at `start`, in the record that begins at `record`."""
    at = start + 1
    while True:
        inside = _IN_STRING.match(view, at, limit)
        assert inside is not None  # it matches the empty text, too
        if inside.end() < limit and view[inside.end()] == _QUOTE:
            return inside.end() + 1
        if inside.end() == at or inside.end() == limit:  # nothing follows, or half an escape
            raise _endless(view, record, limit, _QUOTE)
        at = inside.end()


def _nested_end(view: memoryview, start: int, at: int, limit: int, closers: bytearray) -> int:
    """Give the position after the value that begins at `start`, of which `closers` are still open at `at`."""
    while closers:
        skipped = _TO_BRACKET.match(view, at, limit)
        assert skipped is not None  # it matches the empty text, too
        at = skipped.end()
        if at == limit:
            raise _endless(view, start, limit, closers[-1])
        byte = view[at]
        if byte == _QUOTE:
            at = _string_end(view, at, limit, start)
            continue
        if byte in _CLOSER:
            if len(closers) == LONGEST:  # elsewhere the length of a record is the bound
                raise Unbalanced(at, f"at most {LONGEST:,} levels", "one more")
            closers.append(_CLOSER[byte])
        elif byte != closers[-1]:
            raise Unbalanced(at, f"`{chr(closers[-1])}`", shown(view, at))
        else:
            closers.pop()
        at += 1
    return at


def _endless(view: memoryview, start: int, limit: int, closer: int) -> Unbalanced:
    """Tell a value that the file's end cuts short from one that is too long to be true."""
    if limit < len(view):
        return Unbalanced(start, f"a record of at most {LONGEST:,} bytes", "one that goes on")
    return Unbalanced(limit, f"`{chr(closer)}`", shown(view, limit))


def shown(view: memoryview, at: int) -> str:
    """Name what stands at a position, for a message."""
    if at >= len(view):
        return "the end of the file"
    byte = view[at]
    return f"`{chr(byte)}`" if 0x20 < byte < 0x7F else f"byte 0x{byte:02x}"
