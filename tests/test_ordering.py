"""The global order: keyed hashes that never change, and what follows from sorting by them."""

from __future__ import annotations

import doctest
from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer import ordering
from mixer.ordering import mix64, mix64_column, salt, slots_of

KEYS = st.integers(0, 2**64 - 1)
LEAVES = ["vqav2", "gqa", "ocrvqa", "chart"]  # codes are not in the order of names
COLUMNS = {"leaf": pl.UInt16, "row": pl.UInt32, "pass": pl.UInt32, "order": pl.UInt64}
MODES = ["shuffle", "blocks", "spread"]


def order(*arguments):
    """Give a whole order at once."""
    return pl.concat([frame([]), *ordering.order(*arguments)])


def frame(rows):
    """Make rows of chosen records a frame."""
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def chosen(keys=KEYS, leaves=LEAVES, min_size=0):
    """Give rows of a mix, each leaf's row and pass at most once."""
    who = st.tuples(st.integers(0, len(leaves) - 1), st.integers(0, 30), st.integers(0, 2))
    rows = st.lists(st.tuples(who, keys), unique_by=lambda row: row[0], min_size=min_size, max_size=60)
    return rows.map(lambda rows: [(*who, key) for who, key in rows])


def identity(rows):
    """Name row n of any leaf so that neither ids, digests nor ordinals tell records apart alone."""
    row = pl.col("row")
    return rows.select(
        (row % 2).cast(pl.String).alias("id"),
        (row // 2 % 2).cast(pl.String).cast(pl.Binary).alias("digest"),
        (100 - row // 4).alias("ordinal"),
    )


def known(row):
    """Give what settles a tie, for a row of `frame`."""
    leaf, number, pass_, _ = row
    return LEAVES[leaf], str(number % 2), str(number // 2 % 2).encode(), 100 - number // 4, pass_


def test_the_documented_vectors_hold():
    """The hashes of the docstrings are what the functions give; they are promised for good."""
    result = doctest.testmod(ordering)

    assert result.attempted == 3
    assert result.failed == 0


def test_mix64_of_nothing_is_the_first_number_of_splitmix64():
    """The mixer is made of the published finaliser, so its published first output appears."""
    assert mix64(0, 0) == 0xE220A8397B1DCDAF


@given(st.lists(KEYS, max_size=20), KEYS)
def test_column_and_scalar_agree(keys, salt):
    """The vectorised mixer gives what the written-out one gives."""
    column = mix64_column(pl.Series(keys, dtype=pl.UInt64), salt)

    assert column.dtype == pl.UInt64
    assert column.to_list() == [mix64(key, salt) for key in keys]


@given(st.lists(st.tuples(KEYS, KEYS), max_size=20))
def test_a_column_of_salts_agrees(pairs):
    """Each row may bring its own salt."""
    keys = pl.Series([key for key, _ in pairs], dtype=pl.UInt64)
    salts = pl.Series([salt for _, salt in pairs], dtype=pl.UInt64)

    assert mix64_column(keys, salts).to_list() == [mix64(key, salt) for key, salt in pairs]


def undone(mixed, salt):
    """Invert mix64."""
    for constant, fold in ((salt + 0x9E3779B97F4A7C15, int.__sub__), (salt, int.__xor__)):
        for shift, factor in ((31, 1), (27, 0x94D049BB133111EB), (30, 0xBF58476D1CE4E5B9)):
            if shift != 31:
                mixed = mixed * pow(factor, -1, 2**64) % 2**64
            unshifted = mixed
            while (back := mixed ^ (unshifted >> shift)) != unshifted:
                unshifted = back
            mixed = unshifted
        mixed = fold(mixed, constant) % 2**64
    return mixed


@given(KEYS, KEYS)
def test_mixing_is_a_bijection_of_keys(key, salt):
    """For every salt, different keys stay different: only equal keys can tie inside a leaf's pass."""
    assert undone(mix64(key, salt), salt) == key


def test_salts_differ_in_every_part():
    """Leaf, seed, purpose and pass each matter, and where one ends and the next begins does too."""
    salts = [
        salt("ab", 1, "order", 0),
        salt("a", 1, "border", 0),
        salt("ab", 11, "order", 0),
        salt("ab", 1, "order", 1),
        salt("ab", 1, "select", 0),
        salt("ab1", 1, "order", 0),
    ]

    assert len(set(salts)) == len(salts)


@pytest.mark.parametrize("mode", MODES)
@given(chosen(keys=KEYS | st.integers(0, 3)), st.randoms(use_true_random=False))
def test_the_order_rows_come_in_does_not_matter(mode, rows, random):
    """Shuffled input gives the same mix, also where keys tie."""
    shuffled = random.sample(rows, len(rows))

    expected = order(frame(rows), mode, LEAVES, identity)

    assert order(frame(shuffled), mode, LEAVES, identity).equals(expected)
    assert expected.schema == pl.Schema(COLUMNS)
    assert sorted(expected.rows()) == sorted(rows)


@pytest.mark.parametrize("mode", MODES)
@given(chosen(keys=KEYS | st.integers(0, 3) | st.integers(2**64 - 3, 2**64 - 1)), st.integers(1, 20))
def test_ranges_of_keys_give_the_same_order(mode, rows, size):
    """However few rows are mixed and sorted at once."""
    whole = order(frame(rows), mode, LEAVES, identity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "SLICE", size)

        assert order(frame(rows), mode, LEAVES, identity).equals(whole)


@given(chosen(keys=KEYS | st.integers(0, 3)))
def test_shuffle_sorts_by_key_then_identity(rows):
    """Equal keys are settled by leaf name, id, digest, ordinal and pass."""
    mixed = order(frame(rows), "shuffle", LEAVES, identity).rows()

    assert mixed == sorted(rows, key=lambda row: (row[3], known(row)))


@given(chosen(keys=KEYS | st.integers(0, 3)))
def test_blocks_keep_leaves_in_recipe_order(rows):
    """One leaf follows the other, each shuffled inside."""
    mixed = order(frame(rows), "blocks", LEAVES, identity).rows()

    assert mixed == sorted(rows, key=lambda row: (row[0], row[3], known(row)))


@pytest.mark.parametrize("mode", ["shuffle", "blocks"])
@given(chosen(keys=KEYS | st.integers(0, 3)), st.integers(0, 3))
def test_adding_a_leaf_is_a_pure_insertion(mode, rows, added):
    """Without the added leaf's rows, the mix is the one before."""
    before = [row for row in rows if row[0] != added]

    after = order(frame(rows), mode, LEAVES, identity).rows()

    assert [row for row in after if row[0] != added] == order(frame(before), mode, LEAVES, identity).rows()


@given(chosen(keys=KEYS | st.integers(0, 3)))
def test_spread_keeps_every_leaf_near_its_share_in_every_prefix(rows):
    """After p of T records, a leaf with c of them has shown less than one more or fewer than p c / T."""
    mixed = order(frame(rows), "spread", LEAVES, identity).rows()

    shown = [0] * len(LEAVES)
    counts = [sum(row[0] == leaf for row in rows) for leaf in range(len(LEAVES))]
    for position, row in enumerate(mixed, start=1):
        shown[row[0]] += 1
        for leaf, count in enumerate(counts):
            assert abs(shown[leaf] - Fraction(position * count, len(rows))) < 1


@given(chosen(keys=KEYS | st.integers(0, 3)))
def test_spread_shows_whole_passes_before_the_next(rows):
    """Inside a leaf, passes follow each other and each is shuffled."""
    mixed = order(frame(rows), "spread", LEAVES, identity).rows()

    for leaf in range(len(LEAVES)):
        inside = [row for row in mixed if row[0] == leaf]
        assert inside == sorted(inside, key=lambda row: (row[2], row[3], known(row)))


def test_spread_by_hand():
    """Of equally due leaves the first name comes first: chart before gqa before vqav2, though codes say otherwise."""
    rows = [(0, 0, 0, 5), (0, 1, 0, 4), (1, 0, 0, 9), (3, 0, 0, 1)]

    mixed = order(frame(rows), "spread", LEAVES)

    assert mixed.rows() == [(0, 1, 0, 4), (3, 0, 0, 1), (1, 0, 0, 9), (0, 0, 0, 5)]


@given(st.lists(st.integers(0, 40), max_size=12))
def test_every_job_runs_between_release_and_due_slot(counts):
    """The j-th of c jobs in T slots runs at or after floor((j - 1) T / c) and before ceil(j T / c)."""
    slots = slots_of(counts)

    total = sum(counts)
    for number, count in enumerate(counts):
        ran = [slot for slot, who in enumerate(slots) if who == number]
        assert len(ran) == count
        for job, slot in enumerate(ran, start=1):
            assert (job - 1) * total // count <= slot < -(-job * total // count)


def test_slots_take_the_earliest_due_among_the_released():
    """Against the definition, slot by slot."""
    counts = [7, 1, 3, 3, 2]
    total, done, expected = sum(counts), [0] * len(counts), []
    for slot in range(total):
        released = [n for n, c in enumerate(counts) if done[n] < c and done[n] * total // c <= slot]
        due = min(released, key=lambda n: (-(-(done[n] + 1) * total // counts[n]), n))
        expected.append(due)
        done[due] += 1

    assert list(slots_of(counts)) == expected


def test_a_tie_without_identity_is_refused():
    """Rather than let the order of files decide."""
    with pytest.raises(LookupError, match="2 rows share a key"):
        order(frame([(0, 0, 0, 1), (0, 1, 0, 1), (0, 2, 0, 2)]), "shuffle", LEAVES)


def test_only_tied_rows_are_identified():
    """Nobody asks for the ids of a whole mix."""
    asked = []

    def remembering(rows):
        asked.extend(rows.rows())
        return identity(rows)

    order(frame([(0, n, 0, key) for n, key in enumerate([5, 7, 7, 7, 9, 3, 3])]), "shuffle", LEAVES, remembering)

    assert [key for *_, key in asked] == [3, 3, 7, 7, 7]


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_mix_has_an_order(mode):
    """Nothing chosen gives nothing, with the same columns."""
    assert order(frame([]), mode, LEAVES).schema == pl.Schema(COLUMNS)


def test_neighbouring_keys_scatter():
    """Keys that differ in one bit are as good as any: half of the pairs swap."""
    mixed = [mix64(key, 17) for key in range(2000)]

    assert 900 < sum(a < b for a, b in pairwise(mixed)) < 1100
