"""How many -> which records, pure: the smallest keyed hashes of a pool, pass by pass.

A pool is a frame of one leaf's records: row (in the leaf's source), key (UInt64, the record's identity), mass (in the
recipe's unit; only where amounts are masses) and media (lists of paths; only under a cap). The order of its rows does
not matter. A pass shows each record at most once: a whole pass all of them, the last one those with the smallest
select keys. So a larger count keeps the smaller sample, and no other leaf has a say.

`max_per_image` thins every pass by itself, greedily in selection order: which of an image's records are shown changes
from pass to pass, and where records have several images their number may too; the next pass then makes up for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from math import ceil, isqrt
from typing import TYPE_CHECKING, NamedTuple

from mixer.ordering import Identity, mix64_column, salt, sort_by_keys, unidentified

if TYPE_CHECKING:
    import polars as pl

SLICE = 65_536
"""Records whose media are Python objects at a time."""
REACH = 4
"""How far from where the last key of a pass is expected it is looked for: so many times what one in the square root of
the records is of all keys. Where keys are hashes, that is eight standard deviations at least."""
_KEYS = 1 << 64


def select(
    pool: pl.DataFrame,
    leaf: str,
    seed: int,
    count: int,
    identity: Identity = unidentified,
    max_per_image: int | None = None,
) -> pl.DataFrame:
    """Choose `count` records of a pool, as many passes as it takes: row, pass (UInt32, from 0) and order (UInt64).

    `order` is the key that the mix is sorted by; `identity` settles equal keys. Raises ValueError where the pool is
    empty and the count is not.
    """
    known = pool.drop("mass", strict=False)
    chosen = _chosen(known, leaf, seed, count, identity, max_per_image).select("row", "key", "pass")
    return chosen.select("row", "pass", _order_keys(chosen, leaf, seed))


class Edge(NamedTuple):
    """Which records a pass shows: those whose select key is below `key`, and these rows."""

    key: int
    rows: tuple[int, ...]


def edge(
    pieces: Callable[[], Iterable[pl.DataFrame]],
    records: int,
    leaf: str,
    seed: int,
    pass_: int,
    count: int,
    identity: Identity = unidentified,
) -> Edge:
    """Tell what `select` chooses of a pass of `count` records, of a pool that is never in memory as a whole.

    `pieces` goes through the pool of so many records (row, key) some at a time. Select keys are hashes, so the last one
    shown lies about where its share of all keys ends: keys below a window there are only counted, and those inside it
    are kept. Should it lie elsewhere, all is gone through again with a larger window. The pool has more than `count`
    records, and there is no cap.
    """
    import polars as pl

    expected, reach = count * _KEYS // records, REACH * _KEYS // isqrt(records)
    below, near = _around(pieces(), salt(leaf, seed, "select", pass_), expected, reach)
    while not below < count <= below + near.height:
        reach *= 16
        below, near = _around(pieces(), salt(leaf, seed, "select", pass_), expected, reach)
    shown = sort_by_keys(near, ["select"], identity).head(count - below)
    last = int(shown["select"][-1])
    return Edge(last, tuple(shown.filter(pl.col("select") == last)["row"].to_list()))


def _around(pieces: Iterable[pl.DataFrame], salt: int, middle: int, reach: int) -> tuple[int, pl.DataFrame]:
    """Count the records whose select keys lie before a window, and give those inside it."""
    import polars as pl

    low, high = (pl.lit(min(max(end, 0), _KEYS - 1), dtype=pl.UInt64) for end in (middle - reach, middle + reach))
    below, inside = 0, []
    for piece in pieces:
        keyed = piece.select("row", mix64_column(piece["key"], salt).alias("select"))
        below += int(keyed.select((pl.col("select") < low).sum()).item())
        inside.append(keyed.filter(pl.col("select").is_between(low, high)))
    return below, pl.concat(inside)


def mass_of(
    pool: pl.DataFrame,
    leaf: str,
    seed: int,
    count: int,
    identity: Identity = unidentified,
    max_per_image: int | None = None,
) -> int:
    """Add up the mass of the records that `select` chooses, in the unit of `mass`."""
    return _mass(_chosen(pool, leaf, seed, count, identity, max_per_image))


def prefix(
    pool: pl.DataFrame,
    leaf: str,
    seed: int,
    amount: Fraction,
    identity: Identity = unidentified,
    max_per_image: int | None = None,
) -> int:
    """Count the records in selection order, over as many passes as it takes, whose mass is nearest `amount`.

    Of two that are as near the fewer. A pool without mass gives none.
    """
    total = _mass(pool)
    if not total or amount <= 0:
        return 0
    # Without caps all passes weigh the same, so those surely shown whole need not be looked at.
    pass_ = ceil(amount / total) - 1 if max_per_image is None else 0
    left, records = amount - pass_ * total, pass_ * pool.height
    shown = _pass(pool, leaf, seed, pass_, identity, max_per_image)
    while (weight := _mass(shown)) < left:
        left, records, pass_ = left - weight, records + shown.height, pass_ + 1
        shown = _pass(pool, leaf, seed, pass_, identity, max_per_image)
    inside = nearest(shown["mass"], left)
    while not inside and pass_:  # what ends the pass before without adding mass is not needed either
        pass_ -= 1
        shown = _pass(pool, leaf, seed, pass_, identity, max_per_image)
        records, inside = records - shown.height, nearest(shown["mass"], Fraction(_mass(shown)))
    return records + inside


def nearest(masses: pl.Series, amount: Fraction) -> int:
    """Count the first masses whose sum is nearest `amount`; of two that are as near the fewer."""
    import polars as pl

    sums = masses.cast(pl.Int64).cum_sum()  # 32-bit sums wrap
    above = int(sums.search_sorted(ceil(amount), side="left"))
    below = int(sums[above - 1]) if above else 0
    if above < sums.len() and sums[above] - amount < amount - below:
        return above + 1
    return int(sums.search_sorted(below, side="left")) + 1 if below else 0


def capped(
    pool: pl.DataFrame, limit: int, leaf: str, seed: int, pass_: int, identity: Identity = unidentified
) -> pl.DataFrame:
    """Give what a pass can show with at most `limit` records of each image, in selection order.

    A record of several images counts once for each of them; one without any is always shown.
    """
    import polars as pl

    ordered = in_selection_order(pool, leaf, seed, pass_, identity)
    seen: Counter[str] = Counter()
    keep: list[bool] = []
    for piece in ordered["media"].to_frame().iter_slices(SLICE):
        for media in piece["media"].to_list():
            images = media if len(media) < 2 else set(media)
            fits = all(seen[image] < limit for image in images)
            if fits:
                seen.update(images)
            keep.append(fits)
    return ordered.filter(pl.Series(keep, dtype=pl.Boolean))


def in_selection_order(
    pool: pl.DataFrame, leaf: str, seed: int, pass_: int, identity: Identity = unidentified
) -> pl.DataFrame:
    """Sort a pool as its pass draws it."""
    key = mix64_column(pool["key"], salt(leaf, seed, "select", pass_)).alias("select")
    return sort_by_keys(pool.with_columns(key), ["select"], identity).drop("select")


def _pass(
    pool: pl.DataFrame, leaf: str, seed: int, pass_: int, identity: Identity, max_per_image: int | None
) -> pl.DataFrame:
    if max_per_image is None:
        return in_selection_order(pool, leaf, seed, pass_, identity)
    return capped(pool, max_per_image, leaf, seed, pass_, identity)


def _chosen(
    pool: pl.DataFrame, leaf: str, seed: int, count: int, identity: Identity, max_per_image: int | None
) -> pl.DataFrame:
    """Give the pool's rows that are shown, with their pass."""
    import polars as pl

    if count and not pool.height:
        raise ValueError(f"{leaf}: an empty pool has none of the {count} records to choose")
    # Without caps whole passes show everything: no order decides.
    whole = count // pool.height if count and max_per_image is None else 0
    chosen = [pool.with_columns(pl.lit(pass_, dtype=pl.UInt32).alias("pass")) for pass_ in range(whole)]
    left, pass_ = count - whole * pool.height, whole
    while left:
        shown = _shown(pool, leaf, seed, pass_, left, identity, max_per_image)
        chosen.append(shown.with_columns(pl.lit(pass_, dtype=pl.UInt32).alias("pass")))
        left, pass_ = left - shown.height, pass_ + 1
    nothing = pool.clear().with_columns(pl.lit(0, dtype=pl.UInt32).alias("pass"))
    return pl.concat([nothing, *chosen])


def _shown(
    pool: pl.DataFrame, leaf: str, seed: int, pass_: int, count: int, identity: Identity, max_per_image: int | None
) -> pl.DataFrame:
    """Give the first `count` rows of a pass, in any order; fewer, where a cap leaves fewer."""
    if max_per_image is not None:
        return capped(pool, max_per_image, leaf, seed, pass_, identity).head(count)
    # Only the keys are sorted, which takes a fraction of the time and memory of sorting rows.
    keys = mix64_column(pool["key"], salt(leaf, seed, "select", pass_))
    shown = pool.filter(keys <= keys.sort()[count - 1 : count])
    if shown.height == count:
        return shown
    return in_selection_order(shown, leaf, seed, pass_, identity).head(count)  # several have the last key


def _order_keys(chosen: pl.DataFrame, leaf: str, seed: int) -> pl.Series:
    import polars as pl

    passes = chosen["pass"].max()
    last = passes if isinstance(passes, int) else -1
    salts = pl.Series([salt(leaf, seed, "order", pass_) for pass_ in range(last + 1)], dtype=pl.UInt64)
    return mix64_column(chosen["key"], salts.gather(chosen["pass"])).alias("order")


def _mass(records: pl.DataFrame) -> int:
    import polars as pl

    return int(records["mass"].cast(pl.Int64).sum())
