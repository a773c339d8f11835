r"""KVQA (SKT Brain): Korean questions about photos, most of them taken by blind people, with ten answers each.

Page: https://github.com/SKTBrain/KVQA
Raw: {"image": "KVQA_190713_00021.jpg", "source": "kvqa", "answers": [{"answer": "주전자", "answer_confidence": "yes"},
     {"answer": "주전자.", "answer_confidence": "maybe"}, ...ten], "question": "식탁 위에 뭐가 있어?", "answerable": 1,
     "answer_type": "other"}

Licence: Korean VQA License (education and research, no redistribution without consent); photos of VizWiz CC-BY-4.0.
Not the knowledge-aware VQA of the same name. The answer is the most frequent one, of equals the first, counted as
BAN-KVQA does: punctuation and commas in numbers go before. It is written as most of those who gave it wrote it. No
request for short answers is published in Korean, so none is made; `prompt=short` adds one in our own words. Quirks:
- A question has no id: there is one to an image, whose name without its suffix is the id.
- People answer with different particles and endings, so the most frequent answer often has two or three votes of ten.
- Unanswerable are those with `answerable` 0, those of type `unanswerable`, and those whose most frequent answer is this
  English word: 16 of 100. They keep the word, get a Korean phrase of ours, or are skipped.
- `source` is `kvqa` or `vizwiz`, whose questions are translated. `answer_type` may be `yes/no`, which is no path.
- The test file has no answers and is not offered. The licence's text counts 30,000 images, release 1.0 has 100,445.
"""

import re
from collections.abc import Sequence
from statistics import mode
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, qa
from mixer.prompts import SHORT_ANSWER_KO
from mixer.readers import json_array
from mixer.sources import File, Options, Source

UNANSWERABLE = "unanswerable"
UNANSWERABLE_KO = "이 사진으로는 답할 수 없습니다."
"""Our own words."""
_MARKS = ';/[]"{}()=+\\_-><@`,?!'
_COMMA = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")


class Answer(msgspec.Struct):
    """One person's."""

    answer: str


class Raw(msgspec.Struct):
    """A photo and its question."""

    image: str
    source: str
    answers: list[Answer]
    question: str
    answerable: int
    answer_type: str


class KvqaOptions(Options):
    """Which questions, and how answers are asked for and written."""

    split: Literal["train", "val"] = Field(default="train", description="Which published file.")
    unanswerable: Literal["keep", "korean", "skip"] = Field(
        default="keep",
        description="Unanswerable questions: keep the word `unanswerable`, say so in Korean, or skip them.",
    )
    prompt: Literal["none", "short"] = Field(
        default="none", description="Ask nothing but the question, or for a short answer in Korean, in our own words."
    )


SOURCE = Source(
    title="KVQA (SKT Brain)",
    homepage="https://github.com/SKTBrain/KVQA",
    licence="Korean VQA License (education and research, no redistribution); photos of VizWiz CC-BY-4.0",
    terms=("CC-BY-4.0", "Korean-VQA"),
    modality="image",
    task="vqa",
    language="ko",
    files=tuple(
        File(f"KVQA_annotations_{split}.json", json_array, Raw, when={"split": split}) for split in ("train", "val")
    ),
    options=KvqaOptions,
    media=("kvqa/images",),
)


def convert(raw: Raw, options: KvqaOptions) -> Labelled | Skip:
    """Ask the question of a photo."""
    answer = _answer([each.answer.strip() for each in raw.answers])
    if not answer:
        return Skip("no answer")
    if not raw.answerable or UNANSWERABLE in (raw.answer_type, _bare(answer).lower()):
        if options.unanswerable == "skip":
            return Skip("unanswerable")
        answer = UNANSWERABLE if options.unanswerable == "keep" else UNANSWERABLE_KO
    question = f"{raw.question}\n{SHORT_ANSWER_KO}" if options.prompt == "short" else raw.question
    name = raw.image.rpartition(".")[0] or raw.image
    made = qa(id=name, question=question, answer=answer, image=f"kvqa/images/{raw.image}")
    return Labelled(made, Labels(subset=raw.source, split=options.split, task=raw.answer_type))


def _answer(answers: Sequence[str]) -> str:
    """Choose the most frequent answer, however its givers punctuated it, in their most frequent spelling."""
    counted = [(bare, answer) for answer in answers if (bare := _bare(answer))]
    if not counted:
        return ""
    most = mode(bare for bare, _ in counted)
    return mode(answer for bare, answer in counted if bare == most)


def _bare(answer: str) -> str:
    """Take punctuation out as VQA's evaluation does; a mark between letters leaves a blank."""
    has_number, bare = _COMMA.search(answer) is not None, answer
    for mark in _MARKS:
        goes = has_number or f"{mark} " in answer or f" {mark}" in answer
        bare = bare.replace(mark, "" if goes else " ")
    return " ".join(_PERIOD.sub("", bare).split())
