"""Questions with short answers about one image, asked as for LLaVA-1.5 or as for MiniGPT-v2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, capitalised
from mixer.prompts import SHORT_ANSWER
from mixer.shared import minigpt_v2
from mixer.shared.merging import Asked, MergeOptions, records


class ShortAnswerOptions(MergeOptions):
    """How short answers are asked for, and how many in a record."""

    prompt: Literal["llava", "minigpt_v2"] = Field(
        default="llava",
        description="LLaVA-1.5's request behind a record's first question, or MiniGPT-v2's around each, in lower case.",
    )


def short_answers(
    source: str, questions: Sequence[Asked], options: ShortAnswerOptions, *, id: str, image: str, labels: Labels
) -> Iterator[Labelled | Skip]:
    """Make the records of an image's questions; see `mixer.shared.merging.records`."""
    if options.prompt == "llava":
        return records(questions, options, id=id, image=image, prompt=SHORT_ANSWER, labels=labels, written=capitalised)
    asked = [
        Asked(each.id, minigpt_v2.question(each.question, source, each.id), minigpt_v2.plain(each.answer), each.subset)
        for each in questions
    ]
    return records(asked, options, id=id, image=image, prompt="", labels=labels)
