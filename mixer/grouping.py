"""Records that belong together but lie apart: joined across files and grouped, in bounded memory.

First every span's records are set aside in buckets, by a hash of what they are grouped by, typed and in msgpack: only
what their converter needs is kept. Then each bucket, which holds whole groups and is small, is loaded, joined, grouped
and converted. Written buckets stay in the page cache while there is room, so this costs little where all would fit.

Groups stand in the order of their first items, and so do the items of a group, as the files have them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

import msgspec

from mixer.converting import Losses, Lost, Making, Receipt
from mixer.readers import Bad
from mixer.sources import File, Join, Options, Source

BATCH = 512
"""Groups converted at once."""
UNWANTED = "that no record has"
SECOND = "that came before"
_LENGTH = 4
"""Bytes that say how long the next block of a bucket is."""


@dataclass(frozen=True)
class Shelf:
    """The records of one bucket that one span set aside."""

    path: Path
    offset: int
    length: int
    file: int
    """As in the task that set them aside."""
    first_item: int
    """Number of the span's first item in its file."""


class SettingAside:
    """The records of one span on their way to buckets: `out` with the suffix .aside, one bucket behind the other."""

    def __init__(self, source: Source, file: File, out: Path, buckets: int, receipt: Receipt) -> None:
        assert source.grouping is not None, "only such sources are set aside"
        self._key = attrgetter(source.grouping.by)
        self._path = file.path
        self._out = out
        self._buckets: list[bytearray] = [bytearray() for _ in range(buckets)]
        self._encode = msgspec.msgpack.Encoder().encode
        self._losses = Losses(receipt)
        self._receipt = receipt

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with self._out.with_suffix(".aside").open("wb") as file:
                self._receipt.buckets = [file.write(bucket) for bucket in self._buckets]
            self._losses.write(self._out.with_suffix(".lost"))

    def batch(self, raws: list[Any]) -> None:
        """Set raw records aside; those that are bad are counted here."""
        count = len(self._buckets)
        chosen: dict[int, list[tuple[int, Any]]] = {}
        for number, raw in enumerate(raws, self._receipt.items):
            if type(raw) is Bad:
                self._losses.add(number, Lost(self._path, number, "bad", raw.reason, raw.where, raw.at))
            else:
                chosen.setdefault(crc32(str(self._key(raw)).encode()) % count, []).append((number, raw))
        self._receipt.items += len(raws)
        for bucket, numbered in chosen.items():
            block = self._encode(numbered)
            self._buckets[bucket] += len(block).to_bytes(_LENGTH, "little") + block


def convert(source: Source, options: Options, shelves: Sequence[Shelf], starts: Sequence[int], out: Path) -> Receipt:
    """Join, group and convert the records of one bucket; `starts` counts the items before each file."""
    assert source.grouping is not None, "only such sources have buckets"
    files = source.every_file(options)
    receipt = Receipt(0, 0)

    def place(number: int) -> tuple[str, int]:
        file = bisect_right(starts, number) - 1
        return files[file].path, number - starts[file]

    def records(file: int) -> Iterator[tuple[int, Any]]:
        for shelf in shelves:
            if shelf.file == file:
                yield from _records(shelf, files[file].raw_type(options), starts[file] + shelf.first_item)

    first_join = len(source.used_files(options))
    with Making(source, options, out, place, receipt) as making:
        tables = [_Table(join, records(first_join + n)) for n, join in enumerate(source.used_joins(options))]
        groups: dict[Any, tuple[int, list[Any]]] = {}
        key = attrgetter(source.grouping.by)
        for file in range(first_join):
            for number, raw in records(file):
                for table in tables:
                    table.give(raw)
                groups.setdefault(key(raw), (number, []))[1].append(raw)
        waiting = list(groups.values())
        for start in range(0, len(waiting), BATCH):
            numbers, grouped = zip(*waiting[start : start + BATCH], strict=True)
            making.batch(grouped, numbers)
        for table in tables:
            for number, reason in table.unused():
                making.lose(number, "skipped", reason, None)
    return receipt


class _Table:
    """The records of a joined file, by what they are joined on."""

    def __init__(self, join: Join, records: Iterator[tuple[int, Any]]) -> None:
        self._join = join
        self._key = attrgetter(join.on)
        self._found: dict[Any, tuple[int, Any]] = {}
        self._twice: list[int] = []
        for number, record in records:
            if self._found.setdefault(self._key(record), (number, record))[0] != number:
                self._twice.append(number)
        self._wanted: set[Any] = set()

    def give(self, raw: Any) -> None:
        """Set the record's field to what it is joined with; without any it keeps its default."""
        key = self._key(raw)
        found = self._found.get(key)
        if found is not None:
            setattr(raw, self._join.field, found[1])
            self._wanted.add(key)

    def unused(self) -> Iterator[tuple[int, str]]:
        """Go through the joined records that no record was given: number and reason."""
        for number in self._twice:
            yield number, f"{self._join.field} of {self._join.on} {SECOND}"
        for key, (number, _) in self._found.items():
            if key not in self._wanted:
                yield number, f"{self._join.field} of {self._join.on} {UNWANTED}"


def _records(shelf: Shelf, raw: type, start: int) -> Iterator[tuple[int, Any]]:
    """Go through the records of one bucket of one span, numbered from `start`."""
    decode = msgspec.msgpack.Decoder(list[tuple[int, raw]]).decode  # type: ignore[valid-type]
    with shelf.path.open("rb") as file:
        file.seek(shelf.offset)
        blocks = memoryview(file.read(shelf.length))
    at = 0
    while at < len(blocks):
        end = at + _LENGTH + int.from_bytes(blocks[at : at + _LENGTH], "little")
        for number, record in decode(blocks[at + _LENGTH : end]):
            yield start + number, record
        at = end
