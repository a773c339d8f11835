"""Which records of a pool are shown: passes, samples that nest, caps, and amounts in another unit."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer import ordering, selection
from mixer.ordering import mix64, salt
from mixer.selection import capped, in_selection_order, mass_of, nearest, prefix, select

KEYS = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=30, unique=True)
SEEDS = st.integers(0, 5)


def pool_of(keys, masses=None, media=None):
    """Make a pool of records numbered in the order of their keys."""
    columns = {"row": pl.Series(range(len(keys)), dtype=pl.UInt32), "key": pl.Series(keys, dtype=pl.UInt64)}
    if masses is not None:
        columns["mass"] = pl.Series(masses, dtype=pl.UInt32)
    if media is not None:
        columns["media"] = pl.Series(media, dtype=pl.List(pl.String))
    return pl.DataFrame(columns)


def identity(rows):
    """Tell records apart by their row only."""
    return rows.select(pl.lit("same").alias("id"), pl.lit(b"").alias("digest"), pl.col("row").alias("ordinal"))


def by_row(chosen):
    """List chosen records in an order of their own."""
    return sorted(chosen.rows())


@given(KEYS, SEEDS, st.integers(0, 100))
def test_the_smallest_select_keys_are_chosen_pass_by_pass(keys, seed, count):
    """Against the definition: whole passes, then the r smallest of the last, each with its order key."""
    whole, rest = divmod(count, len(keys))
    expected = [(row, pass_) for pass_ in range(whole) for row in range(len(keys))]
    last = sorted(range(len(keys)), key=lambda row: mix64(keys[row], salt("gqa", seed, "select", whole)))
    expected += [(row, whole) for row in last[:rest]]

    chosen = select(pool_of(keys), "gqa", seed, count)

    assert chosen.schema == pl.Schema({"row": pl.UInt32, "pass": pl.UInt32, "order": pl.UInt64})
    assert by_row(chosen) == sorted(
        (row, pass_, mix64(keys[row], salt("gqa", seed, "order", pass_))) for row, pass_ in expected
    )


@given(KEYS, SEEDS, st.integers(0, 100), st.integers(0, 40))
def test_a_larger_count_keeps_the_smaller_sample(keys, seed, count, more):
    """Growing an amount only adds records."""
    smaller = select(pool_of(keys), "gqa", seed, count)
    larger = select(pool_of(keys), "gqa", seed, count + more)

    assert set(smaller.rows()) <= set(larger.rows())
    assert larger.height == count + more


@given(KEYS, SEEDS, st.integers(0, 100))
def test_multiplicities_differ_by_at_most_one(keys, seed, count):
    """No record is shown twice before every record was shown once, and never twice in a pass."""
    chosen = select(pool_of(keys), "gqa", seed, count)

    times = Counter(chosen["row"])
    assert {times[row] for row in range(len(keys))} <= {count // len(keys), -(-count // len(keys))}
    assert chosen.select("row", "pass").is_unique().all()


@given(KEYS, SEEDS, st.integers(0, 100), st.randoms(use_true_random=False))
def test_the_order_of_the_pool_does_not_matter(keys, seed, count, random):
    """A pool read in another order gives the same sample."""
    rows = random.sample(range(len(keys)), len(keys))

    chosen = select(pool_of(keys)[rows], "gqa", seed, count)

    assert by_row(chosen) == by_row(select(pool_of(keys), "gqa", seed, count))


def test_leaf_seed_and_pass_draw_differently():
    """Each leaf, seed and pass has a sample of its own."""
    pool = pool_of(list(range(1000)))
    samples = [
        select(pool, leaf, seed, count).filter(pl.col("pass") == count // 1000)["row"].to_list()
        for leaf, seed, count in (("a", 1, 100), ("b", 1, 100), ("a", 2, 100), ("a", 1, 1100))
    ]

    assert len({tuple(sorted(sample)) for sample in samples}) == 4


@pytest.fixture
def weak_keys(monkeypatch):
    """Leave two bits of every mixed key, so that nearly all tie."""
    strong = ordering.mix64_column
    monkeypatch.setattr(
        selection, "mix64_column", lambda keys, salt: strong(keys, salt) // pl.Series([2**62], dtype=pl.UInt64)
    )


def test_ties_are_settled_the_same_way_in_any_order(weak_keys):
    """With nearly equal keys, identity decides, and not the order of the pool."""
    pool = pool_of(list(range(50)))
    reverse = pool.reverse()

    for count in (1, 7, 25, 49, 60, 120):
        chosen = select(pool, "gqa", 1, count, identity)
        assert by_row(select(reverse, "gqa", 1, count, identity)) == by_row(chosen)
        assert chosen.height == count


def test_ties_still_nest(weak_keys):
    """A larger count keeps the smaller sample also where keys tie."""
    pool = pool_of(list(range(20)))
    samples = [set(select(pool, "gqa", 1, count, identity).rows()) for count in range(45)]

    assert all(smaller < larger for smaller, larger in pairwise(samples))


def test_records_of_an_empty_pool_are_refused():
    """There is nothing to repeat; nothing wanted is no mistake."""
    with pytest.raises(ValueError, match="gqa: an empty pool has none of the 3 records"):
        select(pool_of([]), "gqa", 1, 3)
    assert select(pool_of([]), "gqa", 1, 0).height == 0


def test_a_tiny_pool_may_be_shown_very_often():
    """Many passes cost no more than their records."""
    chosen = select(pool_of([7]), "gqa", 1, 100_000)

    assert chosen["pass"].max() == 99_999
    assert chosen["order"].n_unique() == 100_000


# --- max_per_image -------------------------------------------------------------------------------------------------


def images(max_size=24):
    """Give the images of each record of a pool."""
    return st.lists(st.lists(st.sampled_from("ABCDE"), max_size=3), min_size=1, max_size=max_size)


def greedy(media, ordered, limit):
    """Cap by the definition."""
    seen, kept = Counter(), []
    for row in ordered:
        if all(seen[image] < limit for image in media[row]):
            seen.update(set(media[row]))
            kept.append(row)
    return kept


@given(images(), st.integers(1, 3), SEEDS, st.integers(0, 2))
def test_caps_are_greedy_in_selection_order(media, limit, seed, pass_):
    """A record of several images counts for each once; text is always kept."""
    pool = pool_of(list(range(len(media))), media=media)
    ordered = in_selection_order(pool, "gqa", seed, pass_)["row"].to_list()

    kept = capped(pool, limit, "gqa", seed, pass_)["row"].to_list()

    assert kept == greedy(media, ordered, limit)
    assert {row for row, names in enumerate(media) if not names} <= set(kept)


@given(images(), st.integers(1, 3), SEEDS, st.integers(0, 60))
def test_capped_passes_respect_the_cap_and_the_count(media, limit, seed, count):
    """Every pass draws its own capped pool until the count is met."""
    pool = pool_of(list(range(len(media))), media=media)

    chosen = select(pool, "gqa", seed, count, max_per_image=limit)

    assert chosen.height == count
    for (_,), shown in chosen.group_by("pass"):
        assert shown["row"].is_unique().all()
        assert all(
            times <= limit for times in Counter(name for row in shown["row"] for name in set(media[row])).values()
        )


@given(images(), SEEDS, st.integers(0, 40), st.integers(0, 20))
def test_capped_samples_nest(media, seed, count, more):
    """A larger count keeps the smaller sample under caps too."""
    pool = pool_of(list(range(len(media))), media=media)

    smaller = select(pool, "gqa", seed, count, max_per_image=1)

    assert set(smaller.rows()) <= set(select(pool, "gqa", seed, count + more, max_per_image=1).rows())


def test_worked_caps():
    """Images A2 B2 C2 D1 after `except`, one each: a pool of 4, of which 1.5 epochs are 6."""
    pool = pool_of(list(range(7)), media=[[name] for name in "AABBCCD"])

    first = capped(pool, 1, "gqa", 17, 0)
    chosen = select(pool, "gqa", 17, 6, max_per_image=1)

    assert first.height == 4
    assert Counter(chosen["pass"]) == {0: 4, 1: 2}
    assert sorted(chosen.filter(pl.col("pass") == 0)["row"]) == sorted(first["row"])


def test_passes_choose_other_records_of_an_image():
    """With one of 20 records of an image a pass, passes differ."""
    pool = pool_of(list(range(20)), media=[["A"]] * 20)

    chosen = select(pool, "gqa", 17, 10, max_per_image=1)

    assert chosen["row"].n_unique() > 4


# --- amounts in another unit ---------------------------------------------------------------------------------------

TURNS = [4, 1, 6, 2, 3]


@pytest.mark.parametrize(("amount", "records", "turns"), [(10, 3, 11), (8, 2, 5), (0, 0, 0), (2, 0, 0), (16, 5, 16)])
def test_worked_prefix(amount, records, turns):
    """The prefix whose mass is nearest, of two as near the shorter."""
    found = nearest(pl.Series(TURNS, dtype=pl.UInt32), Fraction(amount))

    assert found == records
    assert sum(TURNS[:found]) == turns


MASSES = st.lists(st.integers(0, 9), min_size=1, max_size=12)
AMOUNTS = st.fractions(0, 120, max_denominator=4)


@given(MASSES, AMOUNTS, SEEDS)
def test_prefix_against_all_prefixes(masses, amount, seed):
    """Over all passes together, no prefix is nearer, and none as near is shorter."""
    pool = pool_of(list(range(len(masses))), masses)
    passes = range(-(-130 // max(1, sum(masses))) if any(masses) else 1)
    drawn = [mass for pass_ in passes for mass in in_selection_order(pool, "gqa", seed, pass_)["mass"]]
    sums = [sum(drawn[:records]) for records in range(len(drawn) + 1)]

    found = prefix(pool, "gqa", seed, amount)

    assert found == min(range(len(sums)), key=lambda records: (abs(sums[records] - amount), records))
    assert abs(mass_of(pool, "gqa", seed, found) - amount) <= max(masses) or not any(masses)


@given(images(10), st.data(), SEEDS)
def test_capped_prefix_against_all_prefixes(media, data, seed):
    """Under caps, passes weigh differently and are walked one by one."""
    masses = data.draw(st.lists(st.integers(1, 9), min_size=len(media), max_size=len(media)))
    amount = data.draw(st.fractions(0, 30, max_denominator=4))
    pool = pool_of(list(range(len(masses))), masses, media)
    drawn = [mass for pass_ in range(32) for mass in capped(pool, 1, "gqa", seed, pass_)["mass"]]
    sums = [sum(drawn[:records]) for records in range(len(drawn) + 1)]

    found = prefix(pool, "gqa", seed, amount, max_per_image=1)

    assert found == min(range(len(sums)), key=lambda records: (abs(sums[records] - amount), records))
    assert mass_of(pool, "gqa", seed, found, max_per_image=1) == sums[found]


@given(MASSES, SEEDS, st.integers(0, 40))
def test_mass_of_fixed_records(masses, seed, count):
    """Masses are those of the records that are chosen."""
    pool = pool_of(list(range(len(masses))), masses)

    chosen = select(pool, "gqa", seed, count)

    assert mass_of(pool, "gqa", seed, count) == sum(masses[row] for row in chosen["row"])


def test_masses_beyond_32_bits():
    """Sums of 32-bit columns do not wrap."""
    pool = pool_of([1, 2, 3], [2**32 - 1] * 3)

    assert mass_of(pool, "gqa", 1, 3) == 3 * (2**32 - 1)
    assert prefix(pool, "gqa", 1, Fraction(5 * 2**32)) == 5
