"""Pools: which of a leaf's conversations may be chosen, and what every rule took out.

convert -> `where` -> `except` / `only` -> `exclude` -> leaks -> what the targets cannot express -> near-duplicates ->
`max_per_image`. Each step names its loss.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from mixer import selection, writers
from mixer.curation import Gate
from mixer.exclusion import Compared, Comparison, columns_of
from mixer.gathering import running
from mixer.ordering import Identity
from mixer.resolved import Input, Kind, Leaf, Output, Recipe, Unit
from mixer.ruling import Ruling
from mixer.store import Entry
from mixer.where import Where

if TYPE_CHECKING:
    import polars as pl


PIECE = 1 << 20
"""Records whose index columns are in memory at once."""
_RULES = ("where", "where_null", "except", "only", "inexpressible")
"""Names of losses as manifests list them, in whatever records they are met first; those to gates follow."""


@dataclass(frozen=True)
class Pool:
    """A leaf's conversations that are left; caps apply pass by pass."""

    leaf: Leaf
    entry: Entry
    unit: Unit
    keep: pl.Series
    """Which of the entry's records are left, one bit each: a plan of many leaves holds no more of them."""
    records: int
    """Conversations that one pass can show."""
    mass: int
    """The same in the recipe's unit."""
    losses: dict[str, int]
    compared: tuple[Compared, ...]
    """What `except` and `only` found."""
    removed: pl.DataFrame
    """Records that the recipe's curation takes out: row, step, why."""
    found: Mapping[str, Mapping[str, int]]
    """Step of curation -> what speaks against records -> how many; one record may count several times."""
    notes: tuple[str, ...]
    problems: tuple[str, ...] = ()
    """Why it must not be mixed: records that leak, or that no output can hold."""

    def rows(self, unit: Unit | None = None) -> pl.DataFrame:
        """Read the records from the store: row, number in the entry; key, identity; mass, in a unit or the recipe's.

        Where a cap needs it also media, the images of each.
        """
        return _rows(self.entry, self.keep, self.leaf, unit or self.unit)

    def keys(self) -> Iterator[pl.DataFrame]:
        """Go through the records some at a time: row and key."""
        import polars as pl

        first = 0
        for frame in self.entry.frames(["key"], PIECE):
            rows = pl.int_range(first, first + frame.height, dtype=pl.UInt32, eager=True).alias("row")
            yield frame.with_columns(rows).filter(self.keep[first : first + frame.height])
            first += frame.height

    @property
    def identity(self) -> Identity:
        """What tells records of equal 64-bit keys apart."""
        return identity_of([self.entry])


class _Step(NamedTuple):
    """What one rule has to say of the records that it saw."""

    losses: Mapping[str, int]
    target: str = ""
    refused: Mapping[str, int] = MappingProxyType({})
    """Records that the target cannot express and that may not be dropped, by reason."""
    found: Mapping[str, int] = MappingProxyType({})
    """What speaks against records -> how many."""


def pool(
    leaf: Leaf,
    recipe: Recipe,
    entry: Entry,
    convert: Callable[[Input], Entry],
    gates: Sequence[Gate],
    media: Sequence[Path],
    *,
    expecting: bool,
) -> Pool:
    """Apply a leaf's rules to its converted source, but for near-duplicates and caps.

    `convert` gives the sources that `except` and `only` name, `media` are the roots below which its media may lie.
    `expecting`: compare removed numbers with `expect` (they do not hold for miniatures).
    Raises DataError when a match finds nothing; records that cannot be written to an output of the recipe, or that leak,
    are the pool's problems.
    """
    import polars as pl

    steps: list[_Step] = []
    curated: dict[str, list[Ruling]] = {gate.step: [] for gate in gates}
    removed = [nothing_removed()]
    first = 0
    comparisons = _comparisons(leaf, convert)
    kept, mass = [], 0
    for whole in _load(leaf, recipe, entry, gates):
        frame = whole.with_row_index("place")
        if leaf.where is not None:
            keep, step = _where(frame, leaf.where)
            steps.append(step)
            frame = frame.filter(keep)
        if leaf.except_ or leaf.only:
            keep, step = _compared(frame, comparisons)
            steps.append(step)
            frame = frame.filter(keep)
        for gate in gates:
            ruling = gate.rule.judge(frame, entry.ledger.source, media)
            curated[gate.step].append(ruling)
            gone = frame.select((pl.col("place") + first).alias("row")).with_columns(ruling.why.alias("why"))
            removed.append(_removed(gone.drop_nulls("why"), gate.step))
            frame = frame.filter(ruling.why.is_null())
        for output in recipe.outputs:
            keep, step = _expressible(frame, output, recipe.kind)
            steps.append(step)
            frame = frame.filter(keep)
        nothing = pl.repeat(value=False, n=whole.height, dtype=pl.Boolean, eager=True)
        kept.append(nothing.scatter(frame["place"], values=True))
        mass += int(frame["mass"].cast(pl.UInt64).sum())
        first += whole.height
    found = {step: _total(ruling.counts for ruling in rulings) for step, rulings in curated.items()}
    taken = {step: sum(_spoken(ruling) for ruling in rulings) for step, rulings in curated.items()}
    lost = _total(step.losses for step in steps)
    losses = {name: lost[name] for name in _RULES if name in lost} | taken
    compared = tuple(each.result(leaf.name, expecting=expecting) for pair in comparisons.values() for each in pair)
    every = pl.concat(kept)
    return Pool(
        leaf=leaf,
        entry=entry,
        unit=recipe.unit,
        keep=every,
        records=int(every.sum()),
        mass=mass,
        losses=losses,
        compared=compared,
        removed=pl.concat(removed),
        found=found,
        notes=tuple(note for each in compared for note in each.notes),
        problems=(*_leaks(leaf, gates, curated, found), *_inexpressible(leaf, steps)),
    )


def without(pool: Pool, step: str, gone: pl.DataFrame, found: Mapping[str, int]) -> Pool:
    """Take records out of a pool: `gone` holds row and why, `found` what spoke against records, named."""
    keep = pool.keep.clone().scatter(gone["row"], values=False) if gone.height else pool.keep
    left = replace(
        pool,
        keep=keep,
        records=pool.records - gone.height,
        losses={**pool.losses, step: gone.height},
        removed=pool.removed.vstack(_removed(gone, step)),
        found={**pool.found, step: found},
    )
    return replace(left, mass=_mass_of(left.rows()))


def capped(pool: Pool, seed: int) -> Pool:
    """Apply a leaf's cap: its records are those that one pass can show."""
    if not pool.leaf.max_per_image:
        return pool
    first = selection.capped(pool.rows(), pool.leaf.max_per_image, pool.leaf.name, seed, 0, pool.identity)
    losses = {**pool.losses, "max_per_image": pool.records - first.height}
    return replace(pool, records=first.height, mass=_mass_of(first), losses=losses)


def nothing_removed() -> pl.DataFrame:
    """Give an empty list of removed records: row, step, why."""
    import polars as pl

    return pl.DataFrame(schema={"row": pl.UInt32, "step": pl.String, "why": pl.String})


def _removed(gone: pl.DataFrame, step: str) -> pl.DataFrame:
    import polars as pl

    return gone.select(pl.col("row").cast(pl.UInt32), pl.lit(step).alias("step"), pl.col("why"))


def _mass_of(rows: pl.DataFrame) -> int:
    import polars as pl

    return int(rows["mass"].cast(pl.UInt64).sum())


def _spoken(ruling: Ruling) -> int:
    """Count the records that must go."""
    return ruling.why.len() - ruling.why.null_count()


def _leaks(
    leaf: Leaf, gates: Sequence[Gate], curated: Mapping[str, list[Ruling]], found: Mapping[str, Mapping[str, int]]
) -> Iterator[str]:
    """Say where a gate that stops the build speaks against records."""
    for gate in gates:
        count = sum(map(_spoken, curated[gate.step]))
        if gate.refuse and count:
            example = next(why for ruling in curated[gate.step] for why in ruling.why.drop_nulls())
            said = ", ".join(f"{name} {hits:,}" for name, hits in sorted(found[gate.step].items()) if hits)
            yield (
                f"{leaf.name}: {count:,} conversations leak a benchmark ({said}), such as {example}; leave them out with "
                "`on_leak: drop`, or see them with `mixer check`"
            )


def _rows(entry: Entry, keep: pl.Series, leaf: Leaf, unit: Unit) -> pl.DataFrame:
    import polars as pl

    wanted = {"row", "key"} | ({"media", "images"} if leaf.max_per_image else set()) | ({unit} - {"samples"})
    images = [pl.col("media").list.head(pl.col("images"))] if leaf.max_per_image else []
    rows = entry.index(sorted(wanted))
    left = rows if keep.all() else rows.filter(keep)
    return left.select("row", "key", _mass(unit), *images)


def _mass(unit: Unit) -> pl.Expr:
    import polars as pl

    return (pl.lit(1, dtype=pl.UInt32) if unit == "samples" else pl.col(unit)).alias("mass")


def _load(leaf: Leaf, recipe: Recipe, entry: Entry, gates: Sequence[Gate]) -> Iterator[pl.DataFrame]:
    """Read the index columns that a leaf's rules look at, some parts at a time."""
    import polars as pl

    wanted = {"images", "videos", "audios", "turns", "literal_tokens", "separators"}.union(
        *(gate.rule.columns for gate in gates)
    )
    if recipe.unit not in ("samples", *wanted):
        wanted.add(recipe.unit)
    if leaf.where is not None:
        wanted |= {"media" if name == "image" else name for name in leaf.where.columns}
    for match in (*leaf.except_, *leaf.only):
        wanted |= columns_of(match)
    for frame in entry.frames(sorted(wanted), PIECE):
        loaded = frame.with_columns(_mass(recipe.unit))
        if "media" in wanted:
            first = pl.when(pl.col("images") > 0).then(pl.col("media").list.first())
            loaded = loaded.with_columns(first.alias("image"))
        yield loaded


def _where(frame: pl.DataFrame, where: Where) -> tuple[pl.Series, _Step]:
    """Say which records `where` keeps, one bit each."""
    true = frame.with_columns(where.expr().alias("true"))["true"]
    unknown = true.null_count()
    losses = {"where": frame.height - unknown - int(true.sum())}
    if unknown:
        losses["where_null"] = unknown
    return true.fill_null(value=False), _Step(losses)


def _comparisons(leaf: Leaf, convert: Callable[[Input], Entry]) -> dict[str, list[Comparison]]:
    """Make all of a leaf's comparisons, by rule."""
    return {
        rule: [Comparison(rule, match, convert(match.input)) for match in matches]
        for rule, matches in (("except", leaf.except_), ("only", leaf.only))
        if matches
    }


def _compared(frame: pl.DataFrame, comparisons: Mapping[str, list[Comparison]]) -> tuple[pl.Series, _Step]:
    """Apply all of a leaf's `except` and `only`, each to the same records; say which are kept."""
    import polars as pl

    excepted = lacking = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
    for comparison in comparisons.get("except", ()):
        excepted |= comparison.judge(frame)
    for comparison in comparisons.get("only", ()):
        lacking |= ~comparison.judge(frame)
    losses = {"except": int(excepted.sum()), "only": int((lacking & ~excepted).sum())}
    return ~(excepted | lacking), _Step({rule: losses[rule] for rule in comparisons})


def _expressible(frame: pl.DataFrame, output: Output, kind: Kind) -> tuple[pl.Series, _Step]:
    """Say which records a target can express; the others are lost, or refused."""
    reasons = writers.reasons(frame, output, kind)
    lost = reasons.len() - reasons.null_count()
    if not lost:
        return reasons.is_null(), _Step({})
    counts = {} if output.inexpressible == "drop" else dict(reasons.drop_nulls().value_counts().iter_rows())
    return reasons.is_null(), _Step({"inexpressible": lost}, output.target, counts)


def _inexpressible(leaf: Leaf, steps: list[_Step]) -> Iterator[str]:
    """Say which records cannot be written for a target and may not be dropped."""
    for target in dict.fromkeys(step.target for step in steps if step.refused):
        counts = _total(step.refused for step in steps if step.target == target)
        said = ", ".join(f"{count:,} with {reason}" for reason, count in sorted(counts.items()))
        yield (
            f"{leaf.name}: {sum(counts.values()):,} conversations cannot be written for {target}: {said}; "
            f"leave them out with `output: {{for: {target}, inexpressible: drop}}` or write another target"
        )


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, count in each.items():
            total[name] = total.get(name, 0) + count
    return total


def shared_records(pools: list[Pool]) -> list[str]:
    """Note how many records the pools of one source share, so that nobody samples twice unknowingly."""
    notes = []
    for number, first in enumerate(pools):
        for second in pools[number + 1 :]:
            if first.entry.folder == second.entry.folder:
                shared = int((first.keep & second.keep).sum())
                if shared:
                    notes.append(f"{first.leaf.name} and {second.leaf.name} share {shared:,} records")
    return notes


def identity_of(entries: list[Entry]) -> Identity:
    """Give the call that tells records of equal 64-bit keys apart; rows without a leaf are of the first entry."""

    def identify(rows: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        codes = rows["leaf"].to_list() if "leaf" in rows.columns else [0] * rows.height
        firsts = {code: running([part.records for part in entries[code].ledger.parts]) for code in set(codes)}
        loaded: dict[tuple[int, int], pl.DataFrame] = {}  # of parts: ids of all would be most of an index
        found = []
        for code, row in zip(codes, rows["row"].to_list(), strict=True):
            part = bisect_right(firsts[code], row) - 1
            if (code, part) not in loaded:
                loaded[code, part] = entries[code].part_index(part, ["id", "digest"]).select("id", "digest")
            found.append(loaded[code, part].row(row - firsts[code][part]))
        # Records of equal id and digest are the same bytes: their ordinal decides nothing.
        schema = {"id": pl.String, "digest": pl.Binary, "ordinal": pl.UInt32}
        return pl.DataFrame([(*pair, 0) for pair in found], schema=schema, orient="row")

    return identify
