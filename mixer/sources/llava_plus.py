r"""LLaVA-Plus: dialogues in which the model thinks, calls a tool and answers from what that found.

Page: https://huggingface.co/datasets/LLaVA-VL/llava-plus-data
Raw: {"unique_id": "7f3a", "data_source": "coco", "image": "000000047110.jpg", "conversations": [{"from": "human",
     "value": "<image>\nWhere is the oar?"}, {"from": "gpt", "thoughts": "I need its box.", "actions": [{"API_name":
     "grounding_dino", "API_params": {"caption": "oar"}}], "value": "Let me ask grounding_dino."}, {"from": "human",
     "value": "grounding_dino found: {'boxes': ...}\n\nI had asked: <image>\nWhere is the oar?"}, {"from": "gpt", ...}]}

Licence: CC-BY-NC-4.0. Made as the authors' trainer does: an answer becomes the lines `"thoughts🤔" ...`, `"actions🚀"
...` (as Python's json.dumps writes them) and `"value👉" ...`, each with a line break behind it, those that it has, in
this order. `answers=plain` keeps its `value` alone. Questions stay as they are, tools' outputs as Python prints them,
but for a repair: of a record's `<image>`s the first stays; one that a later turn quotes goes, with its line break.
Quirks:
- `image` is looked up as by the trainer: the first of its five folders that holds it. Names repeat among the folders,
  so nothing else tells which is meant. The file of the photo's COCO 2014 name is that of train2017. Where no folder has
  it, the record is skipped; `images=merged` looks at nothing and names the file below llava_plus/.
- Some records of the merge lack `image`: theirs is an `id` that ends in .png, else `file_name`.
- llava-150k-tool-aug is LLaVA-Instruct-150K with empty thoughts and actions; the trainer takes both files.
"""

from typing import Any, Literal

import msgspec
from pydantic import Field

from mixer.conversation import HUMAN, IMAGE, Conversation, Labelled, Labels, Skip, Turn
from mixer.readers import json_array
from mixer.shared.json_text import printed
from mixer.sources import File, Options, Picture, Pictures, Source

FOLDERS = (
    "coco/train2017",
    "hiertext/train",
    "infoseek/infoseek_images",
    "instruct-pix2pix/clip-filtered-dataset",
    "goldg/vg_mdetr/images",
)
"""In the order of the authors' command."""


class Said(Turn):
    """A turn; an answer may have the two others."""

    thoughts: Any = msgspec.UNSET
    actions: Any = msgspec.UNSET


class Raw(msgspec.Struct):
    """A record of either file; `part` is the file's."""

    unique_id: str | int
    conversations: list[Said]
    image: str | None = None
    id: str | int | None = None
    file_name: str | None = None
    part: str = ""
    places: list[str] = []
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Name the image, and where it may be."""
        png = self.id if isinstance(self.id, str) and self.id.endswith(".png") else None
        self.image = self.image or png or self.file_name
        if not self.image:
            raise ValueError("neither `image` nor an `id` that ends in .png nor `file_name`")
        newer = self.image.removeprefix("COCO_train2014_")
        self.places = [f"{FOLDERS[0]}/{newer}", *(f"{folder}/{self.image}" for folder in FOLDERS), self.image]


class PlusOptions(Options):
    """Which files to read, what to make of thoughts and actions, and where images are."""

    parts: tuple[Literal["tools", "instruct"], ...] = Field(
        default=("tools", "instruct"),
        min_length=1,
        description="tools: llava-plus-v1-117k-tool-merge; instruct: llava-150k-tool-aug.",
    )
    answers: Literal["tools", "plain"] = Field(
        default="tools", description="Answers with thoughts and actions, written as the trainer does, or without them."
    )
    images: Literal["search", "merged"] = Field(
        default="search",
        description="Find images in the trainer's five folders, or name them below llava_plus/ unseen.",
    )


SOURCE = Source(
    title="LLaVA-Plus",
    homepage="https://huggingface.co/datasets/LLaVA-VL/llava-plus-data",
    licence="CC-BY-NC-4.0",
    terms=("CC-BY-NC-4.0",),
    modality="image",
    task="chat",
    language="en",
    files=(
        File("llava-plus-v1-117k-tool-merge.json", json_array, Raw, when={"parts": "tools"}, give={"part": "tools"}),
        File(
            "llava-150k-tool-aug.json",
            json_array,
            Raw,
            records=157_712,
            when={"parts": "instruct"},
            give={"part": "instruct"},
        ),
    ),
    options=PlusOptions,
    pictures=Pictures(match="places", field="picture", when={"images": "search"}),
    media=(*FOLDERS, "llava_plus"),
)


def convert(raw: Raw, options: PlusOptions) -> Labelled | Skip:
    """Write each answer as one text, and keep the first `<image>`."""
    if options.images == "merged":
        image = f"llava_plus/{raw.image}"
    elif raw.picture is None:
        return Skip("image file is missing")
    else:
        image = raw.picture.path
    turns, asked = [], False
    for said in raw.conversations:
        text = said.value if options.answers == "plain" or said.from_ == HUMAN else _flat(said)
        turns.append(Turn(said.from_, _without_image(text) if asked else text))
        asked = asked or IMAGE in text
    record = Conversation(id=f"{raw.unique_id}", image=image, conversations=turns)
    return Labelled(record, Labels(subset=raw.part))


def _flat(said: Said) -> str:
    """Write an answer as the trainer does."""
    lines = [] if said.thoughts is msgspec.UNSET else [f'"thoughts🤔" {said.thoughts}\n']
    lines += [] if said.actions is msgspec.UNSET else [f'"actions🚀" {printed(said.actions)}\n']
    return "".join([*lines, f'"value👉" {said.value}\n'])


def _without_image(text: str) -> str:
    """Take quoted `<image>`s out, each with one line break."""
    return text.replace(f"{IMAGE}\n", "").replace(f"\n{IMAGE}", "").replace(IMAGE, "")
