r"""OCR-VQA: questions about the covers of books: who wrote it, what is it called, what kind is it.

Page: https://ocr-vqa.github.io/
Raw: {"81726350": {"imageURL": "http://example.com/images/I/51kite.jpg", "questions": ["Who wrote this book?", ...],
     "answers": ["Ada Ladle", ...], "title": "Kites", "authorName": "Ada Ladle", "genre": "Crafts", "split": 1}, ...}
Raw (hub, a table): {"image": {"bytes": ...}, "image_id": "81726350", "questions": [...], "answers": [...], "genre": ...}

Licence: not stated; the covers are a shop's. An item of the ledger is a question. Made as in LLaVA-1.5: all questions of
a cover are one record, in the order of the file. (LLaVA took 80,000 of the 166,041 covers for training; which ones is not
published.) MiniGPT-4 and mmpretrain make a record of each question: `merge=none`; ms-swift and DeepSpeed-VisualChat take
one of a cover's: `questions=one`, picked by hash. Quirks:
- A cover's number has lost its leading zeros, and may end with X. `split` is 1, 2 or 3: train, val, test.
- LLaVA's mix has every cover as .jpg, as which the others must be saved again; the official script names them by their
  url's ending. Many urls are dead, some 900 covers are GIFs, and 1437717772.jpg is known to be broken.
- The hub's tables (howard-hou/OCR-VQA) hold the covers; a few of train are missing there.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip
from mixer.prompts import pick
from mixer.readers import json_object, parquet_rows
from mixer.shared.cells import ImageCell, holding
from mixer.shared.merging import Asked
from mixer.shared.short_answers import ShortAnswerOptions, short_answers
from mixer.sources import File, Source

SPLITS = {1: "train", 2: "val", 3: "test"}
TABLES = {"train": ("train", 166_022), "val": ("validation", 20_731), "test": ("test", 20_796)}


class Questions(msgspec.Struct, kw_only=True):
    """The questions about a cover."""

    questions: list[str]
    answers: list[str]
    genre: str | None = None

    def __post_init__(self) -> None:
        """Refuse questions that cannot be paired with answers."""
        if len(self.questions) != len(self.answers):
            raise ValueError("`questions` and `answers` are not equally many")


class Cover(Questions, kw_only=True):
    """An entry of dataset.json; `key` is the book's number."""

    url: str = msgspec.field(name="imageURL")
    split: Literal[1, 2, 3]
    key: str = ""


class Row(Questions, kw_only=True):
    """A row of the hub's tables."""

    image_id: str
    image: ImageCell
    picture: str = ""

    def __post_init__(self) -> None:
        """Name the cover by its content."""
        super().__post_init__()
        self.picture = self.image.name("ocrvqa")


class OcrVqaOptions(ShortAnswerOptions):
    """Which covers and which of their questions."""

    split: Literal["train", "val", "test"] = Field(default="train", description="Which split.")
    questions: Literal["all", "one"] = Field(
        default="all", description="All questions of a cover, or one, picked by hash."
    )
    names: Literal["jpg", "url"] = Field(
        default="jpg", description="Ending of the covers' names: .jpg as for LLaVA, or as their urls end."
    )
    packaging: Literal["official", "hub"] = Field(
        default="official", description="The official JSON, or the hub's tables, which hold the covers."
    )


SOURCE = Source(
    title="OCR-VQA",
    homepage="https://ocr-vqa.github.io/",
    licence="not stated; the covers are a shop's",
    terms=("unknown",),
    modality="image",
    task="vqa",
    language="en",
    files=(
        File("dataset.json", json_object, Cover, records=207_572, when={"packaging": "official"}),
        *(
            File(
                f"data/{table}-*.parquet",
                parquet_rows,
                Row,
                records=records,
                when={"packaging": "hub", "split": split},
            )
            for split, (table, records) in TABLES.items()
        ),
    ),
    options=OcrVqaOptions,
    media=("ocr_vqa/images",),
    records=207_572,
)


def convert(raw: Cover | Row, options: OcrVqaOptions) -> Iterator[Labelled | Skip]:
    """Ask for short answers to the questions about a cover."""
    if not raw.questions:
        yield Skip("no question")
        return
    if isinstance(raw, Cover) and SPLITS[raw.split] != options.split:
        yield Skip("of another split", len(raw.questions))
        return
    name = raw.key if isinstance(raw, Cover) else raw.image_id
    asked = [
        Asked(f"{name}-{number}", question, answer, raw.genre)
        for number, (question, answer) in enumerate(zip(raw.questions, raw.answers, strict=True))
    ]
    answered = [each for each in asked if each.answer.strip()]
    if options.questions == "one" and len(answered) > 1:
        yield Skip("not the question picked of its cover", len(answered) - 1)
        asked = [pick(answered, "ocrvqa", name, "question"), *(each for each in asked if each not in answered)]
    labels = Labels(split=options.split, subset=raw.genre)
    path = raw.picture if isinstance(raw, Row) else f"ocr_vqa/images/{name}{_ending(raw, options)}"
    made = short_answers("ocrvqa", asked, options, id=name, image=path, labels=labels)
    yield from holding(raw.image, path, made) if isinstance(raw, Row) else made


def _ending(raw: Cover, options: OcrVqaOptions) -> str:
    return ".jpg" if options.names == "jpg" else PurePosixPath(raw.url).suffix
