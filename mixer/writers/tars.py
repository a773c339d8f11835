"""Tars of samples with their media inside: what the targets `webdataset` and `energon` share.

    000000007.json          the record, byte for byte as in the mix; its media paths are those of the mix
    000000007.image0.jpg    its first image, then image1, ...; then video0, then audio0, audio1, ...
    000000008.json

The key is the record's place in the mix, so that readers get the mix's order, a key is never met twice, and each shard
is a run of neighbours. Members of a sample follow each other, the record first. Image n of a record is the member
`image<n>`, and what its path ends with, in lower case, tells a reader how to decode it. Records with the same image
hold it each.

Equal mixes and media give equal bytes: no time, owner or mode of any file enters. Contents go through in blocks.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import msgspec

from mixer.allocator import keep_freed_blocks
from mixer.errors import DataError, MissingFile
from mixer.progress import Advance
from mixer.remote import objects
from mixer.remote.path import is_remote
from mixer.validate import path_fault
from mixer.writers import Job, Written
from mixer.writers.framing import HashedFile
from mixer.writers.shards import by_shard, name

BLOCK = 1 << 20
"""Bytes that are read, and written, at once."""
AHEAD = 32
"""Objects that are asked for before they are needed; of each the first block is held."""
_DIGITS = 9
"""Of a key: a billion records sort by name."""
_UNIT = tarfile.BLOCKSIZE
_SUFFIX = re.compile(r"[.]([A-Za-z0-9]{1,16})")
_NO_SUFFIX = "bin"


class Member(NamedTuple):
    """A file in a tar: what its name has behind the key, and where its content lies."""

    field: str
    start: int
    size: int


class Sample(NamedTuple):
    """A record with its media as they lie in a tar: the `row`-th of the `shard`-th, from its first header on."""

    shard: int
    row: int
    key: str
    start: int
    end: int
    members: list[Member]


Note = Callable[[Sample], None]
"""Is told of each sample once it is written."""


class _Record(msgspec.Struct, gc=False):
    """What is asked of a record."""

    id: str
    image: str | list[str] | None = None
    video: str | None = None
    audio: str | list[str] | None = None


_decode = msgspec.json.Decoder(_Record).decode


def write(
    target: str, job: Job, batches: Iterable[list[memoryview]], advance: Advance, note: Note = lambda _sample: None
) -> list[Written]:
    """Write all records and their media to the target's folder, which is there, one tar a shard.

    `advance` is told the bytes of conversations. Raises MissingFile for a medium that lies below none of `job.media`,
    DataError for one that cannot be read.
    """
    keep_freed_blocks()
    starts = (0, *job.cuts)
    written = []
    with _Opening(job.media) as opening:
        for number, records in by_shard(batches, job.cuts):
            path = f"{target}/{name(job.name, number, len(job.cuts), '.tar')}"
            with HashedFile(job.folder / path) as file:
                tar = _Tar(file)
                index = 0
                for batch in records:
                    for key, line, media in opening.media_of(batch, starts[number] + index):
                        start = tar.bytes
                        members = _add(tar, key, line, media)
                        note(Sample(number, index, key, start, tar.bytes, members))
                        index += 1
                    advance(sum(map(len, batch)))
                tar.close()
            written.append(Written(path, index, file.bytes, file.sha256))
    return written


_Media = Iterator[tuple[str, BinaryIO]]
"""What stands behind the key in a member's name, and the file."""


def _add(tar: _Tar, key: str, line: memoryview, media: _Media) -> list[Member]:
    members = [Member("json", tar.add(f"{key}.json", len(line), [bytes(line)]), len(line))]
    for field, opened in media:
        with opened as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            members.append(Member(field, tar.add(f"{key}.{field}", size, _blocks(file, size)), size))
    return members


class _Opening:
    """Opens media in order: those of an object store some ahead, since each of them is mostly waited for."""

    def __init__(self, media: tuple[Path, ...]) -> None:
        self._roots = tuple(root for root in media if root.is_dir())
        self._stack = ExitStack()
        far = any(map(is_remote, self._roots))
        self._pool = self._stack.enter_context(objects.streams()) if far else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def media_of(self, lines: list[memoryview], first: int) -> Iterator[tuple[str, memoryview, _Media]]:
        """Go through records, the first of which is the `first`-th of the mix: key, line, and media to be taken."""
        keyed = [(f"{number:0{_DIGITS}}", line, _decode(line)) for number, line in enumerate(lines, first)]
        opened = self._ahead(
            (f"record {record.id!r} (at {key} of the mix)", path)
            for key, _, record in keyed
            for _, path in fields(record)
        )
        for key, line, record in keyed:
            yield key, line, ((field, next(opened)) for field, _ in fields(record))

    def _ahead(self, asked: Iterable[tuple[str, str]]) -> Iterator[BinaryIO]:
        waiting: deque[Callable[[], BinaryIO]] = deque()
        for whose, path in asked:
            opening = partial(_opened, self._roots, whose, path)
            waiting.append(self._pool.submit(opening).result if self._pool else opening)
            if len(waiting) > AHEAD:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()


def fields(record: _Record) -> Iterator[tuple[str, str]]:
    """Name the media of a record by what stands behind the key, with the path of each: (`image0.jpg`, `coco/7.jpg`)."""
    for kind, given in (("image", record.image), ("video", record.video), ("audio", record.audio)):
        paths = [] if given is None else [given] if isinstance(given, str) else given
        for number, path in enumerate(paths):
            yield f"{kind}{number}.{_suffix(path)}", path


def _suffix(path: str) -> str:
    # A field's name is cut at dots and the member's at slashes; what else a path may end with is no type's name.
    found = _SUFFIX.fullmatch(Path(path).suffix)
    return found[1].lower() if found else _NO_SUFFIX


def _opened(roots: tuple[Path, ...], whose: str, path: str) -> BinaryIO:
    fault = path_fault(path)  # the file of a mix that somebody else made may name any file of this machine
    if fault:
        raise DataError(f"{whose}: {path!r} {fault}; nothing was read")
    try:
        for file in (root / path for root in roots):
            if is_remote(file) or file.is_file():  # to look at an object takes as long as to open it
                with suppress(FileNotFoundError):
                    return file.open("rb")
    except OSError as error:
        raise DataError(f"{whose}: {error.filename}: cannot be read: {error.strerror}; see `mixer check`") from None
    below = f"below none of: {', '.join(map(str, roots))}" if roots else "and no root of media is given or there"
    raise MissingFile(
        f"{whose}: {path!r} is no file {below}; name the root with --media; `mixer check` lists all that is missing"
    )


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Read exactly so many bytes, which a header has promised. Raises DataError when the file holds less or more."""
    left = size
    while left and (block := file.read(min(BLOCK, left))):
        left -= len(block)
        yield block
    if left or file.read(1):
        raise DataError(f"{file.name}: changed while it was read: expected {size:,} bytes; start again")


class _Tar:
    """A tar as it is written: headers and small files gather to blocks."""

    def __init__(self, file: HashedFile) -> None:
        self.bytes = 0
        """Added so far."""
        self._file = file
        self._held: list[bytes] = []
        self._waiting = 0

    def add(self, member: str, size: int, content: Iterable[bytes]) -> int:
        """Add a file; give where its content starts."""
        header = tarfile.TarInfo(member)
        header.size = size
        self._put(header.tobuf(tarfile.PAX_FORMAT))  # plain USTAR up to 8 GiB
        start = self.bytes
        for block in content:
            self._put(block)
        self._put(bytes(-size % _UNIT))
        return start

    def close(self) -> None:
        """End the archive, in records of twenty units as tools expect."""
        self._put(bytes(2 * _UNIT))
        self._put(bytes(-self.bytes % tarfile.RECORDSIZE))
        self._flush()

    def _put(self, block: bytes) -> None:
        self._held.append(block)
        self.bytes += len(block)
        self._waiting += len(block)
        if self._waiting >= BLOCK:
            self._flush()

    def _flush(self) -> None:
        self._file.write(b"".join(self._held))
        self._held.clear()
        self._waiting = 0
