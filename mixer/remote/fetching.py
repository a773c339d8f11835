"""Working copies of remote raw files, below the local store: whole, or not there.

    <store>/remote/<key>/<name>           the copy
    <store>/remote/<key>/<name>.stamp     its stamp: a copy that was touched since is fetched again
    <store>/remote/<key>/<name>.part      a copy that is not whole yet, and
    <store>/remote/<key>/<name>.blocks    where its blocks begin that are on disk, one a line

The key depends on the URL, the size and the version, so a changed object has another copy. What was fetched before a
kill is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mixer import atomic, caching
from mixer.errors import DataError
from mixer.progress import Progress
from mixer.rawfiles import RawFile
from mixer.remote import blocks, objects
from mixer.remote.blocks import Block
from mixer.remote.objects import Object
from mixer.remote.path import RemotePath, told_by_url
from mixer.stamps import Stamp, stamp


@dataclass(frozen=True)
class _Copy:
    """An object, and where its working copy will lie."""

    object: Object
    path: Path

    @property
    def part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def journal(self) -> Path:
        return self.path.with_name(f"{self.path.name}.blocks")

    @property
    def seal(self) -> Path:
        return self.path.with_name(f"{self.path.name}.stamp")

    def is_whole(self) -> bool:
        """Say whether the copy is there as it was fetched."""
        try:
            return msgspec.json.decode(self.seal.read_bytes(), type=Stamp) == stamp(self.path)
        except (FileNotFoundError, msgspec.DecodeError):
            return False

    def is_begun(self) -> bool:
        """Say whether there is a file of the right size that takes the blocks."""
        return self.part.exists() and self.part.stat().st_size == self.object.size

    def missing(self) -> list[Block]:
        """List the blocks that are not on disk."""
        done: set[str] = set()
        if self.is_begun() and self.journal.exists():
            done.update(self.journal.read_text().split("\n")[:-1])  # a last line without its end was torn by a kill
        every = blocks.cut(self.object.path, self.object.size, self.part)
        return [block for block in every if str(block.start) not in done]


@contextmanager
def working_copies(files: Sequence[RawFile], store: Path, label: str, progress: Progress) -> Iterator[list[RawFile]]:
    """Give raw files that can be read here: those of an object store as working copies. Raises as `fetch`.

    The user knows the objects only: what is said of a copy meanwhile, errors say of its URL.
    """
    remote = [raw.path for raw in files if isinstance(raw.path, RemotePath)]
    copies: dict[Path, Path] = dict(zip(remote, fetch(remote, store, label, progress), strict=True))
    with told_by_url({copy: path for path, copy in copies.items()}):
        yield [replace(raw, path=copies.get(raw.path, raw.path)) for raw in files]


def fetch(paths: Sequence[RemotePath], store: Path, label: str, progress: Progress) -> list[Path]:
    """Give working copies of remote files below the folder of a store, fetching those that are not there.

    Raises DataError when an object is gone, or changes meanwhile, and MixerError when the disk is too small.
    """
    with objects.streams() as pool:
        copies = list(pool.map(lambda path: _copy(path, store), paths))
    if not all(copy.is_whole() for copy in copies):
        # Another process may be fetching the same files; whoever comes second finds them.
        with atomic.lock(store / caching.WORKING_COPIES / ".lock"):
            wanted = {copy.path: copy for copy in copies if not copy.is_whole()}
            _fetch(list(wanted.values()), label, progress)
    return [copy.path for copy in copies]


def _copy(path: RemotePath, store: Path) -> _Copy:
    found = objects.look(path)
    if found is None:
        raise DataError(f"{path}: went away after it was listed; run again when nothing writes to it")
    key = hashlib.sha256(msgspec.json.encode((str(path), found.size, found.version))).hexdigest()[:32]
    return _Copy(found, store / caching.WORKING_COPIES / key / path.name)


def _fetch(copies: list[_Copy], label: str, progress: Progress) -> None:
    missing = [block for copy in copies for block in copy.missing()]
    needed = sum(block.size for block in missing)
    for copy in copies:
        _begin(copy, needed)
    journals = {copy.part: copy.journal for copy in copies}
    with progress(label, needed) as advance:

        def done(block: Block) -> None:
            atomic.fsync_path(block.target)
            with journals[block.target].open("a") as journal:  # one short write, which no other thread's tears
                journal.write(f"{block.start}\n")
            advance(block.size)

        blocks.fetch(missing, done)
    for copy in copies:
        _finish(copy)


def _begin(copy: _Copy, needed: int) -> None:
    """Make a file of the right size, once it is known that all of them fit."""
    copy.path.parent.mkdir(exist_ok=True)
    atomic.ensure_space(copy.path.parent, needed)
    if not copy.is_begun():
        copy.journal.unlink(missing_ok=True)
        with copy.part.open("wb") as part:
            part.truncate(copy.object.size)


def _finish(copy: _Copy) -> None:
    """Make a copy whole. Raises DataError when its object is no longer the one that was fetched."""
    if objects.look(copy.object.path) != copy.object:
        atomic.remove_folder(copy.path.parent)
        raise DataError(f"{copy.object.path}: changed while it was read; run again when nothing writes to it")
    copy.journal.unlink(missing_ok=True)
    atomic.move_file(copy.part, copy.path)
    atomic.replace_file(copy.seal, msgspec.json.encode(stamp(copy.path)))
