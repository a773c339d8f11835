r"""M3IT: 40 sets of images and short videos, English and Chinese, each task with some ten written instructions.

Page: https://huggingface.co/datasets/MMInstruction/M3IT
Raw: a line of a task's file. Its keys differ from task to task; images are base64:
     {"image": "/9j/4AAQ...", "meta": {"targets": ["A kite.", ...five]}} of coco,
     {"question": "Is it lit?", "image_str": "/9j/4AAQ...", "answer": "yes"} of docvqa,
     {"answer": "It is lit.", "meta": {"instruction": "Look closely.", "inputs": "Is it lit?", "image_base64_str": [...]}}
Raw (parquet, HuggingFaceM4's copy): {"instruction": "Look closely.", "inputs": "Is it lit?", "outputs": "It is lit.",
     "image": {"bytes": b"...", "path": null}}

Licence: of each task its own. A line becomes what the set's loading script gives: an instruction, inputs, which may be
empty, and outputs. Instruction and inputs are the question, a line each; the script draws an instruction from the
task's instructions.json at random, here a hash of the record does. Quirks:
- A line of coco is a record and an item for each of its captions.
- vqa-v2 is answered in other words, unless these say that it is not answerable. okvqa and a-okvqa are read in their
  second edition, whose answers are in other words and which holds its instructions; the first one's are short.
- snli-ve's instructions hold `[HYPO]` where the hypothesis belongs. Answers end with a line break, as published; only
  `maybe` has its reasons behind that. How its label is called is not documented: `answer`, `label` or `gold_label`.
- Questions of shapes come without their question mark, which the script adds.
- In mmchat the lines of a dialogue are Person1's and Person2's by turns, and the question ends with whose turn it is.
- Images are under one of six names, as a text or a list, at the top or in `meta`; videos are lists of frames.
- How the lines of the other tasks look is not documented: theirs are read where they hold the instruction themselves,
  as the second edition does or as the loading script gives them. What is in no known form is bad.
- Some images of nlvr are broken. Tasks whose names end in -rephrased repeat others and are not offered.
- Some folders call instructions.json instruction.json, or .jsonl as it was before; a .jsonl beside a .json is not used.
  Not every task has every split.
"""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Literal, NamedTuple, get_args

import msgspec
from pydantic import Field, ValidationInfo, field_validator

from mixer.conversation import SYSTEM, Labelled, Labels, Skip, Turn, content_id, dialogue
from mixer.prompts import pick
from mixer.readers import json_lines, json_whole, parquet_rows
from mixer.shared import m3it_lines
from mixer.shared.cells import ImageCell
from mixer.shared.m3it_lines import HYPOTHESIS, Keys, Meta, Said, said
from mixer.sources import File, Lookup, Options, Source

Task = Literal[
    "coco", "textcap", "image-paragraph-captioning", "coco-cn", "flickr8k-cn", "coco-goi", "coco-itm", "imagenet",
    "snli-ve", "shapes", "vqa-v2", "okvqa", "a-okvqa", "viquae", "docvqa", "gqa", "ocr-vqa", "st-vqa", "text-vqa",
    "fm-iqa", "science-qa", "clevr", "nlvr", "vcr", "mmchat",
]  # fmt: skip
Split = Literal["train", "val", "test"]
CHINESE = ("coco-cn", "flickr8k-cn", "fm-iqa", "mmchat")
REVISED = ("okvqa", "a-okvqa")
"""Tasks of two editions: files of the second end in _v2."""


class Place(NamedTuple):
    """Where a task lies: its folder, and its splits' files without .jsonl."""

    folder: str
    train: str = "train"
    val: str = "val"
    test: str = ""


PLACES: Mapping[str, Place] = {
    "coco": Place("captioning/coco", test="test"),
    "textcap": Place("captioning/textcap"),
    "image-paragraph-captioning": Place(
        "captioning/image_paragraph_captioning",
        "image_paragraph_captioning_train",
        "image_paragraph_captioning_val",
        "image_paragraph_captioning_test",
    ),
    "coco-cn": Place("captioning/coco-cn", test="test"),
    "flickr8k-cn": Place("captioning/flickr8k-cn", test="test"),
    "coco-goi": Place("classification/coco-goi"),
    "coco-itm": Place("classification/itm", test="test"),
    "imagenet": Place("classification/imagenet"),
    "snli-ve": Place("classification/snli-ve", "esnlive_train", "esnlive_val", "esnlive_test"),
    "shapes": Place("vqa/shapes", "train.large", test="test"),
    "vqa-v2": Place("vqa/vqav2"),
    "okvqa": Place("vqa/okvqa"),
    "a-okvqa": Place("vqa/a-okvqa"),
    "viquae": Place("vqa/viquae", val="validation", test="test"),
    "docvqa": Place("vqa/docvqa"),
    "gqa": Place("vqa/gqa", val="validation"),
    "ocr-vqa": Place("vqa/ocr-vqa", val="validation"),
    "st-vqa": Place("vqa/st-vqa", val="", test="test"),
    "text-vqa": Place("vqa/text-vqa", val="validation_new", test="test"),
    "fm-iqa": Place("vqa/fm-iqa"),
    "science-qa": Place("reasoning/science_qa", "science_qa_train", "science_qa_validation", "science_qa_test"),
    "clevr": Place("reasoning/clevr"),
    "nlvr": Place("reasoning/nlvr", test="test"),
    "vcr": Place("reasoning/vcr", test="test"),
    "mmchat": Place("generation/mmchat", "train_new", "validation", "test"),
}


class Targets(Meta, kw_only=True):
    """Captions of an image, five as a rule."""

    targets: list[str]


class Coco(Keys, kw_only=True):
    """A line of coco."""

    image: str | list[str]
    meta: Targets


class Row(msgspec.Struct):
    """A row of HuggingFaceM4's copy, or of the tables that the hub made of the set."""

    instruction: str
    inputs: str | None
    outputs: str
    image: ImageCell | None = None
    pictures: list[str] = msgspec.field(name="image_base64_str", default_factory=list)


class Instructions(msgspec.Struct):
    """The instructions of a task, one of which goes with each of its records."""

    texts: list[str]
    task: str = ""


class M3itOptions(Options):
    """Which tasks and split, in which packaging."""

    packaging: Literal["jsonl", "parquet"] = Field(
        default="jsonl", description="The files of MMInstruction/M3IT, or HuggingFaceM4/M3IT, which tells no tasks."
    )
    tasks: tuple[Task, ...] = Field(
        default=("coco",), min_length=1, description="Tasks of the jsonl packaging; the default is the script's own."
    )
    split: Split = Field(default="train", description="Split of the jsonl packaging.")
    edition: Literal["v2", "first"] = Field(
        default="v2", description="Of okvqa and a-okvqa: answers in other words, or the short ones."
    )
    instruction: Literal["human", "system"] = Field(
        default="human", description="Where instructions go: before the inputs, or into a system turn as in ms-swift."
    )

    @field_validator("split")
    @classmethod
    def _is_published(cls, split: str, info: ValidationInfo) -> str:
        lacking = [task for task in info.data.get("tasks", ()) if not getattr(PLACES[task], split)]
        if lacking:
            raise ValueError(f"{', '.join(lacking)} has none of this name")
        return split


def _files(task: str, place: Place, split: str) -> Iterator[File]:
    stem = getattr(place, split)
    editions = {"v2": "_v2", "first": ""} if task in REVISED else {"": ""}
    for edition, end in editions.items() if stem else ():
        yield File(
            f"data/{place.folder}/{stem}{end}.jsonl",
            json_lines,
            Coco if task == "coco" else Keys,
            when={"packaging": "jsonl", "tasks": task, "split": split} | ({"edition": edition} if edition else {}),
            give={"task": task, "split": split, "edition": edition},
        )


def _instructions(task: str, place: Place) -> Lookup:
    file = File(
        f"data/{place.folder}/instruction*.json*",
        json_whole.of("texts"),
        Instructions,
        when={"packaging": "jsonl", "tasks": task},
        give={"task": task},
    )
    key, row = attrgetter("task"), attrgetter("texts")
    return Lookup(file, key=key, row=row, match="task", field="instructions", merge=lambda first, _: first)


SOURCE = Source(
    title="M3IT",
    homepage="https://huggingface.co/datasets/MMInstruction/M3IT",
    licence="of each task its own",
    terms=("various",),
    modality="image",
    task="instruction",
    language="en, zh",
    files=(
        *(file for task, place in PLACES.items() for split in get_args(Split) for file in _files(task, place, split)),
        File("data/train-*.parquet", parquet_rows, Row, records=1_238_638, when={"packaging": "parquet"}),
    ),
    options=M3itOptions,
    lookups=tuple(_instructions(task, place) for task, place in PLACES.items()),
    media=("m3it",),
)


def convert(raw: Keys | Row, options: M3itOptions) -> Iterator[Labelled | Skip]:
    """Make the records of a line or row."""
    files, given, labels = _of_row(raw) if isinstance(raw, Row) else _of_line(raw)
    for part, each in enumerate(given):
        if not each.outputs.strip():
            yield Skip("no answer")
            continue
        instruction = each.instruction or ""
        in_system = options.instruction == "system"
        question = each.inputs if in_system else "\n".join(filter(None, (instruction, each.inputs)))
        record = dialogue(id="", rounds=[(question, each.outputs)], image=[path for path, _ in files])
        if in_system:
            record.conversations.insert(0, Turn(SYSTEM, instruction))
        record.id = content_id(labels.subset or "m3it", record, part if len(given) > 1 else None)
        yield Labelled(record, labels, embedded=dict(files))


def _of_row(raw: Row) -> tuple[list[tuple[str, bytes]], list[Said], Labels]:
    files = [(raw.image.name("m3it"), raw.image.content)] if raw.image else m3it_lines.files("m3it", raw.pictures)
    if not files:
        raise msgspec.ValidationError("no image")
    return files, [Said(raw.inputs or "", raw.outputs, raw.instruction)], Labels(split="train")


def _of_line(raw: Keys) -> tuple[list[tuple[str, bytes]], list[Said], Labels]:
    files = m3it_lines.files("m3it", raw.images())
    given = [Said("", text) for text in raw.meta.targets] if isinstance(raw, Coco) else [said(raw)]
    group, language = PLACES[raw.task].folder.partition("/")[0], "zh" if raw.task in CHINESE else "en"
    return files, [_instructed(each, raw, files[0][0]) for each in given], Labels(raw.task, raw.split, group, language)


def _instructed(given: Said, raw: Keys, image: str) -> Said:
    """Pick one of the task's instructions, if there is none yet. Raises ValidationError where the task has none."""
    if given.instruction is not None:
        return given
    if not raw.instructions:
        raise msgspec.ValidationError("its task has no instructions")
    drawn = pick(raw.instructions, "m3it", raw.task, image, given.inputs, given.outputs, "instruction")
    return given._replace(instruction=drawn.replace(HYPOTHESIS, given.hypothesis or HYPOTHESIS))
