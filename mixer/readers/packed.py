"""Packed bytes in, plain bytes out, block by block: gzip, zstd and the members of a zip.

Each kind is a generator; damage is raised as DamagedFile, with the byte position in the packed file where it showed.
"""

from __future__ import annotations

import importlib
import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZIP_STORED, ZipInfo

from mixer.errors import DamagedFile, UsageError
from mixer.readers.faults import damaged

BLOCK = 1 << 20
"""Plain bytes to a block, at most, where the decompressor can be bounded."""
READ = 128 << 10
ZSTD_READ = 2 << 10
"""Packed bytes read at once. The decompressor of zstd cannot be bounded, and makes up to 32,768 bytes of each."""

_END = "the end of the file"
_ZIP_HEADER = 30
_ZIP_SIGNATURE = b"PK\x03\x04"
_ZSTD_SIGNATURE = b"\x28\xb5\x2f\xfd"


class Stopped(Exception):
    """Reading was given up from another thread."""


class Packed:
    """A packed file that is read from left to right, and may be told to stop. `at` is how far it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        self._file = path.open("rb")
        self._stop = threading.Event()

    def read(self, length: int = READ) -> bytes:
        """Read some bytes; none at the end. Raises Stopped."""
        if self._stop.is_set():
            raise Stopped
        block = self._file.read(length)
        self.at += len(block)
        return block

    def seek(self, at: int) -> None:
        """Go to a position."""
        self._file.seek(at)
        self.at = at

    def stop(self) -> None:
        """Let the next read fail."""
        self._stop.set()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def damaged(self, expected: str, got: str = _END, *, before: int = 0) -> DamagedFile:
        """Make the error of damage that lies up to `before` bytes before what was read."""
        return damaged(self.path, self.at - before, expected, got)


def gzip_blocks(packed: Packed) -> Iterator[bytes]:
    """Unpack gzip: one stream or several in a row, which zeros may follow."""
    rest = b""
    while True:
        rest = yield from _inflated(packed, zlib.decompressobj(wbits=31), rest, packed.read, "gzip data")
        while not (rest := rest.lstrip(b"\0")):
            rest = packed.read()
            if not rest:
                return


def zip_blocks(packed: Packed, info: ZipInfo) -> Iterator[bytes]:
    """Unpack a member of a zip, which is stored or deflated."""
    packed.seek(max(0, info.header_offset))
    header = packed.read(_ZIP_HEADER)
    if len(header) < _ZIP_HEADER or not header.startswith(_ZIP_SIGNATURE):
        raise packed.damaged("the header of a file in a zip", "something else", before=len(header))
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    packed.seek(packed.at + lengths)
    left = info.compress_size

    def read() -> bytes:
        nonlocal left
        block = packed.read(min(READ, left))
        left -= len(block)
        return block

    if info.compress_type == ZIP_STORED:
        blocks: Iterator[bytes] = iter(read, b"")
    else:
        blocks = _inflated(packed, zlib.decompressobj(wbits=-15), b"", read, "deflated data")
    size = checksum = 0
    for block in blocks:
        size += len(block)
        checksum = zlib.crc32(block, checksum)
        if size > info.file_size:
            break
        yield block
    if size != info.file_size:
        raise packed.damaged(f"{info.file_size:,} unpacked bytes", "more" if size > info.file_size else f"{size:,}")
    if checksum != info.CRC:
        raise packed.damaged(f"the checksum {info.CRC:08x}", f"{checksum:08x}")


def _inflated(
    packed: Packed, stream: Any, rest: bytes, read: Callable[[], bytes], expected: str
) -> Generator[bytes, None, bytes]:
    """Unpack one stream of zlib's, of which `rest` was read before; return what was read behind its end."""
    while not stream.eof:
        given = rest or read()
        try:
            block = stream.decompress(given, BLOCK)
        except zlib.error as error:
            reason = str(error).rpartition(": ")[2]
            raise packed.damaged(expected, f"what does not unpack ({reason})", before=len(given)) from None
        if block:
            yield block
        elif not given and not stream.eof:
            raise packed.damaged(f"more {expected}")
        rest = stream.unconsumed_tail
    unused: bytes = stream.unused_data
    return unused


class ZstdLibrary(NamedTuple):
    """What unpacks zstd: a call that begins a frame, and the error it raises."""

    frame: Callable[[], Any]
    fault: type[Exception]


def zstd_library(path: Path) -> ZstdLibrary:
    """Load a library that unpacks zstd; Python has one from 3.14 on. Raises UsageError."""
    for name in ("compression.zstd", "zstandard"):
        try:
            library: Any = importlib.import_module(name)
        except ImportError:
            continue
        begin = library.ZstdDecompressor
        return ZstdLibrary(begin if name == "compression.zstd" else begin().decompressobj, library.ZstdError)
    raise UsageError(f"{path}: is packed with zstd; this needs: pip install 'instruction-mixer[zstd]'")


def zstd_blocks(packed: Packed, library: ZstdLibrary) -> Iterator[bytes]:
    """Unpack zstd: one frame or several in a row."""
    rest = packed.read(ZSTD_READ)
    while rest:
        frame = library.frame()
        while not frame.eof:
            if not rest:
                raise packed.damaged("more zstd data")
            try:
                block = frame.decompress(rest)
            except library.fault as error:
                reason = str(error).rpartition(": ")[2]
                raise packed.damaged("zstd data", f"what does not unpack ({reason})", before=len(rest)) from None
            if block:
                yield block
            rest = frame.unused_data if frame.eof else packed.read(ZSTD_READ)
        rest = rest or packed.read(ZSTD_READ)


def zstd_size(path: Path) -> int:
    """Give the unpacked size of a file's first frame, or 0 where its header does not tell."""
    with path.open("rb") as file:
        header = file.read(18)
    descriptor = header[4] if header.startswith(_ZSTD_SIGNATURE) and len(header) > 4 else 0
    is_single = bool(descriptor >> 5 & 1)
    length = (1 if is_single else 0, 2, 4, 8)[descriptor >> 6]
    start = 5 + (not is_single) + (0, 1, 2, 4)[descriptor & 3]
    size = int.from_bytes(header[start : start + length], "little")
    return size + 256 if length == 2 else size
