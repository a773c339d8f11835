r"""MiniGPT-v2's own data of its third stage: multi-task conversations, boxes for Flickr30k, unnatural instructions.

Page: https://github.com/Vision-CAIR/MiniGPT-4/blob/main/dataset/README_MINIGPTv2_FINETUNE.md
Raw (multitask_conversation.json): {"id": "000000000713", "image": "COCO_train2014_000000000713.jpg", "conversations": [
     {"from": "human", "value": "<image>\n[detection] kettles"}, {"from": "gpt", "value": "<p>kettle</p>
     {<12><30><57><88>}<delim>{<60><30><80><88>}"}, {"from": "human", "value": "[refer] the lid"}, {"from": "gpt", ...}]}
Raw (groundedcaption.json): {"image_id": "83", "grounded_caption": "<p>A boy</p> {<1><2><30><40>} sits."}
Raw (captiontobbox.json): {"image_id": "83", "caption": "A boy sits.", "output": "<p>A boy</p> {<1><2><30><40>}"}
Raw (phrasetobbox.json): {"image_id": "83", "phrase": "a boy", "bbox": "{<1><2><30><40>}"}
Raw (filtered_unnatural_instruction.json): {"instances": [{"instruction_with_input": "Name a tool. Input: wood",
     "constraints": "One word.", "output": "Saw"}]}

Licence: not stated (the code's is BSD-3). Made as the training code does, with its prompts, one of the grounding ones
picked by hash; turns and their task tags (`[refer]` ...) are kept. Boxes are whole hundredths of width and height,
`boxes` writes them in other ways, and then a blank stands where `<delim>` joins several. Quirks:
- The README and its configuration spell the first file's name differently: both are read, and both where both are there.
- Its images are told by the id, not by `image`. The first turn loses `<image>` and every line break, as there, and gets
  `<image>` and one line break in front; later turns are kept.
- Boxes of detection and grounding are a model's, those of `[refer]` are RefCOCO's.
- Of several instances the first counts, and its constraints follow the instruction. The training code writes both texts
  in lower case, without punctuation and at most 50 words: `texts=plain`. By default they stay whole.
"""

import re
from typing import Literal, Self

import msgspec
from pydantic import Field, model_validator

from mixer.boxes import Box, pad_to_square, show
from mixer.conversation import IMAGE, Conversation, Labelled, Labels, Skip, Turn, content_id, qa
from mixer.prompts import pick
from mixer.readers import json_array
from mixer.shared import coco_images
from mixer.shared.minigpt_v2 import plain
from mixer.sources import File, Options, Picture, Pictures, Source

GROUNDING = (
    "[grounding] please describe this image in details",
    "[grounding] describe this image as detailed as possible",
    "[grounding] summarize this image in details",
    "[grounding] give a thorough description of what you see in this image",
)
DETECTION = "[detection] {}"
DELIMITER = "<delim>"
_BOX = re.compile(r"\{<(\d+)><(\d+)><(\d+)><(\d+)>\}")


class Dialogue(msgspec.Struct):
    """A multi-task conversation."""

    id: str | int
    conversations: list[Turn]
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Tell an id that names no photo."""
        coco_images.number(f"{self.id}")

    @property
    def number(self) -> int:
        """Number its photo."""
        return coco_images.number(f"{self.id}")

    @property
    def paths(self) -> list[str]:
        """Where its image may be."""
        return [coco_images.path(self.number, release) for release in ("train2017", "train2014")]


class FlickrRecord(msgspec.Struct):
    """A record about a photo of Flickr30k."""

    image_id: str | int
    picture: Picture | None = None

    @property
    def paths(self) -> list[str]:
        """Where its image is."""
        return [f"flickr30k-images/{self.image_id}.jpg"]


class Grounded(FlickrRecord, kw_only=True):
    """A caption with boxes."""

    grounded_caption: str


class Detected(FlickrRecord, kw_only=True):
    """A caption, and the boxes of its phrases."""

    caption: str
    output: str


class Phrase(FlickrRecord, kw_only=True):
    """A phrase, and its boxes."""

    phrase: str
    bbox: str


class Instance(msgspec.Struct):
    """An instruction and its answer."""

    instruction_with_input: str
    output: str
    constraints: str | None = None


class Unnatural(msgspec.Struct):
    """A record without an image."""

    instances: list[Instance]


class MultitaskOptions(Options):
    """Which file, and how boxes and texts are written."""

    file: Literal[
        "multitask_conversation", "groundedcaption", "captiontobbox", "phrasetobbox", "filtered_unnatural_instruction"
    ] = Field(default="multitask_conversation", description="Published file, without .json.")
    boxes: Literal["hundredths", "decimals", "square"] = Field(
        default="hundredths",
        description="{<12><30><57><88>}; [0.12, 0.3, 0.57, 0.88]; or the same on the padded square as in LLaVA-1.5, for which the images must be there.",
    )
    texts: Literal["whole", "plain"] = Field(
        default="whole",
        description="Of filtered_unnatural_instruction: as they stand, or as the training code has them.",
    )
    coco: Literal["train2017", "train2014"] = Field(
        default="train2017", description="COCO folder of the images; train2014 names them COCO_train2014_<12 digits>."
    )

    @model_validator(mode="after")
    def _boxes_of_images(self) -> Self:
        if self.file == "filtered_unnatural_instruction" and self.boxes != "hundredths":
            raise ValueError(f"boxes={self.boxes}: {self.file} has no images")
        return self


def _file(folder: str, name: str, raw: type, file: str = "") -> File:
    return File(f"{folder}/{file or name}.json", json_array, raw, when={"file": name})


SOURCE = Source(
    title="MiniGPT-v2 multi-task",
    homepage="https://github.com/Vision-CAIR/MiniGPT-4/blob/main/dataset/README_MINIGPTv2_FINETUNE.md",
    licence="not stated (the code's: BSD-3-Clause)",
    terms=("unknown",),
    modality="image",
    task="grounding",
    language="en",
    files=(
        _file("multitask_conversation", "multitask_conversation", Dialogue, "multi*task_conversation"),
        _file("filtered_flickr", "groundedcaption", Grounded),
        _file("filtered_flickr", "captiontobbox", Detected),
        _file("filtered_flickr", "phrasetobbox", Phrase),
        _file("unnatural_instructions", "filtered_unnatural_instruction", Unnatural),
    ),
    options=MultitaskOptions,
    pictures=Pictures(match="paths", field="picture", when={"boxes": "square"}),
    media=("coco/train2017", "coco/train2014", "flickr30k-images"),
)


def convert(raw: Dialogue | Grounded | Detected | Phrase | Unnatural, options: MultitaskOptions) -> Labelled | Skip:
    """Make a record, its boxes as the options say."""
    if isinstance(raw, Unnatural):
        return _instruction(raw, options)
    if options.boxes == "square" and raw.picture is None:
        return Skip("image file is missing")
    record = _dialogue(raw, options) if isinstance(raw, Dialogue) else _flickr(raw)
    if options.boxes != "hundredths":
        size = raw.picture.size if options.boxes == "square" and raw.picture else None
        record.conversations = [Turn(turn.from_, _rewritten(turn.value, size)) for turn in record.conversations]
    if not isinstance(raw, Dialogue):
        record.id = content_id(f"{raw.image_id}", record)
    return Labelled(record, Labels(subset=options.file))


def _dialogue(raw: Dialogue, options: MultitaskOptions) -> Conversation:
    turns = list(raw.conversations)
    if turns:
        text = turns[0].value.replace(IMAGE, "").replace("\n", "").strip()
        turns[0] = Turn(turns[0].from_, f"{IMAGE}\n{text}" if text else "")
    image = coco_images.path(raw.number, options.coco)
    return Conversation(id=f"{raw.number:012d}", image=image, conversations=turns)


def _flickr(raw: Grounded | Detected | Phrase) -> Conversation:
    if isinstance(raw, Grounded):
        prompt = pick(GROUNDING, "minigpt4_v2_multitask", f"{raw.image_id}", raw.grounded_caption)
        question, answer = prompt, raw.grounded_caption
    elif isinstance(raw, Detected):
        question, answer = DETECTION.format(raw.caption), raw.output
    else:
        question, answer = DETECTION.format(raw.phrase), f"<p>{raw.phrase}</p> {raw.bbox}"
    return qa(id="", question=question, answer=answer, image=raw.paths[0])


def _instruction(raw: Unnatural, options: MultitaskOptions) -> Labelled | Skip:
    if not raw.instances:
        return Skip("no instance")
    first = raw.instances[0]
    question = first.instruction_with_input
    if first.constraints is not None:
        question = f"{question} {first.constraints}"
    as_written = plain if options.texts == "plain" else str
    record = qa(id="", question=as_written(question), answer=as_written(first.output))
    record.id = content_id("unnatural", record)
    return Labelled(record, Labels(subset=options.file, task="chat"))


def _rewritten(text: str, size: tuple[int, int] | None) -> str:
    """Write each box in decimals: of the image, or of the square around it."""

    def decimals(found: re.Match[str]) -> str:
        x1, y1, x2, y2 = (int(number) / 100 for number in found.groups())
        box: Box = x1, y1, x2, y2
        if max(box) > 1:
            raise ValueError("a box beyond its image")
        return show(pad_to_square(box, *size) if size else box, 2)

    return _BOX.sub(decimals, text.replace(f"}}{DELIMITER}{{", "} {"))
