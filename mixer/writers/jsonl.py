"""Plain JSON Lines: one conversation a line, in mix order, everything a conversation can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixer.resolved import Kind
from mixer.writers.framing import Frame

if TYPE_CHECKING:
    import polars as pl

_FRAME = Frame(suffix=".jsonl", head=b"", join=b"\n", tail=b"\n")
write = _FRAME.write
START, BETWEEN = len(_FRAME.head), len(_FRAME.join)


def inexpressible(_kind: Kind) -> pl.Expr:
    """Say why a record cannot be written: there is no such reason."""
    import polars as pl

    return pl.lit(None, dtype=pl.String)


def handoff(name: str, _kind: Kind) -> str:
    """Say how to read the files."""
    return f"""\
import json
from pathlib import Path
records = (json.loads(line) for file in sorted(Path("MIX").glob("{name}*.jsonl")) for line in file.open("rb"))
# paths of media are below MEDIA
"""
