"""How two mixes differ: leaves, amounts, records, order, and why."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mixer.causes import Change, behind, changes, reason
from mixer.manifest import LeafReport, Manifest, load_sealed, read_index

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class LeafDifference:
    """One leaf of two mixes: its records in each, and those that only one of them holds (copies count)."""

    leaf: str
    count_a: int
    count_b: int
    only_a: int
    only_b: int
    ideal_a: float | None
    """In the mix's unit; None: the mix has no such leaf."""
    ideal_b: float | None
    state: Literal["added", "removed", "changed", "same"] = "same"
    """`same`: the same records, whatever stands in the recipe."""
    because: tuple[str, ...] = ()
    """What is behind it, the nearest first; each completes "because ..."."""


@dataclass(frozen=True)
class Difference:
    """Everything `mixer diff` says. `same`: equal records in equal order, whatever the recipe's words."""

    same: bool
    a: str
    b: str
    leaves: tuple[LeafDifference, ...]
    order_changed: bool
    """The records that both hold stand in another order."""
    reasons: tuple[str, ...] = field(default=())
    """What differs in what the mixes were made of, a line each."""
    records_a: int = 0
    records_b: int = 0
    common: int = 0
    """Records that both hold."""
    moved: int = 0
    """The fewest of these that would have to move for the others to stand in one order."""
    changes: tuple[Change, ...] = ()
    """What `reasons` says, part by part."""

    def values(self) -> dict[str, Any]:
        """Give it all as plain JSON values."""
        return {**vars(self), "leaves": [vars(leaf) for leaf in self.leaves]}

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        from mixer.notebook import diff_html

        return diff_html(self.values())


def diff(a: Path | str, b: Path | str) -> Difference:
    """Compare two mix folders. Raises UsageError or IntegrityError when one cannot be read."""
    first, second = load_sealed(Path(a)), load_sealed(Path(b))
    left, right = _records(Path(a)), _records(Path(b))
    found = changes(first, second)
    names = sorted({*first.sources, *second.sources})
    leaves = tuple(_leaf(name, first, second, left, right, found) for name in names)
    places = _places_in_b(left, right)
    moved = 0 if places.is_sorted() else places.len() - longest_rise(places)
    return Difference(
        same=first.mix_id == second.mix_id,
        a=first.mix_id,
        b=second.mix_id,
        leaves=leaves,
        order_changed=moved > 0,
        reasons=tuple(
            [f"{leaf.leaf}: {leaf.state}" for leaf in leaves if leaf.state in ("added", "removed")]
            + [reason(change) for change in found]
        ),
        records_a=left.height,
        records_b=right.height,
        common=places.len(),
        moved=moved,
        changes=tuple(found),
    )


def _records(mix: Path) -> pl.DataFrame:
    """Read who stands where; `copy` numbers equal records of a leaf, so that copies are compared one by one."""
    import polars as pl

    frame = read_index(mix, ["leaf", "id", "digest", "pass"]).with_row_index("at")
    return frame.with_columns(pl.col("at").rank("ordinal").over("leaf", "id", "digest").alias("copy"))


_SAME = ["leaf", "id", "digest", "copy"]


def _leaf(
    name: str, a: Manifest, b: Manifest, left: pl.DataFrame, right: pl.DataFrame, found: list[Change]
) -> LeafDifference:
    import polars as pl

    ours, theirs = left.filter(pl.col("leaf") == name), right.filter(pl.col("leaf") == name)
    only_a = ours.join(theirs, on=_SAME, how="anti").height
    only_b = theirs.join(ours, on=_SAME, how="anti").height
    old, new = a.sources.get(name), b.sources.get(name)
    because: list[str] = []
    if old is None or new is None:
        state: Literal["added", "removed", "changed", "same"] = "added" if old is None else "removed"
    else:
        state = "changed" if only_a or only_b else "same"
        amount = (ours.height, old.ideal_exact) != (theirs.height, new.ideal_exact)
        pool = (old.pool, old.losses, old.made) != (new.pool, new.losses, new.made)
        if state == "changed":
            drawn = bool(only_a and only_b) and (_drawn(old) or _drawn(new))
            because = behind(name, found, a, b, amount=amount, pool=pool, chosen=drawn)
    return LeafDifference(
        leaf=name,
        count_a=ours.height,
        count_b=theirs.height,
        only_a=only_a,
        only_b=only_b,
        ideal_a=old.ideal if old else None,
        ideal_b=new.ideal if new else None,
        state=state,
        because=tuple(because),
    )


def _drawn(leaf: LeafReport) -> bool:
    """Say whether a seed chose any of a leaf's records: it has no say where all of the pool are shown alike."""
    return leaf.min_times != leaf.max_times or bool(leaf.losses.get("max_per_image"))


def _places_in_b(left: pl.DataFrame, right: pl.DataFrame) -> pl.Series:
    """Give where the records that both hold stand in b, in the order of a."""
    return left.join(right.select(*_SAME, "at"), on=_SAME, suffix="_b").sort("at")["at_b"]


def longest_rise(places: Iterable[int]) -> int:
    """Give the length of the longest sequence of rising numbers, not necessarily neighbours.

    >>> longest_rise([3, 0, 1, 4, 2, 5])
    4
    """
    ends: list[int] = []
    """The lowest number that a rising sequence of each length can end with."""
    for place in places:
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
    return len(ends)
