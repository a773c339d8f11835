"""Why two mixes differ: what they were made of, compared by their manifests alone. Pure.

A `Change` is plain JSON values. Its `said` completes "because ...": `its weight went from 1 to 2`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict

from mixer.manifest import InputFile, LeafReport, Manifest
from mixer.tables import cut, number

About = Literal["version", "data", "recipe", "files", "converter", "curation", "pool", "licence"]
AMOUNTS = ("count", "epochs", "budget", "share", "weight")
_CURATION = ("licence", "exclude", "decontaminate", "dedup", "tokens")
"""Keys of a recipe that are about its whole mix and change pools."""
_LOST = ("skipped", "bad", "losses", "excluded", "leaks")
WIDTH = 120
"""Characters of a value that are said; the JSON has all."""


class Change(TypedDict):
    """One thing that differs in what two mixes were made of."""

    about: About
    leaf: str | None
    """Or a group of the recipe; None: it is about the whole mix."""
    what: str
    """Where it stands: a path of the recipe, the name of a file, of a number."""
    old: Any
    """None: there was none."""
    new: Any
    """None: there is none any more."""
    said: str


def changes(a: Manifest, b: Manifest) -> list[Change]:
    """List what differs, what is behind it first: version, recipe, and leaf by leaf what lies on disk and what it gives."""
    found = [
        _change(about, None, about, old, new, f"{name} went from {old} to {new}")
        for about, name, old, new in (
            ("version", "mixer's version", a.version, b.version),
            ("data", "the data", a.data, b.data),
        )
        if old != new
    ]
    found += _recipe_changes(a, b)
    found += _curation_files(a, b)
    for name in sorted({*a.sources} & {*b.sources}):
        found += _leaf_changes(name, a.sources[name], b.sources[name])
    return found


def _change(about: Any, leaf: str | None, what: str, old: Any, new: Any, said: str) -> Change:
    return Change(about=about, leaf=leaf, what=what, old=old, new=new, said=said)


def reason(change: Change) -> str:
    """Write a change as a line by itself."""
    owner = change["leaf"] or change["about"]
    if change["about"] in ("version", "data"):
        return f"{change['what']}: {change['old']} -> {change['new']}"
    if change["about"] == "recipe":
        old, new = change["old"], change["new"]
        if {type(old), type(new)} == {
            dict,
            type(None),
        }:  # whole entries come and go; what is in both is told key by key
            return f"recipe: {change['what']}: {'new' if old is None else 'gone'}"
        return f"recipe: {change['what']}: {_told(old)} -> {_told(new)}"
    return f"{owner}: {change['said'].removeprefix('its ')}"


def _told(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value}"
    return "nothing" if value is None else cut(_written(value), WIDTH)


def _written(value: Any) -> str:
    """Write words as they are, and lists, maps and truth values as JSON, not as Python."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- the recipe -------------------------------------------------------------------------------------------------------


def _recipe_changes(a: Manifest, b: Manifest) -> Iterator[Change]:
    for path, old, new in _differing(a.recipe, b.recipe, ()):
        leaf, said = _recipe_said(path, old, new)
        yield _change("recipe", leaf, ".".join(("$", *path)), old, new, said)
    blocks = [[name for name in each.sources if name in other.sources] for each, other in ((a, b), (b, a))]
    if a.order == b.order == "blocks" and blocks[0] != blocks[1]:
        yield _change("recipe", None, "$.sources", blocks[0], blocks[1], "its sources stand in another order")


def _differing(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Go through the places where two JSON values differ; what only one has comes whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _differing(old.get(key), new.get(key), (*path, key))
    elif old != new:
        yield path, old, new


def _recipe_said(path: tuple[str, ...], old: Any, new: Any) -> tuple[str | None, str]:
    """Say a change of a recipe, and of which leaf or group it is: None for the whole mix."""
    groups, rest = [], path
    while len(rest) > 1 and rest[0] == "sources":
        groups.append(rest[1])
        rest = rest[2:]
        if rest[:2] == ("recipe", "sources"):
            rest = rest[1:]
    if not groups:
        return None, _went(f"the recipe's {' '.join(rest)}", old, new)
    owner = groups[-1]
    if not rest:
        return owner, "it is new in the recipe" if old is None else "it is gone from the recipe"
    if rest[0] == "recipe":
        rest = rest[1:] or ("nested recipe",)
    return owner, _went(f"its {' '.join(rest)}", old, new)


def _went(name: str, old: Any, new: Any) -> str:
    if old is None:
        return f"{name} is new: {_value(new)}"
    if new is None:
        return f"{name} is gone: {_value(old)}"
    return f"{name} went from {_value(old)} to {_value(new)}"


def _value(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    return cut(_written(value), WIDTH)


def groups_of(recipe: Mapping[str, Any], leaf: str) -> list[tuple[list[str], Mapping[str, Any]]]:
    """List the places of a leaf in a recipe: the groups around it, and its entry."""

    def walk(sources: Mapping[str, Any], around: list[str]) -> Iterator[tuple[list[str], Mapping[str, Any]]]:
        for name, entry in sources.items():
            if "recipe" in entry:
                yield from walk(entry["recipe"]["sources"], [*around, name])
            elif name == leaf:
                yield around, entry

    return list(walk(recipe["sources"], []))


# --- what lies on disk ------------------------------------------------------------------------------------------------


def _curation_files(a: Manifest, b: Manifest) -> Iterator[Change]:
    old, new = ({(each.role, each.path): each.sha256 for each in mix.curation} for mix in (a, b))
    for role, path in sorted({*old, *new}):
        before, after = old.get((role, path)), new.get((role, path))
        if before != after:
            yield _change(
                "curation", None, f"{role}: {path}", before, after, _file_said(f"{role} {path}", before, after)
            )


def _file_said(name: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"{name} is new"
    return f"{name} is gone" if new is None else f"{name} has other content"


def _leaf_changes(name: str, a: LeafReport, b: LeafReport) -> Iterator[Change]:
    """Go through what differs of a leaf that both mixes have."""
    yield from _files(name, "its raw file", a.files, b.files)
    yield from _files(
        name, "its compared file", *([file for each in x.compared for file in each.files] for x in (a, b))
    )
    for what, old, new in (
        ("its converter", a.converter, b.converter),
        ("its comparison's converter", [x.converter for x in a.compared], [x.converter for x in b.compared]),
    ):
        if old and new and old != new:
            yield _change("converter", name, what.removeprefix("its "), old, new, f"{what} changed")
    if a.licence != b.licence:
        yield _change("licence", name, "licence", a.licence, b.licence, _went("its licence", a.licence, b.licence))
    for what in ("read", "made", "pool"):
        old, new = getattr(a, what), getattr(b, what)
        if old != new:
            yield _change("pool", name, what, old, new, _COUNTED[what].format(_value(old), _value(new)))
    yield from _losses(name, a, b)


_COUNTED = {
    "read": "its raw items went from {} to {}",
    "made": "its conversations went from {} to {}",
    "pool": "its pool went from {} to {}",
}


def _files(leaf: str, what: str, a: Sequence[InputFile], b: Sequence[InputFile]) -> Iterator[Change]:
    old, new = ({file.path: file.sha256 for file in files} for files in (a, b))
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before != after:
            yield _change("files", leaf, path, before, after, _file_said(f"{what} {path}", before, after))


def _losses(leaf: str, a: LeafReport, b: LeafReport) -> Iterator[Change]:
    for kind in _LOST:
        old, new = getattr(a, kind), getattr(b, kind)
        for step in sorted({*old, *new}):
            before, after = old.get(step, 0), new.get(step, 0)
            if before != after:
                said = f"{_LOST_SAID[kind].format(step)}: {_value(before)} before, {_value(after)} now"
                yield _change("pool", leaf, f"{kind}: {step}", before, after, said)


_LOST_SAID = {
    "skipped": "its items skipped ({})",
    "bad": "its bad items ({})",
    "losses": "its records that `{}` takes out",
    "excluded": "its records that the list {} excludes",
    "leaks": "its records that leak {}",
}


# --- which of them are behind a leaf's difference ---------------------------------------------------------------------


def behind(
    leaf: str, found: Sequence[Change], a: Manifest, b: Manifest, *, amount: bool, pool: bool, chosen: bool
) -> list[str]:
    """Give what is behind a leaf's difference, the nearest first.

    `amount`: its ideal or records number otherwise; `pool`: its pool differs; `chosen`: some of its records are others,
    and a seed chooses among them.
    """
    own = [change for change in found if change["leaf"] == leaf]
    said = [change["said"] for change in own if change["about"] == "recipe"]
    places = [place for mix in (a, b) for place in groups_of(mix.recipe, leaf)]
    around = {group for groups, _entry in places for group in groups}
    said += [
        change["said"].replace("its ", f"the group {change['leaf']}'s ", 1)
        for change in found
        if change["about"] == "recipe" and change["leaf"] in around
    ]
    said += [change["said"] for change in found if change["leaf"] is None and _concerns(change, amount, pool, chosen)]
    said += [change["said"] for change in own if change["about"] in ("files", "converter")]
    if amount and not said and any(entry.keys() & {"weight", "share"} for _groups, entry in places):
        said.append("the sources that it shares the size with changed")
    if pool:
        said += [change["said"] for change in own if change["what"] == "pool" or change["what"].startswith("losses")]
    return list(dict.fromkeys(said))


def _concerns(change: Change, amount: bool, pool: bool, chosen: bool) -> bool:
    """Say whether a change of the whole mix can be behind a leaf's difference."""
    key = change["what"].removeprefix("$.").split(".")[0]
    if change["about"] == "recipe":
        return (
            (amount and key in ("size", "unit", "on_short"))
            or (chosen and key == "seed")
            or (pool and key in (*_CURATION, "output"))
        )
    return pool and change["about"] == "curation"
