"""Pools, amounts, units and orders of whole recipes over small files of one's own."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from conftest import recipe, records

from mixer import build, plan
from mixer.errors import DataError, ShortageError


def values(images, turns=None):
    """Make a record for each image (None: text only), with so many turns each."""
    made = []
    for number, image in enumerate(images):
        count = turns[number] if turns else 2
        said = [{"from": ("human", "gpt")[n % 2], "value": f"{n}th word of {number}."} for n in range(count)]
        record = {"id": f"r{number}", "conversations": said}
        if image is not None:
            said[0]["value"] = "<image>\n" + said[0]["value"]
            record["image"] = f"pictures/{image}.jpg"
        made.append(record)
    return made


@pytest.fixture
def own(tmp_path, cache):
    """Build a recipe over files of one's own; give the mix's manifest and records."""

    def run(files, sources, name="mix", **top):
        for stem, content in files.items():
            (tmp_path / f"{stem}.json").write_text(json.dumps(content))
        leaves = {leaf: {"use": "llava_json", "path": f"{leaf}.json", **rules} for leaf, rules in sources.items()}
        path = recipe(tmp_path, name, sources=leaves, **top)
        mix = build(path, tmp_path / "out" / name, cache=cache)
        return mix.manifest, records(mix.path / f"{name}.json")

    return run


def test_worked_pool_of_images(own):
    """Images A4 B3 C2 D1; `except` takes two of A and one of B; one record an image; 1.5 epochs: 10, 7, 4, 6."""
    ten = values("AAAABBBCCD")
    gone = [ten[0], ten[1], ten[4]]

    manifest, mix = own(
        {"ten": ten, "gone": gone},
        {"ten": {"except": {"file": "gone.json"}, "max_per_image": 1, "epochs": 1.5}},
    )

    leaf = manifest.sources["ten"]
    assert (leaf.made, leaf.losses, leaf.pool, leaf.count) == (10, {"except": 3, "max_per_image": 3}, 4, 6)
    assert len(mix) == 6
    images = Counter(record["image"] for record in mix)
    assert set(images.values()) <= {1, 2}
    assert len(images) == 4


@pytest.mark.parametrize(("by", "kept"), [("id", {"r2", "r3"}), ("image", {"r2"}), ("content", {"r1", "r2", "r3"})])
def test_keys_that_records_are_matched_by(own, by, kept):
    """By id, by base name of an image, and by what is said and shown."""
    four = values(["A", "B", "C", "A"])
    same_id = {**values("X")[0], "id": "r1"}
    other_name = {**four[0], "id": "q"}

    _, mix = own(
        {"four": four, "gone": [same_id, other_name, {**four[0], "id": "r0"}, {**values("B")[0], "id": "z"}]},
        {"four": {"except": {"file": "gone.json", "by": by}}},
    )

    assert {record["id"] for record in mix} == kept


def test_prompt_matches_whatever_the_answer(own):
    """By prompt, records with another answer go as well."""
    two = values("AB")
    asked = json.loads(json.dumps(two[0]))
    asked["conversations"][1]["value"] = "Something else."

    _, mix = own({"two": two, "gone": [asked]}, {"two": {"except": {"file": "gone.json", "by": "prompt"}}})

    assert [record["id"] for record in mix] == ["r1"]


def test_only_keeps_what_matches(own):
    """`only` is the other half of `except`."""
    manifest, mix = own({"three": values("ABC"), "these": values("AB")}, {"three": {"only": {"file": "these.json"}}})

    assert sorted(record["id"] for record in mix) == ["r0", "r1"]
    assert manifest.sources["three"].losses == {"only": 1}


def test_where_counts_what_is_unknown_apart(own):
    """A record of which a condition cannot be told is lost under a name of its own."""
    three = values(["A", None, "C"])

    manifest, mix = own({"three": three}, {"three": {"where": "image LIKE 'pictures/A%'"}})

    assert [record["id"] for record in mix] == ["r0"]
    assert manifest.sources["three"].losses == {"where": 1, "where_null": 1}


def test_turns_and_images_as_units(own):
    """A budget in another unit is met within the heaviest record; the manifest says the mass."""
    six = values(["A", None, "B", "C", None, "D"], [2, 4, 6, 2, 8, 4])

    turns, mix = own({"six": six}, {"six": {"budget": 13}}, unit="turns")
    images, pictures = own({"six": six}, {"six": {"budget": 3}}, "pictures", unit="images")

    mass = sum(len(record["conversations"]) for record in mix)
    assert turns.sources["six"].mass == mass
    assert abs(mass - 13) <= 4
    assert images.sources["six"].mass == sum("image" in record for record in pictures) == 3


def test_token_units_are_a_clear_error_for_now(own):
    """Tokens are a column of the index without values, and no unit yet."""
    with pytest.raises(Exception, match="token"):
        own({"a": values("A")}, {"a": {}}, unit="tokens")


def test_adding_a_leaf_is_a_pure_insertion(own):
    """With counts and epochs, a new leaf leaves the others' records and their order as they were."""
    files = {"a": values("ABCDEFGH"), "b": values("IJKL"), "c": values("MNOPQR")}
    for stem, content in files.items():
        for record in content:
            record["id"] = f"{stem}-{record['id']}"

    _, before = own(files, {"a": {"count": 5}, "c": {"epochs": 2}}, "before")
    _, after = own(files, {"a": {"count": 5}, "b": {}, "c": {"epochs": 2}}, "after")

    assert [record for record in after if not record["id"].startswith("b-")] == before
    assert len(after) == len(before) + 4


def test_a_larger_count_contains_the_smaller_and_repeats_evenly(own):
    """Samples are nested, and over several passes multiplicities differ by at most one."""
    files = {"a": values("ABCDEFGH")}

    few, many = (
        Counter(r["id"] for r in own(files, {"a": {"epochs": n}}, f"e{k}")[1]) for k, n in enumerate((0.5, 2.5))
    )

    assert not few - many
    assert set(many.values()) == {2, 3}
    assert sum(many.values()) == 20


def test_orders_of_whole_mixes(own):
    """`blocks` keeps leaves together in recipe order, `spread` keeps every prefix within one record of its share."""
    files = {"z": values("ABCDEFGHIJKL"), "a": values("MNOPQR")}
    for stem, content in files.items():
        for record in content:
            record["id"] = f"{stem}-{record['id']}"
    leaves = {"z": {}, "a": {}}

    _, blocks = own(files, leaves, "blocks", order="blocks")
    _, spread = own(files, leaves, "spread", order="spread")

    assert [record["id"][0] for record in blocks] == ["z"] * 12 + ["a"] * 6
    for length in range(1, 19):
        taken = sum(record["id"].startswith("z") for record in spread[:length])
        assert abs(taken - length * 12 / 18) < 1


def test_pools_over_one_source_say_what_they_share(tmp_path, cache):
    """Two leaves that draw from the same records are noted, since a record may come twice."""
    (tmp_path / "a.json").write_text(json.dumps(values("ABC")))
    use = {"use": "llava_json", "path": "a.json"}

    planned = plan(recipe(tmp_path, sources={"one": use, "two": {**use, "where": "id != 'r0'"}}), cache=cache)

    assert "one and two share 2 records" in planned.notes


def test_shortage_names_need_pool_and_ways_out(own):
    """A count above its pool is an error that says what to do."""
    with pytest.raises(ShortageError, match=r"needs 5 .*holds 3.*on_short"):
        own({"a": values("ABC")}, {"a": {"count": 5}})


def test_nested_and_inherited_recipes_build(tmp_path, cache):
    """A nested recipe's weights are relative to its group; a child replaces its parent's amounts."""
    for stem, letters in (("a", "ABCDEFGHIJ"), ("b", "KLMNOPQRST"), ("c", "UVWXYZ")):
        (tmp_path / f"{stem}.json").write_text(json.dumps(values(letters)))
    use = {stem: {"use": "llava_json", "path": f"{stem}.json"} for stem in "abc"}
    recipe(tmp_path, "inner", sources={"a": {**use["a"], "weight": 3}, "b": {**use["b"], "weight": 1}}, size=8)
    parent = recipe(
        tmp_path,
        "parent",
        size=8,
        sources={"group": {"recipe": "inner.yaml", "weight": 1}, "c": {**use["c"], "weight": 1}},
    )
    child = tmp_path / "child.yaml"
    child.write_text("mixer: 1\nextends: parent.yaml\nname: child\nsources: {c: {count: 2}}\n")

    def counts(path):
        return {leaf.name: leaf.count for leaf in plan(path, cache=cache).leaves}

    assert counts(parent) == {"a": 3, "b": 1, "c": 4}
    assert counts(child) == {"a": 5, "b": 1, "c": 2}, "4.5 and 1.5: ties of the rounding go by name"


def test_a_source_that_gives_nothing_is_an_error(own):
    """A file whose items are all lost cannot be a part of a mix in silence."""
    with pytest.raises(DataError, match="no record"):
        own({"a": [{"id": "1", "conversations": []}]}, {"a": {}})
