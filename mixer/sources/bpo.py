r"""BPO: published answers about images, against the same with errors put in and a model's to spoilt images.

Page: https://huggingface.co/datasets/renjiepi/BPO
Raw: {"image": "coco/train2017/000000000021.jpg", "prompt": "<image>\nWhat is on the shelf?", "completions": [{"score": 1,
     "response": "A tin jug.", "type": "gt"}, {"score": 0, "response": " tin jug of milk.", "type": "llm-hal"},
     {"score": 0, "response": "Two dogs.", "type": "mllm-hal"}]}

Licence: not found. Not the BPO of texts of the same name. As in the authors' trainer each two answers of different scores
are a pair, which is an item of the ledger; an instruction gets the best answer, of equals the first. Quirks:
- The names of the files are not known, so all of `*.json` are read (`packaging=json`), or of `*.jsonl`.
- Records have no ids: the image's name and the content of prompt and best answer make them, and in ids of pairs the two
  answers' places follow.
- The placeholder may stand anywhere in the prompt, or nowhere. Dialogues were made single questions.
- Errors put in by a language model (`llm-hal`) may lack their first character. The worse answer's type is the subset.
- A question with an answer of more than 350 words is skipped, as in the trainer if nothing is said (`max_words`).
- Images are laid out as for ShareGPT4V.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Skip, content_id, qa
from mixer.readers import json_array, json_lines
from mixer.shared.pairs import unplaced
from mixer.shared.rlhf_pairs import stem
from mixer.shared.scored import Answer, ScoredOptions, records
from mixer.sources import File, Source


class Completion(msgspec.Struct):
    """An answer and its score."""

    score: float
    response: str
    type: str | None = None


class Raw(msgspec.Struct):
    """A question with its answers."""

    image: str
    prompt: str
    completions: list[Completion]


class BpoOptions(ScoredOptions):
    """Which answers make a pair."""

    packaging: Literal["json", "jsonl"] = Field(default="json", description="An array, or lines.")
    max_words: int = Field(default=350, ge=0, description="Most words of an answer; 0: no limit.")


SOURCE = Source(
    title="BPO (bootstrapped preference optimization)",
    homepage="https://huggingface.co/datasets/renjiepi/BPO",
    licence="not found",
    terms=("unknown",),
    modality="image",
    task="preference",
    language="en",
    files=(
        File("*.json", json_array, Raw, when={"packaging": "json"}),
        File("*.jsonl", json_lines, Raw, when={"packaging": "jsonl"}),
    ),
    options=BpoOptions,
    media=(
        *("coco/train2017", "llava/llava_pretrain", "sam", "share_textvqa/images"),
        *("web-celebrity/images", "web-landmark/images", "wikiart/images"),
    ),
)


def convert(raw: Raw, options: BpoOptions) -> Iterator[Labelled | Skip]:
    """Make the pairs of a record."""
    if not raw.completions:
        yield Skip("no answer")
        return
    if options.max_words and any(len(each.response.split()) > options.max_words for each in raw.completions):
        yield Skip("an answer of more words than allowed")
        return
    prompt = unplaced(raw.prompt)
    best = max(raw.completions, key=lambda each: each.score)
    owner = qa(id="", question=prompt, answer=best.response, image=raw.image)
    answers = [Answer(each.response, each.score, each.type) for each in raw.completions]
    yield from records(answers, options, id=content_id(stem(raw.image), owner), prompt=prompt, image=raw.image)
