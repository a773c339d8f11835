r"""LLaMA-Factory: JSON Lines with the media in plural lists, and the dataset_info.json that tells their columns.

    {"id": "7", "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}],
     "images": ["a.jpg"], "videos": [], "audios": []}

Pairs have the objects `chosen` and `rejected` besides, and their conversations end with the question. A system message
stays the first turn. Every record has all three lists; dataset_info.json names those that hold a path in some record.

The entry names the folder (`script_url`), whose README.md declares the columns' types: named as a file
(`file_name`), the lines could not be loaded where the first 10 MB hold no video and later ones do.

The trainer counts placeholders in every turn, and as many files must be there for each kind: a literal token in a
record without such a medium is an error that ends the training.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mixer.conversation import Conversation
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping

if TYPE_CHECKING:
    import polars as pl

TARGET = "llama_factory"
_TURN = reshaping.texts("from", "value")


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why the trainer cannot use a record, or null."""
    import polars as pl

    return reshaping.first_reason({"literal token": pl.col("literal_tokens")})


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the lines and what describes them."""
    pairs = job.kind == "preference"
    seen: set[str] = set()

    def reshape(record: Conversation) -> dict[str, Any]:
        media = reshaping.plural(record)
        seen.update(name for name, paths in media.items() if paths)
        answers = {"chosen": record.chosen, "rejected": record.rejected} if pairs else {}
        return {"id": record.id, "conversations": record.conversations, **answers, **media}

    written = reshaping.write(TARGET, reshaping.LINES, job, batches, advance, reshape)
    columns = {"messages": "conversations"} | ({"chosen": "chosen", "rejected": "rejected"} if pairs else {})
    columns |= {name: name for name in reshaping.MEDIA if name in seen}
    entry = {"script_url": ".", "formatting": "sharegpt", **({"ranking": True} if pairs else {}), "columns": columns}
    typed = {"conversations": {"list": _TURN}} | (
        {name: {"struct": _TURN} for name in ("chosen", "rejected")} if pairs else {}
    )
    return [
        *written,
        reshaping.describe(TARGET, job, "dataset_info.json", reshaping.pretty({job.name: entry})),
        reshaping.describe(TARGET, job, "README.md", reshaping.data_card(typed, written)),
    ]


def handoff(name: str, kind: Kind) -> str:
    """Say what to write into the trainer's configuration."""
    return f"""\
stage: {"dpo" if kind == "preference" else "sft"}
dataset_dir: MIX/{TARGET}
dataset: {name}
media_dir: MEDIA
"""
