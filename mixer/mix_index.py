"""The index of a mix: one row a record, in mix order, made of the parts' indexes in bounded memory.

The rows of a mix lie anywhere in the store. So the store is gone through in groups of parts, each of whose rows are put
in files by the range of the mix they belong to, and then every range is sorted by place. polars writes the whole from
those files as it reads them. (Gathering from all columns at once takes a tenth less time and twice the memory.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import atomic, manifest
from mixer.columns import media_lists
from mixer.gathering import Every

if TYPE_CHECKING:
    import polars as pl

GROUP = 1 << 17
"""Records of the store whose index columns are in memory at once, about 100 bytes each; of a large store a `STEPS`th."""
RANGE = 1 << 16
"""Rows of the mix finished at once; of a large mix a `STEPS`th."""
STEPS = 24
"""At most so many groups times so many ranges are files at once."""

_FROM_STORE = [
    "id", "digest", "key", "subset", "paths", "images", "videos", "audios", "turns", "characters", "length",
]  # fmt: skip

TOKENS = ("tokens", "target_tokens")
"""Columns that are counted when a recipe asks for them."""


def write(
    every: Every, order: pl.DataFrame, names: list[str], start: int, between: int, folder: Path, *, tokens: bool = False
) -> str:
    """Write the index of a mix into its folder; give the mix id.

    `order` holds leaf, row and pass of each record; `names` and `every`'s sources are the leaves'. The first record
    starts at byte `start` of the data file, and `between` bytes part each from the next. `tokens`: they were counted.
    """
    import polars as pl

    slices = folder / "slices"
    slices.mkdir()
    leaves = pl.DataFrame({"leaf": names, "source": every.sources})
    identity, files = manifest.MixId(), []
    step = pl.col("length").cast(pl.UInt64) + between
    columns = [*_FROM_STORE, *(TOKENS if tokens else ())]
    for number, rows in enumerate(_ranges(every, order, columns, slices)):
        named = leaves[rows["leaf"]].hstack(rows.drop("leaf"))
        identity.add(named)
        offset = (step.cum_sum() - step + start).alias("offset")
        if not tokens:
            named = named.with_columns(pl.lit(None, dtype=pl.UInt32).alias(name) for name in TOKENS)
        files.append(slices / f"{number:08d}.arrow")
        named.select("*", media_lists(named), offset).select(manifest.INDEX_COLUMNS).write_ipc(files[-1])
        start += int(named.select(step.sum()).item())
    # Digests and keys, most of the bytes, do not compress, and nobody searches by statistics.
    pl.scan_ipc(files).sink_parquet(
        folder / manifest.INDEX, compression="zstd", compression_level=1, statistics=False, row_group_size=RANGE
    )
    atomic.remove_folder(slices)
    return identity.hexdigest()


def _ranges(every: Every, order: pl.DataFrame, columns: list[str], folder: Path) -> Iterator[pl.DataFrame]:
    """Go through the rows of a mix in order: leaf, pass and what the store knows of each."""
    groups = every.groups(max(GROUP, every.records // STEPS))
    rows = max(RANGE, order.height // STEPS)
    if len(groups) == 1:
        atlas = every.columns(columns)
        for here, at in every.slices(order, rows):
            yield here.select("leaf", "pass").hstack(atlas[at])
        return
    _scatter(every, order, columns, groups, rows, folder)
    for start in range(0, order.height, rows):
        yield _gathered(folder, start // rows)


def _scatter(
    every: Every, order: pl.DataFrame, columns: list[str], groups: list[range], rows: int, folder: Path
) -> None:
    """Put the rows of each group of parts in files by range of the mix; `place` is their number inside the range."""
    import polars as pl

    at = every.at(order)
    for number, parts in enumerate(groups):
        first, atlas = every.first_of(parts), every.columns(columns, parts)
        inside = at.is_between(first, first + atlas.height, closed="left").arg_true()
        here = order[inside].select("leaf", "pass")
        found = here.hstack(atlas[at[inside] - first]).with_columns(
            (inside // rows).alias("range"), (inside % rows).cast(pl.UInt32).alias("place")
        )
        for (range_,), piece in found.partition_by("range", as_dict=True, include_key=False).items():
            piece.write_ipc(folder / f"range-{range_}-{number}.arrow")


def _gathered(folder: Path, range_: int) -> pl.DataFrame:
    """Put the rows of one range together, and remove their files."""
    import polars as pl

    files = sorted(folder.glob(f"range-{range_}-*.arrow"))
    rows = pl.concat([pl.read_ipc(file) for file in files]).sort("place").drop("place")
    for file in files:
        file.unlink()
    return rows
