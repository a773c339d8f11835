"""Shards: a target's records in several files, each a run of neighbours in the mix's one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from mixer.resolved import Shards

if TYPE_CHECKING:
    import polars as pl

MOST = 100_000
"""Shards of a mix: names have five digits, and every shard is a file."""


def cuts(lengths: Iterable[pl.Series], records: int, asked: Shards | None) -> tuple[int, ...]:
    """Say after how many records each shard ends; the last ends with the mix.

    `lengths` are the records' bytes in mix order, some at a time, looked at only where bytes are asked for.
    """
    if asked is None:
        return (records,)
    if asked.by == "shards":
        count = min(asked.value, records)
        return tuple(records * (number + 1) // count for number in range(count))
    if asked.by == "records":
        return (*range(asked.value, records, asked.value), records)
    return _by_bytes(lengths, records, asked.value)


def _by_bytes(lengths: Iterable[pl.Series], records: int, most: int) -> tuple[int, ...]:
    """Fill shards as far as they hold; a record that is larger than a shard has one of its own."""
    ends, held, seen = [], 0, 0
    for piece in lengths:
        for length in piece.to_list():
            if held and held + length > most:
                ends.append(seen)
                held = 0
            held += length
            seen += 1
    return (*ends, records)


def name(stem: str, number: int, count: int, suffix: str) -> str:
    """Name a shard: `mix-00000-of-00004.jsonl`; the only one has no number."""
    return f"{stem}-{number:05d}-of-{count:05d}{suffix}" if count > 1 else f"{stem}{suffix}"


def by_shard(
    batches: Iterable[list[memoryview]], ends: tuple[int, ...]
) -> Iterator[tuple[int, Iterator[list[memoryview]]]]:
    """Go through shards: the number of each, and its records, to be taken before the next."""
    source = iter(batches)
    rest: list[memoryview] = []
    done = 0

    def shard(stop: int) -> Iterator[list[memoryview]]:
        nonlocal rest, done
        while done < stop:
            batch = rest or next(source)
            taken, rest = batch[: stop - done], batch[stop - done :]
            done += len(taken)
            yield taken

    for number, stop in enumerate(ends):
        yield number, shard(stop)
