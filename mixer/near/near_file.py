"""The file of near-duplicates that `mixer dedup` writes and a recipe names: one Parquet file, one row an item.

    item      String        images: the path as in records; text: source and key, `svit/00c0ffee00c0ffee`
    content   String        what is compared: images: sha256 of the file's bytes; text: as item
    folder    String        images: folder of the path; text: the source
    twins     List(String)  contents that are alike by `least` or more
    scores    List(Float64) how much, in the same order

Rows are sorted by item, twins by content. A pair stands once: with the content that is later in order, in the first of
its rows. Compared within folders, a content is one in each of its folders, and its twins lie in the same. The key `mixer`
of the file's metadata says as JSON what the items are (`of`), the method, `least`, `within` and the model.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mixer import atomic
from mixer.errors import DataError, MissingFile, UsageError
from mixer.near.pairs import Pairs

if TYPE_CHECKING:
    import polars as pl

Of = Literal["images", "text"]
Method = Literal["cosine", "perceptual", "content", "minhash", "exact"]
NAME = "near.parquet"
_KEY = "mixer"
_TWINS = ("twins", "scores")


@dataclass(frozen=True)
class About:
    """What a file of near-duplicates is of."""

    of: Of
    method: Method
    least: float
    """The file knows all pairs that are alike by this or more."""
    within: bool
    """Only items of the same folder were compared."""
    model: dict[str, Any] | None = None
    """What made the embeddings; plain JSON values."""


@dataclass(frozen=True)
class Near:
    """Items, their nodes and the pairs among these."""

    about: About
    items: pl.DataFrame
    """item, content, folder, sorted by item; and node (UInt32)."""
    nodes: int
    pairs: Pairs


def with_nodes(items: pl.DataFrame, *, within: bool) -> pl.DataFrame:
    """Sort items (item, content, folder) and number their contents in ascending order, as the column `node`.

    Within folders a content is a node in each folder, and those of a folder follow each other.
    """
    import polars as pl

    items = items.select(pl.col("item", "content", "folder").cast(pl.String))
    key = ["folder", "content"] if within else ["content"]
    nodes = items.select(key).unique().sort(key).with_row_index("node")
    return items.join(nodes, on=key, how="left").sort("item").select("item", "content", "folder", "node")


def write(path: Path, items: pl.DataFrame, pairs: Pairs, about: About) -> None:
    """Write a file whole or not at all. `items` come from `with_nodes`; pairs count their nodes."""
    import numpy as np
    import polars as pl

    contents = items.unique("node", keep="first", maintain_order=True).sort("node")["content"]
    # Twins come in the order of their contents, since that is the order of the nodes.
    order = np.lexsort((pairs.first, pairs.second))
    named = pl.DataFrame(
        {
            "node": pl.Series(pairs.second[order], dtype=pl.UInt32),
            "twins": contents.gather(pairs.first[order]),
            "scores": pl.Series(pairs.score[order], dtype=pl.Float64),
        }
    )
    lists = named.group_by("node", maintain_order=True).agg("twins", "scores")
    del named, order
    once = pl.when(pl.col("node").is_first_distinct()).then("node").alias("node")
    rows = items.with_columns(once).join(lists, on="node", how="left", maintain_order="left")
    rows = rows.with_columns(pl.col(name).fill_null([]) for name in _TWINS)
    told = {_KEY: json.dumps(asdict(about), ensure_ascii=False, sort_keys=True)}
    with atomic.working_folder(path.parent) as folder:
        made = folder / NAME
        rows.select("item", "content", "folder", *_TWINS).write_parquet(made, compression="zstd", metadata=told)
        atomic.move_file(made, path)


def about(path: Path) -> About:
    """Say what a file is of. Raises MissingFile or DataError."""
    import polars as pl

    if not path.is_file():
        raise MissingFile(f"{path}: is missing; `mixer dedup images|text -o DIR` writes it")
    try:
        told = json.loads(pl.read_parquet_metadata(path)[_KEY])
        found = About(**told)
    except KeyError:
        raise _damaged(path, "its metadata has no key 'mixer'") from None
    except (OSError, pl.exceptions.PolarsError, ValueError, TypeError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error
    kinds = (found.of in ("images", "text"), type(found.least) in (int, float), type(found.within) is bool)
    if not all(kinds):
        raise _damaged(path, f"its metadata says {told}")
    return found


def read(path: Path) -> Near:
    """Read a file. Raises MissingFile, and DataError where it is not what `write` wrote."""
    import polars as pl

    known = about(path)
    types: dict[str, Any] = {"item": pl.String, "content": pl.String, "folder": pl.String}
    types |= {"twins": pl.List(pl.String), "scores": pl.List(pl.Float64)}
    try:
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error
    if dict(frame.schema) != types:
        raise _damaged(path, f"expected the columns {types}, got {dict(frame.schema)}")
    if frame.null_count().sum_horizontal().item():
        raise _damaged(path, "an item lacks a value")
    twice = frame.filter(pl.col("item").is_duplicated())
    if twice.height:
        raise _damaged(path, f"item {twice['item'][0]!r} has {twice.height} rows of this name")
    items = with_nodes(frame.select("item", "content", "folder"), within=known.within)
    nodes = items["node"].n_unique()
    return Near(known, items, nodes, _pairs(path, frame, items, known, nodes))


def _pairs(path: Path, frame: pl.DataFrame, items: pl.DataFrame, known: About, nodes: int) -> Pairs:
    """Turn twins to pairs of nodes; one that stands twice is one."""
    import numpy as np
    import polars as pl

    uneven = frame.filter(pl.col("twins").list.len() != pl.col("scores").list.len())
    if uneven.height:
        raise _damaged(path, f"item {uneven['item'][0]!r} has not one score a twin")
    alike = frame.select("item", "folder", *_TWINS).filter(pl.col("twins").list.len() > 0).explode(_TWINS)
    key = ["folder", "content"] if known.within else ["content"]
    there = items.select(*key, "node").unique()
    named = (
        alike.rename({"twins": "content"})
        .join(there, on=key, how="left")
        .join(items.select("item", mine="node"), on="item", how="left")
    )
    unknown = named.filter(pl.col("node").is_null())
    if unknown.height:
        raise _damaged(path, f"item {unknown['item'][0]!r} has the twin {unknown['content'][0]!r}, which is no item's")
    wrong = named.filter(
        ~(pl.col("scores") >= known.least) | pl.col("scores").is_nan() | (pl.col("node") == pl.col("mine"))
    )
    if wrong.height:
        raise _damaged(
            path,
            f"item {wrong['item'][0]!r} has a twin of score {wrong['scores'][0]}, or itself; expected {known.least:g} or more",
        )
    mine, other = named["mine"].to_numpy().astype(np.int64), named["node"].to_numpy().astype(np.int64)
    first, second = np.minimum(mine, other), np.maximum(mine, other)
    _, at = np.unique(first * nodes + second, return_index=True)
    return Pairs(first[at], second[at], named["scores"].to_numpy()[at])


def _damaged(path: Path, what: str) -> DataError:
    return DataError(f"{path}: is not a file of near-duplicates as `mixer dedup` writes them: {what}; make it again")


def check(path: Path, known: About, of: Of, threshold: float) -> None:
    """Refuse a file that cannot answer what a recipe asks. Raises UsageError."""
    if known.of != of:
        raise UsageError(
            f"{path}: expected near-duplicates of {of}, got those of {known.of}; `mixer dedup {of}` writes them"
        )
    if threshold < known.least:
        raise UsageError(
            f"{path}: threshold {threshold:g}: the file knows only pairs of {known.least:g} or more; ask for a threshold "
            f"from there to 1, or make it again with `mixer dedup {of} --threshold {threshold:g}`"
        )
