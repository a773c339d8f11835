r"""UniMM-Chat: dialogues of several rounds about COCO images, written by GPT-3.5 from several sets' annotations.

Page: https://huggingface.co/datasets/Yirany/UniMM-Chat
Raw (parquet): {"ds_name": "unimm-chat", "image": {"bytes": b"...", "path": null}, "conversation": "[{\"from\":
     \"human\", \"value\": \"<image>\\nWhat floats?\"}, {\"from\": \"gpt\", \"value\": \"A boat.\"}]",
     "origin_dataset": "vqa_chat", "idx": 7, "image_path": "COCO_train2014_000000000021.jpg"}
Raw (tsv): unimm-chat, base64 of the image, base64 of the same JSON text, then origin_dataset, origin_split,
     origin_split_inner_idx and img_path as they are

Licence: CC-BY-NC-4.0. Made as by the authors' loader (Muffin): `<image>` and a line break before the first turn where
that has none, and no `<image>` in any later one. Ids are `unimm_<idx>`. Quirks:
- Dialogues are JSON in a text. Images are inside, and are written once each, named by their content.
- The shards are numbered `_00000000-00000012` on. A TSV has no header, and an index beside it that is not needed.
- RLHF-V's TSVs look alike but hold questions and pairs of answers: theirs are bad records.
- UniMM-Chat-v0.json is text only, and what it calls its fields is not documented: `conversation` or `conversations`,
  as text or list; `image_path`, `img_path` or `image`; `idx` or `id`. What has other names is bad. Its images are named
  by their last part, below unimm_chat/images.
"""

from typing import Any, Literal

import msgspec
from pydantic import Field

from mixer import embedded
from mixer.conversation import IMAGE, Conversation, Labelled, Labels, Skip, Turn, content_id
from mixer.readers import csv_rows, json_records, parquet_rows
from mixer.shared.cells import ImageCell
from mixer.shared.json_text import parsed
from mixer.sources import File, Options, Source

COLUMNS = ("ds_name", "image", "text", "origin_dataset", "origin_split", "origin_split_inner_idx", "img_path")


class Row(msgspec.Struct):
    """A row of a parquet shard."""

    image: ImageCell | None
    conversation: str
    origin_dataset: str
    idx: int


class Line(msgspec.Struct):
    """A row of a TSV."""

    image: str
    text: str
    origin_dataset: str
    origin_split: str
    origin_split_inner_idx: str


class UnimmOptions(Options):
    """Which files to read."""

    packaging: Literal["parquet", "tsv", "json"] = Field(
        default="parquet", description="The shards, the authors' training files, or UniMM-Chat-v0.json, without images."
    )


SOURCE = Source(
    title="UniMM-Chat",
    homepage="https://huggingface.co/datasets/Yirany/UniMM-Chat",
    licence="CC-BY-NC-4.0",
    terms=("CC-BY-NC-4.0",),
    modality="image",
    task="chat",
    language="en",
    files=(
        File("UniMM-Chat_*-00000012.parquet", parquet_rows, Row, when={"packaging": "parquet"}),
        File(
            "tsv/unimm_chat_*.tsv",
            csv_rows.of("\t", columns=COLUMNS, quoting=False),
            Line,
            when={"packaging": "tsv"},
        ),
        File("UniMM-Chat-v0.json", json_records.of(), dict, when={"packaging": "json"}),
    ),
    options=UnimmOptions,
    media=("unimm_chat",),
    records=117_238,
)


def convert(raw: Row | Line | dict[str, Any], _options: UnimmOptions) -> Labelled | Skip:
    """Take a dialogue out of its text, and its image out of the record."""
    if isinstance(raw, dict):
        return _named(raw)
    if isinstance(raw, Line):
        content, text = embedded.from_base64(raw.image), embedded.from_base64(raw.text)
        index = raw.origin_split_inner_idx
        labels = Labels(subset=raw.origin_dataset, split=raw.origin_split)
    else:
        content = raw.image.content if raw.image else b""
        text, index = raw.conversation.encode(), f"{raw.idx}"
        labels = Labels(subset=raw.origin_dataset)
    if not content:
        return Skip("no image")
    path = embedded.name("unimm_chat", content)
    record = Conversation(id=f"unimm_{index}", image=path, conversations=_dialogue(parsed(text, list[Turn])))
    return Labelled(record, labels, embedded={path: content})


def _dialogue(turns: list[Turn]) -> list[Turn]:
    """Put `<image>` into the first turn, if it is not there, and into no other."""
    for place, turn in enumerate(turns):
        if place:
            turn.value = turn.value.replace(IMAGE, "")
        elif IMAGE not in turn.value:
            turn.value = f"{IMAGE}\n{turn.value}"
    return turns


def _named(raw: dict[str, Any]) -> Labelled:
    """Read a record of the JSON file by any of the names its fields may have."""
    said = _first(raw, "conversation", "conversations")
    turns = parsed(said, list[Turn]) if isinstance(said, str) else msgspec.convert(said, list[Turn])
    path = msgspec.convert(_first(raw, "image_path", "img_path", "image"), str)
    name = path.replace("\\", "/").rpartition("/")[2]
    record = Conversation(id="", image=f"unimm_chat/images/{name}", conversations=_dialogue(turns))
    index = raw.get("idx", raw.get("id"))
    record.id = content_id(name, record) if index is None else f"unimm_{index}"
    return Labelled(record, Labels(subset=msgspec.convert(raw.get("origin_dataset"), str | None)))


def _first(raw: dict[str, Any], *names: str) -> Any:
    """Give the first of these fields that is there."""
    for name in names:
        if raw.get(name) is not None:
            return raw[name]
    expected = " or ".join(f"`{name}`" for name in names)
    raise msgspec.ValidationError(f"expected {expected}, got {', '.join(raw) or 'nothing'}")
