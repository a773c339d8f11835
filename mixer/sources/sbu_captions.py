r"""SBU Captioned Photos: what a million users of Flickr wrote under their photos.

Page: https://www.cs.rice.edu/~vo9/sbucaptions/
Raw (sbu-captions-all.json): {"image_urls": ["http://static.flickr.com/2723/43_b0f2.jpg", ...], "user_ids": [...],
     "captions": ["tin sign on a shed", ...]}, three lists that go together
Raw (the pair of text files): an address a line in one, a caption a line in the other
Raw (LAVIS): [{"image": "43_b0f2.jpg", "url": "http://...", "caption": "tin sign on a shed"}, ...]
Raw (ViLT): [["images_train/0000/0000000", "tin sign on a shed"], ...]
Raw (a table): {"image_url": ..., "user_id": ..., "caption": ...}

Licence: unknown (texts and photos of Flickr's users). A record of each row. Captions lose the blanks around them and
nothing else: they have no final period, names of places, emoticons, perhaps HTML's escapes. Nobody has published requests
for them; those of caption sets are used. (LLaVA-Pretrain has these photos with captions of BLIP's.) Quirks:
- No images are published, and many addresses are dead: `missing=skip` leaves out rows whose image is not there. An image
  has the last part of its address as its name, as torchvision saves it; LAVIS's and ViLT's files name theirs.
- Rows have no id: they get the name of their image. Addresses and captions come more than once.
- The two text files go together line by line; neither may be sorted. A line without its counterpart is skipped.
- The ids of users are never read.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Conversation, Skip
from mixer.readers import json_array, json_columns, parquet_rows, text_lines
from mixer.shared.captions import PromptOptions, record, said
from mixer.sources import File, Grouping, Join, Picture, Pictures, Source

FOLDER = "sbu/images"


def _saved(address: str) -> str:
    """Name the image of an address by its last part. Raises ValueError without one."""
    last = address.strip().rpartition("/")[2]
    if not last:
        raise ValueError("an address that does not end with the name of a file")
    return f"{FOLDER}/{last}"


class Row(msgspec.Struct):
    """A row of a table."""

    url: str = msgspec.field(name="image_url")
    caption: str
    path: str = ""
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Name the image."""
        self.path = _saved(self.url)

    @property
    def line(self) -> str:
        """What is converted together: here nothing goes together line by line."""
        return self.path


class Column(Row):
    """Value n of each list."""

    url: str = msgspec.field(name="image_urls")
    caption: str = msgspec.field(name="captions")


class Flat(Row):
    """A record of LAVIS's file, which names the image."""

    url: str = msgspec.field(name="image")


class Pair(Row, array_like=True):
    """A record of ViLT's file: an array of the image's name, in two folders, and the caption."""

    def __post_init__(self) -> None:
        """Keep the last folder."""
        folder, slash, name = self.url.rpartition("/")
        if not (slash and name):
            raise ValueError("an image without its folder")
        self.path = f"sbu/images_train/{folder.rpartition('/')[2]}/{name}"


class Text(msgspec.Struct):
    """A line of the captions."""

    text: str
    line: int


class Address(msgspec.Struct):
    """A line of the addresses, and that of the captions."""

    text: str
    line: int
    path: str = ""
    caption: Text | None = None
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Name the image."""
        self.path = _saved(self.text)


class SbuOptions(PromptOptions):
    """Which file to read."""

    file: Literal["sbu-captions-all", "txt", "sbu", "annot", "parquet"] = Field(
        default="sbu-captions-all",
        description="The published JSON, the pair of text files, LAVIS's sbu.json, ViLT's annot.json, or the hub's tables.",
    )
    missing: Literal["keep", "skip"] = Field(
        default="keep", description="Rows whose image is not there; to skip them the media root is looked at."
    )


_TXT = "dataset/SBU_captioned_photo_dataset_{}.txt"
_ROWS = 1_000_000
SOURCE = Source(
    title="SBU Captions",
    homepage="https://www.cs.rice.edu/~vo9/sbucaptions/",
    licence="unknown (texts and photos of Flickr's users)",
    terms=("unknown",),
    modality="image",
    task="caption",
    language="en",
    files=(
        File(
            "sbu-captions-all.json",
            json_columns.of("image_urls", "user_ids", "captions"),
            Column,
            records=_ROWS,
            when={"file": "sbu-captions-all"},
        ),
        File(_TXT.format("urls"), text_lines, Address, records=_ROWS, when={"file": "txt"}),
        File("sbu.json", json_array, Flat, when={"file": "sbu"}),
        File("annot.json", json_array, Pair, when={"file": "annot"}),
        File("default/train/*.parquet", parquet_rows, Row, when={"file": "parquet"}),
    ),
    options=SbuOptions,
    grouping=Grouping(
        by="line",
        joins=(
            Join(
                File(_TXT.format("captions"), text_lines, Text, records=_ROWS, when={"file": "txt"}),
                on="line",
                field="caption",
            ),
        ),
    ),
    pictures=Pictures(match="path", field="picture", when={"missing": "skip"}),
    media=(FOLDER, "sbu/images_train"),
    records=_ROWS,
)


def convert(raws: Sequence[Row | Address], options: SbuOptions) -> Iterator[Conversation | Skip]:
    """Ask for the captions of an image: several where its address came several times."""
    for raw in raws:
        caption = raw.caption.text if isinstance(raw.caption, Text) else raw.caption or ""
        if options.missing == "skip" and raw.picture is None:
            yield Skip("image file is missing")
        elif not said(caption, options):
            yield Skip("no caption")
        else:
            id = raw.path.rpartition("/")[2].removesuffix(".jpg")
            yield record(caption, options, source="sbu_captions", id=id, image=raw.path)
