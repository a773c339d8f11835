"""Which raw files a leaf or an `except` names, and how they are converted: sources, their options, the user's paths."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from mixer import sources
from mixer.errors import RecipeError, UsageError, did_you_mean
from mixer.recipe.language import LeafText, MatchText
from mixer.recipe.locating import Location, key_place, place_of, problems_of
from mixer.recipe.merging import beside
from mixer.recipe.mistakes import Mistakes
from mixer.recipe.yaml_scalars import Number
from mixer.recipe.yaml_text import PathKey, Place, Tree
from mixer.remote.path import is_remote, parsed
from mixer.resolved import Input, Kind, Match, MatchBy
from mixer.shared.pairs import PairOptions
from mixer.sources import Options, Source

_MANY = 12
"""More names than this are not listed in a message."""
_OWN = {"columns": "columns", "media": "media_strip"}
"""Keys of a leaf that generic sources read as options -> the option."""


def leaf_input(tree: Tree, path: PathKey, name: str, text: LeafText, kind: Kind, found: Mistakes) -> Input | None:
    """Give the input of a leaf of a recipe of this kind, or None and its mistakes in `found`."""
    said = tree.at(path)
    if "use" in said and text.use is None:
        return None  # refused already
    place = place_of(tree, path, "use") if text.use else key_place(tree, path)
    source = _source(text.use or name, place, found, named=text.use is not None)
    if source is None:
        return None
    before = len(found)
    if kind == "preference" and not issubclass(source.options, PairOptions):
        found.append(place.problem(f"{source.name} holds no preference pairs, of which this recipe is made"))
    _check_path(tree, path, source, found)
    given = _own_options(tree, path, source, text, found)
    options = _options(tree, path, source, text.options, given, found)
    files = _files(tree, path, source, text.files, found)
    if options is None or len(found) > before:
        return None
    own = absolute(place_of(tree, path, "path"), text.path) if text.path else None
    return Input(source.name, _of_kind(tree, path, options, kind, found), own, files)


def _of_kind(tree: Tree, path: PathKey, options: Options, kind: Kind, found: Mistakes) -> Options:
    """Have a source of pairs give what the recipe is made of, which no option may say otherwise."""
    if not isinstance(options, PairOptions):
        return options
    if "kind" in options.model_fields_set and options.kind != kind:
        place = place_of(tree, (*path, "options"), "kind")
        found.append(place.problem(f"the recipe is of kind {kind}: leave this out, or say `kind:` at its top"))
    return options.model_copy(update={"kind": kind})


def _own_options(tree: Tree, path: PathKey, source: Source, text: LeafText, found: Mistakes) -> dict[str, Any]:
    """Give the keys of a leaf that generic sources read as options, as key -> value."""
    written = {"columns": text.columns, "media": text.media and text.media.strip}
    given = {key: value for key, value in written.items() if value is not None}
    for key in tuple(given):
        place = key_place(tree, (*path, key))
        if not source.own_path or _OWN[key] not in source.options.model_fields:
            why = f"{source.name} reads published files; it takes no {key!r}, which is for files of your own"
            found.append(place.problem(why))
            del given[key]
        elif _OWN[key] in (text.options or {}):
            found.append(place.problem(f"the option {_OWN[key]!r} says this too; keep one of the two"))
            del given[key]
    return given


def matches(
    tree: Tree,
    path: PathKey,
    key: str,
    texts: list[MatchText] | None,
    ours: Input | None,
    kind: Kind,
    found: Mistakes,
) -> tuple[Match, ...]:
    """Give the entries of `except` or `only`; those with mistakes are left out."""
    given = []
    for index, text in enumerate(texts or []):
        # One map may stand for a list of one; then the map itself is the entry.
        here = (*path, key, index) if (*path, key, index) in tree.places else (*path, key)
        input_ = _match_input(tree, here, text, kind, found)
        if input_ is not None:
            given.append(Match(input_, text.by or _default_by(ours, input_), text.expect))
    return tuple(given)


def _match_input(tree: Tree, path: PathKey, text: MatchText, kind: Kind, found: Mistakes) -> Input | None:
    if any(key in tree.at(path) and getattr(text, key) is None for key in ("source", "file")):
        return None  # refused already
    if (text.source is None) == (text.file is None):
        got = "both" if text.source else "neither"
        found.append(place_of(tree, path).problem(f"expected one of `source: NAME` and `file: PATH`, got {got}"))
        return None
    if text.file is not None:
        return _file_input(tree, path, text, text.file, found)
    place = place_of(tree, path, "source")
    source = _source(str(text.source), place, found, named=True)
    if source is None:
        return None
    if source.own_path:
        found.append(place.problem(f"{source.name} reads a file of your own: write `file: PATH` instead"))
        return None
    options = _options(tree, path, source, text.options, {}, found)
    before = len(found)
    files = _files(tree, path, source, text.files, found)
    if options is None or len(found) > before:
        return None
    return Input(source.name, _of_kind(tree, path, options, kind, found), None, files)


def _file_input(tree: Tree, path: PathKey, text: MatchText, file: str, found: Mistakes) -> Input | None:
    refused = [key for key in ("options", "files") if getattr(text, key) is not None]
    for key in refused:
        found.append(key_place(tree, (*path, key)).problem(f"{key!r} goes with `source`, not with `file`; remove it"))
    source = sources.get("llava_jsonl" if file.endswith(".jsonl") else "llava_json")
    return None if refused else Input(source.name, source.options(), absolute(place_of(tree, path, "file"), file))


def _default_by(ours: Input | None, theirs: Input) -> MatchBy:
    """By content, but of a pair and a conversation only the question is the same: then by that."""
    if ours is None:
        return "content"
    return "content" if _has_pairs(ours) == _has_pairs(theirs) else "prompt"


def _has_pairs(given: Input) -> bool:
    return isinstance(given.options, PairOptions)


def _source(name: str, place: Place, found: Mistakes, *, named: bool) -> Source | None:
    if name in sources.names():
        return sources.get(name)
    hint = did_you_mean(name, sources.names())
    if hint.startswith(" (known") and len(sources.names()) > _MANY:
        hint = "; `mixer sources` lists them"
    own = "" if named else "; an entry with a name of your own says its source with `use:`"
    found.append(place.problem(f"unknown source {name!r}{hint}{own}"))
    return None


def _options(
    tree: Tree,
    path: PathKey,
    source: Source,
    options: Mapping[str, Any] | None,
    own: Mapping[str, Any],
    found: Mistakes,
) -> Options | None:
    """Judge a source's options; `own` are the keys of the leaf that are among them."""
    given = {**(options or {}), **{_OWN[key]: value for key, value in own.items()}}
    keys = {_OWN[key]: key for key in own}

    def written(location: Location) -> Location:
        key = keys.get(str(location[0])) if location else None
        return (key, *location[1:], "strip") if key else ("options", *location)

    try:
        # Through JSON, since strict judging of Python values would refuse a list where a tuple is meant.
        return source.options.model_validate_json(json.dumps(_plain(given)), strict=True)
    except ValidationError as error:
        found += problems_of(error, source.options, tree, path, "option", written)
        return None


def _plain(value: Any) -> Any:
    """Turn the loader's numbers into JSON's."""
    if isinstance(value, Number):
        return float(value) if "." in value else int(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _check_path(tree: Tree, path: PathKey, source: Source, found: Mistakes) -> None:
    has_path = "path" in tree.at(path)
    if source.own_path and not has_path:
        found.append(key_place(tree, path).problem(f"{source.name} reads a file of your own: say which with `path:`"))
    if not source.own_path and has_path:
        why = f"{source.name} has published files, found under the data root; say with `files:` which lie elsewhere"
        found.append(key_place(tree, (*path, "path")).problem(why))


def _files(
    tree: Tree, path: PathKey, source: Source, given: Mapping[str, str] | None, found: Mistakes
) -> Mapping[str, Path]:
    """Give the paths of published files that lie elsewhere."""
    if given and source.own_path:
        found.append(key_place(tree, (*path, "files")).problem(f"{source.name} reads one file, named by `path:`"))
        return MappingProxyType({})
    known = {file.path for file in (*source.files, *(lookup.file for lookup in source.lookups))}
    files: dict[str, Path] = {}
    for published, where in (given or {}).items():
        here = (*path, "files", published)
        if published not in known:
            hint = did_you_mean(published, known)
            found.append(key_place(tree, here).problem(f"{source.name} has no published file {published!r}{hint}"))
        files[published] = absolute(place_of(tree, here), where)
    return MappingProxyType(files)


def absolute(place: Place, name: str) -> Path:
    """Give the absolute path of a file named at a place, links kept as they are; one of an object store is a URL."""
    try:
        path = parsed(name)
    except UsageError as error:
        raise RecipeError([place.problem(str(error))]) from None
    return path if is_remote(path) else Path(os.path.abspath(beside(place, name)))  # noqa: PTH100 - resolve() would follow links
