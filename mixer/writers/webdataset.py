"""WebDataset: tars in which each record is followed by its media; see tars.py for the names.

Readers group members up to the first dot of their names, and decode each by what stands behind the last: `json` gives
the conversation, `image0.jpg` its first image. Records of all kinds can be written: the JSON is the mix's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written, tars

if TYPE_CHECKING:
    import polars as pl

TARGET = "webdataset"


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why a record cannot be written: there is no such reason."""
    import polars as pl

    return pl.lit(None, dtype=pl.String)


def write(job: Job, batches: Iterable[list[memoryview]], advance: Advance) -> list[Written]:
    """Write the tars. Raises MissingFile and DataError for media; see tars.py."""
    (job.folder / TARGET).mkdir()
    return tars.write(TARGET, job, batches, advance)


def handoff(name: str, kind: Kind) -> str:
    """Say how to read the tars."""
    answers = '\n    chosen, rejected = record["chosen"], record["rejected"]' if kind == "preference" else ""
    return f"""\
# Shards are dealt to nodes and workers whole: cut at least one for each of them (`shards:` of the output).
import webdataset as wds
from pathlib import Path

tars = sorted(map(str, Path("MIX/{TARGET}").glob("{name}*.tar")))
samples = wds.WebDataset(tars, shardshuffle=False, nodesplitter=wds.split_by_node).decode("pil")
for sample in samples:
    record = sample["json"]  # the conversation{answers}
    images = [sample[field] for field in sample if field.startswith("image")]  # in the order of their placeholders
"""
