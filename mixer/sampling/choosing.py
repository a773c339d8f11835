"""Which records of a mix a sample takes, pure: rows of its index, in mix order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixer.errors import UsageError, did_you_mean
from mixer.ordering import mix64_column, salt

if TYPE_CHECKING:
    import polars as pl

EVERY = 500
"""Of so many records one is taken, unless something else is said."""


PLACE = ("shard", "offset", "length")
"""Columns that say where a record lies."""


@dataclass(frozen=True)
class Choice:
    """What to take: the first of every so many records, or `n` of them by a keyed hash."""

    every: int = EVERY
    n: int | None = None
    """Not None: so many, and `every` means nothing. A larger number keeps the smaller sample."""
    seed: int = 0
    """Of the hash: another one chooses other records."""
    leaves: tuple[str, ...] = ()
    """Only of these leaves, or of the leaves of these sources; none: of all. What is taken is counted among them."""

    @property
    def columns(self) -> list[str]:
        """Name the index columns that are needed."""
        return ["leaf", *PLACE, *(["key", "pass"] if self.n is not None else [])]

    @property
    def said(self) -> str:
        """Say it in words."""
        of = f" of {', '.join(self.leaves)}" if self.leaves else ""
        if self.n is not None:
            return f"chosen by hash, seed {self.seed}{of}"
        return f"{'every one' if self.every == 1 else f'one of every {self.every:,}'}{of}"


def leaves_of(sources: Mapping[str, str], asked: Sequence[str]) -> list[str] | None:
    """Give the leaves that are asked for; None: all. `sources` maps a mix's leaves to their sources.

    A name is a leaf's, else that of a source, which stands for all of its leaves. Raises UsageError.
    """
    found: dict[str, None] = {}
    for name in asked:
        mine = [name] if name in sources else [leaf for leaf, source in sources.items() if source == name]
        if not mine:
            raise UsageError(f"--source {name}: is not in this mix{did_you_mean(name, {*sources, *sources.values()})}")
        found |= dict.fromkeys(mine)
    return list(found) if asked else None


def of_leaves(index: pl.DataFrame, leaves: Sequence[str] | None) -> pl.DataFrame:
    """Number the rows of an index by `at`, from 0, and keep those of some leaves."""
    import polars as pl

    numbered = index.with_row_index("at")
    return numbered if leaves is None else numbered.filter(pl.col("leaf").is_in(list(leaves)))


def chosen(index: pl.DataFrame, choice: Choice) -> pl.DataFrame:
    """Take rows of an index, with their `at`, in mix order."""
    if choice.n is None:
        return index.gather_every(choice.every)
    return index.hstack([_hashes(index, choice.seed)]).sort("hash", "at").head(choice.n).sort("at")


def _hashes(index: pl.DataFrame, seed: int) -> pl.Series:
    """Hash each row by its record, leaf and pass: a record that is shown twice is two."""
    import polars as pl

    shown = index.select("leaf", "pass").unique()
    salts = [salt(leaf, seed, "sample", pass_) for leaf, pass_ in shown.iter_rows()]
    known = shown.with_columns(pl.Series("salt", salts, dtype=pl.UInt64))
    salted = index.select("at", "leaf", "pass").join(known, on=["leaf", "pass"]).sort("at")
    return mix64_column(index["key"], salted["salt"]).alias("hash")
