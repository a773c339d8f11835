"""The table of near-duplicates: how many there are and how many stay, by folder or source, at several thresholds."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mixer.tables import table


@dataclass(frozen=True)
class Row:
    """A folder or a source."""

    name: str
    records: int
    distinct: int
    """Items that were compared."""
    left_out: int
    """Items that could not be compared."""
    similar: tuple[int, ...]
    """Items that go, by threshold."""

    def kept(self, at: int) -> int:
        """Count the items that stay."""
        return self.distinct - self.similar[at]

    def percent(self, at: int) -> float | None:
        """Give the share of items that stay, in percent, to one decimal."""
        return round(100 * self.kept(at) / self.distinct, 1) if self.distinct else None


@dataclass(frozen=True)
class Table:
    """Rows by name, each with one count a threshold."""

    by: str
    """What a row is: folder or source."""
    items: str
    """What the items are: images or texts."""
    thresholds: tuple[float, ...]
    rows: tuple[Row, ...]

    @property
    def total(self) -> Row:
        """Add up the rows."""
        similar = (sum(row.similar[at] for row in self.rows) for at in range(len(self.thresholds)))
        records, distinct, left_out = (
            sum(getattr(row, name) for row in self.rows) for name in ("records", "distinct", "left_out")
        )
        return Row("total", records, distinct, left_out, tuple(similar))


def values(table: Table) -> dict[str, Any]:
    """Give a table as plain JSON values."""
    rows = [{table.by: row.name, **_values(row, table.thresholds)} for row in table.rows]
    return {"thresholds": list(table.thresholds), "rows": rows, "total": _values(table.total, table.thresholds)}


def _values(row: Row, thresholds: Sequence[float]) -> dict[str, Any]:
    at = [
        {"threshold": threshold, "similar": row.similar[each], "kept": row.kept(each), "percent": row.percent(each)}
        for each, threshold in enumerate(thresholds)
    ]
    return {"records": row.records, "distinct": row.distinct, "not_compared": row.left_out, "at": at}


def screen_width() -> int | None:
    """Give the columns of the terminal that results are printed to; None: they go elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def text(told: Table, width: int | None = None) -> str:
    """Print a table for people; one that is wider than `width` as a table for each threshold."""
    whole = table(_header(told), [_cells(told, row) for row in told.rows], total=_cells(told, told.total))
    if width is None or max(map(len, whole.splitlines())) <= width:
        return whole
    return "\n\n".join(_narrow(told, at, width) for at in range(len(told.thresholds)))


def _narrow(told: Table, at: int, width: int) -> str:
    """Print the counts at one threshold; names are cut, and what was not compared is told below the table."""
    rows = [replace(row, left_out=0, similar=(row.similar[at],)) for row in (*told.rows, told.total)]
    part = Table(told.by, told.items, (told.thresholds[at],), tuple(rows[:-1]))
    header = [name.removesuffix(f" {told.items}") for name in _header(part)]
    cells = [_cells(part, row) for row in rows]
    room = width - sum(2 + max(map(len, column)) for column in list(zip(header, *cells, strict=True))[1:])
    for row in cells:
        row[0] = row[0] if len(row[0]) <= room else f"…{row[0][1 - max(2, room) :]}"
    return table(header, cells[:-1], total=cells[-1])


def markdown(told: Table) -> str:
    """Print a table as Markdown."""
    header = _header(told)
    escaped: Callable[[str], str] = lambda cell: cell.replace("\\", "\\\\").replace("|", "\\|")  # noqa: E731
    lines = [header, ["---", *["---:"] * (len(header) - 1)]]
    lines += [_cells(told, row) for row in (*told.rows, told.total)]
    return "\n".join(f"| {' | '.join(map(escaped, line))} |" for line in lines)


def _header(told: Table) -> list[str]:
    left_out = ["not compared"] if told.total.left_out else []
    goes = "similar" if told.items == "images" else "filtered"
    blocks = (cell for each in told.thresholds for cell in (f"{goes} {each:g}", f"kept {each:g}", "%"))
    distinct = [f"distinct {told.items}"] if _tells_distinct(told) else []
    return [told.by, "records", *distinct, *left_out, *blocks]


def _tells_distinct(told: Table) -> bool:
    """Say whether items are other things than records: an image may be of many."""
    return any(row.distinct + row.left_out != row.records for row in told.rows)


def _cells(told: Table, row: Row) -> list[str]:
    left_out = [f"{row.left_out:,}"] if told.total.left_out else []
    distinct = [f"{row.distinct:,}"] if _tells_distinct(told) else []
    cells = [row.name, f"{row.records:,}", *distinct, *left_out]
    for at in range(len(told.thresholds)):
        percent = row.percent(at)
        cells += [f"{row.similar[at]:,}", f"{row.kept(at):,}", "-" if percent is None else f"{percent:.1f}"]
    return cells
