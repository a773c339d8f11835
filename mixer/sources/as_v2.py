r"""AS-V2: relation conversations by GPT-4V, with objects and predicates linked to boxes, and the mixes around them.

Page: https://huggingface.co/datasets/OpenGVLab/AS-V2
Raw: {"id": "000000300021", "image": "coco/train2017/000000300021.jpg", "conversations": [{"from": "human", "value":
     "<image>\nWhere is the <ref>kettle</ref><box>[[10, 20, 300, 400]]</box>?\nAnswer the question with scene graph."},
     {"from": "gpt", "value": "The <ref>kettle</ref><box>[[10, 20, 300, 400]]</box> <pred>stands on</pred><box>[[10, 20,
     300, 400]]</box><box>[[0, 380, 999, 999]]</box> a <ref>stove</ref><box>[[0, 380, 999, 999]]</box>."}]}

Licence: Apache-2.0. LLaVA records, passed through with their tags, or with the tags made plain or LLaVA's boxes. Quirks:
- Boxes are whole numbers of 0 to 999, not pixels, of the padded square; in the files named wo_square_pad, of the image
  itself. LLaVA's boxes are of the padded square, so those files need the images' sizes.
- A predicate has two lists of boxes, its subjects' and its objects'. LLaVA has no form for these: the predicate stays
  as plain words, and its ends have their boxes where they are named.
- Tags may be malformed: `<ref>remotes</pred>`, `<box>[]</box>`. What opened a tag counts; no box shows nothing.
- Plain text answers with no scene graph, so the request for one goes from its questions. What is only about boxes is
  skipped then: answers that are one, and questions that show one, but for conversations, which name what they show.
- coco_flip/ holds mirrored copies of COCO's photos that users make. Images of an object store (`s3:`) are skipped.
- Earlier names began with sgc_: say where such a file lies with `files` in the recipe. Some records have no image.
"""

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from mixer.boxes import pad_to_square, parse_whole, show_all
from mixer.conversation import HUMAN, Labelled, Labels, Skip, Turn
from mixer.readers import json_array
from mixer.shared import llava_mix
from mixer.shared.shapes import LlavaRecord, llava
from mixer.sources import File, Options, Picture, Pictures, Source

SCENE_GRAPH = "\nAnswer the question with scene graph."
_TAG = re.compile(r"<(ref|pred)>|</(?:ref|pred)>|<box>(.*?)</box>", re.DOTALL)

Part = Literal[
    "conversation_22k",
    "detailed_description_42k",
    "region_captioning_63k",
    "as_mix_4m",
    "as_pretrain_10m",
    "llava_v1_5_mix665k_asmv2_format",
]
_REC: tuple[Part, ...] = ("conversation_22k", "detailed_description_42k", "region_captioning_63k")


class Raw(LlavaRecord):
    """A record, with what its file and its image say."""

    part: str = ""
    picture: Picture | None = None


class AsOptions(Options):
    """Which files to read, and how to write boxes."""

    parts: tuple[Part, ...] = Field(
        default=_REC,
        min_length=1,
        description="The three of relation conversations, the mixes of the second stage, or LLaVA-1.5's mix with tags.",
    )
    tags: Literal["keep", "plain", "llava"] = Field(
        default="keep", description="As published, without tags and boxes, or with boxes as LLaVA-1.5 writes them."
    )
    square_pad: Literal["yes", "no"] = Field(
        default="yes", description="The files with boxes of the padded square, or those named wo_square_pad."
    )

    @model_validator(mode="after")
    def _published_both_ways(self) -> Self:
        if self.square_pad == "no" and not set(self.parts) <= set(_REC):
            raise ValueError(f"square_pad=no: published only of {', '.join(_REC)}")
        return self


def _file(path: str, part: str, **when: str) -> File:
    return File(path, json_array, Raw, when={"parts": part, **when}, give={"part": part})


SOURCE = Source(
    title="AS-V2",
    homepage="https://huggingface.co/datasets/OpenGVLab/AS-V2",
    licence="Apache-2.0",
    terms=("Apache-2.0",),
    modality="image",
    task="grounding",
    language="en",
    files=(
        *(_file(f"rec_{part}.json", part, square_pad="yes") for part in _REC),
        *(_file(f"rec_{part}_wo_square_pad.json", part, square_pad="no") for part in _REC),
        *(_file(f"{part}.json", part) for part in ("as_mix_4m", "as_pretrain_10m", "llava_v1_5_mix665k_asmv2_format")),
    ),
    options=AsOptions,
    pictures=Pictures(match="image", field="picture", when={"tags": "llava", "square_pad": "no"}),
    media=(
        *llava_mix.MEDIA,
        *("coco/train2014", "coco_flip/train2014", "sam", "LLaVAR/images", "CLEVR_v1.0/images", "ScienceQA/train"),
        *("ST-VQA", "DocVQA/documents", "web-celebrity/images", "web-landmark/images", "wikiart/images"),
        *("Visual7W/images", "flickr30k/images", "VCR"),
    ),
)


def convert(raw: Raw, options: AsOptions) -> Labelled | Skip:
    """Pass a record through, its tags as the options say."""
    if raw.image is not None and "s3:" in raw.image:
        return Skip("image in an object store")
    if options.tags == "llava" and options.square_pad == "no" and raw.image is not None and raw.picture is None:
        return Skip("image file is missing")
    labelled = llava_mix.mixed(raw) if raw.part.startswith("llava") else Labelled(llava(raw), Labels(subset=raw.part))
    if options.tags == "keep":
        return labelled
    if options.tags == "plain" and raw.part != "conversation_22k" and _asks_about_boxes(raw):
        return Skip("question about a box")
    said = [_plain(turn, options, raw.picture) for turn in raw.conversations]
    if not all(turn.value.strip(" .") for turn in said):
        return Skip("nothing but boxes said")
    labelled.conversation.conversations = said
    return labelled


def _asks_about_boxes(raw: Raw) -> bool:
    """Say whether a question shows a box. In conversations what it shows has a name; elsewhere it is `this region`."""
    return any("<box>[[" in turn.value for turn in raw.conversations if turn.from_ == HUMAN)


def _plain(turn: Turn, options: AsOptions, picture: Picture | None) -> Turn:
    """Write a turn without tags, with boxes behind what was tagged or without."""
    with_boxes = options.tags == "llava"
    of_predicate = 0

    def written(found: re.Match[str]) -> str:
        nonlocal of_predicate
        kind, inner = found.groups()
        if kind is not None:
            of_predicate = 2 if kind == "pred" else 0
        if inner is None or not with_boxes:
            return ""
        if of_predicate:
            of_predicate -= 1
            return ""
        boxes = parse_whole(inner)
        if boxes is None:
            raise ValueError("a <box> that holds no list of boxes")
        if picture is not None and options.square_pad == "no":
            boxes = [pad_to_square(box, *picture.size) for box in boxes]
        before = found.string[: found.start()]
        gap = " " if boxes and before and not before[-1].isspace() else ""
        return gap + show_all(boxes, 2)

    text = _TAG.sub(written, turn.value)
    if not with_boxes and turn.from_ == HUMAN:
        text = text.replace(SCENE_GRAPH, "")
    return Turn(turn.from_, text)
