"""Is there a file, and what lies in a folder: asked the same way of this machine's folders and of an object store.

A store is asked for single objects first, and for the list of their folder when more than a few of it are asked for: one
request tells of a thousand.
"""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from stat import S_ISREG

from mixer.errors import DataError
from mixer.remote import objects
from mixer.remote.path import RemotePath, looked_at

SINGLE = 2
"""So many objects of a folder are asked for one by one, where nobody knows how many come."""
FEW = objects.STREAMS
"""So many, where they are asked for at once: no list is faster."""
_UNLISTED = ("http", "https")
"""Schemes whose folders have no lists."""

Listing = dict[str, os.stat_result]


class Looking:
    """Looks for files. What it saw of a store it does not look at again: it is made anew for every search."""

    def __init__(self) -> None:
        self._listed: dict[RemotePath, Listing] = {}
        self._asked: Counter[RemotePath] = Counter()
        self._single: dict[RemotePath, os.stat_result | None] = {}

    def expect(self, paths: Iterable[Path]) -> None:
        """Look at objects that will be asked for next, several at once; see `stat`.

        Only what is known of them and of their folders is kept, so that memory is bounded by what comes together.
        Raises DataError where a store does not answer.
        """
        wanted: dict[RemotePath, set[RemotePath]] = {}
        for path in paths:
            if isinstance(path, RemotePath):
                wanted.setdefault(path.parent, set()).add(path)
        self._single = {}
        self._listed = {folder: listing for folder, listing in self._listed.items() if folder in wanted}
        if not wanted:
            return
        with objects.streams() as pool:
            few = {folder for folder, each in wanted.items() if len(each) <= FEW or not self._may_list(folder)}
            many = wanted.keys() - few - self._listed.keys()
            listing = [(folder, pool.submit(self._list, folder)) for folder in sorted(many)]
            few |= {folder for folder, done in listing if not done.result()}
            single = sorted(path for folder in few - self._listed.keys() for path in wanted[folder])
            self._single = dict(zip(single, pool.map(_status, single), strict=True))

    def stat(self, path: Path) -> os.stat_result:
        """Say of a path what `Path.stat` says. Raises as that does."""
        if not isinstance(path, RemotePath):
            return path.stat()
        status = self._single[path] if path in self._single else self._found(path)
        if status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return status

    def seen(self, path: Path) -> Path:
        """Give a path that tells what was seen of it, so that nobody asks for that again; one of this machine as it is."""
        if not isinstance(path, RemotePath):
            return path
        try:
            return looked_at(path, self.stat(path))
        except FileNotFoundError:
            return looked_at(path, None)

    def is_file(self, path: Path) -> bool:
        """Say whether a path is that of a file."""
        try:
            return S_ISREG(self.stat(path).st_mode)
        except (OSError, ValueError):
            return False

    def is_dir(self, path: Path) -> bool:
        """Say whether a path is that of a folder; one of a store is there as long as it holds something."""
        return bool(self._listing(path)) if isinstance(path, RemotePath) else path.is_dir()

    def entries(self, folder: Path) -> Iterator[Path]:
        """Go through what lies right below a folder."""
        if isinstance(folder, RemotePath):
            yield from (folder / name for name in self._listing(folder))
        else:
            yield from folder.iterdir()

    def _listing(self, folder: RemotePath) -> Listing:
        """List a folder once."""
        if folder not in self._listed:
            self._listed[folder] = objects.entries(folder)
        return self._listed[folder]

    def _found(self, path: RemotePath) -> os.stat_result | None:
        folder = path.parent
        self._asked[folder] += 1
        if folder in self._listed or (self._asked[folder] > SINGLE and self._may_list(folder) and self._list(folder)):
            return self._listed[folder].get(path.name)
        return _status(path)

    def _may_list(self, folder: RemotePath) -> bool:
        return folder.scheme not in _UNLISTED and self._asked[folder] >= 0

    def _list(self, folder: RemotePath) -> bool:
        """List a folder, unless that is not allowed: who may not list may still read."""
        try:
            # In search of a folder that is not there, s3fs lists the one above, however much that holds.
            self._listed[folder] = objects.entries(folder) if folder.is_dir() else {}
        except DataError:
            self._asked[folder] = -sys.maxsize
            return False
        return True


def _status(path: RemotePath) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
