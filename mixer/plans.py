"""The plan: a recipe with every number resolved. recipe -> conversion -> pools -> planning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from mixer import caching, conversion, manifest, planning, pools, selection, sources
from mixer.errors import MissingFile
from mixer.pools import Pool
from mixer.processes import Workers
from mixer.progress import Progress, silent
from mixer.recipe import load_recipe
from mixer.resolved import Input, Recipe
from mixer.roots import DataRoot, data_root, miniature_notice
from mixer.store import Entry, Store

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

    @cached_property
    def records(self) -> int:
        """Records of the mix."""
        return sum(leaf.count for leaf in self.leaves)


def root_of(recipe: Recipe, data: str | Path | None) -> DataRoot:
    """Choose the data root for a recipe; sources with a path of their own need none."""
    return data_root({given.source for given in _inputs(recipe) if not sources.get(given.source).own_path}, data)


def mix_name(recipe: Recipe, root: DataRoot) -> str:
    """Name a mix's folder, so that one of miniatures is never taken for a real one."""
    return recipe.name if root.kind == "given" else f"{recipe.name}-miniature"


def plan(
    recipe: Recipe | Path | str,
    *,
    data: str | Path | None = None,
    cache: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> Plan:
    """Convert what a recipe names, apply its pool rules and resolve its amounts. Writes nothing but the store.

    Raises RecipeError, MissingFile, DamagedFile, DataError or ShortageError.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    inputs = list(_inputs(recipe))
    root = root_of(recipe, data)
    if root.kind == "miniatures":
        told(miniature_notice(data))
    with Workers(workers) as pool:
        convert = _converter(recipe, inputs, root, Store(caching.folder(cache)), pool, progress, told)
        made = [
            pools.pool(leaf, recipe, convert(leaf.input), convert, expecting=root.kind == "given")
            for leaf in recipe.leaves()
        ]
    if root.kind == "miniatures":
        recipe = planning.scale_to_pools(recipe, _sizes(made), _masses(recipe, made))
    leaves, size = _allot(recipe, made)
    return Plan(recipe, root, leaves, size, tuple(pools.shared_records(made)))


def _converter(
    recipe: Recipe, inputs: list[Input], root: DataRoot, store: Store, workers: Workers, progress: Progress, told: Told
) -> Callable[[Input], Entry]:
    """Give the call that converts an input once. All raw files are looked for before any is read."""
    located = []
    missing: list[str] = []
    for given in inputs:
        try:
            located.append(conversion.locate(given, root.path))
        except MissingFile as error:
            missing += str(error).splitlines()
    if missing:
        raise MissingFile("\n".join(dict.fromkeys(missing)))
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


def _sizes(made: list[Pool]) -> dict[str, planning.PoolSize]:
    return {pool.leaf.name: planning.PoolSize(pool.records, pool.mass) for pool in made}


def _masses(recipe: Recipe, made: list[Pool]) -> Callable[[str, int], int]:
    """Give the call that weighs a leaf's first records in selection order, in the recipe's unit."""
    by_name = {pool.leaf.name: pool for pool in made}

    def mass(name: str, records: int) -> int:
        pool = by_name[name]
        if recipe.unit == "samples":
            return records
        return selection.mass_of(pool.rows, name, recipe.seed, records, pool.identity, pool.leaf.max_per_image)

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
            count = selection.prefix(pool.rows, name, recipe.seed, quota.ideal, pool.identity, cap)
        leaves.append(LeafPlan(pool, quota.ideal, count, mass(name, count)))
    return tuple(leaves), allotment.size


def leaf_reports(planned: Plan) -> dict[str, manifest.LeafReport]:
    """Describe every leaf of a plan as the manifest does, in recipe order."""
    return {leaf.name: _leaf_report(leaf, planned.records) for leaf in planned.leaves}


def _leaf_report(leaf: LeafPlan, records: int) -> manifest.LeafReport:
    ledger = leaf.pool.entry.ledger
    source = sources.get(ledger.source)
    own = leaf.pool.leaf.input.path
    whole, part = divmod(leaf.count, leaf.pool.records) if leaf.pool.records else (0, 0)
    return manifest.LeafReport(
        source=ledger.source,
        licence=source.licence,
        homepage=source.homepage,
        converter=ledger.converter,
        options=ledger.options,
        files=[
            manifest.InputFile(path=own.name if own else file.path, size=file.size, sha256=file.sha256)
            for file in ledger.files
        ],
        read=ledger.read,
        used=ledger.used,
        skipped=ledger.skipped,
        bad=ledger.bad,
        made=ledger.made,
        losses=leaf.pool.losses,
        pool=leaf.pool.records,
        ideal=float(leaf.ideal),
        ideal_exact=str(leaf.ideal),
        count=leaf.count,
        mass=leaf.mass,
        epochs=leaf.epochs,
        share=leaf.count / records if records else 0.0,
        min_times=whole,
        max_times=whole + (part > 0),
        notes=list(leaf.pool.notes),
    )


def _inputs(recipe: Recipe) -> Iterator[Input]:
    """Go through everything that a recipe converts."""
    for leaf in recipe.leaves():
        yield leaf.input
        for match in (*leaf.except_, *leaf.only):
            yield match.input
