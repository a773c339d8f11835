"""Values judged by a model; each mistake becomes a problem at the place where the value was written."""

from __future__ import annotations

import copy
import re
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mixer.errors import Problem, did_you_mean
from mixer.recipe.mistakes import Mistakes
from mixer.recipe.quantities import described
from mixer.recipe.yaml_text import PathKey, Place, Tree

Location = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "list_type": "a list",
    "tuple_type": "a list",
    "too_short": "at least one entry",
}
"""Kinds of mistake that pydantic tells apart -> what was expected."""


def judged(model: type[Model], tree: Tree, path: PathKey, found: Mistakes) -> Model | None:
    """Judge the map at a path; mistakes go to `found`.

    What is left without the mistaken values is given, so that it can be judged further; None if too much is missing.
    """
    value = tree.at(path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found += problems_of(error, model, tree, path)
        rest = copy.deepcopy(value)
        for detail in error.errors():
            _remove(rest, detail["loc"])
    try:
        return model.model_validate(rest)
    except ValidationError:
        return None


def _remove(value: dict[str, Any], location: Location) -> None:
    """Take the value at a location out of a map, with the list that holds it."""
    holder: dict[str, Any] | None = None
    held, here = "", value
    for step in location:
        if isinstance(here, dict) and step in here:
            holder, held = here, str(step)
            here = here[step]
        elif isinstance(here, list) and isinstance(step, int):
            here = here[step]
    if holder is not None:
        del holder[held]


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    tree: Tree,
    path: PathKey,
    what: str = "key",
    written: Callable[[Location], Location] = tuple,
) -> list[Problem]:
    """Turn a model's complaints about the map at a path into problems.

    `what` the map's keys are called; `written` turns a location in the model into the one where the text has it.
    """
    details = [detail for detail in error.errors(include_url=False) if not _follows(detail, error.errors())]
    return [_problem(model, detail, tree, path, written(detail["loc"]), what) for detail in details]


def _follows(detail: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Say whether a list is too short only because its items were refused."""
    here = detail["loc"]
    inside = (other["loc"] for other in others if other["loc"][: len(here)] == here != other["loc"])
    return detail["type"] == "too_short" and any(inside)


def place_of(tree: Tree, path: PathKey, *more: str | int) -> Place:
    """Find where a value was written.

    Steps that the text does not have are passed over: one map may stand for a list of one, and what is missing is
    looked for in the map that lacks it.
    """
    return tree.places[_written_path(tree, path, more)]


def key_place(tree: Tree, path: PathKey, *more: str | int) -> Place:
    """Find where a key was written, passing over steps as `place_of` does."""
    here = _written_path(tree, path, more)
    return tree.keys.get(here) or tree.places[here]


def _written_path(tree: Tree, path: PathKey, more: Location) -> PathKey:
    for step in more:
        path = (*path, step) if (*path, step) in tree.places else path
    return path


def _problem(
    model: type[BaseModel], detail: ErrorDetails, tree: Tree, path: PathKey, written: Location, what: str
) -> Problem:
    *above, key = detail["loc"] or ("",)
    if detail["type"] == "extra_forbidden":
        hint = did_you_mean(str(key), [name for name, _ in _fields(model, above)])
        return key_place(tree, path, *written).problem(f"unknown {what} {key!r}{hint}")
    if detail["type"] == "missing":
        meaning = next((field.description for name, field in _fields(model, above) if name == key), None)
        why = f": {meaning[:1].lower()}{meaning[1:].rstrip('.')}" if meaning else ""
        return place_of(tree, path, *written).problem(f"{what} {key!r} is missing{why}")
    if key == "[key]":  # pydantic's mark for a key of a free map
        return key_place(tree, path, *written[:-1]).problem(_message(detail))
    return place_of(tree, path, *written).problem(_message(detail))


def _message(detail: ErrorDetails) -> str:
    kind, given = detail["type"], described(detail["input"])
    context = detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        known = re.findall("'([^']*)'", context["expected"])
        return f"expected {context['expected']}, got {given}{_close(detail['input'], known)}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {given}"
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, got {given}"


def _close(word: object, known: list[str]) -> str:
    """Give a suggestion, but not the list of what is known: the message has it."""
    hint = did_you_mean(word, known) if isinstance(word, str) else ""
    return hint if hint.startswith(" (did") else ""


def _fields(model: type[BaseModel], above: Iterable[str | int]) -> Iterator[tuple[str, Any]]:
    """Go through the fields, by the name they are written with, of the model at a location inside another."""
    for step in above:
        inner = next((field for key, field in _fields(model, []) if key == step), None)
        model = next(iter(_models(inner.annotation)), model) if inner else model
    for name, field in model.model_fields.items():
        yield field.alias or name, field


def _models(annotation: Any) -> list[type[BaseModel]]:
    """List the models that an annotation names."""
    here = [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []
    return [*here, *(model for part in typing.get_args(annotation) for model in _models(part))]
