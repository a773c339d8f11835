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


def label_of(match: Match) -> str:
    """Name what a leaf is compared with: a source, or the user's file."""
    return match.input.path.name if match.input.path else match.input.source


def columns_of(match: Match) -> set[str]:
    """Name the index columns that a comparison looks at."""
    return {"media"} if match.by == "image" else {match.by, "media"}


class Comparison:
    """A leaf's records, some at a time, held against the other input of a match.

    In memory are the other input's rows, and what of the leaf's they match.
    """

    def __init__(self, rule: str, match: Match, other: Entry) -> None:
        self._rule, self._match, self._other = rule, match, other
        self._theirs = other.index(sorted({"id", *columns_of(match)}))
        self._values = _values(self._theirs, match.by)
        self._matched = [self._values.clear()]
        """Values of the leaf's records that the other input has."""
        self._tails = [_tails(self._theirs.clear(), match.by)]
        self._seen = self._hits = 0

    def judge(self, frame: pl.DataFrame) -> pl.Series:
        """Say which rows of the leaf's next frame the other input holds."""
        hit = _hits(frame, self._match.by, self._values)
        held = frame.filter(hit)
        values = _values(held, self._match.by)
        self._matched.append(values.filter(values.is_in(self._values.implode())))
        if self._match.by != "id":
            self._tails.append(_tails(held, self._match.by))
        self._seen += frame.height
        self._hits += held.height
        return hit

    def result(self, leaf: str, *, expecting: bool) -> Compared:
        """Sum up, once all of the leaf was seen. Raises DataError when nothing matches.

        `expecting`: hold the removed number against `expect`.
        """
        import polars as pl

        match, theirs, label = self._match, self._theirs, label_of(self._match)
        if not self._hits:
            raise DataError(
                f"{leaf}: {self._rule} {label} by {match.by} matches none of its {self._seen:,} conversations; "
                "check that both are the files you mean, or match by another key"
            )
        found = _hits(theirs, match.by, pl.concat(self._matched).unique())
        matched, removed = int(found.sum()), self._hits if self._rule == "except" else self._seen - self._hits
        notes = [f"{self._rule} {label}: {matched:,} of its {theirs.height:,} match, {removed:,} removed"]
        if match.by != "id":
            ours = pl.concat(self._tails).unique()
            notes += _media_conflicts(ours, _tails(theirs.filter(found), match.by), f"{self._rule} {label}")
        if expecting and match.expect is not None and match.expect != removed:
            notes.append(
                f"warning: {self._rule} {label}: expected {match.expect:,} removed, got {removed:,}; "
                + _unmatched(theirs.filter(~found)["id"], label)
            )
        return Compared(self._rule, match, self._other, matched, removed, tuple(notes))


def _unmatched(missing: pl.Series, label: str) -> str:
    if not missing.len():
        return f"every record of {label} matches"
    examples = ", ".join(missing.head(SHOWN).to_list())
    return f"{missing.len():,} of {label} match nothing here: {examples}{' ...' if missing.len() > SHOWN else ''}"


def _names(frame: pl.DataFrame) -> pl.Series:
    """List the base names of each record's media."""
    import polars as pl

    return frame.select(pl.col("media").list.eval(pl.element().str.split("/").list.last()))["media"]


def _values(frame: pl.DataFrame, by: str) -> pl.Series:
    """List once each value by which records are the same."""
    return (_names(frame).explode().drop_nulls() if by == "image" else frame[by]).unique()


def _hits(frame: pl.DataFrame, by: str, values: pl.Series) -> pl.Series:
    """Say which records have one of the values."""
    import polars as pl

    if by != "image":
        return frame[by].is_in(values.implode())
    inside = pl.col("media").list.eval(pl.element().is_in(values.implode())).list.any()
    return _names(frame).to_frame().select(inside)["media"].fill_null(value=False)


def _media_conflicts(ours: pl.DataFrame, theirs: pl.DataFrame, rule: str) -> Iterator[str]:
    """Report media that match by base name though the folders right above them have different names; see `_tails`."""
    both = ours.join(theirs, on=["key", "name"], suffix="_other")
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
