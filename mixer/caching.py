"""Looking after the store: what is in it, what can go, what is damaged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mixer import atomic, sources, store
from mixer.converter import converter_hash
from mixer.errors import IntegrityError


def folder(given: Path | None) -> Path:
    """Give the store's folder: as given, else MIXER_CACHE, else `mixer` in the user's cache folder."""
    folder = _folder(given)
    atomic.refuse_unspeakable(folder)
    return folder


def _folder(given: Path | None) -> Path:
    if given is not None:
        return given
    named = os.environ.get("MIXER_CACHE")
    if named:
        return Path(named)
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
    return [_content(path) for path in store.Store(folder(given)).entries()]


def _content(path: Path) -> Content:
    source, address = path.parent.name, path.name
    used = sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
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

    Without a condition all entries go; they are converted again when needed.
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
    return removed, freed


def verify(given: Path | None) -> list[str]:
    """Check every entry record by record; one line a problem."""
    return [problem for path in store.Store(folder(given)).entries() for problem in store.verify(path)]
