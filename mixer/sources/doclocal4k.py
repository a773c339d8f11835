r"""DocLocal4K: words, phrases, lines and paragraphs located in pages. A test of mPLUG-DocOwl 1.5, not training data.

Page: https://huggingface.co/datasets/mPLUG/DocLocal4K
Raw: {"image": ["./imgs/Larder/pages/jar_9.png"], "messages": [{"role": "user", "content": "<|image|>Locate the text <ocr>
     plum jam </ocr>"}, {"role": "assistant", "content": "<bbox>12,40,310,77</bbox>"}], "task_name": "word_t2bbox_sft",
     "dataset_name": "Larder"}

Licence: Apache-2.0. Its authors measure models with it; lists of training data that name it are wrong, and a plan that
uses it says so. Records are as DocStruct4M's, and so are the options. `except: {source: doclocal4k, by: image}` keeps its
images out of another set. Quirks:
- `task_name` says how much text there is (word, phrase, line, paragraph) and what is asked: t2bbox, where a text is, or
  bbox2t, which text stands in a box. Boxes are whole numbers of 0 to 999.
- There is no id: ours names image and content. Paths lose their `./`.
"""

from typing import Literal

from pydantic import Field

from mixer.conversation import Labelled, Skip
from mixer.readers import json_lines
from mixer.shared import docowl
from mixer.shared.docowl import MarkedOptions, Raw
from mixer.sources import File, Pictures, Source


class DocLocalOptions(MarkedOptions):
    """Which files to read."""

    parts: tuple[Literal["text_grounding", "text_recognition"], ...] = Field(
        default=("text_grounding", "text_recognition"),
        min_length=1,
        description="Published files, without .jsonl: boxes of texts, texts of boxes.",
    )


def _file(name: str) -> File:
    return File(f"{name}.jsonl", json_lines, Raw, when={"parts": name}, give={"folder": "doclocal4k", "split": "test"})


SOURCE = Source(
    title="DocLocal4K",
    homepage="https://huggingface.co/datasets/mPLUG/DocLocal4K",
    licence="Apache-2.0",
    terms=("Apache-2.0",),
    modality="image",
    task="grounding",
    language="en",
    note="an evaluation set: a model that is trained on it cannot be tested on it",
    files=(_file("text_grounding"), _file("text_recognition")),
    options=DocLocalOptions,
    pictures=Pictures(match="path", field="picture", when={"missing": "skip"}),
    media=("doclocal4k/imgs",),
)


def convert(raw: Raw, options: DocLocalOptions) -> Labelled | Skip:
    """Rename the parts of a record."""
    made = docowl.conversation(raw, options)
    return made if isinstance(made, Skip) else Labelled(made, raw.labels)
