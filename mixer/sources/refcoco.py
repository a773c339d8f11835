r"""RefCOCO, RefCOCO+ and RefCOCOg: expressions that tell one object of a COCO photo from the others.

Page: https://github.com/lichengunc/refer
Raw (refs(unc).p, a pickle): {"ref_id": 31, "ann_id": 5021, "category_id": 1, "image_id": 72, "split": "train",
     "file_name": "COCO_train2014_000000000072_31.jpg", "sent_ids": [90], "sentences": [{"sent_id": 90,
     "sent": "cup with handle", "raw": "CUP W HANDLE", "tokens": ["cup", "with", "handle"]}]}
Raw (instances.json): {"images": [{"id": 72, "width": 640, "height": 480, ...}], "annotations": [{"id": 5021,
     "bbox": [120.5, 96.25, 40.0, 22.5], ...}], ...}
Raw (hub): the same columns, and {"bbox": [120.5, 96.25, 160.5, 118.75], "raw_image_info": "{\"width\": 640, ...}"}
Raw (Shikra): {"img_path": "COCO_train2014_000000000072.jpg", "expression": "cup with handle", "bbox": [120.5, 96.25,
     160.5, 118.75], "dataset_name": "refcoco", "height": 480, "width": 640}

Licence: Apache-2.0 (the code's); the annotations state none, COCO's are CC-BY-4.0. An item of the ledger is a ref, an
object with its expressions; of Shikra's file, an expression. Three forms:
- `llava`, as in LLaVA-1.5: all expressions about an image in all sets, dealt out evenly to records of at most ten; a
  flip asks for the box of the expression or for an expression of the box, on the padded square. Order and flip come from
  a hash of the expressions' numbers. (Theirs were drawn at random; which is not published.)
- `refer` and `identify`, as MiniGPT-v2: a record of each expression as it was typed, box in hundredths. (They draw one
  of an object's expressions each time they come to it.)
Quirks:
- A ref has no box and its file name ends with a number that is no image's: box and size come from instances.json.
- Training images of one set are in the validation or test split of another. Such images are dropped, as for LLaVA-1.5,
  so all three sets are read even if one is asked for. Shikra's file names no splits: nothing is dropped there.
- Authors split the refs differently: `unc` and `umd` split images, `google` objects. One README misspells refs(umd).p.
- Expressions: `sent` is in lower case, and of RefCOCOg keeps spaced tokens (`dog ' s ear`); `raw` is as it was typed.
- Boxes may exceed their image by rounding and are cut; an expression without a word is left out.
- Repackagings: jxu124's on the hub (its `bbox` are corners, and other columns hold JSON), and Shikra's, of all sets.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from pydantic import Field

from mixer.boxes import Box, clamp, from_pixels
from mixer.conversation import Labelled, Labels, Skip, content_id, dialogue, qa
from mixer.prompts import drawn
from mixer.readers import json_lines, json_member, parquet_rows, pickle_rows
from mixer.shared import coco_images
from mixer.shared.referred import Annotation, Line, Ref, Row, Sentence, Size, has_words
from mixer.shared.regions import box_or_phrase, identity, location
from mixer.sources import File, Grouping, Lookup, Options, Source

Set = Literal["refcoco", "refcoco+", "refcocog"]
SETS: tuple[Set, ...] = ("refcoco", "refcoco+", "refcocog")


class RefCocoOptions(Options):
    """Which expressions, in which form, from which packaging."""

    form: Literal["llava", "refer", "identify"] = Field(
        default="llava",
        description="Records of an image as in LLaVA-1.5, or of one expression as in MiniGPT-v2: its box, or the phrase of its box.",
    )
    sets: tuple[Set, ...] = Field(default=SETS, min_length=1, description="Whose expressions.")
    split: Literal["train", "val", "testA", "testB", "test"] = Field(
        default="train", description="RefCOCO and RefCOCO+ (unc) have testA and testB, the others test."
    )
    held_out: Literal["drop", "keep"] = Field(
        default="drop", description="Training images that a validation or test split of any of the three sets has."
    )
    refcoco_by: Literal["unc", "google"] = Field(default="unc", description="Whose split of RefCOCO (packaging refer).")
    refcocog_by: Literal["umd", "google"] = Field(
        default="umd", description="Whose split of RefCOCOg (packaging refer)."
    )
    packaging: Literal["refer", "hub", "shikra"] = Field(
        default="refer", description="The pickles and instances.json, jxu124's tables, or REC_ref3_train.jsonl."
    )
    max_turns: int = Field(default=10, ge=0, description="Form llava: most rounds of a record; 0: no limit.")
    coco: Literal["train2017", "train2014"] = Field(
        default="train2017", description="COCO folder of the images; train2014 names them COCO_train2014_<12 digits>."
    )

    @property
    def drops(self) -> bool:
        """Whether held-out images are dropped, for which the refs of all sets are needed."""
        return self.held_out == "drop" and self.split == "train"

    @property
    def reads(self) -> tuple[Set, ...]:
        """Sets whose refs are read."""
        return SETS if self.drops else self.sets


def _refs(name: Set, by: str, records: int | None = None, **when: str) -> File:
    when = {"packaging": "refer", "reads": name, **when}
    path, archive = f"{name}/refs({by}).p", f"{name}.zip"
    return File(path, pickle_rows, Ref, records=records, when=when, archive=archive, give={"dataset": name})


def _rows(name: Set, folder: str) -> File:
    when = {"packaging": "hub", "reads": name}
    return File(f"{folder}/data/*.parquet", parquet_rows, Row, when=when, give={"dataset": name})


def _lookups(name: Set) -> tuple[Lookup, Lookup]:
    def instances(member: str, raw: type) -> File:
        when = {"packaging": "refer", "sets": name}
        return File(f"{name}/instances.json", json_member.of(member), raw, when=when, archive=f"{name}.zip")

    def key(entry: Annotation) -> tuple[str, int]:
        return name, entry.id

    return (
        Lookup(instances("annotations", Annotation), key, lambda each: from_pixels(*each.bbox), "annotation", "box"),
        Lookup(
            instances("images", Size), lambda each: each.id, lambda each: (each.width, each.height), "image_id", "size"
        ),
    )


SOURCE = Source(
    title="RefCOCO, RefCOCO+ and RefCOCOg",
    homepage="https://github.com/lichengunc/refer",
    licence="Apache-2.0 (the code's); annotations not stated, COCO's are CC-BY-4.0",
    terms=("CC-BY-4.0", "unknown"),
    modality="image",
    task="grounding",
    language="en",
    files=(
        _refs("refcoco", "unc", 50_000, refcoco_by="unc"),
        _refs("refcoco", "google", refcoco_by="google"),
        _refs("refcoco+", "unc", 49_856),
        _refs("refcocog", "umd", 49_822, refcocog_by="umd"),
        _refs("refcocog", "google", refcocog_by="google"),
        _rows("refcoco", "refcoco"),
        _rows("refcoco+", "refcocoplus"),
        _rows("refcocog", "refcocog"),
        File("REC_ref3_train.jsonl", json_lines, Line, records=287_604, when={"packaging": "shikra"}),
    ),
    options=RefCocoOptions,
    lookups=tuple(lookup for name in SETS for lookup in _lookups(name)),
    grouping=Grouping(by="image_id"),
    media=("coco/train2017", "coco/train2014"),
    records=149_678,
)


class Expression(msgspec.Struct):
    """An expression with its object's box, in an image of a size."""

    ref: int
    """Place of its ref among those of the image that are used."""
    dataset: str
    sentence: Sentence
    box: Box
    size: tuple[int, int]

    @property
    def number(self) -> int:
        """Number it among those of all sets."""
        return self.sentence.sent_id * len(SETS) + SETS.index(self.dataset)


def convert(raws: Sequence[Ref | Row | Line], options: RefCocoOptions) -> Iterator[Labelled | Skip]:
    """Make the records of an image."""
    is_held_out = options.drops and any(raw.split != "train" for raw in raws)
    expressions: list[Expression] = []
    refs = 0
    for raw in raws:
        found = _expressions(raw, refs, options, is_held_out=is_held_out)
        if isinstance(found, Skip):
            yield found
        else:
            expressions += found
            refs += 1
    image = raws[0].image_id
    if options.form == "llava":
        yield from _dialogues(image, expressions, options)
    else:
        yield from _singles(image, expressions, options)


def _expressions(
    raw: Ref | Row | Line, ref: int, options: RefCocoOptions, *, is_held_out: bool
) -> list[Expression] | Skip:
    """Give the expressions of a ref, or why it has none of use."""
    if raw.dataset not in options.sets:
        return Skip("of a set that is not asked for" if raw.dataset in SETS else "of an unknown set")
    if raw.split != options.split:
        return Skip(f"split {raw.split}")
    if is_held_out:
        return Skip("the image is held out by a validation or test split")
    if raw.size is None or raw.box is None:
        return Skip("image not in instances.json" if raw.size is None else "annotation not in instances.json")
    box = clamp(raw.box, *raw.size)
    if box is None:
        return Skip("box without area in its image")
    found = [Expression(ref, raw.dataset, each, box, raw.size) for each in raw.sentences if has_words(each.sent)]
    return found or Skip("no expression with a word")


def _dialogues(image: int, expressions: list[Expression], options: RefCocoOptions) -> Iterator[Labelled]:
    """Deal the expressions about an image out to records of about equal length."""
    if not expressions:
        return
    order = list(drawn([each.number for each in expressions], "refcoco", f"{image}", "llava"))
    parts = -(-len(order) // (options.max_turns or len(order)))
    seen: set[int] = set()
    for part in range(parts):
        chosen = order[part * len(order) // parts : (part + 1) * len(order) // parts]
        asked = [(expressions[place], coin) for place, coin in chosen]
        rounds = [box_or_phrase(each.sentence.sent, each.box, each.size, ask_box=coin) for each, coin in asked]
        new = {each.ref for each, _ in asked} - seen
        seen |= new
        datasets = {each.dataset for each, _ in asked}
        labels = _labels(datasets.pop() if len(datasets) == 1 else None, options)
        id = f"{image:012d}" if parts == 1 else f"{image:012d}-{part}"
        yield Labelled(dialogue(id=id, rounds=rounds, image=_path(image, options)), labels, len(new))


def _singles(image: int, expressions: list[Expression], options: RefCocoOptions) -> Iterator[Labelled]:
    ask = location if options.form == "refer" else identity
    before = None
    for each in expressions:
        question, answer = ask(each.sentence.typed, each.box, each.size, "refcoco", f"{each.number}")
        record = qa(id="", question=question, answer=answer, image=_path(image, options))
        numbered = options.packaging != "shikra"
        record.id = f"{each.dataset}-{each.sentence.sent_id}" if numbered else content_id(f"{image:012d}", record)
        yield Labelled(record, _labels(each.dataset, options), int(each.ref != before))
        before = each.ref


def _path(image: int, options: RefCocoOptions) -> str:
    return coco_images.path(image, options.coco)


def _labels(dataset: str | None, options: RefCocoOptions) -> Labels:
    return Labels(subset=dataset, split=options.split, task="grounding")
