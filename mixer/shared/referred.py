"""Objects of COCO's photos and the expressions that refer to them, as each packaging of RefCOCO holds them.

All of them have the attributes `image_id`, `dataset`, `split`, `sentences`, `box` in pixels, as corners, and `size`.
"""

from __future__ import annotations

from zlib import crc32

import msgspec

from mixer.boxes import Box
from mixer.shared import coco_images
from mixer.shared.json_text import parsed


class Sentence(msgspec.Struct, gc=False):
    """An expression, and as it was typed; its number is its own within its set."""

    sent: str
    sent_id: int
    raw: str = ""

    @property
    def typed(self) -> str:
        """Give it as it was typed, where that is known and says anything."""
        return self.raw if has_words(self.raw) else self.sent


class Size(msgspec.Struct, gc=False):
    """An entry of `images`."""

    id: int
    width: int
    height: int


class Annotation(msgspec.Struct, gc=False):
    """An entry of `annotations`: left, top, width and height."""

    id: int
    bbox: tuple[float, float, float, float]


class Ref(msgspec.Struct):
    """An object and its expressions; `box`, its corners, and `size` come from instances.json."""

    image_id: int
    ann_id: int
    split: str
    sentences: list[Sentence]
    dataset: str = ""
    box: Box | None = None
    size: tuple[int, int] | None = None

    @property
    def annotation(self) -> tuple[str, int]:
        """Name its annotation: numbers are looked up in its own set's file."""
        return self.dataset, self.ann_id


class Row(msgspec.Struct):
    """A row of the hub's tables, which holds all of it."""

    image_id: int
    split: str
    sentences: list[Sentence]
    box: Box = msgspec.field(name="bbox")
    raw_image_info: str
    dataset: str = ""
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Take the size out of the JSON."""
        if self.size is None:
            info = parsed(self.raw_image_info, Size)
            self.size = info.width, info.height


class Line(msgspec.Struct):
    """A line of Shikra's file."""

    img_path: str
    expression: str
    box: Box = msgspec.field(name="bbox")
    dataset_name: str
    width: int
    height: int
    split: str = "train"

    def __post_init__(self) -> None:
        """Tell boxes in fractions, which other files of this kind have."""
        coco_images.number(self.img_path)
        if max(self.box) <= 1:
            raise ValueError("`bbox` is not in pixels")

    @property
    def image_id(self) -> int:
        """Give the image's number."""
        return coco_images.number(self.img_path)

    @property
    def dataset(self) -> str:
        """Name the set; in other files of this kind its author follows."""
        return self.dataset_name.partition("_")[0]

    @property
    def size(self) -> tuple[int, int]:
        """Give width and height."""
        return self.width, self.height

    @property
    def sentences(self) -> list[Sentence]:
        """Give the one expression, numbered by what it says and where."""
        number = crc32(f"{self.dataset} {self.expression} {self.box}".encode())
        return [Sentence(self.expression, number, self.expression)]


def has_words(text: str) -> bool:
    """Say whether a text holds a letter or a digit."""
    return any(map(str.isalnum, text))
