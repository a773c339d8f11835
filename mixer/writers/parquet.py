"""Plain Parquet: one row a conversation, in mix order, everything a conversation can hold.

    id: string | images, videos, audios: list<string> | conversations: list<struct<from, value>>

and for preference `chosen` and `rejected`, each a struct<from, value>. A record without media has empty lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, reshaping, tabular

if TYPE_CHECKING:
    import polars as pl

TARGET = "parquet"


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why a record cannot be written: there is no such reason."""
    import polars as pl

    return pl.lit(None, dtype=pl.String)


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the rows, and the data card that declares their columns."""
    columns = tabular.conversations(job.kind)
    written = tabular.Table(columns, tabular.conversation).write(job, TARGET, job.name, batches, advance)
    card = tabular.card(tabular.dataset(columns, "*.parquet"), tabular.DECLARED)
    return [*written, reshaping.describe(TARGET, job, "README.md", card)]


def handoff(name: str, _kind: Kind) -> str:
    """Say how to read the rows."""
    return f"""\
from datasets import load_dataset

train = load_dataset("MIX/{TARGET}", split="train")

# or, as they come in any tool that reads Parquet:
import polars

train = polars.scan_parquet("MIX/{TARGET}/{name}*.parquet")
"""
