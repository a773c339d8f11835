r"""MiniGPT-4's second stage, cc_sbu_align: long descriptions of photos, written by a model, rewritten and checked.

Page: https://huggingface.co/datasets/Vision-CAIR/cc_sbu_align
Raw (filter_cap.json): {"annotations": [{"image_id": "83", "caption": "The image shows a tin kettle on a shelf."}, ...]}
Raw (conversation_data.json): [{"id": "83", "conversation": "###Ask: <Img><ImageHere></Img> What is on the shelf?
     ###Answer: A tin kettle."}, ...]

Licence: not stated (the code's is BSD-3). The data have no prompts: one of the four of the training code is picked by a
hash of the image's id. Descriptions are kept as they are. Quirks:
- Images are named after their id, without leading zeros: `image/83.jpg`. Ids are texts, and not always digits.
- Other data circulate under this name. InstructionGPT-4's 200 records are of this form; those with a `description` in
  place of the `caption` are bad.
- MMPretrain's form has the questions in the record, in English or in Chinese with marks of its own, and may have several
  rounds; texts lose the blanks around them.
"""

import re
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, dialogue, qa
from mixer.prompts import pick
from mixer.readers import json_array, json_member
from mixer.sources import File, Options, Source

ALIGNMENT = (
    "Describe this image in detail.",
    "Take a look at this image and describe what you notice.",
    "Please provide a detailed description of the picture.",
    "Could you describe the contents of this image for me?",
)
"""MiniGPT-4's requests, of prompts/alignment.txt."""
_ASK = re.compile("###(?:Ask:|问：)")
_ANSWER = re.compile("###(?:Answer:|答：)")
_IMAGE = "<Img><ImageHere></Img>"


class Raw(msgspec.Struct):
    """An entry of `annotations`."""

    image_id: str
    caption: str


class Talk(msgspec.Struct):
    """A record of MMPretrain's file."""

    id: str
    conversation: str


class MiniGpt4Options(Options):
    """Which file to read."""

    file: Literal["filter_cap", "conversation_data"] = Field(
        default="filter_cap", description="Published file, without .json; the second is MMPretrain's form."
    )


SOURCE = Source(
    title="MiniGPT-4 stage 2",
    homepage="https://huggingface.co/datasets/Vision-CAIR/cc_sbu_align",
    licence="not stated (the code's: BSD-3-Clause)",
    terms=("unknown",),
    modality="image",
    task="caption",
    language="en",
    files=(
        File(
            "cc_sbu_align/filter_cap.json",
            json_member.of("annotations"),
            Raw,
            records=3_439,
            when={"file": "filter_cap"},
            archive="cc_sbu_align.zip",
        ),
        File("cc_sbu_align/conversation_data.json", json_array, Talk, when={"file": "conversation_data"}),
    ),
    options=MiniGpt4Options,
    media=("cc_sbu_align/image",),
    records=3_439,
)


def convert(raw: Raw | Talk, _options: MiniGpt4Options) -> Labelled:
    """Ask for the description of an image, or as the record does."""
    if isinstance(raw, Raw):
        prompt = pick(ALIGNMENT, "minigpt4", raw.image_id, "prompt")
        record = qa(id=raw.image_id, question=prompt, answer=raw.caption, image=_path(raw.image_id))
        return Labelled(record, Labels(language="en"))
    before, *asked = _ASK.split(raw.conversation.replace(_IMAGE, ""))
    rounds = [_round(text) for text in asked]
    if before.strip() or not rounds:
        raise msgspec.ValidationError("`conversation` does not begin with ###Ask: or ###问：")
    language = "en" if raw.conversation.lstrip().startswith("###Ask:") else "zh"
    return Labelled(dialogue(id=raw.id, rounds=rounds, image=_path(raw.id)), Labels(language=language))


def _round(text: str) -> tuple[str, str]:
    question, *answers = _ANSWER.split(text)
    if len(answers) != 1:
        raise msgspec.ValidationError("a question of `conversation` has not one answer")
    return question.strip(), answers[0].strip()


def _path(id: str) -> str:
    return f"cc_sbu_align/image/{id}.jpg"
