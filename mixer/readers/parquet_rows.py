"""Reads the rows of a Parquet file. Places and edges are row numbers, and so is `at` of a bad row.

A raw type's field is filled from the column of its name; other columns are not read. A raw type `dict` takes them all.
Embedded bytes stay bytes. Memory is bounded by the file's largest row group, of which the used columns are fetched
whole, not by the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from mixer.errors import DamagedFile, DataError
from mixer.readers import Batch
from mixer.readers.faults import CHECK, DOWNLOAD_AGAIN, FAULTS, bad, damaged, listed, wrong_start
from mixer.readers.mapping import mapped

if TYPE_CHECKING:
    import polars as pl

unit = "rows"
"""What places count; see the package's docstring."""

PARQUET = "a Parquet file"
CHUNK = 64 << 20
"""Bytes of rows fetched at once, about: a chunk fetches its row group again, so smaller ones take longer."""
BATCH, BATCH_ROWS = 4 << 20, 4096
"""Bytes and rows of a chunk that are made Python's values at once, at most, which are several times as large."""
FIRST_ROWS = 64
GROWTH = 16
"""The first chunk has few rows, since they may be large; each may have so many times more than the last one."""

_MAGIC = b"PAR1"


def cut(path: Path, place: int) -> int:
    """Give a row number: each is an edge."""
    return min(max(place, 0), _File(path).rows())


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read rows `start` to `stop`, at most `piece` to a batch; see the package's docstring."""
    file = _File(path)
    columns = file.columns(raw)
    stop = min(stop, file.rows())
    edge, most = start, FIRST_ROWS
    while edge < stop:
        frame = file.frame(columns, edge, min(most, stop - edge))
        if not frame.height:
            raise file.damaged(f"none of the rows from {edge:,} on")
        size = max(1, int(frame.estimated_size()) // frame.height)
        for part in frame.iter_slices(max(1, min(piece, BATCH_ROWS, BATCH // size))):
            yield Batch(_records(file.dicts(part), edge, raw), edge + part.height)
            edge += part.height
        most = max(1, min(CHUNK // size, frame.height * GROWTH))


def _records(rows: list[dict[str, Any]], start: int, raw: type) -> list[Any]:
    records: Any = list[raw]  # type: ignore[valid-type]
    try:
        return cast("list[Any]", msgspec.convert(rows, records))
    except FAULTS:
        return [_judged(row, number, raw) for number, row in enumerate(rows, start)]


def _judged(row: dict[str, Any], number: int, raw: type) -> Any:
    try:
        return msgspec.convert(row, raw)
    except FAULTS as error:
        return bad(error, b"", number)


class _File:
    """A Parquet file, opened by polars. Raises DataError for another file, DamagedFile for a damaged one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with mapped(path) as view:
            if bytes(view[: len(_MAGIC)]) != _MAGIC:
                raise wrong_start(path, view, 0, PARQUET)
            if bytes(view[-len(_MAGIC) :]) != _MAGIC or len(view) < 12:
                raise damaged(path, len(view), "the end of a Parquet file", "the end of the file")
        import polars as pl

        self._pl = pl
        self._faults = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OverflowError)
        self._scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)

    def rows(self) -> int:
        """Count its rows."""
        return int(self._collected(self._scan.select(self._pl.len())).item())

    def columns(self, raw: type) -> list[str]:
        """Name the columns that fill a raw type. Raises DataError when some are missing."""
        with self._told():
            found = self._scan.collect_schema().names()
        if raw is dict:
            return found
        fields = msgspec.structs.fields(raw)
        missing = [each.encode_name for each in fields if each.required and each.encode_name not in found]
        if missing:
            raise DataError(f"{self._path}: expected columns {listed(missing)}, got {listed(found)}; {CHECK}")
        wanted = [each.encode_name for each in fields if each.encode_name in found]
        return wanted or found[:1]  # rows of no columns could not be counted

    def frame(self, columns: list[str], start: int, rows: int) -> pl.DataFrame:
        """Read rows from a position on."""
        return self._collected(self._scan.select(columns).slice(start, rows))

    def dicts(self, frame: pl.DataFrame) -> list[dict[str, Any]]:
        """Give rows as Python's values, of which some columns hold such that Python has not."""
        with self._told():
            return frame.rows(named=True)

    def damaged(self, got: str) -> DamagedFile:
        """Make the error that stops the file."""
        return DamagedFile(f"{self._path}: expected {PARQUET}, got {got}; {DOWNLOAD_AGAIN}")

    def _collected(self, query: pl.LazyFrame) -> pl.DataFrame:
        with self._told():
            return query.collect(engine="in-memory")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell in our words what polars says of damage; it panics about some."""
        try:
            yield
        except self._faults as error:
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise self.damaged(said) from None
