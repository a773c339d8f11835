"""A raw file made readable: as it lies, or unpacked to a working file that is read while it grows.

A packed file cannot be cut, so one thread unpacks it from its start; its spans are handed out as soon as what lies
behind them, as far as a reader looks, is there, and so converting overlaps with unpacking.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mixer.errors import DataError, MixerError
from mixer.rawfiles import RawFile
from mixer.readers import AHEAD, PAST_ANY_END, bytes_a_place, reads_from_end
from mixer.unpacking import Unpacking, packing

GROWTH = 8
"""How many times its size a packed file is expected to have: JSON of annotations shrinks by 5 to 12."""


class Edges(NamedTuple):
    """A span of a file: where it starts, where it stops, whether the file ends there, and whether it was all there."""

    start: int
    stop: int
    is_last: bool
    is_whole: bool


class Content:
    """What a raw file holds, at `path`."""

    def __init__(self, raw: RawFile, path: Path, unpacking: Unpacking | None) -> None:
        self.path = path
        self._reader = raw.file.reader
        self._unpacking = unpacking
        self._told = 0

    def wait(self, until: int) -> bool:
        """Wait until so many bytes can be read, or all; say whether all can. Raises DamagedFile."""
        return self._unpacking is None or self._unpacking.wait(until)

    def spans(self, size: int) -> Iterator[Edges]:
        """Cut the file into spans of about so many bytes; all but the ends are guesses."""
        path, reader, ahead = self.path, self._reader, AHEAD
        if reads_from_end(reader):
            self.wait(PAST_ANY_END)
            size = max(1, round(size / bytes_a_place(reader, path)))
            ahead = 0
        is_whole = self.wait(ahead)
        try:
            start = reader.cut(path, 0)
        except DataError:
            if is_whole:
                raise
            self.wait(PAST_ANY_END)  # what stands before the first record is longer than any record
            start = reader.cut(path, 0)
        while True:
            # A cut looks that far behind its place, and its span's last record may end that far behind the cut.
            is_whole = self.wait(start + size + 2 * ahead)
            stop = reader.cut(path, start + size)
            is_last = is_whole and stop >= reader.cut(path, PAST_ANY_END)
            yield Edges(start, stop, is_last, is_whole)
            if is_last:
                return
            start = stop

    def progress(self, edge: int) -> int:
        """Count the bytes of the raw file that were used since the last call, now that it was read up to `edge`."""
        if self._unpacking is not None:
            at = self._unpacking.consumed()
        else:
            at = round(edge * bytes_a_place(self._reader, self.path))
        self._told, new = at, at - self._told
        return new


@contextmanager
def opened(raw: RawFile, working: Path) -> Iterator[Content]:
    """Open a raw file; one that is packed is unpacked to `working`, which is removed again."""
    if packing(raw.path) is None:
        yield Content(raw, raw.path, None)
        return
    with Unpacking(raw.path, raw.published, working) as unpacking:
        try:
            yield Content(raw, working, unpacking)
        except MixerError as error:  # the user knows the packed file only
            error.args = (str(error).replace(str(working), f"{raw.path}, unpacked"),)
            raise
    working.unlink()


def expected_size(path: Path) -> int:
    """Say how many bytes a raw file will be when it is read, about."""
    return path.stat().st_size * (1 if packing(path) is None else GROWTH)
