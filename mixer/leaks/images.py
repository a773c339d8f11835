"""Images of a mix that are a benchmark's: by their bytes, and by how they look, so that a re-encoded copy is found.

A flat picture, such as a white page, looks like every other one: it is compared by its bytes only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.errors import DataError, UsageError
from mixer.fingerprints import FLAT
from mixer.near.hamming import BITS, MOST_BITS
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.remembered import Kind, remember

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"})
"""Of the files in a benchmark's folder that are its images."""
CANDIDATES = 1 << 22
"""Pairs of hashes to compare at a time, about."""


@dataclass(frozen=True)
class Hashing:
    """What files are hashed with."""

    store: Path
    workers: Engine
    progress: Progress

    def find(self, kind: Kind, files: Sequence[Path], label: str) -> pl.DataFrame:
        """Find out about files, see `remembered.remember`."""
        return remember(kind, files, self.store, self.workers, self.progress, label)


def listed(folder: Path) -> list[Path]:
    """List the images below a benchmark's folder, by name. Raises UsageError."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder, which is named as the images of a benchmark")
    found = sorted(
        (
            Path(base, name)
            for base, _, names in os.walk(folder)
            for name in names
            if Path(name).suffix.lower() in SUFFIXES
        ),
        key=lambda path: path.relative_to(folder).as_posix(),
    )
    if not found:
        raise UsageError(f"{folder}: holds no image; it is named as the images of a benchmark")
    return found


def hashes(kind: Kind, name: str, folder: Path, hashing: Hashing) -> pl.DataFrame:
    """Hash a benchmark's images: columns `file`, the name below the folder, and the kind's. Raises DataError."""
    import polars as pl

    files = listed(folder)
    found = _sound(hashing.find(kind, files, f"hashing {name}"), files)
    names = pl.Series("file", [path.relative_to(folder).as_posix() for path in files], dtype=pl.String)
    return found.drop("problem").insert_column(0, names)


def _sound(found: pl.DataFrame, files: Sequence[Path]) -> pl.DataFrame:
    for path, problem in zip(files, found["problem"], strict=True):
        if problem is not None:
            raise DataError(f"{path}: {problem}; mend or remove this image of a benchmark, nothing can be like it")
    return found


def perceptual(theirs: pl.DataFrame, ours: pl.Series) -> pl.DataFrame:
    """Find which of our hashes are near which of theirs: columns `phash` (ours), `bits` and the rest of theirs.

    `theirs` has the columns `phash`, UInt64, and `distance`, the bits in which one of ours may differ. Exact: of two
    hashes that differ in k bits, cut alike into k + 1 stretches, one stretch is equal.
    """
    import polars as pl

    theirs = theirs.filter(pl.col("phash") < FLAT).rename({"phash": "their"})
    ours = ours.filter(ours < FLAT).unique().sort()
    most = max(theirs["distance"], default=0)
    assert most <= MOST_BITS, "the gate asks for no more"
    rows = max(1, min(1 << 18, (CANDIDATES << BITS // (most + 1)) // max(1, theirs.height)))
    bits = (pl.col("phash") ^ pl.col("their")).bitwise_count_ones().alias("bits")
    found = []
    for part in ours.alias("phash").to_frame().iter_slices(rows):
        for low, high in pairwise(BITS * number // (most + 1) for number in range(most + 2)):
            stretched = theirs.with_columns(_stretch("their", low, high))
            pairs = part.with_columns(_stretch("phash", low, high)).join(stretched, on="stretch")
            found.append(pairs.with_columns(bits).filter(pl.col("bits") <= pl.col("distance")).drop("stretch"))
    nothing = theirs.clear().with_columns(
        pl.lit(0, dtype=pl.UInt64).alias("phash"), pl.lit(0, dtype=pl.UInt32).alias("bits")
    )
    return pl.concat([nothing, *found], how="diagonal").unique()


def _stretch(column: str, low: int, high: int) -> pl.Expr:
    """Give some of the bits of a column of hashes."""
    import polars as pl

    mask = pl.lit((1 << high - low) - 1, dtype=pl.UInt64)
    return ((pl.col(column) // pl.lit(1 << low, dtype=pl.UInt64)) & mask).alias("stretch")
