r"""COCO Captions: five captions, sometimes six or seven, of each photo by different people.

Page: https://cocodataset.org/#download
Raw: {"info": {...}, "licenses": [...], "images": [{"license": 4, "file_name": "000000300007.jpg", "height": 427, "width":
     640, "id": 300007, ...}, ...], "annotations": [{"image_id": 300007, "id": 38, "caption": "A kite on a shed. "}, ...]}
Raw (dataset_coco.json): {"images": [{"filepath": "val2014", "sentids": [38, ...], "filename":
     "COCO_val2014_000000300007.jpg", "imgid": 0, "split": "restval", "sentences": [{"tokens": ["a", "kite"], "raw":
     "A kite.", "imgid": 0, "sentid": 38}, ...], "cocoid": 300007}, ...], "dataset": "coco"}
Raw (LAVIS): [{"caption": "A kite.", "image": "val2014/COCO_val2014_000000300007.jpg", "image_id": "coco_300007"}, ...];
     in val and test `caption` is a list. Raw (Shikra, a line): {"img_path": "COCO_train2014_000000300007.jpg", "caption": ...}

Licence: CC-BY-4.0; the photos have Flickr's terms. A record of each image with one of its captions, picked by a hash, or
of each caption; no published mix says which caption it took. Captions lose the blanks and line breaks around them, of
which every seventh has some, and nothing else: missing periods, doubled blanks and line breaks inside stay. Quirks:
- The captions of an image lie apart, in another order than the images. `file_name` is `images`' word: a caption whose
  image is not there is skipped. Other data of these names have ids that are texts: those are bad.
- The releases of 2015 and 2017 have different members and addresses, and copies for the old evaluation code a `type`.
- Karpathy's split takes 5,000 images each for val and test from val2014; `restval` is the rest of it, which most papers
  train on, as is LAVIS's train file. MiniGPT-v2 takes only the images of train2014 from that: `splits=train`.
- Images of train2014 are named as in train2017, as LLaVA's mixes do; those of val2014 keep their name. Most of val2014
  is in train2017, also Karpathy's val and test: training on the one and testing on the other leaks.
- Files of results (`..._fakecap_results.json`) are arrays of predictions, and no file of this source.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip
from mixer.readers import json_array, json_lines, json_member
from mixer.shared import coco_images
from mixer.shared.captions import Caption, CaptionOptions, records
from mixer.sources import File, Grouping, Lookup, Source

OFFICIAL = {"train2017": 591_753, "val2017": 25_014, "train2014": 414_113, "val2014": 202_654}
"""Captions by release."""
RELEASES_2014 = ("train2014", "val2014")


class Image(msgspec.Struct):
    """An image of the official files."""

    id: int
    file_name: str


class Annotation(msgspec.Struct):
    """A caption of the official files."""

    number: int = msgspec.field(name="image_id")
    id: int
    caption: str
    image: str = ""
    split: str = ""


class Sentence(msgspec.Struct):
    """A caption of Karpathy's file."""

    raw: str
    sentid: int


class Karpathy(msgspec.Struct):
    """An image of Karpathy's file, and its captions."""

    number: int = msgspec.field(name="cocoid")
    image: str = msgspec.field(name="filename")
    split: str
    sentences: list[Sentence]


class Flat(msgspec.Struct):
    """A caption of LAVIS's files, or all of an image."""

    image: str
    caption: str | list[str]
    number: int = 0
    split: str = ""

    def __post_init__(self) -> None:
        """Tell the image by its file's name."""
        self.number = coco_images.number(self.image)


class OfShikra(Flat):
    """A caption of Shikra's file."""

    image: str = msgspec.field(name="img_path")


Raw = Annotation | Karpathy | Flat


class CocoCaptionsOptions(CaptionOptions):
    """Which captions."""

    file: Literal[
        "captions_train2017", "captions_val2017", "captions_train2014", "captions_val2014", "dataset_coco",
        "coco_karpathy_train", "coco_karpathy_val", "coco_karpathy_test", "CAP_coco2014_train",
    ] = Field(
        default="captions_train2017",
        description="Published file: COCO's of a release, Karpathy's split of 2014, LAVIS's copies of that, or Shikra's.",
    )  # fmt: skip
    splits: tuple[Literal["train", "restval", "val", "test"], ...] = Field(
        default=("train", "restval"),
        min_length=1,
        description="Of dataset_coco and coco_karpathy_train: Karpathy's splits. restval is the part of val2014 that "
        "most papers train on.",
    )
    coco: Literal["train2017", "train2014"] = Field(
        default="train2017",
        description="COCO folder of train2014's images; train2014 names them COCO_train2014_<12 digits>.",
    )


def _official(release: str) -> File:
    path, archive = f"annotations/captions_{release}.json", f"annotations_trainval{release[-4:]}.zip"
    when, give = {"file": f"captions_{release}"}, {"split": release[:-4]}
    reader = json_member.of("annotations")
    return File(path, reader, Annotation, records=OFFICIAL[release], when=when, archive=archive, give=give)


def _images(release: str) -> Lookup:
    file = _official(release)
    images = File(file.path, json_member.of("images"), Image, when=file.when, archive=file.archive)
    return Lookup(images, key=_id, row=_file_name, match="number", field="image")


def _id(image: Image) -> int:
    return image.id


def _file_name(image: Image) -> str:
    return image.file_name


def _lavis(split: str, records: int | None = None) -> File:
    name = f"coco_karpathy_{split}"
    return File(f"{name}.json", json_array, Flat, records=records, when={"file": name}, give={"split": split})


SOURCE = Source(
    title="COCO Captions",
    homepage="https://cocodataset.org/#download",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="caption",
    language="en",
    files=(
        *map(_official, OFFICIAL),
        File(
            "dataset_coco.json",
            json_member.of("images"),
            Karpathy,
            records=123_287,
            when={"file": "dataset_coco"},
            archive="caption_datasets.zip",
        ),
        _lavis("train"),
        _lavis("val", 5000),
        _lavis("test", 5000),
        File(
            "CAP_coco2014_train.jsonl",
            json_lines,
            OfShikra,
            when={"file": "CAP_coco2014_train"},
            give={"split": "train"},
        ),
    ),
    options=CocoCaptionsOptions,
    lookups=tuple(map(_images, OFFICIAL)),
    grouping=Grouping(by="number"),
    media=("coco/train2017", "coco/val2017", "coco/train2014", "coco/val2014"),
    records=OFFICIAL["train2017"],
)


def convert(raws: Sequence[Raw], options: CocoCaptionsOptions) -> Iterator[Labelled | Skip]:
    """Ask for captions of an image."""
    first = raws[0]
    split = _split(first, options)
    if options.file in ("dataset_coco", "coco_karpathy_train") and split not in options.splits:
        yield Skip("of another split", len(raws))
        return
    if not first.image:
        yield Skip("image not among `images`", len(raws))
        return
    yield from records(
        [caption for raw in raws for caption in _captions(raw)],
        options,
        source="coco_captions",
        id=f"{first.number:012d}",
        image=_path(first, options),
        labels=Labels(split=split),
        items=len(raws),
    )


def _split(raw: Raw, options: CocoCaptionsOptions) -> str:
    """Tell the split; LAVIS's train file does not, but all its images of val2014 are Karpathy's restval."""
    return "restval" if options.file == "coco_karpathy_train" and "val2014" in raw.image else raw.split


def _captions(raw: Raw) -> list[Caption]:
    if isinstance(raw, Annotation):
        return [Caption(raw.caption, f"{raw.id}")]
    if isinstance(raw, Karpathy):
        return [Caption(each.raw, f"{each.sentid}") for each in raw.sentences]
    return [Caption(text) for text in ([raw.caption] if isinstance(raw.caption, str) else raw.caption)]


def _path(raw: Raw, options: CocoCaptionsOptions) -> str:
    """Name the image's file, whose own name tells the release of 2014."""
    if isinstance(raw, Annotation):
        release = options.file.removeprefix("captions_")
    else:
        default = "train2014" if isinstance(raw, OfShikra) else ""
        release = next((each for each in RELEASES_2014 if each in raw.image), default)
        if not release:
            raise msgspec.ValidationError("the name of the image has neither train2014 nor val2014")
    return coco_images.path(coco_images.number(raw.image), options.coco if release == "train2014" else release)
