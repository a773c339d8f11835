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
from mixer.errors import Problem, did_you_mean
from mixer.language import LeafText, MatchText
from mixer.locating import key_place, place_of, problems_of
from mixer.merging import beside
from mixer.resolved import Input, Match, MatchBy
from mixer.sources import Options, Source
from mixer.yaml_scalars import Number
from mixer.yaml_text import PathKey, Place, Tree

_MANY = 12
"""More names than this are not listed in a message."""
_OWN = {"columns": "columns", "media": "media_strip"}
"""Keys of a leaf that generic sources read as options -> the option."""
PREFERENCE = "preference"
"""The task of a source whose records hold a chosen and a rejected answer."""


def leaf_input(tree: Tree, path: PathKey, name: str, text: LeafText, found: list[Problem]) -> Input | None:
    """Give the input of a leaf, or None and its mistakes in `found`."""
    place = place_of(tree, path, "use") if text.use else key_place(tree, path)
    source = _source(text.use or name, place, found, named=text.use is not None)
    if source is None:
        return None
    before = len(found)
    given = dict(text.options or {})
    for key, option in _OWN.items():
        value = text.columns if key == "columns" else text.media and text.media.strip
        if value is None:
            continue
        if not source.own_path or option not in source.options.model_fields:
            why = f"{source.name} reads published files; it takes no {key!r}, which is for files of your own"
            found.append(key_place(tree, (*path, key)).problem(why))
        elif option in given:
            found.append(key_place(tree, (*path, key)).problem(f"option {option!r} says this already; keep one"))
        given[option] = value
    options = _options(tree, path, source, given, found)
    _check_path(tree, path, source, text, found)
    files = _files(tree, path, source, text.files, found)
    if options is None or len(found) > before:
        return None
    own = _absolute(place_of(tree, path, "path"), text.path) if text.path else None
    return Input(source.name, options, own, files)


def matches(
    tree: Tree, path: PathKey, key: str, texts: list[MatchText] | None, ours: Input | None, found: list[Problem]
) -> tuple[Match, ...]:
    """Give the entries of `except` or `only`; those with mistakes are left out."""
    given = []
    for index, text in enumerate(texts or []):
        # One map may stand for a list of one; then the map itself is the entry.
        here = (*path, key, index) if (*path, key, index) in tree.places else (*path, key)
        input_ = _match_input(tree, here, text, found)
        if input_ is not None:
            given.append(Match(input_, text.by or _default_by(ours, input_), text.expect))
    return tuple(given)


def _match_input(tree: Tree, path: PathKey, text: MatchText, found: list[Problem]) -> Input | None:
    if (text.source is None) == (text.file is None):
        which = "not both" if text.source else "what the records are compared with"
        found.append(place_of(tree, path).problem(f"expected `source: NAME` or `file: PATH`, {which}"))
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
    options = _options(tree, path, source, dict(text.options or {}), found)
    before = len(found)
    files = _files(tree, path, source, text.files, found)
    return None if options is None or len(found) > before else Input(source.name, options, None, files)


def _file_input(tree: Tree, path: PathKey, text: MatchText, file: str, found: list[Problem]) -> Input | None:
    refused = [key for key in ("options", "files") if getattr(text, key) is not None]
    for key in refused:
        found.append(key_place(tree, (*path, key)).problem(f"{key!r} goes with `source`, not with `file`; remove it"))
    source = sources.get("llava_jsonl" if file.endswith(".jsonl") else "llava_json")
    return None if refused else Input(source.name, source.options(), _absolute(place_of(tree, path, "file"), file))


def _default_by(ours: Input | None, theirs: Input) -> MatchBy:
    """By content, but an instruction and a preference record never have the same content: then by their question."""
    if ours is None:
        return "content"
    tasks = [sources.get(input_.source).task for input_ in (ours, theirs)]
    return "prompt" if tasks.count(PREFERENCE) == 1 else "content"


def _source(name: str, place: Place, found: list[Problem], *, named: bool) -> Source | None:
    if name in sources.names():
        return sources.get(name)
    hint = did_you_mean(name, sources.names())
    if hint.startswith(" (known") and len(sources.names()) > _MANY:
        hint = "; `mixer sources` lists them"
    own = "" if named else "; an entry with a name of your own says its source with `use:`"
    found.append(place.problem(f"unknown source {name!r}{hint}{own}"))
    return None


def _options(tree: Tree, path: PathKey, source: Source, given: Mapping[str, Any], found: list[Problem]) -> Options | None:
    """Judge a source's options; `columns` and `media` of the leaf are among them."""
    value = tree.value
    for step in path:
        value = value[step]

    def written(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
        at_leaf = {option: key for key, option in _OWN.items() if key in value}.get(str(location[0]))
        return (at_leaf, *location[1:]) if at_leaf == "columns" else (at_leaf, "strip") if at_leaf else ("options", *location)

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


def _check_path(tree: Tree, path: PathKey, source: Source, text: LeafText, found: list[Problem]) -> None:
    if source.own_path and text.path is None:
        found.append(key_place(tree, path).problem(f"{source.name} reads a file of your own: say which with `path:`"))
    if not source.own_path and text.path is not None:
        why = f"{source.name} has published files, found under the data root; say with `files:` which lies elsewhere"
        found.append(key_place(tree, (*path, "path")).problem(why))


def _files(
    tree: Tree, path: PathKey, source: Source, given: Mapping[str, str] | None, found: list[Problem]
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
        files[published] = _absolute(place_of(tree, here), where)
    return MappingProxyType(files)


def _absolute(place: Place, name: str) -> Path:
    """Give the absolute path of a file named at a place, links kept as they are."""
    return Path(os.path.abspath(beside(place, name)))  # noqa: PTH100 - resolve() would follow links
