"""A difference is counted exactly, told in sentences, and explained by what was changed and nothing else."""

from __future__ import annotations

import json
from itertools import combinations

import pytest
from conftest import recipe
from hypothesis import given
from hypothesis import strategies as st

from mixer import build, diff
from mixer.causes import changes, groups_of, reason
from mixer.comparing import Difference, LeafDifference, longest_rise
from mixer.comparing_text import sentence, summary, text
from mixer.manifest import CurationInput, InputFile, MatchReport, load


def own(folder, name, records, start=0):
    """Write records of a user's own; give the leaf that reads them."""
    values = [
        {
            "id": f"{name}{n}",
            "conversations": [{"from": "human", "value": f"{n}?"}, {"from": "gpt", "value": "!" * (n % 3 + 1)}],
        }
        for n in range(start, start + records)
    ]
    (folder / f"{name}.json").write_text(json.dumps(values))
    return {"use": "llava_json", "path": f"{name}.json"}


@pytest.fixture
def make(tmp_path, cache):
    """Give what builds a mix of a recipe's keys; every mix lies in a folder of its own."""
    made = []

    def mix(**values):
        made.append(tmp_path / f"mix{len(made)}")
        return build(recipe(tmp_path, **values), made[-1], cache=cache).path

    return mix


def leaf(difference, name):
    return next(each for each in difference.leaves if each.leaf == name)


def test_equal_mixes_are_said_to_be_equal(make, tmp_path):
    """One sentence; what was made differently all the same stands below it."""
    sources = {"a": own(tmp_path, "a", 9)}
    first, second = make(sources=sources), make(sources=sources, max_bad="50%")

    found = diff(first, second)

    assert found.same
    assert (found.common, found.moved) == (9, 0)
    assert text(diff(first, first)) == f"the same records in the same order: mix {found.a[:16]}"
    assert text(found).splitlines() == [
        f"the same records in the same order: mix {found.a[:16]}",
        "they were made differently all the same:",
        "why: recipe: $.max_bad: 1/100 -> 1/2",
    ]


def test_amounts_sources_and_their_causes(make, tmp_path):
    """Added, removed and changed sources, each in a sentence with what is behind it."""
    gqa, old, new = own(tmp_path, "gqa", 20), own(tmp_path, "old", 4), own(tmp_path, "new", 5)
    kept = own(tmp_path, "kept", 3)
    first = make(sources={"gqa": {**gqa, "count": 8}, "old": old, "kept": kept})
    second = make(sources={"gqa": {**gqa, "count": 12}, "new": new, "kept": kept})

    found = diff(first, second)
    said = text(found).splitlines()

    assert [(each.leaf, each.state, each.only_a, each.only_b) for each in found.leaves] == [
        ("gqa", "changed", 0, 4), ("kept", "same", 0, 0), ("new", "added", 0, 5), ("old", "removed", 4, 0),
    ]  # fmt: skip
    assert (found.records_a, found.records_b, found.common, found.moved) == (15, 20, 11, 0)
    assert said[1] == "b holds 5 records more than a (15 -> 20); 11 are in both, in the same order"
    assert said[2] == "of 4 sources 1 is new, 1 is gone, 1 is changed, 1 is as before"
    assert "gqa: 4 records more (8 -> 12), because its count went from 8 to 12" in said
    assert "new: new, with 5 records" in said
    assert "old: gone, with its 4 records" in said
    assert not any(line.startswith("kept: ") for line in said)
    assert "why: recipe: $.sources.gqa.count: 8 -> 12" in said
    assert {"new: added", "old: removed"} <= set(found.reasons)
    assert {"recipe: $.sources.new: new", "recipe: $.sources.old: gone"} <= set(found.reasons)


def test_weights_move_their_siblings(make, tmp_path):
    """A leaf whose own words did not change says that it shares; the size is behind both."""
    a, b = own(tmp_path, "a", 50), own(tmp_path, "b", 50)
    first = make(size=20, sources={"a": {**a, "weight": 1}, "b": {**b, "weight": 1}})
    second = make(size=20, sources={"a": {**a, "weight": 3}, "b": {**b, "weight": 1}})
    third = make(size=40, sources={"a": {**a, "weight": 1}, "b": {**b, "weight": 1}})

    assert sentence(leaf(diff(first, second), "a")) == (
        "a: 5 records more (10 -> 15), because its weight went from 1 to 3"
    )
    assert sentence(leaf(diff(first, second), "b")) == (
        "b: 5 records fewer (10 -> 5), because the sources that it shares the size with changed"
    )
    assert leaf(diff(first, third), "b").because == ("the recipe's size went from 20 to 40",)


def test_groups_are_behind_their_leaves(make, tmp_path):
    """A change of a nested recipe's amount is told of its leaves, and its own keys as its own."""
    a, b = own(tmp_path, "a", 50), own(tmp_path, "b", 50)
    recipe(tmp_path, "inner", sources={"b": {**b, "weight": 1}})
    mixes = [
        make(size=20, sources={"a": {**a, "weight": 1}, "inside": {"recipe": "inner.yaml", "weight": weight}})
        for weight in (1, 4)
    ]

    assert leaf(diff(*mixes), "b").because == ("the group inside's weight went from 1 to 4",)
    assert [around for around, _ in groups_of(load(mixes[0]).recipe, "b")] == [["inside"]]


def test_a_seed_moves_and_exchanges(make, tmp_path):
    """With all records shown only the order differs; of a part other records are taken too."""
    a, b = own(tmp_path, "a", 30), own(tmp_path, "b", 30)
    sources = {"a": a, "b": {**b, "count": 10}}
    found = diff(make(sources=sources), make(sources=sources, seed=99))

    assert leaf(found, "a").state == "same"
    assert leaf(found, "b").count_a == leaf(found, "b").count_b == 10
    assert found.order_changed
    assert 0 < found.moved < found.common
    assert "records are others, because the recipe's seed went from 17 to 99" in sentence(leaf(found, "b"))
    assert f"in another order: at least {found.moved} of them stand elsewhere" in summary(found)[1]


def test_a_seed_is_no_cause_where_it_chooses_nothing(make, tmp_path):
    """All of a pool is shown whatever the seed; of a pool that is capped by image it chooses."""
    a, turns = own(tmp_path, "a", 20), [{"from": "human", "value": "<image>?"}, {"from": "gpt", "value": "!"}]
    pictured = [
        {"id": str(n), "image": "a.jpg", "conversations": [*turns, {"from": "human", "value": str(n)}, turns[1]]}
        for n in range(20)
    ]
    (tmp_path / "c.json").write_text(json.dumps(pictured))
    sources = {"a": a, "c": {"use": "llava_json", "path": "c.json", "max_per_image": 1}}
    first = make(sources=sources)
    own(tmp_path, "a", 20, start=5)
    found = diff(first, make(sources=sources, seed=99))

    assert leaf(found, "a").because == ("its raw file a.json has other content",)
    assert leaf(found, "c").because == ("the recipe's seed went from 17 to 99",)


def test_rules_and_files_are_behind_a_pool(make, tmp_path):
    """A new rule, a changed raw file: both are named with the numbers that follow."""
    a = own(tmp_path, "a", 30)
    first = make(sources={"a": a})
    second = make(sources={"a": {**a, "where": "characters < 5"}})
    own(tmp_path, "a", 40)
    third = make(sources={"a": a})

    where, files = diff(first, second), diff(first, third)

    assert leaf(where, "a").because[0] == "its where is new: characters < 5"
    assert any("its pool went from 30 to " in each for each in leaf(where, "a").because)
    assert any("`where` takes out: 0 before, " in each for each in leaf(where, "a").because)
    assert leaf(files, "a").because == ("its raw file a.json has other content", "its pool went from 30 to 40")
    assert "a: raw file a.json has other content" in files.reasons
    (change,) = [each for each in files.changes if each["about"] == "files"]
    assert change["old"] == load(first).sources["a"].files[0].sha256


def test_blocks_in_another_order(make, tmp_path):
    """The mix follows its recipe there, so the order of its sources is a cause."""
    a, b = own(tmp_path, "a", 5), own(tmp_path, "b", 5)
    found = diff(make(order="blocks", sources={"a": a, "b": b}), make(order="blocks", sources={"b": b, "a": a}))

    assert found.moved == 5
    assert 'recipe: $.sources: ["a", "b"] -> ["b", "a"]' in found.reasons


def test_copies_are_counted_one_by_one(make, tmp_path):
    """A record that is shown twice instead of once is one more."""
    a = own(tmp_path, "a", 6)
    found = diff(make(sources={"a": a}), make(sources={"a": {**a, "epochs": 2}}))

    assert (found.common, leaf(found, "a").only_a, leaf(found, "a").only_b) == (6, 0, 6)


def test_json_keeps_its_keys_and_gains_some(make, mixer, tmp_path):
    """What programs read before is there; all of it is plain JSON."""
    a = own(tmp_path, "a", 9)
    first, second = make(sources={"a": a}), make(sources={"a": {**a, "count": 4}})

    found = json.loads(mixer("diff", first, second, "--json", code=1).stdout)

    assert found == json.loads(json.dumps(diff(first, second).values()))
    assert {"same", "a", "b", "leaves", "order_changed", "reasons", "common", "moved", "changes"} <= found.keys()
    assert {"leaf", "count_a", "count_b", "only_a", "only_b", "ideal_a", "ideal_b", "state", "because"} == (
        found["leaves"][0].keys()
    )
    assert {"about", "leaf", "what", "old", "new", "said"} == found["changes"][0].keys()


# --- what manifests tell ----------------------------------------------------------------------------------------------


@pytest.fixture
def plain(make, tmp_path):
    """Give the manifest of a small mix, and what makes another of it with values changed."""
    known = load(make(sources={"a": own(tmp_path, "a", 6)}))

    def other(leaf=None, **values):
        sources = {"a": known.sources["a"].model_copy(update=leaf or {})}
        return known.model_copy(update={"sources": sources, **values})

    return known, other


def told(a, b):
    return [reason(change) for change in changes(a, b)]


def test_nothing_changed_nothing_is_told(plain):
    """A manifest does not differ from itself."""
    assert told(plain[0], plain[0]) == []


def test_versions_and_data_are_told(plain):
    """What made the mixes, and of what."""
    known, other = plain
    assert told(known, other(version="0.2.0", data="miniatures")) == [
        f"version: {known.version} -> 0.2.0", "data: given -> miniatures",
    ]  # fmt: skip


def test_what_a_leaf_is_made_of_is_told(plain):
    """Converter, raw and compared files, licence, numbers and losses."""
    known, other = plain
    file = InputFile(path="b.json", size=1, sha256="0" * 64)
    match = MatchReport(
        rule="except", source="x", by="content", options={}, files=[file], converter="1", matched=1, removed=1
    )
    again = match.model_copy(update={"converter": "2"})

    assert told(known, other({"converter": "f", "licence": "MIT"})) == [
        "a: converter changed",
        "a: licence went from yours to MIT",
    ]
    assert told(known, other({"files": [file]})) == ["a: raw file a.json is gone", "a: raw file b.json is new"]
    assert told(known, other({"compared": [match]})) == ["a: compared file b.json is new"]
    assert told(other({"compared": [match]}), other({"compared": [again]})) == ["a: comparison's converter changed"]
    assert told(
        known,
        other(
            {"read": 9, "made": 8, "pool": 7, "skipped": {"a tie": 1}, "losses": {"leak": 2}, "leaks": {"pope": 1_000}}
        ),
    ) == [
        "a: raw items went from 6 to 9",
        "a: conversations went from 6 to 8",
        "a: pool went from 6 to 7",
        "a: items skipped (a tie): 0 before, 1 now",
        "a: records that `leak` takes out: 0 before, 2 now",
        "a: records that leak pope: 0 before, 1,000 now",
    ]


def test_files_of_gates_are_told_and_behind_pools(plain):
    """A list with other content, one that is new, one that is gone; a pool that changed has them as a cause."""
    from mixer.causes import behind

    _known, other = plain

    def listed(*files):
        return [CurationInput(role="exclude", path=path, size=1, sha256=sha256) for path, sha256 in files]

    first = other(curation=listed(("bad.jsonl", "0"), ("old.jsonl", "0"), ("same.jsonl", "0")))
    second = other({"pool": 5}, curation=listed(("bad.jsonl", "1"), ("new.jsonl", "0"), ("same.jsonl", "0")))

    assert told(first, second)[:3] == [
        "curation: exclude bad.jsonl has other content",
        "curation: exclude new.jsonl is new",
        "curation: exclude old.jsonl is gone",
    ]
    found = changes(first, second)
    assert behind("a", found, first, second, amount=True, pool=True, chosen=False) == [
        "exclude bad.jsonl has other content",
        "exclude new.jsonl is new",
        "exclude old.jsonl is gone",
        "its pool went from 6 to 5",
    ]
    assert behind("a", found, first, second, amount=True, pool=False, chosen=False) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (("a",), None, {}, ("a", "it is new in the recipe")),
        (("a",), {}, None, ("a", "it is gone from the recipe")),
        (("a", "options", "split"), "train", "val", ("a", "its options split went from train to val")),
        (("g", "recipe", "size"), 1000, None, ("g", "its size is gone: 1,000")),
        (("g", "recipe"), None, {"size": 1}, ("g", 'its nested recipe is new: {"size": 1}')),
        (("g", "recipe", "sources", "a", "share"), "1/8", "1/4", ("a", "its share went from 1/8 to 1/4")),
    ],
)
def test_places_of_a_recipe_in_words(path, old, new, expected):
    """A leaf's keys are its own, a group's the group's, however deep they stand."""
    from mixer.causes import _recipe_said

    assert _recipe_said(("sources", *path), old, new) == expected


# --- words ------------------------------------------------------------------------------------------------------------


def differing(count_a, count_b, only_a, only_b, because=(), state="changed"):
    return LeafDifference("x", count_a, count_b, only_a, only_b, 1.0, 1.0, state, because)


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (differing(5, 5, 0, 0, state="same"), "x: the same 5 records"),
        (differing(5, 5, 2, 2), "x: 2 of its 5 records are others"),
        (differing(5, 5, 1, 1), "x: 1 of its 5 records is another"),
        (differing(5, 4, 1, 0), "x: 1 record fewer (5 -> 4)"),
        (differing(5000, 6200, 300, 1500), "x: 1,200 records more (5,000 -> 6,200), 1,500 are new and 300 gone"),
        (differing(1, 3, 0, 2, tuple("abcdef")), "x: 2 records more (1 -> 3), because a; b; c; d; and 2 things more"),
    ],
)
def test_sentences(leaf, expected):
    """One sentence a source, readable by a person."""
    assert sentence(leaf) == expected


def test_long_lists_of_reasons_are_cut_in_words_only():
    """What does not fit a screen is counted."""
    many = Difference(
        same=False,
        a="0" * 64,
        b="1" * 64,
        leaves=(),
        order_changed=False,
        reasons=tuple(map(str, range(99))),
        records_b=1,
    )

    assert text(many).splitlines()[-1] == "why: 39 things more; see --json"
    assert summary(many)[1].startswith("b holds 1 record more than a (0 -> 1)")


@given(st.lists(st.integers(0, 9), max_size=9, unique=True))
def test_longest_rise_is_the_longest(places):
    """As long as the longest of all rising subsequences."""
    rising = [
        part for size in range(len(places) + 1) for part in combinations(places, size) if list(part) == sorted(part)
    ]

    assert longest_rise(places) == max(map(len, rising))
