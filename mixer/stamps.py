"""What tells a file from a later version of itself."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Stamp(msgspec.Struct, frozen=True):
    """Taken from the file system, without reading the file."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def stamp(path: Path) -> Stamp:
    """Take a file's stamp."""
    status = path.stat()
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
