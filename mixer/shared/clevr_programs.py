"""CLEVR's functional programs written as a chain of steps, as Shikra has its model reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from mixer.boxes import in_square, inside, show_joined

WIDTH, HEIGHT = 480, 320
"""Pixels of every image of CLEVR."""
_NAMED = frozenset(("unique", "union", "intersect", "relate", "same_size", "same_shape", "same_material", "same_color"))
_NAMED_AT_LAST = frozenset(("scene", "filter_color", "filter_material", "filter_shape", "filter_size"))
_LAST = frozenset(("exist", "count"))


class Step(msgspec.Struct):
    """One step: what it does, to the results of which steps, and with which value."""

    function: str
    inputs: list[int] = []
    value_inputs: list[str] = []
    ans: list[int] | int | str | bool | None = None
    """In Shikra's copy: the result; for some steps the numbers of objects."""


class Thing(msgspec.Struct):
    """An object of a scene: where its centre is seen, and how far away."""

    pixel_coords: tuple[float, float, float]


def chain(steps: Sequence[Step], things: Sequence[Thing] | None = None) -> str:
    """Write steps as `scene -> filter_size:large[0] -> count[1]`.

    With the things of the scene, those that a step found stand behind it as points of the padded square, or words that
    it found none. Raises ValidationError where a step does not say what it found, or the scene lacks it.
    """
    return " -> ".join(_written(steps, things))


def _written(steps: Sequence[Step], things: Sequence[Thing] | None) -> Iterator[str]:
    following = [*(step.function for step in steps[1:]), ""]
    for step, next_ in zip(steps, following, strict=True):
        value = f":{step.value_inputs[0]}" if step.value_inputs else ""
        inputs = f"[{','.join(map(str, step.inputs))}]" if step.inputs else ""
        named = step.function in _NAMED or (step.function in _NAMED_AT_LAST and next_ in _LAST)
        yield f"{step.function}{value}{inputs}{_found(step, things) if named and things is not None else ''}"


def _found(step: Step, things: Sequence[Thing]) -> str:
    if not isinstance(step.ans, list):
        raise msgspec.ValidationError(f"no list of objects in `ans` of a step `{step.function}`")
    if not all(0 <= number < len(things) for number in step.ans):
        raise msgspec.ValidationError("a step finds an object that its scene has not")
    return show_joined(_point(things[number]) for number in step.ans) if step.ans else " Found no object."


def _point(thing: Thing) -> tuple[float, float]:
    x, y, _ = thing.pixel_coords
    left, top, _, _ = inside(in_square((x, y, x, y), WIDTH, HEIGHT))
    return left, top
