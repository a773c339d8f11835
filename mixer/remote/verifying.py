"""Checking a mix where it lies in an object store: every byte is read once, by ranges, and none is kept.

What describes the mix (manifest, index, list of removed records) is small and copied here; data files and media stream
through their hash, and data files through the check of every record.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import polars as pl

from mixer import verifying
from mixer.data_files import data_files
from mixer.manifest import MEDIA, NAME, Manifest, OutputFile
from mixer.progress import Advance, Progress
from mixer.remote import blocks, objects, publishing
from mixer.remote.objects import BLOCK, STREAMS
from mixer.remote.path import RemotePath, told_by_url
from mixer.verifying import Verified

LONGEST = 1 << 28
"""Bytes of a record that are looked at; an index that says more is damaged."""


def verify(mix: RemotePath, progress: Progress) -> Verified:
    """Check a mix, or the newest of a folder of mixes. Raises as `verifying.verify`, and DataError."""
    folder, manifest = publishing.newest(mix)
    problems = list(publishing.size_problems(manifest, folder))
    if problems:
        return Verified(manifest.mix_id, manifest.records, tuple(problems))
    with TemporaryDirectory() as scratch, told_by_url({Path(scratch): folder}):
        here = Path(scratch)
        _copy(folder, here, manifest)
        found, index = verifying.described_problems(here, manifest, progress)
        problems = [problem.replace(str(here), str(folder)) for problem in found]
    whole = data_files(manifest)
    for output in manifest.outputs:
        rows = index.filter(index["shard"] == whole.index(output)) if output in whole else None
        problems += _file_problems(folder, output, rows, progress)
    problems += _media_problems(folder, progress)
    return Verified(manifest.mix_id, manifest.records, tuple(problems))


def _copy(folder: RemotePath, here: Path, manifest: Manifest) -> None:
    """Copy the files that describe a mix."""
    sizes = objects.below(folder)
    for name in (NAME, *(file.path for file in publishing.describing(manifest))):
        (here / name).touch()
        blocks.fetch(blocks.cut(folder / name, sizes[name], here / name), lambda _block: None)


def _file_problems(
    folder: RemotePath, output: OutputFile, rows: pl.DataFrame | None, progress: Progress
) -> Iterator[str]:
    """Hash a file, and check the records that its index rows, if it has any, say it holds."""
    path = folder / output.path
    with progress(f"checking {output.path}", output.bytes) as advance, Stream(path, output.bytes, advance) as stream:
        found = [] if rows is None else list(verifying.record_problems(path, stream, rows, lambda _done: None))
        got = stream.sha256()
    if got != output.sha256:
        yield f"{path}: expected sha256 {output.sha256}, got {got}"
    yield from found


def _media_problems(folder: RemotePath, progress: Progress) -> Iterator[str]:
    """Hash media, whose names hold their hashes."""
    media = folder / MEDIA
    sizes = objects.below(media)
    with progress(f"checking {MEDIA}", sum(sizes.values())) as advance, objects.streams() as pool:

        def problem(name: str) -> str | None:
            digest = hashlib.sha256()
            for start in range(0, sizes[name], BLOCK):
                digest.update(objects.read_exactly(media / name, start, min(start + BLOCK, sizes[name])))
            advance(sizes[name])
            expected = Path(name).stem
            if digest.hexdigest() == expected:
                return None
            return f"{media / name}: its name says sha256 {expected}, got {digest.hexdigest()}"

        yield from filter(None, pool.map(problem, sizes))


class Stream:
    """An object read once from its first byte to its last, some blocks ahead, and hashed on the way.

    Slices can be had of what was not passed yet: they must come in the order of the object, as records do.
    """

    def __init__(self, path: RemotePath, size: int, advance: Advance) -> None:
        self._path, self._size, self._advance = path, size, advance
        self._digest = hashlib.sha256()
        self._held = b""
        self._start = 0
        """Where in the object `_held` begins."""
        self._asked = 0
        self._ahead: deque[Future[bytes]] = deque()
        self._streams = objects.streams()

    def __enter__(self) -> Self:
        self._pool = self._streams.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        for future in self._ahead:
            future.cancel()
        self._streams.__exit__(None, None, None)

    def __getitem__(self, place: slice) -> bytes:
        """Give the bytes of a slice; none where it was passed, or is longer than any record."""
        start, stop = place.start, min(place.stop, self._size)
        if start < self._start or stop - start > LONGEST:
            return b""
        while self._start + len(self._held) < stop and (block := self._next()):
            if start >= self._start + len(self._held):
                self._start, self._held = self._start + len(self._held), block
            else:
                passed = start - self._start
                self._start, self._held = start, self._held[passed:] + block
        return self._held[start - self._start : stop - self._start]

    def sha256(self) -> str:
        """Read what is left; give the hash of all."""
        self._start, self._held = self._start + len(self._held), b""
        while block := self._next():
            self._start += len(block)
        return self._digest.hexdigest()

    def _next(self) -> bytes:
        """Give the next block, nothing behind the last one."""
        while self._asked < self._size and len(self._ahead) < STREAMS:
            start, self._asked = self._asked, min(self._asked + BLOCK, self._size)
            self._ahead.append(self._pool.submit(objects.read_exactly, self._path, start, self._asked))
        if not self._ahead:
            return b""
        block = self._ahead.popleft().result()
        self._digest.update(block)
        self._advance(len(block))
        return block
