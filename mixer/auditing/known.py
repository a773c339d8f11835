"""What is known of published media: files that are broken, folders that never come whole. It ships as data.

Each file of `known/` is a list in the form of a repair list (see repairs.py), with words and their evidence. In its
paths `*` stands for any text.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mixer.auditing.findings import Repair

if TYPE_CHECKING:
    import polars as pl

FOLDER = Path(__file__).parent / "known"


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is known of some media."""

    media: str
    """Path under the media root; `*` stands for any text."""
    findings: tuple[str, ...]
    """That it explains."""
    says: str
    evidence: str
    repair: Repair | None = None
    """`drop`: the list, given to a recipe's `exclude` by name, leaves its records out."""

    @property
    def pattern(self) -> str:
        """Give a regular expression for whole paths, as polars reads it."""
        return pattern(self.media)


def pattern(path: str) -> str:
    """Turn a path with `*` to a regular expression."""
    return f"^(?s:{'.*'.join(map(re.escape, path.split('*')))})$"


def names() -> list[str]:
    """Name the lists."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def path(name: str) -> Path:
    """Give the file of a list."""
    return FOLDER / f"{name}.jsonl"


@cache
def load() -> tuple[tuple[str, Known], ...]:
    """Read all lists: each thing with the name of its list."""
    decode = msgspec.json.Decoder(Known).decode_lines
    return tuple((name, known) for name in names() for known in decode(path(name).read_bytes()))


def explained(bad: pl.DataFrame) -> dict[tuple[str, str], list[tuple[int, Known]]]:
    """Say what is known of bad media, given by `leaf`, `media` and `finding`: (leaf, finding) -> files, explanation."""
    import polars as pl

    found: dict[tuple[str, str], list[tuple[int, Known]]] = {}
    files = bad.select("leaf", "media", "finding").unique()
    for _, known in load():
        hit = files.filter(pl.col("finding").is_in(known.findings) & pl.col("media").str.contains(known.pattern))
        for leaf, finding, count in hit.group_by("leaf", "finding").len().iter_rows():
            found.setdefault((leaf, finding), []).append((count, known))
    return found
