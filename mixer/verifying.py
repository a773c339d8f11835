"""Checking a mix against its manifest: hashes of files, every record, every count.

The files are small and many numbers depend on each other, so a damaged mix usually shows in several ways; all are told.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from mixer.conversation import Conversation, digest, media, record_key, starts_with_id
from mixer.data_files import data_files
from mixer.hashing import sha256_of
from mixer.licences import rolled_up
from mixer.manifest import (
    CURATED,
    INDEX,
    MEDIA,
    NAME,
    SLICE,
    IndexFile,
    Manifest,
    MixId,
    OutputFile,
    Removed,
    load,
    read_index,
    seal_problem,
)
from mixer.progress import Advance, Progress, silent
from mixer.remote.path import RemotePath, parsed
from mixer.store import Media, media_problems
from mixer.validate import check_all

if TYPE_CHECKING:
    import polars as pl

_CHECKED = ("media", "turns", "characters", "offset", "length")
_Row = tuple[str, bytes, int, list[str], int, int, int, int]
"""Id, digest, key and what `_CHECKED` names."""
TWINS = 1 << 16
"""How many records of equal id and content a key is looked for among."""
MOST = 20
"""Damaged records named one by one; more are counted."""


class Sliced(Protocol):
    """The bytes of a data file, of which slices can be had."""

    def __getitem__(self, place: slice, /) -> bytes:
        """Give the bytes of a slice, fewer where the file ends."""
        ...


@dataclass(frozen=True)
class Verified:
    """The outcome of a check: no problems, no damage."""

    mix_id: str
    records: int
    problems: tuple[str, ...]


def verify(mix: Path | str, *, progress: Progress = silent) -> Verified:
    """Check a mix folder. Raises UsageError when it is none, IntegrityError when its manifest or index is unreadable.

    One of an object store is read where it is, by ranges.
    """
    folder = parsed(mix)
    if isinstance(folder, RemotePath):
        from mixer.remote import verifying

        return verifying.verify(folder, progress)
    manifest = load(folder)
    problems, index = described_problems(folder, manifest, progress)
    for output in manifest.outputs:
        whole = file_problem(folder, output, progress)
        if whole:
            problems.append(whole)
    for number, output in enumerate(data_files(manifest)):
        if (folder / output.path).is_file():
            problems += _record_problems(folder / output.path, index.filter(index["shard"] == number), progress)
    media = manifest.media
    problems += media_problems(folder / MEDIA, Media(media.files, media.bytes) if media else Media())
    return Verified(manifest.mix_id, manifest.records, tuple(problems))


def described_problems(folder: Path, manifest: Manifest, progress: Progress) -> tuple[list[str], pl.DataFrame]:
    """Check what describes a mix: manifest, index and list of removed records; give the problems and the index."""
    problems = [*_arithmetic(manifest, folder / NAME)]
    problems += filter(None, [seal_problem(manifest, folder / NAME), file_problem(folder, manifest.index, progress)])
    index = read_index(folder, ["leaf", "id", "digest", "key", "pass", "shard", *_CHECKED])
    problems += _index_problems(manifest, index, folder / INDEX)
    if manifest.croissant:
        problems += filter(None, [file_problem(folder, manifest.croissant, progress)])
    if manifest.removed:
        problems += filter(None, [file_problem(folder, manifest.removed, progress)])
        problems += _removed_problems(manifest, folder)
    return problems, index


def _arithmetic(manifest: Manifest, path: Path) -> Iterator[str]:
    """Check the equations that a manifest's numbers obey among themselves."""

    def unequal(where: str, expected: float, got: float, rule: str) -> Iterator[str]:
        if expected != got:
            yield f"{path}: $.{where}: expected {expected} ({rule}), got {got}"

    for name, leaf in manifest.sources.items():
        where = f"sources.{name}"
        lost = sum(leaf.skipped.values()) + sum(leaf.bad.values())
        yield from unequal(f"{where}.read", leaf.used + lost, leaf.read, "used + skipped + bad")
        yield from unequal(f"{where}.made", leaf.pool + sum(leaf.losses.values()), leaf.made, "pool + losses")
        yield from unequal(f"{where}.epochs", _ratio(leaf.count, leaf.pool), leaf.epochs, "count / pool")
        yield from unequal(f"{where}.share", _ratio(leaf.count, manifest.records), leaf.share, "count / records")
    total = sum(leaf.count for leaf in manifest.sources.values())
    yield from unequal("records", total, manifest.records, "sum of the leaves' counts")
    about = {name: leaf.model_dump(mode="json") for name, leaf in manifest.sources.items()}
    if manifest.licences != rolled_up(about):
        yield f"{path}: $.licences: is not what the leaves' terms add up to"
    written: Counter[str] = Counter()
    for output in manifest.outputs:
        written[output.target] += output.records
    for target, records in written.items():
        yield from unequal(f"outputs of {target}", manifest.records, records, "records of the mix")


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _index_problems(manifest: Manifest, index: pl.DataFrame, path: Path) -> Iterator[str]:
    if index.height != manifest.records:
        yield f"{path}: expected {manifest.records} rows, got {index.height}"
    identity = MixId()
    for rows in index.iter_slices(SLICE):
        identity.add(rows)
    got = identity.hexdigest()
    if got != manifest.mix_id:
        yield f"{path}: expected mix id {manifest.mix_id}, got {got}: rows were changed or exchanged"
    counts = dict(index["leaf"].value_counts().iter_rows())
    for name, leaf in manifest.sources.items():
        if counts.get(name, 0) != leaf.count:
            yield f"{path}: leaf {name}: expected {leaf.count} records, got {counts.get(name, 0)}"
    for name in sorted(set(counts) - set(manifest.sources)):
        yield f"{path}: leaf {name} is not in the manifest"


def file_problem(folder: Path, output: OutputFile | IndexFile | Removed, progress: Progress) -> str | None:
    """Say why a file of a mix is not the one that its manifest names, or None."""
    path = folder / output.path
    if not path.is_file():
        return f"{path}: is missing"
    size = path.stat().st_size
    if size != output.bytes:
        return f"{path}: expected {output.bytes} bytes, got {size}"
    with progress(f"hashing {output.path}", size) as advance:
        got = sha256_of(path, advance)
    if got != output.sha256:
        return f"{path}: expected sha256 {output.sha256}, got {got}"
    return None


def _removed_problems(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Check that the list of removed records says of each leaf and step what the manifest says."""
    if manifest.removed is None or not (folder / manifest.removed.path).is_file():
        return
    listed: Counter[tuple[str, str]] = Counter()
    path = folder / manifest.removed.path
    try:
        with path.open("rb") as lines:
            listed.update((each["leaf"], each["step"]) for each in map(msgspec.json.decode, lines))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError, KeyError):
        yield f"{path}: is not a list of removed records"
        return
    for name, leaf in manifest.sources.items():
        for step in CURATED:
            expected, got = leaf.losses.get(step, 0), listed.pop((name, step), 0)
            if expected != got:
                yield f"{path}: leaf {name}: expected {expected} records removed by {step}, got {got}"
    for (name, step), got in sorted(listed.items()):
        yield f"{path}: leaf {name}: {got} records removed by {step}, of which the manifest says nothing"


def _record_problems(path: Path, index: pl.DataFrame, progress: Progress) -> Iterator[str]:
    """Recompute every record's digest and index columns from the data file's bytes."""
    size = path.stat().st_size
    if not size:
        return
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        progress(f"checking {path.name}", size) as advance,
    ):
        yield from record_problems(path, data, index, advance)


def record_problems(path: Path, data: Sliced, index: pl.DataFrame, advance: Advance) -> Iterator[str]:
    """Recompute the digest and index columns of every record of a data file; `index` holds its rows, in its order."""
    damaged = 0
    decode = msgspec.json.Decoder(Conversation).decode
    for number, row in enumerate(_rows(index)):
        problem = _record_problem(data, row, decode)
        advance(row[-1])
        if problem is None:
            continue
        damaged += 1
        if damaged <= MOST:
            yield f"{path}: record {number + 1} ({row[0]!r}) at byte {row[-2]}: {problem}"
    if damaged > MOST:
        yield f"{path}: {damaged - MOST:,} more records are damaged"


def _rows(index: pl.DataFrame) -> Iterator[_Row]:
    wanted = index.select("id", "digest", "key", *_CHECKED)
    for start in range(0, wanted.height, SLICE):
        yield from wanted[start : start + SLICE].iter_rows()


def _record_problem(data: Sliced, row: _Row, decode: Callable[[bytes], Conversation]) -> str | None:
    id, expected, key, paths, turns, characters, offset, length = row
    line = data[offset : offset + length]
    if not starts_with_id(line, id):
        return f"expected a record of this id, got {line[:40].decode(errors='replace')!r}"
    got = digest(line, id)
    if got != expected:
        return f"expected digest {expected.hex()}, got {got.hex()}"
    try:
        record = decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"is not a conversation: {error}"
    checks = check_all([record])
    for fault in checks.faults.get(0, []):
        return f"is not valid: {fault.reason} at {fault.where}"
    if (media(record), len(record.conversations), checks.characters[0]) != (paths, turns, characters):
        return "the index does not describe it"
    if all(record_key(id, got, ordinal) != key for ordinal in range(TWINS)):
        return f"the index's key {key} is not its own"
    return None
