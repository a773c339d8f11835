"""Looking after the store: what is in it, what can go, what is damaged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixer import atomic, sources, store
from mixer.converter import converter_hash
from mixer.errors import IntegrityError, UsageError
from mixer.progress import Progress, silent
from mixer.remote.path import RemotePath, is_remote, parsed

WORKING_COPIES = "remote"
"""Of a store: the working copies of raw files that lie in an object store."""
_FOUND_OUT = ("files/*", "pictures", "visual_tokens", "spans")
"""Folders of a store: what is remembered of media (remembered.py, pictures.py, visual_tokens.py), and spans that were
converted ahead of a build (workbench.py)."""
_SCRATCH = ("slices", "texts")
"""Of a store: where builds and comparisons have their working folders."""


def folder(given: Path | None) -> Path:
    """Give the store's folder: as given, else MIXER_CACHE, else `mixer` in the user's cache folder.

    Of these the first that lies on this machine: an object store is only ever a second level behind it.
    """
    folder = _folder(given)
    atomic.refuse_unspeakable(folder)
    return folder


def opened(given: Path | None, progress: Progress = silent) -> store.Store:
    """Give the store: its folder, and the object store behind it if the first of what is named is one."""
    first = next(_named(given), None)
    return store.Store(folder(given), first if isinstance(first, RemotePath) else None, progress)


def _named(given: Path | None) -> Iterator[Path]:
    """Go through the stores that the user names, the first one first."""
    if given is not None:
        yield parsed(given)
    named = os.environ.get("MIXER_CACHE")
    if named:
        yield parsed(named)


def _on_disk(given: Path | None) -> Path:
    """Give the folder of a store whose entries are looked after. Raises UsageError for an object store."""
    first = next(_named(given), None)
    if is_remote(first):
        raise UsageError(
            f"--cache {first}: is an object store, which is looked after there; name a folder with --cache"
        )
    return folder(given)


def _folder(given: Path | None) -> Path:
    for path in _named(given):
        if not is_remote(path):
            return path
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mixer"


@dataclass(frozen=True)
class Content:
    """One entry of the store. `state`: current, outdated (its converter has changed since) or damaged."""

    source: str
    address: str
    state: str
    conversations: int
    bytes: int
    path: Path


def contents(given: Path | None) -> list[Content]:
    """List the entries of a store, sorted by source and address."""
    return [_content(path) for path in store.Store(_on_disk(given)).entries()]


def _content(path: Path) -> Content:
    source, address = path.parent.name, path.name
    used = path.stat().st_size if path.is_file() else _bytes(path)
    try:
        entry = store.Store(path.parents[2]).find(source, address)
    except (IntegrityError, NotADirectoryError):
        entry = None
    if entry is None:
        return Content(source, address, "damaged", 0, used, path)
    current = source in sources.names() and entry.ledger.converter == converter_hash(source)
    return Content(source, address, "current" if current else "outdated", entry.ledger.made, used, path)


def prune(given: Path | None, only: set[str], *, damaged: bool, outdated: bool) -> tuple[int, int]:
    """Delete entries and what killed conversions left; give the number of entries and bytes removed.

    Without a condition all entries go, and with them the working copies of remote raw files and what was found out
    about media; all is made again when needed.
    """
    removed = freed = 0
    for content in contents(given):
        if only and content.source not in only:
            continue
        is_damaged = content.state == "damaged" or (damaged and bool(store.verify(content.path)))
        if (damaged or outdated) and not (damaged and is_damaged) and not (outdated and content.state == "outdated"):
            continue
        atomic.remove_folder(content.path)
        removed += 1
        freed += content.bytes
    for left in store.Store(folder(given)).leftovers():
        atomic.remove_folder(left)
    for scratch in _SCRATCH:
        for left in atomic.stale_folders(folder(given) / scratch):
            atomic.remove_folder(left)
    if not (only or damaged or outdated):
        freed += _remove_working_copies(folder(given) / WORKING_COPIES)
        freed += sum(_clear(each) for name in _FOUND_OUT for each in folder(given).glob(name))
    return removed, freed


def _remove_working_copies(copies: Path) -> int:
    if not copies.is_dir():
        return 0
    with atomic.lock(copies / ".lock"):  # nobody is fetching
        return sum(_remove(each) for each in copies.iterdir() if each.is_dir())


def _clear(folder: Path) -> int:
    """Delete what is finished in a folder, and what killed processes left; give the bytes that it held.

    The folder stays, and so does what others are working on there.
    """
    freed = sum(map(_remove, atomic.stale_folders(folder)))
    for path in folder.glob("[!.]*"):
        if path.is_dir():  # whoever would take it gets all of it or nothing
            gone = path.with_name(f".working-{os.urandom(6).hex()}")
            path.rename(gone)
            freed += _remove(gone)
        else:
            freed += path.stat().st_size
            path.unlink()
    return freed


def _remove(path: Path) -> int:
    """Delete a folder; give the bytes that it held."""
    freed = _bytes(path)
    atomic.remove_folder(path)
    return freed


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def verify(given: Path | None) -> list[str]:
    """Check every entry record by record; one line a problem."""
    return [problem for path in store.Store(_on_disk(given)).entries() for problem in store.verify(path)]
