"""A file as bytes in memory that the system fetches when they are looked at, and the blanks between JSON's tokens."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BOM = b"\xef\xbb\xbf"
_BLANKS = re.compile(rb"[ \t\r\n]*+")
_BLOCK = 4096


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """Map a file, read-only, to be read from left to right. No slice of the view may outlive the block."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            yield memoryview(b"")  # an empty file cannot be mapped
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory, memoryview(memory) as view:
                memory.madvise(mmap.MADV_SEQUENTIAL)
                yield view


def skip_blanks(view: memoryview, at: int) -> int:
    """Give the first position at or after `at` that holds no blank."""
    blanks = _BLANKS.match(view, at)
    assert blanks is not None  # it matches the empty text, too
    return blanks.end()


def text_start(view: memoryview) -> int:
    """Give where a text begins: behind a byte order mark and blanks."""
    return skip_blanks(view, after_mark(view))


def after_mark(view: memoryview) -> int:
    """Give the position behind a byte order mark, or 0."""
    return len(BOM) if view[: len(BOM)] == BOM else 0


def text_end(view: memoryview) -> int:
    """Give the length of a file, which does not hold blanks only, without the blanks at its end."""
    end = len(view)
    while not (kept := bytes(view[max(0, end - _BLOCK) : end]).rstrip(b" \t\r\n")):
        end -= _BLOCK
    return max(0, end - _BLOCK) + len(kept)
