"""The flow, top to bottom: recipe -> conversion -> planning -> selection -> ordering -> writers -> manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from mixer import (
    __version__,
    atomic,
    caching,
    conversion,
    gathering,
    manifest,
    ordering,
    planning,
    pools,
    selection,
    sources,
    writers,
)
from mixer.errors import DataError, IntegrityError, MissingFile, UsageError
from mixer.listing import Listed, listed
from mixer.pools import Pool
from mixer.processes import Workers
from mixer.progress import Progress, silent
from mixer.recipe import load_recipe, recipe_text
from mixer.resolved import Input, Recipe
from mixer.store import Entry, Store

if TYPE_CHECKING:
    import polars as pl

MINIATURES = Path(__file__).parent / "miniatures"
"""The tiny invented copies of every source's raw files, which a build without data uses."""

Told = Callable[[str], None]


@dataclass(frozen=True)
class DataRoot:
    """The folder that holds the raw files, and whether the user gave it."""

    path: Path | None
    kind: Literal["given", "miniatures"]


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

    @property
    def mix_name(self) -> str:
        """Name of the mix's folder."""
        return self.recipe.name if self.data.kind == "given" else f"{self.recipe.name}-miniature"


@dataclass(frozen=True)
class Mix:
    """A finished mix on disk."""

    path: Path
    manifest: manifest.Manifest


def find_recipe(given: str) -> Path:
    """Give the file of a recipe: the path as given, else the shipped recipe of that name."""
    path = Path(given)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    for folder in (Path(__file__).parent / "recipes", Path(__file__).parents[1] / "recipes"):
        shipped = folder / f"{given}.yaml"
        if shipped.is_file():
            return shipped
    return path


def data_root(wanted: set[str], data: str | Path | None) -> DataRoot:
    """Choose the data root for the sources a recipe wants: as given, else ./data if it holds one, else the miniatures."""
    if str(data) == "miniatures":
        return DataRoot(MINIATURES, "miniatures")
    if data is not None:
        path = Path(data)
        if not path.is_dir():
            raise MissingFile(
                f"{path}: no such folder, which --data names; make it, or leave --data out for miniatures"
            )
        return DataRoot(path, "given")
    if not wanted:
        return DataRoot(None, "given")
    here = Path("data")
    if any((here / name).is_dir() for name in wanted):
        return DataRoot(here, "given")
    return DataRoot(MINIATURES, "miniatures")


def _inputs(recipe: Recipe) -> Iterator[Input]:
    """Go through everything that a recipe converts."""
    for leaf in recipe.leaves():
        yield leaf.input
        for match in (*leaf.except_, *leaf.only):
            yield match.input


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
    root = data_root({given.source for given in inputs if not sources.get(given.source).own_path}, data)
    if root.kind == "miniatures":
        told("no data root: using the built-in miniatures (name yours with --data DIR)")
    with Workers(workers) as pool:
        convert = _converter(recipe, inputs, root, Store(caching.folder(cache)), pool, progress, told)
        made = [
            pools.pool(leaf, recipe, convert(leaf.input), convert, expecting=root.kind == "given")
            for leaf in recipe.leaves()
        ]
    if root.kind == "miniatures":
        recipe = planning.scale_to_pools(recipe, _sizes(made))
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


def _allot(recipe: Recipe, made: list[Pool]) -> tuple[tuple[LeafPlan, ...], int | None]:
    """Resolve amounts to ideals, records and masses; give the size that was kept beside them."""
    by_name = {pool.leaf.name: pool for pool in made}

    def mass(name: str, records: int) -> int:
        pool = by_name[name]
        return selection.mass_of(
            pool.rows, name, recipe.seed, records, _identity([pool.entry]), pool.leaf.max_per_image
        )

    in_samples = recipe.unit == "samples"
    allotment = planning.allot(recipe, _sizes(made), None if in_samples else mass)
    leaves = []
    for pool in made:
        name, quota = pool.leaf.name, allotment.quotas[pool.leaf.name]
        count = quota.count
        if count is None:
            identity, cap = _identity([pool.entry]), pool.leaf.max_per_image
            count = selection.prefix(pool.rows, name, recipe.seed, quota.ideal, identity, cap)
        leaves.append(LeafPlan(pool, quota.ideal, count, count if in_samples else mass(name, count)))
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


def build(
    recipe: Recipe | Path | str,
    out: Path | None = None,
    *,
    data: str | Path | None = None,
    cache: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
    locked: bool = False,
) -> Mix:
    """Build the mix of a recipe into a folder: `out`, or out/<name>. The old mix there is replaced in one step.

    `locked` refuses a recipe or raw files other than those of the mix at that folder. Raises UsageError when the
    folder is not a mix of ours, before any work; otherwise as `plan` does.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    if out is not None:
        atomic.refuse_foreign(out, manifest.foreign)
    planned = plan(recipe, data=data, cache=cache, workers=workers, progress=progress, told=told)
    target = out if out is not None else Path("out") / planned.mix_name
    atomic.refuse_foreign(target, manifest.foreign)
    if locked:
        _check_locked(planned, manifest.load(target))
    if not planned.records:
        raise DataError(f"{recipe.name}: the mix would hold no record; raise its amounts or loosen its pool rules")
    order = _order(planned)

    def waiting() -> None:
        told(f"{target}: waiting for another build of this mix")

    with atomic.replacing(target, wait=waiting) as folder:
        if target.exists() and not atomic.can_exchange(folder):
            told(f"{target}: this file system cannot exchange folders: for one moment there will be no mix there")
        written = _write(planned, order, folder, progress)
    return Mix(target, written)


def _order(planned: Plan) -> pl.DataFrame:
    """Choose the records of every leaf and put them in the mix's one order: entry, row, leaf and pass of each."""
    import polars as pl

    recipe, names = planned.recipe, [leaf.name for leaf in planned.leaves]
    chosen = []
    for code, leaf in enumerate(planned.leaves):
        identity = _identity([leaf.pool.entry])
        rows = selection.select(
            leaf.pool.rows, leaf.name, recipe.seed, leaf.count, identity, leaf.pool.leaf.max_per_image
        )
        chosen.append(rows.with_columns(pl.lit(code, dtype=pl.UInt16).alias("leaf")))
    entries = [leaf.pool.entry for leaf in planned.leaves]
    ordered = ordering.order(pl.concat(chosen), recipe.order, names, _identity(entries))
    return ordered.select("leaf", "row", "pass")


def _identity(entries: list[Entry]) -> ordering.Identity:
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


def _write(planned: Plan, order: pl.DataFrame, folder: Path, progress: Progress) -> manifest.Manifest:
    """Write the data files, the index and, last, the manifest of a mix into its folder."""
    import polars as pl

    recipe = planned.recipe
    entries = [leaf.pool.entry for leaf in planned.leaves]
    index = pl.concat(gathering.index(entries, order, [leaf.name for leaf in planned.leaves]))
    total = int(index["length"].cast(pl.UInt64).sum())
    atomic.ensure_space(folder, total * len(recipe.outputs))
    outputs = []
    for output in recipe.outputs:
        writer = writers.get(output.target)
        path = folder / f"{recipe.name}{writer.SUFFIX}"
        with progress(f"writing {path.name}", total) as advance:
            written = writer.write(path, gathering.batches(entries, order), advance)
        outputs.append(manifest.OutputFile(path=path.name, target=output.target, **vars(written)))
    positions = writers.get(recipe.outputs[0].target).positions(pl.col("length"))
    index = index.with_columns(positions.alias("offset")).select(manifest.INDEX_COLUMNS)
    index.write_parquet(folder / manifest.INDEX, compression="zstd")
    finished = _manifest(planned, outputs, _described(folder), manifest.mix_id(index.iter_slices(manifest.SLICE)))
    atomic.write_file(folder / manifest.NAME, manifest.encode(finished))
    return finished


def _described(folder: Path) -> manifest.IndexFile:
    path = folder / manifest.INDEX
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return manifest.IndexFile(path=path.name, bytes=path.stat().st_size, sha256=sha256)


def _manifest(
    planned: Plan, outputs: list[manifest.OutputFile], index: manifest.IndexFile, mix_id: str
) -> manifest.Manifest:
    recipe, text = planned.recipe, recipe_text(planned.recipe)
    reports = leaf_reports(planned)
    names = list(reports) if recipe.order == "blocks" else sorted(reports)
    return manifest.sealed(
        {
            "mixer": 1,
            "version": __version__,
            "name": recipe.name,
            "mix_id": mix_id,
            "seed": recipe.seed,
            "unit": recipe.unit,
            "size": planned.size,
            "order": recipe.order,
            "data": planned.data.kind,
            "records": planned.records,
            "recipe": text,
            "recipe_sha256": manifest.sha256_json(text),
            "sources": {name: reports[name] for name in names},
            "outputs": outputs,
            "index": index,
        }
    )


def _check_locked(planned: Plan, old: manifest.Manifest) -> None:
    """Raise IntegrityError when a recipe or its raw files are not those that a mix was built from."""
    changed = []
    if manifest.sha256_json(recipe_text(planned.recipe)) != old.recipe_sha256:
        changed.append("the recipe")
    reports = leaf_reports(planned)
    for name, leaf in old.sources.items():
        if name in reports and reports[name].files != leaf.files:
            changed.append(f"raw files of {name}")
    if changed:
        raise IntegrityError(f"--locked: {', '.join(changed)} changed since the mix was built; build without --locked")


def convert(
    source: str,
    options: Sequence[str] = (),
    path: Path | None = None,
    *,
    data: str | Path | None = None,
    cache: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> Entry:
    """Convert one source; `options` are `key=value` texts, `path` the file of a generic source.

    Raises UsageError for an unknown source or option; otherwise as `plan` does, but bad items never stop it.
    """
    about = sources.get(source)
    if about.own_path != (path is not None):
        raise UsageError(f"{source}: {'needs the file to read: --path FILE' if about.own_path else 'takes no --path'}")
    given = Input(source, sources.parse_options(about, options), path)
    root = data_root(set() if about.own_path else {source}, data)
    if root.kind == "miniatures":
        told("no data root: using the built-in miniatures (name yours with --data DIR)")
    with Workers(workers) as pool:
        located = conversion.locate(given, root.path)
        store = Store(caching.folder(cache))
        return conversion.convert(located, store, pool, progress, max_bad=Fraction(1), told=told)


def copy_lines(entry: Entry, out: Path) -> None:
    """Write a converted source's conversations to one JSON Lines file, which is seen whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing_file(out) as file:
        for part in entry.ledger.parts:
            with entry.data(part).open("rb") as lines:
                while block := lines.read(1 << 20):
                    file.write(block)


def list_sources(name: str | None = None, *, data: str | Path | None = None) -> list[Listed]:
    """Describe all sources, or one, with which of their files the data root has."""
    wanted = (name,) if name else sources.names()
    root = data_root(set(sources.names()), data)
    here = root.path if root.kind == "given" or data is not None else None
    return [listed(each, here, _example(each) if name else None) for each in wanted]


def _example(name: str) -> dict[str, Any] | None:
    """Give the first conversation of a source's miniature."""
    source = sources.get(name)
    if source.own_path:
        return None
    with TemporaryDirectory() as scratch:
        entry = convert(name, data="miniatures", cache=Path(scratch))
        for part in entry.ledger.parts[:1]:
            with entry.data(part).open("rb") as lines:
                first: dict[str, Any] = json.loads(lines.readline())
                return first
    return None
