"""The images that are to be compared: which there are, what each of them is, and which cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mixer import remembered
from mixer.collection import Collection
from mixer.columns import read_columns
from mixer.embedding import vectors_folder
from mixer.embedding.brought import Vectors
from mixer.errors import DataError
from mixer.fingerprints import CONTENT, PERCEPTUAL, distinct_images
from mixer.processes import Workers
from mixer.progress import Progress
from mixer.remote.path import parsed

if TYPE_CHECKING:
    import polars as pl

By = Literal["embeddings", "perceptual", "content"]
NO_FILE = "in none of the media folders"
NO_EMBEDDING = "has no embedding"
_FOLDER = r"/?[^/]*$"
"""What is left of a path without it is its folder."""


@dataclass(frozen=True)
class Images:
    """Images, one row each, sorted by path."""

    known: pl.DataFrame
    """item, folder, content, and value: a row of embeddings or a perceptual hash (UInt64), or null by content."""
    problems: pl.DataFrame
    """item, folder, problem: images that cannot be compared."""
    records: pl.DataFrame
    """folder, records (UInt32): those whose first image is in the folder; without records, its images."""


@dataclass(frozen=True)
class Files:
    """How files are looked into."""

    store: Path
    workers: Workers
    progress: Progress


def of_collection(collection: Collection, by: By, vectors: Vectors | None, *, paths_only: bool, files: Files) -> Images:
    """Take the images that records name. With `paths_only` no file is read, and images are told apart by their paths."""
    import polars as pl

    listed = distinct_images(collection).sort("image", "file", "leaf", nulls_last=True)
    listed = listed.unique("image", keep="first", maintain_order=True).select("folder", "file", item="image")
    nothing = pl.lit(None, dtype=pl.String)
    if paths_only:
        found = listed.select("item", "folder", content="item", file=nothing, problem=nothing)
    else:
        found = _with_contents(listed, files)
    return _sorted_out(_valued(found, by, vectors, files), _records(collection))


def of_embeddings(path: Path, vectors: Vectors) -> Images:
    """Take the images that embeddings are of: a folder's list of them, else their names. Raises DataError."""
    import polars as pl

    nothing = pl.lit(None, dtype=pl.String)
    if path.is_dir():
        if not (path / vectors_folder.IMAGES).is_file():
            raise DataError(f"{path}: has no {vectors_folder.IMAGES}; run `mixer embed` to its end, or name the images")
        images = read_columns(path / vectors_folder.IMAGES, ["path", "folder", "sha256"])
        found = images.select("folder", item="path", content="sha256", problem=nothing).unique(
            "item", keep="first", maintain_order=True
        )
        without = [(item, reason) for item, reason in vectors_folder.read_problems(path)]
        lost = pl.DataFrame(without, schema={"item": pl.String, "problem": pl.String}, orient="row")
        lost = lost.select(pl.col("item").str.replace(_FOLDER, "").alias("folder"), "item", "problem", content=nothing)
        found = pl.concat([found, lost.select(found.columns)])
    else:
        names = pl.DataFrame({"item": vectors.keys}, schema={"item": pl.String})
        folder = pl.col("item").str.replace(_FOLDER, "").alias("folder")
        found = names.select(folder, "item", content="item", problem=nothing)
    found = _with_rows(found, vectors)
    return _sorted_out(found, found.group_by("folder").agg(pl.len().cast(pl.UInt32).alias("records")))


def _with_contents(listed: pl.DataFrame, files: Files) -> pl.DataFrame:
    """Give images (item, folder, file) the sha256 of their files as `content`, or the `problem`."""
    import polars as pl

    there = listed.drop_nulls("file")
    paths = [parsed(path) for path in there["file"]]
    hashed = remembered.remember(CONTENT, paths, files.store, files.workers, files.progress, "hashing images")
    lost = listed.filter(pl.col("file").is_null())
    lost = lost.with_columns(content=pl.lit(None, dtype=pl.String), problem=pl.lit(NO_FILE))
    return pl.concat([there.hstack(hashed.rename({"sha256": "content"})), lost])


def _valued(found: pl.DataFrame, by: By, vectors: Vectors | None, files: Files) -> pl.DataFrame:
    import polars as pl

    if vectors is not None:
        return _with_rows(found, vectors)
    if by == "content":
        return found.with_columns(value=pl.lit(None, dtype=pl.UInt64))
    contents = found.drop_nulls("content").sort("content", "item").unique("content", keep="first", maintain_order=True)
    paths = [parsed(path) for path in contents["file"]]
    seen = remembered.remember(PERCEPTUAL, paths, files.store, files.workers, files.progress, "looking at images")
    looked = contents.select("content").hstack(seen.rename({"phash": "value", "problem": "undecoded"}))
    return found.join(looked, on="content", how="left").with_columns(problem=pl.coalesce("problem", "undecoded"))


def _with_rows(found: pl.DataFrame, vectors: Vectors) -> pl.DataFrame:
    import polars as pl

    key = "content" if vectors.by == "sha256" else "item"
    rows = pl.DataFrame({key: vectors.keys}, schema={key: pl.String}).with_columns(
        value=pl.int_range(pl.len(), dtype=pl.UInt64)
    )
    return found.join(rows, on=key, how="left").with_columns(
        problem=pl.when(pl.col("value").is_null())
        .then(pl.coalesce("problem", pl.lit(NO_EMBEDDING)))
        .otherwise("problem")
    )


def _sorted_out(found: pl.DataFrame, records: pl.DataFrame) -> Images:
    import polars as pl

    known = found.filter(pl.col("problem").is_null()).select("item", "folder", "content", "value").sort("item")
    problems = found.drop_nulls("problem").select("item", "folder", "problem").sort("item")
    return Images(known, problems, records)


def _records(collection: Collection) -> pl.DataFrame:
    """Count the records by the folder of their first image."""
    import polars as pl

    total = pl.DataFrame(schema={"folder": pl.String, "records": pl.UInt32})
    for leaf in collection.leaves:
        for frame in leaf.frames(["media", "images"]):
            first = frame.filter(pl.col("images") > 0).select(pl.col("media").list.first().str.replace(_FOLDER, ""))
            counted = first.group_by(folder="media").agg(pl.len().cast(pl.UInt32).alias("records"))
            total = pl.concat([total, counted]).group_by("folder").agg(pl.col("records").sum())
    return total
