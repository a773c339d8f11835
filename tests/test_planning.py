"""How much of each leaf: exact ideals, largest remainder, nested recipes, and what happens when pools are short."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mixer.errors import ShortageError
from mixer.planning import PoolSize, allot, largest_remainder, scale_to_pools
from mixer.planning.amounts import read
from mixer.planning.pots import figure, totals
from mixer.resolved import Amount, Group, Input, Leaf, Recipe
from mixer.sources import Options

INPUT = Input("source", Options())
ENDLESS = 10**12


def leaf(name, **given):
    """Make a leaf; its amount is the one keyword that is an amount's kind."""
    return Leaf(name, INPUT, *amount_of(given), **given)


def group(name, *children, size=None, **given):
    """Make a nested recipe, with an amount or none."""
    return Group(name, children, *amount_of(given) or [None], size)


def amount_of(given):
    """Take the amount out of some keywords."""
    kinds = [kind for kind in ("count", "epochs", "budget", "share", "weight") if kind in given]
    return [Amount(kind, Fraction(given.pop(kind))) for kind in kinds]


def recipe(*children, **values):
    """Make a recipe in samples."""
    return Recipe("mix", 17, children, Path("mix.yaml"), **values)


def pools(**records):
    """Give pools of so many records, in samples."""
    return {name: PoolSize(number, number) for name, number in records.items()}


def endless(given):
    """Give pools that are never short."""
    return pools(**{each.name: ENDLESS for each in given.leaves()})


def counts(given, sizes):
    """Plan a recipe and give its counts by leaf."""
    return {name: quota.count for name, quota in allot(given, sizes).quotas.items()}


def ideals(given, sizes):
    """Plan a recipe and give its ideals by leaf."""
    return {name: quota.ideal for name, quota in allot(given, sizes).quotas.items()}


# --- the worked numbers --------------------------------------------------------------------------------------------

ABCD = (leaf("a", count=200), leaf("b", share=Fraction(1, 4)), leaf("c", weight=3), leaf("d", weight=1))
ROOMY = pools(a=300, b=500, c=1000, d=400)
TIGHT = pools(a=300, b=500, c=100, d=400)


def test_worked_rounding():
    """Counts come first, then the share of the size, and the weights divide the rest."""
    plan = allot(recipe(*ABCD, size=1000), ROOMY)

    assert [float(quota.ideal) for quota in plan.quotas.values()] == [200, 250, 412.5, 137.5]
    assert [quota.count for quota in plan.quotas.values()] == [200, 250, 413, 137]
    assert plan.size == 1000


def test_worked_shortage():
    """By default a short leaf is an error with need, pool and the ways out."""
    with pytest.raises(ShortageError) as caught:
        allot(recipe(*ABCD, size=1000), TIGHT)

    assert str(caught.value) == (
        "'c' needs 412.5 samples and its pool holds 100: lower its amount or `size`, "
        "or say `on_short: repeat` (with `max_epochs`), `redistribute` or `shrink`"
    )


def test_worked_redistribution():
    """The deficit of c fills d, and what d cannot take is an error."""
    with pytest.raises(ShortageError) as caught:
        allot(recipe(*ABCD, size=1000, on_short="redistribute"), TIGHT)

    assert str(caught.value) == (
        "'c' needs 412.5 samples and its pool holds 100; redistributing leaves 50 of `size` 1000 that nobody has room "
        "for (pools: b 500, c 100, d 400): lower it, or say `on_short: shrink` or `repeat` (with `max_epochs`)"
    )


def test_worked_shrink():
    """Only the size shrinks."""
    plan = allot(recipe(*ABCD, size=1000, on_short="shrink"), TIGHT)

    assert plan.size == 444
    assert [quota.count for quota in plan.quotas.values()] == [200, 111, 100, 33]


def test_worked_epochs():
    """Half records count up."""
    assert counts(recipe(leaf("a", epochs=Fraction(3, 2))), pools(a=5)) == {"a": 8}


def test_worked_nested_recipe():
    """A leaf inside and beside a nested recipe is one leaf."""
    korean = group("korean", leaf("kvqa", weight=3), leaf("vqav2", weight=1), weight=1)
    given = recipe(leaf("vqav2", weight=2), korean, size=900)

    assert counts(given, endless(given)) == {"vqav2": 675, "kvqa": 225}


def test_worked_caps():
    """A pool of 4 that caps left, shown 1.5 times, is 6."""
    assert counts(recipe(leaf("a", epochs=Fraction(3, 2))), pools(a=4)) == {"a": 6}


# --- sums ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            recipe(*ABCD, size=240),
            "counts, epochs, budgets and shares come to 260 of `size` 240 (a 200, b 60), 20 too many: lower them, or raise `size`",
        ),
        (
            recipe(*ABCD[:2], size=1000),
            (
                "counts, epochs, budgets and shares come to 450 of `size` 1000 (a 200, b 250), "
                "and nobody may take the other 550: give an entry a `weight`"
            ),
        ),
        (recipe(leaf("a", weight=1)), "`weight` and `share` are parts of a whole: give the recipe a `size`"),
        (
            recipe(leaf("a", share=Fraction(2, 3)), leaf("b", share=Fraction(1, 2)), size=60),
            "the shares come to 116.67% of the whole (a 66.67%, b 50%); lower them",
        ),
        (
            recipe(group("g", leaf("a", count=30), leaf("b", weight=1), size=20), leaf("c", weight=1), size=60),
            (
                "counts, epochs, budgets and shares come to 30 of `size` 20 of nested recipe 'g' (a 30), "
                "10 too many: lower them, or raise `size`"
            ),
        ),
        (
            recipe(group("g", leaf("a", share=Fraction(3, 4)), weight=1), size=60),
            "nested recipe 'g': its entries come to 75% of it (a 75%): give an entry a `weight`",
        ),
        (
            recipe(
                group("g", group("h", leaf("a", count=30), leaf("b", weight=1), size=20, weight=1), weight=1), size=60
            ),
            "nested recipe 'h': its entries come to 150% of it (a 150%): lower them",
        ),
        (
            recipe(group("g", leaf("a", count=3), leaf("b", weight=1), weight=1), size=60),
            (
                "nested recipe 'g': its amounts have no common measure; give the nested recipe a `size`, "
                "or all of its entries a weight"
            ),
        ),
        (
            recipe(group("g", leaf("a", share=Fraction(3, 4)), leaf("b", share=Fraction(3, 4)), weight=1), size=60),
            "nested recipe 'g': the shares come to 150% of the whole (a 75%, b 75%); lower them",
        ),
    ],
)
def test_amounts_that_do_not_add_up(given, message):
    """Offenders are named with their figures, in one line."""
    with pytest.raises(ShortageError) as caught:
        allot(given, pools(a=300, b=500, c=1000, d=400))

    assert str(caught.value) == message


def test_amounts_that_add_up_exactly():
    """A size that fixed amounts and shares fill needs no weight."""
    given = recipe(leaf("a", count=30), leaf("b", share=Fraction(7, 10)), size=100)

    assert counts(given, endless(given)) == {"a": 30, "b": 70}


def test_weights_may_get_nothing():
    """A size that is used up leaves the weights 0, which is what was written."""
    given = recipe(leaf("a", count=30), leaf("b", weight=1), size=30)

    assert counts(given, endless(given)) == {"a": 30, "b": 0}


def test_without_size_everything_is_fixed():
    """Counts, epochs and budgets need no size."""
    given = recipe(leaf("a"), leaf("b", count=3), leaf("c", budget=9), leaf("d", epochs=2))
    plan = allot(given, pools(a=5, b=5, c=5, d=5))

    assert [quota.count for quota in plan.quotas.values()] == [5, 3, 9, 10]
    assert plan.size is None


def test_largest_remainder_ties_go_to_the_first_name():
    """Halves are settled by name, not by place."""
    assert largest_remainder({"b": Fraction(1, 2), "a": Fraction(1, 2), "c": Fraction(1)}, 2) == {
        "b": 0,
        "a": 1,
        "c": 1,
    }


@pytest.mark.parametrize(
    ("value", "text"), [("5", "5"), ("5/2", "2.5"), ("1/3", "0.33"), ("-1/4", "-0.25"), ("999999/1000000", "1")]
)
def test_figures(value, text):
    """Whole numbers are exact, others have two places at most."""
    assert figure(Fraction(value)) == text


# --- nested recipes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # no amount: as written, in the outer recipe's size or the nested one's
        ((group("g", leaf("a"), leaf("b", count=7)),), {"a": 40, "b": 7}),
        ((group("g", leaf("a", weight=1)), leaf("b", weight=3), 40), {"a": 10, "b": 30}),
        (
            (group("g", leaf("a", share=Fraction(1, 4)), leaf("b", weight=1), size=20), leaf("c", weight=1), 100),
            {"a": 5, "b": 15, "c": 80},
        ),
        ((group("g", leaf("a"), leaf("b", weight=1), size=60), leaf("c", count=5)), {"a": 40, "b": 20, "c": 5}),
        (
            (group("g", group("h", leaf("a", weight=1), leaf("b", count=4), size=9), leaf("c", weight=1), size=20),),
            {"a": 5, "b": 4, "c": 11},
        ),
        # shares and weights only
        (
            (group("g", leaf("a", share=Fraction(1, 4)), leaf("b", weight=1), leaf("c", weight=2), count=40),),
            {"a": 10, "b": 10, "c": 20},
        ),
        (
            (group("g", leaf("a", weight=1), leaf("b", weight=2), share=Fraction(3, 10)), leaf("c", weight=1), 100),
            {"a": 10, "b": 20, "c": 70},
        ),
        (
            (
                group(
                    "g", group("h", leaf("a", weight=1), leaf("b", weight=1), weight=1), leaf("c", weight=1), budget=100
                ),
            ),
            {"a": 25, "b": 25, "c": 50},
        ),
        # fixed only: in proportion
        ((group("g", leaf("a"), leaf("b", count=10), leaf("c", budget=50), count=20),), {"a": 8, "b": 2, "c": 10}),
        ((group("g", leaf("a"), leaf("b", epochs=Fraction(1, 2)), weight=1), 15), {"a": 10, "b": 5}),
        ((group("g", leaf("a"), leaf("b", epochs=Fraction(1, 2)), epochs=2),), {"a": 80, "b": 40}),
        ((group("g", group("h", leaf("a"), epochs=2), leaf("b", count=20), count=50),), {"a": 40, "b": 10}),
        ((group("g", group("h", leaf("a", count=30), count=10), leaf("b", count=30), count=40),), {"a": 10, "b": 30}),
        ((group("g", group("h", leaf("a", weight=1), size=10), leaf("b", count=30), count=40),), {"a": 10, "b": 30}),
        # both: relative to the nested recipe's own size
        (
            (
                group(
                    "g", leaf("a", count=50), leaf("b", share=Fraction(1, 4)), leaf("c", weight=1), size=100, weight=1
                ),
                20,
            ),
            {"a": 10, "b": 5, "c": 5},
        ),
        ((group("g", leaf("a"), leaf("b", weight=1), size=60, epochs=Fraction(1, 2)),), {"a": 20, "b": 10}),
        # one leaf in several places: ideals add before they are rounded
        ((group("g", leaf("a", epochs=Fraction(1, 80))), group("h", leaf("a", epochs=Fraction(1, 80)))), {"a": 1}),
        ((leaf("a", count=7), group("g", leaf("a", weight=1), leaf("b", weight=1), weight=1), 17), {"a": 12, "b": 5}),
        ((leaf("a", budget=3), group("g", leaf("a", budget=4), leaf("b"))), {"a": 7, "b": 40}),
    ],
)
def test_nested_recipes(given, expected):
    """Every kind of amount of a nested recipe, over pools of 40."""
    *children, last = given
    given = recipe(*children, size=last) if isinstance(last, int) else recipe(*children, last)

    assert counts(given, pools(a=40, b=40, c=80)) == expected


def test_each_fixed_total_is_kept():
    """Nested recipes with a count are rounded apart: one does not take the other's record."""
    thirds = group("g", *(leaf(name, weight=1) for name in "abc"), count=100)
    halves = group("h", *(leaf(name, weight=1) for name in "defg"), count=2)
    given = recipe(thirds, halves)

    assert counts(given, endless(given)) == {"a": 34, "b": 33, "c": 33, "d": 1, "e": 1, "f": 0, "g": 0}


def test_totals_that_share_a_leaf_are_rounded_together():
    """Where pots meet in a leaf, their sum is what can be kept, whatever the order in which they meet."""
    given = recipe(
        group("g", leaf("a", weight=1), leaf("b", weight=2), count=1),
        group("h", leaf("c", weight=1), leaf("d", weight=2), count=1),
        group("i", leaf("b", weight=1), leaf("c", weight=2), count=1),
    )

    assert ideals(given, endless(given)) == {"a": Fraction(1, 3), "b": 1, "c": 1, "d": Fraction(2, 3)}
    assert counts(given, endless(given)) == {"a": 0, "b": 1, "c": 1, "d": 1}


def test_a_nested_recipe_of_nothing_is_short():
    """Where there is nothing to be in proportion to, the leaves are named."""
    with pytest.raises(ShortageError, match="'a' needs 5 samples and its pool holds 0; 'b' needs 5"):
        allot(recipe(group("g", leaf("a"), leaf("b"), count=10)), pools(a=0, b=0))


# --- other units ---------------------------------------------------------------------------------------------------


def in_tokens(*children, **values):
    """Make a recipe in tokens."""
    return recipe(*children, unit="tokens", **values)


def seven_each(_leaf, records):
    """Weigh fixed records at 7 tokens."""
    return 7 * records


def test_fixed_records_weigh_what_they_weigh():
    """In tokens, counts and epochs fix records, whose mass comes out of the size; the others get a mass."""
    given = in_tokens(leaf("a", count=10), leaf("b"), leaf("c", weight=1), leaf("d", budget=11), size=1000)
    sizes = {name: PoolSize(20, 160) for name in "abcd"}

    quotas = allot(given, {**sizes, "c": PoolSize(200, 1600)}, seven_each).quotas

    assert {name: (quota.ideal, quota.count) for name, quota in quotas.items()} == {
        "a": (70, 10),
        "b": (140, 20),
        "c": (779, None),
        "d": (11, None),
    }


def test_a_fixed_leaf_in_another_place_is_a_mass():
    """Records and mass add up to a mass."""
    given = in_tokens(leaf("a", count=10), group("g", leaf("a", weight=1), weight=1), size=100)

    quota = allot(given, {"a": PoolSize(20, 160)}, seven_each).quotas["a"]

    assert (quota.ideal, quota.count) == (100, None)


def test_records_are_not_divided_by_mass():
    """A nested recipe's count would be of records that its entries' tokens divide: refused."""
    with pytest.raises(ShortageError, match="nested recipe 'g': `count` is in records, but its entries divide tokens"):
        allot(in_tokens(group("g", leaf("a", weight=1), count=10)), {"a": PoolSize(20, 160)}, seven_each)


def test_nothing_is_weighed_of_an_empty_pool():
    """A count of it is short, alone and in proportion to others; selection is not asked."""

    def refuse(_leaf, records):
        raise ValueError(records)

    empty = {"a": PoolSize(0, 0), "b": PoolSize(0, 0)}

    with pytest.raises(ShortageError, match="'a' needs 3 records and its pool holds 0"):
        allot(in_tokens(leaf("a", count=3)), empty, refuse)
    with pytest.raises(ShortageError, match="'a' needs 3 tokens and its pool holds 0; 'b' needs 6"):
        allot(in_tokens(group("g", leaf("a", count=3), leaf("b", count=6), budget=9)), empty, refuse)


def test_masses_must_be_given():
    """Only selection knows what fixed records weigh."""
    with pytest.raises(ValueError, match="give `fixed_mass`"):
        allot(in_tokens(leaf("a")), {"a": PoolSize(20, 160)})


def test_counts_are_short_of_records_and_weights_of_mass():
    """Each is measured by what it is written in."""
    given = in_tokens(leaf("a", count=21), leaf("b", weight=1), size=400)

    with pytest.raises(
        ShortageError, match="'a' needs 21 records and its pool holds 20; 'b' needs 253 tokens and its pool holds 160"
    ):
        allot(given, {name: PoolSize(20, 160) for name in "ab"}, seven_each)


# --- shortage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_short", ["error", "redistribute", "shrink"])
def test_a_short_count_is_an_error(on_short):
    """No other leaf stands in for counted records."""
    given = recipe(leaf("a", count=11), leaf("b", weight=1), size=30, on_short=on_short)

    with pytest.raises(ShortageError, match="'a' needs 11 records and its pool holds 10: lower it"):
        allot(given, pools(a=10, b=100))


def test_epochs_and_budget_repeat_openly():
    """They may exceed their pools without being asked again, but not an empty one."""
    given = recipe(
        leaf("a", epochs=3), leaf("b", budget=11), group("g", leaf("c"), budget=7), group("h", leaf("d"), epochs=2)
    )

    assert counts(given, pools(a=2, b=2, c=2, d=2)) == {"a": 6, "b": 11, "c": 7, "d": 4}
    assert counts(recipe(leaf("a", epochs=3)), pools(a=0)) == {"a": 0}
    with pytest.raises(ShortageError, match="'b' needs 11 samples and its pool holds 0"):
        allot(given, pools(a=2, b=0, c=2, d=2))


def test_one_word_of_weight_on_the_way_asks_for_no_repeats():
    """A weight or count inside a nested recipe that repeats openly is still short above its pool."""
    for inner in (leaf("a", weight=1), leaf("a", count=4)):
        with pytest.raises(ShortageError, match="'a' needs 8 samples and its pool holds 5"):
            allot(recipe(group("g", inner, size=4, epochs=2)), pools(a=5))


def test_a_pool_is_shared_by_the_places_of_its_leaf():
    """What epochs show leaves no room for a weight."""
    given = recipe(leaf("a", epochs=Fraction(1, 2)), group("g", leaf("a", weight=1), weight=1), size=11)

    assert counts(given, pools(a=11)) == {"a": 11}
    with pytest.raises(ShortageError, match="'a' needs 11 samples and its pool holds 10"):
        allot(given, pools(a=10))


def test_repeat_goes_up_to_max_epochs():
    """A weighted or counted leaf repeats where its `max_epochs` allows."""
    given = recipe(
        leaf("a", weight=1, max_epochs=Fraction(3, 2)), leaf("b", count=9, max_epochs=2), size=17, on_short="repeat"
    )

    assert counts(given, pools(a=5, b=5)) == {"a": 8, "b": 9}
    with pytest.raises(ShortageError) as caught:
        allot(given, pools(a=4, b=4))
    assert str(caught.value) == (
        "'a' needs 8 samples and its pool holds 6; 'b' needs 9 records and its pool holds 8: lower its amount or `size`, "
        "or give it a `max_epochs` that allows the repeats (a 2, b 2.25 would)"
    )


def test_repeat_without_max_epochs_is_an_error():
    """How often must be said, and the message says how much it takes."""
    given = recipe(leaf("a", weight=1), leaf("b", weight=1), size=20, on_short="repeat")

    with pytest.raises(ShortageError, match=r"'a' needs 10 samples and its pool holds 3.*max_epochs.*\(a 3.34 would\)"):
        allot(given, pools(a=3, b=10))
    with pytest.raises(ShortageError, match=r"that allows the repeats$"):
        allot(given, pools(a=0, b=10))


def test_deficits_go_to_siblings_first():
    """A nested recipe passes on only what its leaves together cannot take; shares receive nothing."""
    inner = group("g", leaf("a", weight=1), leaf("b", weight=1), leaf("s", share=Fraction(1, 3)), weight=1)
    given = recipe(inner, leaf("c", weight=1), leaf("t", share=Fraction(1, 4)), size=240, on_short="redistribute")

    roomy = pools(a=10, b=60, c=100, s=100, t=100)
    tight = pools(a=10, b=40, c=150, s=100, t=100)

    assert ideals(given, endless(given)) == {"a": 30, "b": 30, "s": 30, "c": 90, "t": 60}
    assert ideals(given, roomy) == {"a": 10, "b": 50, "s": 30, "c": 90, "t": 60}
    assert ideals(given, tight) == {"a": 10, "b": 40, "s": 30, "c": 100, "t": 60}


def test_a_short_share_goes_to_weights():
    """A share stops at its pool, inside a nested recipe too."""
    inner = group("g", leaf("s", share=Fraction(1, 2)), leaf("a", weight=1), share=Fraction(1, 2))
    given = recipe(inner, leaf("b", weight=1), leaf("c", weight=3), size=80, on_short="redistribute")

    assert ideals(given, pools(s=5, a=30, b=50, c=32)) == {"s": 5, "a": 30, "b": 13, "c": 32}


def test_a_nested_recipe_of_whole_sources_takes_deficits():
    """In proportion to its masses, as it takes its own weight."""
    given = recipe(group("g", leaf("a"), leaf("b"), weight=1), leaf("c", weight=1), size=60, on_short="redistribute")

    assert ideals(given, pools(a=20, b=40, c=15)) == {"a": 15, "b": 30, "c": 15}


def test_a_fixed_nested_recipe_is_not_filled_from_outside():
    """Its siblings take its deficit, or nobody."""
    given = recipe(
        group("g", leaf("a", weight=1), leaf("b", weight=1), count=20),
        leaf("c", weight=1),
        size=50,
        on_short="redistribute",
    )

    assert ideals(given, pools(a=5, b=15, c=90)) == {"a": 5, "b": 15, "c": 30}
    with pytest.raises(ShortageError, match="leaves 1 of nested recipe 'g' that nobody has room for"):
        allot(given, pools(a=4, b=15, c=90))


def test_room_of_a_leaf_in_several_places_is_divided():
    """In proportion to its ideals there."""
    given = recipe(
        group("g", leaf("a", weight=1), leaf("b", weight=1), weight=1),
        group("h", leaf("a", weight=1), leaf("c", weight=3), weight=2),
        size=120,
        on_short="redistribute",
    )

    assert ideals(given, endless(given)) == {"a": 40, "b": 20, "c": 60}
    assert ideals(given, pools(a=20, b=100, c=100)) == {"a": 20, "b": 30, "c": 70}


def test_weights_that_had_nothing_may_receive():
    """A leaf whose ideal was 0 takes what a share cannot."""
    given = recipe(
        leaf("s", share=Fraction(1, 2)),
        leaf("a", count=50),
        leaf("b", weight=1),
        group("g", leaf("b", weight=1), weight=1),
        size=100,
        on_short="redistribute",
    )

    assert ideals(given, pools(s=10, a=50, b=40)) == {"s": 10, "a": 50, "b": 40}


def test_an_empty_source_of_a_nested_recipe_receives_nothing():
    """Its part of the nested recipe is nothing."""
    given = recipe(group("g", leaf("a"), leaf("b"), weight=1), leaf("c", weight=1), size=20, on_short="redistribute")

    assert ideals(given, pools(a=30, b=0, c=5)) == {"a": 15, "b": 0, "c": 5}


def test_shrinking_may_end_where_epochs_leave_no_room():
    """A weight beside epochs that use up the pool fits when it is nothing."""
    given = recipe(leaf("a", epochs=2), group("g", leaf("a", weight=1), weight=1), size=13, on_short="shrink")

    assert allot(given, pools(a=5)).size == 10


def test_places_that_repeat_openly_keep_what_they_had():
    """A budget neither gives nor takes."""
    given = recipe(leaf("a", budget=30), leaf("b", weight=1), leaf("c", weight=1), size=60, on_short="redistribute")

    assert ideals(given, pools(a=10, b=5, c=30)) == {"a": 30, "b": 5, "c": 25}


def test_shrinking_cannot_go_below_what_is_fixed():
    """The message names the size that the pools would allow, and what does not fit it."""
    given = recipe(
        leaf("a", count=20), leaf("s", share=Fraction(1, 2)), leaf("b", weight=1), size=100, on_short="shrink"
    )

    with pytest.raises(ShortageError) as caught:
        allot(given, pools(a=20, s=10, b=100))

    assert str(caught.value) == (
        "'s' needs 50 samples and its pool holds 10; and at `size` 20, the largest that its pools can fill, "
        "counts, epochs, budgets and shares come to 30 of `size` 20 (a 20, s 10), 10 too many: lower them, or raise `size`"
    )


def test_shrinking_does_not_help_what_does_not_depend_on_size():
    """A nested recipe's count stays, and a mix of nothing is no mix."""
    fixed = recipe(group("g", leaf("a", weight=1), count=20), leaf("b", weight=1), size=100, on_short="shrink")
    empty = recipe(leaf("a", weight=1), leaf("b", weight=1), size=100, on_short="shrink")

    with pytest.raises(
        ShortageError, match="'a' needs 20 samples and its pool holds 10: lower it, for only `size` shrinks"
    ):
        allot(fixed, pools(a=10, b=100))
    with pytest.raises(ShortageError, match="'a' needs 50 samples and its pool holds 0: lower it"):
        allot(empty, pools(a=0, b=100))


# --- properties ----------------------------------------------------------------------------------------------------

NAMES = "abcdefgh"
WEIGHTS = st.fractions(Fraction(1, 9), 9, max_denominator=9)
FIXED = st.one_of(
    st.builds(Amount, st.just("count"), st.integers(1, 30).map(Fraction)),
    st.builds(Amount, st.just("epochs"), st.fractions(Fraction(1, 9), 3, max_denominator=9)),
    st.builds(Amount, st.just("budget"), st.integers(1, 30).map(Fraction)),
)
SHARES = st.builds(Amount, st.just("share"), st.fractions(Fraction(1, 100), Fraction(1, 8), max_denominator=100))
WEIGHED = st.builds(Amount, st.just("weight"), WEIGHTS)
AMOUNTS = st.one_of(WEIGHED, WEIGHED, SHARES, FIXED)


def with_weight(children, name):
    """Let somebody take what is left."""
    return (*children, leaf(name, weight=1))


@st.composite
def trees(draw, depth=2):
    """Give the children of a recipe: leaves, perhaps in several places, and nested recipes, one of each level weighted."""
    children = []
    for number in range(draw(st.integers(1, 4))):
        if depth and draw(st.integers(0, 3)) == 0:
            below = draw(trees(depth=depth - 1))
            size = draw(st.integers(200, 400))
            children.append(Group(f"g{depth}{number}", below, draw(st.none() | AMOUNTS), size))
        else:
            children.append(Leaf(draw(st.sampled_from(NAMES)), INPUT, draw(AMOUNTS)))
    return with_weight(children, draw(st.sampled_from(NAMES)))


@st.composite
def plans(draw, low=0, high=200, **values):
    """Give a recipe and its pools."""
    given = recipe(*draw(trees()), size=draw(st.integers(1, 3000)), **values)
    return given, pools(**{each.name: draw(st.integers(low, high)) for each in given.leaves()})


def possible(given, sizes):
    """Plan, and forget examples that are rightly refused."""
    try:
        return allot(given, sizes)
    except ShortageError:
        assume(condition=False)


def with_endless(given, sizes):
    """Keep epochs' pools and let nothing be short: everything may repeat."""
    children = mapped(given.children, lambda each: replace(each, max_epochs=Fraction(ENDLESS)), Leaf)
    return replace(given, children=children, on_short="repeat"), sizes


def mapped(children, change, kind):
    """Change all leaves, or all nested recipes, of a tree."""
    changed = []
    for child in children:
        deep = replace(child, children=mapped(child.children, change, kind)) if isinstance(child, Group) else child
        changed.append(change(deep) if isinstance(deep, kind) else deep)
    return tuple(changed)


@given(plans(low=1))
def test_counts_sum_to_the_size_and_are_within_one_of_their_ideals(plan):
    """Whatever the tree, records are exact."""
    given, sizes = with_endless(*plan)
    quotas = possible(given, sizes).quotas.values()

    assert sum(quota.count for quota in quotas) == given.size
    assert sum(quota.ideal for quota in quotas) == given.size
    assert all(abs(quota.count - quota.ideal) < 1 for quota in quotas)


@given(plans(low=1))
def test_the_order_of_entries_does_not_matter(plan):
    """Neither of leaves nor of nested recipes."""
    given, sizes = with_endless(*plan)
    turned = mapped(given.children, lambda each: replace(each, children=each.children[::-1]), Group)[::-1]

    assert possible(given, sizes).quotas == allot(replace(given, children=turned), sizes).quotas


@given(plans(low=1), WEIGHTS)
def test_only_the_ratio_of_weights_matters(plan, factor):
    """Weights of the outermost entries times a number are the same weights."""
    given, sizes = with_endless(*plan)
    scaled = tuple(
        replace(child, amount=Amount("weight", child.amount.value * factor))
        if child.amount is not None and child.amount.kind == "weight"
        else child
        for child in given.children
    )

    assert possible(given, sizes).quotas == allot(replace(given, children=scaled), sizes).quotas


@given(st.lists(FIXED, min_size=1, max_size=6), FIXED)
def test_fixed_amounts_do_not_touch_each_other(amounts, added):
    """Adding a leaf without weight or share changes no other count."""
    leaves = [Leaf(name, INPUT, amount) for name, amount in zip(NAMES, amounts, strict=False)]
    sizes = pools(**dict.fromkeys(NAMES, 30))

    before = counts(recipe(*leaves), sizes)

    assert counts(recipe(Leaf("h", INPUT, added), *leaves), sizes) == {
        "h": counts(recipe(Leaf("h", INPUT, added)), sizes)["h"],
        **before,
    }


@given(plans(on_short="redistribute", low=1))
def test_redistribution_keeps_totals_and_takes_from_nobody_with_room(plan):
    """Sums stay, pools hold, and who gets less than before has an empty pool then."""
    given, sizes = plan
    quotas = possible(given, sizes).quotas
    before = allot(*with_endless(given, sizes)).quotas
    repeats = openly(given)

    assert sum(quota.count for quota in quotas.values()) == given.size
    assert sum(quota.ideal for quota in quotas.values()) == given.size
    for name, quota in quotas.items():
        if name not in repeats:
            assert quota.count <= sizes[name].mass
        if quota.ideal < before[name].ideal:
            assert quota.ideal == sizes[name].mass or name in repeats


def openly(given):
    """Name the leaves that a `budget` or `epochs` may let repeat."""
    found = set()

    def note(child):
        if child.amount is not None and child.amount.kind in ("budget", "epochs"):
            found.update([child.name] if isinstance(child, Leaf) else [each.name for each in recipe(child).leaves()])
        return child

    mapped(given.children, note, (Leaf, Group))
    return found


@given(st.lists(st.tuples(WEIGHTS, st.integers(0, 60)), min_size=1, max_size=7), st.integers(1, 200))
def test_redistribution_is_the_fixed_point(entries, size):
    """Against stopping the short leaves, dividing again, and so on."""
    weights = {name: weight for name, (weight, _) in zip(NAMES, entries, strict=False)}
    sizes = pools(**{name: pool for name, (_, pool) in zip(NAMES, entries, strict=False)})
    given = recipe(*(leaf(name, weight=weight) for name, weight in weights.items()), size=size, on_short="redistribute")
    assume(size <= sum(pool for _, pool in entries))

    stopped = {}
    while True:
        rest = size - sum(stopped.values())
        whole = sum(weight for name, weight in weights.items() if name not in stopped)
        now = {name: rest * weight / whole for name, weight in weights.items() if name not in stopped}
        short = {name: Fraction(sizes[name].mass) for name, ideal in now.items() if ideal > sizes[name].mass}
        if not short:
            break
        stopped |= short

    assert ideals(given, sizes) == {**stopped, **now}


@given(plans(on_short="shrink", low=1))
def test_shrinking_stops_at_the_first_size_that_fits(plan):
    """The size found fits, and no larger one up to the recipe's does."""
    given, sizes = plan
    size = possible(given, sizes).size
    strict = replace(given, on_short="error")

    allot(replace(strict, size=size), sizes)

    larger = range(size + 1, min(given.size, size + 40) + 1)
    for one in larger if size < given.size else ():
        with pytest.raises(ShortageError):
            allot(replace(strict, size=one), sizes)
    assert sum(quota.count for quota in allot(given, sizes).quotas.values()) == size


@given(plans(on_short="shrink", low=1))
def test_shrinking_fails_only_where_no_size_fits(plan):
    """A refusal means that every size is short or does not add up."""
    given, sizes = plan
    try:
        allot(given, sizes)
    except ShortageError:
        strict = replace(given, on_short="error")
        for size in (*range(1, 60), *range(60, given.size + 1, 97)):
            if size <= given.size:
                with pytest.raises(ShortageError):
                    allot(replace(strict, size=size), sizes)


# --- scaling to miniatures -----------------------------------------------------------------------------------------


def test_scaling_by_hand():
    """The factor that fits c, 40 / 412.5, applies to the count and the size, rounded down."""
    sizes = pools(a=90, b=90, c=40, d=90)

    smaller = scale_to_pools(recipe(*ABCD, size=1000), sizes)

    assert smaller == recipe(replace(ABCD[0], amount=Amount("count", Fraction(19))), *ABCD[1:], size=96)
    assert counts(smaller, sizes) == {"a": 19, "b": 24, "c": 40, "d": 13}


def test_a_pool_that_rounding_makes_short_shrinks_the_size():
    """A count rounded down leaves more to the weights than the factor meant: 5.75 of 9, of which c cannot take 3/4."""
    sizes = pools(a=9, b=9, c=4, d=9)

    smaller = scale_to_pools(recipe(*ABCD, size=1000), sizes)

    assert smaller.size == 8
    assert counts(smaller, sizes) == {"a": 1, "b": 2, "c": 4, "d": 1}


def test_scaling_changes_nothing_that_fits():
    """A factor above 1 is not used, and epochs, shares and weights are not absolute."""
    given = recipe(*ABCD, leaf("e", epochs=2), leaf("f", budget=8), size=1000)

    assert scale_to_pools(given, pools(a=300, b=500, c=1000, d=400, e=9, f=9)) == given


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 30)), min_size=1, max_size=6))
def test_counts_are_scaled_alike(entries):
    """By the largest factor at which every count fits, rounded down, at least 1."""
    names = NAMES[: len(entries)]
    given = recipe(*(leaf(name, count=count) for name, (count, _) in zip(names, entries, strict=True)))
    sizes = pools(**{name: pool for name, (_, pool) in zip(names, entries, strict=True)})

    factor = min(1, *(Fraction(pool, count) for count, pool in entries), 1)

    assert counts(scale_to_pools(given, sizes), sizes) == {
        name: max(1, floor(factor * count)) for name, (count, _) in zip(names, entries, strict=True)
    }


def test_size_is_raised_over_epochs():
    """Epochs do not scale; the size then leaves each weight at least 1."""
    given = recipe(leaf("a"), leaf("b", weight=1), leaf("c", weight=3), size=100_000)
    sizes = pools(a=6, b=6, c=1)

    smaller = scale_to_pools(given, sizes)

    assert smaller.size == 7
    assert counts(smaller, sizes) == {"a": 6, "b": 0, "c": 1}


def test_size_that_epochs_exceed_is_raised_until_everybody_has_one():
    """A count that takes the whole scaled size still leaves room for the weight."""
    given = recipe(leaf("a", count=900), leaf("b", epochs=2), leaf("c", weight=1), size=1000)
    sizes = pools(a=9, b=20, c=90)

    smaller = scale_to_pools(given, sizes)

    assert smaller.size == 50
    assert counts(smaller, sizes) == {"a": 9, "b": 40, "c": 1}


def test_nested_recipes_are_scaled_alone_where_their_amounts_are_relative():
    """Inside a weight, counts are in proportion to each other and to what epochs give of small pools."""
    inner = group("g", leaf("a", count=80_000), leaf("b", count=40_000), leaf("c"), weight=1)
    weights = group("w", leaf("d", weight=1), weight=1)
    given = recipe(inner, weights, group("h", leaf("e", count=900), epochs=2), size=600_000)
    sizes = pools(a=8, b=8, c=4, d=30, e=9)

    smaller = scale_to_pools(given, sizes)

    amounts = [child.amount for child in smaller.children[0].children]
    assert amounts == [Amount("count", Fraction(8)), Amount("count", Fraction(4)), Amount("epochs", Fraction(1))]
    assert smaller.children[2].children[0].amount.value < 9
    assert sum(counts(smaller, sizes).values()) == smaller.size


def test_what_cannot_be_scaled_is_written_out():
    """Roundings that leave a remainder, or empty pools, end in counts that fit."""
    given = recipe(leaf("a", count=300), leaf("b", share=Fraction(7, 10)), leaf("c", epochs=0), size=1000)
    sizes = pools(a=4, b=100, c=0)

    assert counts(scale_to_pools(given, sizes), sizes) == {"a": 4, "b": 9, "c": 0}
    assert (
        counts(scale_to_pools(recipe(*ABCD, size=1000), pools(a=3, b=0, c=2, d=2)), pools(a=3, b=0, c=2, d=2))["b"] == 0
    )


def test_a_size_that_nothing_divides_is_dropped():
    """It was the sum of whole sources; their miniatures come to something else."""
    smaller = scale_to_pools(recipe(leaf("a"), leaf("b"), size=665_298), pools(a=4, b=6))

    assert smaller == recipe(leaf("a"), leaf("b"))


def test_contradictions_are_not_scaled_away():
    """What no pool can cure is an error here too."""
    given = recipe(group("g", leaf("a", count=3), leaf("b", weight=1), weight=1), size=60)

    with pytest.raises(ShortageError, match="give the nested recipe a `size`"):
        scale_to_pools(given, pools(a=4, b=4))


@given(plans(high=8), st.sampled_from(["error", "repeat", "redistribute", "shrink"]), st.sampled_from([1, 1000]))
def test_every_recipe_fits_its_miniatures(plan, on_short, times):
    """Whatever the tree and however small the pools, planning the scaled recipe succeeds and nobody exceeds a pool unasked."""
    given, sizes = plan
    given = replace(given, size=given.size * times, on_short=on_short)

    planned = counts(scale_to_pools(given, sizes), sizes)

    assert set(planned) == set(sizes)
    assert all(planned[name] <= sizes[name].records for name in planned if name not in openly(given))


@given(plans(high=8))
def test_scaling_in_another_unit(plan):
    """Masses of fixed records stand in the way of nothing."""
    given, sizes = (
        replace(plan[0], unit="tokens"),
        {name: PoolSize(pool.records, 10 * pool.records) for name, pool in plan[1].items()},
    )
    given = replace(given, children=mapped(given.children, no_count, Group))

    def nine_each(_leaf, records):
        return 9 * records

    allot(scale_to_pools(given, sizes, nine_each), sizes, nine_each)


def no_count(child):
    """Give a nested recipe a budget for a count, which other units do not know."""
    counted = child.amount is not None and child.amount.kind == "count"
    return replace(child, amount=Amount("budget", child.amount.value)) if counted else child


def test_ideals_are_read_without_checks():
    """The pots of a recipe, printed, are its amounts with nothing decided."""
    demand = read(recipe(*ABCD, size=1000), TIGHT, lambda _, records: records)

    assert totals(demand.divided(100)) == {"b": 25, "c": Fraction(-375, 4), "d": Fraction(-125, 4)}
