"""Writers: one target a file, all with the same face, chosen by the recipe's `output: {for: NAME}`.

A writer module exports

    inexpressible(kind)          -> an expression over index columns: why the target's reader cannot use a record, or null
    write(job, batches, advance) -> list of Written: puts the mix's records, in order, into durable files of the mix's folder

    handoff(name, kind)          -> what to paste into the trainer, with paths below the mix's folder; see handing_off.py

    ONE_FILE                     true where the trainer reads one file, so that shards cannot be handed to it

and, where its files hold the very bytes of conversations, so that an index can point into them,

    START, BETWEEN               bytes before the first record of a file, and between two
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from mixer.errors import UsageError, did_you_mean
from mixer.progress import Advance
from mixer.resolved import Kind, Output

if TYPE_CHECKING:
    import polars as pl


COMPRESSED = ("streaming",)
"""Targets whose files can be packed."""
_SHARED = ("framing", "shards", "reshaping", "tabular", "tars")
"""Modules of the package that are no targets."""


@dataclass(frozen=True)
class Written:
    """A file as it was written; `path` is relative to the mix's folder, `records` 0 in files that only describe others."""

    path: str
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Job:
    """What a writer writes, and where."""

    name: str
    """Of the mix; files are named after it."""
    folder: Path
    """Of the mix. A target of several kinds of files has a folder of its own in it, named after the target."""
    kind: Kind
    cuts: tuple[int, ...]
    """After how many records each shard ends."""
    media: tuple[Path, ...] = ()
    """Roots below which media may lie, for targets that hold them."""
    compression: Literal["zstd"] | None = None
    """For targets that can be packed, see `COMPRESSED`."""
    about: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What a page about the data tells, as plain JSON values: the manifest's `sources`."""

    @property
    def records(self) -> int:
        """Records of the mix."""
        return self.cuts[-1]


class Writer(Protocol):
    """The face of a writer module; see the package's docstring."""

    def inexpressible(self, kind: Kind) -> pl.Expr: ...  # noqa: D102 - described above

    def write(  # noqa: D102
        self, job: Job, batches: Iterable[list[memoryview]], advance: Advance
    ) -> list[Written]: ...

    def handoff(self, name: str, kind: Kind) -> str: ...  # noqa: D102


class Frames(Protocol):
    """What writers export besides whose files hold the very bytes of conversations."""

    START: int
    BETWEEN: int


def names() -> tuple[str, ...]:
    """List the targets a recipe may name."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _SHARED))


def reasons(frame: pl.DataFrame, output: Output, kind: Kind) -> pl.Series:
    """Say of each row of an index why an output cannot hold its record, or null."""
    import polars as pl

    if output.separators == "keep":
        frame = frame.with_columns(pl.lit(value=False).alias("separators"))
    return frame.with_columns(get(output.target).inexpressible(kind).alias("reason"))["reason"].cast(pl.String)


def frames(name: str) -> Frames | None:
    """Give what an index needs to point into a target's files, or None where they hold no conversations as they are."""
    writer = get(name)
    return cast("Frames", writer) if hasattr(writer, "START") else None


def get(name: str) -> Writer:
    """Give a target's writer. Raises UsageError for an unknown name."""
    if name not in names():
        raise UsageError(f"unknown output target {name!r}{did_you_mean(name, names())}")
    return cast("Writer", importlib.import_module(f"{__name__}.{name}"))
