r"""AI Hub 104, 시각정보 기반 질의응답: Korean questions with short answers about photos of everyday life.

Page: https://aihub.or.kr/aihubdata/data/view.do?dataSetSn=104
Raw: {"question_id": 31, "image_id": 4, "question": "주전자는 무슨 색입니까?"}, and of the same folder, among the annotations
     {"question_id": 31, "image_id": 4, "multiple_choice_answer": "파란색", "answer_confidence": "yes"}, and among the
     images {"image_id": 4, "image": "kettle_0004.jpg", "category": "부엌"}

Licence: AI Hub's terms: for training only, by account. Question and answer are taken as they stand; no request for short
answers is published, so none is made, and `prompt=short` adds one in our own words. Quirks:
- The labels' zips hold `<category>/<level>_train_<category>/` with three files each, for validation
  `<level>_validate_<category>/`; levels are 상, 중 and 하. Unpack them below `Training/라벨링데이터/` and
  `Validation/라벨링데이터/`, with a tool that knows their names' code page.
- Numbers of questions and images come again in other folders: files are joined inside a folder only, ids hold the split,
  the category and the level. In a folder the first of equal numbers counts. Numbers may be texts.
- A photo is in the zip that its category names: unpack it to `aihub_vqa/Training/<category>/` of the media root. Some
  that are listed do not exist. A zip's parts (`.zip.part0` ...) are joined in the order of their numbers.
- A question without an answer, or about an image that is not listed, is skipped. The test split that circulates is
  somebody's third of the validation split.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip
from mixer.prompts import SHORT_ANSWER_KO
from mixer.readers import json_member
from mixer.shared.merging import Asked, MergeOptions, records
from mixer.sources import File, Grouping, Join, Source

SPLITS = {"train": ("Training", "train"), "validation": ("Validation", "validate")}


class Filed(msgspec.Struct, kw_only=True):
    """A record of any of the three files; `file` is the path it was published at."""

    image_id: int | str
    file: str = ""

    @property
    def folder(self) -> str:
        """Name the folder inside which numbers are unique."""
        return self.file.rpartition("/")[0]

    @property
    def photo(self) -> str:
        """Name the image among all folders'."""
        return f"{self.folder}/{self.image_id}"


class Annotation(Filed):
    """The answer to a question."""

    question_id: int | str
    multiple_choice_answer: str

    @property
    def asked(self) -> str:
        """Name the question among all folders'."""
        return f"{self.folder}/{self.question_id}"


class Image(Filed):
    """An image; the category names the zip that it is in."""

    image: str
    category: str | None = None


class Question(Filed):
    """A question, with what is joined to it."""

    question_id: int | str
    question: str
    annotation: Annotation | None = None
    listed: Image | None = None

    @property
    def asked(self) -> str:
        """Name the question among all folders'."""
        return f"{self.folder}/{self.question_id}"


class Folder(NamedTuple):
    """What a folder's name says: `상_train_부엌`."""

    level: str
    category: str


class AihubOptions(MergeOptions):
    """Which questions, how they are asked and how many of them in a record."""

    split: Literal["train", "validation"] = Field(default="train", description="Which split.")
    merge: Literal["image", "none"] = Field(
        default="none", description="A record of all questions about an image, or one of each question."
    )
    prompt: Literal["none", "short"] = Field(
        default="none", description="Ask nothing but the question, or for a short answer in Korean, in our own words."
    )


def _file(split: str, name: str, member: str, raw: type) -> File:
    top, part = SPLITS[split]
    path = f"{top}/라벨링데이터/*/*_{part}_*/{name}.json"
    return File(path, json_member.of(member), raw, when={"split": split}, named="file")


SOURCE = Source(
    title="AI Hub visual question answering",
    homepage="https://aihub.or.kr/aihubdata/data/view.do?dataSetSn=104",
    licence="AI Hub terms (for training, by account)",
    terms=("AI-Hub",),
    modality="image",
    task="vqa",
    language="ko",
    files=tuple(_file(split, "question", "questions", Question) for split in SPLITS),
    options=AihubOptions,
    grouping=Grouping(
        by="photo",
        joins=(
            *(Join(_file(split, "annotation", "annotations", Annotation), "asked", "annotation") for split in SPLITS),
            *(Join(_file(split, "images", "images", Image), "photo", "listed") for split in SPLITS),
        ),
    ),
    media=("aihub_vqa",),
)


def convert(raws: Sequence[Question], options: AihubOptions) -> Iterator[Labelled | Skip]:
    """Ask the questions about an image."""
    listed = raws[0].listed
    if listed is None:
        yield Skip("image is not listed", items=len(raws))
        return
    folder = _folder(raws[0].folder, options.split)
    start = f"{options.split}-{folder.category}-{folder.level}"
    asked = [
        Asked(
            id=f"{start}-{raw.question_id}",
            question=raw.question,
            answer=raw.annotation.multiple_choice_answer if raw.annotation else "",
            subset=folder.category,
        )
        for raw in raws
    ]
    image = f"aihub_vqa/{SPLITS[options.split][0]}/{listed.category or folder.category}/{listed.image}"
    prompt = SHORT_ANSWER_KO if options.prompt == "short" else ""
    labels = Labels(subset=folder.category, split=options.split, task=folder.level)
    yield from records(asked, options, id=f"{start}-image-{listed.image_id}", image=image, prompt=prompt, labels=labels)


def _folder(path: str, split: str) -> Folder:
    level, _, category = path.rpartition("/")[2].partition(f"_{SPLITS[split][1]}_")
    return Folder(level, category)
