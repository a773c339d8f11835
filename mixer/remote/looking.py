"""Is there a file, and what lies in a folder: asked the same way of this machine's folders and of an object store.

A store is asked for single objects first, and for the list of their folder when more than a few of it are asked for.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mixer.errors import DataError
from mixer.remote import objects
from mixer.remote.path import RemotePath

SINGLE = 2
"""So many objects of a folder are asked for one by one."""
_UNLISTED = ("http", "https")
"""Schemes whose folders have no lists."""


class Looking:
    """Looks for files. What it saw of a store it does not look at again: it is made anew for every search."""

    def __init__(self) -> None:
        self._listed: dict[RemotePath, dict[str, bool]] = {}
        self._asked: Counter[RemotePath] = Counter()

    def is_file(self, path: Path) -> bool:
        """Say whether a path is that of a file."""
        if not isinstance(path, RemotePath):
            return path.is_file()
        folder = path.parent
        self._asked[folder] += 1
        if folder in self._listed or (self._asked[folder] > SINGLE and folder.scheme not in _UNLISTED):
            try:
                return self._names(folder).get(path.name, False)
            except DataError:  # who may not list may still read
                self._asked[folder] = -sys.maxsize
        return objects.look(path) is not None

    def is_dir(self, path: Path) -> bool:
        """Say whether a path is that of a folder; one of a store is there as long as it holds something."""
        return bool(self._names(path)) if isinstance(path, RemotePath) else path.is_dir()

    def entries(self, folder: Path) -> Iterator[Path]:
        """Go through what lies right below a folder."""
        if isinstance(folder, RemotePath):
            yield from (folder / name for name in self._names(folder))
        else:
            yield from folder.iterdir()

    def _names(self, folder: RemotePath) -> dict[str, bool]:
        """List a folder once."""
        if folder not in self._listed:
            self._listed[folder] = objects.names(folder)
        return self._listed[folder]
