r"""VLFeedback: four models' answers to a question about an image, each rated by GPT-4V on three aspects.

Page: https://huggingface.co/datasets/MMInstruction/VLFeedback
Raw: {"id": "svit-conversation-21", "prompt": "What is on the shelf?", "models": ["llava-v1.5-7b", ...four],
     "completions": [{"model": "llava-v1.5-7b", "response": "A tin jug.", "annotations": {"Helpfulness": {"Rating": "4",
     "Rationale": "..."}, "Ethical Considerations": {...}, "Visual Faithfulness": {...}}}, ...four]}

Licence: not stated. As for Silkie, each two answers are a pair, which is an item of the ledger: the one of the higher mean
rating is the better one, equal means make no pair, nor does an answer with an aspect whose rating is no number. As in
LLaVA-NeXT's script, `pairs=best_worst` with `score=helpfulness` and `citations=drop` makes one pair of a record.
Instructions get the best answer, of equals the first. Quirks:
- Ids are not unique, and tell the image: `merged_images/<id>.jpg`, put below `vlfeedback` of the media root. Ids of pairs
  end with the two answers' places. What stands before an id's first hyphen is the subset, one of the sets of
  instructions whose questions and images these are, such as SVIT and LRV.
- Ratings are texts, some `N/A` or empty; an aspect may be missing. Some answers are empty.
- In tables `completions` may be an object of lists instead of a list of objects, and images are inside
  (`packaging=parquet`) or named by a path of somebody else's, which is not read.
- `packaging=llama_factory` is Zhihui/VLFeedback, a copy in LLaMA-Factory's format, its tables below
  `llama_factory`: its pairs are made already, and the other options change nothing.
- Answers of GPT-4V may hold citations of nothing, `【7†source】`.
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from statistics import mean
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Skip
from mixer.readers import json_lines, parquet_rows
from mixer.shared import reformatted
from mixer.shared.cells import ImageCell, holding
from mixer.shared.pairs import unplaced
from mixer.shared.scored import Answer, ScoredOptions, records
from mixer.sources import File, Source

_CITATION = re.compile(r"【\d+†source】")


class Aspect(msgspec.Struct):
    """A rating, as a rule a digit."""

    rating: str | float | None = msgspec.field(name="Rating", default=None)


Ratings = dict[str, Aspect | None]


class Completion(msgspec.Struct):
    """An answer and its ratings."""

    response: str | None
    annotations: Ratings


class Columns(msgspec.Struct):
    """All answers of a record, as an object of lists."""

    response: list[str | None]
    annotations: list[Ratings]

    def __post_init__(self) -> None:
        """Refuse gaps."""
        if len(self.response) != len(self.annotations):
            raise ValueError("as many `annotations` as `response`s")


class Raw(msgspec.Struct):
    """A question with its answers."""

    id: str
    prompt: str
    completions: list[Completion] | Columns
    image: ImageCell | None = None


class VlFeedbackOptions(ScoredOptions):
    """Which answers make a pair, and what counts."""

    packaging: Literal["jsonl", "parquet", "llama_factory"] = Field(
        default="jsonl",
        description="The published lines, tables with images in them, or LLaMA-Factory's copy, whose pairs are made.",
    )
    score: Literal["mean", "helpfulness"] = Field(
        default="mean", description="The mean of all ratings of an answer, as for Silkie, or one, as in LLaVA-NeXT."
    )
    unrated: Literal["skip", "ignore"] = Field(
        default="skip",
        description="An aspect whose rating is no number: such an answer makes no pair, or its other ratings count; "
        "with score=helpfulness there are none, so both are the same.",
    )
    citations: Literal["keep", "drop"] = Field(
        default="keep", description="What looks like 【7†source】 in answers; LLaVA-NeXT drops it."
    )


SOURCE = Source(
    title="VLFeedback (Silkie)",
    homepage="https://huggingface.co/datasets/MMInstruction/VLFeedback",
    licence="not stated",
    terms=("unknown",),
    modality="image",
    task="preference",
    language="en",
    files=(
        File("vlfeedback_80k.jsonl", json_lines, Raw, records=80_258, when={"packaging": "jsonl"}),
        File("data/*.parquet", parquet_rows, Raw, when={"packaging": "parquet"}),
        File("llama_factory/*.parquet", parquet_rows, reformatted.Ranked, when={"packaging": "llama_factory"}),
    ),
    options=VlFeedbackOptions,
    media=("vlfeedback/merged_images",),
    records=80_258,
)


def convert(raw: Raw | reformatted.Ranked, options: VlFeedbackOptions) -> Labelled | Skip | Iterator[Labelled | Skip]:
    """Make the pairs of a record."""
    if isinstance(raw, reformatted.Ranked):
        return reformatted.record(raw, options, "vlfeedback")
    image = raw.image.name("vlfeedback") if raw.image else f"vlfeedback/merged_images/{raw.id}.jpg"
    answers = [Answer(_text(text, options), _score(given, options)) for text, given in _completions(raw)]
    subset = raw.id.partition("-")[0]
    made = records(answers, options, id=raw.id, prompt=unplaced(raw.prompt), image=image, subset=subset)
    return holding(raw.image, image, made) if raw.image else made


def _completions(raw: Raw) -> Iterable[tuple[str | None, Ratings]]:
    if isinstance(raw.completions, Columns):
        return zip(raw.completions.response, raw.completions.annotations, strict=True)
    return [(each.response, each.annotations) for each in raw.completions]


def _text(text: str | None, options: VlFeedbackOptions) -> str:
    return _CITATION.sub("", text or "") if options.citations == "drop" else text or ""


def _score(ratings: Ratings, options: VlFeedbackOptions) -> float | None:
    """Give an answer's score, or None where it has none."""
    counted: Sequence[Aspect | None] = list(ratings.values())
    if options.score == "helpfulness":
        counted = [ratings.get("Helpfulness")]
    numbers = [_number(each.rating) for each in counted if each]
    if None in numbers and options.unrated == "skip":
        return None
    told = [each for each in numbers if each is not None]
    return mean(told) if told else None


def _number(rating: str | float | None) -> float | None:
    try:
        number = math.nan if rating is None else float(rating)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
