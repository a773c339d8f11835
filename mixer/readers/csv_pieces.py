"""Cutting rows of separated values into pieces, and proving each cut by parsing the piece.

A piece is guessed to end at a line break with an even number of quotes before it. It starts on a true edge, so if it
parses without an open quote at its end, it proves that end. A piece that does not parse, or holds a row of another
width or with a cell of another type, is read again by shorter ones, and then row by row.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import Any, cast

import msgspec

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, Batch, depth
from mixer.readers.csv_dialect import BREAK, Dialect, Lines, reason, too_long
from mixer.readers.faults import CHECK, FAULTS, bad, damaged, is_other_format, listed, wrong_start
from mixer.readers.mapping import after_mark
from mixer.readers.trying import batches

MOST = 256 << 10
"""The longest piece: longer ones are slower, since their rows do not fit the cache."""
AT_ONCE = 512
"""Rows converted at once, for the same reason."""
REACH = 4
"""How many piece lengths behind its place an end with an even number of quotes is looked for."""
SAMPLED = 64 << 10
"""Bytes behind a guessed cut that are looked at."""
SAMPLED_ROWS = 8
CANDIDATES = 64
"""Line starts tried for a cut. A longer text in quotes gives a false one, which costs time only."""

_QUOTE = re.compile(rb'"')

Convert = Callable[[list[list[str]]], list[Any]]


class Rows:
    """The rows of one mapped file. `names` are its columns, `first` is its first edge."""

    def __init__(self, dialect: Dialect, path: Path, view: memoryview) -> None:
        self._dialect, self._path, self._view = dialect, path, view
        # Rows are bounded by their bytes; the csv module's bound is the process's, and too low for images in cells.
        csv.field_size_limit(max(csv.field_size_limit(), 2 * depth.LONGEST))
        self.first = self._top()
        if dialect.columns is not None:
            self.names = list(dialect.columns)
        else:
            self.names, self.first = self._header()

    def _top(self) -> int:
        """Give the start of the first line that is neither empty nor a comment. Raises DataError without one."""
        expected = f"rows separated by {self._dialect.delimiter!r}"
        start, comment = after_mark(self._view), self._dialect.comment
        if start == len(self._view) or is_other_format(self._view, start):
            raise wrong_start(self._path, self._view, start, expected)
        lines = Lines(self._dialect, self._path, self._view, start)
        for line in lines:
            if line.strip("\r\n") and not (comment and line.startswith(comment)):
                return lines.line
            lines.begin()
        raise damaged(self._path, len(self._view), expected, "none", "download it again")

    def _header(self) -> tuple[list[str], int]:
        lines = Lines(self._dialect, self._path, self._view, self.first)
        try:
            names = next(self._dialect.parse(lines))
        except csv.Error as error:
            at = len(self._view) if lines.ended else lines.line
            raise damaged(self._path, at, "a header row", reason(error)) from None
        if lines.fault is not None:
            raise damaged(self._path, lines.row, "a header row", f"bytes that are {lines.fault[0]}")
        return names, lines.at

    def cut(self, place: int) -> int:
        """Guess the first edge at or after a place."""
        if place <= self.first:
            return self.first
        if place >= len(self._view):
            return len(self._view)
        starts = islice(self._line_starts(place), CANDIDATES)
        nearest = next(starts)
        if not self._dialect.quoting or self._begins_rows(nearest):
            return nearest
        return next(filter(self._begins_rows, starts), nearest)

    def _line_starts(self, place: int) -> Iterator[int]:
        """Give the line starts from a place on, the first whatever it costs, others within what is sampled of each."""
        reach = depth.LONGEST
        while (found := BREAK.search(self._view, place - 1, place + reach)) is not None:
            yield found.end()
            place, reach = found.end() + 1, SAMPLED
        if reach == depth.LONGEST:
            if place + reach <= len(self._view):  # the line begins before the place, so it is longer
                raise too_long(self._path, place)
            yield len(self._view)

    def _begins_rows(self, at: int) -> bool:
        """Say whether what stands from a line start on looks like rows."""
        if self._dialect.starts is not None:
            return self._dialect.starts.match(self._view, at) is not None
        sample = bytes(self._view[at : at + SAMPLED])
        is_cut = at + len(sample) < len(self._view)
        if is_cut and b"\n" in sample:
            sample = sample[: sample.rindex(b"\n") + 1]
        text = sample.decode(self._dialect.encoding, errors="replace")
        rows = self._dialect.parse(io.StringIO(text, newline=""))
        widths = []
        try:
            widths += [len(row) for row in islice(rows, SAMPLED_ROWS) if row]
        except csv.Error:
            return False
        return all(width == len(self.names) for width in widths)

    def read(self, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read the rows from `start` to the first edge at or after `stop`; see the package's docstring."""
        convert = self._converter(raw)
        return batches(
            lambda edge, length: self._piece(edge, min(length, stop - edge), convert),
            lambda edge, stop: self._singly(edge, stop, convert),
            max(start, self.first),
            stop,
            min(piece, MOST),
        )

    def _converter(self, raw: type) -> Convert:
        """Give what makes records of rows. Raises DataError when the file lacks columns that the type asks for."""
        fields = () if raw is dict else msgspec.structs.fields(raw)
        missing = [each.encode_name for each in fields if each.required and each.encode_name not in self.names]
        if missing:
            expected = f"columns {listed(missing)} separated by {self._dialect.delimiter!r}"
            raise DataError(f"{self._path}: expected {expected}, got {listed(self.names)}; {CHECK}")
        used = self.names if raw is dict else [each.encode_name for each in fields]
        twice = [name for name in used if self.names.count(name) > 1]
        if twice:
            raise DataError(f"{self._path}: expected one column {listed(twice[:1])}, got {listed(self.names)}; {CHECK}")

        width = len(self.names)
        records: Any = list[raw]  # type: ignore[valid-type]

        def convert(rows: list[list[str]]) -> list[Any]:
            if not {width}.issuperset(map(len, rows)):
                raise ValueError("a row of another width")
            named = list(map(dict, map(zip, repeat(self.names), rows)))
            return cast("list[Any]", msgspec.convert(named, records, strict=False))

        return convert

    def _piece(self, edge: int, length: int, convert: Convert) -> Batch | None:
        """Read about `length` bytes at once, or give None: a row is bad, may be torn apart, or the guess was false."""
        if self._dialect.starts is not None:
            return None
        end = self._likely_end(edge, length)
        if end is None or end - edge > depth.LONGEST:
            return None
        try:
            text = str(self._view[edge:end], self._dialect.encoding)
            rows = self._dialect.parse(io.StringIO(text, newline=""))
            items: list[Any] = []
            while some := list(islice(rows, AT_ONCE)):
                items += convert([row for row in some if row])
        except (csv.Error, *FAULTS):
            return None
        return Batch(items, end)

    def _likely_end(self, edge: int, length: int) -> int | None:
        place = edge + length
        found = BREAK.search(self._view, place - 1, place + depth.LONGEST)
        if found is None:
            return len(self._view) if place + depth.LONGEST >= len(self._view) else None
        end = nearest = found.end()
        if not self._dialect.quoting:
            return end
        reach = min(nearest + REACH * length, edge + depth.LONGEST)
        is_open = bytes(self._view[edge:end]).count(b'"') % 2
        while is_open:
            quote = _QUOTE.search(self._view, end, reach)
            found = quote and BREAK.search(self._view, quote.end(), reach)
            if found is None or quote is None:
                return nearest  # perhaps a quote is text
            is_open ^= bytes(self._view[quote.start() : found.end()]).count(b'"') % 2
            end = found.end()
        return end

    def _singly(self, edge: int, stop: int, convert: Convert) -> Batch:
        """Judge each row by itself up to the first edge at or after `stop`."""
        lines = Lines(self._dialect, self._path, self._view, edge, self._dialect.starts)
        rows = self._dialect.parse(lines)
        items: list[Any] = []
        while lines.at < stop:
            lines.begin()
            try:
                row = next(rows)
            except csv.Error as error:
                if lines.ended:
                    raise self._cut_short(lines, "a quote that ends the cell") from None
                items.append(Bad(reason(error), f"byte {lines.line - lines.row}", lines.row))
            else:
                items += [self._judged(row, lines, convert)] if row else []
        return Batch(items, lines.at)

    def _judged(self, row: list[str], lines: Lines, convert: Convert) -> Any:
        if lines.fault is not None:
            return Bad(*lines.fault, lines.row)
        if len(row) != len(self.names):
            is_short = len(row) < len(self.names)
            if is_short and lines.at == len(self._view) and bytes(self._view[-1:]) not in (b"\n", b"\r"):
                raise self._cut_short(lines, f"{len(self.names)} columns")
            return Bad(f"too {'few' if is_short else 'many'} columns", f"{len(row)} of {len(self.names)}", lines.row)
        try:
            return convert([row])[0]
        except FAULTS as error:
            return bad(error, b"", lines.row, wrapped=1)

    def _cut_short(self, lines: Lines, expected: str) -> DamagedFile:
        expected = f"{expected} in the row that starts at byte {lines.row}"
        return damaged(self._path, len(self._view), expected, "the end of the file")
