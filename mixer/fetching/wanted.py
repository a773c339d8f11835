"""Which published files, and which folders of media, recipes and sources need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mixer import sources
from mixer.errors import UsageError, did_you_mean
from mixer.recipe import load_recipe
from mixer.resolved import Input, Recipe
from mixer.roots import find_recipe


@dataclass(frozen=True)
class Wanted:
    """A published path or pattern and the source that publishes it."""

    source: str
    path: str


def inputs(given: Sequence[str], options: Sequence[str] = ()) -> list[Input]:
    """Give what recipes and sources convert. A name is a source's before it is a shipped recipe's.

    Raises UsageError for a name of neither, for options of a recipe, and for a source of the user's own data.
    """
    found: list[Input] = []
    for name in given:
        if name in sources.names():
            source = sources.get(name)
            if source.own_path:
                raise UsageError(f"{name}: reads a file of your own, which is published nowhere")
            found.append(Input(name, sources.parse_options(source, options)))
            continue
        path = find_recipe(name)
        if not path.exists() and not path.suffix and len(path.parts) == 1:
            raise UsageError(f"unknown source or recipe {name!r}{did_you_mean(name, sources.names())}")
        if options:
            raise UsageError(f"{name}: --option is for sources; the options of a recipe stand in it")
        found += _of_recipe(load_recipe(path))
    return found


def _of_recipe(recipe: Recipe) -> Iterator[Input]:
    for leaf in recipe.leaves():
        yield leaf.input
        for match in (*leaf.except_, *leaf.only):
            yield match.input


def wanted(found: Sequence[Input]) -> list[Wanted]:
    """List the published files that inputs read, each once; those that a recipe says lie elsewhere are not wanted."""
    every: dict[Wanted, None] = {}
    for given in found:
        source = sources.get(given.source)
        if source.own_path:
            continue
        for file in source.every_file(given.options):
            if file.path not in given.files:
                every[Wanted(source.name, file.path)] = None
        for _, lookup in source.used_lookups(given.options):
            if lookup.file.path not in given.files:
                every[Wanted(lookup.source or source.name, lookup.file.path)] = None
    return list(every)


def media(found: Sequence[Input]) -> list[str]:
    """List the folders of media that the sources of inputs name, sorted."""
    return sorted({folder for given in found for folder in sources.get(given.source).media})


def is_filled(folder: Path) -> bool:
    """Say whether a folder of media holds anything."""
    return folder.is_dir() and any(folder.iterdir())
