"""How separated values are written, and the lines of such a file as text, each with its position."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixer.errors import DamagedFile
from mixer.readers import depth
from mixer.readers.faults import damaged

BREAK = re.compile(rb"\n")
_LINE = re.compile(rb"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")


@dataclass(frozen=True)
class Dialect:
    """How rows are written; the fields are explained where they are given, in csv_rows.py."""

    delimiter: str
    columns: tuple[str, ...] | None
    comment: str | tuple[str, ...] | None
    skip_initial_space: bool
    quoting: bool
    encoding: str
    starts: re.Pattern[bytes] | None = None

    def parse(self, lines: Iterator[str] | io.StringIO) -> Iterator[list[str]]:
        """Parse lines, which keep their breaks, to rows. Raises csv.Error."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            skipinitialspace=self.skip_initial_space,
            quoting=csv.QUOTE_MINIMAL if self.quoting else csv.QUOTE_NONE,
            strict=True,
        )


class Lines:
    """Gives the lines of a file as text, breaks included, and says what the present row has seen of them.

    `row` and `line` are where the row and its last line begin, `at` is where that ends, `fault` is the reason and
    the place of the row's first bytes that are no text, and `ended` says that a line was asked for at the file's end.
    With `starts`, lines that do not match it are part of the one before.
    """

    def __init__(
        self, dialect: Dialect, path: Path, view: memoryview, at: int, starts: re.Pattern[bytes] | None = None
    ) -> None:
        self._encoding, self._path, self._view, self._starts = dialect.encoding, path, view, starts
        self._waiting: list[bytes] = []
        self.at = at
        self.ended = False
        self.begin()

    def begin(self) -> None:
        """Begin a row."""
        self.row = self.line = self.at
        self.fault: tuple[str, str] | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.at == len(self._view):
            self.ended = True
            raise StopIteration
        line = (self._waiting or self._fetched()).pop()
        self.line = self.at
        self.at += len(line)
        if self._starts is not None:
            line = self._mended(line, self._starts)
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError as error:
            name = "UTF-8" if self._encoding == "utf-8" else self._encoding
            self.fault = self.fault or (f"not valid {name}", f"byte {self.line - self.row + error.start}")
            return line.decode(self._encoding, errors="surrogateescape")

    def _mended(self, line: bytes, starts: re.Pattern[bytes]) -> bytes:
        """Take the lines behind one that begin no row, too. Raises DamagedFile where the last of them has no break."""
        parts = [line]
        while self.at < len(self._view) and starts.match(self._view, self.at) is None:
            parts.append((self._waiting or self._fetched()).pop())
            self.at += len(parts[-1])
        if len(parts) == 1:
            return line
        if parts[-1][-1:] not in (b"\n", b"\r"):
            raise damaged(self._path, self.at, "a line that begins a row, or a line break", "the end of the file")
        return b" ".join(filter(None, (part.strip(b" \r\n") for part in parts))) + b"\n"

    def _fetched(self) -> list[bytes]:
        """Fetch what lies before the next line feed; carriage returns alone end lines, too."""
        limit = self.row + depth.LONGEST
        found = BREAK.search(self._view, self.at, limit)
        if found is None and limit < len(self._view):
            raise too_long(self._path, self.row)
        text = bytes(self._view[self.at : len(self._view) if found is None else found.end()])
        returned = text.find(b"\r")
        is_one = returned < 0 or text[returned:] == b"\r\n"
        self._waiting = [text] if is_one else list(reversed(_LINE.findall(text)))
        return self._waiting


def reason(error: csv.Error) -> str:
    """Say what the csv module found; its words for an open or a stray quote name the dialect's characters."""
    text = str(error)
    return "a stray quote" if "expected after" in text else text


def too_long(path: Path, at: int) -> DamagedFile:
    """Make the error of a row longer than any record may be."""
    return damaged(path, at, f"a row of at most {depth.LONGEST:,} bytes", "one that goes on")
