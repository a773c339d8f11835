"""Media that raw records held, linked from the store into a mix: those that its records name, each once."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.progress import Progress
from mixer.store import Entry

if TYPE_CHECKING:
    import polars as pl


def link(entries: list[Entry], order: pl.DataFrame, folder: Path, progress: Progress) -> None:
    """Link the media of a mix's records into a folder, which is made if there are any.

    `order` holds each record's leaf, which is its place among `entries`, and its row in that entry. Where the store lies
    on another file system they are copied.
    """
    import polars as pl

    for leaf, entry in enumerate(entries):
        if not entry.ledger.media.files:
            continue
        rows = order.filter(pl.col("leaf") == leaf)["row"].unique().sort()
        with progress(f"linking media of {entry.ledger.source}", len(rows)) as advance:
            first = 0
            for number, part in enumerate(entry.ledger.parts):
                inside = rows.filter(rows.is_between(first, first + part.records, closed="left")) - first
                first += part.records
                link_named(entry, entry.part_index(number, ["paths"])["paths"][inside], folder)
                advance(len(inside))


def link_named(entry: Entry, paths: pl.Series, folder: Path) -> None:
    """Link the media that records of an entry name, each record's joined as its index has them."""
    for joined in paths.unique():
        for path in joined.split("\0"):
            _link(entry.media / path, folder / path)


def _link(stored: Path, target: Path) -> None:
    """Link one medium; a path of no medium in the store is one that the user brings, or none."""
    if target.exists() or not stored.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(stored, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(stored, target)
