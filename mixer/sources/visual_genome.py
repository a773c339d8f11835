r"""Visual Genome: phrases about regions of photos, and free questions and answers.

Page: https://homes.cs.washington.edu/~ranjay/visualgenome/api.html
Raw (region_descriptions.json): {"regions": [{"region_id": 81, "width": 40, "height": 30, "image_id": 713, "phrase":
     "a ladle on a hook ", "y": 57, "x": 421}, ...], "id": 713}
Raw (question_answers.json): {"id": 713, "qas": [{"a_objects": [], "question": "What hangs there?", "image_id": 713,
     "qa_id": 96, "answer": "A ladle.", "q_objects": []}, ...]}

Licence: CC-BY-4.0. An item of the ledger is a region or a question, or an image that has none. Four forms:
- `regions`, as in LLaVA-1.5: a record of at most ten of an image's regions, picked by a hash of their numbers and in the
  order of the file; a flip by the same hash asks for the box of the phrase or for a phrase of the box, on the padded
  square. (Theirs were drawn at random; it is not published which, nor why 86,417 of the images.)
- `refer`, as MiniGPT-v2: a record of each region below 16,384 pixels; phrase in lower case without punctuation, at most
  50 words, box in hundredths.
- `captions`: each phrase is a caption of the whole image, as for ViLT; the request is one of LLaVA's, by hash.
- `qa`: a record of at most ten of an image's questions. Answers are sentences; short ones lose the final period.
Quirks:
- The numbers of regions are called `region_id`, in release 1.0 `id`. The two releases differ in nothing else that is
  read here (release 1.4 concerns objects and relationships, which are not).
- No record names its file: folder and size come from image_data.json. Images that it lacks are skipped.
- Blanks and newlines at the ends of phrases are dropped, newlines inside become blanks; doubled blanks stay. A phrase
  that comes twice in an image is kept, as in LLaVA's mix.
- Boxes are cut to the image, as public loaders do; regions without area or without words are skipped.
"""

import re
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

import msgspec
from pydantic import Field

from mixer import vg_images
from mixer.boxes import Box, clamp, from_pixels
from mixer.conversation import Labelled, Labels, Skip, dialogue, qa
from mixer.merging import Asked, MergeOptions, records
from mixer.prompts import BRIEF, SHORT_ANSWER, pick, pick_some
from mixer.readers import json_array
from mixer.regions import box_or_phrase, location
from mixer.sources import File, Options, Source
from mixer.vg_images import Place

T = TypeVar("T")
SMALL = 16_384
"""Pixels: MiniGPT-v2 refers only to smaller regions."""
_WORD = re.compile(r"\w")


class Region(msgspec.Struct):
    """A box and what is seen there."""

    phrase: str
    x: int
    y: int
    width: int
    height: int
    region_id: int | None = None
    id: int | None = None

    def __post_init__(self) -> None:
        """Tidy the phrase, and call the number by one name."""
        self.phrase = " ".join(map(str.strip, self.phrase.strip().splitlines()))
        self.id = self.id if self.region_id is None else self.region_id
        if self.id is None:
            raise ValueError("neither `region_id` nor `id`")


class Regions(msgspec.Struct):
    """The regions of an image."""

    id: int
    regions: list[Region]
    place: Place | None = None


class Question(msgspec.Struct):
    """A question and its answer."""

    qa_id: int
    question: str
    answer: str


class Questions(msgspec.Struct):
    """The questions about an image."""

    id: int
    qas: list[Question]
    place: Place | None = None


class VisualGenomeOptions(Options):
    """What to make of the data."""

    form: Literal["regions", "qa", "refer", "captions"] = Field(
        default="regions", description="Boxes and phrases as LLaVA-1.5, questions, boxes as MiniGPT-v2, or captions."
    )
    per_image: int = Field(
        default=10, ge=0, description="For forms regions and qa: most regions or questions of an image; 0: all."
    )
    answer: Literal["short", "sentence"] = Field(
        default="short", description="For form qa: without the final period, as asked for, or as it stands."
    )


SOURCE = Source(
    title="Visual Genome",
    homepage="https://homes.cs.washington.edu/~ranjay/visualgenome/api.html",
    licence="CC-BY-4.0",
    modality="image",
    task="grounding",
    language="en",
    files=(
        *(
            File("region_descriptions.json", json_array, Regions, records=108_077, when={"form": form})
            for form in ("regions", "refer", "captions")
        ),
        File("question_answers.json", json_array, Questions, records=108_077, when={"form": "qa"}),
    ),
    options=VisualGenomeOptions,
    lookups=(vg_images.lookup(match="id", field="place"),),
    media=("vg/VG_100K", "vg/VG_100K_2"),
    records=108_077,
)


def convert(raw: Regions | Questions, options: VisualGenomeOptions) -> Iterator[Labelled | Skip]:
    """Make the records of an image."""
    what = "questions" if isinstance(raw, Questions) else "regions"
    parts = raw.qas if isinstance(raw, Questions) else raw.regions
    if not parts:
        yield Skip(f"image without {what}")
    elif raw.place is None:
        yield Skip("image not in image_data.json", len(parts))
    elif isinstance(raw, Questions):
        yield from _questions(raw.qas, raw.place, options)
    elif options.form == "regions":
        yield from _regions(raw.regions, raw.place, options)
    else:
        for region in raw.regions:
            yield _caption(region, raw.place) if options.form == "captions" else _location(region, raw.place)


def _questions(qas: list[Question], place: Place, options: VisualGenomeOptions) -> Iterator[Labelled | Skip]:
    short = options.answer == "short"
    asked = [Asked(f"{each.qa_id}", each.question, each.answer.rstrip(" ." if short else " ")) for each in qas]
    answered = [each for each in asked if each.answer]
    kept = _kept(answered, options, lambda each: each.id)
    yield from [Skip("no answer")] * (len(asked) - len(answered))
    yield from _beyond(len(answered) - len(kept), options)
    prompt = SHORT_ANSWER if short else ""
    yield from records(kept, MergeOptions(), id=place.name, image=place.path, prompt=prompt, labels=Labels(task="vqa"))


def _regions(regions: list[Region], place: Place, options: VisualGenomeOptions) -> Iterator[Labelled | Skip]:
    boxes = [(region, _box(region, place)) for region in regions]
    yield from (box for _, box in boxes if isinstance(box, Skip))
    usable = [(region, box) for region, box in boxes if not isinstance(box, Skip)]
    kept = _kept(usable, options, lambda each: f"{each[0].id}")
    yield from _beyond(len(usable) - len(kept), options)
    if kept:
        rounds = [box_or_phrase(each.phrase, box, place.size, "visual_genome", f"{each.id}") for each, box in kept]
        record = dialogue(id=place.name, rounds=rounds, image=place.path)
        yield Labelled(record, Labels(task="grounding"), len(kept))


def _location(region: Region, place: Place) -> Labelled | Skip:
    box = _box(region, place)
    if isinstance(box, Skip):
        return box
    if region.width * region.height >= SMALL:
        return Skip(f"region of {SMALL:,} pixels or more")
    question, answer = location(region.phrase, box, place.size, "visual_genome", f"{region.id}")
    record = qa(id=f"{place.name}-{region.id}", question=question, answer=answer, image=place.path)
    return Labelled(record, Labels(task="grounding"))


def _caption(region: Region, place: Place) -> Labelled | Skip:
    if not _WORD.search(region.phrase):
        return Skip("phrase without words")
    prompt = pick(BRIEF, "visual_genome", f"{region.id}", "prompt")
    record = qa(id=f"{place.name}-{region.id}", question=prompt, answer=region.phrase, image=place.path)
    return Labelled(record, Labels(task="caption"))


def _box(region: Region, place: Place) -> Box | Skip:
    if not _WORD.search(region.phrase):
        return Skip("phrase without words")
    box = clamp(from_pixels(region.x, region.y, region.width, region.height), *place.size)
    return box or Skip("box without area in its image")


def _kept(parts: list[T], options: VisualGenomeOptions, name: Callable[[T], str]) -> list[T]:
    return pick_some(parts, options.per_image or len(parts), name, "visual_genome", options.form)


def _beyond(count: int, options: VisualGenomeOptions) -> list[Skip]:
    return [Skip(f"more than {options.per_image} in an image", count)] if count else []
