"""Which records -> one global order, pure: sorts by keyed hashes, so that no library's random numbers matter.

`chosen` and what `order` gives have the columns leaf (UInt16: position in the list of leaf names, which is in recipe
order), row (in the leaf's source), pass (from 0) and order (UInt64, `mix64` of the record's key).

Two different records may share a 64-bit key. Their order then hangs on the leaf's name, id, digest, ordinal and pass;
an `Identity` gives those facts for the few rows that need them, so that nobody holds the ids of a whole mix.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from mixer.resolved import Order

if TYPE_CHECKING:
    import polars as pl

Identity = Callable[["pl.DataFrame"], "pl.DataFrame"]
"""Rows of `chosen` (for selection: of one leaf's pool) -> their id (str), digest (bytes) and ordinal (int), row by row."""

_64 = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31
SLICE = 1 << 20
"""Rows that are mixed or sorted at once, about, so that memory stays flat."""


def salt(leaf: str, seed: int, purpose: str, pass_: int) -> int:
    """Give what `mix64` mixes into the keys of a leaf's pass, 64 bits; never to change within a language version.

    The 8-byte blake2b of the four parts as text, each behind its length in 8 bytes, all little-endian.

    >>> hex(salt("vqav2", 17, "select", 0)), hex(salt("vqav2", 17, "order", 1))
    ('0x9501e1aabe51868e', '0xb9fa6262722219e2')
    """
    parts = [part.encode() for part in (leaf, str(seed), purpose, str(pass_))]
    data = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def mix64(key: int, salt: int) -> int:
    """Mix a 64-bit salt into a 64-bit key; never to change within a language version.

    Twice the finaliser of splitmix64, the salt entering before each round: a bijection of the keys for every salt.

    >>> [hex(mix64(key, salt)) for key, salt in [(0, 0), (1, 0), (0, 1), (2**64 - 1, 2**64 - 1)]]
    ['0xe220a8397b1dcdaf', '0xbfef8030ddc2d772', '0x95041e213fd80dfa', '0xe4d971771b652c20']
    >>> hex(mix64(0x0123456789ABCDEF, 0xFEDCBA9876543210))
    '0x11d3840b341b8e27'
    """
    return _finalised((_finalised(key ^ salt) + salt + _GOLDEN) & _64)


def _finalised(x: int) -> int:
    for shift, factor in _ROUNDS:
        x = (x ^ (x >> shift)) * factor & _64
    return x ^ (x >> _LAST_SHIFT)


def mix64_column(keys: pl.Series, salt: int | pl.Series) -> pl.Series:
    """Do `mix64` on a UInt64 column; the salt is one for all, or a UInt64 column of the same length."""
    import polars as pl

    pieces = []
    for start in range(0, max(1, keys.len()), SLICE):  # its steps make several columns, which would be the most of all
        # Every operand is a UInt64 series: products and sums then wrap at 64 bits, and no literal is widened.
        salts = _constant(salt) if isinstance(salt, int) else salt[start : start + SLICE]
        here = keys[start : start + SLICE]
        pieces.append(_finalised_column(_finalised_column(here ^ salts) + (salts + _constant(_GOLDEN))))
    mixed = pl.concat(pieces)
    assert mixed.dtype == pl.UInt64
    return mixed


def _finalised_column(x: pl.Series) -> pl.Series:
    for shift, factor in _ROUNDS:
        x = (x ^ (x // _constant(1 << shift))) * _constant(factor)
    return x ^ (x // _constant(1 << _LAST_SHIFT))


def _constant(value: int) -> pl.Series:
    import polars as pl

    return pl.Series([value], dtype=pl.UInt64)


def unidentified(rows: pl.DataFrame) -> pl.DataFrame:
    """Be the Identity of callers that have none. Raises LookupError: without one, a tie would hang on file order."""
    raise LookupError(f"{rows.height} rows share a key, and nothing here tells them apart")


def order(
    chosen: pl.DataFrame, mode: Order, leaves: Sequence[str], identity: Identity = unidentified
) -> Iterator[pl.DataFrame]:
    """Put chosen records into the mix's order, part by part; `leaves` are the leaf names in recipe order.

    shuffle: all by order key. blocks: leaf after leaf in recipe order, shuffled inside. spread: every prefix holds
    each leaf within one record of its share, pass 0 of a leaf before pass 1, shuffled inside.
    """
    import polars as pl

    if mode == "shuffle":
        yield from _by_ranges(chosen, identity, leaves)
    elif mode == "blocks":
        for code in sorted(chosen["leaf"].unique()):
            yield from _by_ranges(chosen.filter(pl.col("leaf") == code), identity, leaves)
    else:
        yield _spread(sort_by_keys(chosen, ["leaf", "pass", "order"], identity, leaves), leaves)


def _by_ranges(chosen: pl.DataFrame, identity: Identity, leaves: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Sort by order key, a range of the keys at a time, since sorting takes several times the memory of the rows.

    Rows that tie have one key, so they are in one range.
    """
    import polars as pl

    ranges = chosen.height // SLICE + 1
    width = -(-(1 << 64) // ranges)
    for number in range(ranges):
        last = min((number + 1) * width, 1 << 64) - 1
        inside = pl.col("order").is_between(pl.lit(number * width, pl.UInt64), pl.lit(last, pl.UInt64))
        yield sort_by_keys(chosen.filter(inside) if ranges > 1 else chosen, ["order"], identity, leaves)


def sort_by_keys(
    rows: pl.DataFrame, keys: list[str], identity: Identity = unidentified, leaves: Sequence[str] = ()
) -> pl.DataFrame:
    """Sort by integer columns; rows equal in all of them by leaf name, id, digest, ordinal and pass.

    Rows without a leaf or pass column are taken to be of one leaf or pass.
    """
    import polars as pl

    ordered = rows.sort(keys)
    same = pl.all_horizontal(pl.col(key) == pl.col(key).shift() for key in keys)
    as_before = ordered.select(same.fill_null(value=False).alias("as_before"))["as_before"]
    if not as_before.any():
        return ordered
    tied = as_before | as_before.shift(-1, fill_value=False)
    places = tied.arg_true().cast(pl.Int64)
    settled = places.gather(_settled(ordered.filter(tied), keys, identity, leaves))
    everyone = pl.int_range(ordered.height, dtype=pl.Int64, eager=True)
    return ordered[everyone.scatter(places, settled)]


def _settled(tied: pl.DataFrame, keys: list[str], identity: Identity, leaves: Sequence[str]) -> list[int]:
    """Give the positions of tied rows in the order that their identity settles."""
    names: Iterable[str] = (leaves[code] for code in tied["leaf"]) if "leaf" in tied.columns else [""] * tied.height
    passes: Iterable[int] = tied["pass"] if "pass" in tied.columns else [0] * tied.height
    who = identity(tied).select("id", "digest", "ordinal").iter_rows()
    facts = sorted(zip(tied.select(keys).iter_rows(), names, who, passes, range(tied.height), strict=True))
    return [fact[-1] for fact in facts]


def _spread(rows: pl.DataFrame, leaves: Sequence[str]) -> pl.DataFrame:
    """Deal rows that stand leaf by leaf to the slots of their leaves."""
    import polars as pl

    counts = dict(rows.group_by("leaf").len().iter_rows())
    by_name = sorted(counts, key=lambda code: leaves[code])
    slots = slots_of([counts[code] for code in by_name])
    return dealt(rows, pl.Series(by_name, dtype=pl.UInt16).gather(pl.Series(slots, dtype=pl.UInt16)))


def dealt(rows: pl.DataFrame, leaf_of_slot: pl.Series) -> pl.DataFrame:
    """Put rows that stand leaf by leaf, by their codes, into slots that each name a leaf."""
    slots = leaf_of_slot.to_frame("leaf").with_row_index("slot").sort("leaf", "slot")
    return rows.with_columns(slots["slot"]).sort("slot").drop("slot")


def slots_of(counts: Sequence[int]) -> array[int]:
    """Give all slots at once; see `slots`."""
    return array("H", slots(counts))


def slots(counts: Sequence[int]) -> Iterator[int]:
    """Give each of sum(counts) slots to one of the numbers 0, 1, ...: number n gets counts[n] of them, evenly.

    Of T slots, the j-th of c is released at floor((j - 1) T / c) and due by ceil(j T / c); each slot goes to the
    earliest due among the released, ties to the lower number. With one job a slot and shares that sum to 1 that meets
    every due time, so each prefix of p slots holds less than one more or one fewer than p c / T.
    """
    total = sum(counts)
    # (slot from which the next job may run, number): a job is asked for only once its predecessor ran
    waiting = [(0, number) for number, count in enumerate(counts) if count]
    heapify(waiting)
    ready: list[tuple[int, int]] = []
    done = [0] * len(counts)
    for slot in range(total):
        while waiting and waiting[0][0] <= slot:
            number = heappop(waiting)[1]
            heappush(ready, (-(-(done[number] + 1) * total // counts[number]), number))
        number = heappop(ready)[1]
        yield number
        done[number] += 1
        if done[number] < counts[number]:
            release = done[number] * total // counts[number]
            heappush(waiting, (release if release > slot else slot + 1, number))
