"""Writers: one target a file, all with the same face, chosen by the recipe's `output: {for: NAME}`.

A writer module exports

    SUFFIX                       of its data file, which is named after the mix
    inexpressible(index)         -> an expression over index columns: why the target's reader cannot use a record, or null
    write(path, batches, ...)    -> Written: puts the mix's records, in order, into one durable file
    START, BETWEEN               bytes before the first record, and between two
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from mixer.errors import UsageError, did_you_mean
from mixer.progress import Advance

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Written:
    """A data file as it was written."""

    records: int
    bytes: int
    sha256: str


class Writer(Protocol):
    """The face of a writer module; see the package's docstring."""

    SUFFIX: str
    START: int
    BETWEEN: int

    def inexpressible(self) -> pl.Expr: ...  # noqa: D102 - described above

    def write(self, path: Path, batches: Iterable[list[memoryview]], advance: Advance) -> Written: ...  # noqa: D102


def names() -> tuple[str, ...]:
    """List the targets a recipe may name."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "framing"))


def get(name: str) -> Writer:
    """Give a target's writer. Raises UsageError for an unknown name."""
    if name not in names():
        raise UsageError(f"unknown output target {name!r}{did_you_mean(name, names())}")
    return cast("Writer", importlib.import_module(f"{__name__}.{name}"))
