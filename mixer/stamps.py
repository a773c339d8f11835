"""What tells a file from a later version of itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

YOUNG = 2_000_000_000
"""Nanoseconds: a younger file could change again within its time stamp's resolution, so nothing is kept of it."""


class Stamp(msgspec.Struct, frozen=True):
    """Taken from the file system, without reading the file."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def settled(self) -> bool:
        """Say whether the file would have another stamp if it changed from now on."""
        return time.time_ns() - self.mtime_ns > YOUNG


def stamp(path: Path) -> Stamp:
    """Take a file's stamp."""
    return stamp_of(path.stat())


def stamp_of(status: os.stat_result) -> Stamp:
    """Make a stamp of what `stat` says of a file."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
