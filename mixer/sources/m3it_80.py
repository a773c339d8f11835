r"""M3IT-80: seven tasks of M3IT translated into 80 languages, 500 records a split.

Page: https://huggingface.co/datasets/MMInstruction/M3IT-80
Raw (data/vqa-v2/vqa-v2_train_de.jsonl): {"instruction": "Antworte kurz.", "input": "Ist es neu?", "output": "Ja."}
Raw (data/vqa-v2/train_500.jsonl), the line of the same number: {"img_str": "/9j/4AAQ...", ...}

Licence: of each task its own. Instruction and input are the question, a line each, all without blanks at their ends, as
the sibling set's script has them. The image is the one of the same line of the raw file. Quirks:
- Neither file says which lines belong together: only their numbers do. Both have to be whole.
- The outputs' key is not documented: `output`, `outputs` or `answer`; and `input` or `inputs`.
- Images are under one of six names, as a text or a list, at the top or in `meta`; videos are lists of frames.
- A file's language is the end of its name. The files of other languages need not be there.
- Not every task has every split: winoground has test only, with its images in test.jsonl, and imagenet, vqa-v2 and
  okvqa have no test. A split `validation` has its images in val_500.jsonl.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec
from pydantic import Field, ValidationInfo, field_validator

from mixer.conversation import Labelled, Labels, Skip, content_id, dialogue
from mixer.readers import numbered_lines
from mixer.shared import m3it_lines
from mixer.shared.m3it_lines import Meta, Pictured
from mixer.sources import File, Grouping, Join, Options, Source

Task = Literal["imagenet", "vqa-v2", "okvqa", "winoground", "vist", "msrvtt", "msrvtt-qa"]
Split = Literal["train", "validation", "test"]
_TWO: Mapping[Split, str] = {"train": "train_500", "validation": "val_500"}
_THREE: Mapping[Split, str] = {**_TWO, "test": "test_500"}
RAW: Mapping[Task, Mapping[Split, str]] = {
    "imagenet": _TWO,
    "vqa-v2": _TWO,
    "okvqa": _TWO,
    "winoground": {"test": "test"},
    "vist": _THREE,
    "msrvtt": _THREE,
    "msrvtt-qa": _THREE,
}
"""The splits of each task, and their raw files without .jsonl."""


class Held(Pictured, kw_only=True):
    """A line of a raw file, of which only the images are used."""

    meta: Meta | None = None
    line: int = 0

    def images(self) -> list[str]:
        """List the images, in base64."""
        return self.pictures() or (self.meta.pictures() if self.meta else [])


class Translated(msgspec.Struct):
    """A line of a translation; `file` is its file, `held` the line of the images."""

    instruction: str
    inputs: str = ""
    outputs: str = ""
    input: str = ""
    output: str = ""
    answer: str = ""
    line: int = 0
    file: str = ""
    held: Held | None = None

    def __post_init__(self) -> None:
        """Take inputs and outputs from whichever key has them."""
        self.inputs, self.outputs = self.inputs or self.input, self.outputs or self.output or self.answer
        if not self.outputs.strip():
            raise ValueError("no text under `outputs`, `output` or `answer`")


class M3it80Options(Options):
    """Which task, split and languages."""

    task: Task = Field(default="vqa-v2", description="Which task.")
    split: Split = Field(default="train", validate_default=True, description="Which split.")
    languages: tuple[str, ...] = Field(
        default=(), description="Codes of languages, such as de or ceb; none named: all whose files are there."
    )

    @field_validator("split")
    @classmethod
    def _is_published(cls, split: Split, info: ValidationInfo) -> Split:
        task = info.data.get("task")
        if task and split not in RAW[task]:
            raise ValueError(f"{task} has {', '.join(RAW[task])} only")
        return split


def _files() -> Iterator[tuple[File, Join]]:
    for task, splits in RAW.items():
        for split, raw in splits.items():
            when: dict[str, str] = {"task": task, "split": split}
            pictures = File(f"data/{task}/{raw}.jsonl", numbered_lines, Held, when=when)
            path = f"data/{task}/{task}_{split}_*.jsonl"
            translated = File(path, numbered_lines, Translated, when=when, named="file")
            yield translated, Join(pictures, on="line", field="held")


SOURCE = Source(
    title="M3IT-80",
    homepage="https://huggingface.co/datasets/MMInstruction/M3IT-80",
    licence="of each task its own",
    terms=("various",),
    modality="image",
    task="instruction",
    language="80 languages",
    files=tuple(file for file, _ in _files()),
    options=M3it80Options,
    grouping=Grouping(by="line", joins=tuple(join for _, join in _files())),
    media=("m3it_80",),
)


def convert(raws: Sequence[Translated], options: M3it80Options) -> Iterator[Labelled | Skip]:
    """Make a record of each language's translation of a line."""
    held = raws[0].held
    files = m3it_lines.files("m3it_80", held.images()) if held else []
    for raw in raws:
        language = raw.file.removesuffix(".jsonl").rpartition("_")[2]
        if options.languages and language not in options.languages:
            yield Skip("another language")
            continue
        if not files:
            yield Skip("no image in the line of this number")
            continue
        question = "\n".join(filter(None, (raw.instruction.strip(), raw.inputs.strip())))
        record = dialogue(id="", rounds=[(question, raw.outputs.strip())], image=[path for path, _ in files])
        record.id = content_id(f"{options.task}-{language}", record)
        labels = Labels(options.task, options.split, language=language)
        yield Labelled(record, labels, embedded=dict(files))
