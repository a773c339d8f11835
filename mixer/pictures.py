"""The sizes of images that annotations do not tell: taken from the images' headers, remembered, joined to the records.

    <store>/pictures/<address>.known    every image that a source's raw files name: its stamp, its size, or that it is not there
    <store>/pictures/<sha256>.jsonl     those that are there, with their sizes: the lookup file that conversions read

Raw files are gone through once for the images they name; later only the images' stamps are looked at again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from mixer import atomic
from mixer.errors import DataError
from mixer.progress import Advance, Progress
from mixer.readers import Bad, json_lines
from mixer.remote.looking import Looking
from mixer.remote.path import asking
from mixer.remote.waiting import over
from mixer.sources import File, Lookup, Picture, Pictures
from mixer.stamps import Stamp, stamp, stamp_of
from mixer.validate import path_fault

NAME = "sizes of images"
"""In the place of a published path: what ledgers call the table."""
AT_ONCE = 1 << 12
"""Images that are looked at together."""


class Entry(msgspec.Struct):
    """A line of the table."""

    path: str
    width: int
    height: int


FILE = File(NAME, json_lines, Entry)


class _Known(msgspec.Struct, array_like=True):
    """An image that raw files name; without a stamp it was not there, without a size its header cannot be read."""

    path: str
    stamp: Stamp | None = None
    size: tuple[int, int] | None = None


def lookup(declared: Pictures) -> Lookup:
    """Give the lookup that a source's declaration amounts to."""
    return Lookup(FILE, _path, _picture, declared.match, declared.field)


def _path(entry: Entry) -> str:
    return entry.path


def _picture(entry: Entry) -> Picture:
    return Picture(entry.path, entry.width, entry.height)


def candidates(declared: Pictures, raw: Any) -> list[str]:
    """List the paths at which a record's image may be, the best first."""
    given = attrgetter(declared.match)(raw)
    return [given] if isinstance(given, str) else list(given or ())


def first_of(declared: Pictures, raw: Any, table: Mapping[str, Picture]) -> str | None:
    """Give the first of a record's candidates that is there."""
    return next((path for path in candidates(declared, raw) if path in table), None)


def table(
    folder: Path, address: str, media: Path, named: Iterable[list[Any]], declared: Pictures, progress: Progress
) -> Path | None:
    """Make the table of sizes of the images under `media`; None when none is there.

    `named` goes through batches of raw records and is only used when the images of this `address`, which stands for
    the raw files, are not known yet. Raises DataError when an image changes meanwhile.
    """
    remembered = folder / f"{address}.known"
    try:
        before = msgspec.msgpack.decode(remembered.read_bytes(), type=list[_Known])
    except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
        before = [_Known(path) for path in sorted(set(_named(named, declared)))]
    with progress("sizes of images", len(before)) as advance:
        now = list(_looked_at(before, media, advance))
    folder.mkdir(parents=True, exist_ok=True)
    if now != before or not remembered.exists():
        atomic.replace_file(remembered, msgspec.msgpack.encode(now))
    lines = msgspec.json.Encoder().encode_lines([Entry(each.path, *each.size) for each in now if each.size])
    if not lines:
        return None
    made = folder / f"{hashlib.sha256(lines).hexdigest()}.jsonl"
    if not made.exists():
        atomic.replace_file(made, lines)
    return made


def _named(batches: Iterable[list[Any]], declared: Pictures) -> Iterator[str]:
    for batch in batches:
        for raw in batch:
            if type(raw) is not Bad:
                yield from (path for path in candidates(declared, raw) if path_fault(path) is None)


def _looked_at(known: list[_Known], media: Path, advance: Advance) -> Iterator[_Known]:
    """Give each image as it is now; headers are read of those that are new or have changed."""
    looking = Looking()
    for start in range(0, len(known), AT_ONCE):
        piece = known[start : start + AT_ONCE]
        paths = [media / each.path for each in piece]
        looking.expect(paths)
        now = [_stamp(path, looking) for path in paths]
        new = [seen is not None and seen != each.stamp for each, seen in zip(piece, now, strict=True)]
        sizes = iter(over(_size, [looking.seen(path) for path, is_new in zip(paths, new, strict=True) if is_new]))
        for each, seen, is_new in zip(piece, now, new, strict=True):
            yield _Known(each.path, seen, next(sizes)) if is_new else each if seen else _Known(each.path)
            advance(1)


def _stamp(path: Path, looking: Looking) -> Stamp | None:
    """Give the stamp of a file; None where there is none."""
    return stamp_of(looking.stat(path)) if looking.is_file(path) else None


def _size(path: Path) -> tuple[int, int] | None:
    """Read width and height as they are stored, which is how trainers open images: not turned by EXIF."""
    import imagesize

    before = stamp(path)
    try:
        with path.open("rb") as file:
            width, height = imagesize.get(file, exif_rotation=False)
    except OSError:
        return None
    if stamp(asking(path)) != before:
        raise DataError(f"{path}: changed while it was read; run again when nothing writes to it")
    return (width, height) if width > 0 and height > 0 else None
