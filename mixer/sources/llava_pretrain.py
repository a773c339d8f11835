r"""LLaVA-Pretrain (LCS-558K): images of LAION, CC and SBU with BLIP captions.

Page: https://huggingface.co/datasets/liuhaotian/LLaVA-Pretrain
Raw: {"id": "001730042", "image": "00173/001730042.jpg", "conversations": [{"from": "human", "value":
     "What is this?\n<image>"}, {"from": "gpt", "value": "a two - handled copper pot on a windowsill"}]}
Raw (meta file): {"id": "001730042", "image": "00173/001730042.jpg", "blip_caption": "a two - handled copper pot on a
     windowsill", "url": "http://example.com/pot.jpg"}

Licence: other (LAION/CC/SBU terms, BLIP captions BSD-3). Paths stay as published, relative to the unzipped images.zip.
The two files hold the same samples: use one. From the chat file `<image>` keeps its place (half the records end with
it); from the meta file it comes first and the prompt is one of the same 11, picked by a hash of the id. Captions are
lower case, tokenised, without a final period, and kept so.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Conversation, qa
from mixer.prompts import BRIEF, pick
from mixer.readers import json_array
from mixer.shared.shapes import LlavaRecord, llava
from mixer.sources import File, Options, Source


class Meta(msgspec.Struct):
    """A record of the meta file."""

    id: str
    image: str
    blip_caption: str


class PretrainOptions(Options):
    """Which of the two files to read."""

    file: Literal["chat", "meta"] = Field(
        default="chat", description="`chat` has the published prompts, `meta` only captions: prompts are picked."
    )


SOURCE = Source(
    title="LLaVA-Pretrain (LCS-558K)",
    homepage="https://huggingface.co/datasets/liuhaotian/LLaVA-Pretrain",
    licence="other (LAION/CC/SBU terms, BLIP captions BSD-3)",
    terms=("BSD-3-Clause", "various"),
    modality="image",
    task="caption",
    language="en",
    files=(
        File("blip_laion_cc_sbu_558k.json", json_array, LlavaRecord, records=558_128, when={"file": "chat"}),
        File("blip_laion_cc_sbu_558k_meta.json", json_array, Meta, records=558_128, when={"file": "meta"}),
    ),
    options=PretrainOptions,
    media=tuple(f"{folder:05d}" for folder in range(660)),
    records=558_128,
)


def convert(raw: LlavaRecord | Meta, _options: PretrainOptions) -> Conversation:
    """Pass a chat record through, or ask for a caption."""
    if isinstance(raw, LlavaRecord):
        return llava(raw)
    prompt = pick(BRIEF, "llava_pretrain", raw.id, "prompt")
    return qa(id=raw.id, image=raw.image, question=prompt, answer=raw.blip_caption)
