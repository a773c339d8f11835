"""The gate of licences: whether a mix may use what its recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mixer import sources
from mixer.errors import DataError
from mixer.resolved import Licences, Recipe

UNKNOWN = "unknown"
"""Among a source's terms: nobody has stated a licence for it, or for a part of it."""


def check(recipe: Recipe) -> None:
    """Refuse a recipe whose sources have terms that it does not allow. Raises DataError with the reason per source."""
    asked = recipe.curation.licences
    if asked is None:
        return
    refused = []
    for leaf in recipe.leaves():
        source = sources.get(leaf.input.source)
        terms = refused_terms(source.terms, asked)
        if terms:
            refused.append(f"{leaf.name}: licence {source.licence}: {_why(terms)}")
    if refused:
        allowed = ", ".join(asked.allow)
        raise DataError(
            "\n".join([*refused, f"{recipe.name}: `licence:` allows {allowed}; remove these sources, or allow more"])
        )


def refused_terms(terms: tuple[str, ...], asked: Licences) -> list[str]:
    """List the terms of a source that are not allowed; how they are capitalised does not matter."""
    allowed = {name.casefold() for name in asked.allow}
    if asked.unknown == "allow":
        allowed.add(UNKNOWN)
    return [term for term in terms if term.casefold() not in allowed]


def rolled_up(leaves: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Roll up what must be accepted: term -> how many leaves and records of the mix it is about."""
    rolled: dict[str, dict[str, int]] = {}
    for leaf in leaves.values():
        for term in leaf["terms"]:
            about = rolled.setdefault(term, {"leaves": 0, "records": 0})
            about["leaves"] += 1
            about["records"] += leaf["count"]
    return dict(sorted(rolled.items()))


def _why(terms: list[str]) -> str:
    named = [term for term in terms if term != UNKNOWN]
    said = [f"{', '.join(named)} not allowed"] if named else []
    if UNKNOWN in terms:
        said.append("not stated, and `unknown: error` refuses that")
    return "; ".join(said)
