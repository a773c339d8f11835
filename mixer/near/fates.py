"""From nodes back to items: which item goes, for which other, and how alike the two are.

Items of a node are copies of one another. The first in order stands for them; where the node stays, the others go as its
twins of score 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixer.near.keeping import Kept

if TYPE_CHECKING:
    import polars as pl


def fates(items: pl.DataFrame, kept: Kept) -> pl.DataFrame:
    """Give `items` (sorted by item, with item and node) the columns `twin` (String) and `score`; null: it stays."""
    import numpy as np
    import polars as pl

    at = items["node"].to_numpy()
    stand = items.unique("node", keep="first", maintain_order=True).sort("node")["item"]
    twin = stand.gather(np.where(kept.dropped, kept.twin, np.arange(len(kept.twin)))[at])
    score = np.where(kept.dropped, kept.score, 1.0)[at]
    gone = pl.Series(kept.dropped[at]) | (items["item"] != twin)
    told = items.with_columns(twin.alias("twin"), pl.Series("score", score))
    return told.with_columns(pl.when(gone).then(pl.col(name)).alias(name) for name in ("twin", "score"))
