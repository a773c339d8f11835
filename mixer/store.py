"""Converted sources on disk, each at an address that depends on everything its bytes depend on.

    <store>/sources/<source>/<address>/
        part-00000.jsonl      one conversation a line: the very bytes a mix holds
        part-00000.parquet    its index, see columns.py
        part-00000.<kind>.<sha256>.column  columns that a recipe first asked for, see derived.py
        media/                media that raw records held, see embedded.py
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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixer import atomic, embedded
from mixer.columns import MEDIA, media_lists, read_columns, schema, types_of
from mixer.conversation import digest, starts_with_id
from mixer.converter import converter_hash
from mixer.derived import MATCH, SUFFIX, Derived
from mixer.errors import IntegrityError
from mixer.hashing import sha256_of
from mixer.progress import Progress, silent
from mixer.remote.path import RemotePath

if TYPE_CHECKING:
    import polars as pl

REPAIR = "run `mixer cache prune --damaged` and build again"
LAYOUT = 5
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
    index_sha256: str


class Media(msgspec.Struct, frozen=True):
    """Media files: how many, and their bytes."""

    files: int = 0
    bytes: int = 0


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
    lost_sha256: str
    """Of skipped.jsonl."""
    media: Media = Media()
    """What the raw records held."""
    seal: str = ""
    """Hash of all of the above: an edited ledger is found."""

    def sealed(self) -> Ledger:
        """Give the ledger with its seal."""
        return msgspec.structs.replace(self, seal=self.expected_seal())

    def expected_seal(self) -> str:
        """Hash all but the seal."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, seal=""), order="sorted")).hexdigest()


@dataclass(frozen=True)
class Entry:
    """A converted source in the store."""

    folder: Path
    ledger: Ledger
    derived: tuple[Derived, ...] = (MATCH,)
    """Columns beyond those of its index that may be asked for, once they were made."""

    def with_derived(self, derived: Derived) -> Entry:
        """Give the entry with columns more to ask for."""
        return self if derived in self.derived else replace(self, derived=(*self.derived, derived))

    def data(self, part: Part) -> Path:
        """Give the path of a part's lines."""
        return self.folder / f"{part.name}.jsonl"

    @property
    def media(self) -> Path:
        """Give the folder of the media that its raw records held."""
        return self.folder / embedded.FOLDER

    def index(self, columns: list[str]) -> pl.DataFrame:
        """Read index columns of all parts, in part order; `row` counts the entry's records from 0.

        `part` (the part's number) and `media` (the lists that `paths` joins) may be asked for like any column, and so
        may the derived ones, once they were made. Raises IntegrityError when a part is damaged.
        """
        (whole,) = self.frames([name for name in columns if name != "row"] or ["part"], 0)
        return whole.with_row_index("row").select(columns)

    def frames(self, columns: list[str], records: int) -> Iterator[pl.DataFrame]:
        """Read index columns, of at least so many records at a time; of all at once where it is 0. At least one frame."""
        import polars as pl

        waiting: list[pl.DataFrame] = []
        for number in range(len(self.ledger.parts)):
            waiting.append(self.part_index(number, columns).select(columns))
            if records and sum(frame.height for frame in waiting) >= records:
                yield pl.concat(waiting)
                waiting = []
        if waiting or not self.ledger.parts:
            yield pl.concat(waiting) if waiting else self._nothing(columns)

    def part_index(self, number: int, columns: list[str]) -> pl.DataFrame:
        """Read index columns of one part; see `index`."""
        import polars as pl

        part = self.ledger.parts[number]
        wanted = {*columns, *(MEDIA if "media" in columns else ())} - {"row", "part", "media"}
        asked = [(derived, sorted(wanted & {*derived.columns})) for derived in self.derived]
        stored = wanted.difference(*(names for _, names in asked))
        frame = read_columns(self.folder / f"{part.name}.parquet", sorted(stored) or ["length"])
        for derived, names in asked:
            if names:
                made = self.derived_file(part, derived)
                if made is None:
                    raise IntegrityError(f"{self.folder / part.name}: has no columns {names}; build again")
                frame = frame.hstack(read_columns(made, names))
        if "item" in wanted:
            frame = frame.with_columns(pl.col("item") + part.first_item)
        if "media" in columns:
            frame = frame.with_columns(media_lists(frame))
        return frame.with_columns(pl.lit(number, dtype=pl.UInt32).alias("part"))

    def derived_file(self, part: Part, derived: Derived) -> Path | None:
        """Give the file of a part's derived columns, or None when they were not made or are damaged.

        Its name holds its own hash, so it can be added to an entry at any time and needs no ledger.
        """
        for path in self.folder.glob(f"{part.name}.{derived.stem}.*{SUFFIX}"):
            if sha256_of(path) == path.name.split(".")[2]:
                return path
        return None

    def add_derived(self, part: Part, derived: Derived, made: Path) -> None:
        """Take a file of a part's derived columns into the entry."""
        atomic.move_file(made, self.folder / f"{part.name}.{derived.stem}.{sha256_of(made)}{SUFFIX}")

    def _nothing(self, columns: list[str]) -> pl.DataFrame:
        import polars as pl

        types = schema() | {"part": pl.UInt32, "media": pl.List(pl.String)}
        for derived in self.derived:
            types |= types_of(derived.columns)
        return pl.DataFrame(schema={name: types[name] for name in columns})

    def lost(self) -> Iterator[dict[str, Any]]:
        """Go through the items that gave no conversation."""
        _check_hash(self.folder / "skipped.jsonl", self.ledger.lost_sha256)
        with (self.folder / "skipped.jsonl").open("rb") as lines:
            for line in lines:
                yield msgspec.json.decode(line)


class Store:
    """A store on disk; the folder need not exist yet.

    Behind it may stand one that machines share in an object store: entries that are only there are copied here, and
    those that are only here are copied there.
    """

    def __init__(self, folder: Path, shared: RemotePath | None = None, progress: Progress = silent) -> None:
        self.folder = folder
        self.shared = shared
        self.progress = progress

    def hashes(self) -> Path:
        """Give the folder of remembered hashes."""
        return self.folder / "hashes"

    def has_any(self, source: str) -> bool:
        """Say whether anything of a source was ever converted here."""
        if any((self.folder / "sources" / source).glob("*/ledger.json")):
            return True
        if self.shared is None:
            return False
        from mixer.remote import sharing

        return sharing.has_any(self.shared, source)

    def find(self, source: str, address: str) -> Entry | None:
        """Give the entry at an address, or None. Raises IntegrityError when its parts are not what its ledger says."""
        entry = self._here(source, address)
        if self.shared is None:
            return entry
        from mixer.remote import sharing

        if entry is not None:
            sharing.push(self.shared, entry, self.progress)
        elif sharing.pull(self.shared, source, address, self.folder / "sources" / source, self.progress):
            entry = self._here(source, address)
        return entry

    def _here(self, source: str, address: str) -> Entry | None:
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
            raise IntegrityError(f"{target}: is not a converted source; {REPAIR}")
        return entry

    def entries(self) -> Iterator[Path]:
        """Go through the folders of all entries, whole or not, sorted."""
        yield from sorted(path for path in self.folder.glob("sources/*/*") if not path.name.startswith("."))

    def leftovers(self) -> Iterator[Path]:
        """Go through the folders that killed conversions left behind."""
        for source in sorted(self.folder.glob("sources/*")):
            yield from atomic.stale_folders(source)


def _read_entry(folder: Path) -> Entry | None:
    path = folder / "ledger.json"
    try:
        ledger = msgspec.json.decode(path.read_bytes(), type=Ledger)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise IntegrityError(f"{path}: {error}; {REPAIR}") from error
    if ledger.seal != ledger.expected_seal() or (ledger.source, ledger.address) != (folder.parent.name, folder.name):
        raise IntegrityError(f"{path}: was edited, or is the ledger of another entry; {REPAIR}")
    return Entry(folder, ledger)


def _check_sizes(entry: Entry) -> None:
    for part in entry.ledger.parts:
        path = entry.data(part)
        got = path.stat().st_size if path.exists() else None
        if got != part.bytes:
            raise IntegrityError(
                f"{path}: expected {part.bytes} bytes, got {'no file' if got is None else got}; {REPAIR}"
            )
        _check_hash(entry.folder / f"{part.name}.parquet", part.index_sha256)


def _check_hash(path: Path, expected: str) -> None:
    got = sha256_of(path) if path.is_file() else "no file"
    if got != expected:
        raise IntegrityError(f"{path}: expected sha256 {expected}, got {got}; {REPAIR}")


def _check_stamps(entry: Entry) -> None:
    """Look closer at an entry whose parts are younger than its ledger, which was written last."""
    ledger = entry.folder / "ledger.json"
    newest = max((entry.data(part).stat().st_mtime_ns for part in entry.ledger.parts), default=0)
    if newest <= ledger.stat().st_mtime_ns:
        return
    problems = verify(entry.folder)
    if problems:
        raise IntegrityError(f"{problems[0]}; {REPAIR}")
    os.utime(ledger)  # only copied, not changed: no need to look again


def verify(folder: Path) -> list[str]:
    """Check an entry record by record against its index; one line a problem, none when it is whole."""
    try:
        entry = _read_entry(folder)
        if entry is None:
            return [f"{folder}: has no ledger"]
        _check_sizes(entry)
        _check_hash(folder / "skipped.jsonl", entry.ledger.lost_sha256)
        problems = [problem for part in entry.ledger.parts for problem in _part_problems(entry, part)]
        return [*problems, *media_problems(entry.media, entry.ledger.media)]
    except IntegrityError as error:
        return [str(error)]


def _part_problems(entry: Entry, part: Part) -> Iterator[str]:
    index = read_columns(entry.folder / f"{part.name}.parquet", ["id", "digest", "length"])
    with entry.data(part).open("rb") as lines:
        for number, (id, expected, length) in enumerate(index.iter_rows()):
            line = lines.read(length + 1)
            if line[-1:] != b"\n" or not starts_with_id(line, id) or digest(line[:-1], id) != expected:
                yield f"{entry.data(part)}:{number + 1}: record {id!r} is not the one that was converted"


def measured(folder: Path) -> Media:
    """Count the media below a folder."""
    sizes = [path.stat().st_size for path in embedded.files(folder)]
    return Media(len(sizes), sum(sizes))


def media_problems(folder: Path, expected: Media) -> Iterator[str]:
    """Check media, whose names hold their hashes; one line a problem."""
    got = measured(folder)
    if got != expected:
        expected_, got_ = (f"{media.files:,} files of {media.bytes:,} bytes" for media in (expected, got))
        yield f"{folder}: expected {expected_}, got {got_}"
    yield from filter(None, map(embedded.problem, embedded.files(folder)))


def address(source: str, options: Mapping[str, Any], files: list[LedgerFile]) -> str:
    """Hash everything that the bytes of a converted source depend on."""
    parts = (LAYOUT, source, options, [(file.path, file.sha256) for file in files], converter_hash(source))
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]
