"""An embedding for each distinct image content that records name: decoded by many processes, saved part by part.

Contents go in the order of their hashes, and those that decode fill batches of one size, so neither the number of
processes nor a stop on the way changes which pictures share a batch. On a CPU each process runs the model itself, on a
GPU only this one does.
"""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import atomic
from mixer.collection import Collection
from mixer.embedding import models, vectors_folder
from mixer.embedding.models import Batch, Choice
from mixer.embedding.preprocessing import prepared
from mixer.errors import DataError
from mixer.fingerprints import CONTENT, distinct_images
from mixer.processes import Workers
from mixer.progress import Advance, Progress, silent
from mixer.remembered import remember
from mixer.remote.path import parsed

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

FILES = 16
"""Files that a process decodes at once."""
WAITING = 4
"""Tasks of decoding a process may be ahead of the one that is waited for."""
ROWS = 512
"""Embeddings to a part, in whole batches: what a killed run loses."""
LISTED = 10
"""Problems that are told one by one."""


@dataclass(frozen=True)
class Summary:
    """What a run did."""

    out: Path
    tensor: str
    width: int
    images: int
    """Distinct image paths."""
    contents: int
    """Distinct contents of the files that could be read."""
    known: int
    """Of them: had an embedding before."""
    embedded: int
    """Of them: have one now."""
    problems: Mapping[str, int]
    """Image paths without an embedding, by reason, in which N stands for any number."""
    seconds: float
    """That decoding and the model took."""

    @property
    def speed(self) -> float:
        """Embeddings a second."""
        return self.embedded / self.seconds if self.seconds else 0.0


def embed(
    collection: Collection,
    choice: Choice,
    out: Path,
    *,
    store: Path,
    batch: int = 32,
    workers: int = 1,
    progress: Progress = silent,
    told: Callable[[str], None] = lambda _line: None,
) -> Summary:
    """Embed the images of a collection into a folder, see vectors_folder.py; what it has already is not made again.

    `store` is the store's folder, where hashes of files are remembered. An image that cannot be embedded is told and
    listed. Raises DataError where none could be, and UsageError for a folder of something else or of another model.
    """
    listed = distinct_images(collection).select("image", "folder", "file").unique().sort("image", "file")
    if not listed.height:
        raise DataError(f"{collection.name}: names no image, so there is nothing to embed")
    out.parent.mkdir(parents=True, exist_ok=True)
    busy = out.absolute().with_name(f".{out.absolute().name}.embedding")
    with (
        atomic.lock(busy, wait=lambda: told(f"{out}: another process is embedding into it; waiting")),
        Workers(workers) as pool,
    ):
        about = models.describe(choice, batch)
        vectors_folder.begin(out, about.model, about.settings, told)
        found = _hashed(listed, store, pool, progress)
        contents = found.filter(found["sha256"].is_not_null()).unique("sha256", keep="first", maintain_order=True)
        known = vectors_folder.known(out)
        todo = contents.filter(~contents["sha256"].is_in(known)).sort("sha256")
        run = _Run(Choice(choice.folder, choice.how, about.model["tensor"], choice.device), batch, out, pool)
        began = time.monotonic()
        with progress("embedding", todo.height, "images") as advance:
            run.through([(sha256, parsed(file)) for sha256, file in todo.select("sha256", "file").iter_rows()], advance)
        seconds = time.monotonic() - began
        problems = _settle(out, found, run.problems, told)
    if todo.height == contents.height == len(run.problems):
        raise DataError(
            f"{collection.name}: none of its {listed.height:,} images could be embedded, see "
            f"{out / vectors_folder.PROBLEMS}; is --media the folder their paths begin in?"
        )
    counts = (listed["image"].n_unique(), contents.height, contents.height - todo.height)
    reasons = Counter(re.sub(r"\d+", "N", reason) for reason in problems.values())
    return Summary(
        out,
        about.model["tensor"],
        about.model["width"],
        *counts,
        todo.height - len(run.problems),
        dict(sorted(reasons.items())),
        seconds,
    )


def _hashed(listed: pl.DataFrame, store: Path, pool: Workers, progress: Progress) -> pl.DataFrame:
    """Add the contents of the files: `sha256` and `problem`, one of them null."""
    import polars as pl

    files = listed["file"].drop_nulls().unique().sort()
    hashed = remember(CONTENT, [parsed(file) for file in files], store, pool, progress, "hashing images")
    told = pl.col("problem").fill_null("missing")
    joined = listed.join(hashed.with_columns(files.alias("file")), on="file", how="left", maintain_order="left")
    return joined.with_columns(pl.when(pl.col("sha256").is_null()).then(told).alias("problem"))


def _settle(
    out: Path, found: pl.DataFrame, undecoded: Mapping[str, str], told: Callable[[str], None]
) -> dict[str, str]:
    """Write down what became of each image path; give the reason by path for those without an embedding."""
    import polars as pl

    reasons = pl.DataFrame(
        {"sha256": list(undecoded), "reason": list(undecoded.values())},
        schema={"sha256": pl.String, "reason": pl.String},
    )
    joined = found.join(reasons, on="sha256", how="left").with_columns(pl.coalesce("problem", "reason").alias("reason"))
    bad = joined.filter(pl.col("reason").is_not_null()).sort("image", "reason")
    problems = dict(bad.select("image", "reason").iter_rows())
    good = joined.filter(pl.col("reason").is_null()).select(pl.col("image").alias("path"), "folder", "sha256")
    vectors_folder.finish(out, good, problems.items(), set(found["image"]))
    for path, reason in list(problems.items())[:LISTED]:
        told(f"{path}: {reason}")
    if len(problems) > LISTED:
        told(f"and {len(problems) - LISTED:,} more, see {out / vectors_folder.PROBLEMS}")
    return problems


@dataclass
class _Run:
    """Work on the way from files to parts."""

    choice: Choice
    batch: int
    out: Path
    pool: Workers
    problems: dict[str, str] = field(default_factory=dict)
    """Content -> why it has no embedding."""
    contents: list[str] = field(default_factory=list)
    vectors: list[np.ndarray] = field(default_factory=list)
    """Embeddings that no part holds yet, and whose they are."""

    def through(self, todo: Sequence[tuple[str, Path]], advance: Advance) -> None:
        """Embed contents, given with a file of each. What is done is saved, however it ends."""
        if self.choice.device == "cpu" and self.pool.count > 1:
            models.opened.cache_clear()  # the other processes load it
        waiting: deque[tuple[list[str], Callable[[], np.ndarray]]] = deque()
        try:
            for contents, levels in self._batches(todo, advance):
                waiting.append((contents, self._embed(Batch(self.choice, self.batch, levels))))
                if len(waiting) > self.pool.count:
                    self._take(*waiting.popleft(), advance)
            while waiting:
                self._take(*waiting.popleft(), advance)
        finally:
            self.pool.settle()
            self._save(0)

    def _embed(self, batch: Batch) -> Callable[[], np.ndarray]:
        about = f"{self.choice.folder}: a batch of {self.batch}"
        return self.pool.call(models.embed, batch, about=about, inline=self.choice.device == "cuda")

    def _take(self, contents: list[str], vectors: Callable[[], np.ndarray], advance: Advance) -> None:
        import numpy as np

        made = vectors()
        usable = np.isfinite(made).all(axis=1) & made.any(axis=1)
        self.problems |= {contents[at]: "its embedding is zero or not finite" for at in np.flatnonzero(~usable)}
        self.vectors.append(made[usable])
        self.contents += [contents[at] for at in np.flatnonzero(usable)]
        advance(len(contents))
        self._save(ROWS)

    def _save(self, least: int) -> None:
        """Write a part, if at least so many embeddings wait for one."""
        import numpy as np

        if self.contents and len(self.contents) >= least:
            vectors_folder.add_part(self.out, self.contents, np.concatenate(self.vectors))
            self.contents, self.vectors = [], []

    def _batches(self, todo: Sequence[tuple[str, Path]], advance: Advance) -> Iterator[tuple[list[str], np.ndarray]]:
        """Fill batches with the pictures that decode, in order."""
        import numpy as np

        contents: list[str] = []
        levels: list[np.ndarray] = []
        for (content, _), picture in zip(todo, self._decoded(todo), strict=True):
            if isinstance(picture, str):
                self.problems[content] = picture
                advance(1)
                continue
            contents.append(content)
            levels.append(picture)
            if len(contents) == self.batch:
                yield contents, np.stack(levels)
                contents, levels = [], []
        if contents:
            yield contents, np.stack(levels)

    def _decoded(self, todo: Sequence[tuple[str, Path]]) -> Iterator[np.ndarray | str]:
        """Decode files, a few tasks ahead of whoever asks: pixels, or what is wrong."""
        pieces = deque(todo[start : start + FILES] for start in range(0, len(todo), FILES))
        waiting: deque[Callable[[], list[np.ndarray | str]]] = deque()
        while pieces or waiting:
            while pieces and len(waiting) < WAITING * self.pool.count:
                files = [file for _, file in pieces.popleft()]
                waiting.append(self.pool.call(prepared, (self.choice.how, files), about=str(files[0])))
            yield from waiting.popleft()()
