r"""STIC's preference data: LLaVA-v1.6's careful descriptions of COCO's photos, and its own bad ones.

Page: https://huggingface.co/datasets/STIC-LVLM/stic-coco-preference-6k
Raw: {"image": "COCO_train2014_000000000021.jpg", "image_corruption": true, "hallu_prompt": "", "chosen": [{"role": "user",
     "content": "Explain what is shown."}, {"role": "assistant", "content": "A tin jug stands on a shelf."}],
     "rejected": [{"role": "user", "content": "Explain what is shown."}, {"role": "assistant", "content": "Two dogs."}]}

Licence: CC-BY-4.0. Ids are those of the authors' converter for instructions, the photo's number as in its name. Quirks:
- Both answers come with the question, in OpenAI's words; where the two questions differ the pair is skipped.
- Questions have no placeholder as a rule; where one has, it comes first. The bad answer is one to a spoilt photo
  (`image_corruption`) or to a question that asks for what is not there (`hallu_prompt`), which is the subset; the long
  prompt behind the good answer is not published.
- 176 of 6,275 photos come twice, so ids do, too. `data/6k_coco_names.json` of the code is the list of their names only.
- The published array, the one before it and the generator's lines are read alike. Photos are all in train2017.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip
from mixer.readers import json_array, json_lines
from mixer.shared import coco_images
from mixer.shared.pairs import PairOptions, pair, unplaced
from mixer.sources import File, Source


class Message(msgspec.Struct):
    """One message."""

    role: str
    content: str


class Raw(msgspec.Struct):
    """A pair: twice a question and its answer."""

    image: str
    chosen: tuple[Message, Message]
    rejected: tuple[Message, Message]
    image_corruption: bool | None = None

    def __post_init__(self) -> None:
        """Refuse other dialogues than a question and its answer."""
        for name, asked in (("chosen", self.chosen), ("rejected", self.rejected)):
            if [message.role for message in asked] != ["user", "assistant"]:
                raise ValueError(f"`{name}` is not a user's message and an assistant's")


class SticOptions(PairOptions):
    """Which file, and how photos are named."""

    file: Literal["pref_data_new", "pref_data", "pref_data_mscoco"] = Field(
        default="pref_data_new", description="The published array, the one before it, or the generator's lines."
    )
    coco: Literal["train2017", "train2014"] = Field(
        default="train2017", description="COCO folder of the images; train2014 names them COCO_train2014_<12 digits>."
    )


SOURCE = Source(
    title="STIC preference data",
    homepage="https://huggingface.co/datasets/STIC-LVLM/stic-coco-preference-6k",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="preference",
    language="en",
    files=(
        File("pref_data_new.json", json_array, Raw, when={"file": "pref_data_new"}),
        File("pref_data.json", json_array, Raw, when={"file": "pref_data"}),
        File("pref_data_mscoco.jsonl", json_lines, Raw, when={"file": "pref_data_mscoco"}),
    ),
    options=SticOptions,
    media=("coco/train2017",),
)


def convert(raw: Raw, options: SticOptions) -> Labelled | Skip:
    """Make a record of a pair."""
    (asked, good), (other, bad) = raw.chosen, raw.rejected
    prompt = unplaced(asked.content)
    if prompt != unplaced(other.content) and options.kind == "preference":
        return Skip("the two questions differ")
    number = coco_images.number(raw.image)
    made = pair(
        options,
        id=f"{number:012d}",
        prompt=prompt,
        chosen=good.content,
        rejected=bad.content,
        image=coco_images.path(number, options.coco),
    )
    if isinstance(made, Skip):
        return made
    subset = {True: "image_corruption", False: "hallu_prompt", None: None}[raw.image_corruption]
    return Labelled(made, Labels(subset=subset))
