"""The plan: a recipe with every number resolved. recipe -> conversion -> pools -> planning."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import (
    caching,
    conversion,
    curation,
    deduplicating,
    deriving,
    licences,
    manifest,
    planning,
    pools,
    selection,
    sources,
)
from mixer.derived import MATCH, Derived
from mixer.errors import DataError, MissingFile, ShortageError
from mixer.pools import Pool
from mixer.processes import Engine, running
from mixer.progress import Progress, silent
from mixer.rawfiles import Hashes
from mixer.recipe import load_recipe
from mixer.resolved import Input, Leaf, Part, Recipe, Tokens, Unit
from mixer.roots import DataRoot, data_root, miniature_notice
from mixer.store import Entry, Store

if TYPE_CHECKING:
    import polars as pl

MOST_RECORDS = 1 << 32
"""What one machine is asked to order at once; more is a mistake in an amount."""

Told = Callable[[str], None]


@dataclass(frozen=True)
class LeafPlan:
    """One leaf of a plan: its pool, and how much of it the mix takes."""

    pool: Pool
    ideal: Fraction
    """Amount before rounding, in the recipe's unit."""
    count: int
    """Records."""
    mass: int
    """The same in the recipe's unit."""
    times: tuple[int, int]
    """How often the least and the most shown conversation are in the mix."""
    tokens: int | None = None
    """In the mix, where the recipe has them counted."""
    target_tokens: int | None = None
    """Of the answers alone."""

    @property
    def name(self) -> str:
        """The leaf's name."""
        return self.pool.leaf.name

    @property
    def epochs(self) -> float:
        """How often the pool is shown."""
        return self.count / self.pool.records if self.pool.records else 0.0


@dataclass(frozen=True)
class Plan:
    """A recipe with every number resolved; printable, and nothing is written yet."""

    recipe: Recipe
    data: DataRoot
    leaves: tuple[LeafPlan, ...]
    size: int | None
    """In the recipe's unit, after `on_short: shrink`; None where the recipe names none."""
    notes: tuple[str, ...]
    curated: tuple[manifest.CurationInput, ...] = ()
    """The files behind its gates, lists, near-duplicates and tokens."""

    @cached_property
    def records(self) -> int:
        """Records of the mix."""
        return sum(leaf.count for leaf in self.leaves)

    def _repr_html_(self) -> str:
        """Show it as a table in a notebook."""
        from mixer import notebook, reports

        return notebook.plan_html(reports.plan_values(self))


def _inputs(recipe: Recipe) -> Iterator[Input]:
    """Go through everything that a recipe converts."""
    for leaf in recipe.leaves():
        yield leaf.input
        for match in (*leaf.except_, *leaf.only):
            yield match.input


def _compared(recipe: Recipe) -> Iterator[Input]:
    """Go through the inputs that are compared by what they say, on both sides."""
    for leaf in recipe.leaves():
        for match in (*leaf.except_, *leaf.only):
            if match.by in MATCH.columns:
                yield from (leaf.input, match.input)


def root_of(recipe: Recipe, data: str | Path | None, media: Path | None = None) -> DataRoot:
    """Choose the data root for a recipe; sources with a path of their own need none."""
    return data_root({given.source for given in _inputs(recipe) if not sources.get(given.source).own_path}, data, media)


def mix_name(recipe: Recipe, root: DataRoot) -> str:
    """Name a mix's folder, so that one of miniatures is never taken for a real one."""
    return recipe.name if root.kind == "given" else f"{recipe.name}-miniature"


def plan(
    recipe: Recipe | Path | str,
    *,
    data: str | Path | None = None,
    media: Path | None = None,
    cache: Path | None = None,
    workers: int | Engine = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> Plan:
    """Convert what a recipe names, apply its pool rules and resolve its amounts. Writes nothing but the store.

    Raises RecipeError, MissingFile, DamagedFile, DataError or ShortageError.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    curated = curation.described(recipe.curation, Hashes(Store(caching.folder(cache)).hashes()))
    root, made = pools_of(recipe, data=data, media=media, cache=cache, workers=workers, progress=progress, told=told)
    if root.kind == "miniatures":
        recipe = planning.scale_to_pools(recipe, _sizes(made), _masses(recipe, made))
    leaves, size = _allot(recipe, made)
    if sum(leaf.count for leaf in leaves) > MOST_RECORDS:
        most = max(leaves, key=lambda leaf: leaf.count)
        raise ShortageError(
            f"{recipe.name}: a mix holds at most {MOST_RECORDS:,} records, and {most.name} alone asks for {most.count:,}; "
            "lower its amount"
        )
    return Plan(recipe, root, leaves, size, (*recipe.notes, *pools.shared_records(made)), tuple(curated))


def pools_of(
    recipe: Recipe,
    *,
    data: str | Path | None = None,
    media: Path | None = None,
    cache: Path | None = None,
    workers: int | Engine = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> tuple[DataRoot, list[Pool]]:
    """Convert what a recipe names and apply its pool rules, leaf by leaf. Raises as `plan`, but for shortages."""
    licences.check(recipe)
    inputs = list(_inputs(recipe))
    root = root_of(recipe, data, media)
    if root.kind == "miniatures":
        told(miniature_notice(data))
    with running(workers) as pool:
        store = caching.opened(cache, progress)
        convert = _converter(recipe, inputs, root, store, pool, progress, told)
        for given in _compared(recipe):
            deriving.derive(convert(given), MATCH, "comparing", store, pool, progress)
        gates = curation.gates(recipe.curation, store.folder, pool, progress)
        derived = [each for gate in gates for each in gate.rule.derived]

        def made_of(leaf: Leaf) -> Pool:
            entry = convert(leaf.input)
            for each in derived:
                entry = deriving.derive(entry, each, f"{each.kind} of", store, pool, progress)
            roots = [folder for folder in (entry.media, root.media) if folder is not None]

            def made_as(recipe: Recipe) -> Pool:
                return pools.pool(leaf, recipe, entry, convert, gates, roots, expecting=root.kind == "given")

            def kept() -> pl.Series:
                return made_as(replace(recipe, unit="samples")).keep

            if recipe.curation.tokens:
                counted = _counted(recipe.curation.tokens, entry, roots, store, pool, progress, kept)
                entry = deriving.derive(entry, counted, "counting tokens of", store, pool, progress)
            return made_as(recipe)

        made = [made_of(leaf) for leaf in recipe.leaves()]
    problems = [problem for each in made for problem in each.problems]
    if problems:
        raise DataError("\n".join(problems))
    if recipe.curation.dedup:
        made = deduplicating.deduplicated(made, recipe.curation.dedup)
    return root, [pools.capped(each, recipe.seed) for each in made]


def prepare(
    recipe: Recipe | Path | str,
    part: Part,
    *,
    data: str | Path | None = None,
    media: Path | None = None,
    cache: Path | None = None,
    workers: int | Engine = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> tuple[int, int]:
    """Convert one part of what a recipe needs, for a build that puts all parts together.

    The parts share the store, and may be made in any order, at once or again. Gives the number of spans that all parts
    have together, and of those that this one converted now. Raises as `plan`, but bad records never stop it.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    inputs: list[Input] = []
    for given in _inputs(recipe):
        inputs += [given] if given not in inputs else []
    root = root_of(recipe, data, media)
    if root.kind == "miniatures":
        told(miniature_notice(data))
    spans = made = 0
    with running(workers) as pool:
        store = caching.opened(cache, progress)
        for located in _located(inputs, root):
            more, done = conversion.prepare(located, part, spans, store, pool, progress)
            spans, made = spans + more, made + done
    return spans, made


def _counted(
    asked: Tokens,
    entry: Entry,
    media: Sequence[Path],
    store: Store,
    workers: Engine,
    progress: Progress,
    kept: Callable[[], pl.Series],
) -> Derived:
    """Describe the columns that count tokens; a rule for visual tokens looks at the images, of kept records at least."""
    from mixer import tokens, visual_tokens

    table = None
    if isinstance(asked.image, str):
        table = visual_tokens.table(asked.image, entry, media, store.folder, workers, progress, kept)
    return tokens.derived(asked, table)


def _converter(
    recipe: Recipe, inputs: list[Input], root: DataRoot, store: Store, workers: Engine, progress: Progress, told: Told
) -> Callable[[Input], Entry]:
    """Give the call that converts an input once. All raw files are looked for before any is read."""
    located = _located(inputs, root)
    done: list[tuple[Input, Entry]] = []

    def convert(given: Input) -> Entry:
        for known, entry in done:
            if known == given:
                return entry
        place = located[inputs.index(given)]
        entry = conversion.convert(place, store, workers, progress, max_bad=recipe.max_bad, told=told)
        done.append((given, entry))
        return entry

    return convert


def _located(inputs: list[Input], root: DataRoot) -> list[conversion.Located]:
    """Look for all raw files. Raises MissingFile that names all that are missing."""
    located = []
    missing: list[str] = []
    for given in inputs:
        try:
            located.append(conversion.locate(given, root.path, root.media))
        except MissingFile as error:
            missing += str(error).splitlines()
    if missing:
        raise MissingFile("\n".join(dict.fromkeys(missing)))
    return located


def _sizes(made: list[Pool]) -> dict[str, planning.PoolSize]:
    return {pool.leaf.name: planning.PoolSize(pool.records, pool.mass) for pool in made}


def _masses(recipe: Recipe, made: list[Pool]) -> Callable[[str, int], int]:
    """Give the call that weighs a leaf's first records in selection order, in the recipe's unit."""
    by_name = {pool.leaf.name: pool for pool in made}

    def mass(name: str, records: int) -> int:
        pool = by_name[name]
        if recipe.unit == "samples":
            return records
        return selection.mass_of(pool.rows(), name, recipe.seed, records, pool.identity, pool.leaf.max_per_image)

    return mass


def _allot(recipe: Recipe, made: list[Pool]) -> tuple[tuple[LeafPlan, ...], int | None]:
    """Resolve amounts to ideals, records and masses; give the size that was kept beside them."""
    mass = _masses(recipe, made)
    allotment = planning.allot(recipe, _sizes(made), mass)
    leaves = []
    for pool in made:
        name, quota = pool.leaf.name, allotment.quotas[pool.leaf.name]
        count = quota.count
        if count is None:
            cap = pool.leaf.max_per_image
            count = selection.prefix(pool.rows(), name, recipe.seed, quota.ideal, pool.identity, cap)
        times, counted = _times(pool, recipe.seed, count), _tokens(recipe, pool, count)
        leaves.append(LeafPlan(pool, quota.ideal, count, mass(name, count), times, *counted))
    return tuple(leaves), allotment.size


def _tokens(recipe: Recipe, pool: Pool, count: int) -> tuple[int | None, int | None]:
    """Count the tokens of a leaf's records in the mix, and those of their answers, if they are asked for."""
    if recipe.curation.tokens is None:
        return None, None

    def counted(unit: Unit) -> int:
        cap, name = pool.leaf.max_per_image, pool.leaf.name
        return selection.mass_of(pool.rows(unit), name, recipe.seed, count, pool.identity, cap)

    return counted("tokens"), counted("target_tokens")


def _times(pool: Pool, seed: int, count: int) -> tuple[int, int]:
    """Say how often the least and the most shown conversation of a pool come."""
    cap = pool.leaf.max_per_image
    if cap is None or not count:
        whole, part = divmod(count, pool.records) if pool.records else (0, 0)
        return whole, whole + (part > 0)
    # Under a cap every pass shows other records of an image.
    rows = pool.rows()
    shown = selection.select(rows, pool.leaf.name, seed, count, pool.identity, cap)["row"].value_counts()["count"]
    times = shown.to_list()
    return (min(times) if len(times) == rows.height else 0), max(times)
