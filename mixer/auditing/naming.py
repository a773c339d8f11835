"""Which media the records of a leaf name, as what, and how many records do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mixer.collection import Records

if TYPE_CHECKING:
    import polars as pl


def named(records: Records) -> pl.DataFrame:
    """Count a leaf's records by medium, a million at a time: `media` (the path), `role` (image, video or audio), `records`.

    A record that names a medium twice is one. Sorted by path and role.
    """
    import polars as pl

    total = pl.DataFrame(schema={"media": pl.String, "role": pl.String, "records": pl.UInt32})
    for frame in records.frames(["media", "images", "videos"]):
        counted = _uses(frame).group_by("media", "role").agg(pl.col("row").n_unique().cast(pl.UInt32).alias("records"))
        total = pl.concat([total, counted.select(total.columns)])
        total = total.group_by("media", "role").agg(pl.col("records").sum())
    return total.select("media", "role", "records").sort("media", "role")


def affected(records: Records, bad: pl.DataFrame) -> int:
    """Count a leaf's records that name any of the bad media, given by `media` and `role`."""
    if not bad.height:
        return 0
    wanted = bad.select("media", "role").unique()
    frames = records.frames(["media", "images", "videos"])
    return sum(_uses(frame).join(wanted, on=["media", "role"], how="semi")["row"].n_unique() for frame in frames)


def _uses(frame: pl.DataFrame) -> pl.DataFrame:
    """Give a row for each medium of each record."""
    import polars as pl

    place = pl.int_ranges(pl.col("media").list.len()).alias("place")
    role = (
        pl.when(pl.col("place") < pl.col("images"))
        .then(pl.lit("image"))
        .when(pl.col("place") < pl.col("images").cast(pl.Int64) + pl.col("videos"))
        .then(pl.lit("video"))
        .otherwise(pl.lit("audio"))
        .alias("role")
    )
    having = frame.with_row_index("row").filter(pl.col("media").list.len() > 0)
    return having.with_columns(place).explode("media", "place").select("row", "media", role)
