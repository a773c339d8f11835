"""Wordings and the pick by hash."""

from hypothesis import given
from hypothesis import strategies as st

from mixer import prompts
from mixer.prompts import drawn, pick


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


def test_draws_are_fixed_for_ever():
    """What is drawn is part of the output's bytes, too."""
    assert list(drawn([7, 3, 5, 11], "kitchen_vqa", "7")) == [(3, False), (1, True), (2, False), (0, True)]


@given(st.lists(st.integers(0, 1 << 40), unique=True, max_size=40), st.randoms())
def test_draws_do_not_depend_on_where_things_stand(numbers, random):
    """Each thing comes once; a shuffle draws the same numbers with the same coins."""
    shuffled = random.sample(numbers, len(numbers))
    draws = [(numbers[place], coin) for place, coin in drawn(numbers, "kitchen_vqa")]

    assert sorted(number for number, _ in draws) == sorted(numbers)
    assert [(shuffled[place], coin) for place, coin in drawn(shuffled, "kitchen_vqa")] == draws


def test_draws_are_fair():
    """Over many draws every thing comes first as often, and coins fall on both sides."""
    firsts = [next(drawn(range(5), "kitchen_vqa", f"{n}")) for n in range(5_000)]

    assert all(900 < sum(place == each for place, _ in firsts) < 1_100 for each in range(5))
    assert 2_350 < sum(coin for _, coin in firsts) < 2_650
