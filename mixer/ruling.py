"""What a rule says of records: which of them must go, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mixer.derived import Derived

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Ruling:
    """A rule's word on some records."""

    why: pl.Series
    """Of strings, one a record: why it must go; null: it stays."""
    counts: Mapping[str, int]
    """Records by what speaks against them, such as a benchmark; one may count several times."""


class Rule(Protocol):
    """A rule that judges records by their index columns alone, some at a time."""

    @property
    def columns(self) -> frozenset[str]:
        """Name the index columns it looks at, derived ones among them."""
        ...

    @property
    def derived(self) -> tuple[Derived, ...]:
        """List the derived columns that must be made before."""
        ...

    def judge(self, frame: pl.DataFrame, source: str, media: Sequence[Path]) -> Ruling:
        """Judge the records of a source; `media` are the roots below which its media may lie."""
        ...
