"""The files that are taken from a tar which a publisher packed them in."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from gzip import BadGzipFile
from hashlib import sha256
from pathlib import Path

from mixer import atomic
from mixer.errors import DataError

BLOCK = 1 << 20
SWELLS = 200
"""How many times its size a tar of annotations may hold; texts shrink by 5 to 20."""


def take(archive: Path, wanted: dict[str, Path]) -> Iterator[tuple[str, int, str]]:
    """Take files from a tar; `wanted` gives the target of each name. Give name, size and sha256 of each that is in place.

    A name stands for the file of that path, else the only one that ends with it. Raises DataError for an archive that is
    none, lacks a file, or holds more than it may.
    """
    limit = max(1, archive.stat().st_size) * SWELLS
    try:
        with tarfile.open(archive) as tar:
            files = _files(tar, archive, limit)
            for name, target in wanted.items():
                yield name, *_copy(tar, _chosen(files, name, archive), target)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, BadGzipFile) as error:
        raise DataError(f"{archive}: expected a tar, got a damaged one ({error})") from None


def _files(tar: tarfile.TarFile, archive: Path, limit: int) -> list[tarfile.TarInfo]:
    files = []
    total = 0
    for each in tar:
        total += each.size
        if total > limit:
            raise DataError(f"{archive}: holds more than {limit:,} bytes, {SWELLS} times its size; it is not unpacked")
        if each.isreg():
            files.append(each)
    return files


def _chosen(files: Iterable[tarfile.TarInfo], name: str, archive: Path) -> tarfile.TarInfo:
    exact = [each for each in files if each.name.removeprefix("./") == name]
    found = exact or [each for each in files if each.name.endswith(f"/{name}")]
    if len(found) != 1:
        raise DataError(f"{archive}: expected one file {name} in it, got {len(found)}")
    return found[0]


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> tuple[int, str]:
    content = tar.extractfile(member)
    assert content is not None, "a regular file"
    digest = sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing_file(target) as file:
        while block := content.read(BLOCK):
            digest.update(block)
            file.write(block)
    return member.size, digest.hexdigest()
