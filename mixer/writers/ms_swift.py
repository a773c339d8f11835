"""ms-swift: JSON Lines of messages with the media in plural lists.

    {"id": "7", "messages": [{"role": "user", "content": "<image>What?"}, {"role": "assistant", "content": "A cat."}],
     "images": ["a.jpg"], "videos": [], "audios": []}

In pairs the last message is the chosen answer, and `rejected_response` holds the other text. Every record has all three
lists, and README.md declares the columns' types, so that the folder is a dataset that needs no registration: named as a
file, the lines could not be loaded where the first 10 MB hold no video and later ones do.

A placeholder is replaced while there are files of its kind left, so a literal one in a record without such a medium
stays text, and every conversation can be said.

What the trainer does to our records: in one without an image, `<img>...</img>` in a text becomes `<image>`, an old form
of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mixer.conversation import GPT, HUMAN, SYSTEM, Conversation
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping

if TYPE_CHECKING:
    import polars as pl

TARGET = "ms_swift"
_ROLES = {HUMAN: "user", GPT: "assistant", SYSTEM: "system"}


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why a record cannot be written: there is no such reason."""
    import polars as pl

    return pl.lit(None, dtype=pl.String)


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the lines, and the data card that makes their folder a dataset."""
    written = reshaping.write(TARGET, reshaping.LINES, job, batches, advance, _row)
    typed: dict[str, dict[str, Any]] = {"messages": {"list": reshaping.texts("role", "content")}}
    if job.kind == "preference":
        typed["rejected_response"] = {"dtype": "string"}
    return [*written, reshaping.describe(TARGET, job, "README.md", reshaping.data_card(typed, written))]


def _row(record: Conversation) -> dict[str, Any]:
    answers = [] if record.chosen is None else [record.chosen]
    messages = [{"role": _ROLES[turn.from_], "content": turn.value} for turn in (*record.conversations, *answers)]
    rejected = {} if record.rejected is None else {"rejected_response": record.rejected.value}
    return {"id": record.id, "messages": messages, **rejected, **reshaping.plural(record)}


def handoff(_name: str, kind: Kind) -> str:
    """Say how to start the trainer."""
    command = "rlhf --rlhf_type dpo" if kind == "preference" else "sft"
    return f"""\
# Paths of media are looked up from where the trainer is started. `strict`: an error ends it, no row is deleted.
cd MEDIA
swift {command} --dataset MIX/{TARGET} --split_dataset_ratio 0 --strict true
"""
