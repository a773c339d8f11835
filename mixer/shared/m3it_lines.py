"""Lines of M3IT's files: the keys of each task, and what the set's loading script makes of them.

How the lines of many tasks look is not documented. Theirs are read where they hold the instruction themselves, in one of
the two forms that any task may have; what is in no known form is bad.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from mixer import embedded

NAMES = ("image", "img_str", "image_str", "image_base64_str", "image_base64", "base64")
"""Of images, in the order they are looked for."""
HYPOTHESIS = "[HYPO]"
"""Where snli-ve's instructions want the hypothesis."""
LABELS = {"yes": "yes", "no": "no", "maybe": "maybe"} | {
    "entailment": "yes",
    "contradiction": "no",
    "neutral": "maybe",
}
"""snli-ve's labels, by either name, and their answers."""


class Pictured(msgspec.Struct, kw_only=True):
    """What may hold images in base64: a text for one, a list for several or for the frames of a video."""

    image: str | list[str] | None = None
    img_str: str | list[str] | None = None
    image_str: str | list[str] | None = None
    image_base64_str: str | list[str] | None = None
    image_base64: str | list[str] | None = None
    base64: str | list[str] | None = None

    def pictures(self) -> list[str]:
        """List the images."""
        held: str | list[str] = next(filter(None, (getattr(self, name) for name in NAMES)), [])
        return [held] if isinstance(held, str) else held


class Meta(Pictured, kw_only=True):
    """What stands beside a line, or holds most of it."""

    instruction: str | None = None
    inputs: str | None = None


class Keys(Pictured, kw_only=True):
    """The keys that the lines of some tasks have, and behind them what their file and its task say."""

    instruction: str | None = None
    inputs: str | None = None
    outputs: str | None = None
    question: str | None = None
    input: str | None = None
    output: str | None = None
    caption: str | None = None
    answer: str | None = None
    rationale: str | None = None
    original_answer: str | None = None
    paraphrased_answer: str | None = None
    context: str | None = None
    response: str | None = None
    hypothesis: str | None = None
    label: str | None = None
    gold_label: str | None = None
    meta: Meta | None = None
    task: str = ""
    split: str = ""
    edition: str = ""
    instructions: list[str] = []

    def images(self) -> list[str]:
        """List the images, of the line or its `meta`. Raises ValidationError where there are none."""
        found = self.pictures() or (self.meta.pictures() if self.meta else [])
        if not found:
            raise self.other_than(f"an image under {' or '.join(f'`{name}`' for name in NAMES)}")
        return found

    def need(self, *names: str) -> list[str]:
        """Give the values of keys; one that may be called otherwise is given with its names, `label|answer`.

        Raises ValidationError where a key is not there.
        """
        given = [[getattr(self, name) for name in each.split("|")] for each in names]
        found = [next((value for value in values if value is not None), None) for values in given]
        if None in found:
            raise self.other_than(", ".join(f"`{each.replace('|', '` or `')}`" for each in names))
        return [value for value in found if value is not None]

    def other_than(self, expected: str) -> msgspec.ValidationError:
        """Say which keys it has in place of those that are expected."""
        had = [name for name in Keys.__struct_fields__ if name not in _TOLD and getattr(self, name) is not None]
        had += [f"meta.{name}" for name in Meta.__struct_fields__ if getattr(self.meta, name, None) is not None]
        return msgspec.ValidationError(
            f"expected {expected}, got {', '.join(f'`{name}`' for name in had) or 'no known key'}"
        )


_TOLD = ("meta", "task", "split", "edition", "instructions")


class Said(NamedTuple):
    """Inputs and outputs of a record. Without an instruction of its own it gets one of its task's."""

    inputs: str
    outputs: str
    instruction: str | None = None
    hypothesis: str = ""


def said(line: Keys) -> Said:
    """Tell what a line says. Raises ValidationError where its form is not known."""
    if line.meta and line.meta.instruction is not None:
        return Said(line.meta.inputs or "", line.need("answer")[0], line.meta.instruction)
    if line.instruction is not None:
        return Said(line.inputs or "", line.need("outputs")[0], line.instruction)
    if line.task not in RULES or line.edition == "v2":
        raise line.other_than("`instruction` and `outputs`, or `meta.instruction` and `answer`")
    return RULES[line.task](line)


def _caption(line: Keys) -> Said:
    return Said("", line.need("caption")[0])


def _paragraph(line: Keys) -> Said:
    return Said("", line.need("output")[0])


def _document(line: Keys) -> Said:
    return Said(*line.need("question", "answer"))


def _dialogue(line: Keys) -> Said:
    context, response = line.need("context", "response")
    turns = [f" {text}" for text in context.split("\n")] + [""]
    return Said("\n".join(f"Person{place % 2 + 1}:{text}" for place, text in enumerate(turns)), response)


def _scene_text(line: Keys) -> Said:
    question, answer = line.need("input", "output")
    return Said(question, f"The answer is {answer}.")


def _outside_knowledge(line: Keys) -> Said:
    question, answer = line.need("question", "answer")
    return Said(question, f"The answer is {answer}.")


def _reasoned(line: Keys) -> Said:
    question, rationale, answer = line.need("question", "rationale", "answer")
    return Said(question, f"{rationale} So the answer is {answer}.")


def _paraphrased(line: Keys) -> Said:
    question, answer, paraphrase = line.need("question", "original_answer", "paraphrased_answer")
    return Said(question, f"The answer is {answer}" if "not answerable" in paraphrase.lower() else paraphrase)


def _shapes(line: Keys) -> Said:
    question, answer = line.need("question", "answer")
    if answer not in ("true", "false"):
        raise msgspec.ValidationError("`answer` is neither true nor false")
    return Said(f"{question}?", f"The answer is {'yes' if answer == 'true' else 'no'}.")


def _entailment(line: Keys) -> Said:
    hypothesis, label = line.need("hypothesis", "answer|label|gold_label")
    answer = LABELS.get(label)
    if answer is None:
        raise msgspec.ValidationError("the label is neither yes, no nor maybe")
    reasons = f" Rationale: {line.need('rationale')[0]}" if answer == "maybe" else ""
    return Said("", f"{answer}\n{reasons}", hypothesis=hypothesis)


RULES: Mapping[str, Callable[[Keys], Said]] = {
    "coco-cn": _caption,
    "image-paragraph-captioning": _paragraph,
    "docvqa": _document,
    "fm-iqa": _document,
    "mmchat": _dialogue,
    "st-vqa": _scene_text,
    "okvqa": _outside_knowledge,
    "a-okvqa": _reasoned,
    "vqa-v2": _paraphrased,
    "shapes": _shapes,
    "snli-ve": _entailment,
}
"""Tasks whose keys are documented."""


def files(folder: str, pictures: list[str]) -> list[tuple[str, bytes]]:
    """Decode images, and name them below a folder of the media root. Raises ValueError where one is none."""
    contents = map(embedded.from_base64, pictures)
    return [(embedded.name(folder, content), content) for content in contents]
