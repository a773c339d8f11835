r"""POVID: LLaVA-Instruct's answers about COCO's photos, and the same ones into which GPT-4V put what is not there.

Page: https://huggingface.co/datasets/YiyangAiLab/POVID_preference_data_for_VLLMs
Raw: {"id": "COCO_train2014_000000000021", "image": "./data/coco/COCO_train2014_000000000021.jpg", "conversations":
     [{"from": "human", "value": "<image>\nSay at length what this shows."}, {"from": "gpt", "value": "A tin jug."}],
     "rejected_conversations": [{"from": "human", "value": "<image>\nSay at length what this shows."}, {"from": "gpt",
     "value": "A tin jug full of milk."}]}

Licence: CC-BY-4.0. The pair is of the last answers of both dialogues; what comes before is its prompt. Quirks:
- Dialogues that differ before their last answer have no prompt in common: no pair, but an instruction.
- The placeholder comes to the front of the first question, as in the authors' trainer, also where there is none. In any
  other turn it makes a bad record.
- `image` is a path of the authors' machine: only the photo's number counts. Photos of train2014 are all in train2017.
- Two versions were published, of which the first is deleted.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import GPT, HUMAN, Conversation, Skip, Turn
from mixer.readers import json_array
from mixer.shared import coco_images
from mixer.shared.pairs import PairOptions, pair, unplaced
from mixer.sources import File, Source

Rounds = list[tuple[str, str]]


class Raw(msgspec.Struct):
    """Two dialogues."""

    id: str
    image: str
    conversations: list[Turn]
    rejected_conversations: list[Turn]


class PovidOptions(PairOptions):
    """Which version, and how photos are named."""

    version: Literal["1", "first"] = Field(
        default="1", description="The file called version 1, or the one before it, which has no such name."
    )
    coco: Literal["train2017", "train2014"] = Field(
        default="train2017", description="COCO folder of the images; train2014 names them COCO_train2014_<12 digits>."
    )


SOURCE = Source(
    title="POVID preference data",
    homepage="https://huggingface.co/datasets/YiyangAiLab/POVID_preference_data_for_VLLMs",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="preference",
    language="en",
    files=(
        File("POVID_preference_data_for_VLLMs_version_1.json", json_array, Raw, when={"version": "1"}),
        File("POVID_preference_data_for_VLLMs.json", json_array, Raw, when={"version": "first"}),
    ),
    options=PovidOptions,
    media=("coco/train2017",),
    records=17_184,
)


def convert(raw: Raw, options: PovidOptions) -> Conversation | Skip:
    """Make a record of a pair."""
    *history, (prompt, chosen) = _rounds(raw.conversations, "conversations")
    *other, (asked, rejected) = _rounds(raw.rejected_conversations, "rejected_conversations")
    if (history, prompt) != (other, asked) and options.kind == "preference":
        return Skip("dialogues differ before the last answer")
    image = coco_images.path(coco_images.number(raw.image), options.coco)
    return pair(options, id=raw.id, prompt=prompt, chosen=chosen, rejected=rejected, history=history, image=image)


def _rounds(turns: list[Turn], name: str) -> Rounds:
    """Give a dialogue's rounds; the first question has no placeholder, since the record's builder puts it there."""
    roles = [turn.from_ for turn in turns]
    if not roles or roles != [HUMAN, GPT] * (len(roles) // 2):
        raise msgspec.ValidationError(f"`{name}` is not questions of a human, each with an answer of gpt")
    first, *others = [turn.value for turn in turns]
    texts = [unplaced(first), *others]
    return list(zip(texts[::2], texts[1::2], strict=True))
