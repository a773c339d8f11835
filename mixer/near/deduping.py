"""`mixer dedup images`: images -> a search -> who stays -> the folder of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mixer.embedding import vectors_folder
from mixer.embedding.brought import Vectors
from mixer.errors import DataError, UsageError
from mixer.extras import need
from mixer.fingerprints import FLAT
from mixer.near import large, near_file, results, table
from mixer.near.comparing import compare
from mixer.near.cosine import Cosine
from mixer.near.hamming import BITS, Hamming, bits
from mixer.near.images import NO_EMBEDDING, NO_FILE, By, Images
from mixer.near.pairs import MOST_PAIRS, CopiesOnly, Search
from mixer.near.table import Table
from mixer.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

METHODS: Mapping[By, near_file.Method] = MappingProxyType(
    {"embeddings": "cosine", "perceptual": "perceptual", "content": "content"}
)
THRESHOLDS: Mapping[By, tuple[float, ...]] = MappingProxyType(
    {"embeddings": (0.7, 0.8, 0.9), "perceptual": (1 - 8 / BITS, 1 - 4 / BITS), "content": (1.0,)}
)
"""What is asked where nothing is said."""


@dataclass(frozen=True)
class Asked:
    """How images are to be compared."""

    by: By
    thresholds: tuple[float, ...]
    within: bool
    """Only images of the same folder."""
    most: int = MOST_PAIRS
    approximate: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    table: Table
    said: Mapping[str, Any]
    """What table.json says."""


def asked(
    by: By, thresholds: Sequence[float], *, within: bool, most: int = MOST_PAIRS, approximate: bool = False
) -> Asked:
    """Check what is asked. Raises UsageError."""
    chosen = tuple(sorted(set(thresholds or THRESHOLDS[by])))
    wrong = [each for each in chosen if not 0 < each <= 1]
    if wrong:
        raise UsageError(f"--threshold {wrong[0]:g}: expected a number above 0, at most 1")
    if by == "content" and chosen != (1.0,):
        raise UsageError("--threshold: goes with embeddings and the perceptual hash; equal content is 1")
    if by == "perceptual":
        bits(chosen[0])
    if approximate and by != "embeddings":
        raise UsageError("--approximate: goes with embeddings only")
    if approximate:
        need("faiss", "dedup-large")
    return Asked(by, chosen, within, most, approximate)


def images(images: Images, vectors: Vectors | None, asked: Asked, out: Path, progress: Progress = silent) -> Outcome:
    """Compare images and write the folder of results. Raises UsageError, or DataError for no image or too many pairs."""
    _refuse_none(images)
    items = near_file.with_nodes(images.known, within=asked.within)
    search, missed = _search(items, images.known, vectors, asked)
    compared = compare(search, asked.thresholds, asked.most, progress)
    model = None if vectors is None else _model(vectors)
    told, said = results.write(
        out,
        results.Results(
            near_file.About("images", METHODS[asked.by], compared.least, asked.within, model),
            items,
            compared,
            images.problems,
            dict(images.records.iter_rows()),
            "folder",
            "image",
            missed(),
        ),
    )
    return Outcome(told, said)


def _refuse_none(images: Images) -> None:
    """Refuse to say that no image is like another where none was looked at. Raises DataError."""
    if images.known.height:
        return
    if not images.problems.height:
        raise DataError("there is no image to compare")
    item, problem = images.problems.select("item", "problem").row(0)
    asked = {NO_FILE: "; is --media the folder their paths begin in?", NO_EMBEDDING: "; are these of other images?"}
    raise DataError(
        f"none of the {images.problems.height:,} images can be compared, such as {item}: {problem}{asked.get(problem, '')}"
    )


def _search(
    items: pl.DataFrame, known: pl.DataFrame, vectors: Vectors | None, asked: Asked
) -> tuple[Search, Callable[[], dict[str, Any]]]:
    """Make the search, and what says afterwards how much it missed. A node is what its first item is."""
    import numpy as np

    first = items.unique("node", keep="first", maintain_order=True).sort("node")
    first = first.join(known.select("item", "value"), on="item", how="left").sort("node")
    bounds = _bounds(first, within=asked.within)
    if asked.by == "content":
        return CopiesOnly(first.height), dict
    values = first["value"].to_numpy()
    if vectors is None:
        hashes = values.astype(np.uint64)
        return Hamming(hashes, bounds, np.flatnonzero(hashes >= np.uint64(FLAT))), dict
    search = Cosine(vectors.matrix, values.astype(np.int64), bounds)
    if not asked.approximate:
        return replace(search, find=large.exact_find(search)), dict
    lists = large.Lists()
    return replace(search, find=lists), lambda: {"approximate": lists.missed(search, asked.thresholds)}


def _bounds(first: pl.DataFrame, *, within: bool) -> np.ndarray:
    """Say where the groups of nodes begin, and how many nodes there are."""
    import numpy as np

    starts = first["folder"].ne(first["folder"].shift()).arg_true().to_numpy() if within else np.array([0])
    return np.unique(np.concatenate([[0], starts, [first.height]])).astype(np.int64)


def _model(vectors: Vectors) -> dict[str, Any] | None:
    """Say what made embeddings, without what differs from machine to machine."""
    if vectors.model is None:
        return None
    return {name: vectors.model[name] for name in vectors_folder.SAME}


def text(outcome: Outcome, asked: Asked, out: Path, width: int | None = None) -> str:
    """Print an outcome for people: the table, and below it what there is to say."""
    said = outcome.said
    lines = [table.text(outcome.table, width)]
    if outcome.table.total.left_out:
        lines.append(f"{outcome.table.total.left_out:,} images could not be compared: {out / 'problems.jsonl'}")
    if said["least"] > asked.thresholds[0]:
        lines.append(
            f"more than {asked.most:,} pairs are alike by {asked.thresholds[0]:g} or more: {near_file.NAME} holds those of "
            f"{said['least']:g} or more, and a recipe can ask for no less; --pairs allows more"
        )
    lines += [
        f"at {each['threshold']:g} the approximate search missed {each['missed']:,} of {each['pairs']:,} pairs of a sample"
        + ("" if each["share"] is None else f" ({each['share']:.2%})")
        for each in said.get("approximate", ())
    ]
    return "\n".join([*lines, f"{said['pairs']:,} pairs in {out / near_file.NAME}"])
