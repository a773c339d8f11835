r"""OK-VQA: questions about COCO photos that need knowledge from elsewhere.

Page: https://okvqa.allenai.org/download.html
Raw: {"image_id": 21, "question": "What is this dish eaten with?", "question_id": 215}, and among the annotations
     {"image_id": 21, "answer_type": "other", "question_type": "five", "question_id": 215, "answers": [{"answer_id": 1,
     "raw_answer": "ladles", "answer_confidence": "yes", "answer": "ladle"}, ...ten], "confidence": 3}
Raw (lavis): as `mixer.shared.flat_vqa` says. Raw (hub, a table): {"question_id": "215", "question": "What is this dish eaten with?",
     "answers": ["ladle", ...], "question_type": "five", "image": {"bytes": ...}}

Licence: CC-BY-4.0. Made as in LLaVA-1.5: the questions of an image are one record, and the answer is the stemmed one of
most people, of equals the first. Quirks:
- Stemmed answers read badly (`cloth` for clothes): `answer=raw` takes the words as they were written. LAVIS's and the
  hub's copies have one list of answers, which stands for both.
- Five people answered; each answer is there twice. Of the questions, 373 have five answers that differ.
- A question's number is its image's and one more digit. The files are named like those of VQA v1.0, whose annotations
  have no `raw_answer`: they are bad. Release 1.1 of the annotations has the same names and other stems.
- Image 21 of the train split is coco/train2017/000000000021.jpg, as in LLaVA's mix; those of val keep val2014's names.
- The hub's copies hold the images: lmms-lab/OK-VQA the val split, Multimodal-Fatima/OK-VQA_train the other.
"""

from collections.abc import Iterator, Sequence
from statistics import mode
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip
from mixer.prompts import pick
from mixer.readers import json_array, json_member, parquet_rows
from mixer.shared import coco_images
from mixer.shared.cells import ImageCell, holding
from mixer.shared.flat_vqa import Flat
from mixer.shared.merging import Asked
from mixer.shared.short_answers import ShortAnswerOptions, short_answers
from mixer.sources import File, Grouping, Join, Source

RELEASE = {"train": "train2017", "val": "val2014"}
RECORDS = {"train": 9_009, "val": 5_046}
TYPES = {
    "one": "Vehicles and Transportation",
    "two": "Brands, Companies and Products",
    "three": "Objects, Material and Clothing",
    "four": "Sports and Recreation",
    "five": "Cooking and Food",
    "six": "Geography, History, Language and Culture",
    "seven": "People and Everyday life",
    "eight": "Plants and Animals",
    "nine": "Science and Technology",
    "ten": "Weather and Climate",
    "other": "Other",
}
"""Names of the kinds of question, as the annotations' `question_types` says."""


class Answer(msgspec.Struct):
    """One person's, stemmed and as it was written."""

    answer: str
    raw_answer: str


class Annotation(msgspec.Struct):
    """The answers to a question."""

    image_id: int
    question_id: int
    question_type: str
    answers: list[Answer]


class Question(msgspec.Struct):
    """A question of the official files."""

    image_id: int
    question_id: int
    question: str
    annotation: Annotation | None = None

    def __post_init__(self) -> None:
        """Refuse questions of other sets."""
        if self.question_id // 10 != self.image_id:
            raise ValueError("question_id is not image_id and one more digit, as in OK-VQA")


class Row(msgspec.Struct):
    """A question of the hub's tables, with its answers and its image."""

    question_id: int | str
    question: str
    answers: list[str]
    image: ImageCell
    question_type: str | None = None
    image_id: int = 0
    picture: str = ""

    def __post_init__(self) -> None:
        """Tell the image by the question's number, and name its file."""
        if not str(self.question_id).isdecimal():
            raise ValueError("`question_id` is no number")
        self.image_id = int(self.question_id) // 10
        self.picture = self.picture or self.image.name("okvqa")


class OkVqaOptions(ShortAnswerOptions):
    """Which questions and which of their answers."""

    split: Literal["train", "val"] = Field(default="train", description="Which split.")
    answer: Literal["stemmed", "raw", "sampled"] = Field(
        default="stemmed",
        description="That of most people, stemmed or as it was written, or the stemmed one of one person, by hash.",
    )
    packaging: Literal["official", "lavis", "hub"] = Field(
        default="official",
        description="The official questions and annotations, LAVIS's flat file, or the hub's tables.",
    )


def _join(split: str) -> Join:
    when = {"split": split, "packaging": "official"}
    path = f"mscoco_{split}2014_annotations.json"
    file = File(path, json_member.of("annotations"), Annotation, records=RECORDS[split], when=when)
    return Join(file, on="question_id", field="annotation")


def _files(split: str, table: str) -> tuple[File, File, File]:
    path, records = f"OpenEnded_mscoco_{split}2014_questions.json", RECORDS[split]
    questions, here = json_member.of("questions"), {"split": split}
    return (
        File(path, questions, Question, records=records, when={**here, "packaging": "official"}),
        File(f"okvqa_{split}.json", json_array, Flat, when={**here, "packaging": "lavis"}),
        File(table, parquet_rows, Row, records=records, when={**here, "packaging": "hub"}),
    )


SOURCE = Source(
    title="OK-VQA",
    homepage="https://okvqa.allenai.org/download.html",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="vqa",
    language="en",
    files=(*_files("train", "data/train-*.parquet"), *_files("val", "data/val2014-*.parquet")),
    options=OkVqaOptions,
    grouping=Grouping(by="image_id", joins=tuple(map(_join, RECORDS))),
    media=("coco/train2017", "coco/val2014"),
    records=RECORDS["train"],
)


def convert(raws: Sequence[Question | Flat | Row], options: OkVqaOptions) -> Iterator[Labelled | Skip]:
    """Ask for short answers to the questions about an image."""
    asked = [Asked(f"{raw.question_id}", raw.question, _answer(raw, options), _kind(raw)) for raw in raws]
    first, labels = raws[0], Labels(split=options.split)
    path = first.picture if isinstance(first, Row) else coco_images.path(first.image_id, RELEASE[options.split])
    made = short_answers("okvqa", asked, options, id=f"{first.image_id:012d}", image=path, labels=labels)
    return holding(first.image, path, made) if isinstance(first, Row) else made


def _answer(raw: Question | Flat | Row, options: OkVqaOptions) -> str:
    """Choose an answer; without any it is empty."""
    if isinstance(raw, Question):
        given = raw.annotation.answers if raw.annotation else []
        answers = [each.raw_answer if options.answer == "raw" else each.answer for each in given]
    else:
        answers = raw.answers
    if not answers:
        return ""
    return pick(answers, "okvqa", f"{raw.question_id}", "answer") if options.answer == "sampled" else mode(answers)


def _kind(raw: Question | Flat | Row) -> str | None:
    if isinstance(raw, Flat):
        return None
    kind = raw.question_type if isinstance(raw, Row) else raw.annotation and raw.annotation.question_type
    return TYPES.get(kind, kind) if kind else None
