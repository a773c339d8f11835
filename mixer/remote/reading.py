"""An object as a file that is open for reading: by ranges, asked for as they are read.

Of media mostly the first bytes are looked at, and perhaps the last: an object of one block comes in one request. Of a
larger one, who reads on is given ever longer blocks. One who reads a larger one to its end is told if it changed
meanwhile.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from mixer.errors import DataError, MixerError
from mixer.remote import objects

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from mixer.remote.path import RemotePath

FIRST = 256 << 10
"""Bytes of a first block, and of one that is jumped to: most pictures come whole."""


class Reader(io.RawIOBase):
    """Reads an object. Raises FileNotFoundError when there is none, and DataError where it cannot be read.

    Decoders take any error for damage of the file. So one of the store is raised again when the reader is closed.
    """

    def __init__(self, path: RemotePath) -> None:
        self._path = path
        self._at = self._start = 0
        self._failed: MixerError | None = None
        self._seen: objects.Object | None = None
        """What an object of more than one block was."""
        self._held = objects.beginning(path, FIRST)
        """What lies at `_start`."""
        self._size = len(self._held)
        if self._size == FIRST:
            self._seen = self._looked()
            self._size = self._seen.size
            # What was read may have been a version before.
            self._held = objects.read_exactly(path, 0, min(FIRST, self._size))

    @property
    def name(self) -> str:
        """Give the URL."""
        return str(self._path)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that any place of it can be gone to."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place."""
        at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if at < 0:
            raise OSError(22, f"no place before the beginning: {at}")
        self._at = at
        return at

    def tell(self) -> int:
        """Say at which place it is."""
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read some bytes, at least one unless the end was reached."""
        view = memoryview(buffer).cast("B")
        content = self._here()[: len(view)]
        view[: len(content)] = content
        self._at += len(content)
        return len(content)

    def close(self) -> None:
        """Let go of what was read. Raises what was wrong, whoever took it for something else."""
        if self.closed:
            return
        super().close()
        self._held = b""
        if self._failed is not None:
            raise self._failed

    def _here(self) -> memoryview:
        """Give what is known from the present place on, asking for more where that is nothing."""
        if not self._start <= self._at < self._start + len(self._held):
            try:
                self._move()
            except MixerError as error:
                self._failed = error
                raise
        return memoryview(self._held)[max(0, self._at - self._start) :]

    def _move(self) -> None:
        """Ask for the block at the present place. Raises DataError."""
        if self._at >= self._size:
            if self._seen is not None and self._looked() != self._seen:
                raise DataError(f"{self._path}: changed while it was read; run again when nothing writes to it")
            self._start, self._held, self._seen = self._size, b"", None
            return
        on = self._at == self._start + len(self._held)
        length = min(2 * len(self._held), objects.BLOCK) if on else FIRST
        self._held = objects.read_exactly(self._path, self._at, min(self._at + length, self._size))
        self._start = self._at

    def _looked(self) -> objects.Object:
        found = objects.look(self._path)
        if found is None:
            raise DataError(f"{self._path}: went away while it was read; run again when nothing writes to it")
        return found
