"""Recipes: text in, a resolved recipe out, and the resolved recipe as plain values for the manifest.

yaml_text reads, merging follows `extends`, language judges each map, resolving and inputs what holds between them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from mixer.errors import RecipeError, UsageError
from mixer.recipe.language import VERSION
from mixer.recipe.merging import read_recipe, unreadable
from mixer.recipe.mistakes import Mistakes
from mixer.recipe.quantities import MAX_INTEGER
from mixer.recipe.resolving import Resolver
from mixer.resolved import (
    Amount,
    Benchmark,
    Curation,
    Decontaminate,
    Dedup,
    Group,
    Input,
    Leaf,
    Match,
    Output,
    Recipe,
)

__all__ = ["load_recipe", "recipe_text"]


def load_recipe(path: str | Path, seed: int | None = None, size: int | None = None) -> Recipe:
    """Read a recipe; `seed` and `size` replace its own.

    Raises RecipeError with all mistakes of its text, UsageError where there is no such file.
    """
    _check_override("seed", seed, 0)
    _check_override("size", size, 1)
    file = os.fspath(path)
    found = Mistakes()
    try:
        tree = read_recipe(file, found)
    except OSError as error:
        raise UsageError(unreadable(file, error)) from None
    recipe = Resolver(found).recipe(tree, seed, size) if tree else None
    if found or recipe is None:
        raise RecipeError(found.shown(file))
    return recipe


def _check_override(name: str, value: int | None, minimum: int) -> None:
    if value is not None and not minimum <= value <= MAX_INTEGER:
        raise UsageError(f"expected a {name} from {minimum} to {MAX_INTEGER}, got {value}")


# --- the resolved recipe as plain values -----------------------------------------------------------------------------


def recipe_text(recipe: Recipe) -> dict[str, Any]:
    """Give a recipe as resolved, in plain JSON values: what the manifest holds and hashes.

    Two recipes that mean the same give the same, however they are written. Keys that do not apply are absent. Paths are
    base names: a manifest holds no absolute path.
    """
    in_order = recipe.order == "blocks"
    head = {
        "mixer": VERSION,
        "name": recipe.name,
        "kind": recipe.kind,
        "seed": recipe.seed,
        "unit": recipe.unit,
        "size": recipe.size,
    }
    rest = {
        "sources": _entries(recipe.children, in_order=in_order),
        "on_short": recipe.on_short,
        "order": recipe.order,
        "output": [_output(output) for output in recipe.outputs],
        "max_bad": _number(recipe.max_bad),
        "croissant": recipe.croissant or None,
        **_curation(recipe.curation),
    }
    return _without_nothing(head | rest)


def _entries(children: tuple[Leaf | Group, ...], *, in_order: bool) -> dict[str, Any]:
    """List entries by name, or, where the mix follows it, in the order of the recipe."""
    listed = children if in_order else sorted(children, key=lambda child: child.name)
    return {child.name: _entry(child, in_order=in_order) for child in listed}


def _entry(child: Leaf | Group, *, in_order: bool) -> dict[str, Any]:
    if isinstance(child, Leaf):
        return _leaf(child)
    nested = {"size": child.size, "sources": _entries(child.children, in_order=in_order)}
    return {"recipe": _without_nothing(nested), **_amount(child.amount)}


def _leaf(leaf: Leaf) -> dict[str, Any]:
    entry = {
        "use": leaf.input.source,
        **_input(leaf.input),
        "where": leaf.where.text if leaf.where else None,
        "except": [_match(match) for match in leaf.except_] or None,
        "only": [_match(match) for match in leaf.only] or None,
        "max_per_image": leaf.max_per_image,
        **_amount(leaf.amount),
        "max_epochs": None if leaf.max_epochs is None else _number(leaf.max_epochs),
    }
    return _without_nothing(entry)


def _match(match: Match) -> dict[str, Any]:
    return _without_nothing(
        {"source": match.input.source, **_input(match.input), "by": match.by, "expect": match.expect}
    )


def _input(given: Input) -> dict[str, Any]:
    return {
        "path": given.path.name if given.path else None,
        "files": {published: path.name for published, path in sorted(given.files.items())} or None,
        "options": plain_option(given.options.model_dump(mode="json")) or None,
    }


def plain_option(value: Any) -> Any:
    """Sort maps, and reduce absolute paths, such as the prefix that is cut from media paths, to base name and hash."""
    if isinstance(value, dict):
        return {key: plain_option(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [plain_option(item) for item in value]
    if not (isinstance(value, str) and value.startswith("/")):
        return value
    return f"{PurePosixPath(value).name} (sha256 {sha256(value.encode()).hexdigest()})"


def _output(output: Output) -> dict[str, Any]:
    shards = (
        {f"shard_{output.shards.by}".replace("shard_shards", "shards"): output.shards.value} if output.shards else {}
    )
    packed: dict[str, Any] = {"compression": output.compression} if output.compression else {}
    if output.separators == "keep":
        packed["separators"] = "keep"
    return {"for": output.target, "inexpressible": output.inexpressible, **packed, **shards}


def _curation(curation: Curation) -> dict[str, Any]:
    """Give what is said of the whole mix; of a file its base name, since its hash stands in the manifest."""
    licences, dedup, tokens = curation.licences, curation.dedup, curation.tokens
    return {
        "licence": {"allow": sorted(licences.allow), "unknown": licences.unknown} if licences else None,
        "exclude": [path.name for path in curation.exclude] or None,
        "decontaminate": _decontaminate(curation.decontaminate) if curation.decontaminate else None,
        "dedup": _dedup(dedup) if dedup else None,
        "tokens": {"tokenizer": tokens.tokenizer.name, "image": tokens.image} if tokens else None,
    }


def _decontaminate(gate: Decontaminate) -> dict[str, Any]:
    benchmarks = {each.name: _benchmark(each) for each in gate.benchmarks}
    image_data = gate.image_data.name if gate.image_data else None
    return _without_nothing({"benchmarks": benchmarks, "on_leak": gate.on_leak, "image_data": image_data})


def _benchmark(benchmark: Benchmark) -> dict[str, Any]:
    return _without_nothing(
        {
            "files": [path.name for path in benchmark.files] or None,
            "by": list(benchmark.by) or None,
            "key": benchmark.key,
            "field": benchmark.field,
            "images": benchmark.images.name if benchmark.images else None,
            "ngram": benchmark.ngram,
            "distance": benchmark.distance,
        }
    )


def _dedup(dedup: Dedup) -> dict[str, Any]:
    near = {
        of: {"file": each.file.name, "threshold": _number(each.threshold)} if each else None
        for of, each in (("images", dedup.images), ("text", dedup.text))
    }
    return _without_nothing({**near, "scope": dedup.scope})


def _amount(amount: Amount | None) -> dict[str, Any]:
    return {amount.kind: _number(amount.value)} if amount else {}


def _number(value: Fraction) -> int | str:
    return value.numerator if value.denominator == 1 else str(value)


def _without_nothing(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}
