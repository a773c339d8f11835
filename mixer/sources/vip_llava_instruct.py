r"""ViP-LLaVA-Instruct: LLaVA-1.5's mix, and questions about regions that are meant to be drawn on the image.

Page: https://huggingface.co/datasets/mucai/ViP-LLaVA-Instruct
Raw (LLaVA-1.5's): {"id": "000000300021", "image": "coco/train2017/000000300021.jpg", "conversations": [...]}
Raw: {"id": "v7w-12", "image": "v7w/v7w_300.jpg", "question": "Which mug is red?", "bboxes": [[1, 2, 30, 40], ...four],
     "answer": [1, 2, 30, 40]}
Raw: {"id": "vcr-7", "image": "vcr1images/film/0001.jpg", "meta_dir": "./dataset/vcr1images/film/0001.json", "class_names":
     ["person", "dog"], "question": ["Why", "is", [0, 1], "wet", "?"], "answer_choices": [["It", "rains", "."], ...four],
     "answer_label": 0, "rationale_choices": [...four], "rationale_label": 2}

Licence: Apache-2.0 plus OpenAI terms; VCR's images are gated. LLaVA's records are passed through. Records of regions,
told by what stands before the first `-` of the id, have no text of their own: the authors draw shapes on the image and
write texts about them ("within the red rectangle"). Nothing is drawn here, so a region is told by its box in LLaVA-1.5's
form where they would name its shape; all else is as they write it, chosen by hash where they draw lots. Requests that
name no region but "the visual prompts" (flickr30k) are Shikra's for a caption with boxes. Quirks:
- Boxes are in pixels of the image, whose size only the image knows: the images must be there. `bboxes` holds them, of
  flickr30k `bbox`, a list for each phrase of `grounding` (` <bbox0>` behind the phrase). No record may lack its boxes.
- refcocog and vg_rel records with `gpt4v` as the second part of the id have conversations with `<bbox>`, `<bbox0>`.
- VCR's boxes are in a file for each image, which comes with the images: `vcr=boxes` reads them, put as `vcr1images`
  beside the published files; otherwise VCR is skipped. Each box has a fifth number, dropped.
- VCR's texts are lists of words and of lists of numbers of objects; blanks are set between as the authors set them.
- Only v7w tells its answer as a box; one that is not among the four is a bad record.
- The test files are no training data and are not read.
"""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec
from pydantic import Field

from mixer.boxes import Box, clamp, in_square, show_all
from mixer.conversation import IMAGE, Conversation, Labelled, Labels, Skip, Turn, capitalised, dialogue
from mixer.prompts import GROUNDED, OPTION_LETTER, SHORT_ANSWER, pick
from mixer.readers import json_array, json_lines
from mixer.shared import llava_mix, vcr
from mixer.shared.choices import letter, lettered
from mixer.shared.shapes import LlavaRecord
from mixer.sources import File, Lookup, Options, Picture, Pictures, Source

TASKS = {"refcocog": "grounding", "vg_rel": "grounding", "flickr30k": "grounding", "v7w": "choice"}
TASKS |= {"pointQA_twice": "vqa", "vcr": "vqa"}
"""What an id of a record about regions begins with -> its task."""

PHRASE = "Describe the object {}. Please provide a short phrase."
RELATION = (
    "Please describe the relationship between the subject {} and the object {}. Provide a short triplet (subject, "
    "relationship, object) to represent this. Here, the subject and object are noun phrases, and the relationship can be "
    "verbs or prepositions."
)
EXAMPLE = " The exemplary object is {}."
_MARK = re.compile(r"<bbox(\d*)>")
_BEHIND = re.compile(r" ?<bbox(\d+)>")
_COMMA = re.compile(r"\s*,\s*")


class Meta(msgspec.Struct):
    """VCR's file of an image; `path` is that file's."""

    boxes: list[list[float]]
    path: str = ""


class Raw(msgspec.Struct):
    """A record of any kind."""

    id: str | int
    image: str | None = None
    conversations: list[Turn] | None = None
    bboxes: list[Box] = []
    bbox: list[list[Box]] = []
    grounding: str = ""
    question: str | vcr.Tokens = ""
    general_question: str = ""
    answer: str | int | list[float] = ""
    class_names: list[str] = []
    answer_choices: list[vcr.Tokens] = []
    answer_label: int = 0
    rationale_choices: list[vcr.Tokens] = []
    rationale_label: int = 0
    meta_dir: str = ""
    kind: str = ""
    drawn_on: list[str] = []
    boxes: list[list[float]] | None = None
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Tell whether the record is about regions, and of which image."""
        start, dash, _ = f"{self.id}".partition("-")
        self.kind = start if dash and start in TASKS else ""
        self.meta_dir = self.meta_dir.removeprefix("./dataset/")
        if self.kind and self.image:
            self.drawn_on = [self.image]


class VipOptions(Options):
    """Which stage's mix, and what of it."""

    stage: Literal["stage2", "stage3"] = Field(default="stage2", description="Mix of the second or third stage.")
    vcr: Literal["skip", "boxes"] = Field(
        default="skip", description="Whether VCR's files of boxes are there, so that its questions can be made."
    )


SOURCE = Source(
    title="ViP-LLaVA-Instruct",
    homepage="https://huggingface.co/datasets/mucai/ViP-LLaVA-Instruct",
    licence="Apache-2.0 plus OpenAI terms",
    terms=("Apache-2.0", "OpenAI"),
    modality="image",
    task="chat",
    language="en",
    files=tuple(
        File(f"vip-llava_{stage}_mix.json", json_array, Raw, when={"stage": stage}) for stage in ("stage2", "stage3")
    ),
    options=VipOptions,
    lookups=(
        Lookup(
            File("vcr1images/*/*.json", json_lines, Meta, when={"vcr": "boxes"}, named="path"),
            key=lambda meta: meta.path,
            row=lambda meta: meta.boxes,
            match="meta_dir",
            field="boxes",
        ),
    ),
    pictures=Pictures(match="drawn_on", field="picture"),
    media=(*llava_mix.MEDIA, "flickr30k-images", "v7w", "vcr1images"),
)


def convert(raw: Raw, options: VipOptions) -> Labelled | Skip:
    """Pass a record of LLaVA's through, or write what a record about regions says."""
    if not raw.kind:
        if raw.conversations is None:
            raise ValueError("neither `conversations` nor an id of a known kind")
        return llava_mix.mixed(LlavaRecord(raw.id, raw.conversations, raw.image))
    if raw.kind == "vcr" and options.vcr == "skip":
        return Skip("VCR's boxes are not read")
    if raw.picture is None:
        return Skip("image file is missing")
    if raw.kind == "vcr" and raw.boxes is None:
        return Skip("VCR's file of boxes is missing")
    shown = _shown(raw, raw.picture)
    if shown is None:
        return Skip("box without area in its image")
    if raw.kind in ("refcocog", "vg_rel") and f"{raw.id}-".split("-")[1] == "gpt4v":
        record = _filled(raw, shown)
    else:
        record = dialogue(id=f"{raw.id}", rounds=_rounds(raw, shown), image=raw.image)
    return Labelled(record, Labels(subset=raw.kind, task=TASKS[raw.kind]))


def _shown(raw: Raw, picture: Picture) -> dict[int, str] | None:
    """Print the boxes of each number, or None where one has no area."""
    groups: Mapping[int, list[Box]]
    if raw.kind == "vcr":
        groups = vcr.boxes(raw.boxes or [], _question(raw))
    elif raw.kind == "flickr30k":
        groups = dict(enumerate(raw.bbox))
    else:
        groups = {number: [box] for number, box in enumerate(raw.bboxes)}
    if not groups and raw.kind != "vcr":
        raise ValueError("no `bboxes`, or `bbox` of a flickr30k record")
    shown: dict[int, str] = {}
    for number, group in groups.items():
        cut = [clamp(box, *picture.size) for box in group]
        whole = [in_square(box, *picture.size) for box in cut if box is not None]
        if len(whole) < len(group):
            return None
        shown[number] = show_all(whole, 2)
    return shown


def _filled(raw: Raw, shown: Mapping[int, str]) -> Conversation:
    """Write the conversation of GPT-4V with boxes at its marks."""
    if not raw.conversations:
        raise ValueError("a gpt4v record without `conversations`")
    said = [Turn(turn.from_, _MARK.sub(lambda mark: _of(shown, mark[1]), turn.value)) for turn in raw.conversations]
    if IMAGE not in said[0].value:
        said[0].value = f"{IMAGE}\n{said[0].value}"
    return Conversation(id=f"{raw.id}", image=raw.image, conversations=said)


def _rounds(raw: Raw, shown: Mapping[int, str]) -> list[tuple[str, str]]:
    name, answer = f"{raw.id}", f"{raw.answer}"
    match raw.kind:
        case "vcr":
            return vcr.rounds(_question(raw), shown, "vip_llava_instruct", name)
        case "flickr30k":
            return [(pick(GROUNDED, "vip_llava_instruct", name, "prompt"), _caption(raw.grounding, shown))]
        case "v7w":
            places = [place for place, box in enumerate(raw.bboxes) if list(box) == raw.answer]
            if not places:
                raise ValueError("`answer` is none of `bboxes`")
            choices = lettered([f"The object {box}" for box in shown.values()])
            return [(f"{_asked(raw)}\n{choices}\n{OPTION_LETTER}", letter(places[0]))]
        case "pointQA_twice":
            return [(f"{_asked(raw)}{EXAMPLE.format(_of(shown, 0))}\n{SHORT_ANSWER}", answer)]
        case "vg_rel":
            return [(RELATION.format(_of(shown, 0), _of(shown, 1)), answer)]
        case _:
            return [(PHRASE.format(_of(shown, 0)), answer)]


def _asked(raw: Raw) -> str:
    question = raw.general_question or raw.question
    if not question or not isinstance(question, str):
        raise ValueError("no text of a `question`")
    return question


def _of(shown: Mapping[int, str], number: str | int) -> str:
    """Give the printed boxes of a mark; one without a number is the first."""
    if int(number or 0) not in shown:
        raise ValueError("a mark that has no box")
    return shown[int(number or 0)]


def _caption(text: str, shown: Mapping[int, str]) -> str:
    """Write a caption with boxes behind its phrases, its blanks at commas and its end as the authors tidy them."""
    tidy = capitalised(_COMMA.sub(", ", text.strip()))
    if not tidy:
        raise ValueError("no `grounding` of a flickr30k record")
    if not tidy.endswith((".", "!", "?")):
        tidy += "."

    return _BEHIND.sub(lambda mark: f" {_of(shown, mark[1])}".rstrip(), tidy)


def _question(raw: Raw) -> vcr.Question:
    if isinstance(raw.question, str):
        raise ValueError("`question` of a vcr record is no list")  # noqa: TRY004 - a fault of the data
    return vcr.Question(
        raw.class_names,
        raw.question,
        vcr.Choices(raw.answer_choices, raw.answer_label),
        vcr.Choices(raw.rationale_choices, raw.rationale_label),
    )
