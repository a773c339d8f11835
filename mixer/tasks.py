"""The work of converting, cut into tasks: one span of one raw file each. A task names files; its result is files.

`run` reads a span, converts and validates every raw item, and writes the conversations' canonical bytes, their index
columns and the list of what was lost. It knows nothing of other spans; conversion.py accepts receipts from left to
right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from mixer import columns as index
from mixer import sources
from mixer.conversation import Conversation, Labelled, Skip, encode
from mixer.garbage import collector_off
from mixer.readers import Bad, Batch
from mixer.sources import Converted, File, Lookup, Source
from mixer.validate import check

PIECE = 1 << 20
"""Bytes decoded at once. Larger pieces are no faster and their structs no longer fit the cache."""


@dataclass(frozen=True)
class Task:
    """Convert the records of `path` from byte `start` to the first record edge at or after `stop`."""

    source: str
    options: Mapping[str, Any]
    file: int
    """Index of the file among those that the options read."""
    path: Path
    start: int
    stop: int
    lookups: Mapping[str, Path]
    """Published path of each lookup file -> where it lies."""
    out: Path
    """Results are written to this path with the suffixes .jsonl, .parquet and .lost."""
    piece: int = PIECE


class Lost(msgspec.Struct, omit_defaults=True):
    """One raw item that gave no conversation, or one part of it."""

    file: str
    item: int
    """The item's number in its file, from 0."""
    kind: str
    """`skipped` by the converter, or `bad`."""
    reason: str
    where: str | None = None
    """Path inside the record."""
    at: int | None = None
    """Byte position in the file, where it is known."""
    also: list[str] = []
    """Further problems of the same record; the ledger counts it once, by its first."""


@dataclass
class Receipt:
    """What became of a task: the true edges of its span and the counts of its items."""

    start: int
    end: int
    items: int = 0
    """Raw records seen; the ledger counts `read`, which splits those that hold several."""
    read: int = 0
    used: int = 0
    made: int = 0
    bytes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)


def run(task: Task) -> Receipt:
    """Do a task. Raises DamagedFile when its file cannot be read past some byte."""
    source = sources.get(task.source)
    options = source.options.model_validate(dict(task.options))
    file = source.used_files(options)[task.file]
    fields = [_lookup_table(task.source, number, task.lookups) for number in range(len(source.lookups))]
    span = _Span(task, source, options, file, list(zip(source.lookups, fields, strict=True)))
    with collector_off(), task.out.with_suffix(".jsonl").open("wb") as out:
        for batch in file.reader.read(task.path, task.start, task.stop, file.raw_type(options), task.piece):
            span.convert(batch, out)
        if span.rows:
            index.write(span.rows, task.out.with_suffix(".parquet"))
    task.out.with_suffix(".lost").write_bytes(msgspec.msgpack.encode(span.lost))
    return span.receipt


@lru_cache(maxsize=8)  # a worker reads a lookup file once for all its tasks
def _table(lookup_source: str, number: int, path: Path) -> dict[Any, Any]:
    lookup = sources.get(lookup_source).lookups[number]
    table: dict[Any, Any] = {}
    start, *_, stop = lookup.file.reader.cuts(path, 1 << 40)
    for batch in lookup.file.reader.read(path, start, stop, lookup.file.raw_type(sources.Options()), PIECE):
        for entry in batch.items:
            if type(entry) is not Bad:
                table[lookup.key(entry)] = lookup.row(entry)
    return table


def _lookup_table(source: str, number: int, paths: Mapping[str, Path]) -> dict[Any, Any]:
    return _table(source, number, paths[sources.get(source).lookups[number].file.path])


class _Span:
    """The state of one task: counters, columns, losses."""

    def __init__(
        self, task: Task, source: Source, options: Any, file: File, lookups: list[tuple[Lookup, dict[Any, Any]]]
    ) -> None:
        assert source.convert is not None, "the registry binds it"
        self.convert_one = source.convert
        self.options = options
        self.file = file
        self.lookups = lookups
        self.is_given_more = bool(file.give or lookups)
        self.receipt = Receipt(task.start, task.start)
        self.rows: list[index.Row] = []
        self.lost: list[Lost] = []

    def convert(self, batch: Batch, out: BinaryIO) -> None:
        """Convert a batch; its lines go to `out`."""
        lines: list[bytes] = []
        for raw in batch.items:
            self._take(raw, lines)
            self.receipt.items += 1
        if lines:
            lines.append(b"")
            self.receipt.bytes += out.write(b"\n".join(lines))
        self.receipt.made += len(lines) - 1 if lines else 0
        self.receipt.end = batch.end

    def _take(self, raw: Any, lines: list[bytes]) -> None:
        """Convert one raw record, which holds one item of the ledger unless its converter gives several."""
        if type(raw) is Bad:
            self._lose("bad", raw.reason, raw.where, raw.at)
            return
        if self.is_given_more:
            self._give(raw)
        try:
            given = self.convert_one(raw, self.options)
            if type(given) is Conversation:  # by far the most common
                self._add(given, lines)
            else:
                for part in _parts(given):
                    self._add(part, lines)
        except msgspec.ValidationError as error:  # its words say what is wrong and where
            self._lose("bad", str(error), "$", None)
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            # A value the converter did not foresee is that record's fault, and its neighbours are fine.
            self._lose("bad", f"converter: {type(error).__name__}: {error}", "$", None)

    def _give(self, raw: Any) -> None:
        """Add what a record's file and the lookups know of it."""
        for name, value in self.file.give.items():
            setattr(raw, name, value)
        for lookup, table in self.lookups:
            found = table.get(getattr(raw, lookup.match))
            if found is not None:
                setattr(raw, lookup.field, found)

    def _add(self, part: Conversation | Labelled | Skip, lines: list[bytes]) -> None:
        if type(part) is Conversation:
            record, labels = part, index.NO_LABELS
        elif type(part) is Labelled:
            record, labels = part.conversation, part.labels
        elif type(part) is Skip:
            self._lose("skipped", part.reason, None, None)
            return
        else:
            raise TypeError(f"a converter gives Conversation, Labelled or Skip, got {type(part).__name__}")
        checked = check(record)
        if isinstance(checked, list):
            first, *others = checked
            self._lose("bad", first.reason, first.where, None, [f"{each.reason} at {each.where}" for each in others])
            return
        try:
            line = encode(record)
        except UnicodeEncodeError:
            self._lose("bad", "lone surrogate in text", "$", None)
            return
        self.rows.append(index.row(self.receipt.items, record, line, checked, labels))
        lines.append(line)
        self.receipt.read += 1
        self.receipt.used += 1

    def _lose(self, kind: str, reason: str, where: str | None, at: int | None, also: Sequence[str] = ()) -> None:
        self.receipt.read += 1
        (self.receipt.skipped if kind == "skipped" else self.receipt.bad)[reason] += 1
        self.lost.append(Lost(self.file.path, self.receipt.items, kind, reason, where, at, list(also)))


def _parts(given: Converted) -> Iterator[Conversation | Labelled | Skip]:
    if isinstance(given, Conversation | Labelled | Skip):
        yield given
        return
    empty = True
    for part in given:
        empty = False
        yield part
    if empty:
        yield Skip("holds no conversation")
