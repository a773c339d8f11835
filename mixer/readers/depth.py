"""Where a JSON value ends, found without parsing: brackets are counted, strings are skipped.

The way of last resort. It needs neither valid escapes nor valid numbers, only quotes and brackets that balance, so it
finds the end of a record that no parser accepts. Memory: a byte a level.
"""

from __future__ import annotations

import re

LONGEST = 64 << 20
"""The longest record in bytes. Longer ones are taken for a lost bracket, which would swallow the rest of the file."""

# Everything up to the next bracket that is not in a string. Possessive throughout: nothing is remembered for
# backtracking, so a string of 64 MiB of escapes takes no memory. It stops *at* a quote only when that string never ends.
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^"{}\[\]]*+)*+', re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SCALAR = re.compile(rb'[^ \t\r\n,:"{}\[\]]++')
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
        return _nested_end(view, start, limit)
    is_string = start < limit and view[start] == _QUOTE
    scalar = (_STRING if is_string else _SCALAR).match(view, start, limit)
    if scalar is not None:
        return scalar.end()
    if is_string:
        raise _endless(view, start, limit, _QUOTE)
    raise Unbalanced(start, "a value", shown(view, start))


def _nested_end(view: memoryview, start: int, limit: int) -> int:
    closers = bytearray()
    at = start
    while True:
        skipped = _TO_BRACKET.match(view, at, limit)
        assert skipped is not None  # it matches the empty text, too
        at = skipped.end()
        if at == limit or view[at] == _QUOTE:
            raise _endless(view, start, limit, _QUOTE if at < limit else closers[-1])
        byte = view[at]
        if byte in _CLOSER:
            closers.append(_CLOSER[byte])
        elif byte != closers[-1]:
            raise Unbalanced(at, f"`{chr(closers[-1])}`", shown(view, at))
        else:
            closers.pop()
        at += 1
        if not closers:
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
