"""What is found out about one medium: by its header, and by decoding it. Both are remembered, see remembered.py."""

from __future__ import annotations

import warnings
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from mixer.auditing import containers, formats
from mixer.auditing.formats import FOLDER, FORMATS
from mixer.errors import MixerError
from mixer.extras import need
from mixer.fingerprints import undecodable
from mixer.remembered import Kind

PIXELS = 178_956_970
"""More than these Pillow refuses to open, as a decompression bomb."""

Header = tuple[int, str | None, int | None, int | None, str | None, str | None]


def find_header(path: Path) -> Header:
    """Give a medium's size in bytes, format, width and height, what is wrong with it (see findings.py), and how so."""
    try:
        status = path.stat()
        if S_ISDIR(status.st_mode):
            return _folder(path)
        if not S_ISREG(status.st_mode):
            return 0, None, None, None, "unreadable", "is no file"
        if not status.st_size:
            return 0, None, None, None, "empty", None
        with path.open("rb") as file:
            return _file(file, status.st_size, formats.said(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return 0, None, None, None, "missing", None
    except OSError as error:
        return 0, None, None, None, "unreadable", error.strerror or "cannot be read"


def _folder(path: Path) -> Header:
    held = any(True for _ in path.iterdir())
    return 0, FOLDER, None, None, None if held else "empty", None if held else "a folder without files"


def _file(file: BinaryIO, size: int, said: str | None) -> Header:
    head = file.read(formats.HEAD)
    got = formats.of(head)
    if got is None:
        return size, None, None, None, *_no_medium(head, said)
    width, height = _size(file) if FORMATS[got].holds == "image" else (None, None)
    return size, got, width, height, *_problem(file, size, got, said, width, height)


def _no_medium(head: bytes, said: str | None) -> tuple[str | None, str | None]:
    words = formats.text(head)
    if words == formats.POINTER:
        return "pointer", None
    if words is not None and said is not None:
        return "page", f"is {words}"
    return ("unknown", None) if said is not None else (None, None)  # other files are not judged


def _problem(
    file: BinaryIO, size: int, got: str, said: str | None, width: int | None, height: int | None
) -> tuple[str | None, str | None]:
    """Name the worst problem of a file that begins like a medium."""
    short = containers.cut(file, size, got)
    if short is not None:
        return "cut", short
    if FORMATS[got].holds == "image":
        if width is None or height is None:
            return "damaged", "its header tells no size"
        if width * height > PIXELS:
            return "huge", f"{width:,} x {height:,} pixels"
        if width == height == 1:
            return "blank", None
    if said is not None and said != got:
        return "mislabelled", f"is {FORMATS[got].words}, named as {FORMATS[said].words}"
    return None, None


def _size(file: BinaryIO) -> tuple[int | None, int | None]:
    """Read width and height as they are stored."""
    import imagesize

    file.seek(0)
    try:
        width, height = imagesize.get(file, exif_rotation=False)
    except Exception:  # noqa: BLE001 - readers of bad headers raise whatever they stumble over
        return None, None
    return (int(width), int(height)) if width > 0 and height > 0 else (None, None)


def find_decoded(path: Path) -> tuple[str | None, str | None]:
    """Decode a whole image (of an animation: its first frame); say what is wrong with it, and how so."""
    image_module = need("PIL.Image", "dedup")
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            format_ = formats.of(file.read(formats.HEAD))
            name = FORMATS[format_].pillow if format_ else None
            if name is None:
                return None, None
            warnings.simplefilter("ignore")  # of odd metadata and of large pictures, both of which decode
            # The format is given: Pillow must not try others, some of which run programs.
            with image_module.open(file, formats=[name]) as image:
                image.verify()
            with image_module.open(file, formats=[name]) as image:  # verifying uses it up
                image.load()
    except MixerError:  # of an object store: nothing is known of the image then
        raise
    except Exception as error:  # noqa: BLE001 - decoders of bad files raise whatever they stumble over
        if type(error).__name__ == "DecompressionBombError":
            return "huge", "more pixels than Pillow opens"
        return "undecodable", undecodable(error)
    return None, None


HEADER = Kind(
    "header-1",
    {
        "bytes": "Int64", "format": "String", "width": "Int64", "height": "Int64", "problem": "String", "detail": "String",
    },
    find_header,
)  # fmt: skip
DECODED = Kind("decoded-1", {"problem": "String", "detail": "String"}, find_decoded)
