"""The questions about one image: all in one record, as LLaVA-1.5's mix has them, some to a record, or a record each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.sources import Options


class MergeOptions(Options):
    """How many questions go into a record. A source adds its own options."""

    merge: Literal["image", "none"] = Field(
        default="image", description="A record of all questions about an image, or one of each question."
    )
    max_turns: int = Field(
        default=0,
        ge=0,
        description="With merge=image: most questions in a record, the others make further ones; 0: no limit.",
    )


class Asked(NamedTuple):
    """A question; without an answer (an empty or blank one) it is skipped."""

    id: str
    question: str
    answer: str
    subset: str | None = None
    """Label of the question's own record; a record of several has none."""


def records(
    questions: Sequence[Asked],
    options: MergeOptions,
    *,
    id: str,
    image: str,
    prompt: str,
    labels: Labels,
    written: Callable[[str], str] = str,
) -> Iterator[Labelled | Skip]:
    """Make the records of an image's questions, in their order; `id` is the image's.

    `prompt` stands on a line of its own behind the first question of each record, and only there. Where an image has
    several records because of `max_turns`, their ids end with their number. `written` gives an answer's spelling.
    """
    asked = [each for each in questions if each.answer.strip()]
    if len(asked) < len(questions):
        yield from [Skip("no answer")] * (len(questions) - len(asked))
    if options.merge == "none":
        for each in asked:
            yield _record(each.id, image, prompt, [each], replace(labels, subset=each.subset), written)
        return
    size = options.max_turns or max(1, len(asked))
    parts = [asked[start : start + size] for start in range(0, len(asked), size)]
    for number, part in enumerate(parts):
        yield _record(id if len(parts) == 1 else f"{id}-{number}", image, prompt, part, labels, written)


def _record(
    id: str, image: str, prompt: str, asked: list[Asked], labels: Labels, written: Callable[[str], str]
) -> Labelled:
    first, *others = [(each.question, written(each.answer)) for each in asked]
    first = (f"{first[0]}\n{prompt}" if prompt else first[0], first[1])
    return Labelled(dialogue(id=id, rounds=[first, *others], image=image), labels, len(asked))
