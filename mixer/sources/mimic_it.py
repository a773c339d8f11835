r"""MIMIC-IT: Otter's instructions about photos, pairs of photos, scenes, and frames of videos.

Page: https://github.com/EvolvingLMMs-Lab/Otter/blob/main/mimic-it/README.md
Raw: {"meta": {"version": "0.0.2", ...}, "data": {"DC_INS_00007": {"instruction": "What does the man juggle?", "answer":
     "Three pears.", "image_ids": ["DC_IMG_v_Qx7_0000", "DC_IMG_v_Qx7_0001"], "rel_ins_ids": ["DC_INS_00008"]}, ...}}
Raw (images): {"DC_IMG_v_Qx7_0000": "iVBORw0KGgo...", ...} in base64, or a table of ids and `base64`
Raw (hub, tables): {"instruction": ..., "answer": ..., "images": [{"bytes": ...}, ...]} (SD), or `images` a list of ids

Licence: of the pairs not stated; images for research, under the terms of their sources. A pair is a record with all its
images in order before the question. `merge=dialogues` makes one record of a conversation about a photo (LA): the rounds
that its last one names, in their order, which is how Otter trains on them. Texts are stripped, `\r\n` is a line break and
`<image>` goes, as in the authors' loaders. Quirks:
- Subsets: LA (COCO, in four files, or the one of June 2023), CGD (COCO, also called GSD), SD, SN, DC, TVC, VST, E4D. Put
  each one's folder, of the zips or of the hub's older tree `data/`, below `mimic_it` of the data root. A subset's
  images are in `<subset>.json` or a table whose name begins so; those of E4D were not released.
- The images may be larger than memory. `images=files`, the default, reads no images and cannot tell which are missing:
  it names COCO's photos for LA and CGD, and `mimic_it/<subset>/<image id>.jpg` for the others. `images=embedded` finds
  each image in its file, holds their ids only, and skips a record when one of its images is missing.
- Ids are spelt in several ways, which `mixer.shared.mimic_images` makes one. In the hub's tables they need not be there.
- `rel_ins_ids` may name what does not exist (all earlier rounds of the file of June 2023): such rounds are left out and
  the record's task is `rounds missing`. Those about other images are examples in context, and so is all of
  `<subset>_train.json`: not used. Records may lack images: they are text.
- Instruction ids are unique in a file only. With `max_frames` longer lists of images are thinned evenly, as Otter does.
"""

import operator
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import Field, ValidationInfo, field_validator

from mixer import embedded
from mixer.conversation import IMAGE, Labelled, Labels, Skip, content_id, dialogue
from mixer.readers import json_member, json_places, parquet_places, parquet_rows
from mixer.readers.places import Places
from mixer.shared.cells import ImageCell
from mixer.shared.mimic_images import image_id, path
from mixer.sources import File, Lookup, Options, Source

Subset = Literal["LA", "CGD", "SD", "SN", "DC", "TVC", "VST", "E4D"]
SUBSETS: tuple[Subset, ...] = ("LA", "CGD", "SD", "SN", "DC", "TVC", "VST", "E4D")
LA_FILES = {"four": ("LADD", "LACONV", "LACR_I2I", "LACR_T2T"), "one": ("LA",)}
T = TypeVar("T")
_ROUND = re.compile(r"(.*_)(\d+)$")
_MISSING = "rounds missing"


class Raw(msgspec.Struct):
    """A pair; `part` is its file and `subset` its folder, and `pictures` and `rounds` are what lookups find there."""

    instruction: str
    answer: str
    image_ids: list[str] | None = None
    rel_ins_ids: list[str] | None = None
    images: list[ImageCell | str] | None = None
    id: str = ""
    key: str = ""
    subset: str = ""
    part: str = ""
    pictures: Any = None
    rounds: Any = None

    @property
    def ids(self) -> list[str]:
        """List its images' ids in one spelling."""
        given = self.image_ids or [each for each in self.images or () if isinstance(each, str)]
        return [image_id(self.subset, each) for each in given]


class Row(msgspec.Struct):
    """A row of a table of images: its id under one of the names that such tables have, and base64 or bytes."""

    id: str | None = None
    index: str | None = None
    unnamed: str | None = msgspec.field(name="__index_level_0__", default=None)
    base64: str | None = None
    image: ImageCell | None = None
    key: str = ""
    content: bytes = b""

    def __post_init__(self) -> None:
        """Take the image out of its cell."""
        self.key = self.id or self.index or self.unnamed or ""
        self.content = self.image.content if self.image else embedded.from_base64(self.base64 or "")


class Found(msgspec.Struct):
    """A file as a lookup reads it: where each of its values stands."""

    places: Any
    whose: str = ""


class MimicOptions(Options):
    """Which subsets, how they are packed and what becomes of their images and dialogues."""

    subsets: tuple[Subset, ...] = Field(default=SUBSETS, description="Which subsets.")
    la: Literal["four", "one"] = Field(
        default="four", description="LA's files by kind (LADD, LACONV, LACR_I2I, LACR_T2T), or LA_instructions.json."
    )
    packaging: Literal["json", "parquet", "hub"] = Field(
        default="json", description="Images as JSON or as tables, or the hub's tables of instructions and of images."
    )
    images: Literal["files", "embedded"] = Field(
        default="files", description="Name the images' files without looking, or take each image out of its file."
    )
    merge: Literal["none", "dialogues"] = Field(
        default="none",
        description="A record of each pair, or of each of LA's conversations, but not of the hub's tables.",
    )
    max_frames: int = Field(default=0, ge=0, description="Most images of a record; 0: no limit.")

    @field_validator("merge")
    @classmethod
    def _has_rounds(cls, merge: str, info: ValidationInfo) -> str:
        if merge == "dialogues" and info.data.get("packaging") == "hub":
            raise ValueError("the hub's tables do not tell rounds")
        return merge


def _files() -> Iterator[File]:
    for subset in SUBSETS:
        for packaging in ("json", "parquet"):
            parts = LA_FILES if subset == "LA" else {"": (subset,)}
            for la, names in parts.items():
                when = {"subsets": subset, "packaging": packaging, **({"la": la} if la else {})}
                for name in names:
                    yield _file(f"{subset}/{name}_instructions.json", json_member.of("data"), when, subset, name)
        config = subset if subset == "SD" else f"{subset}_Instructions"
        when = {"subsets": subset, "packaging": "hub"}
        yield _file(f"{config}/train-*.parquet", parquet_rows, when, subset, subset)


def _file(published: str, reader: Any, when: dict[str, str], subset: str, part: str) -> File:
    return File(published, reader, Raw, when=when, give={"subset": subset, "part": part})


def _lookups() -> Iterator[Lookup]:
    """Find images by their subset, and rounds by the file they are in."""
    for subset in SUBSETS:
        name = partial(image_id, subset)
        tables = parquet_places.of(Row, name)
        for packaging, published, reader in (
            ("json", f"{subset}/{subset}.json", json_places.of(name)),
            ("parquet", f"{subset}/{subset}*.parquet", tables),
            ("hub", f"{subset}_Images/train-*.parquet", tables),
        ):
            if (packaging, subset) != ("hub", "SD"):  # whose rows hold their images
                when = {"subsets": subset, "packaging": packaging, "images": "embedded"}
                yield _lookup(published, reader, when, subset, "subset", "pictures")
    for la, part in (("four", "LACONV"), ("one", "LA")):
        for packaging in ("json", "parquet"):
            when = {"subsets": "LA", "la": la, "packaging": packaging, "merge": "dialogues"}
            yield _lookup(f"LA/{part}_instructions.json", json_places.of(str, "data"), when, part, "part", "rounds")


def _lookup(published: str, reader: Any, when: dict[str, str], whose: str, match: str, field: str) -> Lookup:
    file = File(published, reader, Found, when=when, give={"whose": whose})
    key, row = operator.attrgetter("whose"), operator.attrgetter("places")
    return Lookup(file, key=key, row=row, match=match, field=field, merge=operator.or_)


SOURCE = Source(
    title="MIMIC-IT",
    homepage="https://github.com/EvolvingLMMs-Lab/Otter/blob/main/mimic-it/README.md",
    licence="not stated (pairs); images for research only",
    terms=("research-only", "unknown"),
    modality="image",
    task="instruction",
    language="en",
    files=tuple(_files()),
    lookups=tuple(_lookups()),
    options=MimicOptions,
    media=("coco/train2017", "mimic_it"),
)


def convert(raw: Raw, options: MimicOptions) -> Labelled | Skip:
    """Make a pair, or the dialogue that it ends, a record."""
    rounds, task = [raw], None
    if raw.rounds is not None:
        if _goes_on(raw):
            return Skip("round of a dialogue that goes on")
        earlier = list(_earlier(raw))
        task = _MISSING if None in earlier else None
        rounds = [*(each for each in earlier if each), raw]
    held = _held(raw, options)
    if held is None:
        names = [path(raw.subset, each) for each in _evenly(raw.ids, options.max_frames)]
    elif None in held:
        return Skip("image is missing")
    else:
        names = [embedded.name("mimic_it", content or b"") for content in held]
    texts = [(_clean(each.instruction), _clean(each.answer)) for each in rounds]
    made = dialogue(id=raw.key or raw.id, rounds=texts, image=names)
    made.id = made.id or content_id(raw.subset, made)
    files = {name: content or b"" for name, content in zip(names, held or (), strict=False)}
    return Labelled(made, Labels(subset=raw.part, task=task), embedded=files or None)


def _held(raw: Raw, options: MimicOptions) -> Sequence[bytes | None] | None:
    """Give the images themselves, None for one that is missing; None in all where their files are only named."""
    if cells := [each.content for each in raw.images or () if isinstance(each, ImageCell)]:
        return _evenly(cells, options.max_frames)
    if options.images == "files":
        return None
    return [raw.pictures and _bytes(raw.pictures.get(each)) for each in _evenly(raw.ids, options.max_frames)]


def _bytes(value: bytes | None) -> bytes | None:
    """Give an image as it was in a table's cell, or in a JSON text as base64."""
    is_json = value is not None and value.startswith(b'"')
    return embedded.from_base64(msgspec.json.decode(value, type=str)) if value and is_json else value


def _goes_on(raw: Raw) -> bool:
    """Say whether a later round of the same dialogue names this one."""
    number = _ROUND.match(raw.key)
    later = _at(raw.rounds, f"{number[1]}{int(number[2]) + 1}") if number else None
    return later is not None and later.image_ids == raw.image_ids and raw.key in (later.rel_ins_ids or ())


def _earlier(raw: Raw) -> Iterator[Raw | None]:
    """Go through the other rounds that this one names, each once, None for each that is not there."""
    for name in dict.fromkeys(raw.rel_ins_ids or ()):
        if name == raw.key:
            continue
        found = _at(raw.rounds, name)
        if found is None or found.image_ids == raw.image_ids:
            yield found


def _at(places: Places, name: str) -> Raw | None:
    text = places.get(name)
    return None if text is None else msgspec.json.decode(text, type=Raw)


def _evenly(every: Sequence[T], most: int) -> Sequence[T]:
    """Choose images as Otter does: at even steps from the first to the last, rounded down."""
    if not most or len(every) <= most:
        return every
    if most == 1:
        return every[:1]
    step = (len(every) - 1) / (most - 1)
    return [*(every[int(number * step)] for number in range(most - 1)), every[-1]]


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace(IMAGE, "").strip()
