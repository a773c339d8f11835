"""JSON Schemas (2020-12) of what people and programs write and read, for editors and checks: schemas/*.json.

A recipe's schema completes each source's own options. It is an aid: the loader judges more, with line and column. It
accepts null everywhere, which removes a key of the recipe that `extends` names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from mixer import sources
from mixer.errors import UsageError, did_you_mean
from mixer.manifest import Manifest
from mixer.recipe.language import NAME_PATTERN, LeafText, MatchText, RecipeText

Schema = dict[str, Any]

_NOT_REMOVED = ("mixer", "extends")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def recipe_schema() -> Schema:
    """Describe a recipe, with the options of every source."""
    top = _model(RecipeText)
    definitions = {
        **top.pop("$defs"),
        **_model(LeafText).pop("$defs"),
        "MatchText": _with_options(_model(MatchText), "source"),
        "LeafText": _with_options(_one_or_list(_model(LeafText), "except", "only"), "use"),
    }
    _one_or_list(top, "output")
    for name in sources.names():
        definitions |= _options(name)
    top["properties"]["sources"] |= {
        "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
        "properties": {name: _entry(name) for name in sources.names()},
        "additionalProperties": {"anyOf": [_reference("LeafText"), {"type": "null"}]},
    }
    whole = {"required": ["mixer", "name", "sources"]}
    top |= {"if": {"required": ["extends"]}, "then": {"required": ["mixer"]}, "else": whole}
    return {"$schema": DIALECT, "title": "mixer recipe", "$defs": definitions, **top}


def conversation_schema() -> Schema:
    """Describe one record of a mix."""
    path = {"type": "string", "minLength": 1, "pattern": "^[^/]"}
    paths = {"oneOf": [path, {"type": "array", "items": path, "minItems": 2}]}
    answer = {"allOf": [_reference("turn"), {"properties": {"from": {"const": "gpt"}}}]}
    turn = {
        "type": "object",
        "properties": {
            "from": {"enum": ["human", "gpt", "system"], "description": "Who speaks; a system turn comes first."},
            "value": {
                "type": "string",
                "minLength": 1,
                "description": "What is said, media as <image>, <video>, <audio>.",
            },
        },
        "required": ["from", "value"],
        "additionalProperties": False,
    }
    later = {"allOf": [_reference("turn"), {"properties": {"from": {"enum": ["human", "gpt"]}}}]}
    turns = {"type": "array", "minItems": 1, "prefixItems": [_reference("turn")], "items": later}
    properties = {
        "id": {"type": "string", "description": "The record's name in its source, always as text."},
        "image": {**paths, "description": "One image, or a list of several; relative to the media root."},
        "video": {**path, "description": "One video; relative to the media root."},
        "audio": {**paths, "description": "One audio file, or a list of several; relative to the media root."},
        "conversations": {**turns, "description": "Human and gpt in turn; a preference record ends with the human."},
        "chosen": {**answer, "description": "Preference records: the better answer."},
        "rejected": {**answer, "description": "Preference records: the worse answer."},
    }
    return {
        "$schema": DIALECT,
        "title": "mixer conversation",
        "type": "object",
        "properties": properties,
        "required": ["id", "conversations"],
        "dependentRequired": {"chosen": ["rejected"], "rejected": ["chosen"]},
        "additionalProperties": False,
        "$defs": {"turn": turn},
    }


def manifest_schema() -> Schema:
    """Describe the manifest of a mix."""
    return {"$schema": DIALECT, **Manifest.model_json_schema(), "title": "mixer manifest"}


SCHEMAS: dict[str, Callable[[], Schema]] = {
    "conversation": conversation_schema,
    "manifest": manifest_schema,
    "recipe": recipe_schema,
}
"""Name -> the function that gives its schema."""


def schema_text(name: str) -> str:
    """Give a schema as text. Raises UsageError for an unknown name, with a suggestion."""
    if name not in SCHEMAS:
        raise UsageError(f"unknown schema {name!r}{did_you_mean(name, SCHEMAS)}")
    return json.dumps(SCHEMAS[name](), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema to `<name>.schema.json`, the same bytes each time; give the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{name}.schema.json": schema_text(name) for name in SCHEMAS}
    for file, text in files.items():
        file.write_text(text, encoding="utf-8")
    return list(files)


# --- pieces of the recipe's schema -----------------------------------------------------------------------------------


def _model(model: type[BaseModel], prefix: str = "") -> Schema:
    """Give a model's schema without what only pydantic needs, every key nullable."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    definitions = {f"{prefix}{name}": _tidy(definition) for name, definition in schema.pop("$defs", {}).items()}
    return {**_tidy(schema), "$defs": definitions}


def _tidy(schema: Schema) -> Schema:
    """Drop titles and required keys (a child recipe need not repeat its parent's) of a map, and let null stand."""
    kept = {key: value for key, value in schema.items() if key not in ("title", "required")}
    properties = {key: _nullable(value, key) for key, value in schema.get("properties", {}).items()}
    return {**kept, "properties": properties} if properties else kept


def _nullable(schema: Schema, key: str) -> Schema:
    said = {word: schema[word] for word in ("description", "default") if schema.get(word) is not None}
    kept = {word: value for word, value in schema.items() if word not in ("title", "default", "description")}
    if not kept:  # anything may stand
        return said
    choices = kept["anyOf"] if set(kept) == {"anyOf"} else [kept]
    without = [choice for choice in choices if choice != {"type": "null"}]
    return {**said, "anyOf": without if key in _NOT_REMOVED else [*without, {"type": "null"}]}


def _one_or_list(schema: Schema, *keys: str) -> Schema:
    """Let one map stand for a list of one."""
    for key in keys:
        choices = schema["properties"][key]["anyOf"]
        choices.insert(0, choices[0]["items"])
    return schema


def _options(name: str) -> dict[str, Schema]:
    """Give the definitions of a source's options."""
    source = sources.get(name)
    schema = _model(source.options, f"{name}.")
    definitions: dict[str, Schema] = schema.pop("$defs")
    return {**definitions, _options_name(name): {**schema, "title": f"Options of {source.title}"}}


def _entry(name: str) -> Schema:
    """Describe an entry whose key is a source: without `use` and `recipe`, the key says whose the options are."""
    elsewhere = {"anyOf": [{"required": ["use"]}, {"required": ["recipe"]}]}
    ours = {"properties": {"options": _options_of(name)}}
    entry = {"allOf": [_reference("LeafText")], "if": {"not": elsewhere}, "then": ours}
    return {"description": sources.get(name).title, "anyOf": [entry, {"type": "null"}]}


def _with_options(schema: Schema, key: str) -> Schema:
    """Complete a map's `options` by the source that its key names."""
    schema["properties"][key]["anyOf"] = [{"enum": list(sources.names())}, {"type": "null"}]
    schema["allOf"] = list(_by_source(key, sources.names()))
    return {name: value for name, value in schema.items() if name != "$defs"}


def _by_source(key: str, names: Iterable[str]) -> Iterable[Schema]:
    for name in names:
        named = {"properties": {key: {"const": name}}, "required": [key]}
        yield {"if": named, "then": {"properties": {"options": _options_of(name)}}}


def _options_of(name: str) -> Schema:
    return {"anyOf": [_reference(_options_name(name)), {"type": "null"}]}


def _options_name(name: str) -> str:
    return f"{name}.options"


def _reference(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
