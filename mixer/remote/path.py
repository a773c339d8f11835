"""How a place in an object store is written: a path whose first part is a scheme, such as `s3://bucket/raw`.

It can be joined and taken apart like any path, and prints as its URL; no file system of this machine has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PosixPath
from typing import Self

from mixer.errors import MixerError, UsageError

_WRITTEN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.DOTALL)
"""`Path` makes one slash of two, so that `s3:/bucket` is read as what it was."""
_LOCAL = ("file", "local")
"""Schemes of the file system of this machine."""
_QUERIED = ("http", "https")
"""Schemes whose URLs may carry a query, in which signatures travel."""


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
