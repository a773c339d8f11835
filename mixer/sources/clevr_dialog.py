r"""CLEVR-Dialog: generated dialogues of ten rounds about CLEVR's scenes, whose questions refer to what was said before.

Page: https://github.com/satwikkottur/clevr-dialog
Raw: {"split": "train", "image_index": 21, "image_filename": "CLEVR_train_000021.png", "dialogs": [{"template_info":
     [...], "caption": "A lone cube stands behind all things.", "dialog": [{"question": "What is it made of?",
     "answer": "rubber", "template": "seek-attr-imm"}, {"question": "How many others are there?", "answer": 4,
     "template": "count-other"}, ...ten], "graph": {...}}, ...five]}

Licence: the generator is BSD-3, the data say nothing; the images are CC-BY-4.0. A dialogue is one record with its caption
on a line before the first question, as ParlAI has captions; without it most questions mean nothing. Quirks:
- `it` and `that thing` are those of a dialogue's own caption: the five of an image are never merged, nor cut into rounds.
- Counts are numbers, other answers are texts; all are written as they stand.
- Two dialogues of an image may have the same caption.
- `graph` and `template_info` make up nearly all of a file of several GB. They are not read.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.readers import json_array
from mixer.shared import captioned
from mixer.sources import File, Options, Source

RECORDS = {"train": 70_000, "val": 15_000}
"""Images of each split, with five dialogues each."""


class Round(msgspec.Struct):
    """A question and its answer."""

    question: str
    answer: str | int


class Dialogue(msgspec.Struct):
    """What is said about one caption."""

    caption: str
    dialog: list[Round]


class Raw(msgspec.Struct):
    """The dialogues about an image."""

    split: str
    image_filename: str
    dialogs: list[Dialogue]


class ClevrDialogOptions(Options):
    """Which dialogues, and where their captions go."""

    split: Literal["train", "val"] = Field(default="train", description="Which split; each is one published file.")
    caption: Literal["context", "turn"] = Field(
        default="context", description="The caption before the first question, or as the answer of a first round."
    )


SOURCE = Source(
    title="CLEVR-Dialog",
    homepage="https://github.com/satwikkottur/clevr-dialog",
    licence="not stated (generator BSD-3, images CC-BY-4.0)",
    terms=("CC-BY-4.0", "unknown"),
    modality="image",
    task="chat",
    language="en",
    files=tuple(
        File(f"clevr_{split}_raw_70k.json", json_array, Raw, records=images, when={"split": split})
        for split, images in RECORDS.items()
    ),
    options=ClevrDialogOptions,
    media=("CLEVR_v1.0/images/train", "CLEVR_v1.0/images/val"),
    records=RECORDS["train"],
)


def convert(raw: Raw, options: ClevrDialogOptions) -> Iterator[Labelled | Skip]:
    """Make a record of each dialogue."""
    image = f"CLEVR_v1.0/images/{raw.split}/{raw.image_filename}"
    for number, each in enumerate(raw.dialogs):
        if not each.dialog:
            yield Skip("no question")
            continue
        name = f"{raw.image_filename.removesuffix('.png')}-{number}"
        asked = [(round_.question, f"{round_.answer}") for round_ in each.dialog]
        rounds = captioned.rounds(each.caption, asked, options.caption, "clevr_dialog", name)
        yield Labelled(dialogue(id=name, rounds=rounds, image=image), Labels(split=raw.split))
