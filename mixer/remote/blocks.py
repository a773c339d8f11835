"""Objects copied to files block by block, several at a time; memory stays at a few blocks however large they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mixer.remote import objects
from mixer.remote.objects import BLOCK, STREAMS
from mixer.remote.path import RemotePath


@dataclass(frozen=True)
class Block:
    """Bytes `start` to `stop` of an object, and the file that takes them at the same place."""

    path: RemotePath
    start: int
    stop: int
    target: Path

    @property
    def size(self) -> int:
        """Count its bytes."""
        return self.stop - self.start


def cut(path: RemotePath, size: int, target: Path) -> Iterator[Block]:
    """Cut an object into blocks; an empty one has none."""
    for start in range(0, size, BLOCK):
        yield Block(path, start, min(start + BLOCK, size), target)


def fetch(blocks: Iterable[Block], done: Callable[[Block], None]) -> None:
    """Copy blocks into files that are there already; `done` is told of each, by any thread. Raises DataError."""
    rest = iter(blocks)

    def one(block: Block) -> None:
        _write(block, objects.read_exactly(block.path, block.start, block.stop))
        done(block)

    with objects.streams() as pool:
        waiting: set[Future[None]] = {pool.submit(one, block) for block in islice(rest, 2 * STREAMS)}
        while waiting:
            ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                future.result()
            waiting |= {pool.submit(one, block) for block in islice(rest, len(ended))}


def _write(block: Block, content: bytes) -> None:
    descriptor = os.open(block.target, os.O_WRONLY)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.pwrite(descriptor, rest, block.stop - len(rest)) :]
    finally:
        os.close(descriptor)
