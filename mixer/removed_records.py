"""The list of every record that a recipe's curation took out: `removed.jsonl` of a mix, one record a line.

    {"leaf":"gqa","id":"n4711","step":"leak","why":"gqa_val: vg:4711"}

Sorted by what it says, so that the order of raw files decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mixer import atomic, manifest
from mixer.pools import Pool

if TYPE_CHECKING:
    import polars as pl

BLOCK = 1 << 20
"""Bytes handed to the file at once."""


def write(pools: Iterable[Pool], path: Path) -> manifest.Removed:
    """Write what was taken out of pools, leaf by leaf in the order of their names."""
    file, digest, records, size = atomic.DurableFile(path), hashlib.sha256(), 0, 0
    try:
        for block in _blocks(sorted(pools, key=lambda pool: pool.leaf.name)):
            file.write(block)
            digest.update(block)
            records, size = records + block.count(b"\n"), size + len(block)
    finally:
        file.close(sync=True)
    return manifest.Removed(path=path.name, records=records, bytes=size, sha256=digest.hexdigest())


def _blocks(pools: Iterable[Pool]) -> Iterator[bytes]:
    waiting = bytearray()
    for pool in pools:
        for id, step, why in _named(pool).iter_rows():
            waiting += msgspec.json.encode({"leaf": pool.leaf.name, "id": id, "step": step, "why": why}) + b"\n"
            if len(waiting) >= BLOCK:
                yield bytes(waiting)
                waiting.clear()
    if waiting:
        yield bytes(waiting)


def _named(pool: Pool) -> pl.DataFrame:
    """Give the removed records by their ids."""
    ids = pool.entry.index(["id"])["id"][pool.removed["row"]]
    return pool.removed.select(ids, "step", "why").sort("step", "id", "why")
