"""Where raw files lie under a data root, and their sha256, remembered between runs.

A published file is found at `<data root>/<source>/<published path>`, else `<data root>/<published path>`, else packed
at the same places, else in the archive it was published in, else where the recipe's `files:` map says.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from unicodedata import normalize

import msgspec

from mixer import atomic, sources
from mixer.errors import DataError, MissingFile
from mixer.hashing import sha256_of
from mixer.progress import Advance
from mixer.remote.looking import Looking
from mixer.resolved import Input
from mixer.sources import File, Lookup, Source
from mixer.stamps import Stamp, stamp

PACKED = (".zip", ".gz", ".zst")
"""What may be added to the name of a file that is still packed; how it is packed its content tells."""


@dataclass(frozen=True)
class RawFile:
    """One file that a conversion reads: its published path and where it lies."""

    published: str
    path: Path
    file: File
    number: int = 0
    """Index of `file` among those that the options read, or of its lookup among the source's."""


def find(given: Input, root: Path | None) -> tuple[list[RawFile], list[RawFile]]:
    """Find the files of an input, those that are joined last, and its lookup files, in declared order.

    Raises MissingFile with one line for each file that is not there: which, for which source, where it is published
    and where to put it.
    """
    source = sources.get(given.source)
    if source.own_path:
        return _own(source, given), []
    missing: list[str] = []
    looking = Looking()
    files = [
        raw
        for number, file in enumerate(source.every_file(given.options))
        for raw in _locate(source, file, number, given, root, (source.name,), missing, looking)
    ]
    lookups = [
        raw
        for number, lookup in source.used_lookups(given.options)
        for raw in _locate(source, lookup.file, number, given, root, _folders(source, lookup), missing, looking)
    ]
    if missing:
        raise MissingFile("\n".join(missing))
    return files, lookups


def _own(source: Source, given: Input) -> list[RawFile]:
    """Give the user's own file, or all that match a path whose last part has a `*`, sorted."""
    assert given.path is not None, "the recipe's models ask for it"
    file, looking = source.used_files(given.options)[0], Looking()
    if "*" in given.path.name:
        matches = sorted(_matches(given.path.parent, (given.path.name,), looking))
        if matches:
            return [RawFile(name, path, file) for (name,), path in matches]
    elif looking.is_file(given.path):
        return [RawFile(given.path.name, given.path, file)]
    raise MissingFile(f"{given.path}: no such file, which a leaf that uses {source.name} names as its path")


def _folders(source: Source, lookup: Lookup) -> tuple[str, ...]:
    return (source.name, lookup.source) if lookup.source else (source.name,)


def _locate(
    source: Source,
    file: File,
    number: int,
    given: Input,
    root: Path | None,
    folders: tuple[str, ...],
    missing: list[str],
    looking: Looking,
) -> list[RawFile]:
    found = _found(file, given, root, folders, looking)
    if found:
        return [RawFile(published, path, file, number) for published, path in found]
    candidates = candidate_paths(file, given, root, folders)
    missing.append(
        f"{source.name}: {file.path} is missing; it is published at {source.homepage}; "
        f"run `mixer fetch {source.name}`, or put it at {candidates[0]}"
        if candidates
        else f"{source.name}: {file.path} is not looked for, since there is no data root; name one with --data"
    )
    return []


def _found(
    file: File, given: Input, root: Path | None, folders: tuple[str, ...], looking: Looking
) -> list[tuple[str, Path]]:
    """Give the first of a file's places that holds it, with its published path.

    Of a path with `*`, give all files of that place that match, sorted.
    """
    for path in candidate_paths(file, given, root, folders):
        if "*" not in file.path or file.path in given.files:
            if looking.is_file(path):
                return [(file.path, path)]
            continue
        place = path.parents[file.path.count("/")]
        added = path.name.removeprefix(Path(file.path).name)  # what packs it
        matches = sorted(_matches(place, path.relative_to(place).parts, looking))
        if matches:
            return [("/".join(names).removesuffix(added), each) for names, each in matches]
    return []


def _matches(place: Path, pattern: tuple[str, ...], looking: Looking) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Go through the files below a folder that match a pattern, part by part; names have one spelling on all systems."""
    if not pattern:
        if looking.is_file(place):
            yield (), place
        return
    if not looking.is_dir(place):
        return
    for entry in looking.entries(place):
        name = normalize("NFC", entry.name)  # some systems write Korean syllables in pieces
        if fnmatchcase(name, normalize("NFC", pattern[0])):
            yield from (((name, *names), found) for names, found in _matches(entry, pattern[1:], looking))


def candidate_paths(file: File, given: Input, root: Path | None, folders: tuple[str, ...]) -> list[Path]:
    """List where a published file is looked for, the first place first: itself, then packed, then in its archive."""
    moved = given.files.get(file.path)
    if moved is not None:
        return [moved]
    if root is None:
        return []
    places = [*(root / folder for folder in folders)]
    if "*" not in file.path.partition("/")[0]:  # else other sources' files would match, too
        places.append(root)
    names = [file.path, *(file.path + suffix for suffix in PACKED), *([file.archive] if file.archive else [])]
    return [place / name for name in names for place in places]


def found_files(source: Source, root: Path | None) -> dict[str, bool]:
    """Say of each published file of a source whether the data root has it."""
    given = Input(source.name, source.options())
    joined = [join.file for join in source.grouping.joins] if source.grouping else []
    every: list[tuple[File, tuple[str, ...]]] = [(file, (source.name,)) for file in (*source.files, *joined)]
    every += [(lookup.file, _folders(source, lookup)) for lookup in source.lookups]
    looking = Looking()
    return {file.path: bool(_found(file, given, root, folders, looking)) for file, folders in every}


class Hashes:
    """The sha256 of raw files, remembered in a folder by (path, size, mtime, ctime, inode)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def remembered(self, path: Path) -> str | None:
        """Give a file's sha256 if it was hashed before and has not changed since."""
        try:
            known, sha256 = msgspec.json.decode(self._entry(path).read_bytes(), type=tuple[Stamp, str])
        except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            return None
        return sha256 if known == stamp(path) else None

    def hash(self, path: Path, advance: Advance = lambda _done: None) -> str:
        """Hash a file and remember it; `advance` is told the bytes read.

        Raises DataError when the file changes meanwhile.
        """
        before = stamp(path)
        sha256 = sha256_of(path, advance)
        check_unchanged(path, before)
        if before.settled():
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.replace_file(self._entry(path), msgspec.json.encode((before, sha256)))
        return sha256

    def _entry(self, path: Path) -> Path:
        name = hashlib.blake2b(os.fsencode(path.absolute()), digest_size=16).hexdigest()
        return self.folder / f"{name}.json"


def check_unchanged(path: Path, before: Stamp) -> None:
    """Raise DataError when a file is no longer what it was."""
    if stamp(path) != before:
        raise DataError(f"{path}: changed while it was read; run again when nothing writes to it")
