r"""Flickr30k: five captions of each photo by different people.

Page: https://shannon.cs.illinois.edu/DenotationGraph/
Raw (dataset_flickr30k.json): {"images": [{"sentids": [0, ...], "imgid": 0, "sentences": [{"tokens": ["a", "kite"],
     "raw": "A kite, on a shed.", "imgid": 0, "sentid": 0}, ...], "split": "train", "filename": "700413.jpg"}, ...]}
Raw (results_20130124.token, a line): 700413.jpg#0<TAB>A kite , on a shed .
Raw (results.csv): image_name| comment_number| comment / 700413.jpg| 0| A kite , on a shed .
Raw (flickr_annotations_30k.csv): raw,sentids,split,filename,img_id, where `raw` and `sentids` hold JSON lists
Raw (LAVIS): [{"image": "flickr30k-images/700413.jpg", "caption": "A kite.", "image_id": 0}, ...]; in val and test
     `caption` is a list
Raw (Shikra, a line): {"id": 0, "image_id": "700413", "boxes": [[12, 40, 180, 333]], "sentence": "<ph_st>A kite<ph_ed> on
     a shed .", "boxes_seq": [[0]]}

Licence: none open; captions for research, photos under Flickr's terms, on request. A record of each image with one of its
captions, picked by a hash, or of each caption; no published mix says which caption it took. Captions lose the blanks
around them. The default is Karpathy's train split; the token file and results.csv hold all images, also those for tests,
which Karpathy and Entities choose differently. Quirks:
- The token file and results.csv are tokenised, with a blank before punctuation: `detokenise` takes it away before any of
  `. , ' "`. Karpathy's file, the hub's and LAVIS's are not tokenised.
- Token lines end the key at the first tab, in some copies at the first blank; what looks like a separator, a quote or a #
  behind it is caption. Names and numbers of results.csv have blanks before them, in some copies not, and its quotes are
  text. One of its rows (2199200615 #4) lacks a separator: bad.
- UNRELATED_CAPTIONS of Flickr30k Entities names 21 captions that are not of their image, counted from 1.
- `CWB_flickr30k_train` is Entities as Shikra has it: each sentence is a record, with the boxes of each phrase behind it,
  on the padded square. The photos have to be there, since it has no sizes. Of Shikra's requests those in its paper.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from pydantic import Field

from mixer.boxes import Box
from mixer.conversation import Labelled, Labels, Skip, qa
from mixer.prompts import GROUNDED, pick
from mixer.readers import csv_rows, json_array, json_lines, json_member, text_lines
from mixer.shared import shikra
from mixer.shared.captions import Caption, CaptionOptions, records
from mixer.shared.json_text import parsed
from mixer.sources import File, Grouping, Lookup, Picture, Pictures, Source

FOLDER = "flickr30k-images"
_KEY = re.compile(r"(?P<image>\S+)#(?P<number>\d+)(?:\t| )(?P<caption>.*)", re.DOTALL)
_BEFORE_STOP = re.compile(r" (?=[.,'\"])")


class Photo(msgspec.Struct, kw_only=True):
    """What all records have: their image's file, and which of its captions is not of it, if that was asked."""

    image: str = ""
    split: str | None = None
    unrelated: int = 0

    @property
    def stem(self) -> str:
        """The image's name without its folder and `.jpg`."""
        return self.image.rpartition("/")[2].removesuffix(".jpg")

    @property
    def group(self) -> str:
        """What is converted together: the captions of an image."""
        return self.stem


class Line(Photo):
    """A line of the token file."""

    text: str
    number: int = 0
    caption: str = ""

    def __post_init__(self) -> None:
        """Take the line apart."""
        found = _KEY.match(self.text)
        if found is not None:
            self.image, self.number, self.caption = found["image"], int(found["number"]), found["caption"]
        elif self.text.strip():
            raise ValueError("a line that does not begin with `<image>.jpg#<number>` and a tab")


class Row(Photo):
    """A row of results.csv."""

    image: str = msgspec.field(name="image_name")
    number: int = msgspec.field(name="comment_number")
    caption: str = msgspec.field(name="comment")

    def __post_init__(self) -> None:
        """Drop blanks around the name."""
        self.image = self.image.strip()


class Sentence(msgspec.Struct):
    """A caption of Karpathy's file."""

    raw: str
    sentid: int


class Karpathy(Photo):
    """An image of Karpathy's file, and its captions."""

    image: str = msgspec.field(name="filename")
    split: str
    sentences: list[Sentence]

    @property
    def captions(self) -> list[tuple[str, str]]:
        """The captions and their ids."""
        return [(each.raw, f"{each.sentid}") for each in self.sentences]


class Hub(Photo):
    """An image of the hub's table; two of its cells hold JSON."""

    image: str = msgspec.field(name="filename")
    split: str
    raw: str
    sentids: str
    captions: list[tuple[str, str]] = []

    def __post_init__(self) -> None:
        """Decode the two cells."""
        texts, ids = parsed(self.raw, list[str]), parsed(self.sentids, list[str | int])
        if len(texts) != len(ids):
            raise ValueError("`raw` and `sentids` differ in length")
        self.captions = [(text, f"{id}") for text, id in zip(texts, ids, strict=True)]


class Flat(Photo):
    """A caption of LAVIS's files, or all of an image."""

    image: str
    caption: str | list[str]


class Grounded(Photo):
    """A sentence of Shikra's file, and the boxes that its phrases name by number."""

    image_id: str | int
    id: int
    boxes: list[Box]
    sentence: str
    boxes_seq: list[list[int]]
    picture: Picture | None = None

    def __post_init__(self) -> None:
        """Tell the image by its number."""
        self.image = f"{FOLDER}/{self.image_id}.jpg"

    @property
    def group(self) -> str:
        """A sentence stands alone."""
        return f"{self.stem}-{self.id}"


Captioned = Line | Row | Karpathy | Hub | Flat


class Unrelated(msgspec.Struct):
    """A line of UNRELATED_CAPTIONS."""

    image: str
    number: int


class Flickr30kOptions(CaptionOptions):
    """Which captions."""

    file: Literal[
        "dataset_flickr30k", "results_20130124", "results", "flickr_annotations_30k",
        "flickr30k_train", "flickr30k_val", "flickr30k_test", "CWB_flickr30k_train",
    ] = Field(
        default="dataset_flickr30k",
        description="Published file: Karpathy's split, the original token file, the same as a table, the hub's table, "
        "LAVIS's copies of Karpathy's split, or Shikra's grounded sentences.",
    )  # fmt: skip
    splits: tuple[Literal["train", "val", "test"], ...] = Field(
        default=("train",),
        min_length=1,
        description="Of dataset_flickr30k and flickr_annotations_30k: Karpathy's splits.",
    )
    detokenise: bool = Field(
        default=False, description="Of results_20130124 and results: take away the blanks before punctuation."
    )
    unrelated: Literal["keep", "skip"] = Field(
        default="keep",
        description="Captions that Entities' UNRELATED_CAPTIONS lists, by number: not in LAVIS's and Shikra's files.",
    )
    boxes: shikra.Style = Field(
        default="shikra",
        description="Of CWB_flickr30k_train: [0.172,0.610,0.832,1.000], several joined by semicolons; or LLaVA-1.5's boxes.",
    )


def _stem(entry: Unrelated) -> str:
    return entry.image


def _number(entry: Unrelated) -> int:
    return entry.number


def _lavis(split: str) -> File:
    name = f"flickr30k_{split}"
    return File(f"{name}.json", json_array, Flat, when={"file": name}, give={"split": split})


_UNRELATED = csv_rows.of(" ", columns=("image", "number"), comment="#")
_RESULTS = csv_rows.of("|", skip_initial_space=True, quoting=False)
SOURCE = Source(
    title="Flickr30k",
    homepage="https://shannon.cs.illinois.edu/DenotationGraph/",
    licence="research only; photos under Flickr's terms",
    terms=("Flickr", "research-only"),
    modality="image",
    task="caption",
    language="en",
    files=(
        File(
            "dataset_flickr30k.json",
            json_member.of("images"),
            Karpathy,
            records=31_014,
            when={"file": "dataset_flickr30k"},
            archive="caption_datasets.zip",
        ),
        File("results_20130124.token", text_lines, Line, records=158_915, when={"file": "results_20130124"}),
        File("results.csv", _RESULTS, Row, records=158_915, when={"file": "results"}),
        File("flickr_annotations_30k.csv", csv_rows.of(), Hub, when={"file": "flickr_annotations_30k"}),
        *map(_lavis, ("train", "val", "test")),
        File(
            "CWB_flickr30k_train.jsonl",
            json_lines,
            Grounded,
            when={"file": "CWB_flickr30k_train"},
            give={"split": "train"},
        ),
    ),
    options=Flickr30kOptions,
    lookups=(
        Lookup(
            File("UNRELATED_CAPTIONS", _UNRELATED, Unrelated, records=21, when={"unrelated": "skip"}),
            key=_stem,
            row=_number,
            match="stem",
            field="unrelated",
        ),
    ),
    pictures=Pictures(match="image", field="picture", when={"file": "CWB_flickr30k_train"}),
    grouping=Grouping(by="group"),
    media=(FOLDER,),
    records=31_014,
)


def convert(raws: Sequence[Captioned | Grounded], options: Flickr30kOptions) -> Iterator[Labelled | Skip]:
    """Ask for captions of an image."""
    yield from (_grounded(raw, options) for raw in raws if isinstance(raw, Grounded))
    captioned = [raw for raw in raws if not isinstance(raw, Grounded)]
    if captioned:
        yield from _captioned(captioned, options)


def _captioned(raws: Sequence[Captioned], options: Flickr30kOptions) -> Iterator[Labelled | Skip]:
    first = raws[0]
    if not first.stem:
        yield Skip("blank line", len(raws))
        return
    if isinstance(first, Karpathy | Hub) and first.split not in options.splits:
        yield Skip("of another split", len(raws))
        return
    own = [raw for raw in raws if not (isinstance(raw, Line | Row) and _is_unrelated(raw.number, raw))]
    if len(own) < len(raws):
        yield Skip("caption not of its image", len(raws) - len(own))
    if own:
        yield from records(
            [caption for raw in own for caption in _captions(raw, options)],
            options,
            source="flickr30k",
            id=first.stem,
            image=f"{FOLDER}/{first.stem}.jpg",
            labels=Labels(split=first.split),
            items=len(own),
        )


def _is_unrelated(number: int, raw: Captioned) -> bool:
    """Say whether a caption, counted from 0, is listed as not of its image, where they are counted from 1."""
    return number + 1 == raw.unrelated


def _captions(raw: Captioned, options: Flickr30kOptions) -> list[Caption]:
    """List the captions of a record; those of an image are in the token file's order, where they have a number."""
    if isinstance(raw, Line | Row):
        text = _BEFORE_STOP.sub("", raw.caption) if options.detokenise else raw.caption
        return [Caption(text, f"{raw.stem}#{raw.number}")]
    if isinstance(raw, Flat):
        return [Caption(text) for text in ([raw.caption] if isinstance(raw.caption, str) else raw.caption)]
    listed = [Caption(*each) for each in raw.captions]
    return [each for number, each in enumerate(listed) if not _is_unrelated(number, raw)]


def _grounded(raw: Grounded, options: Flickr30kOptions) -> Labelled | Skip:
    """Ask for a caption with boxes in it."""
    if raw.picture is None:
        return Skip("image file is missing")
    if not shikra.fits(raw.sentence, raw.boxes_seq):
        return Skip("marks and boxes differ in number")
    boxes = shikra.on_square(raw.boxes, raw.picture.size)
    answer = shikra.marked(raw.sentence, raw.boxes_seq, boxes, options.boxes)
    request = pick(GROUNDED, "flickr30k", raw.group, "prompt")
    return Labelled(
        qa(id=raw.group, question=request, answer=answer, image=raw.image), Labels(split=raw.split, task="grounding")
    )
