"""Reads the samples of a tar as WebDataset writes them: members in a row whose names agree up to the base name's dot.

`kites/0001.seg.png` belongs to the sample `kites/0001`; the field behind the first dot of its base name, `seg.png`, in
lower case. A raw type's field is filled from the member of its name as bytes, `__key__` from the sample's name as text.
A member that is packed with gzip by itself, `txt.gz`, is unpacked and loses that ending. Folders, links, and names
without a dot or with a dot in front are nothing. Nothing is ever unpacked to a path: names are only names. Archives may
stand one behind the other in a file, as `cat` leaves them.

A field that comes twice, a sample larger than any record may be, a sparse member, or one that does not unpack is its
sample's fault. A header that is none, and an archive without its end, damage the file.
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from mixer.errors import DamagedFile
from mixer.readers import Bad, Batch
from mixer.readers.depth import LONGEST, shown
from mixer.readers.faults import FAULTS, bad, damaged, wrong_start
from mixer.readers.mapping import mapped

unit = "bytes of a whole archive"
"""What places count: bytes, but an archive that still grows seems damaged; see the package's docstring."""

KEY = "__key__"
TAR = "a tar archive"
MOST = 1000
"""Members of a sample."""

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_MAGIC = re.compile(rb"ustar[\0 ]")
_MAGIC_AT = 257
_LONGEST_NAME = 1 << 20
_NAME_FOLLOWS, _LINK_FOLLOWS, _PAX, _PAX_FOR_ALL = b"L", b"K", b"x", b"g"
_SPARSE = b"GNU.sparse."
_EXTENDED, _EXTENDED_AGAIN = 482, 504
"""Where a sparse member's header, and each block of its map behind it, says that a block of the map follows."""
_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=\n]+)=")


def is_tar(view: memoryview) -> bool:
    """Say whether a file begins with a tar's header."""
    return _MAGIC.match(view, _MAGIC_AT) is not None or _header(view, 0) is not None


def cut(path: Path, place: int) -> int:
    """Guess the first sample at or after a place: a header behind which members of another sample begin."""
    with mapped(path) as view:
        archive = _Archive(path, view)
        if place <= 0:
            return 0
        for found in _MAGIC.finditer(view, place + _MAGIC_AT, min(len(view), place + LONGEST)):
            start = found.start() - _MAGIC_AT
            if start % _BLOCK == 0 and _header(view, start) is not None:
                try:
                    return next(archive.samples(start)).end
                except (DamagedFile, StopIteration):
                    continue  # it stands inside of a member
        return min(len(view), place + LONGEST)


def read(path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
    """Read the samples from `start` to the first one at or after `stop`; see the package's docstring."""
    with mapped(path) as view:
        items: list[Any] = []
        size = 0
        end = start
        if start >= stop:
            return
        for sample in _Archive(path, view).samples(start):
            items.append(_record(view, sample, raw))
            size += sample.size
            end = sample.end
            if size >= piece or end >= stop:
                yield Batch(items, end)
                items, size = [], 0
            if end >= stop:
                return
        yield Batch(items, len(view))


class _Member(NamedTuple):
    """A member: where its first header starts, its name, whether it is a file, and where its content lies."""

    start: int
    name: str
    is_file: bool
    content: int
    size: int
    is_sparse: bool = False

    @property
    def end(self) -> int:
        return self.content + -(-self.size // _BLOCK) * _BLOCK


@dataclass
class _Sample:
    """Members of one name; `end` is where the next sample begins, or the file ends."""

    key: str
    start: int
    end: int = 0
    size: int = 0
    fields: dict[str, _Member] = field(default_factory=dict)
    fault: str = ""

    def add(self, name: str, member: _Member) -> None:
        if name in self.fields:
            self.fault = self.fault or f"field `{name}` comes twice"
            return
        self.size += member.size
        if self.size > LONGEST or len(self.fields) == MOST:
            self.fault = self.fault or f"a sample of more than {LONGEST:,} bytes or {MOST:,} members"
        if member.is_sparse:
            self.fault = self.fault or f"field `{name}` is sparse; pack the tar anew without `--sparse`"
        if not self.fault:
            self.fields[name] = member


class _Archive:
    """The members of a mapped tar."""

    def __init__(self, path: Path, view: memoryview) -> None:
        if not is_tar(view):
            raise wrong_start(path, view, 0, TAR)
        self._path, self._view = path, view

    def samples(self, start: int) -> Iterator[_Sample]:
        """Go through the samples from a member on. Raises DamagedFile."""
        sample: _Sample | None = None
        for member in self._members(start):
            named = _split(member.name) if member.is_file else None
            if named is None:
                continue
            key, name = named
            if sample is None or key != sample.key:
                if sample is not None:
                    sample.end = member.start
                    yield sample
                sample = _Sample(key, member.start)
            sample.add(name, member)
        if sample is not None:
            sample.end = len(self._view)
            yield sample

    def _members(self, at: int) -> Iterator[_Member]:
        is_ended = False
        while at < len(self._view):
            if bytes(self._view[at : at + _BLOCK]) == _ZEROS:
                is_ended = True
                at += _BLOCK
            elif is_ended and _header(self._view, at) is None:  # whatever is left behind an end
                return
            else:
                is_ended = False
                member = self._member(at)
                yield member
                at = member.end
        if not is_ended:
            raise damaged(self._path, len(self._view), "the archive's end, a block of zeros", "the end of the file")

    def _member(self, start: int) -> _Member:
        name = size = None
        is_sparse = False
        at = start
        while True:
            header = _header(self._view, at)
            if header is None:
                is_cut = len(self._view) - at < _BLOCK
                got = "the end of the file" if is_cut else shown(self._view, at)
                raise damaged(self._path, len(self._view) if is_cut else at, "the header of a member", got)
            member = _Member(start, name or header.name, header.isreg(), at + _BLOCK, header.size)
            if header.type not in (_NAME_FOLLOWS, _LINK_FOLLOWS, _PAX, _PAX_FOR_ALL):
                is_sparse = is_sparse or header.type == tarfile.GNUTYPE_SPARSE
                size = header.size if size is None else size
                member = member._replace(content=self._content(header, at), size=size, is_sparse=is_sparse)
                break
            if member.size > _LONGEST_NAME:
                raise damaged(self._path, at, "the long name of a member", f"{member.size:,} bytes of it")
            said = bytes(self._view[member.content : member.content + member.size])
            if header.type == _NAME_FOLLOWS:
                name = said.rstrip(b"\0").decode(errors="surrogateescape")
            elif header.type == _PAX:
                told = dict(_pax_records(said))
                path = told.get(b"GNU.sparse.name", told.get(b"path"))
                name = path.decode(errors="surrogateescape") if path is not None else name
                is_sparse = any(key.startswith(_SPARSE) for key in told)
                size = int(told[b"size"]) if told.get(b"size", b"").isdigit() else size
            at = member.end
        if not header.isreg() and header.type in tarfile.SUPPORTED_TYPES:  # a link may tell the size of its target
            member = member._replace(size=0)
        if member.content + member.size > len(self._view):
            expected = f"{member.size:,} bytes of the member that starts at byte {start}"
            raise damaged(self._path, len(self._view), expected, "the end of the file")
        return member

    def _content(self, header: tarfile.TarInfo, at: int) -> int:
        """Give where the content of a member begins whose header is at a place: behind its map, if it is sparse."""
        content = at + _BLOCK
        flag = at + _EXTENDED
        while header.type == tarfile.GNUTYPE_SPARSE and any(self._view[flag : flag + 1]):
            flag = content + _EXTENDED_AGAIN
            content += _BLOCK
        return content


def _header(view: memoryview, at: int) -> tarfile.TarInfo | None:
    try:
        header = tarfile.TarInfo.frombuf(bytes(view[at : at + _BLOCK]), "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError, OverflowError):
        return None
    return header if header.size >= 0 else None


def _pax_records(said: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Go through `length key=value` lines."""
    at = 0
    while (found := _PAX_RECORD.match(said, at)) and int(found[1]) > found.end() - at:
        end = at + int(found[1])
        yield found[2], said[found.end() : end - 1]
        at = end


def _split(name: str) -> tuple[str, str] | None:
    """Split a member's name at the first dot of its base name, which neither begins it nor is missing."""
    folder, slash, base = name.rpartition("/")
    stem, dot, behind = base.partition(".")
    return (f"{folder}{slash}{stem}", behind.lower()) if stem and dot else None


def _record(view: memoryview, sample: _Sample, raw: type) -> Any:
    if sample.fault:
        return Bad(sample.fault, f"sample {sample.key}", sample.start)
    try:
        held = dict(_contents(view, sample))
        return msgspec.convert({**held, KEY: sample.key}, raw)
    except FAULTS as error:
        if isinstance(error, msgspec.ValidationError):
            return bad(error, b"", sample.start)
        return Bad(str(error), f"sample {sample.key}", sample.start)


def _contents(view: memoryview, sample: _Sample) -> Iterator[tuple[str, bytes]]:
    left = LONGEST
    for name, member in sample.fields.items():
        content = bytes(view[member.content : member.content + member.size])
        if name.endswith(".gz"):
            content = _unpacked(content, left)
            left -= len(content)
            name = name.removesuffix(".gz")  # noqa: PLW2901 - the member's own name
            if name in sample.fields:
                raise ValueError(f"field `{name}` comes twice")
        yield name, content


def _unpacked(content: bytes, most: int) -> bytes:
    """Unpack gzip: one stream or several in a row. Raises ValueError."""
    blocks: list[bytes] = []
    while content:
        stream = zlib.decompressobj(wbits=31)
        try:
            block = stream.decompress(content, most + 1)
        except zlib.error:
            raise ValueError("a member that does not unpack") from None
        most -= len(block)
        if most < 0 or not stream.eof:
            raise ValueError(
                f"a member of more than {LONGEST:,} bytes" if most < 0 else "a member that does not unpack"
            )
        blocks.append(block)
        content = stream.unused_data.lstrip(b"\0")
    return b"".join(blocks)
