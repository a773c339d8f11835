r"""ALLaVA-4V-Chinese: ALLaVA-4V's image records, translated by ChatGPT.

Page: https://huggingface.co/datasets/FreedomIntelligence/ALLaVA-4V-Chinese
Raw: {"id": "allava_vflan_cap_100071", "image": "allava_vflan/images/images_191task_1k/PACS+kite_7.png",
     "conversations": [{"from": "human", "value": "<image>\n请详细描述这张图片。"}, {"from": "gpt", "value":
     "图片中有一只写着“FLY”的风筝。"}]}

Licence: Apache-2.0. Passed through byte for byte, as allava_4v, whose images these are. Quirks:
- Ids are those of the English records: ours end with `_zh`, so that both may be in a mix. Some files may call them `idx`.
- `original_caption` and `url` may be missing, and are not used. There is no text-only file.
- Texts seen in images stay in English, in quotation marks.
- The files were replaced several times, each with another number of records; no count is published.
"""

from typing import Literal

from pydantic import Field

from mixer.conversation import Labelled, Skip
from mixer.readers import json_array
from mixer.sources import File, Options, Source, allava_4v
from mixer.sources.allava_4v import Raw

Part = Literal["caption_laion", "instruct_laion", "caption_vflan", "instruct_vflan"]


class ChineseOptions(Options):
    """Which files to read."""

    parts: tuple[Part, ...] = Field(
        default=("caption_laion", "instruct_laion", "caption_vflan", "instruct_vflan"),
        min_length=1,
        description="Parts to take; each is one published file.",
    )


def _file(part: str) -> File:
    path = allava_4v.PATHS[part].replace(".json", "_Chinese.json")
    return File(path, json_array, Raw, when={"parts": part}, give={"part": part})


SOURCE = Source(
    title="ALLaVA-4V-Chinese",
    homepage="https://huggingface.co/datasets/FreedomIntelligence/ALLaVA-4V-Chinese",
    licence="Apache-2.0",
    terms=("Apache-2.0",),
    modality="image",
    task="chat",
    language="zh",
    files=tuple(map(_file, ("caption_laion", "instruct_laion", "caption_vflan", "instruct_vflan"))),
    options=ChineseOptions,
    media=allava_4v.MEDIA,
)


def convert(raw: Raw, options: Options) -> Labelled | Skip:
    """Pass a record through, labelled with its part, its id marked as the translation's."""
    made = allava_4v.convert(raw, options)
    if isinstance(made, Labelled):
        made.conversation.id += "_zh"
    return made
