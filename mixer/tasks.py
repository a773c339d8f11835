"""The work of converting, cut into tasks: a task names files, its result is files, and its receipt says what they hold.

A task knows nothing of the others: conversion.py makes them, and accepts their receipts from left to right. Whatever
runs them, one process or many, calls `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from mixer import derived, grouping, pictures, sources
from mixer.allocator import keep_freed_blocks
from mixer.converting import Making, Receipt
from mixer.errors import DataError
from mixer.garbage import collector_off
from mixer.readers import PAST_ANY_END, Bad, Batch, counts_bytes
from mixer.sources import File, Lookup, Options, Source
from mixer.stamps import Stamp, stamp

PIECE = 256 << 10
"""Bytes decoded at once: measured best, since all that is made of a piece, ten times its size, stays in the cache."""


@dataclass(frozen=True)
class Table:
    """A file of a lookup, made readable."""

    lookup: int
    """Index among the source's lookups; the sizes of images come behind them."""
    published: str
    path: Path


@dataclass(frozen=True)
class Span:
    """The records of a file from byte `start` to the first record edge at or after `stop`."""

    source: str
    options: Mapping[str, Any]
    file: int
    """Index among the files that the options read; the joined ones stand behind the others."""
    published: str
    path: Path
    start: int
    stop: int
    out: Path
    """Results are written to this path with suffixes of their own."""
    tables: tuple[Table, ...] = ()
    buckets: int = 0
    """Not 0: set the records aside in so many buckets by what they are grouped by, instead of converting them."""
    piece: int = PIECE


@dataclass(frozen=True)
class Bucket:
    """One bucket of records that were set aside, to be grouped and converted."""

    source: str
    options: Mapping[str, Any]
    shelves: tuple[grouping.Shelf, ...]
    """Where the bucket's records lie, in the order of the files."""
    files: tuple[grouping.Numbered, ...]
    """The raw files that the shelves are of."""
    out: Path

    @property
    def path(self) -> Path:
        """Name what it reads, for messages."""
        return self.out


@dataclass(frozen=True)
class Columns:
    """Columns derived from the lines of one part of a converted source."""

    path: Path
    """The part's lines."""
    out: Path
    maker: str
    settings: Mapping[str, Any]


Task = Span | Bucket | Columns


def run(task: Task) -> Receipt:
    """Do a task. Raises DamagedFile when its file cannot be read past some byte."""
    keep_freed_blocks()
    with collector_off():
        match task:
            case Span(buckets=0):
                return _convert(task)
            case Span():
                return _set_aside(task)
            case Bucket():
                return grouping.convert(*_named(task), task.shelves, task.files, task.out)
            case Columns():
                derived.make(task.maker, task.path, task.out, task.settings)
                return Receipt(task.path.stat().st_size)


def _convert(task: Span) -> Receipt:
    source, options = _named(task)
    receipt = Receipt(task.start)
    with Making(source, options, task.out, lambda number: (task.published, number), receipt) as making:
        for batch in _read(task, source, options):
            making.batch(batch.items, range(receipt.items, receipt.items + len(batch.items)))
            receipt.end = batch.end
    return receipt


def _set_aside(task: Span) -> Receipt:
    source, options = _named(task)
    receipt = Receipt(task.start)
    with grouping.SettingAside(source, task.published, task.out, task.buckets, receipt) as aside:
        for batch in _read(task, source, options):
            aside.batch(batch.items)
            receipt.end = batch.end
    return receipt


def _named(task: Span | Bucket) -> tuple[Source, Options]:
    source = sources.get(task.source)
    return source, source.options.model_validate(dict(task.options))


def _read(task: Span, source: Source, options: Options) -> Iterator[Batch]:
    """Go through a span's records, each with what its file and the lookups know of it."""
    file = source.every_file(options)[task.file]
    lookups = [_lookup(task, source, number) for number in sorted({table.lookup for table in task.tables})]
    for batch in file.reader.read(task.path, task.start, task.stop, file.raw_type(options), task.piece):
        _tell_file(batch, file, task.published)
        for key, field, table in lookups:
            for raw in batch.items:
                if type(raw) is not Bad:
                    found = table.get(key(raw))
                    if found is not None:
                        setattr(raw, field, found)
        yield batch


def read_whole(file: File, published: str, path: Path, options: Options) -> Iterator[Batch]:
    """Go through all records of a file, each with what its file knows of it."""
    start, stop = file.reader.cut(path, 0), file.reader.cut(path, PAST_ANY_END)
    for batch in file.reader.read(path, start, stop, file.raw_type(options), PIECE):
        _tell_file(batch, file, published)
        yield batch


def _tell_file(batch: Batch, file: File, published: str) -> None:
    """Set on each record what its file says of it; a bad one's place is a byte of that file, or not told."""
    if not counts_bytes(file.reader):
        batch.items[:] = [replace(raw, at=None) if type(raw) is Bad else raw for raw in batch.items]
    known = dict(file.give)
    if file.named:
        known[file.named] = published
    for name, value in known.items():
        for raw in batch.items:
            if type(raw) is not Bad:
                setattr(raw, name, value)


def _lookup(task: Span, source: Source, number: int) -> tuple[Callable[[Any], Any], str, dict[Any, Any]]:
    files = tuple((table.published, table.path, stamp(table.path)) for table in task.tables if table.lookup == number)
    table = _table(task.source, number, files)
    lookup = _lookups(source)[number]
    if number == len(source.lookups):
        assert source.pictures is not None, "it is the last lookup"
        return partial(pictures.first_of, source.pictures, table=table), lookup.field, table
    return attrgetter(lookup.match), lookup.field, table


def _lookups(source: Source) -> list[Lookup]:
    """List a source's lookups, the sizes of images last."""
    return [*source.lookups, *([pictures.lookup(source.pictures)] if source.pictures else [])]


@lru_cache(maxsize=16)  # a worker reads a lookup's files once for all its tasks
def _table(source: str, number: int, files: tuple[tuple[str, Path, Stamp], ...]) -> dict[Any, Any]:
    lookup = _lookups(sources.get(source))[number]
    table: dict[Any, Any] = {}
    for published, path, _version in files:
        for entry in _entries(lookup, published, path):
            key, row = lookup.key(entry), lookup.row(entry)
            table[key] = lookup.merge(table[key], row) if lookup.merge and key in table else row
    return table


def _entries(lookup: Lookup, published: str, path: Path) -> Iterator[Any]:
    """Go through a lookup file's records. Raises DataError when none of them decodes: it is another file."""
    bad: list[Bad] = []
    usable = 0
    for batch in read_whole(lookup.file, published, path, Options()):
        bad += [entry for entry in batch.items if type(entry) is Bad][: not bad]
        entries = [entry for entry in batch.items if type(entry) is not Bad]
        usable += len(entries)
        yield from entries
    if bad and not usable:
        raise DataError(
            f"{path}: no record of it can be used: {bad[0].reason} at {bad[0].where}; is it the right file?"
        )
