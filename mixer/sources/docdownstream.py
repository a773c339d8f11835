r"""DocDownstream-1.0: the training questions of ten sets about pages with text, for mPLUG-DocOwl 1.5.

Page: https://huggingface.co/datasets/mPLUG/DocDownstream-1.0
Raw: {"image": ["./imgs/Larder/pages/jar_7.png"], "messages": [{"role": "user", "content": "<|image|>who made it?"},
     {"role": "assistant", "content": "Ada Brook"}], "task_name": "qa_sft", "dataset_name": "Larder"}

Licence: Apache-2.0; the ten sets keep their own: DocVQA, InfographicsVQA, DeepForm, KleisterCharity, WikiTableQuestions,
TabFact, ChartQA, TextCaps, TextVQA, VisualMRC. Made as published: a record of each line, whose question asks for no
form of answer. `prompt=short` adds LLaVA-1.5's request for short answers, except in TextCaps and VisualMRC, whose answers
are sentences; `merge=image` makes one record of all a set's questions about an image. Quirks:
- Lines repeat. Its authors trained on them as often as they stand there, and so does the default; a record of
  `merge=image` asks nothing twice.
- Only train.jsonl is offered: val.jsonl, test/ and meta/ are evaluation data of the ten sets. All splits share `imgs`.
- The answer `None` is text: a form lacks what was asked for.
- Lines of several rounds stay records of their own, also with `merge=image`. A line of several images is skipped.
- There is no id: ours names image and content. Paths lose their `./`.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field

from mixer.conversation import GPT, HUMAN, IMAGE, Conversation, Labelled, Skip, content_id
from mixer.prompts import SHORT_ANSWER
from mixer.readers import json_lines
from mixer.shared import docowl
from mixer.shared.docowl import PageOptions
from mixer.shared.merging import Asked, MergeOptions, records
from mixer.sources import File, Grouping, Pictures, Source

SENTENCES = ("TextCaps", "VisualMRC")
"""Sets whose answers are sentences."""


class Raw(docowl.Raw):
    """A line of train.jsonl."""

    @property
    def owner(self) -> str:
        """What goes into a record with `merge=image`: a set's questions about an image."""
        return f"{self.dataset_name}/{self.task_name}/{self.path}"


class DocDownstreamOptions(PageOptions, MergeOptions):
    """How questions are asked, and how many go into a record."""

    merge: Literal["image", "none"] = Field(
        default="none", description="A record of all of a set's questions about an image, or one of each question."
    )
    prompt: Literal["none", "short"] = Field(
        default="none", description="Questions as published, or with LLaVA-1.5's request for a word or phrase."
    )
    repeats: Literal["keep", "drop"] = Field(
        default="keep",
        description="Lines that stand in the file several times: all of them, or one of each; with merge=image, one.",
    )


SOURCE = Source(
    title="DocDownstream-1.0",
    homepage="https://huggingface.co/datasets/mPLUG/DocDownstream-1.0",
    licence="Apache-2.0; each of the ten sets keeps its own",
    terms=("Apache-2.0", "various"),
    modality="image",
    task="vqa",
    language="en",
    note="its file repeats entries: `repeats: keep` takes them as often as they stand there, `drop` once",
    files=(File("train.jsonl", json_lines, Raw, give={"folder": "docdownstream", "split": "train"}),),
    options=DocDownstreamOptions,
    grouping=Grouping(by="owner"),
    pictures=Pictures(match="path", field="picture", when={"missing": "skip"}),
    media=("docdownstream/imgs",),
)


def convert(raws: Sequence[Raw], options: DocDownstreamOptions) -> Iterator[Labelled | Skip]:
    """Make the records of a set's questions about an image."""
    first = raws[0]
    prompt = SHORT_ANSWER if options.prompt == "short" and first.dataset_name not in SENTENCES else ""
    asked = []
    kept = list(raws if options.repeats == "keep" and options.merge == "none" else _once(raws))
    if len(kept) < len(raws):
        yield Skip("repeats another", len(raws) - len(kept))
    for raw in kept:
        made = docowl.conversation(raw, options)
        if isinstance(made, Skip):
            yield made
        elif _is_question(made):
            question, answer = made.conversations
            asked.append(Asked(made.id, question.value.removeprefix(f"{IMAGE}\n"), answer.value, raw.dataset_name))
        else:
            if prompt and made.conversations:
                made.conversations[0].value += f"\n{prompt}"
            yield Labelled(made, raw.labels)
    id = PurePosixPath(first.path).stem
    for each in records(asked, options, id=id, image=first.path, prompt=prompt, labels=first.labels):
        if options.merge == "image" and isinstance(each, Labelled):  # sets share images, and folders have equal names
            each.conversation.id = content_id(id, each.conversation)
        yield each


def _once(raws: Sequence[Raw]) -> Iterator[Raw]:
    """Go through lines that say what none before them said."""
    seen = set()
    for raw in raws:
        said = (*raw.image, *((each.role, each.content) for each in raw.messages))
        if said not in seen:
            seen.add(said)
            yield raw


def _is_question(made: Conversation) -> bool:
    """Say whether a record is one round that begins with its image, and has no other."""
    turns = made.conversations
    if [turn.from_ for turn in turns] != [HUMAN, GPT] or not turns[0].value.startswith(f"{IMAGE}\n"):
        return False
    return sum(turn.value.count(IMAGE) for turn in turns) == 1
