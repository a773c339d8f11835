"""The plain values that a pickle holds: lists, dicts, texts and numbers, and never anything that runs.

A pickle is a program for a small machine. Python's own machine finds classes and calls them, and takes memory that the
file does not fill. This one knows only the steps that build plain values, so that a file can do no more than be wrong.
Byte strings of Python 2 become text as Latin-1, as published loaders read them.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from mixer.errors import DataError
from mixer.readers.faults import CHECK, damaged, is_other_format, listed, wrong_start
from mixer.readers.mapping import mapped

LONG = 64
"""Characters of a text that counts each time it is used. Shorter ones are keys and the like, used everywhere."""

_EXPECTED = "a pickle of plain values"
_RUNS = {
    b"c": "GLOBAL", b"i": "INST", b"o": "OBJ", b"R": "REDUCE", b"b": "BUILD", b"P": "PERSID", b"Q": "BINPERSID",
    b"\x81": "NEWOBJ", b"\x82": "EXT1", b"\x83": "EXT2", b"\x84": "EXT4", b"\x92": "NEWOBJ_EX", b"\x93": "STACK_GLOBAL",
    b"\x97": "NEXT_BUFFER",
}  # fmt: skip
"""Steps that find a class or what lies outside of the file, or call what was found."""
_FAULTS = (LookupError, TypeError, ValueError, AttributeError)
"""What a step raises that does not fit the steps before it."""


def load(path: Path) -> Any:
    """Build the value that a file holds. Raises DamagedFile where that fails, DataError where it is no plain value."""
    check_start(path)
    content = path.read_bytes()
    machine = _Machine(content)
    try:
        value = machine.run()
    except _Cut:
        raise damaged(path, len(content), f"the end of {_EXPECTED}", "the end of the file") from None
    except _FAULTS:
        raise _fault(path, content, machine.at) from None
    if content[machine.next :].strip():
        raise damaged(path, machine.next, f"nothing behind {_EXPECTED}", "more")
    if machine.repeats and not _fits(value, len(content)):
        raise DataError(f"{path}: expected {_EXPECTED}, got one that repeats itself beyond measure; {CHECK}")
    return value


def check_start(path: Path) -> None:
    """Raise DataError for a file that is known to be something else."""
    with mapped(path) as view:
        if not len(view) or is_other_format(view, 0) or view[0] in b"[{":
            raise wrong_start(path, view, 0, _EXPECTED)


def _fault(path: Path, content: bytes, at: int) -> DataError:
    step = content[at : at + 1]
    if step not in _RUNS:
        return damaged(path, at, _EXPECTED, f"a step that does not fit, {step!r}")
    got = f"the step {_RUNS[step]}"
    if step in (b"c", b"i"):
        names = content[at + 1 : at + 201].split(b"\n", 2)[:2]
        got += f" of {listed(['.'.join(each.decode('latin-1') for each in names)])}"
    return DataError(f"{path}: byte {at}: expected {_EXPECTED}, got {got}, which would run a program; {CHECK}")


def _fits(value: Any, most: int) -> bool:
    """Say whether a value, written without using anything twice, has at most so many members and characters."""
    waiting = [value]
    while waiting and most >= 0:
        each = waiting.pop()
        if type(each) is str:
            most -= len(each)
        elif type(each) in (list, tuple, dict):
            most -= len(each)
            if most >= 0:
                waiting += each.values() if type(each) is dict else each
    return most >= 0


class _Cut(Exception):
    """The file ends inside a step, or before the last one."""


class _Machine:
    """The machine: a stack of values, what lies below each mark, and the values that were numbered for later use."""

    def __init__(self, content: bytes) -> None:
        self.at = self.next = 0
        """Where the present step begins, and where what was not read yet does."""
        self.repeats = False
        """Whether something large is used more than once."""
        self._content = content
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._numbered: dict[int, Any] = {}

    def run(self) -> Any:
        """Go through the steps up to the last one; give the one value that is left."""
        content, steps, size = self._content, self._STEPS, len(self._content)
        while True:
            self.at = at = self.next
            if at >= size:
                raise _Cut
            self.next = at + 1
            if content[at] == ord("."):
                break
            steps[content[at]](self)
        (value,) = self._stack
        return value

    def _bytes(self, count: int) -> bytes:
        start, self.next = self.next, self.next + count
        if self.next > len(self._content):
            raise _Cut
        return self._content[start : self.next]

    def _line(self) -> bytes:
        end = self._content.find(b"\n", self.next)
        if end < 0:
            raise _Cut
        start, self.next = self.next, end + 1
        return self._content[start:end]

    def _number(self, size: int) -> int:
        return int.from_bytes(self._bytes(size), "little")

    # Steps that put a value on the stack.

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _decimal(self) -> None:
        text = self._line()
        self._push(text == b"01" if text in (b"00", b"01") else int(text.removesuffix(b"L")))

    def _signed(self, size: int) -> None:
        self._push(int.from_bytes(self._bytes(size), "little", signed=True))

    def _quoted(self) -> None:
        """A text as Python 2 shows it: between quotes, with escapes."""
        text = self._line()
        if len(text) < 2 or text[:1] not in (b"'", b'"') or text[-1:] != text[:1]:
            raise ValueError("no text between quotes")
        text = text[1:-1]
        if b"\\" in text:
            text = codecs.escape_decode(text)[0]
        self._push(text.decode("latin-1"))

    def _text(self, size: int, encoding: str) -> None:
        self._push(self._bytes(self._number(size)).decode(encoding))

    # Steps that work on what is there.

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _above(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        above, self._stack = self._stack, self._below.pop()
        return above

    def _append(self) -> None:
        value = self._stack.pop()
        self._stack[-1].append(value)

    def _append_all(self) -> None:
        values = self._above()
        self._stack[-1].extend(values)

    def _set(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._stack[-1][key] = value

    def _set_all(self) -> None:
        values = self._above()
        self._stack[-1].update(zip(values[::2], values[1::2], strict=True))

    def _list(self) -> None:
        values = self._above()
        self._push(values)

    def _dict(self) -> None:
        values = self._above()
        self._push(dict(zip(values[::2], values[1::2], strict=True)))

    def _tuple(self) -> None:
        values = self._above()
        self._push(tuple(values))

    def _tuple_of(self, count: int) -> None:
        self._stack[-count:] = [tuple(self._stack[-count + place] for place in range(count))]

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._above()

    def _keep(self, number: int) -> None:
        self._numbered[number] = self._stack[-1]

    def _use(self, value: Any) -> None:
        if type(value) in (list, dict, tuple) or (type(value) is str and len(value) > LONG):
            self.repeats = True
        self._push(value)

    _STEPS: ClassVar[Mapping[int, Callable[[_Machine], object]]] = {
        ord(code): step
        for code, step in {
            "(": _mark,
            "0": _pop,
            "1": _above,
            "2": lambda self: self._use(self._stack[-1]),
            "I": _decimal,
            "L": _decimal,
            "J": lambda self: self._signed(4),
            "K": lambda self: self._push(self._number(1)),
            "M": lambda self: self._push(self._number(2)),
            "\x8a": lambda self: self._signed(self._number(1)),
            "\x8b": lambda self: self._signed(self._number(4)),
            "F": lambda self: self._push(float(self._line())),
            "G": lambda self: self._push(struct.unpack(">d", self._bytes(8))[0]),
            "N": lambda self: self._push(None),
            "\x88": lambda self: self._push(True),
            "\x89": lambda self: self._push(False),
            "S": _quoted,
            "T": lambda self: self._text(4, "latin-1"),
            "U": lambda self: self._text(1, "latin-1"),
            "V": lambda self: self._push(self._line().decode("raw-unicode-escape")),
            "X": lambda self: self._text(4, "utf-8"),
            "\x8c": lambda self: self._text(1, "utf-8"),
            "\x8d": lambda self: self._text(8, "utf-8"),
            "]": lambda self: self._push([]),
            "l": _list,
            "a": _append,
            "e": _append_all,
            "}": lambda self: self._push({}),
            "d": _dict,
            "s": _set,
            "u": _set_all,
            ")": lambda self: self._push(()),
            "t": _tuple,
            "\x85": lambda self: self._tuple_of(1),
            "\x86": lambda self: self._tuple_of(2),
            "\x87": lambda self: self._tuple_of(3),
            "p": lambda self: self._keep(int(self._line())),
            "q": lambda self: self._keep(self._number(1)),
            "r": lambda self: self._keep(self._number(4)),
            "\x94": lambda self: self._keep(len(self._numbered)),
            "g": lambda self: self._use(self._numbered[int(self._line())]),
            "h": lambda self: self._use(self._numbered[self._number(1)]),
            "j": lambda self: self._use(self._numbered[self._number(4)]),
            "\x80": lambda self: self._bytes(1),  # protocol
            "\x95": lambda self: self._bytes(8),  # frame
        }.items()
    }
    """What each step does, by the byte that names it."""
