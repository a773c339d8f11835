"""Near-duplicates of pools: one of each group stays, within a leaf or among all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mixer import pools
from mixer.errors import DataError
from mixer.manifest import CURATED
from mixer.pools import Pool
from mixer.resolved import Dedup, Near
from mixer.ruling import Ruling

if TYPE_CHECKING:
    import polars as pl

Of = Literal["images", "text"]
STEPS: dict[Of, str] = {"images": CURATED[2], "text": CURATED[3]}
"""In the order in which they are taken."""


def deduplicated(made: list[Pool], dedup: Dedup) -> list[Pool]:
    """Take near-duplicates out of pools. Raises as `near_file.read`, for files that are not what the recipe means."""
    files = {"images": dedup.images, "text": dedup.text}
    for of in STEPS:
        near = files[of]
        if near is None:
            continue
        among = [made] if dedup.scope == "mix" else [[pool] for pool in made]
        made = [each for together in among for each in _without_twins(together, near, of)]
    return made


def _without_twins(made: list[Pool], near: Near, of: Of) -> list[Pool]:
    from mixer.near import rule

    frames = [_items(pool, of) for pool in made]
    rulings = rule.judge(frames, [frame["items"] for frame in frames], near.file, float(near.threshold), of)
    unknown = [ruling.counts.get(rule.UNKNOWN, 0) for ruling in rulings]
    named = [frame.filter(frame["items"].list.len() > 0).height for frame in frames]
    if sum(named) and sum(unknown) == sum(named):
        raise DataError(
            f"{near.file}: knows none of the {sum(named):,} records of {', '.join(pool.leaf.name for pool in made)}; make "
            f"it again with `mixer dedup {of}` for this recipe"
        )
    left = []
    for pool, gone, without in zip(made, _gone(made, frames, rulings, of), unknown, strict=True):
        note = [f"dedup {of}: {near.file.name} does not know {without:,} of its records"] if without else []
        taken = pools.without(pool, STEPS[of], gone, {})
        left.append(replace(taken, notes=(*taken.notes, *note)))
    return left


def _gone(made: list[Pool], frames: list[pl.DataFrame], rulings: Sequence[Ruling], of: Of) -> Iterator[pl.DataFrame]:
    """Say of each pool which records go and why: row, why.

    The same text may come from leaves over one source, and then it has one item: the first leaf by name keeps it.
    """
    import polars as pl

    judged = [
        frame.with_columns(ruling.why.alias("why"), pl.lit(pool.leaf.name).alias("leaf"))
        for pool, frame, ruling in zip(made, frames, rulings, strict=True)
    ]
    if of == "text" and len(made) > 1:
        every = pl.concat(judged)
        stays = every.filter(pl.col("why").is_null()).with_columns(pl.col("items").list.first().alias("item"))
        owners = stays.group_by("item").agg(pl.col("leaf").min().alias("owner"))
        judged = [_unlike(frame, owners) for frame in judged]
    for frame in judged:
        yield frame.select("row", "why").drop_nulls("why")


def _unlike(frame: pl.DataFrame, owners: pl.DataFrame) -> pl.DataFrame:
    """Let a leaf's records go that another leaf keeps."""
    import polars as pl

    told = frame.with_columns(pl.col("items").list.first().alias("item"))
    told = told.join(owners, on="item", how="left", maintain_order="left")
    elsewhere = pl.when(pl.col("owner") != pl.col("leaf")).then(pl.format("is in {}", "owner"))
    return told.with_columns(pl.coalesce("why", elsewhere).alias("why"))


def _items(pool: Pool, of: Of) -> pl.DataFrame:
    """List what the file may know of each record that is left: row, items."""
    import polars as pl

    if of == "images":
        frame = pool.entry.index(["row", "media", "images"]).filter(pool.keep)
        return frame.select("row", pl.col("media").list.head(pl.col("images")).alias("items"))
    from mixer.texts.reading import items_of

    frame = pool.entry.index(["row", "key"]).filter(pool.keep)
    items = items_of(pool.entry.ledger.source, frame["key"])
    return frame.select("row", items.to_frame().select(pl.concat_list("item"))["item"].alias("items"))
