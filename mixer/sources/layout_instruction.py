r"""Layout-Instruction-Data: LayoutLLM's instructions about pages, of which the layout of the files is not published.

Page: https://www.modelscope.cn/datasets/iic/Layout-Instruction-Data

Raw: {"pic": "pages/7.png", "ask": "What does the jar cost?", "reply": "The question is about ...", ...}, by any names

Licence: Apache-2.0. Neither the names of the files nor those of their columns are published, and none are guessed: the
recipe names both. Asked without them, the source says which columns it finds:

    mixer convert layout_instruction --path FILE --skipped

    layout:
      use: layout_instruction
      path: FILE
      columns: {image: pic, question: ask, answer: reply}

The answer is one text, in which the steps of LayoutCoT stay as they are. `<image>` and a line break start the question,
wherever it had them. `id` and `subset` are read if they are named; without an id, image and content make one. A column
that is not there makes a record bad, and says which there are. Quirks known from the authors' words:
- The dense descriptions of pages for pre-training are 116,000, of DocILE and RVL-CDIP; the rest of the paper's 5.7
  million has to be generated. Data for evaluation lie beside those for training: do not name their file.
- Files that hold dialogues are read by `llava_json` and `llava_jsonl`, which take `columns`, too.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, content_id, qa
from mixer.readers import json_lines, json_records
from mixer.shared.pairs import unplaced
from mixer.sources import File, Options, Source

Column = Literal["id", "image", "question", "answer", "subset"]
NEEDED: tuple[Column, ...] = ("image", "question", "answer")


class Page(msgspec.Struct):
    """A record, once its columns have our names."""

    image: str
    question: str
    answer: str
    id: str | int | None = None
    subset: str | None = None


class LayoutOptions(Options):
    """What the file looks like."""

    columns: dict[Column, str] = Field(
        default_factory=dict,
        description="What our columns are called in the file: image, question, answer must be named.",
    )
    format: Literal["json", "jsonl"] = Field(
        default="json", description="A JSON array of records or object of them by id, or JSON Lines."
    )
    folder: str = Field(
        default="layout_instruction", description="Folder below the media root in which the images' paths start."
    )
    media_strip: str = Field(default="", description="Folder cut from the front of images' paths, for absolute ones.")


SOURCE = Source(
    title="Layout-Instruction-Data",
    homepage="https://www.modelscope.cn/datasets/iic/Layout-Instruction-Data",
    licence="Apache-2.0",
    terms=("Apache-2.0",),
    modality="image",
    task="vqa",
    language="en",
    files=(
        File("records.json", json_records.of(), dict, when={"format": "json"}),
        File("records.jsonl", json_lines, dict, when={"format": "jsonl"}),
    ),
    options=LayoutOptions,
    media=("layout_instruction",),
    own_path=True,
)


def convert(raw: Mapping[str, Any], options: LayoutOptions) -> Labelled:
    """Ask a page's question. Raises ValidationError, which says the columns there are: the record is bad."""
    columns, found = options.columns, f"columns found: {', '.join(raw)}"
    unnamed = [name for name in NEEDED if name not in columns]
    if unnamed:
        raise msgspec.ValidationError(f"`columns` does not say what is {', '.join(unnamed)}; {found}")
    for name, column in columns.items():
        if column not in raw:
            raise msgspec.ValidationError(f"no column {column!r} for {name!r}; {found}")
    page = msgspec.convert({name: raw[column] for name, column in columns.items()}, Page)
    made = qa(id=f"{page.id}", image=_path(page.image, options), question=unplaced(page.question), answer=page.answer)
    if page.id is None:
        made.id = content_id(PurePosixPath(page.image).stem, made)
    return Labelled(made, Labels(subset=page.subset))


def _path(image: str, options: LayoutOptions) -> str:
    """Place an image below the media root; one that is absolute stays so, and is bad."""
    strip = options.media_strip.rstrip("/") + "/"
    relative = image.removeprefix(strip).removeprefix("./") if options.media_strip else image.removeprefix("./")
    return f"{options.folder.rstrip('/')}/{relative}" if options.folder and not relative.startswith("/") else relative
