"""Whether outputs are right: ours must be, or nothing is measured; what is wrong with a peer's is noted."""

from __future__ import annotations

import hashlib
import mmap
from pathlib import Path

from jobs import Job

RECORD = (b'"conversations":',)
NULL_IMAGE = (b'"image":null', b'"image": null')
"""Inside a JSON text quotes are escaped, so that these are keys wherever they stand."""


class Wrong(Exception):
    """An output of ours is not what it must be."""


class Checks:
    """What is known of the outputs so far."""

    def __init__(self) -> None:
        self.faults: dict[str, list[str]] = {}
        """What is wrong with the outputs of peers, by job."""
        self._digests: dict[str, str] = {}

    def known(self, same: str, digest: str) -> None:
        """Take the digest of a result that others must equal."""
        self._digests[same] = digest

    def content(self, name: str, job: Job) -> None:
        """Count what a job left. Raises Wrong where ours holds another number of conversations than it must."""
        if job.result is None or job.records is None:
            return
        found = _count(job.result.files(), RECORD)
        if not job.peer:
            if found != job.records:
                raise Wrong(f"{name}: expected {job.records:,} conversations, got {found:,}")
            return
        faults = self.faults.setdefault(name, [])
        if found != job.records:
            faults.append(f"{found:,} of {job.records:,} records")
        nulls = _count(job.result.files(), NULL_IMAGE)
        if nulls:
            faults.append(f'`"image":null` in {nulls:,} text-only records')

    def steady(self, name: str, job: Job) -> None:
        """Hash what a job left. Raises Wrong where ours differs from another run's."""
        if job.result is None:
            return
        digest = digest_of(job.result.files())
        before = self._digests.setdefault(job.same or name, digest)
        if digest == before:
            return
        if not job.peer:
            raise Wrong(f"{name}: its result differs from an earlier run's")
        faults = self.faults.setdefault(name, [])
        if "other bytes in another run" not in faults:
            faults.append("other bytes in another run")


def digest_of(files: list[Path]) -> str:
    """Hash the bytes of files, one after another: where they are cut into files does not matter."""
    hashed = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                hashed.update(block)
    return hashed.hexdigest()


def _count(files: list[Path], marks: tuple[bytes, ...]) -> int:
    found = 0
    for path in files:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            for mark in marks:
                at = mapped.find(mark)
                while at >= 0:
                    found += 1
                    at = mapped.find(mark, at + len(mark))
    return found
