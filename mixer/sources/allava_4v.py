r"""ALLaVA-4V: GPT-4V's captions and reasoning questions about LAION and Vision-FLAN images, and text-only instructions.

Page: https://huggingface.co/datasets/FreedomIntelligence/ALLaVA-4V
Raw: {"id": "allava_laion_inst_100277", "image": "allava_laion/images/100277.jpeg", "conversations": [{"from": "human",
     "value": "<image>\nWhy might the kettle whistle?"}, {"from": "gpt", "value": "Its lid is shut, so steam ..."}],
     "original_caption": "Kettle 2L tin", "url": "http://example.com/kettle.jpg"}
Raw (Evol-Instruct): {"idx": "hQ7vZb", "conversations": [...]}

Licence: Apache-2.0, plus OpenAI terms. Passed through byte for byte, paths as published. Quirks:
- The text-only file has `idx` in the place of `id`, and no image; a literal `<image>` in it is text.
- `original_caption` (the page's own, in any language) and `url` of the LAION files are not used.
- Vision-FLAN's file names hold blanks, `+` and names of COCO's files; each is one name below one folder.
- Snapshots from before 2024-02-29 have the files at the top level (`layout=flat`), and no `image` in LAION's records.
  Those are skipped: images were numbered anew since, so an old id names no image for sure.
- An image may serve several records, and a caption and a question about the same LAION image share its number.
- Questions about Vision-FLAN may start with the task's instruction and a blank line.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Conversation, Labelled, Labels, Skip, Turn
from mixer.readers import json_array
from mixer.sources import File, Options, Source

Part = Literal["caption_laion", "instruct_laion", "caption_vflan", "instruct_vflan", "evol_instruct"]
PATHS = {
    "caption_laion": "allava_laion/ALLaVA-Caption-LAION-4V.json",
    "instruct_laion": "allava_laion/ALLaVA-Instruct-LAION-4V.json",
    "caption_vflan": "allava_vflan/ALLaVA-Caption-VFLAN-4V.json",
    "instruct_vflan": "allava_vflan/ALLaVA-Instruct-VFLAN-4V.json",
    "evol_instruct": "allava_text/Evol-Instruct-GPT4-Turbo-143K.json",
}
RECORDS = {
    "caption_laion": 505_588,
    "instruct_laion": 505_588,
    "caption_vflan": 202_552,
    "instruct_vflan": 203_065,
    "evol_instruct": 143_000,
}
TASKS = {part: part.split("_")[0].replace("instruct", "chat").replace("evol", "chat") for part in PATHS}
MEDIA = ("allava_laion/images", "allava_vflan/images/images_191task_1k")


class Raw(msgspec.Struct):
    """A record of any file; `part` is the file's."""

    conversations: list[Turn]
    id: str | None = None
    idx: str | None = None
    image: str | None = None
    part: str = ""

    def __post_init__(self) -> None:
        """Take the name that there is."""
        self.id = self.id or self.idx
        if not self.id:
            raise ValueError("neither `id` nor `idx`")


class AllavaOptions(Options):
    """Which files to read."""

    parts: tuple[Part, ...] = Field(
        default=("caption_laion", "instruct_laion", "caption_vflan", "instruct_vflan", "evol_instruct"),
        min_length=1,
        description="Parts to take; each is one published file, and evol_instruct is text only.",
    )
    layout: Literal["folders", "flat"] = Field(
        default="folders", description="flat: an old snapshot, its files at the top level and some without images."
    )


def _files(part: str) -> tuple[File, File]:
    path, give = PATHS[part], {"part": part}
    return (
        File(path, json_array, Raw, records=RECORDS[part], when={"parts": part, "layout": "folders"}, give=give),
        File(path.rpartition("/")[2], json_array, Raw, when={"parts": part, "layout": "flat"}, give=give),
    )


SOURCE = Source(
    title="ALLaVA-4V",
    homepage="https://huggingface.co/datasets/FreedomIntelligence/ALLaVA-4V",
    licence="Apache-2.0 plus OpenAI terms",
    terms=("Apache-2.0", "OpenAI"),
    modality="image+text",
    task="chat",
    language="en",
    files=tuple(file for part in PATHS for file in _files(part)),
    options=AllavaOptions,
    media=MEDIA,
    records=sum(RECORDS.values()),
)


def convert(raw: Raw, _options: Options) -> Labelled | Skip:
    """Pass a record through, labelled with its part."""
    if raw.image is None and raw.part != "evol_instruct":
        return Skip("no image")
    record = Conversation(id=raw.id or "", image=raw.image, conversations=raw.conversations)
    return Labelled(record, Labels(subset=raw.part, task=TASKS[raw.part]))
