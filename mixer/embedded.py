"""Media that raw records hold, such as the image bytes of a parquet cell: named by their content."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Literal

Medium = Literal["image", "video", "audio"]
FOLDER = "media"
"""Of a conversion, of the entry it becomes, and of a mix: the media that their raw records held."""

_IMAGES = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
)
"""First bytes of a file -> what its name ends with."""
_VIDEOS = ((b"\x1aE\xdf\xa3", "webm"), (b"\x00\x00\x01\xba", "mpg"))
_SOUNDS = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"\xff\xfb", "mp3"),
    (b"\xff\xf3", "mp3"),
    (b"\xff\xf2", "mp3"),
)
_STARTS = {"image": _IMAGES, "video": _VIDEOS, "audio": _SOUNDS}
_RIFF = {b"WEBP": ("image", "webp"), b"AVI ": ("video", "avi"), b"WAVE": ("audio", "wav")}
"""What stands behind `RIFF` and a length -> the kind of medium, and what its name ends with."""
_BOXES = {b"M4A ": ("audio", "m4a"), b"qt  ": ("video", "mov")}
"""The brand in the first box of an MPEG-4 file, which else is an mp4."""


def name(folder: str, content: bytes, medium: Medium = "image") -> str:
    """Name a medium below a folder of the media root: `the_cauldron/3f/3fa9...c1.png`, by its sha256 and first bytes.

    Raises ValueError for bytes that begin like no such medium: the record is bad.
    """
    digest = sha256(content).hexdigest()
    return f"{folder}/{digest[:2]}/{digest}.{suffix_of(content, medium)}"


def from_base64(text: str) -> bytes:
    """Decode base64 of either alphabet, with or without its padding. Raises ValueError where it is none."""
    plain = text.strip().replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from None


def write(folder: Path, embedded: Mapping[str, bytes]) -> None:
    """Write media below a folder. Several tasks may bring the same one: whoever looks sees it whole or not at all."""
    for path, content in embedded.items():
        target = folder / path
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(target)


def files(folder: Path) -> Iterator[Path]:
    """Go through the media below a folder, which need not exist."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def problem(path: Path) -> str | None:
    """Say that a medium is not what its name says, or None."""
    with path.open("rb") as content:
        got = file_digest(content, "sha256").hexdigest()
    return None if got == path.stem else f"{path}: its name says sha256 {path.stem}, got {got}"


def suffix_of(content: bytes, medium: Medium) -> str:
    """Say what the name of a medium ends with, by its first bytes. Raises ValueError for what begins like none."""
    of, kind = "", ""
    if content[:4] == b"RIFF":
        of, kind = _RIFF.get(content[8:12], ("", ""))
    elif content[4:8] == b"ftyp":
        of, kind = _BOXES.get(content[8:12], ("video", "mp4"))
    if of == medium:
        return kind
    for start, kind in _STARTS[medium]:
        if content.startswith(start):
            return kind
    raise ValueError(f"begins like no {medium}")
