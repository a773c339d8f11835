"""What an audit found, for people, for programs, and as a repair list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mixer.auditing.faults import Fault
from mixer.auditing.findings import FINDINGS
from mixer.auditing.repairs import Entry, repair_of

if TYPE_CHECKING:
    import polars as pl

COLUMNS = {
    "leaf": "String",
    "media": "String",
    "role": "String",
    "records": "UInt32",
    "format": "String",
    "finding": "String",
    "detail": "String",
    "sibling": "String",
    "sibling_format": "String",
}
"""Of the bad media, one row a leaf, medium and role (image, video or audio). `sibling`: the path at which a missing one
lies under another ending."""


@dataclass(frozen=True)
class LeafAudit:
    """What was found in one leaf."""

    name: str
    source: str
    records: int
    files: int
    """Distinct media that its records name."""
    bytes: int
    found: Mapping[str, int]
    """Finding -> files; those of no files are left out."""
    affected: int
    """Records that name a bad file."""
    faulty: int
    """Records that are not valid themselves."""
    faults: tuple[Fault, ...]
    """What is wrong with the records themselves."""

    @property
    def present(self) -> int:
        """Count the files that are there."""
        return self.files - self.found.get("missing", 0)


@dataclass(frozen=True)
class Audit:
    """What was found in all leaves."""

    name: str
    leaves: tuple[LeafAudit, ...]
    files: int
    """Distinct files of all leaves."""
    bytes: int
    undecoded: int | None
    """Files of which the container alone was looked at, though decoding was asked for; None: it was not."""
    bad: pl.DataFrame
    """See COLUMNS; sorted by leaf, medium and role."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what is wrong, a line for each leaf and finding; nothing when all is well."""
        lines = []
        for leaf in self.leaves:
            for finding, count in leaf.found.items():
                lines.append(f"{leaf.name}: {count:,} of {leaf.files:,} files: {finding}: {FINDINGS[finding]}")
            lines += [f"{leaf.name}: {fault.records:,} records: {fault.reason}" for fault in leaf.faults]
        return tuple(lines)

    def repairs(self, *, only_drop: bool = False) -> Iterator[Entry]:
        """Go through what the repair list says: one entry a bad medium, sorted by path.

        `only_drop`: drop all of them, for who wants to repair nothing.
        """
        import polars as pl

        # A path may lie at several places and be named as several kinds: what its first leaf says stands for all.
        first = [pl.col(name).first() for name in ("finding", "detail", "format", "sibling", "sibling_format")]
        each = self.bad.group_by("media").agg(
            *first, pl.col("records").cast(pl.Int64).sum(), pl.col("leaf").unique().sort()
        )
        for row in each.sort("media").iter_rows(named=True):
            yield _entry(row, only_drop=only_drop)

    def text(self) -> str:
        """Tell people: a table of the leaves, and below it the findings with examples."""
        from mixer.auditing.summary import text

        return text(self)

    def values(self) -> dict[str, Any]:
        """Tell programs: plain JSON values."""
        from mixer.auditing.summary import values

        return values(self)


def _entry(row: Mapping[str, Any], *, only_drop: bool) -> Entry:
    sibling = row["sibling"]
    format_ = row["sibling_format"] if sibling else row["format"]
    repair = "drop" if only_drop else repair_of(row["media"], row["finding"], format_, sibling)
    return Entry(
        media=row["media"],
        finding=row["finding"],
        detail=row["detail"],
        repair=repair,
        from_=None if repair == "drop" else sibling,
        records=row["records"],
        leaves=tuple(row["leaf"]),
    )
