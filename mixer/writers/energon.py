"""Megatron-Energon: the tars of tars.py, and all that `energon prepare` would make of them, so that it need not run.

    mix.tar, mix.tar.idx            samples, and where each begins
    .nv-meta/dataset.yaml           a crude dataset: the trainer's own cooker makes samples of the record and its media
    .nv-meta/split.yaml             all shards are of the split `train`
    .nv-meta/.info.json, .info.yaml records a shard; new and old releases look for one each
    .nv-meta/index.sqlite, .uuid    where each member lies, for reading by key, joins and auxiliary data
    metadataset.yaml                names the dataset, to be blended with others

index.sqlite is SQLite's: releases of it may lay out the same rows in other bytes. All else is the same everywhere.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import atomic
from mixer.hashing import sha256_of
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, tars
from mixer.writers.framing import HashedFile
from mixer.writers.reshaping import describe

if TYPE_CHECKING:
    import polars as pl

TARGET = "energon"
META = ".nv-meta"
_DATASET = "__module__: megatron.energon\n__class__: CrudeWebdataset\n"
_METADATASET = "__module__: megatron.energon\n__class__: MetadatasetV2\nsplits:\n  train:\n    path: .\n"
_SCHEMA = """
CREATE TABLE samples (
    tar_file_id INTEGER NOT NULL, sample_key TEXT NOT NULL UNIQUE, sample_index INTEGER NOT NULL,
    byte_offset INTEGER, byte_size INTEGER);
CREATE TABLE sample_parts (
    tar_file_id INTEGER, sample_index INTEGER, part_name TEXT, content_byte_offset INTEGER, content_byte_size INTEGER);
"""
_PART_COLUMNS = "part_name, content_byte_offset, content_byte_size"
_INDEXES = (
    "CREATE INDEX idx_samples_by_tar_and_idx ON samples(tar_file_id, sample_index)",
    "CREATE INDEX idx_sample_parts_seq ON sample_parts(tar_file_id, sample_index, content_byte_offset)",
    f"CREATE INDEX idx_sample_parts_full ON sample_parts(tar_file_id, sample_index, {_PART_COLUMNS})",
)
ROWS = 1 << 13
"""Rows that are held before they are written."""
_VERSION_AT, _VERSION = 96, struct.pack(">I", 3_040_000)
"""Where a database says which release of SQLite wrote it, and what is said for all of them."""


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why a record cannot be written: there is no such reason."""
    import polars as pl

    return pl.lit(None, dtype=pl.String)


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the tars, their indexes and what describes them. Raises MissingFile and DataError for media; see tars.py."""
    meta = job.folder / TARGET / META
    meta.mkdir(parents=True)
    index = _Index(meta / "index.sqlite")
    try:
        shards = tars.write(TARGET, job, batches, advance, index.note)
        index.finish()
        starts = [_starts(job, shard.path, index.places(number)) for number, shard in enumerate(shards)]
    finally:
        index.close()
    return [*shards, *starts, _sealed(job, "index.sqlite"), *_described(job, shards)]


def _described(job: Job, shards: list[Written]) -> list[Written]:
    counts = {_below(shard.path): shard.records for shard in shards}
    content = hashlib.sha256("".join(shard.sha256 for shard in shards).encode()).digest()
    listed = "".join(f"  - {json.dumps(path)}\n" for path in counts)
    counted = "".join(f"  {json.dumps(path)}: {count}\n" for path, count in counts.items())
    texts = {
        f"{META}/dataset.yaml": _DATASET,
        f"{META}/split.yaml": f"split_parts:\n  train:\n{listed}exclude: []\n",
        f"{META}/.info.json": json.dumps({"shard_counts": counts}, indent=2) + "\n",
        f"{META}/.info.yaml": f"shard_counts:\n{counted}",
        f"{META}/index.uuid": str(uuid.UUID(bytes=content[:16], version=4)),  # equal data, equal name of its index
        "metadataset.yaml": _METADATASET,
    }
    return [describe(TARGET, job, path, text.encode()) for path, text in texts.items()]


def _below(path: str) -> str:
    return path.removeprefix(f"{TARGET}/")


def _starts(job: Job, tar: str, places: Iterator[int]) -> Written:
    """Write where each sample of a tar begins, and where the last one ends: 8 bytes each."""
    path = f"{tar}.idx"
    with HashedFile(job.folder / path) as file:
        while block := tuple(islice(places, ROWS)):
            file.write(struct.pack(f"<{len(block)}Q", *block))
    return Written(path, 0, file.bytes, file.sha256)


def _sealed(job: Job, name: str) -> Written:
    """Put the finished database on disk, without the number of the release that wrote it."""
    path = f"{TARGET}/{META}/{name}"
    file = job.folder / path
    with file.open("r+b") as database:
        database.seek(_VERSION_AT)
        database.write(_VERSION)
    atomic.fsync_path(file)
    return Written(path, 0, file.stat().st_size, sha256_of(file))


class _Index:
    """The database of samples and their members."""

    def __init__(self, path: Path) -> None:
        self._samples: list[tuple[int, str, int, int, int]] = []
        self._members: list[tuple[int, int, str, int, int]] = []
        self._database = sqlite3.connect(path, isolation_level=None)
        # It is of a folder that is published whole or not at all, so it needs no journal.
        self._database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; {_SCHEMA}")

    def note(self, sample: tars.Sample) -> None:
        """Add a sample."""
        self._samples.append((sample.shard, sample.key, sample.row, sample.start, sample.end - sample.start))
        self._members += [(sample.shard, sample.row, *member) for member in sample.members]
        if len(self._members) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        self._database.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", self._samples)
        self._database.executemany("INSERT INTO sample_parts VALUES (?, ?, ?, ?, ?)", self._members)
        self._samples.clear()
        self._members.clear()

    def finish(self) -> None:
        """Write what is left, and the indexes of the tables."""
        self._flush()
        for statement in _INDEXES:
            self._database.execute(statement)
        self._database.execute("COMMIT")

    def places(self, shard: int) -> Iterator[int]:
        """Go through the places where samples of a shard begin, and at last the one where they end."""
        end = 0
        rows = "SELECT byte_offset, byte_size FROM samples WHERE tar_file_id = ? ORDER BY sample_index"
        for start, size in self._database.execute(rows, (shard,)):
            yield start
            end = start + size
        yield end

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()


def handoff(name: str, kind: Kind) -> str:  # noqa: ARG001 - a dataset has the name of its folder
    """Say how to read the dataset: the cooker of a task encoder."""
    answers = '\n        chosen=record["chosen"], rejected=record["rejected"],' if kind == "preference" else ""
    return f"""\
from megatron.energon import Cooker, DefaultTaskEncoder, basic_sample_keys, get_train_dataset, stateless

@stateless
def cook(sample: dict) -> Talk:  # your own sample class
    record = sample["json"]  # the conversation, with `<image>` where an image belongs
    return Talk(
        **basic_sample_keys(sample),
        conversations=record["conversations"],{answers}
        images=[sample[part] for part in sample if part.startswith("image")],  # likewise `video`, `audio`: megatron-energon[av_decode]
    )

class Encoder(DefaultTaskEncoder):
    cookers = [Cooker(cook)]

dataset = get_train_dataset("MIX/{TARGET}/metadataset.yaml", task_encoder=Encoder(), ...)
"""
