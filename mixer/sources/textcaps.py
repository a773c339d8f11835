r"""TextCaps: captions that read what is written in a photo; and TextVQA: questions about the same photos.

Page: https://textvqa.org/textcaps/dataset/
Raw: {"dataset_type": "train", "dataset_name": "textcaps", "dataset_version": 0.1, "data": [{"image_id":
     "0c41d2ab90e7735f", "caption_id": 100000000, "caption_str": "A tin sign says EGGS", "reference_strs": [...five],
     "set_name": "train", "image_path": "train/0c41d2ab90e7735f.jpg", ...}, ...]}, a row for each of five captions
Raw (Rosetta OCR): {"data": [{"image_id": "0c41d2ab90e7735f", "ocr_tokens": ["EGGS", "12"], "ocr_info": [...]}, ...]}
Raw (form=vqa): {"data": [{"question_id": 34602, "image_id": "0c41d2ab90e7735f", "question": "what is sold here?",
     "answers": ["eggs", ...ten], "set_name": "train", ...}, ...]}
Raw (hub, a table): {"image_id": "0c41d2ab90e7735f", "reference_strs": [...five], "image": {"bytes": ...}}

Licence: CC-BY-4.0. Made as in LLaVA-1.5: a record of each image with one of its captions, picked by a hash (which one LLaVA
took is not published), and what Rosetta read in the request: `Reference OCR token: EGGS, 12`, in the file's order, noise
and all; where it read nothing, the line ends with its blank. Captions there all end with a period, which the raw ones
often lack, and begin as they are: a period is added where none of `.!?` ends the caption. Quirks:
- `prompt=minigpt_v2` and `prompt=swift` are the requests of MiniGPT-v2, by hash, and of ms-swift, without OCR;
  `captions=all` makes a record of each caption, as MiniGPT-v2 does.
- `form=vqa` asks TextVQA's questions for the answer of most people, of equals the first, with the OCR line as in LLaVA's
  test. LLaVA-1.5 does not train on them, though its folder of images is called textvqa.
- train and val share train_images; `image_path` lacks that folder and is not used. The test split has no captions.
- The hub's tables (lmms-lab/TextCaps) have a row for each image, and hold the images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mode
from typing import Literal, Self

import msgspec
from pydantic import Field, model_validator

from mixer.conversation import Labelled, Labels, Skip, capitalised, qa
from mixer.prompts import CAPTION, ONE_SENTENCE, SHORT_ANSWER, drawn, pick
from mixer.readers import json_member, parquet_rows
from mixer.shared import minigpt_v2
from mixer.shared.cells import ImageCell, holding
from mixer.shared.merging import Asked, MergeOptions, records
from mixer.shared.short_answers import ShortAnswerOptions, short_answers
from mixer.sources import File, Grouping, Join, Source

SWIFT = "What is the caption of this image?"
OCR_LINE = "Reference OCR token: {}"
IMAGES = {"train": 21_953, "val": 3_166}
QUESTIONS = {"train": 34_602, "val": 5_000}


class Ocr(msgspec.Struct):
    """What Rosetta read in an image."""

    image_id: str
    ocr_tokens: list[str]


class Caption(msgspec.Struct):
    """A caption."""

    image_id: str
    caption_id: int
    caption_str: str
    ocr: Ocr | None = None


class Question(msgspec.Struct):
    """A question of TextVQA."""

    image_id: str
    question_id: int
    question: str
    answers: list[str]
    ocr: Ocr | None = None


class Row(msgspec.Struct):
    """An image of the hub's tables, and its captions."""

    image_id: str
    reference_strs: list[str]
    image: ImageCell
    ocr: Ocr | None = None
    picture: str = ""

    def __post_init__(self) -> None:
        """Name the image by its content."""
        self.picture = self.picture or self.image.name("textcaps")


class TextCapsOptions(MergeOptions):
    """Which captions or questions, and how they are asked for."""

    split: Literal["train", "val"] = Field(default="train", description="Which split.")
    form: Literal["captions", "vqa"] = Field(default="captions", description="TextCaps, or TextVQA's questions.")
    captions: Literal["one", "all"] = Field(
        default="one", description="For form captions: one of each image's, picked by hash, or a record of each."
    )
    prompt: Literal["llava", "llava_no_ocr", "minigpt_v2", "swift"] = Field(
        default="llava",
        description="LLaVA-1.5's request, with the OCR tokens or without, MiniGPT-v2's, or for captions ms-swift's.",
    )
    packaging: Literal["official", "hub"] = Field(
        default="official",
        description="For form captions: the official JSON, or the hub's tables, which hold the images.",
    )

    @model_validator(mode="after")
    def _published_so(self) -> Self:
        if self.form == "vqa" and (self.prompt == "swift" or self.packaging == "hub"):
            raise ValueError("prompt=swift and packaging=hub: of captions only, so not with form=vqa")
        return self


def _files(split: str) -> tuple[File, File, File]:
    caption, data, images = {"form": "captions", "split": split}, json_member.of("data"), IMAGES[split]
    official, hub = {**caption, "packaging": "official"}, {**caption, "packaging": "hub"}
    asked = {"form": "vqa", "split": split}
    return (
        File(f"TextCaps_0.1_{split}.json", data, Caption, records=5 * images, when=official),
        File(f"data/{split}-*.parquet", parquet_rows, Row, records=images, when=hub),
        File(f"TextVQA_0.5.1_{split}.json", data, Question, records=QUESTIONS[split], when=asked),
    )


def _join(split: str) -> Join:
    path, when = f"TextVQA_Rosetta_OCR_v0.2_{split}.json", {"split": split, "prompt": "llava"}
    return Join(File(path, json_member.of("data"), Ocr, when=when), on="image_id", field="ocr")


SOURCE = Source(
    title="TextCaps",
    homepage="https://textvqa.org/textcaps/dataset/",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="caption",
    language="en",
    files=(*_files("train"), *_files("val")),
    options=TextCapsOptions,
    grouping=Grouping(by="image_id", joins=tuple(map(_join, IMAGES))),
    media=("textvqa/train_images",),
    records=5 * IMAGES["train"],
)


def convert(raws: Sequence[Caption | Question | Row], options: TextCapsOptions) -> Iterator[Labelled | Skip]:
    """Ask for captions of an image, or the questions about it."""
    first, path = raws[0], f"textvqa/train_images/{raws[0].image_id}.jpg"
    if options.prompt == "llava" and first.ocr is None:
        yield Skip("image not in the OCR file", len(raws))
    elif isinstance(first, Row):
        rows = [raw for raw in raws if isinstance(raw, Row)]
        yield from holding(first.image, first.picture, _of_rows(rows, options, first.picture))
    elif isinstance(first, Caption):
        yield from _captions([raw for raw in raws if isinstance(raw, Caption)], options, path)
    else:
        yield from _questions([raw for raw in raws if isinstance(raw, Question)], options, path)


def _captions(captions: Sequence[Caption], options: TextCapsOptions, path: str) -> Iterator[Labelled | Skip]:
    told = [each for each in captions if each.caption_str.strip()]
    yield from [Skip("no caption")] * (len(captions) - len(told))
    if options.captions == "all":
        yield from (_record(each, f"{each.image_id}-{each.caption_id}", options, path) for each in told)
    elif told:
        image, numbers = told[0].image_id, [each.caption_id for each in told]
        place, _ = next(drawn(numbers, "textcaps", image, "caption"))
        yield _record(told[place], image, options, path)
        yield from [Skip("not the caption picked of its image", len(told) - 1)] * (len(told) > 1)


def _of_rows(rows: Sequence[Row], options: TextCapsOptions, path: str) -> Iterator[Labelled | Skip]:
    """Make the same of a table's row, which is one item however many captions it holds."""
    first, *others = rows
    captions = [Caption(first.image_id, number, text, first.ocr) for number, text in enumerate(first.reference_strs)]
    made = [each for each in _captions(captions, options, path) if isinstance(each, Labelled)]
    yield from (replace(each, items=0 if number else 1) for number, each in enumerate(made))
    yield from [Skip("no caption")] * (not made)
    yield from [Skip("image that came before")] * len(others)


def _record(caption: Caption, id: str, options: TextCapsOptions, path: str) -> Labelled:
    text, key = caption.caption_str.strip(), ("textcaps", caption.image_id, f"{caption.caption_id}", "prompt")
    if options.prompt == "minigpt_v2":
        question, text = f"[caption] {pick(CAPTION, *key)}", minigpt_v2.plain(text)
    elif options.prompt == "swift":
        question = SWIFT
    else:
        question = "\n".join([ONE_SENTENCE, *_ocr_line(caption.ocr)])
        text = text if text.endswith((".", "!", "?")) else f"{text}."
    record = qa(id=id, question=question, answer=text, image=path)
    return Labelled(record, Labels(split=options.split, task="caption"))


def _questions(questions: Sequence[Question], options: TextCapsOptions, path: str) -> Iterator[Labelled | Skip]:
    labels = Labels(split=options.split, task="vqa")
    asked = [
        Asked(f"{each.question_id}", each.question, mode(each.answers) if each.answers else "") for each in questions
    ]
    id = questions[0].image_id
    if options.prompt == "minigpt_v2":
        short = ShortAnswerOptions(prompt="minigpt_v2", merge=options.merge, max_turns=options.max_turns)
        return short_answers("textvqa", asked, short, id=id, image=path, labels=labels)
    asked = [each._replace(answer=capitalised(each.answer)) for each in asked]
    prompt = "\n".join([*_ocr_line(questions[0].ocr), SHORT_ANSWER])
    return records(asked, options, id=id, image=path, prompt=prompt, labels=labels)


def _ocr_line(ocr: Ocr | None) -> list[str]:
    return [OCR_LINE.format(", ".join(ocr.ocr_tokens))] if ocr else []
