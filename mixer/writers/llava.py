"""LLaVA's own format: one JSON array that its trainer loads with `json.load`.

LLaVA-1.5 reads at most one image a record, no video or audio, and the roles human and gpt only. It tells modality by
the presence of the `image` key, so that a literal `<image>` in a text-only record is text to it as it is to us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixer.resolved import Kind
from mixer.writers.framing import Frame

if TYPE_CHECKING:
    import polars as pl

_FRAME = Frame(suffix=".json", head=b"[\n", join=b",\n", tail=b"\n]\n")
write = _FRAME.write
ONE_FILE = True
START, BETWEEN = len(_FRAME.head), len(_FRAME.join)


def inexpressible(kind: Kind) -> pl.Expr:
    """Say why LLaVA-1.5's trainer cannot use a record, or null.

    Its template parts rounds at `</s>` and a round's answer at ` ASSISTANT: `, wherever they stand: the trainer then
    masks the rest of the record.
    """
    import polars as pl

    if kind == "preference":
        return pl.lit("preference pairs")
    return (
        pl.when(pl.col("videos") > 0)
        .then(pl.lit("video"))
        .when(pl.col("audios") > 0)
        .then(pl.lit("audio"))
        .when(pl.col("images") > 1)
        .then(pl.lit("several images"))
        .when(pl.col("turns") % 2 == 1)  # rounds are pairs: an odd turn is a system message
        .then(pl.lit("system message"))
        .when(pl.col("separators"))
        .then(pl.lit("a separator of its template"))
    )


def handoff(name: str, _kind: Kind) -> str:
    """Say how to start the trainer, which reads one file."""
    return f"""\
deepspeed llava/train/train_mem.py --data_path MIX/{name}.json --image_folder MEDIA --lazy_preprocess True
"""
