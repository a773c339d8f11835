r"""ShareGPT4V: GPT-4V's and ShareCaptioner's detailed captions, alone and in LLaVA's mix.

Page: https://huggingface.co/datasets/Lin-Chen/ShareGPT4V
Raw: {"id": "sa_70412", "image": "sam/images/sa_70412.jpg", "conversations": [{"from": "human", "value":
     "<image>\nDescribe the following image."}, {"from": "gpt", "value": "A **tin kettle** hangs in a workshop."}]}

Licence: CC-BY-NC-4.0 plus OpenAI terms. Passed through byte for byte. Quirks:
- In the mix 23,000 captions stand for LLaVA-Instruct's 23,240 descriptions; the rest is llava_v1_5_mix665k's, with its
  quirks. The order shifts by 240, so VQAv2 and OK-VQA are not told apart by position here: they share a subset.
- COCO captions carry an artist's request after the prompt, and after `<image>` where that ends the prompt:
  `What's happening in the scene?\n<image> With a touch of creativity.`
- One image may have several captions. Answers hold Markdown, blank lines and chatter ("Sure, here's ...").
- About half of the SAM images that the pretraining file names are reported missing.
"""

from typing import Literal

from pydantic import Field

from mixer.conversation import IMAGE, Labelled
from mixer.prompts import DETAIL
from mixer.readers import json_array
from mixer.shared.llava_mix import MEDIA, labelled, subset_of
from mixer.shared.shapes import LlavaRecord
from mixer.sources import File, Options, Source


class ShareGpt4vOptions(Options):
    """Which file to read."""

    file: Literal["mix665k", "cap100k", "pt1246k"] = Field(
        default="mix665k", description="The instruction mix, GPT-4V's captions, or ShareCaptioner's for pretraining."
    )


def _file(path: str, name: str, records: int | None = None) -> File:
    return File(path, json_array, LlavaRecord, records=records, when={"file": name})


SOURCE = Source(
    title="ShareGPT4V",
    homepage="https://huggingface.co/datasets/Lin-Chen/ShareGPT4V",
    licence="CC-BY-NC-4.0 plus OpenAI terms",
    terms=("CC-BY-NC-4.0", "OpenAI"),
    modality="image+text",
    task="mix",
    language="en",
    files=(
        _file("sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json", "mix665k", 665_058),
        _file("sharegpt4v_instruct_gpt4-vision_cap100k.json", "cap100k", 102_025),
        _file("share-captioner_coco_lcs_sam_1246k_1107.json", "pt1246k"),
    ),
    options=ShareGpt4vOptions,
    media=(
        *MEDIA,
        *("llava/llava_pretrain/images", "sam/images", "share_textvqa/images", "wikiart/images"),
        *("web-celebrity/images", "web-landmark/images"),
    ),
    records=665_058,
)


def convert(raw: LlavaRecord, options: ShareGpt4vOptions) -> Labelled:
    """Pass a record through, labelled with its block."""
    is_coco = raw.image is not None and raw.image.startswith("coco/")
    is_caption = is_coco and (options.file != "mix665k" or _asks_description(raw))
    return labelled(raw, "sharegpt4v_coco" if is_caption else subset_of(raw))


def _asks_description(raw: LlavaRecord) -> bool:
    """Say whether a COCO record of the mix asks for a description: those are all ShareGPT4V's."""
    if len(raw.conversations) != 2:
        return False
    return raw.conversations[0].value.replace(IMAGE, "").lstrip().startswith(DETAIL)
