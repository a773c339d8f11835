"""Raw files that are still packed as they were published: gzip, zstd, or a file inside a zip.

A thread unpacks into a working file that others read while it grows. The kind is told by the first bytes, never by the
name, and nothing is written but that one file, whatever an archive's names say. An archive may unpack to more than the
disk holds: unpacking stops with an error before the disk is full.
"""

from __future__ import annotations

import errno
import shutil
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Literal, Self

from mixer.atomic import DurableFile, ensure_space
from mixer.errors import DataError, MixerError
from mixer.readers.faults import damaged, listed
from mixer.readers.packed import Packed, Stopped, gzip_blocks, zip_blocks, zstd_blocks, zstd_library, zstd_size

BLOCK = 1 << 20
"""Bytes written at once, at least."""
LEFT_FREE = 1 << 30
"""Bytes of the disk that are left free by what unpacks to more than CHECKED."""
CHECKED = 64 << 20
"""The disk is looked at after each so many bytes."""

Kind = Literal["gzip", "zstd", "zip"]
_MAGICS: dict[bytes, Kind] = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",  # one without members
}
_NO_ZIP = (zipfile.BadZipFile, ValueError, EOFError, OverflowError, NotImplementedError)
_ENCRYPTED = 0x1
_BY_HAND = "unpack it and put the file in the zip's place"


@dataclass(frozen=True)
class Packing:
    """How a file is packed; of a zip, the names of the files inside."""

    path: Path
    kind: Kind
    members: tuple[str, ...] = ()

    def member(self, published: str | None) -> str:
        """Choose the file inside a zip: the one of the published name, else the only one. Raises DataError."""
        # macOS puts a shadow of each file beside it.
        files = [name for name in self.members if not name.startswith("__MACOSX/")]
        wanted = PurePosixPath(published or "").parts
        for count in (len(wanted), 1):
            same = [name for name in files if wanted and PurePosixPath(name).parts[-count:] == wanted[-count:]]
            if len(same) == 1:
                return same[0]
        if len(files) == 1:
            return files[0]
        expected = f"one file `{wanted[-1]}`" if wanted else "one file"
        raise DataError(
            f"{self.path}: expected a zip with {expected}, got {listed(files) or 'none'}; unpack the one that is meant"
        )


def packing(path: Path) -> Packing | None:
    """Say how a file is packed, or None when it is not. Raises DamagedFile for a zip whose directory is lost."""
    with path.open("rb") as file:
        start = file.read(4)
    kind = next((kind for magic, kind in _MAGICS.items() if start.startswith(magic)), None)
    if kind is None:
        return None
    if kind != "zip":
        return Packing(path, kind)
    with _opened(path) as archive:
        return Packing(path, kind, tuple(name for name in archive.namelist() if name and not name.endswith("/")))


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _NO_ZIP:
        raise damaged(path, path.stat().st_size, "the zip's directory", "the end of the file") from None


class Unpacking:
    """Unpacks a file into a new one, in a thread of its own; to be closed, or used as a context.

    `member` is the published name of the file inside, should it be a zip; see Packing.member. Errors of the thread are
    raised where its bytes are waited for, and say at which byte of the packed file they arose. The new file is its
    owner's: it is left where it is, whole or not.
    """

    def __init__(self, path: Path, member: str | None, into: Path) -> None:
        self._path, self._into = path, into
        self._packed = Packed(path)
        try:
            blocks, size = self._blocks(member)
            self._ensure_space(size)
            self._file = DurableFile(into)
        except BaseException:
            self._packed.close()
            raise
        self._changed = threading.Condition()
        self._written = 0
        self._done = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(blocks,), name=f"unpacking {path.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def available(self) -> int:
        """Count the bytes that can be read now."""
        with self._changed:
            return self._written

    def consumed(self) -> int:
        """Count the packed bytes that were read, which is how far the work is."""
        return self._packed.at

    def wait(self, until: int) -> bool:
        """Wait for so many bytes, or for the end; say whether the file is whole. Raises what stopped the thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._done or self._written >= until)
            if self._error is not None and self._written < until:
                raise self._error
            return self._done and self._error is None

    def finish(self) -> int:
        """Wait for the end; give the number of bytes. Raises what stopped the thread."""
        with self._changed:
            self._changed.wait_for(lambda: self._done)
            if self._error is not None:
                raise self._error
            return self._written

    def close(self) -> None:
        """Stop the thread, soon, if it still runs."""
        self._packed.stop()
        self._thread.join()

    def _blocks(self, member: str | None) -> tuple[Iterator[bytes], int]:
        """Give what is unpacked, block by block, and its size as far as that is told beforehand. Raises DataError."""
        how = packing(self._path)
        if how is None:
            raise DataError(f"{self._path}: expected a packed file, got one that is neither gzip nor zstd nor zip")
        if how.kind == "gzip":
            return gzip_blocks(self._packed), 0
        if how.kind == "zstd":
            return zstd_blocks(self._packed, zstd_library(self._path)), zstd_size(self._path)
        name = how.member(member)
        with _opened(self._path) as archive:
            info = archive.getinfo(name)
        if info.flag_bits & _ENCRYPTED:
            raise DataError(f"{self._path}: {listed([name])} is encrypted; {_BY_HAND}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            got = f"method {info.compress_type}"
            raise DataError(f"{self._path}: expected {listed([name])} stored or deflated, got {got}; {_BY_HAND}")
        return zip_blocks(self._packed, info), info.file_size

    def _run(self, blocks: Iterator[bytes]) -> None:
        error: BaseException | None = None
        try:
            try:
                self._write(blocks)
            finally:
                self._file.close(sync=False)
                self._packed.close()
        except Stopped:
            error = MixerError(f"{self._path}: unpacking was stopped")
        except OSError as failed:
            error = self._no_room() if failed.errno == errno.ENOSPC else failed
        except BaseException as failed:  # noqa: BLE001 - it is raised where the bytes are waited for
            error = failed
        with self._changed:
            self._error, self._done = error, True
            self._changed.notify_all()

    def _write(self, blocks: Iterator[bytes]) -> None:
        waiting, length = [], 0
        for block in blocks:
            waiting.append(block)
            length += len(block)
            if length >= BLOCK:
                self._flush(b"".join(waiting))
                waiting, length = [], 0
        self._flush(b"".join(waiting))

    def _flush(self, block: bytes) -> None:
        if self._written // CHECKED != (self._written + len(block)) // CHECKED:
            free = shutil.disk_usage(self._into.parent).free
            if free < LEFT_FREE + len(block):
                raise self._no_room()
        self._file.write(block)
        with self._changed:
            self._written += len(block)
            self._changed.notify_all()

    def _ensure_space(self, size: int) -> None:
        ensure_space(self._into.parent, size + LEFT_FREE if size >= CHECKED else size)

    def _no_room(self) -> MixerError:
        return MixerError(
            f"{self._path}: unpacking it leaves too little room in {self._into.parent}, after {self._written:,} bytes; "
            "free some or name another folder"
        )
