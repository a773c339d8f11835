"""The work of converting, cut into tasks: a task names files, its result is files, and its receipt says what they hold.

A task knows nothing of the others: conversion.py makes them, and accepts their receipts from left to right. Whatever
runs them, one process or many, calls `run`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from mixer import grouping, matching, sources
from mixer.allocator import keep_freed_blocks
from mixer.converting import Making, Receipt
from mixer.garbage import collector_off
from mixer.readers import Bad, Batch, cuts
from mixer.sources import File, Options, Source

PIECE = 256 << 10
"""Bytes decoded at once: measured best, since all that is made of a piece, ten times its size, stays in the cache."""


@dataclass(frozen=True)
class Span:
    """The records of a file from byte `start` to the first record edge at or after `stop`."""

    source: str
    options: Mapping[str, Any]
    file: int
    """Index of the file among those that the options read; the joined ones stand behind the others."""
    path: Path
    start: int
    stop: int
    lookups: Mapping[str, Path]
    """Published path of each lookup file -> where it lies."""
    out: Path
    """Results are written to this path with suffixes of their own."""
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
    starts: tuple[int, ...]
    """Items before each file."""
    out: Path

    @property
    def path(self) -> Path:
        """Name what it reads, for messages."""
        return self.out


@dataclass(frozen=True)
class Matches:
    """The match digests of one part of a converted source."""

    path: Path
    """The part's lines."""
    out: Path


Task = Span | Bucket | Matches


def run(task: Task) -> Receipt:
    """Do a task. Raises DamagedFile when its file cannot be read past some byte."""
    keep_freed_blocks()
    match task:
        case Span(buckets=0):
            return _convert(task)
        case Span():
            return _set_aside(task)
        case Bucket():
            return _group(task)
        case Matches():
            matching.write_digests(task.path, task.out)
            return Receipt(0, task.path.stat().st_size)


def _convert(task: Span) -> Receipt:
    source, options, file = _named(task)
    receipt = Receipt(task.start, task.start)
    with Making(source, options, task.out, lambda number: (file.path, number), receipt) as making:
        for batch in _read(task, source, options, file):
            making.batch(batch.items, range(receipt.items, receipt.items + len(batch.items)))
            receipt.end = batch.end
    return receipt


def _set_aside(task: Span) -> Receipt:
    source, options, file = _named(task)
    receipt = Receipt(task.start, task.start)
    with collector_off(), grouping.SettingAside(source, file, task.out, task.buckets, receipt) as aside:
        for batch in _read(task, source, options, file):
            aside.batch(batch.items)
            receipt.end = batch.end
    return receipt


def _group(task: Bucket) -> Receipt:
    source = sources.get(task.source)
    options = source.options.model_validate(dict(task.options))
    return grouping.convert(source, options, task.shelves, task.starts, task.out)


def _named(task: Span) -> tuple[Source, Options, File]:
    source = sources.get(task.source)
    options = source.options.model_validate(dict(task.options))
    return source, options, source.every_file(options)[task.file]


def _read(task: Span, source: Source, options: Options, file: File) -> Iterator[Batch]:
    """Go through a span's records, each with what its file and the lookups know of it."""
    lookups = [
        (attrgetter(lookup.match), lookup.field, _table(task.source, number, *_version(task.lookups[lookup.file.path])))
        for number, lookup in enumerate(source.lookups)
    ]
    for batch in file.reader.read(task.path, task.start, task.stop, file.raw_type(options), task.piece):
        if file.give or lookups:
            for raw in batch.items:
                if type(raw) is Bad:
                    continue
                for name, value in file.give.items():
                    setattr(raw, name, value)
                for key, field, table in lookups:
                    found = table.get(key(raw))
                    if found is not None:
                        setattr(raw, field, found)
        yield batch


def _version(path: Path) -> tuple[Path, int, int]:
    """Tell a file from a later version of itself."""
    status = path.stat()
    return path, status.st_mtime_ns, status.st_size


@lru_cache(maxsize=8)  # a worker reads a lookup file once for all its tasks
def _table(source: str, number: int, path: Path, _mtime: int, _size: int) -> dict[Any, Any]:
    lookup = sources.get(source).lookups[number]
    table: dict[Any, Any] = {}
    start, *_, stop = cuts(lookup.file.reader, path, 1 << 40)
    for batch in lookup.file.reader.read(path, start, stop, lookup.file.raw_type(Options()), PIECE):
        for entry in batch.items:
            if type(entry) is not Bad:
                table[lookup.key(entry)] = lookup.row(entry)
    return table
