"""Wordings and the pick by hash."""

from hypothesis import given
from hypothesis import strategies as st

from mixer import prompts
from mixer.prompts import pick, pick_some


def test_pick_is_fixed_for_ever():
    """The pick of a purpose is part of the output's bytes, so these literals never change."""
    picked = [pick("abcdefghijk", "kitchen_vqa", str(number), "prompt") for number in range(12)]

    assert "".join(picked) == "bieeghckaefa"


def test_pick_tells_where_parts_end():
    """Parts are length-prefixed: moving a letter from one to the next names something else."""
    many = [str(number) for number in range(1 << 16)]

    assert pick(many, "ab", "c") != pick(many, "a", "bc")


@given(st.lists(st.text(min_size=1), min_size=1), st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_pick_gives_one_of_the_wordings(wordings, parts):
    """Whatever the parts, the pick is a wording, and the same one again."""
    assert pick(wordings, *parts) in wordings
    assert pick(wordings, *parts) == pick(list(wordings), *parts)


def test_pick_reaches_every_wording():
    """Many records share the wordings about evenly."""
    picked = [pick(prompts.BRIEF, "kitchen_vqa", str(number), "prompt") for number in range(11_000)]

    assert all(800 < picked.count(wording) < 1200 for wording in prompts.BRIEF)


def test_wordings_are_eleven_and_distinct():
    """LLaVA's two lists have 11 wordings each."""
    assert len(set(prompts.BRIEF)) == len(prompts.BRIEF) == 11
    assert len(set(prompts.DETAIL)) == len(prompts.DETAIL) == 11


def test_some_are_fixed_for_ever():
    """Which of many are picked is part of the output's bytes, too; their order stays."""
    assert "".join(pick_some("abcdefghijklmnopqrst", 5, str, "kitchen_vqa", "7")) == "denrs"


@given(st.lists(st.text(alphabet="abcdefgh", min_size=1), unique=True), st.integers(0, 10), st.randoms())
def test_some_do_not_depend_on_the_others_order(names, most, random):
    """At most so many, in the order given; a shuffle picks the same ones, and fewer are among more."""
    picked = pick_some(names, most, str, "kitchen_vqa")
    shuffled = random.sample(names, len(names))

    assert len(picked) == min(most, len(names))
    assert picked == [name for name in names if name in picked]
    assert set(pick_some(shuffled, most, str, "kitchen_vqa")) == set(picked)
    assert set(picked) <= set(pick_some(names, most + 1, str, "kitchen_vqa"))
