"""mPLUG-DocOwl 1.5's records, which its four data sets share: one page or picture, and what is said about it.

{"image": ["./imgs/Larder/pages/jar_7.png"], "messages": [{"role": "user", "content": "<|image|>Who made it?"},
{"role": "assistant", "content": "Ada Brook"}], "task_name": "qa_sft", "dataset_name": "Larder"}

Roles are renamed and `<|image|>` becomes `<image>` and a line break, wherever it stands; all else is kept byte for byte.
Every set has a folder `imgs` of its own, so its images go below a folder named like the source. Other keys are ignored:
some lines have more of them than others.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from mixer.boxes import LARGEST, show
from mixer.conversation import GPT, HUMAN, IMAGE, Conversation, Labels, Skip, Turn, content_id
from mixer.sources import Options, Picture

TOKEN = "<|image|>"  # noqa: S105 - it stands for the image
_ROLES = {"user": HUMAN, "assistant": GPT}
_BOX = re.compile(r"<bbox>(.*?)</bbox>|<bbox>|</bbox>", re.DOTALL)
_TEXT = re.compile(r"<ocr> ?| ?</ocr>")


class Message(msgspec.Struct):
    """A turn."""

    role: Literal["user", "assistant"]
    content: str


class Raw(msgspec.Struct):
    """A line of any of the files; `folder` is the source's, `split` the file's."""

    image: Annotated[list[str], msgspec.Meta(min_length=1)]
    messages: list[Message]
    task_name: str | None = None
    dataset_name: str | None = None
    folder: str = ""
    split: str = ""
    picture: Picture | None = None

    @property
    def path(self) -> str:
        """Its image, below the media root; a path that is absolute stays so, and is bad."""
        image = self.image[0].removeprefix("./")
        return image if image.startswith("/") else f"{self.folder}/{image}"

    @property
    def labels(self) -> Labels:
        """What it says of itself."""
        return Labels(subset=self.dataset_name, split=self.split or None, task=self.task_name)


class PageOptions(Options):
    """What becomes of images that are not there."""

    missing: Literal["keep", "skip"] = Field(
        default="keep", description="Records whose image is not there; to skip them the media root is looked at."
    )


class MarkedOptions(PageOptions):
    """How texts and boxes in them are written."""

    marks: Literal["published", "plain", "fractions"] = Field(
        default="published",
        description="<ocr> and <bbox> as they are; or texts without <ocr> and boxes as [26,315,902,360], "
        "of 0 to 999; or boxes as [0.026, 0.315, 0.903, 0.36].",
    )


def conversation(raw: Raw, options: PageOptions) -> Conversation | Skip:
    """Make the record of a line."""
    if len(raw.image) > 1:
        return Skip("several images")
    if options.missing == "skip" and raw.picture is None:
        return Skip("image file is missing")
    turns = [Turn(_ROLES[each.role], each.content.replace(TOKEN, f"{IMAGE}\n")) for each in raw.messages]
    if isinstance(options, MarkedOptions) and options.marks != "published":
        turns = [Turn(turn.from_, _unmarked(turn.value, in_fractions=options.marks == "fractions")) for turn in turns]
    made = Conversation(id="", image=raw.path, conversations=turns)
    made.id = content_id(PurePosixPath(raw.path).stem, made)
    return made


def _unmarked(text: str, *, in_fractions: bool) -> str:
    def box(found: re.Match[str]) -> str:
        try:
            x1, y1, x2, y2 = numbers = [int(number) for number in (found[1] or "").split(",")]
        except ValueError:
            numbers = []
        if not numbers or min(numbers) < 0 or max(numbers) > LARGEST:
            raise msgspec.ValidationError(f"a <bbox> that is not four whole numbers of 0 to {LARGEST}")
        if not in_fractions:
            return f"[{x1},{y1},{x2},{y2}]"
        return show((x1 / LARGEST, y1 / LARGEST, x2 / LARGEST, y2 / LARGEST), decimals=3)

    return _BOX.sub(box, _TEXT.sub("", text))
