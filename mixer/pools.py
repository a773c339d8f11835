"""Pools: which of a leaf's conversations may be chosen, and what every rule took out.

convert -> `where` -> `except` / `only` -> what the targets cannot express -> `max_per_image`. Each step names its loss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mixer import selection, writers
from mixer.errors import DataError
from mixer.ordering import Identity
from mixer.resolved import Input, Leaf, Match, Recipe
from mixer.store import Entry
from mixer.where import Where

if TYPE_CHECKING:
    import polars as pl

SHOWN = 5
"""Examples that a note lists."""


@dataclass(frozen=True)
class Pool:
    """A leaf's conversations that are left. `rows` holds row, key and mass of each; caps apply pass by pass."""

    leaf: Leaf
    entry: Entry
    rows: pl.DataFrame
    """row: number in the entry; key: identity; mass: in the recipe's unit; media: only where a cap needs it."""
    records: int
    """Conversations that one pass can show."""
    mass: int
    """The same in the recipe's unit."""
    losses: dict[str, int]
    notes: tuple[str, ...]

    @property
    def identity(self) -> Identity:
        """What tells records of equal 64-bit keys apart."""
        return identity_of([self.entry])


class _Step(NamedTuple):
    """What one rule leaves, and what it has to say."""

    keep: pl.Series
    losses: dict[str, int]
    notes: list[str]


def pool(leaf: Leaf, recipe: Recipe, entry: Entry, convert: Callable[[Input], Entry], *, expecting: bool) -> Pool:
    """Apply a leaf's rules to its converted source; `convert` gives the sources that `except` and `only` name.

    `expecting`: compare removed numbers with `expect` (they do not hold for miniatures).
    Raises DataError when a match finds nothing, or when records cannot be written to an output of the recipe.
    """
    import polars as pl

    frame = _load(leaf, recipe, entry)
    losses: dict[str, int] = {}
    notes: list[str] = []

    def apply(step: _Step) -> pl.DataFrame:
        notes.extend(step.notes)
        for name, lost in step.losses.items():
            losses[name] = losses.get(name, 0) + lost
        return frame.filter(step.keep)

    if leaf.where is not None:
        frame = apply(_where(frame, leaf.where))
    for name, matches in (("except", leaf.except_), ("only", leaf.only)):
        for match in matches:
            other = convert(match.input)
            frame = apply(_match(frame, leaf, name, match, other, expecting=expecting))
    for output in recipe.outputs:
        frame = apply(_expressible(frame, leaf, output.target, drop=output.inexpressible == "drop"))
    images = [pl.col("media").list.head(pl.col("images"))] if leaf.max_per_image else []
    rows = frame.select("row", "key", "mass", *images)
    if leaf.max_per_image:
        first = selection.capped(rows, leaf.max_per_image, leaf.name, recipe.seed, 0, identity_of([entry]))
        losses["max_per_image"] = rows.height - first.height
    else:
        first = rows
    mass = int(first["mass"].cast(pl.UInt64).sum())
    return Pool(leaf, entry, rows, first.height, mass, losses, tuple(notes))


def _load(leaf: Leaf, recipe: Recipe, entry: Entry) -> pl.DataFrame:
    """Read the index columns that a leaf's rules look at."""
    import polars as pl

    wanted = {"row", "key", "images", "videos", "audios", "turns"}
    if leaf.where is not None:
        wanted |= set(leaf.where.columns) - {"image"} | {"media"}
    for match in (*leaf.except_, *leaf.only):
        wanted |= {match.by if match.by in ("content", "prompt", "id") else "media", "media"}
    if leaf.max_per_image:
        wanted.add("media")
    frame = entry.index(sorted(wanted))
    mass = pl.lit(1, dtype=pl.UInt32) if recipe.unit == "samples" else pl.col(recipe.unit)
    frame = frame.with_columns(mass.alias("mass"))
    if "media" in wanted:
        first = pl.when(pl.col("images") > 0).then(pl.col("media").list.first())
        frame = frame.with_columns(first.alias("image"))
    return frame


def _where(frame: pl.DataFrame, where: Where) -> _Step:
    true = frame.with_columns(where.expr().alias("true"))["true"]
    unknown = true.null_count()
    losses = {"where": frame.height - unknown - int(true.sum())}
    if unknown:
        losses["where_null"] = unknown
    return _Step(true.fill_null(value=False), losses, [])


def _match(frame: pl.DataFrame, leaf: Leaf, name: str, match: Match, other: Entry, *, expecting: bool) -> _Step:
    by = match.by if match.by != "image" else "media"
    theirs = other.index(sorted({"id", by, "media"}))
    if by == "media":
        ours, others = _image_names(frame), _image_names(theirs)
        hit = _any_of(ours, others.explode())
        found = _any_of(others, ours.explode())
    else:
        hit = frame[by].is_in(theirs[by].unique().implode())
        found = theirs[by].is_in(frame[by].unique().implode())
    label = match.input.path.name if match.input.path else match.input.source
    if not hit.any():
        raise DataError(
            f"{leaf.name}: {name} {label} by {match.by} matches none of its {frame.height:,} conversations; "
            "check that both are the files you mean, or match by another key"
        )
    matched, hits = int(found.sum()), int(hit.sum())
    removed = hits if name == "except" else frame.height - hits
    notes = [f"{name} {label}: {matched:,} of its {theirs.height:,} match, {removed:,} removed"]
    if by in ("content", "prompt"):
        notes += _media_conflicts(frame.filter(hit), theirs.filter(found), by, name, label)
    if expecting and match.expect is not None and match.expect != removed:
        notes.append(
            f"warning: {name} {label}: expected {match.expect:,} removed, got {removed:,}; "
            + _unmatched(theirs.filter(~found)["id"], label)
        )
    return _Step(~hit if name == "except" else hit, {name: removed}, notes)


def _unmatched(missing: pl.Series, label: str) -> str:
    if not missing.len():
        return f"every record of {label} matches"
    examples = ", ".join(missing.head(SHOWN).to_list())
    return f"{missing.len():,} of {label} match nothing here: {examples}{' ...' if missing.len() > SHOWN else ''}"


def _image_names(frame: pl.DataFrame) -> pl.Series:
    """List the base names of each record's media."""
    import polars as pl

    return frame.select(pl.col("media").list.eval(pl.element().str.split("/").list.last()))["media"]


def _any_of(lists: pl.Series, wanted: pl.Series) -> pl.Series:
    """Say of each list whether it holds a wanted value."""
    import polars as pl

    values = wanted.drop_nulls().unique().implode()
    inside = pl.col("media").list.eval(pl.element().is_in(values)).list.any()
    return lists.to_frame("media").select(inside)["media"].fill_null(value=False)


def _media_conflicts(ours: pl.DataFrame, theirs: pl.DataFrame, by: str, name: str, label: str) -> Iterable[str]:
    """Report records that match though their media lie in folders of different names."""
    import polars as pl

    def tails(frame: pl.DataFrame, column: str) -> pl.DataFrame:
        parts = pl.col("media").list.first().str.split("/")
        tail = pl.when(parts.list.len() > 1).then(parts.list.tail(2).list.join("/"))
        return frame.select(pl.col(by), tail.alias(column)).drop_nulls().unique()

    both = tails(ours, "ours").join(tails(theirs, "theirs"), on=by)
    unlike = both.filter(pl.col("ours") != pl.col("theirs"))
    # A copy of the same record elsewhere in the other file settles it.
    settled = both.filter(pl.col("ours") == pl.col("theirs")).select(by, "ours").unique()
    unlike = unlike.join(settled, on=[by, "ours"], how="anti").sort("ours", "theirs")
    if unlike.height:
        first = unlike.row(0, named=True)
        yield (
            f"warning: {name} {label}: {unlike.height:,} matched records name media in different folders, "
            f"such as {first['ours']} and {first['theirs']}; are they the same images?"
        )


def _expressible(frame: pl.DataFrame, leaf: Leaf, target: str, *, drop: bool) -> _Step:
    reasons = frame.with_columns(writers.get(target).inexpressible().alias("reason"))["reason"]
    lost = reasons.len() - reasons.null_count()
    if lost and not drop:
        counts = reasons.drop_nulls().value_counts().sort("reason")
        said = ", ".join(f"{count:,} with {reason}" for reason, count in counts.iter_rows())
        raise DataError(
            f"{leaf.name}: {lost:,} conversations cannot be written for {target}: {said}; "
            f"leave them out with `output: {{for: {target}, inexpressible: drop}}` or write another target"
        )
    return _Step(reasons.is_null(), {"inexpressible": lost} if lost else {}, [])


def shared_records(pools: list[Pool]) -> list[str]:
    """Note how many records the pools of one source share, so that nobody samples twice unknowingly."""
    notes = []
    for number, first in enumerate(pools):
        for second in pools[number + 1 :]:
            if first.entry.folder == second.entry.folder:
                shared = int(first.rows["row"].is_in(second.rows["row"].implode()).sum())
                if shared:
                    notes.append(f"{first.leaf.name} and {second.leaf.name} share {shared:,} records")
    return notes


def identity_of(entries: list[Entry]) -> Identity:
    """Give the call that tells records of equal 64-bit keys apart; rows without a leaf are of the first entry."""

    def identify(rows: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        codes = rows["leaf"].to_list() if "leaf" in rows.columns else [0] * rows.height
        loaded = {code: entries[code].index(["id", "digest"]) for code in set(codes)}
        found = [loaded[code].row(row) for code, row in zip(codes, rows["row"].to_list(), strict=True)]
        # Records of equal id and digest are the same bytes: their ordinal decides nothing.
        schema = {"id": pl.String, "digest": pl.Binary, "ordinal": pl.UInt32}
        return pl.DataFrame([(*pair, 0) for pair in found], schema=schema, orient="row")

    return identify
