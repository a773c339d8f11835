r"""VQA v2.0: short answers to open questions about COCO photos.

Page: https://visualqa.org/download.html
Raw: {"image_id": 21, "question": "Is the kite  new?", "question_id": 21000}, and among the annotations
     {"answer_type": "yes/no", "multiple_choice_answer": "yes", "answers": [{"answer": "yes", "answer_confidence":
     "maybe", "answer_id": 1}, ...ten], "image_id": 21, "question_type": "is the", "question_id": 21000}
Raw (lavis, qwen_vl, lxmert): as `mixer.shared.flat_vqa` says.
Raw (hub, a table): a question with what its annotation says, and "image": {"bytes": ...}

Licence: CC-BY-4.0; the photos have Flickr's terms. Made as in LLaVA-1.5: an image's questions are one record, in the
order of the file, which is the order of the turns. Quirks:
- Questions and answers are two files, joined by question_id. A question without an answer is skipped, and so is an
  answer without a question. The test splits have no answers and are not offered.
- `multiple_choice_answer` is one of the most frequent answers; in a tie, which one has no rule, so it is copied. Flat
  copies lack it: there the most frequent answer stands in, of equals the first. LXMERT's have weights, Qwen-VL's one
  answer, so that nothing is sampled from them.
- Some images have over 200 questions: `max_turns` deals them out to records whose ids end with their number.
- Image 21 of the train split is coco/train2017/000000000021.jpg, as LLaVA names it: all are in train2017. Of val2014's
  images most are there, but not all, so those of the val split keep their own folder and name.
- The files of v1.0 and OK-VQA are named alike, without `v2_`. Questions whose number is not image_id * 1000 + n are bad,
  and so are OK-VQA's annotations, which have no `multiple_choice_answer`.
- The hub's tables (lmms-lab/VQAv2, the val split only) hold the images.
- Key order varies; doubled blanks in questions are kept. An answer of a yes/no question may be another word.
"""

from collections.abc import Iterator, Sequence
from statistics import mode
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip
from mixer.prompts import pick
from mixer.readers import json_array, json_lines, json_member, parquet_rows
from mixer.shared import coco_images
from mixer.shared.cells import ImageCell, holding
from mixer.shared.flat_vqa import Flat, Soft
from mixer.shared.merging import Asked
from mixer.shared.short_answers import ShortAnswerOptions, short_answers
from mixer.sources import File, Grouping, Join, Source

RELEASE = {"train": "train2017", "val": "val2014"}
RECORDS = {"train": 443_757, "val": 214_354}
_LABELS = {split: Labels(split=split) for split in RECORDS}


class Answer(msgspec.Struct):
    """One person's."""

    answer: str


class Annotation(msgspec.Struct):
    """The answer to a question, as the annotations have it."""

    image_id: int
    question_id: int
    answer_type: str
    multiple_choice_answer: str


class Ten(Annotation):
    """The same with the ten answers that people gave, which cost most of the reading."""

    answers: list[Answer]


class Question(msgspec.Struct):
    """A question of the official files."""

    image_id: int
    question_id: int
    question: str
    annotation: Annotation | None = None

    def __post_init__(self) -> None:
        """Refuse questions of other sets."""
        if self.question_id // 1000 != self.image_id:
            raise ValueError("question_id is not image_id * 1000 + n, as in v2.0")


class Row(Ten):
    """A question of the hub's tables, with its answers and its image."""

    question: str
    image: ImageCell
    picture: str = ""

    def __post_init__(self) -> None:
        """Name the image by its content."""
        self.picture = self.picture or self.image.name("vqav2")


class VqaOptions(ShortAnswerOptions):
    """Which questions and which of their answers."""

    split: Literal["train", "val"] = Field(default="train", description="Which split.")
    answer: Literal["multiple_choice", "sampled"] = Field(
        default="multiple_choice", description="The answer of most people, or that of one of the ten, picked by hash."
    )
    packaging: Literal["official", "lavis", "qwen_vl", "lxmert", "hub"] = Field(
        default="official",
        description="The official questions and annotations, LAVIS's, Qwen-VL's or LXMERT's flat files, or the hub's tables.",
    )


def _annotation(options: VqaOptions) -> type[Annotation]:
    return Ten if options.answer == "sampled" else Annotation


def _join(split: str) -> Join:
    path = f"v2_mscoco_{split}2014_annotations.json"
    when = {"split": split, "packaging": "official"}
    archive = f"v2_Annotations_{split.capitalize()}_mscoco.zip"
    file = File(path, json_member.of("annotations"), _annotation, records=RECORDS[split], when=when, archive=archive)
    return Join(file, on="question_id", field="annotation")


SOURCE = Source(
    title="VQA v2.0",
    homepage="https://visualqa.org/download.html",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="vqa",
    language="en",
    files=(
        *(
            File(
                f"v2_OpenEnded_mscoco_{split}2014_questions.json",
                json_member.of("questions"),
                Question,
                records=RECORDS[split],
                when={"split": split, "packaging": "official"},
                archive=f"v2_Questions_{split.capitalize()}_mscoco.zip",
            )
            for split in RECORDS
        ),
        *(
            File(f"vqa_{split}.json", json_array, Flat, when={"split": split, "packaging": "lavis"})
            for split in RECORDS
        ),
        *(
            File(f"vqav2_{split}.jsonl", json_lines, Flat, when={"split": split, "packaging": "qwen_vl"})
            for split in RECORDS
        ),
        *(
            File(f"{part}.json", json_array, Soft, when={"split": split, "packaging": "lxmert"})
            for part, split in (("train", "train"), ("minival", "val"), ("nominival", "val"))
        ),
        *(
            File(
                f"data/{table}-*.parquet",
                parquet_rows,
                Row,
                records=RECORDS[split],
                when={"split": split, "packaging": "hub"},
            )
            for table, split in (("train", "train"), ("validation", "val"))
        ),
    ),
    options=VqaOptions,
    grouping=Grouping(by="image_id", joins=tuple(map(_join, RECORDS))),
    media=("coco/train2017", "coco/val2014"),
    records=RECORDS["train"],
)


def convert(raws: Sequence[Question | Flat | Soft | Row], options: VqaOptions) -> Iterator[Labelled | Skip]:
    """Ask for short answers to the questions about an image."""
    asked = [_asked(raw, options) for raw in raws]
    first, labels = raws[0], _LABELS[options.split]
    path = first.picture if isinstance(first, Row) else coco_images.path(first.image_id, RELEASE[options.split])
    made = short_answers("vqav2", asked, options, id=f"{first.image_id:012d}", image=path, labels=labels)
    return holding(first.image, path, made) if isinstance(first, Row) else made


def _asked(raw: Question | Flat | Soft | Row, options: VqaOptions) -> Asked:
    id, annotation = f"{raw.question_id}", raw.annotation if isinstance(raw, Question) else raw
    if type(annotation) is Annotation:  # by far the most common
        return Asked(id, raw.question, annotation.multiple_choice_answer, annotation.answer_type)
    kind = annotation.answer_type if isinstance(annotation, Annotation) else None
    return Asked(id, raw.question, _answer(id, annotation, options), kind)


def _answer(id: str, annotation: Annotation | Flat | Soft | None, options: VqaOptions) -> str:
    """Choose an answer; without any it is empty."""
    if isinstance(annotation, Ten) and options.answer == "sampled":
        ten = [each.answer for each in annotation.answers]
    elif isinstance(annotation, Flat | Soft):
        ten = annotation.answers
    else:
        return annotation.multiple_choice_answer if annotation else ""
    if not ten:
        return ""
    return pick(ten, "vqav2", id, "answer") if options.answer == "sampled" else mode(ten)
