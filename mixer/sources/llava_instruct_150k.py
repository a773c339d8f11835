r"""LLaVA-Instruct-150K: GPT-4's conversations, descriptions and reasoning about COCO images.

Page: https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K
Raw: {"id": "000000047110", "image": "000000047110.jpg", "conversations": [{"from": "human", "value":
     "What floats beside the pier?\n<image>"}, {"from": "gpt", "value": "A yellow rowing boat floats beside the pier."}]}

Licence: CC-BY-4.0 (earlier CC-BY-NC-4.0) plus OpenAI terms. `image` is a bare file name; it gets the folder that LLaVA's
mixes give it, and an image that has a folder keeps it. All else is kept byte for byte. Quirks:
- `<image>` starts the first turn or ends it, about half each; `What is this photo about'?` is published so.
- ids repeat between the three parts. llava_instruct_150k.json is their merge, llava_instruct_80k.json a subset with
  each image once: use one of the files, not several.
"""

from typing import Literal

from pydantic import Field

from mixer.conversation import Conversation
from mixer.readers import json_array
from mixer.shared.shapes import LlavaRecord, llava
from mixer.sources import File, Options, Source


class InstructOptions(Options):
    """Which file to read, and which release of COCO the images come from."""

    file: Literal[
        "llava_instruct_150k", "llava_instruct_80k", "conversation_58k", "detail_23k", "complex_reasoning_77k"
    ] = Field(default="llava_instruct_150k", description="Published file, without .json.")
    coco: Literal["train2017", "train2014"] = Field(
        default="train2017", description="COCO folder of the images; train2014 names them COCO_train2014_<12 digits>."
    )


def _file(name: str, records: int | None = None) -> File:
    return File(f"{name}.json", json_array, LlavaRecord, records=records, when={"file": name})


SOURCE = Source(
    title="LLaVA-Instruct-150K",
    homepage="https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K",
    licence="CC-BY-4.0 (earlier CC-BY-NC-4.0) plus OpenAI terms",
    terms=("CC-BY-4.0", "OpenAI"),
    modality="image",
    task="chat",
    language="en",
    files=(
        _file("llava_instruct_150k", 157_712),
        _file("llava_instruct_80k"),
        _file("conversation_58k"),
        _file("detail_23k"),
        _file("complex_reasoning_77k", 76_643),
    ),
    options=InstructOptions,
    media=("coco/train2017", "coco/train2014"),
    records=157_712,
)


def convert(raw: LlavaRecord, options: InstructOptions) -> Conversation:
    """Pass a record through, its image in COCO's folder."""
    record = llava(raw)
    if raw.image and "/" not in raw.image:
        name = raw.image if options.coco == "train2017" else f"COCO_train2014_{raw.image}"
        record.image = f"coco/{options.coco}/{name}"
    return record
