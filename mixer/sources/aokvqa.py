r"""A-OKVQA: questions about COCO photos that need knowledge, with four choices, free answers and reasons.

Page: https://allenai.org/project/a-okvqa/home
Raw: {"split": "train", "image_id": 21, "question_id": "22KiteXampLe00", "question": "What could tear the kite?",
     "choices": ["soup", "thorn", "chalk", "song"], "correct_choice_idx": 1, "direct_answers": ["thorn", ...ten],
     "difficult_direct_answer": false, "rationales": ["Thorns are sharp.", ...three]}
Raw (hub, a table): without `split` and `image_id`, with "image": {"bytes": ...}, and "direct_answers": "['thorn', ...]"

Licence: Apache-2.0 (the repository's; the data's is not stated). Four forms:
- `letter`, as in LLaVA-1.5: the choices behind letters and the letter as the answer, the questions of an image in one
  record, each record four times. (Theirs have the choices in other places each time and the letters equally often; how
  they were moved is not published. Ours move them on by one, so that each letter is right once.) Copies share the id.
- `direct`: a free answer, as short ones are asked for; by default one of the ten, picked by hash, as for MiniGPT-4.
- `why`: the question and a request for the reason, `The answer is X. Because ...`, as for DeepSpeed-VisualChat.
- `rationale`: the question and one of the reasons, picked by hash, as for ms-swift.
Quirks:
- Some images have two questions, so that the four copies are 66,160 records of 16,540 images.
- The most frequent free answer need not be the right choice. `difficult_direct_answer` matters for tests only.
- The test split has no answers and is not offered. LAVIS's copies add `image` and `dataset`, which are not read.
- The hub's tables (HuggingFaceM4/A-OKVQA) hold the images and not their numbers: records are named by their content.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mode
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta
from pydantic import Field, model_validator

from mixer.conversation import Labelled, Labels, Skip
from mixer.prompts import OPTION_LETTER, pick
from mixer.readers import json_array, parquet_rows
from mixer.shared import coco_images, python_literals
from mixer.shared.cells import ImageCell, holding
from mixer.shared.choices import letter, lettered, shifted
from mixer.shared.merging import Asked, records
from mixer.shared.short_answers import ShortAnswerOptions, short_answers
from mixer.sources import File, Grouping, Source

RECORDS = {"train": 17_056, "val": 1_145}
CHOICES = 4
WHY = (
    "Why?",
    "Why is this?",
    "And why?",
    "What is the reason?",
    "And can you tell me why?",
    "Can you tell me why?",
    "Can you tell me the reason?",
)
"""DeepSpeed-VisualChat's, behind the question."""


class Question(msgspec.Struct, kw_only=True):
    """A question, whatever file it is from."""

    question_id: str
    question: str
    choices: Annotated[list[str], Meta(min_length=CHOICES, max_length=CHOICES)]
    correct_choice_idx: Annotated[int, Meta(ge=0, lt=CHOICES)]
    rationales: list[str]


class Raw(Question, kw_only=True):
    """One of the official files."""

    image_id: int
    direct_answers: list[str]


class Row(Question, kw_only=True):
    """One of the hub's tables; `image_id` is the path of its image."""

    direct_answers: str | list[str]
    image: ImageCell
    image_id: str = ""

    def __post_init__(self) -> None:
        """Read the list of answers, and name the image by its content."""
        if isinstance(self.direct_answers, str):
            self.direct_answers = _listed(self.direct_answers)
        self.image_id = self.image_id or self.image.name("aokvqa")


def _listed(text: str) -> list[str]:
    """Read a list as Python writes it. Raises ValueError where it is none."""
    try:
        return msgspec.convert(python_literals.parse(text), list[str])
    except (ValueError, msgspec.ValidationError):
        raise ValueError("`direct_answers` is no list of texts as Python writes it") from None


class AokVqaOptions(ShortAnswerOptions):
    """Which questions, and what to make of them."""

    split: Literal["train", "val"] = Field(default="train", description="Which split.")
    form: Literal["letter", "direct", "why", "rationale"] = Field(
        default="letter", description="The letter of the right choice, a free answer, choice and reasons, or a reason."
    )
    copies: int = Field(
        default=CHOICES, ge=1, le=CHOICES, description="For form letter: how often, with the choices in other places."
    )
    answer: Literal["sampled", "majority"] = Field(
        default="sampled", description="For form direct: the answer of one of the ten people, by hash, or of most."
    )
    packaging: Literal["official", "hub"] = Field(
        default="official", description="The official JSON, or the hub's tables, which hold the images."
    )

    @model_validator(mode="after")
    def _asked_as_published(self) -> Self:
        if self.prompt == "minigpt_v2" and self.form != "direct":
            raise ValueError("prompt=minigpt_v2: asks for free answers, so with form=direct only")
        return self


def _files(split: str, table: str) -> tuple[File, File]:
    path, records = f"aokvqa_v1p0_{split}.json", RECORDS[split]
    return (
        File(path, json_array, Raw, records=records, when={"split": split, "packaging": "official"}),
        File(table, parquet_rows, Row, records=records, when={"split": split, "packaging": "hub"}),
    )


SOURCE = Source(
    title="A-OKVQA",
    homepage="https://allenai.org/project/a-okvqa/home",
    licence="Apache-2.0 (the repository's; the data's is not stated)",
    terms=("unknown",),
    modality="image",
    task="vqa",
    language="en",
    files=(*_files("train", "data/train-*.parquet"), *_files("val", "data/validation-*.parquet")),
    options=AokVqaOptions,
    grouping=Grouping(by="image_id"),
    media=("coco/train2017", "coco/val2017"),
    records=RECORDS["train"],
)


def convert(raws: Sequence[Raw | Row], options: AokVqaOptions) -> Iterator[Labelled | Skip]:
    """Ask the questions about an image."""
    first = raws[0]
    if isinstance(first, Row):
        path = first.image_id
        return holding(first.image, path, _made(raws, options, path.rpartition("/")[2].partition(".")[0], path))
    path = coco_images.path(first.image_id, f"{options.split}2017")
    return _made(raws, options, f"{first.image_id:012d}", path)


def _made(raws: Sequence[Raw | Row], options: AokVqaOptions, id: str, path: str) -> Iterator[Labelled | Skip]:
    labels = Labels(split=options.split)
    if options.form == "direct":
        asked = [Asked(raw.question_id, raw.question, _direct(raw, options)) for raw in raws]
        yield from short_answers("aokvqa", asked, options, id=id, image=path, labels=labels)
    elif options.form == "letter":
        for copy in range(options.copies):
            asked = [_lettered(raw, copy) for raw in raws]
            for each in records(asked, options, id=id, image=path, prompt=OPTION_LETTER, labels=labels):
                yield replace(each, items=0) if copy else each
    else:
        asked = [_why(raw) if options.form == "why" else _rationale(raw) for raw in raws]
        yield from records(asked, options, id=id, image=path, prompt="", labels=labels)


def _lettered(raw: Question, copy: int) -> Asked:
    question = f"{raw.question}\n{lettered(shifted(raw.choices, copy))}"
    return Asked(raw.question_id, question, letter((raw.correct_choice_idx + copy) % CHOICES))


def _direct(raw: Raw | Row, options: AokVqaOptions) -> str:
    answers = raw.direct_answers
    if not answers:
        return ""
    return pick(answers, "aokvqa", raw.question_id, "answer") if options.answer == "sampled" else mode(answers)


def _why(raw: Question) -> Asked:
    why = pick(WHY, "aokvqa", raw.question_id, "why")
    reasons = " ".join(raw.rationales)
    answer = f"The answer is {raw.choices[raw.correct_choice_idx]}. Because {reasons}" if reasons else ""
    return Asked(raw.question_id, f"{raw.question} {why}", answer)


def _rationale(raw: Question) -> Asked:
    reason = pick(raw.rationales, "aokvqa", raw.question_id, "rationale") if raw.rationales else ""
    return Asked(raw.question_id, raw.question, reason)
