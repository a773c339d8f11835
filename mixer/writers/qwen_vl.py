r"""Qwen-VL's own fine-tuning code (qwen-vl-finetune): JSON Lines, the very records of the mix.

    {"id": "7", "image": ["a.jpg", "b.jpg"], "conversations": [{"from": "human", "value": "<image>\n<image>\nSame?"}, ...]}

`image` and `video` are a path or several; each placeholder of a human turn takes the next file, in the place where it
stands, and too many or too few are an error. That is counted in every record, so a literal token in the text of one
without such a medium is an error, too. Whoever is not human is the assistant, so system messages cannot be said.

What the trainer does to our records: blanks at the ends of a question and around its placeholders are removed.
Its page shows a key `images`, which its code does not read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping

if TYPE_CHECKING:
    import polars as pl

TARGET = "qwen_vl"


def inexpressible(kind: Kind) -> pl.Expr:
    """Say why the trainer cannot use a record, or null."""
    import polars as pl

    if kind == "preference":
        return pl.lit("preference pairs")
    return reshaping.first_reason(
        {
            "audio": pl.col("audios") > 0,
            "system message": reshaping.has_system(kind),
            "literal token": pl.col("literal_tokens"),
        }
    )


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the lines."""
    return reshaping.write(TARGET, reshaping.LINES, job, batches, advance, None)


def handoff(name: str, _kind: Kind) -> str:
    """Say how to register the files, and how to start the trainer."""
    return f"""\
# at the end of qwen-vl-finetune/qwenvl/data/__init__.py; every shard is a dataset, named after its file
from pathlib import Path
for path in sorted(Path("MIX/{TARGET}").glob("*.jsonl")):
    data_dict[path.stem] = {{"annotation_path": str(path), "data_path": "MEDIA"}}

# of several shards name all, with commas between
torchrun qwenvl/train/train_qwen.py --dataset_use {name} --data_packing False
"""
