"""Reads rows of separated values: CSV, TSV and their kin. `of()` gives the reader, its arguments are the dialect.

A raw type's field is filled from the column of its name (`msgspec.field(name="...")` for another one), converted from
text: "7" fills an int. Other columns are ignored; a raw type `dict` takes them all, as texts. An empty cell is the empty
text, also where a number is expected.
The dialect is that of Python's csv module, strict: a quoted cell may hold delimiters and line breaks, a quote inside a
cell that is not quoted is text. Lines without anything are nothing.

Every fault is its row's, which ends where the fault was found. Only a quote that is not closed, a last row that ends
too soon without a line break, and a row longer than any record may be, damage the file.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixer.readers import Batch
from mixer.readers.csv_dialect import Dialect
from mixer.readers.csv_pieces import Rows
from mixer.readers.mapping import mapped


@dataclass(frozen=True)
class Table:
    """The reader of one dialect; see the package's docstring."""

    dialect: Dialect

    def cut(self, path: Path, place: int) -> int:
        """Guess the first edge at or after a place: a line start that rows of the right width follow."""
        with mapped(path) as view:
            return Rows(self.dialect, path, view).cut(place)

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read the rows of a span."""
        with mapped(path) as view:
            yield from Rows(self.dialect, path, view).read(start, stop, raw, piece)


def of(
    delimiter: str = ",",
    columns: tuple[str, ...] | None = None,
    comment: str | tuple[str, ...] | None = None,
    *,
    skip_initial_space: bool = False,
    quoting: bool = True,
    encoding: str = "utf-8",
    starts: bytes | None = None,
) -> Table:
    """Make the reader of a dialect.

    `columns` names the columns of a file without a header row. Lines at the top that start with `comment`, or with
    one of several, are skipped. Without `quoting`, quotes are text. Of `encoding`, ASCII characters must be single bytes
    that occur in no other. With `starts`, a pattern, rows may be torn apart by line breaks without quotes: a line that
    does not match it belongs to the row before, and one blank stands for what blanks and breaks were between them.
    """
    name = codecs.lookup(encoding).name.removesuffix("-sig")  # a byte order mark is skipped anyway
    ascii = '\r\n"' + delimiter
    if (name.startswith(("utf", "iso2022", "hz")) and name != "utf-8") or ascii.encode(name) != ascii.encode("ascii"):
        raise ValueError(f"{encoding}: ASCII characters have to be single bytes")
    csv.reader([], delimiter=delimiter)  # refuses a delimiter of another length
    pattern = None if starts is None else re.compile(starts)
    return Table(Dialect(delimiter, columns, comment, skip_initial_space, quoting, name, pattern))
