"""Recipes: text in, a resolved recipe out, and the resolved recipe as text for the manifest.

yaml_text reads, merging follows `extends`, language judges each map, resolving and inputs what holds between them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mixer.errors import Problem, RecipeError, UsageError
from mixer.language import VERSION
from mixer.merging import read_recipe, unreadable
from mixer.quantities import MAX_INTEGER
from mixer.resolved import ALL_ONCE, Amount, Group, Input, Leaf, Match, Recipe
from mixer.resolving import Resolver

MAX_PROBLEMS = 100
"""More mistakes than this are not shown at once."""

Child = Leaf | Group


def load_recipe(path: str | Path, seed: int | None = None, size: int | None = None) -> Recipe:
    """Read a recipe; `seed` and `size` replace its own.

    Raises RecipeError with all mistakes of its text, UsageError where there is no such file.
    """
    _check_override("seed", seed, 0)
    _check_override("size", size, 1)
    file = os.fspath(path)
    found: list[Problem] = []
    recipe = None
    try:
        tree = read_recipe(file, found)
        read = len(found)
        recipe = Resolver(found).recipe(tree, seed, size) if tree else None
    except OSError as error:
        raise UsageError(unreadable(file, error)) from None
    except RecipeError as error:
        found += error.problems
    if found or recipe is None:
        raise RecipeError(_shown(found[:read], found[read:], file))
    return recipe
