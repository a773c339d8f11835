"""`except` and `only`: which of a leaf's records another input holds, and by what they are the same.

All of a leaf's entries look at the same records, so their order decides nothing, and all copies of a record go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixer.errors import DataError
from mixer.resolved import Match
from mixer.store import Entry

if TYPE_CHECKING:
    import polars as pl

SHOWN = 5
"""Examples that a note lists."""


@dataclass(frozen=True)
class Compared:
    """What one entry of `except` or `only` found, beside which records it hit."""

    rule: str
    match: Match
    entry: Entry
    """The converted other input."""
    matched: int
    """Records of the other input that the leaf holds."""
    removed: int
    """Records of the leaf that this entry takes out, whatever others do."""
    notes: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name the other input."""
        return label_of(self.match)


def label_of(match: Match) -> str:
    """Name what a leaf is compared with: a source, or the user's file."""
    return match.input.path.name if match.input.path else match.input.source


def columns_of(match: Match) -> set[str]:
    """Name the index columns that a comparison looks at."""
    return {"media"} if match.by == "image" else {match.by, "media"}


def compare(
    frame: pl.DataFrame, leaf: str, rule: str, match: Match, other: Entry, *, expecting: bool
) -> tuple[pl.Series, Compared]:
    """Find which rows of a leaf's frame the other input holds.

    `expecting`: hold the removed number against `expect`. Raises DataError when nothing matches.
    """
    theirs = other.index(sorted({"id", *columns_of(match)}))
    if match.by == "image":
        ours, others = _names(frame), _names(theirs)
        hit, found = _any_of(ours, others), _any_of(others, ours)
    else:
        hit = frame[match.by].is_in(theirs[match.by].unique().implode())
        found = theirs[match.by].is_in(frame[match.by].unique().implode())
    label = label_of(match)
    if not hit.any():
        raise DataError(
            f"{leaf}: {rule} {label} by {match.by} matches none of its {frame.height:,} conversations; "
            "check that both are the files you mean, or match by another key"
        )
    matched, hits = int(found.sum()), int(hit.sum())
    removed = hits if rule == "except" else frame.height - hits
    notes = [f"{rule} {label}: {matched:,} of its {theirs.height:,} match, {removed:,} removed"]
    if match.by != "id":
        notes += _media_conflicts(frame.filter(hit), theirs.filter(found), match.by, f"{rule} {label}")
    if expecting and match.expect is not None and match.expect != removed:
        notes.append(
            f"warning: {rule} {label}: expected {match.expect:,} removed, got {removed:,}; "
            + _unmatched(theirs.filter(~found)["id"], label)
        )
    return hit, Compared(rule, match, other, matched, removed, tuple(notes))


def _unmatched(missing: pl.Series, label: str) -> str:
    if not missing.len():
        return f"every record of {label} matches"
    examples = ", ".join(missing.head(SHOWN).to_list())
    return f"{missing.len():,} of {label} match nothing here: {examples}{' ...' if missing.len() > SHOWN else ''}"


def _names(frame: pl.DataFrame) -> pl.Series:
    """List the base names of each record's media."""
    import polars as pl

    return frame.select(pl.col("media").list.eval(pl.element().str.split("/").list.last()))["media"]


def _any_of(lists: pl.Series, others: pl.Series) -> pl.Series:
    """Say of each list whether it shares a value with any of the others."""
    import polars as pl

    values = others.explode().drop_nulls().unique().implode()
    inside = pl.col("media").list.eval(pl.element().is_in(values)).list.any()
    return lists.to_frame("media").select(inside)["media"].fill_null(value=False)


def _media_conflicts(ours: pl.DataFrame, theirs: pl.DataFrame, by: str, rule: str) -> Iterator[str]:
    """Report media that match by base name though the folders right above them have different names."""
    both = _tails(ours, by).join(_tails(theirs, by), on=["key", "name"], suffix="_other")
    same = both.filter(both["tail"] == both["tail_other"]).select("key", "tail").unique()
    # A copy of the same record elsewhere in the other file settles it.
    unlike = both.filter(both["tail"] != both["tail_other"]).join(same, on=["key", "tail"], how="anti")
    if unlike.height:
        first = unlike.sort("tail", "tail_other").row(0, named=True)
        yield (
            f"warning: {rule}: {unlike.height:,} matched media lie in folders of different names, "
            f"such as {first['tail']} and {first['tail_other']}; are they the same images?"
        )


def _tails(frame: pl.DataFrame, by: str) -> pl.DataFrame:
    """List each medium that has a folder: the record's key, its base name and its last two path parts."""
    import polars as pl

    key = pl.lit("") if by == "image" else pl.col(by)
    paths = frame.select(key.alias("key"), pl.col("media").alias("path")).explode("path").drop_nulls()
    parts = paths.with_columns(pl.col("path").str.split("/").alias("parts"))
    parts = parts.filter(pl.col("parts").list.len() > 1)
    tail = pl.col("parts").list.tail(2).list.join("/").alias("tail")
    return parts.select("key", pl.col("parts").list.last().alias("name"), tail).unique()
