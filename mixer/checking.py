"""What `mixer check` looks at, put together: media, leaks, licences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer import caching, collection, licences, sources
from mixer.collection import Collection
from mixer.errors import UsageError
from mixer.plans import Told
from mixer.processes import Engine, running
from mixer.progress import Progress, silent
from mixer.resolved import Benchmark, Decontaminate
from mixer.tables import table

if TYPE_CHECKING:
    from mixer.auditing.results import Audit
    from mixer.leaks.report import LeakReport


@dataclass(frozen=True)
class Checked:
    """What was found."""

    name: str
    audit: Audit | None
    """None: there is no media root to look below."""
    leaks: LeakReport | None
    """None: no benchmark was named."""
    licences: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]
    """Leaf, licence, its terms, those of them that the recipe refuses."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Say what is wrong, one line each; none: nothing is."""
        found = list(self.audit.problems) if self.audit else []
        if self.leaks and self.leaks.leaked:
            found.append(f"{self.leaks.leaked:,} records leak a benchmark")
        if self.leaks:
            found += self.leaks.uncompared
        refused = [leaf for leaf, _, _, terms in self.licences if terms]
        if refused:
            found.append(f"licences that the recipe does not allow: {', '.join(refused)}")
        return tuple(found)

    def write_repairs(self, out: Path, *, only_drop: bool) -> None:
        """Write the repair list. Raises UsageError where media were not looked at."""
        from mixer.auditing import repairs

        if self.audit is None:
            raise UsageError("--repairs: no media were looked at; name their root with --media DIR")
        repairs.write(self.audit.repairs(only_drop=only_drop), out)

    def values(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {
            "name": self.name,
            "media": self.audit.values() if self.audit else None,
            "leaks": self.leaks.values() if self.leaks else None,
            "licences": {
                leaf: {"licence": licence, "terms": list(terms), "refused": list(refused)}
                for leaf, licence, terms, refused in self.licences
            },
            "problems": list(self.problems),
        }

    def text(self) -> str:
        """Give it for people: a part for each."""
        media = self.audit.text() if self.audit else "not looked at: name their root with --media DIR"
        leaks = self.leaks.text() if self.leaks else "not looked for: name a benchmark with --benchmark NAME=PATH"
        rows = [
            [leaf, ", ".join(terms), ", ".join(refused), licence] for leaf, licence, terms, refused in self.licences
        ]
        about = table(["source", "<terms", "<refused", "<licence"], rows)
        well = "nothing is wrong" if self.audit else "nothing is wrong in what was looked at"
        said = [f"problem: {problem}" for problem in self.problems] or [well]
        return "\n".join(["Media", media, "", "Leaks", leaks, "", "Licences", about, "", *said])


def check(
    given: str,
    benchmarks: Sequence[str] = (),
    image_data: Path | None = None,
    *,
    decode: bool = False,
    options: Sequence[str] = (),
    path: Path | None = None,
    data: str | Path | None = None,
    media: Path | None = None,
    cache: Path | None = None,
    workers: int | Engine = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> Checked:
    """Check a recipe, a mix or a source; nothing is changed.

    `benchmarks` are `name=path` texts, the path a list or a folder of images, or `name:key=path` for lists of one's own; `options` and `path` are a source's.
    Raises as `collection.find` does, and for lists that cannot be read.
    """
    asked = _asked(benchmarks, image_data)
    found = collection.find(
        given, options=options, path=path, data=data, media=media, cache=cache, workers=workers, progress=progress,
        told=told,
    )  # fmt: skip
    asked = _joined(found.curation.decontaminate, asked)
    store = caching.folder(cache)
    with running(workers) as engine:
        audit = leaks = None
        if any(leaf.media for leaf in found.leaves):
            from mixer.auditing.audit import audit as look

            audit = look(found, decode=decode, store=store, workers=engine, progress=progress)
        if asked is not None:
            from mixer.leaks.report import check as find_leaks

            leaks = find_leaks(found, asked, store, engine, progress)
    return Checked(found.name, audit, leaks, tuple(_licences(found)))


def _asked(benchmarks: Sequence[str], image_data: Path | None) -> Decontaminate | None:
    """Read what the command line says of benchmarks; several paths of one name are put together."""
    named: dict[str, Benchmark] = {}
    for text in benchmarks:
        name, equals, path = text.partition("=")
        name, colon, key = name.partition(":")
        if not (name and equals and path) or (colon and not key):
            raise UsageError(
                f"--benchmark {text}: expected NAME=PATH, such as pope=coco_pope_random.json, or NAME:KEY=PATH for a list "
                "of your own, such as mine:coco=ids.txt"
            )
        known = replace(named.get(name, Benchmark(name)), key=key or None)
        if Path(path).is_dir():
            named[name] = replace(known, images=Path(path))
        else:
            named[name] = replace(known, files=(*known.files, Path(path)))
    return Decontaminate(tuple(named.values()), image_data=image_data) if named else None


def _joined(recipe: Decontaminate | None, asked: Decontaminate | None) -> Decontaminate | None:
    """Look for the recipe's benchmarks and for those of the command line, which stand in for the recipe's own of a name."""
    if recipe is None or asked is None:
        return recipe or asked
    names = {each.name for each in asked.benchmarks}
    both = (*(each for each in recipe.benchmarks if each.name not in names), *asked.benchmarks)
    return Decontaminate(both, image_data=asked.image_data or recipe.image_data)


def _licences(found: Collection) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    gate = found.curation.licences
    told = []
    for leaf in found.leaves:
        source = sources.get(leaf.source)
        refused = tuple(licences.refused_terms(source.terms, gate)) if gate else ()
        told.append((leaf.name, source.licence, source.terms, refused))
    return told
