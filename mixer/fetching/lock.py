"""fetched.json in the data root: which bytes each fetched file has and where they are from, for the next fetch."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from mixer import atomic
from mixer.errors import DataError
from mixer.fetching.published import Known

NAME = "fetched.json"
VERSION = 1
LONGEST = 200
"""Bytes of a file's name: file systems take 255, and files under way have longer ones."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\\]")


class Fetched(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One file: what it is published as, from where, and its bytes."""

    published: str
    """The published path or pattern that it is a file of."""
    url: str
    """At the hub itself, should a mirror have given it."""
    repo: str | None = None
    revision: str | None = None
    path: str | None = None
    """Of the hub: its path in the repository."""
    size: int | None = None
    sha256: str | None = None
    git: str | None = None
    """Of the hub, until its sha256 is known: the id that git gives its content."""
    was: str | None = None
    """The sha256 of the file that these bytes are to replace, which is ours to replace."""
    archive: Known | None = None
    """Of a file that was taken from an archive: the archive's own bytes, at `url`."""

    @property
    def known(self) -> Known:
        """Give what is known of its bytes."""
        return Known(size=self.size, sha256=self.sha256, git=self.git)


class _Content(msgspec.Struct):
    version: int
    files: dict[str, Fetched]


class Lock:
    """The record of a data root. Paths are relative to it, with `/`."""

    def __init__(self, root: Path) -> None:
        self._path = root / NAME
        self.files: dict[str, Fetched] = self._read()

    def _read(self) -> dict[str, Fetched]:
        try:
            content = msgspec.json.decode(self._path.read_bytes(), type=_Content, dec_hook=_decode)
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise DataError(f"{self._path}: {error}; move it away to begin a new one") from None
        if content.version != VERSION:
            raise DataError(f"{self._path}: expected version {VERSION}, got {content.version}")
        lost = next((target for target in content.files if not is_safe(target)), None)
        if lost is not None:
            raise DataError(f"{self._path}: names a file {lost!r} that cannot be put below its folder; do not use it")
        return content.files

    def of(self, folder: str, published: str) -> dict[str, Fetched]:
        """Give what is recorded of a published path or pattern of a source's folder."""
        return {
            target: each
            for target, each in self.files.items()
            if each.published == published and target.startswith(f"{folder}/")
        }

    def write(self) -> None:
        """Put the record on disk, sorted, if it differs."""
        content = _Content(VERSION, dict(sorted(self.files.items())))
        text = msgspec.json.format(msgspec.json.encode(content, enc_hook=_encode), indent=1) + b"\n"
        try:
            if self._path.read_bytes() == text:
                return
        except FileNotFoundError:
            pass
        atomic.replace_file(self._path, text)


def is_safe(path: str) -> bool:
    """Say whether a path leads down, and has names that a file can have here and a terminal can show."""
    parts = path.split("/")
    return not (_UNSAFE.search(path) or any(part in ("", ".", "..") or len(part.encode()) > LONGEST for part in parts))


def _encode(value: object) -> object:
    assert isinstance(value, Known)
    return value.model_dump(exclude_none=True)


def _decode(kind: type, value: object) -> object:
    assert kind is Known
    try:
        return Known.model_validate(value)
    except ValueError as error:
        raise msgspec.ValidationError(str(error).splitlines()[0]) from None
