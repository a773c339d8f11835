r"""TRL's DPOTrainer for models of vision and language: one row a pair, with contents in typed parts.

    prompt:   [{"role": "user", "content": [{"type": "image", "text": null}, {"type": "text", "text": "What?"}]}]
    chosen:   [{"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}]
    rejected: the same shape
    images:   ["coco/train2017/000000033471.jpg"]

An image's part has no path: the trainer fills such parts in order from `images`, and as many must be there. `images`
holds paths and no bytes, so that a mix does not hold its images once more; the trainer is given images, which takes
the two lines of `handoff`. A part that is an image has the text null: a column of parts has one type, and no text is
what TRL's own datasets have there. A system message stays the first of the prompt.

The line break between a placeholder and the text beside it is not part of the text: where it goes is the business of a
model's chat template. A text that is a placeholder would be taken for an image by some processors, so records with a
literal token are inexpressible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mixer.conversation import GPT, HUMAN, IMAGE, SYSTEM, Conversation, Turn
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping, tabular

if TYPE_CHECKING:
    import polars as pl

TARGET = "trl"
_ROLES = {HUMAN: "user", GPT: "assistant", SYSTEM: "system"}
_MESSAGES: list[tabular.Type] = [{"role": tabular.TEXT, "content": [{"type": tabular.TEXT, "text": tabular.TEXT}]}]
_COLUMNS: dict[str, tabular.Type] = {
    "id": tabular.TEXT,
    "prompt": _MESSAGES,
    "chosen": _MESSAGES,
    "rejected": _MESSAGES,
    "images": [tabular.TEXT],
}


def inexpressible(kind: Kind) -> pl.Expr:
    """Say why the trainer cannot use a record, or null."""
    import polars as pl

    if kind != "preference":
        return pl.lit("no preference pair")
    return reshaping.first_reason(
        {
            "video": pl.col("videos") > 0,
            "audio": pl.col("audios") > 0,
            "literal token": pl.col("literal_tokens"),
        }
    )


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the rows, and the data card that declares their columns."""
    written = tabular.Table(_COLUMNS, _row).write(job, TARGET, job.name, batches, advance)
    card = tabular.card(tabular.dataset(_COLUMNS, "*.parquet"), tabular.DECLARED)
    return [*written, reshaping.describe(TARGET, job, "README.md", card)]


def _row(record: Conversation) -> dict[str, Any]:
    assert record.chosen is not None
    assert record.rejected is not None
    shown = record.image is not None
    return {
        "id": record.id,
        "prompt": [_message(turn, shown) for turn in record.conversations],
        "chosen": [_message(record.chosen, shown=False)],
        "rejected": [_message(record.rejected, shown=False)],
        "images": tabular.listed(record.image),
    }


def _message(turn: Turn, shown: bool) -> dict[str, Any]:
    parts = list(_parts(turn.value)) if shown else [_text(turn.value)]
    return {"role": _ROLES[turn.from_], "content": parts}


def _parts(value: str) -> Iterator[dict[str, str | None]]:
    """Split a text at its placeholders, each of which is an image."""
    texts = value.split(IMAGE)
    last = len(texts) - 1
    for place, text in enumerate(texts):
        if place:
            yield {"type": "image", "text": None}
        said = text.removeprefix("\n") if place else text
        said = said.removesuffix("\n") if place < last else said
        if said:
            yield _text(said)


def _text(value: str) -> dict[str, str | None]:
    return {"type": "text", "text": value}


def handoff(_name: str, _kind: Kind) -> str:
    """Say how to start the trainer."""
    return f"""\
from datasets import Image, Sequence, load_dataset
from trl import DPOConfig, DPOTrainer

train = load_dataset("MIX/{TARGET}", split="train")
# Paths become images, which are read when they are asked for.
train = train.map(lambda row: {{"images": [f"MEDIA/{{path}}" for path in row["images"]]}}, features=train.features)
train = train.cast_column("images", Sequence(Image()))

# Without a greatest length no image is cut in two.
trainer = DPOTrainer(model, args=DPOConfig(max_length=None), train_dataset=train, processing_class=processor)
"""
