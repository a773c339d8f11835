"""What a recipe's near-duplicates take out of its pools, by the file that `mixer dedup` wrote.

Only items that records here have take part: what is left out by other rules drops nothing. Items of the same content
are copies: the first in order stands for them, and the others go as its twins of score 1. A record goes when any of its
items does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.errors import UsageError
from mixer.extras import need
from mixer.near import near_file
from mixer.near.fates import fates
from mixer.near.keeping import keep
from mixer.near.near_file import Near, Of
from mixer.near.pairs import Pairs
from mixer.ruling import Ruling
from mixer.stamps import Stamp, stamp

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

UNKNOWN = "not in the file"


def judge(
    frames: Sequence[pl.DataFrame], items: Sequence[pl.Series], file: Path, threshold: float, of: Of
) -> list[Ruling]:
    """Judge the records of one leaf, or those of all leaves of a mix together: one frame and one ruling a leaf.

    `items` lists each record's items, as lists of strings. Records with an item that the file has no row of are counted;
    that item takes no part. Raises MissingFile, DataError or UsageError for a file that cannot be used.
    """
    import polars as pl

    need("numpy", "dedup")
    known = near_file.about(file)
    near_file.check(file, known, of, threshold)
    if known.within and len(frames) > 1:
        raise UsageError(
            f"{file}: `scope: mix` compares all records, but the file knows only pairs within "
            f"{'a folder' if of == 'images' else 'a source'}; make it again with `mixer dedup {of} --across`, or write "
            "`scope: source`"
        )
    if not frames:
        return []
    near = _read(file, stamp(file))
    listed = pl.concat([_listed(each).with_columns(leaf=leaf) for leaf, each in enumerate(items)])
    judged = listed.join(_fates(near, listed["item"].unique(), threshold), on="item", how="left")
    return [_ruling(judged.filter(pl.col("leaf") == leaf), frame.height) for leaf, frame in enumerate(frames)]


@lru_cache(maxsize=1)
def _read(file: Path, _seen: Stamp) -> Near:
    """Read a file, once for all leaves of a recipe."""
    return near_file.read(file)


def _listed(items: pl.Series) -> pl.DataFrame:
    """Give a row for each item of each record: row, item."""
    import polars as pl

    lists = pl.DataFrame({"item": items.cast(pl.List(pl.String))}).with_row_index("row")
    return lists.filter(pl.col("item").list.len() > 0).explode("item")


def _fates(near: Near, items: pl.Series, threshold: float) -> pl.DataFrame:
    """Say of each item that the file knows which other it goes for: item, twin, score; null: it stays."""
    import numpy as np
    import polars as pl

    here = near.items.select("item", "node").filter(pl.col("item").is_in(items.implode()))
    nodes, at = np.unique(here["node"].to_numpy(), return_inverse=True)
    kept = keep(len(nodes), _among(near.pairs, near.nodes, nodes, threshold), threshold)
    here = here.with_columns(pl.Series("node", at, dtype=pl.UInt32))
    return fates(here, kept).select("item", "twin", "score", known=pl.lit(True))


def _among(pairs: Pairs, count: int, nodes: np.ndarray, threshold: float) -> Pairs:
    """Give the pairs among some of the nodes, which are numbered anew in the same order."""
    import numpy as np

    number = np.full(count, -1, np.int64)
    number[nodes] = np.arange(len(nodes))
    first, second = number[pairs.first], number[pairs.second]
    mask = (first >= 0) & (second >= 0) & (pairs.score >= threshold)
    return Pairs(first[mask], second[mask], pairs.score[mask])


def _ruling(judged: pl.DataFrame, records: int) -> Ruling:
    """Turn the fates of a leaf's items to a ruling on its records; a record's first item that goes says why."""
    import polars as pl

    hundredths = (pl.col("score") * 100).round().cast(pl.Int64)
    decimals = (hundredths % 100).cast(pl.String).str.zfill(2)
    gone = (
        judged.drop_nulls("twin")
        .unique("row", keep="first", maintain_order=True)
        .select("row", pl.format("near {} ({}.{})", "twin", hundredths // 100, decimals).alias("why"))
    )
    every = pl.DataFrame({"row": pl.Series(range(records), dtype=pl.UInt32)})
    why = every.join(gone, on="row", how="left").sort("row")["why"]
    unknown = judged.filter(pl.col("known").is_null())["row"].n_unique()
    return Ruling(why, {UNKNOWN: unknown} if unknown else {})
