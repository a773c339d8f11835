"""The conversations of a mix, read where its index says they lie."""

from __future__ import annotations

import mmap
from pathlib import Path
from types import TracebackType
from typing import Self

from mixer.errors import IntegrityError
from mixer.manifest import Manifest, OutputFile


def data_files(manifest: Manifest) -> list[OutputFile]:
    """List the files that hold a mix's conversations as they are, in the order of its shards."""
    first = manifest.outputs[0].target
    return [output for output in manifest.outputs if output.target == first and output.records]


class Lines:
    """The data files of a mix, mapped while they are looked into."""

    def __init__(self, mix: Path, manifest: Manifest) -> None:
        self._paths = [mix / output.path for output in data_files(manifest)]
        self._maps: dict[int, mmap.mmap] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._maps.values():
            each.close()
        self._maps.clear()

    def at(self, shard: int, offset: int, length: int) -> bytes:
        """Give the bytes of a record, by its row of the index. Raises IntegrityError where its file is gone or cut."""
        mapped = self._maps.get(shard)
        if mapped is None:
            path = self._paths[shard]
            try:
                with path.open("rb") as file:
                    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise IntegrityError(f"{path}: cannot be read: {error}; see `mixer verify {path.parent}`") from error
            self._maps[shard] = mapped
        return mapped[offset : offset + length]
