r"""KoLLaVA-Instruct-150K: LLaVA-Instruct-150K, translated to Korean by DeepL.

Page: https://huggingface.co/datasets/tabtoyou/KoLLaVA-Instruct-150k
Raw: {"id": "000000047110", "image": "000000047110.jpg", "conversations": [{"from": "human", "value":
     "부두 옆에 무엇이 떠 있나요?\n<image>"}, {"from": "gpt", "value": "노란 보트가 떠 있습니다."}]}

Licence: CC-BY-NC-4.0. Passed through but for two repairs:
- `<image>` and a newline are put before the first human turn where it lost its `<image>` in translation.
- `image` is a bare name, of COCO's release of 2017 or of 2014 (`COCO_train2014_<12 digits>.jpg`): its number tells the
  path in the release that `coco` names. An image that has a folder keeps it, a name without a number is bad.

Else as llava_instruct_150k: `<image>` starts the first turn or ends it, ids repeat between the three parts, and the
merge holds all of them: use it or parts of it, not both (the page counts them twice, 313k).
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import HUMAN, IMAGE, Conversation, Turn
from mixer.readers import json_array
from mixer.shared import coco_images
from mixer.sources import File, Options, Source

Name = Literal["ko_llava_instruct_150k", "ko_conversation_58k", "ko_detail_23k", "ko_complex_reasoning_77k"]


class Raw(msgspec.Struct):
    """A record of any file."""

    id: str | int
    image: str
    conversations: list[Turn]


class KollavaOptions(Options):
    """Which file to read, and which release of COCO the images come from."""

    file: Name = Field(default="ko_llava_instruct_150k", description="Published file, without .json.")
    coco: Literal["train2017", "train2014"] = Field(
        default="train2017", description="COCO folder of the images; train2014 names them COCO_train2014_<12 digits>."
    )


def _file(name: str) -> File:
    return File(f"{name}.json", json_array, Raw, when={"file": name})


SOURCE = Source(
    title="KoLLaVA-Instruct-150K",
    homepage="https://huggingface.co/datasets/tabtoyou/KoLLaVA-Instruct-150k",
    licence="CC-BY-NC-4.0",
    terms=("CC-BY-NC-4.0",),
    modality="image",
    task="chat",
    language="ko",
    files=tuple(
        map(_file, ("ko_llava_instruct_150k", "ko_conversation_58k", "ko_detail_23k", "ko_complex_reasoning_77k"))
    ),
    options=KollavaOptions,
    media=("coco/train2017", "coco/train2014"),
)


def convert(raw: Raw, options: KollavaOptions) -> Conversation:
    """Pass a record through, its image in COCO's folder and its first question with an image."""
    image = raw.image if "/" in raw.image else coco_images.path(coco_images.number(raw.image), options.coco)
    first = next((turn for turn in raw.conversations if turn.from_ == HUMAN), None)
    if first is not None and IMAGE not in first.value:
        first.value = f"{IMAGE}\n{first.value}"
    return Conversation(id=f"{raw.id}", image=image, conversations=raw.conversations)
