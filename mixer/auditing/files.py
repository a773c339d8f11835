"""Looking at many media: each once, on all processes, and what was found out before is not found out again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.auditing.formats import FORMATS
from mixer.auditing.looking import DECODED, HEADER
from mixer.auditing.siblings import siblings
from mixer.columns import types_of
from mixer.processes import Engine
from mixer.progress import Advance, Progress
from mixer.remembered import Kind, remember
from mixer.remote.looking import Looking

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 1 << 17
"""Files whose stamps and findings are Python objects at the same time."""
PICTURES = tuple(name for name, format_ in FORMATS.items() if format_.pillow)
"""Formats that can be decoded."""


@dataclass(frozen=True)
class Looker:
    """Looks at media below some roots."""

    roots: Sequence[Path]
    store: Path
    """Folder of the store, where findings are remembered."""
    workers: Engine
    progress: Progress
    looking: Looking = field(default_factory=Looking)

    def look(self, media: pl.Series, *, decode: bool) -> pl.DataFrame:
        """Find out about media, sorted paths: columns `media`, those of HEADER, `sibling` and `sibling_format`."""
        frame = media.to_frame("media")
        frame = frame.hstack(self._remembered(HEADER, frame["media"], "headers"))
        return self._with_siblings(self._decoded(frame) if decode else frame)

    def _decoded(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Let decoding say what is wrong with the images whose headers leave it open; how they are named stays so."""
        import polars as pl

        # An end mark may be missing where nothing else is: then the decoder has the last word.
        open_ = pl.col("problem").is_null() | pl.col("problem").is_in(["cut", "mislabelled"])
        chosen = frame.filter(pl.col("format").is_in(PICTURES) & open_).select("media", "problem", "detail")
        found = self._remembered(DECODED, chosen["media"], "decoding")
        stays = pl.col("problem_decoded").is_null() & (pl.col("problem") == "mislabelled")
        said = chosen.hstack(found.select(pl.all().name.suffix("_decoded"))).select(
            "media",
            pl.when(stays).then("problem").otherwise("problem_decoded").alias("problem"),
            pl.when(stays).then("detail").otherwise("detail_decoded").alias("detail"),
        )
        rest = frame.join(said, on="media", how="anti")
        both = [rest, frame.drop("problem", "detail").join(said, on="media").select(frame.columns)]
        return pl.concat(both).sort("media")

    def _remembered(self, kind: Kind, media: pl.Series, label: str) -> pl.DataFrame:
        """Find out about media, so many at once; one bar for all."""
        import polars as pl

        found = [pl.DataFrame(schema=types_of(kind.columns))]
        with self.progress(label, media.len(), "files") as advance:
            for piece in media.to_frame().iter_slices(AT_ONCE):
                done = _Counted(advance)
                places = [place(path, self.roots) for path in piece.to_series()]
                found.append(remember(kind, places, self.store, self.workers, done.progress, label, self.looking))
                advance(len(places) - done.count)  # what was known before
        return pl.concat(found)

    def _with_siblings(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add the path at which a missing medium lies under another ending, and the format of what lies there."""
        import polars as pl

        missing = frame.filter(pl.col("problem") == "missing")["media"]
        found = list(siblings(missing.to_list(), self.roots, self.looking))
        files = [file for _, _, file in found]
        looked = remember(HEADER, files, self.store, self.workers, self.progress, "siblings", self.looking)
        pairs = pl.DataFrame(
            [each[:2] for each in found], schema={"media": pl.String, "sibling": pl.String}, orient="row"
        ).with_columns(looked["format"].alias("sibling_format"), looked["problem"].alias("worse"))
        whole = pl.col("worse").is_null() | (pl.col("worse") == "mislabelled")
        pairs = pairs.filter(whole & pl.col("sibling_format").is_not_null()).drop("worse")
        return frame.join(pairs, on="media", how="left", maintain_order="left")


class _Counted:
    """Passes what is done on to the bar of all pieces, and counts it."""

    def __init__(self, advance: Advance) -> None:
        self.count = 0
        self._advance = advance

    @contextmanager
    def progress(self, _label: str, _total: int, _unit: str = "B") -> Iterator[Advance]:
        """Open no bar of its own."""

        def add(done: int) -> None:
            self.count += done
            self._advance(done)

        yield add


def place(path: str, roots: Sequence[Path]) -> Path:
    """Give the place of a medium: in the first root that has it, else in the last, from which it is missing then."""
    for root in roots[:-1]:  # of media that came with annotations, on this machine
        if os.path.lexists(here := root / path):
            return here
    return roots[-1] / path
