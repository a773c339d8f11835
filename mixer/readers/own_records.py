"""Reads records of whatever container holds them, which the file's content tells, never its name.

A JSON array, JSON Lines, CSV or TSV, Parquet, or a tar of samples. Records are plain values: JSON's own, of the raw
type, and dicts of a row's or a sample's columns. Of a table of text, a tab in its first line tells that tabs separate
its cells; without one, a comma or else a semicolon. `of(header=False)` gives the reader of tables whose first line is a
row already: its columns are called 1, 2, 3.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from mixer.errors import DataError
from mixer.readers import Batch, Reader, csv_rows, json_array, json_lines, parquet_rows, tar_samples
from mixer.readers.faults import is_other_format, wrong_start
from mixer.readers.mapping import mapped, text_start

RECORDS = "records in JSON, JSON Lines, CSV, TSV, Parquet or a tar"
_FIRST_LINE = 1 << 20


@dataclass(frozen=True)
class Container:
    """The reader of any container."""

    header: bool
    unit: str = "places of its container"

    def cut(self, path: Path, place: int) -> int:
        """Guess the first edge at or after a place."""
        return self._reader(path)[0].cut(path, place)

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read the records of a span."""
        reader, is_json = self._reader(path)
        return reader.read(path, start, stop, raw if is_json else dict, piece)

    def _reader(self, path: Path) -> tuple[Reader | ModuleType, bool]:
        """Tell the container by its first bytes, and whether it is JSON. Raises DataError."""
        with mapped(path) as view:
            if bytes(view[:4]) == b"PAR1":
                return parquet_rows, False
            start = text_start(view)
            if start < len(view) and view[start] in b"[{":
                return _json(path, view, start), True
            if tar_samples.is_tar(view):
                return tar_samples, False
            if start == len(view) or is_other_format(view, start):
                raise wrong_start(path, view, start, RECORDS)
            text = bytes(view[start : start + _FIRST_LINE]).decode(errors="replace")
        line = text.partition("\n")[0]
        delimiter = next((each for each in "\t,;" if each in line), ",")
        if self.header:
            return csv_rows.of(delimiter), False
        csv.field_size_limit(max(csv.field_size_limit(), len(text)))
        width = len(next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [""]))
        return csv_rows.of(delimiter, tuple(str(number) for number in range(1, width + 1))), False


def _json(path: Path, view: memoryview, start: int) -> ModuleType:
    """Tell an array from lines, which may hold lists, too."""
    try:
        json_lines.cut(path, 0)
    except DataError:
        if view[start] != ord("["):
            hint = "take the list of records out of it"
            raise DataError(f"{path}: expected {RECORDS}, got one JSON object; {hint}") from None
        return json_array
    return json_lines


def of(*, header: bool = True) -> Container:
    """Make the reader; without a header, the first line of a table of text is its first row."""
    return Container(header)
