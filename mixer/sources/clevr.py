r"""CLEVR v1.0 and CoGenT: generated questions about rendered scenes of simple objects.

Page: https://cs.stanford.edu/people/jcjohns/clevr/
Raw: {"info": {...}, "questions": [{"image_index": 21, "program": [{"inputs": [], "function": "scene", "value_inputs":
     []}, {"inputs": [0], "function": "filter_color", "value_inputs": ["red"]}, {"inputs": [1], "function": "count",
     "value_inputs": []}], "question_index": 210, "image_filename": "CLEVR_train_000021.png", "question_family_index": 66,
     "split": "train", "answer": "3", "question": "How many red things are there?"}, ...]}

Licence: CC-BY-4.0. An image's questions are one record, in the order of the file. Forms:
- `llava`: LLaVA-1.5's request for short answers behind the first question; answers get a capital.
- `cauldron`: one of The Cauldron's eleven requests behind each question, picked by hash; answers get a capital and a
  period. (One of the requests ends with a blank.)
- `shikra`, `shikra_cot`, `shikra_points`: Shikra's answers, `The answer is yes.`, after the steps of the program, and
  with the centres of the objects that steps found. Of its requests for reasons we use one each.
`merge=none` gives a record of each question, as Shikra trains. Quirks:
- All answers are texts, also those of counts: anything else is no file of the release.
- The test splits have no answers and are not offered: their questions are bad records.
- `shikra_points` reads Shikra's copies of the train split: JSON Lines, with the result `ans` in each step and the scenes
  beside them.
- Some images have fewer than ten questions. Images are RGBA.
- Keys come in any order. The zip without images holds the same files; name it with `files`, or unpack it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal, Self

import msgspec
from pydantic import Field, model_validator

from mixer.conversation import Labelled, Labels, Skip, capitalised
from mixer.prompts import SHORT_ANSWER, pick
from mixer.readers import json_lines, json_member
from mixer.shared.clevr_programs import Step, Thing, chain
from mixer.shared.merging import Asked, MergeOptions, records
from mixer.sources import File, Grouping, Join, Source

CAULDRON = (
    "Make the answer very short.",
    "Give a very brief answer.",
    "Your answer should be very brief.",
    "Offer a terse response.",
    "Provide a succinct answer.",
    "Keep it short and to the point.",
    "Ensure brevity in your answer. ",  # the blank is the published one
    "Offer a very short reply.",
    "Your response must be concise.",
    "Your answer should be compact.",
    "Provide a short and direct response.",
)
STEP_BY_STEP = "Let's think step by step."
WITH_POINTS = f"you can indicate object locations with [cx,cy] format. {STEP_BY_STEP}"
V1, COGENT = "CLEVR_v1.0", "CLEVR_CoGenT_v1.0"
RELEASES = {"train": V1, "val": V1, "trainA": COGENT, "valA": COGENT, "valB": COGENT}
"""Split -> the release, which is the folder in its zip and under the media root."""
Text = Annotated[str, msgspec.Meta(min_length=1)]
RECORDS = {"train": 699_989, "val": 149_991}
OFFICIAL = ("llava", "cauldron", "shikra", "shikra_cot")
"""Forms made of the official files."""


class Question(msgspec.Struct):
    """A question of the official files."""

    image_filename: str
    question_index: int
    question: Text
    answer: Text
    split: str


class Scene(msgspec.Struct):
    """What can be seen in an image."""

    image_filename: str
    objects: list[Thing]


class Reasoned(Question):
    """A question with its program and, in Shikra's copy, its scene."""

    program: list[Step]
    scene: Scene | None = None


class ClevrOptions(MergeOptions):
    """Which questions, and how they are asked and answered."""

    split: Literal["train", "val", "trainA", "valA", "valB"] = Field(
        default="train", description="Split of v1.0, or, with A or B, of CoGenT; each is one published file."
    )
    form: Literal["llava", "cauldron", "shikra", "shikra_cot", "shikra_points"] = Field(
        default="llava", description="Whose wording; shikra_cot and shikra_points answer with the steps of the program."
    )

    @model_validator(mode="after")
    def _published_with_results(self) -> Self:
        if self.form == "shikra_points" and self.split != "train":
            raise ValueError("form=shikra_points: published only of split train")
        return self


def _question(options: ClevrOptions) -> type[Question]:
    return Reasoned if options.form in ("shikra_cot", "shikra_points") else Question


def _official(split: str, form: str) -> File:
    release = RELEASES[split]
    return File(
        f"{release}/questions/CLEVR_{split}_questions.json",
        json_member.of("questions"),
        _question,
        records=RECORDS.get(split),
        when={"split": split, "form": form},
        archive=f"{release}.zip",
    )


POINTS = {"form": "shikra_points"}
SHIKRA = File("CLEVR_train_questions_with_ans.jsonl", json_lines, _question, RECORDS["train"], POINTS)
SCENES = File("CLEVR_train_scenes.jsonl", json_lines, Scene, when=POINTS)

SOURCE = Source(
    title="CLEVR v1.0 and CoGenT",
    homepage="https://cs.stanford.edu/people/jcjohns/clevr/",
    licence="CC-BY-4.0",
    terms=("CC-BY-4.0",),
    modality="image",
    task="vqa",
    language="en",
    files=(*(_official(split, form) for split in RELEASES for form in OFFICIAL), SHIKRA),
    options=ClevrOptions,
    grouping=Grouping(by="image_filename", joins=(Join(SCENES, on="image_filename", field="scene"),)),
    media=(f"{V1}/images", f"{COGENT}/images"),
    records=RECORDS["train"],
)


def convert(raws: Sequence[Question], options: ClevrOptions) -> Iterator[Labelled | Skip]:
    """Ask the questions about an image."""
    first = raws[0]
    if options.form == "shikra_points" and isinstance(first, Reasoned) and first.scene is None:
        yield Skip("image without a scene", len(raws))
        return
    name = first.image_filename.removesuffix(".png")
    asked = [Asked(f"{name}-{raw.question_index}", *FORMS[options.form](raw)) for raw in raws]
    image = f"{RELEASES[options.split]}/images/{first.split}/{first.image_filename}"
    prompt = SHORT_ANSWER if options.form == "llava" else ""
    yield from records(asked, options, id=name, image=image, prompt=prompt, labels=Labels(split=first.split))


def _llava(raw: Question) -> tuple[str, str]:
    return raw.question, capitalised(raw.answer)


def _cauldron(raw: Question) -> tuple[str, str]:
    request = pick(CAULDRON, "clevr", raw.image_filename, f"{raw.question_index}", "request")
    return f"{raw.question}\n{request}", f"{capitalised(raw.answer)}."


def _short(raw: Question) -> tuple[str, str]:
    return raw.question, f"The answer is {raw.answer}."


def _steps(raw: Reasoned) -> tuple[str, str]:
    return f"{raw.question} {STEP_BY_STEP}", f"{chain(raw.program)} The answer is {raw.answer}."


def _points(raw: Reasoned) -> tuple[str, str]:
    things = raw.scene.objects if raw.scene else ()
    return f"{raw.question} {WITH_POINTS}", f"{chain(raw.program, things)} The answer is {raw.answer}."


FORMS: dict[str, Callable[..., tuple[str, str]]] = {
    "llava": _llava,
    "cauldron": _cauldron,
    "shikra": _short,
    "shikra_cot": _steps,
    "shikra_points": _points,
}
"""Form -> how a question is asked and answered."""
