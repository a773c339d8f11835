"""MosaicML Streaming: MDS shards and the index.json that names them, version 2.

    id str · conversations json · images, videos, audios json · of pairs: chosen, rejected json

Every sample has all columns; a record without a medium has an empty list. Media are paths, as in the mix: shards hold
no bytes of them. A literal `<image>` of a text-only record is told by its empty list.

A shard is a table of places and the samples behind it, all integers 32 bits, little-endian. A recipe that says nothing
of shards gets those of the format's own writer, 64 MiB each; one that does gets its own, as long as they hold at most
the 4 GiB that a place can tell. index.json tells size and sha256 of each: the reader checks them if `validate_hash` asks.
"""

from __future__ import annotations

import hashlib
import json
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

import msgspec

from mixer.allocator import keep_freed_blocks
from mixer.conversation import Conversation, encode
from mixer.extras import need
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written
from mixer.writers.framing import HashedFile
from mixer.writers.reshaping import MEDIA, describe, plural
from mixer.writers.shards import by_shard

if TYPE_CHECKING:
    import polars as pl

TARGET = "streaming"
USUAL = 1 << 26
"""Bytes of a shard where nothing is said, as the format's own writer has it."""
MOST = (1 << 32) - 1
"""Bytes of a shard: places have 32 bits."""
BLOCK = 1 << 20
"""Bytes that are written at once."""
PLACE = 4
"""Bytes of a place."""
SOME = 1 << 13
"""Places that are written at once."""
LEVEL = 3
"""Of zstd: its own default, which is told to readers."""
_decode = msgspec.json.Decoder(Conversation).decode


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why a record cannot be written: there is no such reason."""
    import polars as pl

    return pl.lit(None, dtype=pl.String)


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the shards, packed with zstd if that is asked for, and their index.

    Raises UsageError when zstd is not installed. Bytes of packed shards belong to its release; index.json tells the
    sha256 of what they hold, too.
    """
    keep_freed_blocks()
    zstd = job.compression == "zstd"
    (job.folder / TARGET).mkdir()
    is_cut = len(job.cuts) > 1
    config = _config(job.kind, None if is_cut else USUAL, zstd=zstd)
    pack = need("zstandard", "zstd").ZstdCompressor(level=LEVEL).compressobj if zstd else None
    written: list[Written] = []
    described: list[dict[str, Any]] = []
    with TemporaryFile(dir=job.folder) as spool:
        shard = _Shard(spool, config, MOST if is_cut else USUAL)

        def finish() -> None:
            basename = f"shard.{len(written):05}.mds"
            file, entry = shard.write(job.folder / TARGET, basename, pack)
            written.append(file)
            described.append({**config, **entry})

        for _, records in by_shard(batches, job.cuts):
            for batch in records:
                for line in batch:
                    sample = _sample(_decode(line), config["column_names"])
                    if not shard.holds(sample):
                        finish()
                    shard.add(sample)
                advance(sum(map(len, batch)))
            finish()
    return [*written, describe(TARGET, job, "index.json", _json({"version": 2, "shards": described}))]


def _config(kind: Kind, limit: int | None, *, zstd: bool) -> dict[str, Any]:
    """Describe the shards, as each of them and the index say it."""
    names = sorted(["id", "conversations", *MEDIA, *(("chosen", "rejected") if kind == "preference" else ())])
    return {
        "version": 2,
        "format": "mds",
        "compression": f"zstd:{LEVEL}" if zstd else None,
        "hashes": ["sha256"],
        "size_limit": limit,
        "column_names": names,
        "column_encodings": ["str" if name == "id" else "json" for name in names],
        "column_sizes": [None] * len(names),
    }


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _sample(record: Conversation, names: list[str]) -> bytes:
    """Give a sample: the size of each column, then the columns."""
    given = {
        "id": record.id.encode(),
        "conversations": encode(record.conversations),
        **{name: encode(paths) for name, paths in plural(record).items()},
        "chosen": encode(record.chosen),
        "rejected": encode(record.rejected),
    }
    columns = [given[name] for name in names]
    return struct.pack(f"<{len(columns)}I", *map(len, columns)) + b"".join(columns)


class _Shard:
    """The shard under way: its samples wait in a working file, since the table of their places stands before them."""

    def __init__(self, spool: IO[bytes], config: dict[str, Any], most: int) -> None:
        self._spool, self._most, self._config = spool, most, _json(config)
        self._begin()

    def _begin(self) -> None:
        self._spool.seek(0)
        self._spool.truncate()
        self._sizes = array("I")
        # The count, the place where the first sample begins, and the description; each sample adds where it ends.
        self._bytes = 2 * PLACE + len(self._config)

    def holds(self, sample: bytes) -> bool:
        """Say whether a sample fits; the first one always does."""
        return not self._sizes or self._bytes + PLACE + len(sample) <= self._most

    def add(self, sample: bytes) -> None:
        """Add a sample."""
        self._spool.write(sample)
        self._sizes.append(len(sample))
        self._bytes += PLACE + len(sample)

    def write(self, folder: Path, basename: str, pack: Callable[..., Any] | None) -> tuple[Written, dict[str, Any]]:
        """Write the shard's file and begin the next; give what the index says of it."""
        packed = f"{basename}.zstd"
        raw = hashlib.sha256()
        stream = pack(size=self._bytes) if pack else None
        with HashedFile(folder / (packed if pack else basename)) as file:
            for block in self._blocks():
                if stream:
                    raw.update(block)
                file.write(stream.compress(block) if stream else block)
            if stream:
                file.write(stream.flush())
        entry = {
            "samples": len(self._sizes),
            "raw_data": _described(basename, self._bytes, raw.hexdigest() if stream else file.sha256),
            "zip_data": _described(packed, file.bytes, file.sha256) if stream else None,
        }
        written = Written(f"{folder.name}/{packed if stream else basename}", len(self._sizes), file.bytes, file.sha256)
        self._begin()
        return written, entry

    def _blocks(self) -> Iterator[bytes]:
        count = len(self._sizes)
        yield struct.pack("<I", count)
        places = accumulate(self._sizes, initial=PLACE * (count + 2) + len(self._config))
        while some := tuple(islice(places, SOME)):
            yield struct.pack(f"<{len(some)}I", *some)
        yield self._config
        self._spool.seek(0)
        while block := self._spool.read(BLOCK):
            yield block


def _described(basename: str, size: int, sha256: str) -> dict[str, Any]:
    return {"basename": basename, "bytes": size, "hashes": {"sha256": sha256}}


def handoff(name: str, kind: Kind) -> str:
    """Say how to read the shards."""
    answers = ', sample["chosen"], sample["rejected"]' if kind == "preference" else ""
    return f"""\
from streaming import StreamingDataset

# Shuffled once already; `shuffle=True` would do it again, differently each epoch.
dataset = StreamingDataset(remote="MIX/{TARGET}", local="/tmp/{name}", validate_hash="sha256", shuffle=False, batch_size=8)
for sample in dataset:
    sample["id"], sample["conversations"], sample["images"]{answers}  # paths below MEDIA, a list
"""
