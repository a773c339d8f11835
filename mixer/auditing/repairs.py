"""The repair list: one JSON object a line, one line a medium.

    {"media": "ocr_vqa/images/7.jpg", "finding": "mislabelled", "detail": "is GIF, named as JPEG", "repair": "reencode",
     "from": null, "records": 3, "leaves": ["ocrvqa"]}

Records name media by path, so a repair never changes a path: it makes what lies there what the path says.

- `rename`: `from` is the right file under another ending; it gets the path as a further name.
- `reencode`: the file, or that at `from`, is another format; it is saved again as what the path says.
- `drop`: nothing can be done here. Fetch the file again, or give the list to a recipe's `exclude`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from mixer import atomic
from mixer.auditing import formats
from mixer.auditing.findings import Repair
from mixer.auditing.formats import FORMATS
from mixer.errors import DataError, MissingFile
from mixer.validate import path_fault

BLOCK = 1 << 20
"""Bytes written at once."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A bad medium and what would repair it."""

    media: str
    """Path under the media root."""
    finding: str
    detail: str | None = None
    repair: Repair
    from_: str | None = msgspec.field(name="from", default=None)
    """The medium that it is made of, where that is not itself."""
    records: int = 0
    leaves: tuple[str, ...] = ()


def repair_of(path: str, finding: str, format_: str | None, sibling: str | None) -> Repair:
    """Choose the repair of a medium. `format_`: of the file there, or of its sibling, which is whole but for its name."""
    said = formats.said(path)
    if said is None or format_ is None or (finding != "mislabelled" and sibling is None):
        return "drop"
    if format_ == said:
        return "rename"
    pillow = FORMATS[said].pillow and FORMATS[format_].pillow
    return "reencode" if pillow else "drop"


def write(entries: Iterable[Entry], out: Path) -> None:
    """Write a repair list."""
    encode = msgspec.json.Encoder().encode
    with atomic.replacing_file(out) as file:
        block = bytearray()
        for entry in entries:
            block += encode(entry) + b"\n"
            if len(block) >= BLOCK:
                file.write(bytes(block))
                block.clear()
        file.write(bytes(block))


def read(path: Path) -> Iterator[Entry]:
    """Read a repair list. Raises MissingFile, and DataError with the line of an entry that is none."""
    decode = msgspec.json.Decoder(Entry).decode
    try:
        lines = path.open("rb")
    except (FileNotFoundError, IsADirectoryError):
        raise MissingFile(f"{path}: no such file; `mixer check --repairs FILE` writes a repair list") from None
    with lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(f"{path}:{number}: expected an entry of a repair list, got: {error}") from None
            for each in (entry.media, entry.from_):
                fault = None if each is None else path_fault(each)
                if fault:
                    raise DataError(f"{path}:{number}: the path {each!r} {fault}")
            yield entry
