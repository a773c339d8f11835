"""A sample as JSON Lines: the records' very bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mixer import atomic
from mixer.sampling.records import About, Shown


def write(out: Path, _about: About, records: Iterable[Shown]) -> list[str]:
    """Write the sample's file; give what a reader should be told."""
    with atomic.replacing_file(out) as file:
        for shown in records:
            file.write(shown.line + b"\n")
    return []
