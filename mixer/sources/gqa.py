r"""GQA: compositional questions about photos with scene graphs.

Page: https://cs.stanford.edu/people/dorarad/gqa/download.html
Raw: {"07000012": {"imageId": "n4711", "question": "What is the kite made of?", "answer": "paper", "fullAnswer":
     "The kite is made of paper.", "types": {"structural": "query", ...}, "isBalanced": true, "groups": {...}, ...}}
Raw (LAVIS's copies of the same names): [{"question_id": "07000012", "question": "What is the kite made of?",
     "answer": "paper", "image": "n4711.jpg"}]
Raw (hub, a table): the official columns, and "id": "07000012"

Licence: CC-BY-4.0. Made as in LLaVA-1.5: an image's questions are one record, in the order of the file, which is the
order of the turns; `answer=full, merge=none` is ms-swift's form. Quirks:
- The file is an object by question id in the official form and an array in LAVIS's: both are read, told by the file.
- Question ids are texts of digits, some with leading zeros; image ids are texts, those of images that are not Visual
  Genome's start with n. Both stay texts, where LLaVA's mix has image ids as numbers.
- The files for tests have no answers and are not offered; elsewhere a question without an answer is skipped.
- `train_all` is the ten parts of train_all_questions/; most of its questions have `isBalanced` false.
- Blanks at the end of semantic arguments, lists of entailed questions and scene graphs: not read.
- The hub's tables (lmms-lab/GQA) hold questions and images apart: the ones named `..._instructions` are read.
- Some images have over 80 questions: `max_turns` deals them out to records whose ids end with their number.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, Self

import msgspec
from pydantic import Field, model_validator

from mixer.conversation import Labelled, Labels, Skip
from mixer.readers import json_records, parquet_rows
from mixer.shared.merging import Asked, records
from mixer.shared.short_answers import ShortAnswerOptions, short_answers
from mixer.sources import File, Grouping, Source

PARTS = 10
"""Of train_all_questions/."""


class Types(msgspec.Struct):
    """Kinds of question: of the three, its form is used."""

    structural: str


class Raw(msgspec.Struct):
    """A question; `key` is its id in the official form."""

    question: str
    image_id: str = msgspec.field(name="imageId", default="")
    image: str = ""
    answer: str | None = None
    full: str | None = msgspec.field(name="fullAnswer", default=None)
    types: Types | None = None
    question_id: str | int = ""
    id: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        """Tell the image by its file's name where only that is given."""
        self.image_id = self.image_id or self.image.rpartition("/")[2].removesuffix(".jpg")
        if not self.image_id:
            raise ValueError("neither `imageId` nor `image`")


class GqaOptions(ShortAnswerOptions):
    """Which questions and which of their answers."""

    split: Literal["train_balanced", "val_balanced", "testdev_balanced", "train_all"] = Field(
        default="train_balanced", description="Which published file; train_all is in ten parts."
    )
    answer: Literal["short", "full"] = Field(
        default="short", description="A word or phrase, asked for in LLaVA-1.5's words, or the full sentence."
    )
    packaging: Literal["official", "hub"] = Field(
        default="official", description="The official JSON, which LAVIS's copies are named like, or the hub's tables."
    )

    @model_validator(mode="after")
    def _asked_as_published(self) -> Self:
        if self.prompt == "minigpt_v2" and self.answer == "full":
            raise ValueError("prompt=minigpt_v2: asks for short answers, so with answer=short only")
        return self


SPLITS = ("train_balanced", "val_balanced", "testdev_balanced", "train_all")
_LABELS = {split: Labels(split=split) for split in SPLITS}


def _file(split: str, path: str, records: int | None = None) -> File:
    when = {"split": split, "packaging": "official"}
    return File(path, json_records.of(), Raw, records=records, when=when, archive="questions1.2.zip")


def _table(split: str) -> File:
    return File(f"{split}_instructions/*.parquet", parquet_rows, Raw, when={"split": split, "packaging": "hub"})


SOURCE = Source(
    title="GQA",
    homepage="https://cs.stanford.edu/people/dorarad/gqa/download.html",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="vqa",
    language="en",
    files=(
        _file("train_balanced", "train_balanced_questions.json", 943_000),
        _file("val_balanced", "val_balanced_questions.json"),
        _file("testdev_balanced", "testdev_balanced_questions.json", 12_578),
        *(_file("train_all", f"train_all_questions/train_all_questions_{part}.json") for part in range(PARTS)),
        *map(_table, SPLITS),
    ),
    options=GqaOptions,
    grouping=Grouping(by="image_id"),
    media=("gqa/images",),
    records=943_000,
)


def convert(raws: Sequence[Raw], options: GqaOptions) -> Iterator[Labelled | Skip]:
    """Ask the questions about an image."""
    short = options.answer == "short"
    asked = [
        Asked(
            id=raw.key or raw.id or f"{raw.question_id}",
            question=raw.question,
            answer=(raw.answer if short else raw.full) or "",
            subset=raw.types.structural if raw.types else None,
        )
        for raw in raws
    ]
    name, labels = raws[0].image_id, _LABELS[options.split]
    image = f"gqa/images/{name}.jpg"
    if short:
        return short_answers("gqa", asked, options, id=name, image=image, labels=labels)
    return records(asked, options, id=name, image=image, prompt="", labels=labels)
