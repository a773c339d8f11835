"""Where media lie: looked for below several roots, many at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from mixer.remote.looking import Looking
from mixer.remote.path import is_remote

if TYPE_CHECKING:
    import polars as pl

THREADS = 16
"""That wait for a file system which may be far away."""
AT_ONCE = 1 << 16
"""Paths that are looked for together."""
_CHUNK = 256
"""Paths to a thread's task."""

Place = tuple[Path, os.stat_result]


def located(
    paths: pl.Series, roots: Sequence[Path], wanted: Callable[[int], bool] = lambda _mode: True
) -> Iterator[Place | None]:
    """Find media paths: each below the first root that has something there, with what it is; None: none has.

    `wanted` is asked whether a mode, as `stat` gives it, is of something that is looked for.
    What cannot be looked at on this machine is not there. Raises DataError where an object store does not answer.
    """
    looking = Looking()
    far = [root for root in roots if is_remote(root)]

    def found(path: str) -> Place | None:
        for root in roots:
            try:
                status = looking.stat(root / path)
            except (OSError, ValueError):
                continue
            if wanted(status.st_mode):
                return root / path, status
        return None

    def all_found(chunk: Sequence[str]) -> list[Place | None]:
        return [found(path) for path in chunk]

    with ThreadPoolExecutor(THREADS) as threads:
        for piece in paths.to_frame().iter_slices(AT_ONCE):
            names: list[str] = piece.to_series().to_list()
            looking.expect(root / name for root in far for name in names)
            for chunk in threads.map(all_found, (names[at : at + _CHUNK] for at in range(0, len(names), _CHUNK))):
                yield from chunk


def files(paths: pl.Series, roots: Sequence[Path]) -> Iterator[Path | None]:
    """Find the files of media paths; None where there is no file. Raises as `located`."""
    return (place[0] if place else None for place in located(paths, roots, S_ISREG))
