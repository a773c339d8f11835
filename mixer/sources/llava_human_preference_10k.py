r"""LLaVA-Human-Preference-10K: which of two answers of LLaVA's people prefer, for LLaVA-RLHF's reward model.

Page: https://huggingface.co/datasets/zhiqings/LLaVA-Human-Preference-10K
Raw: {"id": "000000410007", "image": "000000410007.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat hangs
     there?"}, {"from": "gpt", "value": "A kite."}, {"from": "human", "value": "Why?"}, {"from": "gpt", "value": "..."}],
     "output_1": {"from": "gpt", "value": "To dry."}, "output_2": {"from": "gpt", "value": "It flies home."},
     "preference": 1, "hallucination": false}

Licence: Apache-2.0. Made as LLaVA-RLHF's trainer reads it: all turns but the last are the prompt, the output of the number
in `preference` is the better answer. Turns are kept byte for byte. `kind=instruct` is the dialogue with that answer. Quirks:
- The last turn is a slot for one of the outputs: what stands in it is never used.
- `preference` is 1 or 2; anything else is bad.
- `<image>` starts the first question or ends it, and stays where it is.
- `conversations` may be in one more list.
- `hallucination` is what people were asked first; it may hold for both answers. It is the record's subset.
- Images are bare names of COCO's train2017. With the folders of 2014 some are in val2014: `coco=2014` looks which.
- `image` may be absent, in a text record, and `id`: the image's name and the content make one then.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import GPT, HUMAN, Conversation, Labelled, Labels, Skip, Turn, content_id
from mixer.readers import json_array
from mixer.shared.pairs import PairOptions, unusable, with_pair
from mixer.sources import File, Picture, Pictures, Source


class Output(msgspec.Struct):
    """An answer."""

    value: str


class Raw(msgspec.Struct):
    """A dialogue and two answers to its last question."""

    conversations: list[Turn | list[Turn]]
    output_1: Output
    output_2: Output
    preference: Literal[1, 2]
    id: str | int | None = None
    image: str | None = None
    hallucination: bool | None = None
    turns: list[Turn] = []
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Take the turns out of the list around them, and see that they end with a question and a slot."""
        self.turns = [turn for each in self.conversations for turn in (each if isinstance(each, list) else [each])]
        if [turn.from_ for turn in self.turns[-2:]] != [HUMAN, GPT]:
            raise ValueError("the last turns are not a question and a slot for its answer")

    @property
    def candidates(self) -> list[str]:
        """List where the image may be in the folders of 2014."""
        return [f"coco/{release}/COCO_{release}_{self.image}" for release in ("train2014", "val2014") if self.image]


class HumanPreferenceOptions(PairOptions):
    """Which release of COCO the images come from."""

    coco: Literal["train2017", "2014"] = Field(
        default="train2017",
        description="COCO folder of the images; 2014: train2014 or val2014, whichever has the image below the media root.",
    )


SOURCE = Source(
    title="LLaVA-Human-Preference-10K",
    homepage="https://huggingface.co/datasets/zhiqings/LLaVA-Human-Preference-10K",
    licence="Apache-2.0",
    terms=("Apache-2.0",),
    modality="image",
    task="preference",
    language="en",
    files=(File("llava_7b_v1_preference.json", json_array, Raw, records=9422),),
    options=HumanPreferenceOptions,
    pictures=Pictures(match="candidates", field="picture", when={"coco": "2014"}),
    media=("coco/train2017", "coco/train2014", "coco/val2014"),
    records=9422,
)


def convert(raw: Raw, options: HumanPreferenceOptions) -> Labelled | Skip:
    """Pair the answers to the last question."""
    first, second = raw.output_1.value, raw.output_2.value
    chosen, rejected = (first, second) if raw.preference == 1 else (second, first)
    if loss := unusable(chosen, rejected):
        return loss
    image = raw.image and f"coco/train2017/{raw.image}"
    if options.coco == "2014" and raw.image:
        if raw.picture is None:
            return Skip("image file is missing")
        image = raw.picture.path
    better = Conversation(id=f"{raw.id}", image=image, conversations=[*raw.turns[:-1], Turn(GPT, chosen)])
    if raw.id is None:
        better.id = content_id(raw.image.removesuffix(".jpg") if raw.image else "text", better)
    made = with_pair(options, better, rejected=rejected)
    subset = {True: "hallucination", False: "no_hallucination", None: None}[raw.hallucination]
    return Labelled(made, Labels(subset=subset))
