"""How two mixes differ: leaves, amounts, records, order, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer.manifest import InputFile, LeafReport, Manifest, load_sealed, read_index

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
    ideal_b: float | None


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
    """What differs in what the mixes were made of."""


def diff(a: Path | str, b: Path | str) -> Difference:
    """Compare two mix folders. Raises UsageError or IntegrityError when one cannot be read."""
    first, second = load_sealed(Path(a)), load_sealed(Path(b))
    left, right = _records(Path(a)), _records(Path(b))
    names = sorted({*first.sources, *second.sources})
    leaves = tuple(_leaf(name, first, second, left, right) for name in names)
    return Difference(
        same=first.mix_id == second.mix_id,
        a=first.mix_id,
        b=second.mix_id,
        leaves=leaves,
        order_changed=not _common_order(left, right),
        reasons=tuple(_reasons(first, second)),
    )


def _records(mix: Path) -> pl.DataFrame:
    """Read who stands where; `copy` numbers equal records of a leaf, so that copies are compared one by one."""
    import polars as pl

    frame = read_index(mix, ["leaf", "id", "digest", "pass"]).with_row_index("at")
    return frame.with_columns(pl.col("at").rank("ordinal").over("leaf", "id", "digest").alias("copy"))


_SAME = ["leaf", "id", "digest", "copy"]


def _leaf(name: str, a: Manifest, b: Manifest, left: pl.DataFrame, right: pl.DataFrame) -> LeafDifference:
    import polars as pl

    ours, theirs = left.filter(pl.col("leaf") == name), right.filter(pl.col("leaf") == name)
    return LeafDifference(
        leaf=name,
        count_a=ours.height,
        count_b=theirs.height,
        only_a=ours.join(theirs, on=_SAME, how="anti").height,
        only_b=theirs.join(ours, on=_SAME, how="anti").height,
        ideal_a=a.sources[name].ideal if name in a.sources else None,
        ideal_b=b.sources[name].ideal if name in b.sources else None,
    )


def _common_order(left: pl.DataFrame, right: pl.DataFrame) -> bool:
    both = left.join(right.select(*_SAME, "at"), on=_SAME, suffix="_b").sort("at")
    return bool(both["at_b"].is_sorted())


def _reasons(a: Manifest, b: Manifest) -> list[str]:
    reasons = []
    for name in ("version", "seed", "unit", "size", "order", "data"):
        old, new = getattr(a, name), getattr(b, name)
        if old != new:
            reasons.append(f"{name}: {old} -> {new}")
    if a.recipe_sha256 != b.recipe_sha256:
        reasons.append("recipe: " + "; ".join(_changed(a.recipe, b.recipe, "$")[:8]))
    for name in sorted({*a.sources, *b.sources}):
        if name not in a.sources or name not in b.sources:
            reasons.append(f"{name}: {'removed' if name in a.sources else 'added'}")
            continue
        old_leaf, new_leaf = a.sources[name], b.sources[name]
        if old_leaf.converter != new_leaf.converter:
            reasons.append(f"{name}: converter changed")
        paths = {file.path for file in {*_files(old_leaf)} ^ {*_files(new_leaf)}}
        if paths:
            reasons.append(f"{name}: raw files changed: {', '.join(sorted(paths))}")
        if (old_leaf.pool, old_leaf.losses) != (new_leaf.pool, new_leaf.losses):
            reasons.append(f"{name}: pool {old_leaf.pool:,} -> {new_leaf.pool:,}")
    return reasons


def _files(leaf: LeafReport) -> list[InputFile]:
    """List the raw files of a leaf and of what it is compared with."""
    return [*leaf.files, *(file for match in leaf.compared for file in match.files)]


def _changed(old: Any, new: Any, where: str) -> list[str]:
    """List where two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted({*old, *new}):
            found += _changed(old.get(key), new.get(key), f"{where}.{key}")
        return found
    return [] if old == new else [f"{where}: {old} -> {new}"]
