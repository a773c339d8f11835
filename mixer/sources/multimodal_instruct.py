r"""Multi-modal instruction data: Macaw-LLM's questions about COCO photos and Charades videos, and MultiInstruct's tasks.

Page: https://github.com/lyuchenyang/Macaw-LLM
Raw (Macaw-LLM): {"data": [{"id": "COCO_train2014_000000000021.jpg", "instruction": "Who holds the kite?",
     "response": "A girl in boots holds it."}]}, and for videos {"id": "Q7XB2", ...}
Raw (MultiInstruct, https://github.com/VT-NLP/MultiInstruct): {"unique_id": "VQA_color_21", "task_name": "VQA_color",
     "image_path": "./raw_datasets/MSCOCO2014/train2014/COCO_train2014_000000000021.jpg", "question": "...", "options":
     ["red", "grey"], "target_txt": "red", "prompt": "What color is it?\n\n[Options]: red||||grey", "target": "red"}

Licence: CC-BY-4.0 (Macaw-LLM), Apache-2.0 (MultiInstruct; texts have their sources' terms). Macaw-LLM's pairs are one
record each, as its authors train on them, without their Alpaca prompt. Of MultiInstruct, `prompt` and `target` stand as
they are, which is what its page asks for. Quirks:
- `authors_filter=on` skips what the authors' loaders skip: `caption` in either text, or ` no ` or `not` in the response,
  so `another` and `nothing` too.
- The files are objects with the pairs in `data`; older ones are bare lists. Both are read.
- Ids of photos and videos repeat, so a record's id ends with a digest of its content. Ids of videos have no extension.
- A file of MultiInstruct is the user's own run of its script (five wordings to a task): its `unique_id` is unique in a
  task only, so ids hold the task's name. Boxes in it are pixels, as text.
- Its paths begin with `raw_datasets/`, with `./` before it or a folder of the authors' machines in its place. They are
  named as other sources name the same images, and else below `multiinstruct`.
- Photos of COCO's train2014 are named as in train2017.
"""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import VIDEO, Conversation, Labelled, Labels, Skip, content_id, qa
from mixer.readers import json_lines, json_records
from mixer.shared import coco_images
from mixer.sources import File, Options, Source

_ROOT = re.compile(r"(?:\./)?raw_datasets/|/.+/(?:seen_data|mata_data|pretrain)/")
_COCO = re.compile(r"(?:COCO_train2014|COCO_val2014)_\d{12}\.jpg")
_SHARED = {"visual_genome/": "vg/", "GQA/": "gqa/", "TextVQA/train_val/": "textvqa/"}
"""Folders of MultiInstruct whose images other sources have, and what those call them."""


class Pair(msgspec.Struct):
    """A question and its answer; `part` is what the file says."""

    id: str
    instruction: str
    response: str
    part: str = ""


class Task(msgspec.Struct):
    """A line of MultiInstruct; its other keys are what `prompt` and `target` are made of."""

    unique_id: str
    task_name: str
    image_path: str
    prompt: str
    target: str
    image_source: str | None = None
    part: str = ""


class InstructOptions(Options):
    """Which parts, and the authors' filter."""

    parts: tuple[Literal["image", "video", "multiinstruct", "multiinstruct_test"], ...] = Field(
        default=("image", "video"),
        description="Macaw-LLM's questions about photos and about videos; MultiInstruct's train.jsonl and test.jsonl.",
    )
    authors_filter: Literal["off", "on"] = Field(
        default="off", description="Skip Macaw-LLM's pairs that speak of captions, or whose answer has `not` or ` no `."
    )


def _pairs(part: str, name: str) -> File:
    path = f"data/generated_examples_{name}.json"
    return File(path, json_records.of("data"), Pair, when={"parts": part}, give={"part": part})


def _tasks(part: str, name: str) -> File:
    return File(f"multiinstruct/{name}.jsonl", json_lines, Task, when={"parts": part}, give={"part": part})


SOURCE = Source(
    title="Macaw-LLM multi-modal instructions, MultiInstruct",
    homepage="https://github.com/lyuchenyang/Macaw-LLM",
    licence="CC-BY-4.0 (Macaw-LLM), Apache-2.0 (MultiInstruct)",
    terms=("Apache-2.0", "CC-BY-4.0"),
    modality="image+video",
    task="instruction",
    language="en",
    files=(
        _pairs("image", "coco"),
        _pairs("video", "avsd"),
        _tasks("multiinstruct", "train"),
        _tasks("multiinstruct_test", "test"),
    ),
    options=InstructOptions,
    media=(
        *("charades/videos", "coco/train2017", "coco/val2014", "gqa/images", "multiinstruct", "textvqa/train_images"),
        *("vg/VG_100K", "vg/VG_100K_2"),
    ),
)


def convert(raw: Pair | Task, options: InstructOptions) -> Labelled | Skip:
    """Make a pair or a task's instance a record."""
    if isinstance(raw, Task):
        made = qa(id=f"{raw.task_name}-{raw.unique_id}", question=raw.prompt, answer=raw.target, image=_image(raw))
        split = "test" if raw.part == "multiinstruct_test" else "train"
        return Labelled(made, Labels(subset="multiinstruct", split=split, task=raw.task_name))
    if options.authors_filter == "on" and any(_faults(raw)):
        return Skip("the authors' filter")
    return Labelled(_pair(raw), Labels(subset=raw.part))


def _faults(raw: Pair) -> Iterator[bool]:
    """Ask what the authors' loaders ask, by parts of words."""
    yield "caption" in raw.instruction or "caption" in raw.response
    yield " no " in raw.response or "not" in raw.response


def _pair(raw: Pair) -> Conversation:
    if raw.part == "image":
        release = "val2014" if "val2014" in raw.id else "train2017"
        image = coco_images.path(coco_images.number(raw.id), release)
        made = qa(id="", question=raw.instruction, answer=raw.response, image=image)
    else:
        made = qa(id="", question=f"{VIDEO}\n{raw.instruction}", answer=raw.response)
        made.video = f"charades/videos/{raw.id}.mp4"
    made.id = content_id(raw.id.removesuffix(".jpg"), made)
    return made


def _image(raw: Task) -> str:
    root = _ROOT.match(raw.image_path)
    if root is None:
        raise ValueError("`image_path` is not below raw_datasets")
    path = raw.image_path[root.end() :]
    name = path.rpartition("/")[2]
    if _COCO.fullmatch(name):
        return coco_images.path(coco_images.number(name), "train2017" if "train2014" in name else "val2014")
    for folder, shared in _SHARED.items():
        if path.startswith(folder):
            return shared + path[len(folder) :]
    return f"multiinstruct/{path}"
