"""The flow, top to bottom: recipe -> conversion -> planning -> selection -> ordering -> writers -> manifest."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from mixer import (
    __version__,
    atomic,
    caching,
    croissant,
    licences,
    manifest,
    mix_index,
    removed_records,
    writers,
)
from mixer.errors import DataError, IntegrityError
from mixer.garbage import collector_off
from mixer.leaf_reports import leaf_reports
from mixer.memory import available
from mixer.plans import Plan, Told, mix_name, plan, root_of
from mixer.processes import Engine, running
from mixer.progress import Progress, silent
from mixer.recipe import load_recipe, recipe_text
from mixer.records import at_hand
from mixer.remote import publishing
from mixer.remote.path import RemotePath, is_remote, parsed
from mixer.resolved import Output, Recipe
from mixer.store import measured
from mixer.writers import shards


@dataclass(frozen=True)
class Mix:
    """A finished mix on disk."""

    path: Path
    manifest: manifest.Manifest

    def _repr_html_(self) -> str:
        """Show it as a table in a notebook."""
        from mixer import notebook

        return notebook.mix_html({"path": str(self.path), **self.manifest.model_dump(mode="json")})


def build(
    recipe: Recipe | Path | str,
    out: Path | None = None,
    *,
    data: str | Path | None = None,
    media: Path | None = None,
    cache: Path | None = None,
    workers: int | Engine = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
    memory: int | None = None,
    locked: bool = False,
) -> Mix:
    """Build the mix of a recipe into a folder: `out`, or out/<name>. The old mix there is replaced in one step.

    Converted sources of more than `memory` bytes (default: what the machine has left) are gone through in order instead
    of being gathered from, in buckets that fit; no byte depends on it. `locked` refuses a recipe or raw files other
    than those of the mix at that folder. Raises UsageError when the folder is not a mix of ours, before any work;
    otherwise as `plan` does. An `out` in an object store holds many mixes, see remote/publishing.py.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(Path(recipe))
    target = parsed(out if out is not None else Path("out") / mix_name(recipe, root_of(recipe, data)))
    target = target if is_remote(target) else Path(os.path.normpath(target))

    def refuse() -> None:
        if isinstance(target, RemotePath):
            return publishing.refuse_mix(target)
        atomic.refuse_unspeakable(target)
        atomic.refuse_overlap(target, caching.folder(cache))
        return atomic.refuse_foreign(target, manifest.foreign)

    refuse()
    planned = plan(recipe, data=data, media=media, cache=cache, workers=workers, progress=progress, told=told)
    if locked:
        _check_locked(
            planned, publishing.newest(target)[1] if isinstance(target, RemotePath) else manifest.load(target)
        )
    if not planned.records:
        raise DataError(f"{recipe.name}: the mix would hold no record; raise its amounts or loosen its pool rules")

    def write(folder: Path) -> manifest.Manifest:
        limit = available() if memory is None else memory
        with running(workers) as engine:
            return _write(planned, folder, caching.folder(cache), limit, engine, progress)

    if isinstance(target, RemotePath):
        with publishing.sending_to(target, caching.folder(cache), progress) as folder:
            written = write(folder)
        return Mix(*publishing.newest(target / written.mix_id))

    def waiting() -> None:
        told(f"{target}: waiting for another build of this mix")

    with atomic.replacing(target, check=refuse, wait=waiting) as folder:
        if target.exists() and not atomic.can_exchange(folder):
            told(f"{target}: this file system cannot exchange folders: for one moment there will be no mix there")
        written = write(folder)
    return Mix(target, written)


def _write(
    planned: Plan, folder: Path, store: Path, memory: int, engine: Engine, progress: Progress
) -> manifest.Manifest:
    """Write the data files, the index and, last, the manifest of a mix into its folder."""
    recipe, targets = planned.recipe, _targets(planned.recipe)
    names = [(leaf.name, leaf.pool.entry.ledger.source) for leaf in planned.leaves]
    frames = writers.frames(targets[0].target)
    assert frames is not None, "the first target holds the conversations as they are"
    reports = leaf_reports(planned)
    about = {name: report.model_dump(mode="json") for name, report in reports.items()}
    with at_hand(planned, folder, store, memory, len(targets), engine, progress) as records:
        cut = [shards.cuts(records.lengths(), records.records, output.shards) for output in targets]
        # polars gives up the interpreter's lock, so the index is made on the second core while the data is written.
        with ThreadPoolExecutor(1) as thread, collector_off():
            rows = records.rows(mix_index.columns(tokens=bool(recipe.curation.tokens)))
            index = thread.submit(mix_index.write, rows, names, frames, cut[0], folder)
            outputs = []
            for output, ends in zip(targets, cut, strict=True):
                job = writers.Job(recipe.name, folder, recipe.kind, ends, _media(planned), output.compression, about)
                with progress(f"writing {output.target}", records.total) as advance:
                    written = records.write(output.target, job, advance)
                outputs += [manifest.OutputFile(target=output.target, **vars(each)) for each in written]
            mix_id = index.result()
        records.link(folder / manifest.MEDIA, progress)
    removed = None
    if recipe.curation.removes:
        removed = removed_records.write([leaf.pool for leaf in planned.leaves], folder / manifest.REMOVED)
    media = measured(folder / manifest.MEDIA)
    listed = list(reports) if recipe.order == "blocks" else sorted(reports)
    values = {
        **_head(planned, mix_id),
        "sources": {name: reports[name] for name in listed},
        "licences": licences.rolled_up(about),
        "outputs": outputs,
        "index": manifest.described(folder / manifest.INDEX),
        "curation": planned.curated,
        "removed": removed,
        **({"media": manifest.MediaFolder(path=manifest.MEDIA, **asdict(media))} if media.files else {}),
    }
    finished = manifest.sealed(values)
    if recipe.croissant:
        described = folder / manifest.CROISSANT
        atomic.write_file(described, croissant.croissant(finished, finished.outputs, croissant.media_in(folder)))
        finished = manifest.sealed({**values, "croissant": manifest.described(described)})
    atomic.write_file(folder / manifest.NAME, manifest.encode(finished))
    return finished


def _media(planned: Plan) -> tuple[Path, ...]:
    """List the roots below which media lie: first those that came with the annotations, then the user's."""
    own = dict.fromkeys(leaf.pool.entry.media for leaf in planned.leaves)
    return (*own, *([planned.data.media] if planned.data.media else []))


def _targets(recipe: Recipe) -> list[Output]:
    """List the targets to write, first one whose files hold the conversations as they are: the index points into them."""
    whole = [output for output in recipe.outputs if writers.frames(output.target)]
    first = whole[0] if whole else Output("jsonl")
    return [first, *(output for output in recipe.outputs if output != first)]


def _head(planned: Plan, mix_id: str) -> dict[str, Any]:
    """Say which mix it is, and of which recipe."""
    recipe, text = planned.recipe, recipe_text(planned.recipe)
    return {
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
    }


def _check_locked(planned: Plan, old: manifest.Manifest) -> None:
    """Raise IntegrityError when a recipe or its raw files are not those that a mix was built from."""
    changed = []
    if manifest.sha256_json(recipe_text(planned.recipe)) != old.recipe_sha256:
        changed.append("the recipe")
    for name, report in leaf_reports(planned).items():
        known = old.sources.get(name)
        if known is None:
            continue  # then the recipe changed, too
        if report.files != known.files:
            changed.append(f"raw files of {name}")
        if [match.files for match in report.compared] != [match.files for match in known.compared]:
            changed.append(f"files that {name} is compared with")
    if [*planned.curated] != old.curation:
        changed.append("files of its curation")
    if changed:
        raise IntegrityError(f"--locked: {', '.join(changed)} changed since the mix was built; build without --locked")
