r"""VGG-SS: where in the middle frame of a clip of VGG-Sound's test split is what makes the sound.

Page: https://github.com/hche11/Localizing-Visual-Sounds-the-Hard-Way
Raw: [{"file": "-a0bC3dEf_g_000030", "class": "kettle, pot, etc. whistling", "bbox": [[0.1, 0.25, 0.5, 1]]}, ...]

Licence: Apache-2.0, the clips CC-BY-4.0. Nobody publishes conversations: our own wording asks for the class and its
boxes. LLaVA-1.5's asks for the boxes of a class, lmms-eval's for the class. Boxes are left, top, right and bottom in
fractions of the frame, with two decimals as in LLaVA-1.5's data. Items of the ledger are boxes. Quirks:
- 18 boxes have no area, or a coordinate that overflowed: each is skipped, and so is a record with no other box.
- Two versions of the boxes circulate. vggss_test.csv names the same clips, and is not needed.
- It is an evaluation set, and a plan that uses it says so. All clips are in VGG-Sound's test split, under the same ids.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from mixer.boxes import Box, show
from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.prompts import BOX_OF_PHRASE, MAIN_SOUND
from mixer.readers import json_array
from mixer.sources import File, Options, Source

LOCATE = "Locate the object that makes the sound."


class Raw(msgspec.Struct):
    """A record: the boxes of a clip."""

    file: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{11}_[0-9]{6}\Z")]
    label: str = msgspec.field(name="class")
    boxes: list[Box] = msgspec.field(name="bbox")


class VggSsOptions(Options):
    """What is asked about a clip, and what is given of it."""

    form: Literal["locate", "boxes", "label"] = Field(
        default="locate", description="Class and boxes of what makes the sound, boxes of a class, or the class alone."
    )
    media: Literal["image+audio", "image"] = Field(
        default="image+audio", description="The frame and the sound, or the frame alone."
    )


SOURCE = Source(
    title="VGG-SS",
    homepage="https://github.com/hche11/Localizing-Visual-Sounds-the-Hard-Way",
    licence="Apache-2.0",
    terms=("Apache-2.0",),
    modality="image+audio",
    task="grounding",
    language="en",
    note="an evaluation set: a model that is trained on it cannot be tested on it, nor on VGG-Sound's test split",
    files=(File("metadata/vggss.json", json_array, Raw, records=5_158),),
    options=VggSsOptions,
    media=("vggss/frames", "vggss/audio"),
    records=5_158,
)


def convert(raw: Raw, options: VggSsOptions) -> Iterator[Labelled | Skip]:
    """Ask for what makes a sound."""
    boxes = [box for box in raw.boxes if _is_sound(box)]
    if len(boxes) < len(raw.boxes):
        yield Skip("box without area, or outside the frame", len(raw.boxes) - len(boxes))
    if not boxes:
        return
    shown = ", ".join(show(box, 2) for box in boxes)
    asked, answer, task = {
        "locate": (LOCATE, f"{raw.label}: {shown}", "grounding"),
        "boxes": (BOX_OF_PHRASE.format(raw.label), shown, "grounding"),
        "label": (MAIN_SOUND, raw.label, "classification"),
    }[options.form]
    record = dialogue(
        id=raw.file,
        rounds=[(asked, answer)],
        image=f"vggss/frames/{raw.file}.jpg",
        audio=f"vggss/audio/{raw.file}.wav" if options.media == "image+audio" else None,
    )
    yield Labelled(record, Labels(split="test", task=task), len(boxes))


def _is_sound(box: Box) -> bool:
    x1, y1, x2, y2 = box
    return 0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1
