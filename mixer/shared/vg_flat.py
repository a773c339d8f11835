"""LAVIS's copies of Visual Genome, one flat file each: its questions, and its regions' phrases as captions.

vg_qa.json: {"question_id": 9600, "question": "What hangs there?", "answer": "a ladle", "image": "image/713.jpg",
"dataset": "vg"}. vg_caption.json: {"image": "image/713.jpg", "caption": "a ladle on a hook"}.
"""

from __future__ import annotations

import msgspec

from mixer.conversation import Conversation, Labelled, Labels, Skip, capitalised, content_id, qa
from mixer.prompts import BRIEF, SHORT_ANSWER, pick
from mixer.shared.vg_images import Place


class Flat(msgspec.Struct):
    """What both have; `id` is the image's number."""

    image: str
    id: int = 0
    place: Place | None = None

    def __post_init__(self) -> None:
        """Tell the image by its file's name."""
        digits = self.image.rpartition("/")[2].removesuffix(".jpg")
        if not digits.isdecimal():
            raise ValueError("`image` ends with no number and .jpg")
        self.id = int(digits)


class FlatQuestion(Flat, kw_only=True):
    """A question; its answer is in lower case and has no period."""

    question_id: int
    question: str
    answer: str | list[str]


class FlatCaption(Flat, kw_only=True):
    """A phrase."""

    caption: str


def record(raw: FlatQuestion | FlatCaption, place: Place) -> Labelled | Skip:
    """Make the record of a question or a caption; where answers are a list, the first counts."""
    if isinstance(raw, FlatCaption):
        return _caption(raw.caption.strip(), place)
    answer = raw.answer if isinstance(raw.answer, str) else next(iter(raw.answer), "")
    if not answer.strip():
        return Skip("no answer")
    id, question = f"{place.name}-{raw.question_id}", f"{raw.question}\n{SHORT_ANSWER}"
    return Labelled(qa(id=id, question=question, answer=capitalised(answer), image=place.path), Labels(task="vqa"))


def _caption(caption: str, place: Place) -> Labelled | Skip:
    if not caption:
        return Skip("phrase without words")
    prompt = pick(BRIEF, "visual_genome", place.name, caption, "prompt")
    made: Conversation = qa(id="", question=prompt, answer=caption, image=place.path)
    made.id = content_id(place.name, made)
    return Labelled(made, Labels(task="caption"))
