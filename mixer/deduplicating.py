"""Near-duplicates of pools: one of each group stays, within a leaf or among all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mixer import pools
from mixer.manifest import CURATED
from mixer.pools import Pool
from mixer.resolved import Dedup, Near

if TYPE_CHECKING:
    import polars as pl

Of = Literal["images", "text"]
STEPS: dict[Of, str] = {"images": CURATED[2], "text": CURATED[3]}
"""In the order in which they are taken."""


def deduplicated(made: list[Pool], dedup: Dedup) -> list[Pool]:
    """Take near-duplicates out of pools. Raises as `near_file.read`, for files that are not what the recipe means."""
    for of, near in (("images", dedup.images), ("text", dedup.text)):
        if near is None:
            continue
        if dedup.scope == "mix":
            made = _without_twins(made, near, of)  # type: ignore[arg-type]
        else:
            made = [each for pool in made for each in _without_twins([pool], near, of)]  # type: ignore[arg-type]
    return made


def _without_twins(made: list[Pool], near: Near, of: Of) -> list[Pool]:
    from mixer.near import rule

    frames = [_items(pool, of) for pool in made]
    threshold = float(near.threshold)
    rulings = rule.judge(frames, [frame["items"] for frame in frames], near.file, threshold, of)
    left = []
    for pool, frame, ruling in zip(made, frames, rulings, strict=True):
        gone = frame.select("row").with_columns(ruling.why.alias("why")).drop_nulls("why")
        left.append(pools.without(pool, STEPS[of], gone, ruling.counts))
    return left


def _items(pool: Pool, of: Of) -> pl.DataFrame:
    """List what the file may know of each record that is left: row, items."""
    import polars as pl

    if of == "images":
        frame = pool.entry.index(["row", "media", "images"]).filter(pool.keep)
        return frame.select("row", pl.col("media").list.head(pl.col("images")).alias("items"))
    frame = pool.entry.index(["row", "key"]).filter(pool.keep)
    keys = frame["key"].to_list()
    return frame.select("row", pl.Series("items", [[f"{key:016x}"] for key in keys], dtype=pl.List(pl.String)))
