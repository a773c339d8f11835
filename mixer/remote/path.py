"""How a place in an object store is written: a path whose first part is a scheme, such as `s3://bucket/raw`.

It can be joined and taken apart like any path, and prints as its URL; no file system of this machine has it. What reads
media may look at it and open it like a path, too: each question is a request to the store. What goes wrong there is a
DataError.
"""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PosixPath
from stat import S_ISDIR, S_ISREG
from typing import Any, Self

from mixer.errors import MixerError, UsageError
from mixer.remote import objects
from mixer.remote.reading import Reader

_WRITTEN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
"""`Path` makes one slash of two, so that `s3:/bucket` is read as what it was."""
_LOCAL = ("file", "local")
"""Schemes of the file system of this machine."""
_QUERIED = ("http", "https")
"""Schemes whose URLs may carry a query, in which signatures travel."""
_BUFFER = 64 << 10
"""Bytes that are taken from a reader at once."""


class RemotePath(PosixPath):
    """A place in an object store."""

    __slots__ = ()

    def __str__(self) -> str:
        """Give the URL; of a part of a path, the part."""
        first, *others = self.parts or (".",)
        return f"{first}//{'/'.join(others)}" if first.endswith(":") else "/".join((first, *others))

    def absolute(self) -> Self:
        """Give the path itself: a URL depends on no folder of this machine."""
        return self

    def resolve(self, strict: bool = False) -> Self:  # noqa: ARG002 - as pathlib has it
        """Give the path itself: there are no links."""
        return self

    @property
    def scheme(self) -> str:
        """Give the scheme: `s3`."""
        return self.parts[0].removesuffix(":")

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002 - there are no links
        """Look at it, see `objects.Object.status`. Raises FileNotFoundError where there is neither object nor folder."""
        return objects.stat(self)

    def exists(self, **_links: bool) -> bool:
        """Say whether there is an object or a folder."""
        return self._mode() != 0

    def is_file(self, **_links: bool) -> bool:
        """Say whether there is an object."""
        return S_ISREG(self._mode())

    def is_dir(self, **_links: bool) -> bool:
        """Say whether there is a folder: it is as long as it holds something."""
        return S_ISDIR(self._mode())

    def _mode(self) -> int:
        try:
            return self.stat().st_mode
        except FileNotFoundError:
            return 0

    def iterdir(self) -> Generator[Self, None, None]:
        """Go through what lies right below a folder."""
        yield from (self / name for name in objects.names(self))

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,  # noqa: ARG002 - as pathlib has it
        errors: str | None = None,  # noqa: ARG002
        newline: str | None = None,  # noqa: ARG002
    ) -> Any:
        """Open an object for reading its bytes, the only mode there is. Raises FileNotFoundError where there is none."""
        if mode != "rb":
            raise ValueError(f"{self}: an object is opened to be read, as bytes")
        return Reader(self) if buffering == 0 else io.BufferedReader(Reader(self), _BUFFER)

    def read_bytes(self) -> bytes:
        """Read an object whole. Raises FileNotFoundError where there is none."""
        with self.open("rb") as file:
            content: bytes = file.read()
        return content


class LookedAt(RemotePath):
    """A place in an object store that tells what was seen there a while ago, instead of asking again."""

    __slots__ = ("_status",)
    _status: os.stat_result | None

    def __reduce__(self) -> Any:
        """Keep what was seen."""
        return looked_at, (asking(self), self._status)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Say what was seen. Raises FileNotFoundError where there was nothing."""
        if not hasattr(self, "_status"):  # it was made of another one, as what lies below that
            return super().stat(follow_symlinks=follow_symlinks)
        if self._status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        return self._status


def looked_at(path: RemotePath, status: os.stat_result | None) -> LookedAt:
    """Give a path that tells what was seen of it; None: nothing was there."""
    made = LookedAt(path)
    made._status = status  # noqa: SLF001
    return made


def asking(path: Path) -> Path:
    """Give a path that asks the store, whatever was seen before."""
    return RemotePath(path) if isinstance(path, LookedAt) else path


def parsed(given: Path | str) -> Path:
    """Read a path as a user writes it: a RemotePath if it begins like a URL, else a local one.

    A local folder that is called like a scheme has to be named by its absolute path. Raises UsageError for a URL that
    names no bucket or carries credentials.
    """
    if isinstance(given, RemotePath):
        return given
    written = _WRITTEN.fullmatch(str(given))
    if written is None:
        return Path(given)
    scheme, rest = written[1].lower(), written[2]
    if scheme in _LOCAL:
        return Path("/", rest)
    bucket, _, _ = rest.partition("/")
    if "@" in bucket or (scheme in _QUERIED and "?" in rest):
        raise UsageError(f"{scheme}://...: credentials do not belong into a URL; name them in the environment")
    if not bucket or ".." in rest.split("/"):
        raise UsageError(f"{scheme}://{rest}: expected a URL such as {scheme}://bucket/folder")
    return RemotePath(f"{scheme}:/{rest}")


def is_remote(path: Path | None) -> bool:
    """Say whether a path lies in an object store."""
    return isinstance(path, RemotePath)


@contextmanager
def told_by_url(copies: Mapping[Path, Path]) -> Iterator[None]:
    """Have errors name objects instead of their copies here, of which the user knows nothing."""
    try:
        yield
    except MixerError as error:
        told = str(error)
        for copy, path in copies.items():
            told = told.replace(str(copy), str(path))
        error.args = (told,)
        raise
