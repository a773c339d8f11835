"""Pools, amounts, units and orders of whole recipes over small files of one's own."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import ClassVar

import polars as pl
import pytest
from conftest import recipe, records

from mixer import build, conversion, plan
from mixer.errors import DataError, ShortageError
from mixer.pools import identity_of
from mixer.store import Entry


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
        return mix.manifest, records(mix.path / mix.manifest.outputs[0].path)

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


def test_room_that_one_place_of_a_leaf_leaves_goes_to_its_others(tmp_path, cache):
    """A leaf in two nested recipes gives a short sibling's deficit all the room its pool has."""
    for stem, count in (("a", 26), ("b", 5), ("c", 100)):
        (tmp_path / f"{stem}.json").write_text(json.dumps(values([None] * count)))
    use = {stem: {"use": "llava_json", "path": f"{stem}.json", "weight": 1} for stem in "abc"}
    recipe(tmp_path, "g1", sources={"a": use["a"], "b": use["b"]})
    recipe(tmp_path, "g2", sources={"a": use["a"], "c": use["c"]})
    groups = {"g1": {"recipe": "g1.yaml", "count": 20}, "g2": {"recipe": "g2.yaml", "weight": 1}}

    planned = plan(recipe(tmp_path, sources=groups, size=40, on_short="redistribute"), cache=cache)

    assert {leaf.name: leaf.count for leaf in planned.leaves} == {"a": 25, "b": 5, "c": 10}


def test_the_order_of_exceptions_decides_nothing(own):
    """Each entry looks at the same records, so that one inside another is no mistake."""
    ten = values("ABCDEFGHIJ")
    files = {"ten": ten, "five": ten[:5], "three": ten[:3]}

    for number, names in enumerate((["five", "three"], ["three", "five"])):
        rules = [{"file": f"{name}.json", "expect": len(files[name])} for name in names]
        manifest, mix = own(files, {"ten": {"except": rules}}, f"mix{number}")
        assert len(mix) == 5
        assert manifest.sources["ten"].losses == {"except": 5}
        assert {match.files[0].path: match.removed for match in manifest.sources["ten"].compared} == {
            "five.json": 5,
            "three.json": 3,
        }
        assert not [note for note in manifest.sources["ten"].notes if "warning" in note]


def test_times_under_a_cap_are_those_of_the_index(own, tmp_path):
    """Each pass shows other records of an image; the manifest's least and most are what the index holds."""
    import polars as pl

    manifest, _ = own({"a": values([n % 5 for n in range(20)])}, {"a": {"epochs": 2, "max_per_image": 1}})

    times = pl.read_parquet(tmp_path / "out/mix/index.parquet")["id"].value_counts()["count"]
    leaf = manifest.sources["a"]
    assert (leaf.pool, leaf.count) == (5, 10)
    assert leaf.max_times == times.max()
    assert leaf.min_times == (times.min() if times.len() == 20 else 0)


def test_capped_mixes_of_several_images_a_record_verify(own, tmp_path):
    """Passes that differ in size are no damage."""
    from mixer import verify

    chance = random.Random(1)
    several = []
    for number in range(12):
        images = chance.sample("ABCDEFGH", chance.choice((1, 2, 4)))
        said = [{"from": "human", "value": "<image>" * len(images)}, {"from": "gpt", "value": f"{number}"}]
        several.append({"id": str(number), "image": [f"{each}.jpg" for each in images], "conversations": said})
    for seed in range(5):
        (tmp_path / "several.json").write_text(json.dumps(several))
        leaf = {"use": "llava_json", "path": "several.json", "epochs": 3, "max_per_image": 1}
        path = recipe(tmp_path, sources={"several": leaf}, output={"for": "jsonl"}, seed=seed)
        assert not verify(build(path, tmp_path / "mix", cache=tmp_path / "store").path).problems


def test_twins_are_numbered_by_their_labels(own):
    """Records equal in all but a label keep their keys whatever the file's order."""
    twins = [{**record, "sub": sub} for sub in "ab" for record in values("ABCDEFGHIJ")]
    rules = {"columns": {"subset": "sub"}, "where": "subset = 'a'", "count": 4}

    mixes = [own({"x": order}, {"x": rules}, f"mix{n}")[1] for n, order in enumerate((twins, twins[::-1]))]

    assert mixes[0] == mixes[1]


@pytest.mark.parametrize("by", ["content", "image"])
def test_conflicting_folders_are_told_of_every_medium(own, by):
    """Two media of one base name in folders of other names are reported, wherever they stand in the record."""

    def pair(folder):
        said = [{"from": "human", "value": "<image><image>Same?"}, {"from": "gpt", "value": "No."}]
        return [{"id": "1", "image": ["f/1.jpg", f"{folder}/2.jpg"], "conversations": said}]

    both = [*pair("g"), *values("A")]
    manifest, _ = own(
        {"a": both, "b": pair("h")}, {"a": {"except": {"file": "b.json", "by": by}}}, output={"for": "jsonl"}
    )

    assert any("g/2.jpg and h/2.jpg" in note for note in manifest.sources["a"].notes)


def test_no_absolute_path_enters_the_manifest_and_locked_sees_its_change(tmp_path, cache, mixer):
    """An option that is an absolute path enters as base name and hash."""
    (tmp_path / "a.json").write_text(json.dumps(values("A")))

    def written(prefix):
        leaf = {"use": "llava_json", "path": "a.json", "media": {"strip": prefix}}
        return recipe(tmp_path, sources={"a": leaf})

    mixer("build", written("/mnt/one/images"), "-o", "mix")

    assert "/mnt" not in (tmp_path / "mix/manifest.json").read_text()
    assert "recipe" in mixer("build", written("/mnt/two/images"), "-o", "mix", "--locked", code=1).stderr


def test_locked_sees_a_changed_exception(tmp_path, mixer):
    """What a leaf is compared with is an input like any other."""
    ten = values("ABCDEFGHIJ")
    (tmp_path / "a.json").write_text(json.dumps(ten))
    (tmp_path / "gone.json").write_text(json.dumps(ten[:2]))
    leaf = {"use": "llava_json", "path": "a.json", "except": {"file": "gone.json"}}
    path = recipe(tmp_path, sources={"a": leaf})
    mixer("build", path, "-o", "mix")
    mixer("build", path, "-o", "mix", "--locked")
    (tmp_path / "gone.json").write_text(json.dumps(ten[5:7]))

    assert "compared with" in mixer("build", path, "-o", "mix", "--locked", code=1).stderr


def test_an_amount_beyond_all_bounds_is_refused(own):
    """A slip in an amount does not fill memory."""
    with pytest.raises(ShortageError, match="at most"):
        own({"a": values("A")}, {"a": {"epochs": 10**12}})


class Counted(Entry):
    """Notes which parts are read."""

    read: ClassVar[list[int]] = []

    def part_index(self, number, columns):
        """See Entry."""
        self.read.append(number)
        return super().part_index(number, columns)


def test_only_parts_with_tied_records_are_read(tmp_path, cache, monkeypatch):
    """Ids of all records would be most of an index."""
    turns = [{"from": "human", "value": "a?"}, {"from": "gpt", "value": "b"}]
    (tmp_path / "one.json").write_text(json.dumps([{"id": str(n), "conversations": turns} for n in range(300)]))
    monkeypatch.setattr(conversion, "SPAN", 3_000)
    monkeypatch.setattr(conversion, "SMALL", 0)
    path = recipe(tmp_path, sources={"one": {"use": "llava_json", "path": "one.json"}})
    entry = plan(path, cache=cache).leaves[0].pool.entry
    assert len(entry.ledger.parts) > 3
    whole = entry.index(["id", "digest"])
    counted = Counted(entry.folder, entry.ledger, entry.derived)
    rows = [299, 0, 1, 298, entry.ledger.parts[0].records]

    found = identity_of([counted])(pl.DataFrame({"row": rows}, schema={"row": pl.UInt32}))

    assert found.select("id", "digest").rows() == [whole.row(row) for row in rows]
    assert sorted(counted.read) == [0, 1, len(entry.ledger.parts) - 1]


@pytest.mark.parametrize("by", ["id", "image", "content", "prompt"])
@pytest.mark.parametrize("rule", ["except", "only"])
def test_what_is_compared_piece_by_piece_is_what_is_compared_at_once(tmp_path, cache, monkeypatch, by, rule):
    """However few records are in memory: the same records, losses, notes and warnings."""
    mine = values([number // 3 if number % 5 else None for number in range(200)])
    gone = [{**mine[number], "image": f"elsewhere/{number // 3}.jpg"} for number in range(1, 90, 7) if number % 5]
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    (tmp_path / "gone.json").write_text(json.dumps([*gone, *values([901, 902])]))
    path = recipe(
        tmp_path,
        sources={
            "mine": {"use": "llava_json", "path": "mine.json", rule: {"file": "gone.json", "by": by, "expect": 1}}
        },
    )
    monkeypatch.setattr(conversion, "SPAN", 2_000)
    monkeypatch.setattr(conversion, "SMALL", 0)

    def found():
        pool = plan(path, cache=cache).leaves[0].pool
        (compared,) = pool.compared
        return pool.keep.to_list(), pool.losses, pool.notes, compared.matched, compared.removed

    whole = found()
    monkeypatch.setattr("mixer.pools.PIECE", 1)

    assert found() == whole
    assert 0 < sum(whole[0]) < 200
    assert any("expected 1 removed" in note for note in whole[2])
    assert any("folders of different names" in note for note in whole[2]) == (by != "id")


def test_losses_are_listed_in_the_order_of_the_rules(tmp_path, cache, monkeypatch):
    """Manifests must not tell where a source was cut: here the first pieces lose nothing to `where_null`."""
    mine = values([*range(20), *[None] * 20])
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    (tmp_path / "gone.json").write_text(json.dumps(mine[1:2]))
    path = recipe(
        tmp_path,
        sources={
            "mine": {
                "use": "llava_json",
                "path": "mine.json",
                "where": "image like '%1.jpg'",
                "except": {"file": "gone.json"},
            }
        },
    )
    monkeypatch.setattr(conversion, "SPAN", 500)
    monkeypatch.setattr(conversion, "SMALL", 0)
    monkeypatch.setattr("mixer.pools.PIECE", 1)

    assert list(plan(path, cache=cache).leaves[0].pool.losses) == ["where", "where_null", "except"]
