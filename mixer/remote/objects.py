"""The objects of a store as mixer needs them: look, list, read a range, put. Nobody else speaks with fsspec.

Listings are never remembered: another machine may have written since.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from stat import S_IFDIR, S_IFREG
from typing import TYPE_CHECKING, Any

from mixer.errors import DataError, MixerError, UsageError
from mixer.extras import need

if TYPE_CHECKING:
    from mixer.remote.path import RemotePath

EXTRA = "remote"
BLOCK = 8 << 20
"""Bytes asked for at once: enough that the time to the first byte does not matter."""
STREAMS = 8
"""Requests under way at once: one stream of an object store gives a fraction of what a machine's network takes."""
_TAGS = ("ETag", "etag")
"""What systems call the mark of an object's content."""
_DATES = ("LastModified", "last_modified", "Last-Modified", "mtime", "modified", "updated", "created")
"""What they call the time when it was written; versions are told apart by it where there is no mark."""
_NEVER = 1 << 62
"""Nanoseconds since the epoch, in place of an unknown time: nothing that is found out of such an object is kept."""
_SECRET = ("SECRET", "TOKEN", "PASSWORD", "KEY")
"""Words in the names of variables whose values no message repeats."""


@dataclass(frozen=True)
class Object:
    """An object as it was when it was looked at."""

    path: RemotePath
    size: int
    version: str
    """Changes whenever other content is written, as far as its system tells; no hash of that. Single objects and lists
    say the same."""
    written: int
    """Nanoseconds since the epoch; 0 where its system marks contents, so that no clock is asked."""

    @property
    def status(self) -> os.stat_result:
        """Give what `stat` would say of a file: time of change and inode number stand for the version."""
        mark = bytes.fromhex(self.version)
        times = {"st_mtime_ns": self.written, "st_ctime_ns": int.from_bytes(mark[:8], "big") >> 1}
        return os.stat_result(
            (S_IFREG | 0o444, int.from_bytes(mark[8:16], "big"), 0, 1, 0, 0, self.size, 0, 0, 0), times
        )


FOLDER = os.stat_result((S_IFDIR | 0o555, 0, 0, 1, 0, 0, 0, 0, 0, 0), {"st_mtime_ns": 0, "st_ctime_ns": 0})
"""What `stat` would say of a folder: objects have names that begin with it."""


@lru_cache(maxsize=8)
def _system(scheme: str) -> Any:
    """Give fsspec's system of a scheme, set up by the environment. Raises UsageError when it is not installed."""
    fsspec = need("fsspec", EXTRA)
    try:
        return fsspec.filesystem(scheme, use_listings_cache=False)
    except ImportError as error:
        raise UsageError(f"this needs: pip install 'instruction-mixer[{EXTRA}]' ({error})") from None
    except ValueError:
        raise UsageError(f"{scheme}://: is no scheme that fsspec knows; use s3:// or another of its systems") from None


@contextmanager
def _speaking(path: RemotePath, doing: str) -> Iterator[Any]:
    """Give the system of a path; what goes wrong is told in one line. A missing object stays a FileNotFoundError."""
    system = _system(path.scheme)
    try:
        yield system
    except (FileNotFoundError, MixerError):
        raise
    except Exception as error:  # noqa: BLE001 - every system has errors of its own
        raise DataError(
            f"{path}: cannot be {doing}: {_told(error)}; are address and credentials right, in the environment?"
        ) from None


def _told(error: Exception) -> str:
    """Give an error's first line without any secret of the environment."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    for name, value in os.environ.items():
        if len(value) >= 6 and any(word in name.upper() for word in _SECRET):
            line = line.replace(value, "***")
    return line


def _object(path: RemotePath, about: dict[str, Any]) -> Object:
    if about.get("size") is None:
        raise DataError(f"{path}: its server does not tell its size; copy it to a folder and name that")
    told, written = _version(about)
    return Object(path, int(about["size"]), hashlib.sha256("\n".join(told).encode()).hexdigest(), written)


def _version(about: dict[str, Any]) -> tuple[list[str], int]:
    """Give what an object's version is told by, and when it was written, see Object."""
    marks = [str(about[name]) for name in _TAGS if about.get(name)]
    if marks:  # lists have other dates than single objects, in digits and in zones
        return marks[:1], 0
    dates = {name: _nanoseconds(about[name]) for name in _DATES if about.get(name)}
    known = [date for date in dates.values() if isinstance(date, int)]
    return [f"{name}={date}" for name, date in dates.items()], max(known, default=_NEVER)


def _nanoseconds(date: Any) -> int | str:
    seconds = date.timestamp() if isinstance(date, datetime) else date
    return int(seconds * 1e9) if isinstance(seconds, int | float) else str(date)


def look(path: RemotePath) -> Object | None:
    """Look at an object; None when there is none."""
    about = _about(path)
    return _object(path, about) if about is not None and about.get("type") == "file" else None


def stat(path: RemotePath) -> os.stat_result:
    """Look at an object or folder. Raises FileNotFoundError when there is neither."""
    about = _about(path)
    if about is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return _object(path, about).status if about.get("type") == "file" else FOLDER


def _about(path: RemotePath) -> dict[str, Any] | None:
    try:
        with _speaking(path, "looked at") as system:
            about: dict[str, Any] = system.info(str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return about


def names(folder: RemotePath) -> list[str]:
    """List the names of what lies right below a folder, sorted. Nothing where there is no folder."""
    return [name for name, _ in _listed(folder)]


def entries(folder: RemotePath) -> dict[str, os.stat_result]:
    """List what lies right below a folder: names, and what `stat` would say of each."""
    return {
        name: _object(folder, about).status if about["type"] == "file" else FOLDER for name, about in _listed(folder)
    }


def _listed(folder: RemotePath) -> list[tuple[str, dict[str, Any]]]:
    try:
        with _speaking(folder, "listed") as system:
            found = system.ls(str(folder), detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    root = _root(folder)
    found.sort(key=lambda each: each["type"] == "file")  # an object may have the name of a folder: then it counts
    listed = {each["name"].removeprefix(root).rstrip("/"): each for each in found}
    return [(name, listed[name]) for name in sorted(listed) if name not in ("", ".", "..") and "/" not in name]


def below(folder: RemotePath) -> dict[str, int]:
    """List the objects at any depth below a folder: path from there, and size; sorted."""
    try:
        with _speaking(folder, "listed") as system:
            found = system.find(str(folder) + "/", detail=True)
    except FileNotFoundError:
        return {}
    root = _root(folder)
    sizes = {name.removeprefix(root): int(about["size"]) for name, about in found.items() if name.startswith(root)}
    return {name: sizes[name] for name in sorted(sizes) if name and not name.endswith("/")}


def _root(folder: RemotePath) -> str:
    """Give that by which the names of objects below a folder begin in listings."""
    return _system(folder.scheme)._strip_protocol(str(folder)).rstrip("/") + "/"  # type: ignore[no-any-return]  # noqa: SLF001


def read(path: RemotePath, start: int, stop: int) -> bytes:
    """Read a range of an object; it may give less, where the object is shorter. Raises DataError when it is gone."""
    if start == stop:
        return b""
    try:
        with _speaking(path, "read") as system:
            content: bytes = system.cat_file(str(path), start=start, end=stop)
    except FileNotFoundError:
        raise DataError(f"{path}: went away while it was read; run again when nothing writes to it") from None
    return content


def read_exactly(path: RemotePath, start: int, stop: int) -> bytes:
    """Read a range that an object is known to have. Raises DataError when it gives less or more."""
    got = read(path, start, stop)
    if len(got) != stop - start:
        raise DataError(
            f"{path}: expected {stop - start:,} bytes at byte {start:,}, got {len(got):,}: it changed while it was read, "
            "or its server gives no ranges; run again when nothing writes to it"
        )
    return got


def beginning(path: RemotePath, most: int) -> bytes:
    """Read the first bytes of an object; those of a shorter one are all of it. Raises FileNotFoundError, DataError."""
    try:
        with _speaking(path, "read") as system:
            content: bytes = system.cat_file(str(path), start=0, end=most)
    except DataError:
        found = look(path)
        if found is None or found.size:
            raise
        return b""  # which has no first byte: a range of it is an error
    if len(content) > most:
        raise DataError(f"{path}: its server gives no ranges; copy it to a folder and name that")
    return content


def content(path: RemotePath, most: int = 64 << 20) -> bytes | None:
    """Read a small object whole; None when there is none. Raises DataError for one of more than `most` bytes."""
    found = look(path)
    if found is None:
        return None
    if found.size > most:
        raise DataError(f"{path}: has {found.size:,} bytes, at most {most:,} are expected")
    return read(path, 0, found.size)


def put(path: RemotePath, content: bytes) -> None:
    """Write a small object, in one step."""
    with _speaking(path, "written") as system:
        system.pipe_file(str(path), content)


def upload(file: Path, path: RemotePath) -> None:
    """Copy a file to an object, in parts where it is large, and check the size that arrived. Raises IntegrityError."""
    with _speaking(path, "written") as system:
        system.put_file(str(file), str(path))
    expected, arrived = file.stat().st_size, look(path)
    if arrived is None or arrived.size != expected:
        got = "no object" if arrived is None else f"{arrived.size:,}"
        raise DataError(f"{path}: expected {expected:,} bytes to arrive, got {got}; run again")


def remove(path: RemotePath) -> None:
    """Delete an object; its absence is fine."""
    try:
        with _speaking(path, "deleted") as system:
            system.rm_file(str(path))
    except FileNotFoundError:
        return


@contextmanager
def streams() -> Iterator[ThreadPoolExecutor]:
    """Give threads that wait for requests; on an error those that have not begun are dropped."""
    pool = ThreadPoolExecutor(STREAMS, thread_name_prefix="remote")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
