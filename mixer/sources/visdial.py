r"""Visual Dialog: ten questions and answers of two people about a photo, of which one saw only the caption.

Page: https://visualdialog.org/data
Raw: {"version": "1.0", "split": "train", "data": {"questions": ["is it lit", ...], "answers": ["no", ...], "dialogs":
     [{"image_id": 21, "caption": "a lamp on a pier", "dialog": [{"answer": 0, "gt_index": 45, "question": 0,
     "answer_options": [4754, ...100]}, ...ten]}, ...]}}

Licence: CC-BY-4.0; the photos have Flickr's terms. A dialogue is one record; as in ParlAI the caption stands on a line
before the first question. Quirks:
- Rounds hold places in two pools of texts, which are each file's own.
- Texts are in lower case, and questions have no question mark: both stay, unless the options say otherwise.
- The last round of a dialogue of the test split has no answer and is left out; a dialogue of that round only is skipped.
- No record of v1.0's train split says whether its photo is COCO's train2014 or val2014. The default is the first that
  the media root has, of the names that the photo goes by: coco/train2017 before all, so that a photo has one name in a
  mix with LLaVA's records, then coco/val2014, coco/train2014 and coco/val2017. LAVIS wants all of them copied to
  VisualDialog_train2018, which needs no looking.
- In v0.9 the split tells: photos of train are in train2017, those of val in val2014.
- The 100 candidates of a round, and the relevance that people gave them in a separate file, are not read.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, capitalised, dialogue
from mixer.readers import json_pooled
from mixer.shared import captioned, coco_images
from mixer.sources import File, Options, Picture, Pictures, Source

Place = Annotated[int, msgspec.Meta(ge=0)]
RECORDS = {
    "1.0_train": 123_287,
    "1.0_val": 2_064,
    "1.0_test": 8_000,
    "0.9_train": 82_783,
    "0.9_val": 40_504,
}
"""Published file -> its dialogues."""
SPLITS = {"train": "1.0_train", "val": "1.0_val", "test": "1.0_test", "train_v0_9": "0.9_train", "val_v0_9": "0.9_val"}
OWN = {"val": "val2018", "test": "test2018"}
"""Split -> the folder of photos that are VisDial's own."""
COCO = {
    "train": ("train2017", "val2014", "train2014", "val2017"),
    "train_v0_9": ("train2017",),
    "val_v0_9": ("val2014",),
}
"""Split -> COCO's releases that a photo may be named by."""


class Round(msgspec.Struct):
    """A question and its answer, by their places in the pools."""

    question: Place
    answer: Place | None = None


class Raw(msgspec.Struct):
    """A dialogue, and what its file says of all."""

    image_id: int
    caption: str
    dialog: list[Round]
    questions: Sequence[str] = ()
    answers: Sequence[str] = ()
    split: str = "train"
    images: str = "coco"
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Refuse gaps."""
        if any(each.answer is None for each in self.dialog[:-1]):
            raise ValueError("a round before the last has no `answer`")

    @property
    def paths(self) -> list[str]:
        """What its photo may be called under the media root."""
        if self.split in OWN or self.images == "lavis":
            folder = f"VisualDialog_{OWN.get(self.split, 'train2018')}"
            return [f"visdial/{folder}/{folder}_{self.image_id:012d}.jpg"]
        return [coco_images.path(self.image_id, release) for release in COCO[self.split]]


class VisdialOptions(Options):
    """Which dialogues, and what is written of them."""

    split: Literal["train", "val", "test", "train_v0_9", "val_v0_9"] = Field(
        default="train", description="Split of v1.0 or of v0.9; each is one published file."
    )
    images: Literal["coco", "lavis"] = Field(
        default="coco", description="Photos of the training splits named as COCO does, or as LAVIS wants them copied."
    )
    caption: Literal["context", "turn", "none"] = Field(
        default="context", description="The caption before the first question, as the answer of a first round, or not."
    )
    question_mark: bool = Field(default=False, description="End questions with a question mark.")
    capitalise: bool = Field(default=False, description="Begin captions, questions and answers with a capital letter.")


SOURCE = Source(
    title="Visual Dialog",
    homepage="https://visualdialog.org/data",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="chat",
    language="en",
    files=tuple(
        File(
            f"visdial_{file}.json",
            json_pooled.of("data", "dialogs", pools=("questions", "answers")),
            Raw,
            records=RECORDS[file],
            when={"split": split, "images": images},
            archive=f"visdial_{file}.zip",
            give={"split": split, "images": images},
        )
        for split, file in SPLITS.items()
        for images in ("coco", "lavis")
    ),
    options=VisdialOptions,
    pictures=Pictures(match="paths", field="picture", when={"split": "train", "images": "coco"}),
    media=(
        *("coco/train2017", "coco/val2014", "coco/train2014", "coco/val2017"),
        *("visdial/VisualDialog_train2018", "visdial/VisualDialog_val2018", "visdial/VisualDialog_test2018"),
    ),
    records=RECORDS["1.0_train"],
)


def convert(raw: Raw, options: VisdialOptions) -> Labelled | Skip:
    """Make a record of a dialogue."""
    asked = [_texts(raw, each.question, each.answer, options) for each in raw.dialog if each.answer is not None]
    if not asked:
        return Skip("no answer")
    image, *others = raw.paths
    if others and raw.picture is None:
        return Skip("image file is missing")
    name = f"{raw.image_id}"
    caption = capitalised(raw.caption) if options.capitalise else raw.caption
    rounds = captioned.rounds(caption, asked, options.caption, "visdial", name)
    record = dialogue(id=name, rounds=rounds, image=raw.picture.path if raw.picture else image)
    return Labelled(record, Labels(split=options.split))


def _texts(raw: Raw, question: int, answer: int, options: VisdialOptions) -> tuple[str, str]:
    """Look a round up in the pools."""
    if question >= len(raw.questions) or answer >= len(raw.answers):
        raise msgspec.ValidationError("a place beyond the end of its pool")
    asked, said = raw.questions[question], raw.answers[answer]
    if options.capitalise:
        asked, said = capitalised(asked), capitalised(said)
    return f"{asked}?" if options.question_mark and not asked.endswith("?") else asked, said
