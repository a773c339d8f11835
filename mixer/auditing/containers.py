"""Whether a file ends before its end, as its container tells it: few bytes are read, nothing is decoded.

A JPEG, PNG or GIF has an end mark; RIFF, MPEG-4, FLAC, Ogg, MP3 and BMP files say how long they or their parts are. Bytes
behind the end are fine. Of what else there is, nothing can be said this way.
"""

from __future__ import annotations

from typing import BinaryIO

TAIL = 1 << 16
"""Bytes at the end of a file where its end mark mostly lies."""
BLOCK = 1 << 20
"""Bytes that are searched for it at once, where it does not."""
MOST = 100_000
"""Parts of a file that are gone through; what has more is not judged."""
NO_END = "has no end mark"
_UNKNOWN_LENGTHS = (0, 0xFFFFFFFF)
"""In headers of files that were written as a stream."""


def cut(file: BinaryIO, size: int, format_: str) -> str | None:
    """Say how a file of a format (see formats.py) shows that its end is missing, or None."""
    check = _CHECKS.get(format_)
    return None if check is None else check(file, size)


def _read(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _holds(file: BinaryIO, size: int, mark: bytes, start: int) -> bool:
    """Say whether a mark stands at or behind a place: at the end of the file first, where it should be."""
    near = max(start, size - TAIL)
    if mark in _read(file, near, TAIL):
        return True
    if near == start:
        return False
    file.seek(start)
    before = b""  # the mark may lie across two blocks
    while block := file.read(BLOCK):
        if mark in before + block:
            return True
        before = block[1 - len(mark) :]
    return False


def _jpeg(file: BinaryIO, size: int) -> str | None:
    # The end mark cannot stand within a scan, but it does in thumbnails of the header: only what follows counts.
    at = 2
    for _ in range(MOST):
        if at + 4 > size:
            return "ends within its header"
        head = _read(file, at, 4)
        if head[0] != 0xFF:
            return None  # decoders search for the next marker, too
        if head[1] == 0xDA:
            return None if _holds(file, size, b"\xff\xd9", at) else NO_END
        alone = head[1] in (0x01, 0xFF) or 0xD0 <= head[1] <= 0xD8
        at += (1 if head[1] == 0xFF else 2) if alone else 2 + int.from_bytes(head[2:], "big")
    return None


def _png(file: BinaryIO, size: int) -> str | None:
    return None if _holds(file, size, b"IEND\xaeB`\x82", 8) else NO_END


def _gif(file: BinaryIO, size: int) -> str | None:
    if _read(file, size - 1, 1) == b";":
        return None
    flags = _read(file, 10, 1)
    at = 13 + _colours(flags)
    for _ in range(MOST):
        kind = _read(file, at, 1)
        if kind == b";":
            return None
        if kind == b"!":
            at += 2
        elif kind == b",":
            at += 10 + _colours(_read(file, at + 9, 1)) + 1
        else:
            return "ends within a picture" if at >= size else None
        while length := _read(file, at, 1):
            at += 1 + length[0]
            if not length[0]:
                break
        else:
            return "ends within a picture"
    return None


def _colours(flags: bytes) -> int:
    """Count the bytes of a GIF's table of colours."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _riff(file: BinaryIO, size: int) -> str | None:
    length = int.from_bytes(_read(file, 4, 4), "little")
    return None if length in _UNKNOWN_LENGTHS else _shorter(8 + length, size)


def _shorter(expected: int, got: int) -> str | None:
    return f"its header says {expected:,} bytes, it has {got:,}" if expected > got else None


def _mpeg4(file: BinaryIO, size: int) -> str | None:
    return _boxes(file, size, {b"moov", b"mdat"})


def _picture(file: BinaryIO, size: int) -> str | None:
    return _boxes(file, size, {b"meta"})


def _boxes(file: BinaryIO, size: int, needed: set[bytes]) -> str | None:
    at, seen = 0, set()
    for _ in range(MOST):
        head = _read(file, at, 16)
        if len(head) < 8 or not head[4:8].isalnum():
            break
        seen.add(head[4:8])
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length == 0:  # to the end
            break
        if at + length > size:
            return _shorter(at + length, size)
        at += max(length, 8)
    else:
        return None
    lacking = sorted(needed - seen)
    return f"has no `{lacking[0].decode()}` box" if lacking else None


def _flac(file: BinaryIO, size: int) -> str | None:
    at = 4
    for _ in range(MOST):
        head = _read(file, at, 4)
        at += 4 + int.from_bytes(head[1:], "big")
        if len(head) < 4 or at >= size:
            return "ends before its sound"
        if head[0] & 0x80:
            return None
    return None


def _ogg(file: BinaryIO, size: int) -> str | None:
    start = max(0, size - 2 * TAIL)  # no page is longer than 65,307 bytes
    tail = _read(file, start, 2 * TAIL)
    page = tail.rfind(b"OggS")
    if page < 0:
        return None
    segments = tail[page + 26 : page + 27]
    table = tail[page + 27 : page + 27 + (segments[0] if segments else 0)]
    if not segments or len(table) < segments[0]:
        return "ends within a page"
    return _shorter(start + page + 27 + len(table) + sum(table), size)


def _mp3(file: BinaryIO, size: int) -> str | None:
    head = _read(file, 0, 10)
    if head[:3] != b"ID3" or len(head) < 10:
        return None
    tags = 0
    for byte in head[6:]:
        tags = tags << 7 | byte & 0x7F
    return "ends before its sound" if 10 + tags >= size else None


def _bmp(file: BinaryIO, size: int) -> str | None:
    head = _read(file, 0, 34)
    start, length = (int.from_bytes(head[at : at + 4], "little") for at in (10, 14))
    if length < 40 or len(head) < 34 or int.from_bytes(head[30:34], "little") != 0:  # packed: its length is not told
        return None
    width, height = (abs(int.from_bytes(head[at : at + 4], "little", signed=True)) for at in (18, 22))
    row = (width * int.from_bytes(head[28:30], "little") + 31) // 32 * 4
    return _shorter(start + row * height, size)


_CHECKS = {
    "jpg": _jpeg,
    "png": _png,
    "gif": _gif,
    "bmp": _bmp,
    **dict.fromkeys(("webp", "wav", "avi"), _riff),
    **dict.fromkeys(("avif", "heic"), _picture),
    "mp4": _mpeg4,
    "flac": _flac,
    "ogg": _ogg,
    "mp3": _mp3,
}
