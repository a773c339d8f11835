"""Reads a Parquet file of large values by id as one record, which says where each of them stands.

`of(row, name)` gives the reader: rows are decoded as `row`, whose attributes `key` and `content` are a value's id and
bytes; `name` makes ids of the keys, and of equal ones the first counts. A table cannot be read here and there, so its
values are written out to a working file of their size. Memory is bounded by the ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mixer.readers import PAST_ANY_END, Bad, Batch, parquet_rows
from mixer.readers.places import Part, Places, Slice, Spool

ROWS = 256
"""Rows decoded at once."""


@dataclass(frozen=True)
class Located:
    """The reader; see the module's docstring."""

    row: type
    name: Callable[[str], str]

    def cut(self, path: Path, place: int) -> int:
        """Give the file's start or its end: nothing between is an edge."""
        return 0 if place <= 0 else path.stat().st_size

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:  # noqa: ARG002 - the face
        """Write the table's values out, if the span holds it. Rows that do not decode are left out."""
        if start or not stop:
            return
        spool = Spool()
        slices: dict[str, Slice] = {}
        for batch in parquet_rows.read(path, 0, PAST_ANY_END, self.row, ROWS):
            for row in batch.items:
                if type(row) is not Bad and (id := self.name(row.key)) not in slices:
                    slices[id] = spool.add(row.content)
        yield Batch([raw(Places(Part(spool.read, slices)))], path.stat().st_size)


def of(row: type, name: Callable[[str], str]) -> Located:
    """Make the reader of a table whose rows have a key and a content."""
    return Located(row, name)
