"""The index of a mix: one row a record, in mix order, made of the parts' indexes in bounded memory.

The rows of a mix lie anywhere in the store. So the store is gone through in groups of parts, each of whose rows are put
in files by the range of the mix they belong to, and then every range is sorted by place. polars writes the whole from
those files as it reads them. (Gathering from all columns at once takes a tenth less time and twice the memory.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import atomic, manifest
from mixer.columns import media_lists
from mixer.gathering import Every
from mixer.writers import Frames

if TYPE_CHECKING:
    import polars as pl

GROUP = 1 << 17
"""Records of the store whose index columns are in memory at once, about 100 bytes each; of a large store a `STEPS`th."""
RANGE = 1 << 16
"""Rows of the mix finished at once; of a large mix a `STEPS`th."""
ROW_GROUPS = 2048
"""At most so many are in an index: polars keeps 70 kB of each until it has written the last."""
STEPS = 24
"""At most so many groups times so many ranges are files at once."""

_FROM_STORE = [
    "id", "digest", "key", "subset", "paths", "images", "videos", "audios", "turns", "characters", "literal_tokens",
    "separators",
    "length",
]  # fmt: skip

TOKENS = ("tokens", "target_tokens")
"""Columns that are counted when a recipe asks for them."""


def columns(*, tokens: bool) -> tuple[str, ...]:
    """Name what is asked of the store; `tokens`: they were counted."""
    return (*_FROM_STORE, *(TOKENS if tokens else ()))


def write(
    ranges: Iterable[pl.DataFrame],
    leaves: Sequence[tuple[str, str]],
    frames: Frames,
    cuts: tuple[int, ...],
    folder: Path,
) -> str:
    """Write the index of a mix into its folder; give the mix id.

    `ranges` hold, in order, leaf and pass of each record and what the store knows of it, see `columns`; `leaves` are
    names and sources. `frames` says what is around the records in the data files, which end after the `cuts`.
    """
    import polars as pl

    placed = folder / "placed"
    placed.mkdir()
    names = pl.DataFrame(leaves, schema={"leaf": pl.String, "source": pl.String}, orient="row")
    identity, files, places = manifest.MixId(), [], _Places(frames, cuts)
    for number, rows in enumerate(_recut(ranges)):
        named = names[rows["leaf"]].hstack(rows.drop("leaf"))
        identity.add(named)
        missing = [name for name in TOKENS if name not in named.columns]
        named = named.with_columns(pl.lit(None, dtype=pl.UInt32).alias(name) for name in missing)
        files.append(placed / f"{number:08d}.arrow")
        whole = named.hstack(places.next(named["length"]))
        listed = whole.select("*", media_lists(named)).select(manifest.INDEX_COLUMNS)
        listed.write_ipc(files[-1], compression="lz4")  # a third of the bytes, and so quicker than without
    join(files, folder / manifest.INDEX, cuts[-1])
    atomic.remove_folder(placed)
    return identity.hexdigest()


def join(files: list[Path], index: Path, records: int) -> None:
    """Write the finished rows of a mix of so many records, which lie in files, as its index."""
    import polars as pl

    # Digests and keys, most of the bytes, do not compress, and nobody searches by statistics.
    pl.scan_ipc(files, glob=False).sink_parquet(
        index,
        compression="zstd",
        compression_level=1,
        statistics=False,
        row_group_size=max(RANGE, -(-records // ROW_GROUPS)),
    )


def _recut(ranges: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Cut rows anew into those of a row group, so that the bytes of the file do not tell how many came at once."""
    import polars as pl

    waiting: list[pl.DataFrame] = []
    for rows in ranges:
        waiting.append(rows)
        held = sum(piece.height for piece in waiting)
        while held >= RANGE:
            whole = pl.concat(waiting)
            yield whole[:RANGE].rechunk()
            waiting, held = [whole[RANGE:]], held - RANGE
    if any(piece.height for piece in waiting):
        yield pl.concat(waiting).rechunk()


class _Places:
    """Where each record of a mix begins, as its lengths are told in order: its shard, and its offset in that file."""

    def __init__(self, frames: Frames, cuts: tuple[int, ...]) -> None:
        import polars as pl

        self._frames, self._cuts = frames, pl.Series(cuts, dtype=pl.UInt64)
        self._rows = self._shard = self._held = 0
        """Records before the next; the shard of the last of them, and how many bytes they take there."""

    def next(self, length: pl.Series) -> pl.DataFrame:
        """Place the next records: shard, offset."""
        import polars as pl

        at = pl.Series(range(self._rows, self._rows + length.len()), dtype=pl.UInt64)
        shard = self._cuts.search_sorted(at, side="right").cast(pl.UInt32).alias("shard")
        step = (length.cast(pl.UInt64) + self._frames.BETWEEN).alias("step")
        placed = pl.DataFrame([shard, step]).with_columns(pl.col("step").cum_sum().over("shard").alias("end"))
        held = pl.when(pl.col("shard") == self._shard).then(pl.lit(self._held, dtype=pl.UInt64)).otherwise(0)
        placed = placed.with_columns(pl.col("end") + held)
        if placed.height:
            self._rows += placed.height
            self._shard, self._held = int(placed["shard"][-1]), int(placed["end"][-1])
        return placed.select("shard", (pl.col("end") - pl.col("step") + self._frames.START).alias("offset"))


def gathered(every: Every, order: pl.DataFrame, columns: Sequence[str], folder: Path) -> Iterator[pl.DataFrame]:
    """Go through the rows of a mix in order: leaf, pass and what the store knows of each.

    `order` holds leaf, row and pass of each record; `folder` is for files of its own.
    """
    groups = every.groups(max(GROUP, every.records // STEPS))
    rows = max(RANGE, order.height // STEPS)
    if len(groups) == 1:
        atlas = every.columns(list(columns))
        for here, at in every.slices(order, rows):
            yield here.select("leaf", "pass").hstack(atlas[at])
        return
    slices = folder / "slices"
    slices.mkdir()
    _scatter(every, order, list(columns), groups, rows, slices)
    for start in range(0, order.height, rows):
        yield _gathered(slices, start // rows)
    atomic.remove_folder(slices)


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
    rows = pl.scan_ipc(files, glob=False).collect().sort("place").drop("place")
    for file in files:
        file.unlink()
    return rows
