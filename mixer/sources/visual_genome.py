r"""Visual Genome: phrases about regions of photos, and free questions and answers.

Page: https://homes.cs.washington.edu/~ranjay/visualgenome/api.html
Raw (region_descriptions.json): {"regions": [{"region_id": 81, "width": 40, "height": 30, "image_id": 713, "phrase":
     "a ladle on a hook ", "y": 57, "x": 421}, ...], "id": 713}
Raw (question_answers.json): {"id": 713, "qas": [{"a_objects": [], "question": "What hangs there?", "image_id": 713,
     "qa_id": 96, "answer": "A ladle.", "q_objects": []}, ...]}

Licence: CC-BY-4.0. An item of the ledger is a region or a question, or an image that has none. Six forms:
- `regions`, as in LLaVA-1.5: a record of at most ten of an image's regions, picked by a hash of their numbers and in the
  order of the file; a flip by the same hash asks for the box of the phrase or for a phrase of the box, on the padded
  square. (Theirs were drawn at random; it is not published which, nor why 86,417 of the images.)
- `refer`, as MiniGPT-v2: a record of each region below 16,384 pixels; phrase in lower case without punctuation, at most
  50 words, box in hundredths.
- `captions`: each phrase is a caption of the whole image, as for ViLT; the request is one of LLaVA's, by hash.
- `qa`: a record of at most ten of an image's questions. Answers are sentences; short ones lose the final period.
- `lavis_qa` and `lavis_captions` read LAVIS's flat copies, a record of each question or phrase; see `mixer.shared.vg_flat`.
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
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import Field

from mixer.boxes import Box, clamp, from_pixels
from mixer.conversation import Labelled, Labels, Skip, dialogue, qa
from mixer.prompts import BRIEF, SHORT_ANSWER, drawn, pick
from mixer.readers import json_array
from mixer.shared import vg_images
from mixer.shared.merging import Asked, MergeOptions, records
from mixer.shared.regions import box_or_phrase, location
from mixer.shared.vg_flat import FlatCaption, FlatQuestion, record
from mixer.shared.vg_images import Place
from mixer.sources import File, Options, Source

T = TypeVar("T")
U = TypeVar("U")
SMALL = 16_384
"""Pixels: MiniGPT-v2 refers only to smaller regions."""
NOT_LISTED = "image not in image_data.json"
_WORD = re.compile(r"\w")
_GROUNDING, _CAPTION, _VQA = (Labels(task=task) for task in ("grounding", "caption", "vqa"))


class Region(msgspec.Struct, gc=False):
    """A box and what is seen there."""

    phrase: str
    x: int
    y: int
    width: int
    height: int
    region_id: int | None = None
    id: int | None = None

    @property
    def number(self) -> int:
        """Its number, whatever the release calls it."""
        number = self.id if self.region_id is None else self.region_id
        if number is None:
            raise msgspec.ValidationError("a region has neither `region_id` nor `id`")
        return number

    @property
    def words(self) -> str:
        """The phrase, tidied; empty when it holds no word."""
        text = self.phrase.strip()
        if not text.isprintable():  # then it may have several lines
            text = " ".join(map(str.strip, text.splitlines()))
        return text if text[:1].isalnum() or _WORD.search(text) else ""


class Regions(msgspec.Struct):
    """The regions of an image."""

    id: int
    regions: list[Region]
    place: Place | None = None


class Question(msgspec.Struct, gc=False):
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

    form: Literal["regions", "qa", "refer", "captions", "lavis_qa", "lavis_captions"] = Field(
        default="regions",
        description="Boxes and phrases as LLaVA-1.5, questions, boxes as MiniGPT-v2, captions, or LAVIS's copies.",
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
    terms=("CC-BY-4.0",),
    modality="image",
    task="grounding",
    language="en",
    files=(
        *(
            File("region_descriptions.json", json_array, Regions, records=108_077, when={"form": form})
            for form in ("regions", "refer", "captions")
        ),
        File("question_answers.json", json_array, Questions, records=108_077, when={"form": "qa"}),
        File("vg_qa.json", json_array, FlatQuestion, when={"form": "lavis_qa"}),
        File("vg_caption.json", json_array, FlatCaption, when={"form": "lavis_captions"}),
    ),
    options=VisualGenomeOptions,
    lookups=(vg_images.lookup(match="id", field="place"),),
    media=("vg/VG_100K", "vg/VG_100K_2"),
    records=108_077,
)


def convert(
    raw: Regions | Questions | FlatQuestion | FlatCaption, options: VisualGenomeOptions
) -> Iterator[Labelled | Skip]:
    """Make the records of an image."""
    if isinstance(raw, FlatQuestion | FlatCaption):
        yield record(raw, raw.place) if raw.place else Skip(NOT_LISTED)
        return
    what = "questions" if isinstance(raw, Questions) else "regions"
    parts = raw.qas if isinstance(raw, Questions) else raw.regions
    if not parts:
        yield Skip(f"image without {what}")
    elif raw.place is None:
        yield Skip(NOT_LISTED, len(parts))
    elif isinstance(raw, Questions):
        yield from _questions(raw, raw.place, options)
    elif options.form == "regions":
        yield from _regions(raw, raw.place, options)
    else:
        for region in raw.regions:
            yield _caption(region, raw.place) if options.form == "captions" else _location(region, raw.place)


def _questions(raw: Questions, place: Place, options: VisualGenomeOptions) -> Iterator[Labelled | Skip]:
    short = options.answer == "short"

    def asked(each: Question, _coin: bool) -> Asked | Skip:
        answer = each.answer.rstrip(" ." if short else " ")
        return Asked(f"{each.qa_id}", each.question, answer) if answer else Skip("no answer")

    kept, skips = _some(raw.qas, [each.qa_id for each in raw.qas], raw.id, options, asked)
    yield from skips
    prompt = SHORT_ANSWER if short else ""
    yield from records(kept, MergeOptions(), id=place.name, image=place.path, prompt=prompt, labels=_VQA)


def _regions(raw: Regions, place: Place, options: VisualGenomeOptions) -> Iterator[Labelled | Skip]:
    size = place.size

    def asked(region: Region, coin: bool) -> tuple[str, str] | Skip:
        words, box = region.words, _box(region, size)
        if not words or box is None:
            return _unusable(words)
        return box_or_phrase(words, box, size, ask_box=coin)

    numbers: list[Any] = [region.region_id for region in raw.regions]
    if None in numbers:
        numbers = [region.number for region in raw.regions]
    rounds, skips = _some(raw.regions, numbers, raw.id, options, asked)
    yield from skips
    if rounds:
        yield Labelled(dialogue(id=place.name, rounds=rounds, image=place.path), _GROUNDING, len(rounds))


def _some(
    parts: list[T], numbers: list[int], image: int, options: VisualGenomeOptions, use: Callable[[T, bool], U | Skip]
) -> tuple[list[U], list[Skip]]:
    """Draw parts of an image by hash until enough of them are of use; what is made of them is in the file's order."""
    most = options.per_image or len(parts)
    made: dict[int, U] = {}
    skips: list[Skip] = []
    for place, coin in drawn(numbers, "visual_genome", f"{image}", options.form):
        if len(made) == most:
            break
        part = use(parts[place], coin)
        if isinstance(part, Skip):
            skips.append(part)
        else:
            made[place] = part
    beyond = len(parts) - len(made) - len(skips)
    if beyond:
        skips.append(Skip(f"more than {most} in an image", beyond))
    return [made[place] for place in sorted(made)], skips


def _location(region: Region, place: Place) -> Labelled | Skip:
    words, box = region.words, _box(region, place.size)
    if not words or box is None:
        return _unusable(words)
    if region.width * region.height >= SMALL:
        return Skip(f"region of {SMALL:,} pixels or more")
    question, answer = location(words, box, place.size, "visual_genome", f"{region.number}")
    made = qa(id=f"{place.name}-{region.number}", question=question, answer=answer, image=place.path)
    return Labelled(made, _GROUNDING)


def _caption(region: Region, place: Place) -> Labelled | Skip:
    words = region.words
    if not words:
        return _unusable(words)
    prompt = pick(BRIEF, "visual_genome", f"{region.number}", "prompt")
    made = qa(id=f"{place.name}-{region.number}", question=prompt, answer=words, image=place.path)
    return Labelled(made, _CAPTION)


def _box(region: Region, size: tuple[int, int]) -> Box | None:
    return clamp(from_pixels(region.x, region.y, region.width, region.height), *size)


def _unusable(words: str) -> Skip:
    return Skip("box without area in its image" if words else "phrase without words")
