"""What a mix's index says of each leaf: sums, histograms, and how many of its records lie in each slice of the order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import manifest
from mixer.columns import read_columns
from mixer.errors import IntegrityError
from mixer.reporting import bins, evenness

if TYPE_CHECKING:
    import polars as pl

_COUNTED = ("turns", "images", "videos", "audios", "characters")
_OPTIONAL = ("tokens", "target_tokens")
"""Columns that hold nothing where the recipe does not count them."""


@dataclass(frozen=True)
class Spread:
    """How a number is spread over records; the bins are those of `mixer.reporting.bins`."""

    least: int
    median: int
    ninetieth: int
    """Nine of ten records hold this much or less."""
    most: int
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Measured:
    """A leaf's records, or those of the whole mix."""

    sums: Mapping[str, int]
    """records, turns (messages), images, videos, audios, characters, and tokens where they are counted."""
    characters: Spread
    turns: Spread
    slices: tuple[int, ...]
    """Records in each of the mix's consecutive slices."""


@dataclass(frozen=True)
class Measures:
    """All that a report counts from the index of a mix."""

    whole: Measured
    leaves: Mapping[str, Measured]
    """In the order of the manifest."""


def measure(mix: Path, known: manifest.Manifest) -> Measures:
    """Count what the index holds. Raises IntegrityError where that is not what the manifest says."""
    import polars as pl

    path = mix / manifest.INDEX
    frame = manifest.read_index(mix, ["leaf", *_COUNTED])
    more = [column for column in read_columns(path, [*_OPTIONAL]) if column.null_count() < len(column)]
    frame = frame.hstack(more)
    count = evenness.slices(frame.height)
    at = pl.int_range(pl.len(), dtype=pl.UInt64)
    frame = frame.with_columns((at * count // max(1, frame.height)).alias("slice"))
    leaves = {}
    for name, leaf in known.sources.items():
        rows = frame.filter(pl.col("leaf") == name)
        if rows.height != leaf.count:
            raise IntegrityError(
                f"{path}: leaf {name}: expected {leaf.count:,} records, got {rows.height:,}; see `mixer verify {mix}`"
            )
        leaves[name] = _measured(rows, count)
    return Measures(_measured(frame, count), leaves)


def _measured(rows: pl.DataFrame, slices: int) -> Measured:
    import polars as pl

    added = [name for name in (*_COUNTED, *_OPTIONAL) if name in rows.columns]
    sums = rows.select(pl.col(added).cast(pl.UInt64).sum()).row(0, named=True)
    held = dict(rows["slice"].value_counts().iter_rows())
    return Measured(
        {"records": rows.height, **sums},
        _spread(rows["characters"], bins.CHARACTERS),
        _spread(rows["turns"], bins.TURNS),
        tuple(held.get(number, 0) for number in range(slices)),
    )


def _spread(values: pl.Series, edges: tuple[int, ...]) -> Spread:
    counts = [0] * len(edges)
    if values.is_empty():
        return Spread(0, 0, 0, 0, tuple(counts))
    for value, count in values.value_counts().iter_rows():
        counts[bins.place(value, edges)] += count
    ordered = values.sort()
    of = len(ordered) - 1
    return Spread(ordered[0], ordered[of // 2], ordered[of * 9 // 10], ordered[of], tuple(counts))
