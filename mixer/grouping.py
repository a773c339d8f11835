"""Records that belong together but lie apart: joined across files and grouped, in bounded memory.

First every span's records are set aside in buckets, by a hash of what they are grouped by, typed and in msgpack: only
what their converter needs is kept. Then each bucket, which holds whole groups and is small, is loaded, joined, grouped
and converted. Written buckets stay in the page cache while there is room, so this costs little where all would fit.

Groups stand in the order of their first items, and so do the items of a group, as the files have them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from zlib import crc32

import msgspec

from mixer.converting import Losses, Lost, Making, Receipt
from mixer.readers import Bad
from mixer.sources import Join, Options, Source

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
    """Index among the bucket's raw files."""
    first_item: int
    """Number of the span's first item in its file."""


class Numbered(NamedTuple):
    """A raw file whose records were set aside: its published path, what it is one of, and the items before it."""

    published: str
    file: int
    """As in the task that set its records aside."""
    start: int


class SettingAside:
    """The records of one span on their way to buckets: `out` with the suffix .aside, one bucket behind the other."""

    def __init__(self, source: Source, published: str, out: Path, buckets: int, receipt: Receipt) -> None:
        assert source.grouping is not None, "only such sources are set aside"
        self._key = attrgetter(source.grouping.by)
        self._path = published
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
        numbered = list(enumerate(raws, self._receipt.items))
        self._receipt.items += len(raws)
        if Bad in set(map(type, raws)):
            for number, raw in numbered:
                if type(raw) is Bad:
                    self._losses.add(number, Lost(self._path, number, "bad", raw.reason, raw.where, raw.at))
            numbered = [each for each in numbered if type(each[1]) is not Bad]
        count = len(self._buckets)
        chosen: defaultdict[int, list[tuple[int, Any]]] = defaultdict(list)
        for each in numbered:
            key = self._key(each[1])
            bucket = (key if type(key) is int else crc32(str(key).encode())) % count
            chosen[bucket].append(each)
        for bucket, block in chosen.items():
            packed = self._encode(block)
            self._buckets[bucket] += len(packed).to_bytes(_LENGTH, "little") + packed


def convert(
    source: Source, options: Options, shelves: Sequence[Shelf], numbered: Sequence[Numbered], out: Path
) -> Receipt:
    """Join, group and convert the records of one bucket, which `shelves` hold of the raw files `numbered`."""
    assert source.grouping is not None, "only such sources have buckets"
    files, joins = source.every_file(options), source.used_joins(options)
    own = len(files) - len(joins)
    receipt = Receipt(0)

    def place(number: int) -> tuple[str, int]:
        file = numbered[bisect_right(numbered, number, key=attrgetter("start")) - 1]
        return file.published, number - file.start

    def load(chosen: range) -> _Loaded:
        loaded = _Loaded([], [])
        for shelf in shelves:
            raw = numbered[shelf.file]
            if raw.file in chosen:
                loaded.add(shelf, files[raw.file].raw_type(options), raw.start + shelf.first_item)
        return loaded

    with Making(source, options, out, place, receipt) as making:
        records = load(range(own))
        unused = [
            each
            for n, join in enumerate(joins)
            for each in _join(records.raws, load(range(own + n, own + n + 1)), join)
        ]
        groups: dict[Any, tuple[int, list[Any]]] = {}
        for number, raw, key in zip(*records, map(attrgetter(source.grouping.by), records.raws), strict=True):
            if key in groups:
                groups[key][1].append(raw)
            else:
                groups[key] = number, [raw]
        waiting = list(groups.values())
        for start in range(0, len(waiting), BATCH):
            numbers, grouped = zip(*waiting[start : start + BATCH], strict=True)
            making.batch(grouped, numbers)
        for number, reason in unused:
            making.lose(number, "skipped", reason, None)
    return receipt


class _Loaded(NamedTuple):
    """Records that were set aside, in order, and their numbers."""

    numbers: list[int]
    raws: list[Any]

    def add(self, shelf: Shelf, raw: type, start: int) -> None:
        """Load one bucket of one span, whose items are numbered from `start`."""
        decode = msgspec.msgpack.Decoder(list[tuple[int, raw]]).decode  # type: ignore[valid-type]
        with shelf.path.open("rb") as file:
            file.seek(shelf.offset)
            blocks = memoryview(file.read(shelf.length))
        at = 0
        while at < len(blocks):
            end = at + _LENGTH + int.from_bytes(blocks[at : at + _LENGTH], "little")
            block = decode(blocks[at + _LENGTH : end])
            self.numbers.extend([start + number for number, _ in block])
            self.raws.extend([record for _, record in block])
            at = end


def _join(raws: list[Any], others: _Loaded, join: Join) -> Iterator[tuple[int, str]]:
    """Give each record the one of equal key, and go through the others that no record was given: number and reason.

    A record without any keeps its default; of several with one key the first counts.
    """
    on = attrgetter(join.on)
    found: dict[Any, Any] = {}
    names = list(map(on, others.raws))
    first = [found.setdefault(name, other) is other for name, other in zip(names, others.raws, strict=True)]
    keys = list(map(on, raws))
    for raw, key in zip(raws, keys, strict=True):
        if key in found:
            setattr(raw, join.field, found[key])
    wanted = set(keys)
    for number, name, is_first in zip(others.numbers, names, first, strict=True):
        if not is_first:
            yield number, f"{join.field} of {join.on} {SECOND}"
        elif name not in wanted:
            yield number, f"{join.field} of {join.on} {UNWANTED}"
