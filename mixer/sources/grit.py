r"""GRIT: web images with captions whose phrases are linked to boxes, Kosmos-2's grounded pairs.

Page: https://huggingface.co/datasets/zzliang/GRIT
Raw: {"key": "000480213", "id": 2100000000417, "url": "https://example.com/jug.jpg", "caption": "a jug with a blue lid",
     "width": 800, "height": 600, "clip_similarity_vitb32": 0.31, "clip_similarity_vitl14": 0.27,
     "noun_chunks": [[0.0, 5.0, 0.1, 0.2, 0.9, 0.98, 0.81], [11.0, 21.0, 0.4, 0.2, 0.6, 0.3, 0.66]],
     "ref_exps": [[0.0, 21.0, 0.1, 0.2, 0.9, 0.98, 0.81], [11.0, 21.0, 0.4, 0.2, 0.6, 0.3, 0.66]]}

Licence: MS-PL (annotations); the images are the web's. Not the General Robust Image Task benchmark of the same name.
Three forms:
- `grounded`: the caption, boxes behind each linked phrase; the request is one of Shikra's, by hash.
- `caption`: the caption alone, asked for as ms-swift does.
- `regions`: LLaVA-1.5's questions about a box or a phrase, one for each phrase that has one box.
Boxes are on the padded square, two decimals. Quirks:
- Spans are [start, end, x1, y1, x2, y2, score]; start and end are characters of the caption, stored as floats.
- Spans that lie in each other are common among `ref_exps`. As in ms-swift, such a row is skipped, and so is one without
  spans; `overlap=longest` keeps the longer spans instead. Form `regions` uses all.
- A phrase comes once for each of its boxes (plurals): it is one phrase with several boxes here, where ms-swift skips it.
- Boxes are fractions of the image, of any size; an image that was cut or padded when it was fetched does not fit them.
- The images are fetched from their urls and lie below `grit` of the media root. img2dataset names them by keys of its
  own, `<shard>/<key>.jpg`, and writes those to tables beside the images: `packaging=img2dataset` reads these and skips
  what failed. The published tables have other keys; with them an image is `<key>.jpg`, so that none of img2dataset's
  is taken for it.
- A box without area is a fault. Captions are web text, noise and length as they came.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec
from pydantic import Field

from mixer import embedded
from mixer.boxes import Box, clamp, in_square, show_all
from mixer.conversation import Conversation, Labelled, Labels, Skip, dialogue, qa
from mixer.prompts import GROUNDED, pick
from mixer.readers import json_lines, parquet_rows
from mixer.shared.regions import box_or_phrase
from mixer.sources import File, Options, Source

CAPTION = "what is the proper caption of this image?"
"""ms-swift's."""
Span = tuple[float, float, float, float, float, float, float]


class Image(msgspec.Struct):
    """An image that is in the row itself, as in copies of the data."""

    bytes: bytes


class Raw(msgspec.Struct):
    """A caption and its linked phrases; rows of img2dataset that failed have a `status` and no size."""

    key: str
    caption: str | None
    width: int | None
    height: int | None
    noun_chunks: list[Span]
    ref_exps: list[Span]
    id: int | str | None = None
    status: str = "success"
    image: Image | None = None


class Phrase(NamedTuple):
    """A span of the caption and its boxes, in pixels."""

    start: int
    end: int
    boxes: list[Box]


class GritOptions(Options):
    """What to make of a caption."""

    form: Literal["grounded", "caption", "regions"] = Field(
        default="grounded", description="The caption with boxes, the caption alone, or questions about its phrases."
    )
    phrases: Literal["ref_exps", "noun_chunks"] = Field(
        default="ref_exps", description="Noun chunks, or the expressions that they were expanded to."
    )
    overlap: Literal["skip", "longest"] = Field(
        default="skip",
        description="Where phrases overlap: skip the caption as ms-swift does, or drop those that a longer one overlaps.",
    )
    packaging: Literal["parquet", "jsonl", "img2dataset", "embedded"] = Field(
        default="parquet",
        description="The published tables or the one file in lines, img2dataset's tables, or tables with images in them.",
    )


def _file(packaging: str, path: str) -> File:
    reader = json_lines if path.endswith(".jsonl") else parquet_rows
    return File(path, reader, Raw, when={"packaging": packaging})


SOURCE = Source(
    title="GRIT (Kosmos-2)",
    homepage="https://huggingface.co/datasets/zzliang/GRIT",
    licence="MS-PL (annotations)",
    terms=("MS-PL",),
    modality="image",
    task="grounding",
    language="en",
    files=(
        _file("parquet", "grit-20m/coyo_*_snappy.parquet"),
        _file("jsonl", "grit_coyo.jsonl"),
        _file("img2dataset", "*.parquet"),
        _file("embedded", "data/*.parquet"),
    ),
    options=GritOptions,
    media=("grit",),
)


def convert(raw: Raw, options: GritOptions) -> Conversation | Labelled | Skip:
    """Make the chosen form of a caption."""
    if raw.status != "success":
        return Skip("image was not fetched")
    if raw.caption is None or not raw.width or not raw.height:
        raise ValueError("no `caption`, `width` or `height`")
    size = raw.width, raw.height
    phrases = list(_phrases(getattr(raw, options.phrases), len(raw.caption), size))
    kept = phrases if options.form == "regions" else _apart(phrases)
    if not kept:
        return Skip("no linked phrase")
    if len(kept) < len(phrases) and options.overlap == "skip":
        return Skip("phrases overlap")
    held = raw.image.bytes if raw.image else None
    image = _path(raw.key, options) if held is None else embedded.name("grit", held)
    name = raw.key if raw.id is None else f"{raw.id}"
    if options.form == "regions":
        rounds = list(_rounds(raw.caption, kept, size, name))
        if not rounds:
            return Skip("no phrase of one box")
        made = dialogue(id=name, rounds=rounds, image=image)
    elif options.form == "caption":
        made = qa(id=name, question=CAPTION, answer=raw.caption, image=image)
    else:
        question = pick(GROUNDED, "grit", name, "prompt")
        made = qa(id=name, question=question, answer=_grounded(raw.caption, kept, size), image=image)
    labels = Labels(task="caption" if options.form == "caption" else "grounding")
    return Labelled(made, labels, embedded=None if held is None else {image: held})


def _path(key: str, options: GritOptions) -> str:
    return f"grit/{key[:5]}/{key}.jpg" if options.packaging == "img2dataset" else f"grit/{key}.jpg"


def _phrases(spans: list[Span], length: int, size: tuple[int, int]) -> Iterator[Phrase]:
    """Give the phrases in the order of the caption, each with all its boxes."""
    width, height = size
    found: dict[tuple[int, int], list[Box]] = {}
    for start, end, x1, y1, x2, y2, _score in spans:
        if not 0 <= start < end <= length:
            raise ValueError("a span does not lie in the caption")
        box = clamp((x1 * width, y1 * height, x2 * width, y2 * height), width, height)
        if box is None:
            raise ValueError("a box has no area in its image")
        found.setdefault((int(start), int(end)), []).append(box)
    for start, end in sorted(found):
        yield Phrase(start, end, found[start, end])


def _apart(phrases: list[Phrase]) -> list[Phrase]:
    """Keep phrases that no longer one overlaps, of equally long ones the first."""
    kept: list[Phrase] = []
    for phrase in sorted(phrases, key=lambda each: each.start - each.end):
        if all(phrase.end <= other.start or other.end <= phrase.start for other in kept):
            kept.append(phrase)
    return sorted(kept)


def _grounded(caption: str, phrases: list[Phrase], size: tuple[int, int]) -> str:
    parts, last = [], 0
    for phrase in phrases:
        boxes = show_all([in_square(box, *size) for box in phrase.boxes], 2)
        parts.append(f"{caption[last : phrase.end]} {boxes}")
        last = phrase.end
    return "".join([*parts, caption[last:]])


def _rounds(caption: str, phrases: list[Phrase], size: tuple[int, int], name: str) -> Iterator[tuple[str, str]]:
    for start, end, boxes in phrases:
        words = caption[start:end].strip()
        if len(boxes) == 1 and words:
            coin = pick((True, False), "grit", name, f"{start}-{end}", "direction")
            yield box_or_phrase(words, boxes[0], size, ask_box=coin)
