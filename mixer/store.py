"""Converted sources on disk, each at an address that depends on everything its bytes depend on.

    <store>/sources/<source>/<address>/
        part-00000.jsonl      one conversation a line: the very bytes a mix holds
        part-00000.parquet    its index, see columns.py
        skipped.jsonl         every raw item that gave no conversation, with its place and reason
        ledger.json           counts, raw files, parts; written last
    <store>/hashes/           sha256 of raw files

An entry never changes once it is published, so processes may share a store, and an entry is useful by itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixer import atomic
from mixer.conversation import digest, starts_with_id
from mixer.converter import converter_hash
from mixer.errors import IntegrityError

if TYPE_CHECKING:
    import polars as pl

LAYOUT = 1
"""Of the entries; a change of layout changes every address."""


class LedgerFile(msgspec.Struct, frozen=True):
    """A raw file as it was read: published path, bytes, sha256."""

    path: str
    size: int
    sha256: str


class Part(msgspec.Struct, frozen=True):
    """One part of an entry: its stem, the records and bytes of its lines, and the first item it was made from."""

    name: str
    records: int
    bytes: int
    first_item: int


class Ledger(msgspec.Struct, frozen=True):
    """What a conversion read and what became of it: read = used + all skipped + all bad."""

    source: str
    address: str
    options: dict[str, Any]
    converter: str
    files: list[LedgerFile]
    read: int
    used: int
    skipped: dict[str, int]
    bad: dict[str, int]
    made: int
    parts: list[Part]


@dataclass(frozen=True)
class Entry:
    """A converted source in the store."""

    folder: Path
    ledger: Ledger

    def data(self, part: Part) -> Path:
        """Give the path of a part's lines."""
        return self.folder / f"{part.name}.jsonl"

    def index(self, columns: list[str]) -> pl.DataFrame:
        """Read index columns of all parts, in part order; `row` counts the entry's records from 0.

        `part` (the part's number) may be asked for like any column. Raises IntegrityError when a part is damaged.
        """
        import polars as pl

        stored = [name for name in columns if name not in ("row", "part")]
        frames = []
        for number, part in enumerate(self.ledger.parts):
            frame = read_index(self.folder / f"{part.name}.parquet", stored or ["length"])
            if frame.height != part.records:
                raise IntegrityError(
                    f"{self.folder / part.name}.parquet: expected {part.records} rows, got {frame.height}; "
                    "run `mixer cache prune --damaged`"
                )
            if "item" in stored:
                frame = frame.with_columns(pl.col("item") + part.first_item)
            frames.append(frame.with_columns(pl.lit(number, dtype=pl.UInt32).alias("part")))
        if not frames:
            from mixer.columns import schema

            types = schema() | {"part": pl.UInt32}
            frames = [pl.DataFrame(schema={name: types[name] for name in [*stored, "part"]})]
        return pl.concat(frames).with_row_index("row").select(columns)

    def lost(self) -> Iterator[dict[str, Any]]:
        """Go through the items that gave no conversation."""
        with (self.folder / "skipped.jsonl").open("rb") as lines:
            for line in lines:
                yield msgspec.json.decode(line)


def read_index(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read columns of a Parquet file. Raises IntegrityError when it is not the file that was written."""
    import polars as pl

    try:
        return pl.read_parquet(path, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise IntegrityError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error


class Store:
    """A store on disk; the folder need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def hashes(self) -> Path:
        """Give the folder of remembered hashes."""
        return self.folder / "hashes"

    def has_any(self, source: str) -> bool:
        """Say whether anything of a source was ever converted here."""
        return any((self.folder / "sources" / source).glob("*/ledger.json"))

    def find(self, source: str, address: str) -> Entry | None:
        """Give the entry at an address, or None. Raises IntegrityError when its parts are not what its ledger says."""
        entry = _read_entry(self.folder / "sources" / source / address)
        if entry is not None:
            _check_sizes(entry)
            _check_stamps(entry)
        return entry

    def temporary(self, source: str) -> AbstractContextManager[Path]:
        """Give a folder to convert into, where it can be renamed to its address; removed on leaving unless published."""
        return atomic.working_folder(self.folder / "sources" / source)

    def publish(self, temporary: Path, ledger: Ledger) -> Entry:
        """Make a finished folder the entry at its ledger's address. Losing the race to another process is success."""
        atomic.write_file(temporary / "ledger.json", msgspec.json.format(msgspec.json.encode(ledger), indent=1) + b"\n")
        target = temporary.parent / ledger.address
        atomic.publish_once(temporary, target)
        entry = self.find(ledger.source, ledger.address)
        if entry is None:
            # Something stands at the address without a ledger: not an entry, and not ours to delete.
            raise IntegrityError(f"{target}: is not a converted source; run `mixer cache prune --damaged`")
        return entry

    def entries(self) -> Iterator[Path]:
        """Go through the folders of all entries, whole or not, sorted."""
        yield from sorted(path for path in self.folder.glob("sources/*/*") if not path.name.startswith("."))

    def leftovers(self) -> Iterator[Path]:
        """Go through the folders that killed conversions left behind."""
        for source in sorted(self.folder.glob("sources/*")):
            yield from atomic.stale_folders(source)


def _read_entry(folder: Path) -> Entry | None:
    try:
        return Entry(folder, msgspec.json.decode((folder / "ledger.json").read_bytes(), type=Ledger))
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise IntegrityError(f"{folder / 'ledger.json'}: {error}; run `mixer cache prune --damaged`") from error


def _check_sizes(entry: Entry) -> None:
    for part in entry.ledger.parts:
        path = entry.data(part)
        got = path.stat().st_size if path.exists() else None
        if got != part.bytes:
            raise IntegrityError(
                f"{path}: expected {part.bytes} bytes, got {'no file' if got is None else got}; "
                "run `mixer cache prune --damaged` and build again"
            )


def _check_stamps(entry: Entry) -> None:
    """Look closer at an entry whose parts are younger than its ledger, which was written last."""
    ledger = entry.folder / "ledger.json"
    newest = max((entry.data(part).stat().st_mtime_ns for part in entry.ledger.parts), default=0)
    if newest <= ledger.stat().st_mtime_ns:
        return
    problems = verify(entry.folder)
    if problems:
        raise IntegrityError(f"{problems[0]}; run `mixer cache prune --damaged` and build again")
    os.utime(ledger)  # only copied, not changed: no need to look again


def verify(folder: Path) -> list[str]:
    """Check an entry record by record against its index; one line a problem, none when it is whole."""
    try:
        entry = _read_entry(folder)
        if entry is None:
            return [f"{folder}: has no ledger"]
        _check_sizes(entry)
        return [problem for part in entry.ledger.parts for problem in _part_problems(entry, part)]
    except IntegrityError as error:
        return [str(error)]


def _part_problems(entry: Entry, part: Part) -> Iterator[str]:
    index = read_index(entry.folder / f"{part.name}.parquet", ["id", "digest", "length"])
    if index.height != part.records:
        yield f"{entry.folder / part.name}.parquet: expected {part.records} rows, got {index.height}"
        return
    with entry.data(part).open("rb") as lines:
        for number, (id, expected, length) in enumerate(index.iter_rows()):
            line = lines.read(length + 1)
            if line[-1:] != b"\n" or not starts_with_id(line, id) or digest(line[:-1], id) != expected:
                yield f"{entry.data(part)}:{number + 1}: record {id!r} is not the one that was converted"


def address(source: str, options: Mapping[str, Any], files: list[LedgerFile]) -> str:
    """Hash everything that the bytes of a converted source depend on."""
    parts = (LAYOUT, source, options, [(file.path, file.sha256) for file in files], converter_hash(source))
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]
