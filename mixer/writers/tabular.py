"""Targets that are tables: records as rows of Parquet files, and the data card that declares their columns.

polars writes a Parquet file from what it is given at once, or from what it reads as it writes. So rows are first put in
files piece by piece, and the whole is written from those: a piece and a few row groups are in memory, never a shard.

Values are never null and columns are never absent: what a record has not is an empty list. Parquet bytes depend on the
version of polars that wrote them; `rows_sha256` tells whether two files hold the same rows.

polars marks texts and lists as Arrow's large ones, which older versions of the library `datasets` cannot cast to images.
So each target's folder has a data card that declares its columns, and loading the folder gives plain types.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import yaml

from mixer import atomic
from mixer.conversation import Conversation
from mixer.hashing import sha256_of
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, shards

if TYPE_CHECKING:
    import polars as pl

PIECE = 16 << 20
"""Bytes of conversations whose rows are in memory at once."""
PIECES = 4
"""From so many pieces at most a row group takes its rows, as it is in memory as a whole."""
ROWS = 1 << 14
"""Most rows of a row group; readers that show a few rows read a whole one."""

TEXT = "string"
Type: TypeAlias = "str | list[Type] | dict[str, Type]"
"""TEXT, a list of one type, or an object of named types."""
Row = Callable[[Conversation], dict[str, Any]]

MEDIA: dict[str, Type] = {name: [TEXT] for name in ("images", "videos", "audios")}
TURN: dict[str, Type] = {"from": TEXT, "value": TEXT}

_decode = msgspec.json.Decoder(Conversation).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Table:
    """A target's columns, and how a record becomes a row of them."""

    columns: Mapping[str, Type]
    row: Row

    def write(
        self,
        job: Job,
        folder: str,
        stem: str,
        batches: Iterable[list[memoryview]],
        advance: Advance,
        *,
        numbered: bool = False,
    ) -> list[Written]:
        """Write all records to new durable files, one a shard, in a new folder of the mix's.

        `advance` is told the bytes of conversations that were read. `numbered`: the only shard has a number, too.
        """
        place, count = job.folder / folder, len(job.cuts)
        place.mkdir(parents=True)
        written = []
        for number, lines in shards.by_shard(batches, job.cuts):
            named = shards.name(stem, number, count, ".parquet")
            path = place / (f"{stem}-00000-of-00001.parquet" if numbered and count == 1 else named)
            records = self._shard(path, lines, advance)
            written.append(Written(f"{folder}/{path.name}", records, path.stat().st_size, sha256_of(path)))
        return written

    def _shard(self, path: Path, batches: Iterable[list[memoryview]], advance: Advance) -> int:
        """Write one file; give its number of records."""
        import polars as pl

        pieces = path.with_suffix(".pieces")
        pieces.mkdir()
        files: list[Path] = []
        counts: list[int] = []
        for rows in self._pieces(batches, advance):
            files.append(pieces / f"{len(files):08d}.arrow")
            frame(rows, self.columns).write_ipc(files[-1], compression="lz4")
            counts.append(len(rows))
        whole = pl.scan_ipc(files, glob=False)  # a folder may be called `mix[1]`
        whole.sink_parquet(path, compression="zstd", statistics=False, row_group_size=rows_a_group(counts))
        atomic.fsync_path(path)
        atomic.remove_folder(pieces)
        return sum(counts)

    def _pieces(self, batches: Iterable[list[memoryview]], advance: Advance) -> Iterator[list[dict[str, Any]]]:
        """Give rows that fit in memory; how batches are cut changes nothing."""
        rows: list[dict[str, Any]] = []
        held = 0
        for batch in batches:
            for line in batch:
                if rows and held + len(line) > PIECE:
                    yield rows
                    rows, held = [], 0
                rows.append(self.row(_decode(line)))
                held += len(line)
            advance(sum(map(len, batch)))
        yield rows


def rows_a_group(pieces: Iterable[int]) -> int:
    """Say how many rows a row group may have, of a file made of pieces of so many rows.

    All groups of a file have as many, and records may be short in one place and long in another.
    """
    ends = list(accumulate(pieces))
    ranges = list(zip([0, *ends[:-1]], ends, strict=True))
    rows = ROWS
    while _most_pieces(ranges, rows) > PIECES:
        rows //= 2
    return rows


def _most_pieces(ranges: list[tuple[int, int]], rows: int) -> int:
    """Count the pieces that some group of so many rows takes from; `ranges` are the rows of each piece."""
    taken: Counter[int] = Counter()
    for start, end in ranges:
        taken.update(range(start // rows, (end - 1) // rows + 1))
    return max(taken.values())


def frame(rows: list[dict[str, Any]], columns: Mapping[str, Type]) -> pl.DataFrame:
    """Give rows as a frame of declared types, which their values must have: polars would make others texts or null."""
    import polars as pl

    # Measured on turns of 200 characters: a row as a list takes 20 us, and 48 us when each column is made by itself.
    return pl.DataFrame(
        [[row[name] for name in columns] for row in rows],
        schema={name: _polars(kind) for name, kind in columns.items()},
        orient="row",
    )


def conversations(kind: Kind) -> dict[str, Type]:
    """Declare the columns of conversations as they are, with media in plural lists."""
    answers: dict[str, Type] = {"chosen": TURN, "rejected": TURN} if kind == "preference" else {}
    return {"id": TEXT, **MEDIA, "conversations": [TURN], **answers}


def conversation(record: Conversation) -> dict[str, Any]:
    """Give a conversation as a row; see `conversations`."""
    built: dict[str, Any] = msgspec.to_builtins(record)
    return {**built, "images": listed(record.image), "videos": listed(record.video), "audios": listed(record.audio)}


def listed(paths: str | list[str] | None) -> list[str]:
    """Give media paths as a list, empty where there is none."""
    return [] if paths is None else [paths] if isinstance(paths, str) else paths


def rows_sha256(path: Path) -> str:
    """Hash the rows of a Parquet file: each as compact JSON in the order of its columns, with a newline behind it.

    Unlike the file's own hash it does not depend on the version of polars that wrote it.
    """
    digest = hashlib.sha256()
    for row in rows_of(path):
        digest.update(_encode(row) + b"\n")
    return digest.hexdigest()


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Go through the rows of a Parquet file, some at a time in memory."""
    import polars as pl

    start = 0
    while True:
        piece = pl.scan_parquet(path, glob=False).slice(start, ROWS).collect()
        yield from piece.iter_rows(named=True)
        start += piece.height
        if piece.height < ROWS:
            return


# --- what columns are called -----------------------------------------------------------------------------------------


def _polars(kind: Type) -> pl.DataType:
    import polars as pl

    if isinstance(kind, dict):
        return pl.Struct({name: _polars(each) for name, each in kind.items()})
    if isinstance(kind, list):
        return pl.List(_polars(kind[0]))
    return pl.String()


def features(columns: Mapping[str, Type]) -> list[dict[str, Any]]:
    """Declare columns as data cards do; versions of `datasets` from 2.21 on read it."""
    return [{"name": name, **_feature(kind)} for name, kind in columns.items()]


def _feature(kind: Type) -> dict[str, Any]:
    if isinstance(kind, dict):
        return {"struct": features(kind)}
    if isinstance(kind, str):
        return {"dtype": kind}
    (item,) = kind
    return {"list": features(item)} if isinstance(item, dict) else {"sequence": item}


DECLARED = "Types and order of the columns of the files beside this one, for readers of datasets.\n"


def dataset(columns: Mapping[str, Type], files: str) -> dict[str, Any]:
    """Give the part of a data card's head that makes a folder a dataset; `files` is a pattern below the folder."""
    return {
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": files}]}],
        "dataset_info": {"features": features(columns)},
    }


def card(head: Mapping[str, Any], text: str) -> bytes:
    """Give a README.md with a head of YAML."""
    told = yaml.safe_dump(dict(head), sort_keys=False, allow_unicode=True, width=1 << 16)
    return f"---\n{told}---\n\n{text}".encode()
