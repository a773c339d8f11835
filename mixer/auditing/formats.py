"""Formats of media: what a file's first bytes say it is, and what its name says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from mixer.embedded import Medium, suffix_of

HEAD = 512
"""Bytes that tell a format, or what stands in its place."""


@dataclass(frozen=True)
class Format:
    """A format of media."""

    words: str
    holds: Literal["image", "sound", "film"]
    """A film may hold no more than sound."""
    endings: tuple[str, ...]
    pillow: str | None = None
    """Pillow's name of it, where Pillow reads and writes it."""


FORMATS = {
    "jpg": Format("JPEG", "image", ("jpg", "jpeg", "jpe", "jfif"), "JPEG"),
    "png": Format("PNG", "image", ("png",), "PNG"),
    "gif": Format("GIF", "image", ("gif",), "GIF"),
    "bmp": Format("BMP", "image", ("bmp", "dib"), "BMP"),
    "tif": Format("TIFF", "image", ("tif", "tiff"), "TIFF"),
    "webp": Format("WebP", "image", ("webp",), "WEBP"),
    "avif": Format("AVIF", "image", ("avif",)),
    "heic": Format("HEIC", "image", ("heic", "heif")),
    "wav": Format("WAV", "sound", ("wav", "wave")),
    "flac": Format("FLAC", "sound", ("flac",)),
    "mp3": Format("MP3", "sound", ("mp3",)),
    "aac": Format("AAC", "sound", ("aac",)),
    "ogg": Format("Ogg", "film", ("ogg", "oga", "ogv", "opus")),
    "mp4": Format("MPEG-4", "film", ("mp4", "m4v", "m4a", "mov", "3gp")),
    "webm": Format("Matroska", "film", ("webm", "mkv", "mka", "weba")),
    "mpg": Format("MPEG", "film", ("mpg", "mpeg")),
    "avi": Format("AVI", "film", ("avi",)),
}
FOLDER = "folder"
"""In a format's place: a folder, such as that of a video's frames."""
_BY_ENDING = {ending: name for name, format_ in FORMATS.items() for ending in format_.endings}
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"msf1"), "heic"),
}
"""Brands of MPEG-4 boxes that are pictures."""
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
"""Lengths of a BMP's second header: `BM` alone begins many texts."""
_ALSO = {"m4a": "mp4", "mov": "mp4"}
_MEDIA: tuple[Medium, ...] = ("image", "video", "audio")


def of(head: bytes) -> str | None:
    """Name the format of a file by its first bytes, or None."""
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return _BRANDS[head[8:12]]
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") not in _BMP_HEADERS:
        return None
    if head[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return "aac"
    for medium in _MEDIA:
        try:
            kind = suffix_of(head, medium)
        except ValueError:
            continue
        return _ALSO.get(kind, kind)
    return None


def said(name: str) -> str | None:
    """Name the format that a file's name says, or None where its ending says none that is known."""
    return _BY_ENDING.get(PurePath(name).suffix[1:].lower())


POINTER = "a Git LFS pointer"
_PAGES = (
    (rb"version https://git-lfs\.github\.com/spec/", POINTER),
    (rb"<!doctype html|<html|<head|<body|<script", "an HTML page"),
    (rb"(<\?xml[^>]*>\s*(<!--.*?-->\s*|<!doctype svg[^>]*>\s*)*)?<svg", "an SVG drawing"),
    (rb"<\?xml|<error", "an XML text"),
    (rb"[\[{]\s*(\"|[\]}]|[\[{])", "a JSON text"),
)
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def text(head: bytes) -> str | None:
    """Say what text a file begins with that should hold a medium, such as the error page of a server; or None."""
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, words in _PAGES:
        if re.match(pattern, plain, re.IGNORECASE | re.DOTALL):
            return words
    if not plain or _CONTROLS.search(plain):
        return None
    try:
        plain[:-3].decode()  # the last character may be cut
    except UnicodeDecodeError:
        return None
    return "a plain text"
