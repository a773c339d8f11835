"""Pools: which of a leaf's conversations may be chosen, and what every rule took out.

convert -> `where` -> `except` / `only` -> what the targets cannot express -> `max_per_image`. Each step names its loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mixer import selection, writers
from mixer.errors import DataError
from mixer.exclusion import Compared, columns_of, compare
from mixer.ordering import Identity
from mixer.resolved import Input, Leaf, Recipe
from mixer.store import Entry
from mixer.where import Where

if TYPE_CHECKING:
    import polars as pl


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
    compared: tuple[Compared, ...]
    """What `except` and `only` found."""
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
    step, compared = _compared(frame, leaf, convert, expecting=expecting)
    frame = apply(step)
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
    return Pool(leaf, entry, rows, first.height, mass, losses, compared, tuple(notes))


def _load(leaf: Leaf, recipe: Recipe, entry: Entry) -> pl.DataFrame:
    """Read the index columns that a leaf's rules look at."""
    import polars as pl

    wanted = {"row", "key", "images", "videos", "audios", "turns"}
    if leaf.where is not None:
        wanted |= set(leaf.where.columns) - {"image"} | {"media"}
    for match in (*leaf.except_, *leaf.only):
        wanted |= columns_of(match)
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


def _compared(
    frame: pl.DataFrame, leaf: Leaf, convert: Callable[[Input], Entry], *, expecting: bool
) -> tuple[_Step, tuple[Compared, ...]]:
    """Apply all of a leaf's `except` and `only`, each to the same records."""
    import polars as pl

    excepted = lacking = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
    found = []
    for rule, matches in (("except", leaf.except_), ("only", leaf.only)):
        for match in matches:
            hit, compared = compare(frame, leaf.name, rule, match, convert(match.input), expecting=expecting)
            found.append(compared)
            if rule == "except":
                excepted |= hit
            else:
                lacking |= ~hit
    losses = {"except": int(excepted.sum())} if leaf.except_ else {}
    if leaf.only:
        losses["only"] = int((lacking & ~excepted).sum())
    notes = [note for compared in found for note in compared.notes]
    return _Step(~(excepted | lacking), losses, notes), tuple(found)


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
