"""Recipe files: read, and merged with the ones they extend.

Every value keeps the place where it was written, so that a mistake in a parent is shown in the parent, and a path is
looked for beside the file that wrote it.
"""

from __future__ import annotations

import os
from typing import Any

from mixer.errors import RecipeError, did_you_mean
from mixer.recipe.language import AMOUNTS, VERSION
from mixer.recipe.mistakes import Mistakes
from mixer.recipe.quantities import described
from mixer.recipe.yaml_scalars import Number
from mixer.recipe.yaml_text import PathKey, Place, Tree, load_yaml

MAX_CHAIN = 32
"""The longest chain of files that name each other."""
_MANY = 20
"""More names than this are not listed in a message."""


def read_recipe(file: str, found: Mistakes, chain: tuple[str, ...] = ()) -> Tree | None:
    """Read a recipe and what it extends; None where its text cannot be read at all. Raises OSError.

    Mistakes are added to `found`. `chain` holds the real paths of the files that led here.
    """
    try:
        tree = load_yaml(file)
    except RecipeError as error:
        found.refuse(error.problems)
        return None
    found.refuse(tree.problems)
    _check_version(tree, found)
    parent = tree.value.pop("extends", None)
    if ("extends",) not in tree.places:
        return tree
    place = tree.places["extends",]
    if not isinstance(parent, str) or isinstance(parent, Number) or not parent:
        found.append(place.problem(f"expected the path of a recipe, got {described(parent)}"))
        return None
    below = follow(place, parent, found, chain or (os.path.realpath(file),))
    return merged(below, tree) if below else None


def follow(place: Place, name: str, found: Mistakes, chain: tuple[str, ...]) -> Tree | None:
    """Read the recipe that is named at a place; None, with the reason in `found`, where that cannot be done."""
    file = beside(place, name)
    real = os.path.realpath(file)
    if real in chain:
        files = " -> ".join(map(os.path.basename, (*chain[chain.index(real) :], real)))
        found.append(place.problem(f"recipes read each other in a circle: {files}"))
    elif len(chain) >= MAX_CHAIN:
        found.append(place.problem(f"more than {MAX_CHAIN} recipes name each other in a chain"))
    else:
        try:
            return read_recipe(file, found, (*chain, real))
        except OSError as error:
            found.append(place.problem(unreadable(file, error)))
    return None


def beside(place: Place, name: str) -> str:
    """Give a path as the file that wrote it means it: from that file's folder."""
    return os.path.normpath(os.path.join(os.path.dirname(place.file), name))  # noqa: PTH118, PTH120 - as shown


def unreadable(file: str, error: OSError) -> str:
    """Say in one line why a recipe cannot be read."""
    if not isinstance(error, FileNotFoundError):
        return f"cannot read {file}: {error.strerror}"
    folder, name = os.path.split(file)
    try:
        names = [entry for entry in os.listdir(folder or ".") if entry.endswith((".yaml", ".yml"))]  # noqa: PTH208
    except OSError:
        return f"there is no {file}: its folder does not exist"
    hint = did_you_mean(name, names)
    return f"there is no {file}{'' if hint.startswith(' (known') and len(names) > _MANY else hint}"


def _check_version(tree: Tree, found: Mistakes) -> None:
    """Refuse a file that does not say the version of the language it is written in."""
    if ("mixer",) not in tree.keys:
        message = f"key 'mixer' is missing: a recipe starts with `mixer: {VERSION}`, the version of the language"
        found.append(tree.places[()].problem(message))
    elif tree.value["mixer"] != Number(VERSION) or not isinstance(tree.value["mixer"], Number):
        got = described(tree.value["mixer"])
        found.append(
            tree.places["mixer",].problem(f"expected `mixer: {VERSION}`, the version of the language, got {got}")
        )


def merged(parent: Tree, child: Tree) -> Tree:
    """Lay a recipe over the one that it extends: maps merge, all else is replaced, null removes."""
    gone: set[PathKey] = set()
    value = _merged(parent.value, child.value, (), gone)
    places = _kept(parent.places, gone) | child.places
    return Tree(child.file, value, places, _kept(parent.keys, gone) | child.keys)


def _kept(places: dict[PathKey, Place], gone: set[PathKey]) -> dict[PathKey, Place]:
    """Leave out the places of values that are gone, and of all inside them."""
    return {
        path: place for path, place in places.items() if not any(path[:end] in gone for end in range(len(path) + 1))
    }


def _merged(old: dict[str, Any], new: dict[str, Any], path: PathKey, gone: set[PathKey]) -> dict[str, Any]:
    result = dict(old)
    is_leaf = len(path) == 2 and path[0] == "sources"
    if is_leaf and any(new.get(kind) is not None for kind in AMOUNTS):
        for kind in AMOUNTS:
            result.pop(kind, None)
    for key, item in new.items():
        before = old.get(key)
        if isinstance(item, dict) and isinstance(before, dict):
            result[key] = _merged(before, item, (*path, key), gone)
            continue
        gone.add((*path, key))
        if item is None and key in old:
            result.pop(key, None)
        else:
            result[key] = item
    return result
