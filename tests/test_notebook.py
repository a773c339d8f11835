"""What a notebook shows is well-formed, escaped, small, and says the numbers of the manifest."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from conftest import recipe

from mixer import build, diff, notebook, plan, reports
from mixer.tables import number

NASTY = "<script>alert('&')</script>"


class Shown(HTMLParser):
    """Reads a fragment: rows of cells, items of lists, and that every element is closed in turn."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.items, self.all, self.tags = [], [], [], "", set()
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        elif tag == "li":
            self.items.append("")

    def handle_endtag(self, tag):
        """Close the last one."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Take text."""
        self.all += data
        if {"td", "th"} & {*self.open}:
            self.rows[-1][-1] += data
        elif "li" in self.open:
            self.items[-1] += data


@pytest.fixture
def own(tmp_path):
    """Write records of two sources; give the keys of a recipe."""
    for name, records in (("a", 12), ("b", 5)):
        turns = [[{"from": "human", "value": f"{n}?"}, {"from": "gpt", "value": "!"}] for n in range(records)]
        values = [{"id": f"{name}{n}", "conversations": each} for n, each in enumerate(turns)]
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    use = {"use": "llava_json"}
    return {"a": {**use, "path": "a.json", "where": "id LIKE 'a1%'"}, "b": {**use, "path": "b.json", "epochs": 2}}


def test_a_plan_is_a_table_of_its_numbers(tmp_path, cache, own):
    """Read, lost, made, pool and amounts of each leaf, with the loss of each step, and their totals."""
    values = reports.plan_values(plan(recipe(tmp_path, "m", sources=own), cache=cache))
    found = Shown(notebook.plan_html(values))

    assert found.rows[0] == ["leaf", "read", "skipped", "bad", "made", "-where", "pool", "ideal", "count"]
    for name, leaf in values["sources"].items():
        (row,) = [row for row in found.rows if row[0] == name]
        lost = [sum(leaf["skipped"].values()), sum(leaf["bad"].values())]
        told = [
            leaf["read"],
            *lost,
            leaf["made"],
            leaf["losses"].get("where", 0),
            leaf["pool"],
            leaf["ideal"],
            leaf["count"],
        ]
        assert row[1:] == list(map(number, told))
    totals = values["totals"]
    assert found.rows[-1][1:] == [
        number(totals[name]) for name in ("read", "skipped", "bad", "made", "where", "pool", "ideal", "count")
    ]
    assert f"{values['records']} records, seed 17" in found.all


def test_a_mix_is_a_table_with_its_files(tmp_path, cache, own):
    """What a build gave: records by leaf, files, identity, and where it lies."""
    mix = build(recipe(tmp_path, "m", sources=own), tmp_path / "out", cache=cache)
    values = {"path": str(mix.path), **mix.manifest.model_dump(mode="json")}
    found = Shown(notebook.mix_html(values))

    counts = {name: leaf.count for name, leaf in mix.manifest.sources.items()}
    assert {row[0]: row[-1] for row in found.rows[1:-1]} == {name: str(count) for name, count in counts.items()}
    assert found.rows[-1][-1] == str(sum(counts.values())) == str(mix.manifest.records)
    assert mix.manifest.mix_id[:16] in found.all
    assert any(item.startswith("m.json: 13 records") for item in found.items)


def test_miniatures_tokens_and_media_are_said(tmp_path, cache):
    """A mix of miniatures is never taken for a real one; tokens get columns where they were counted."""
    made = plan(recipe(tmp_path, "m", sources={"svit_core_150k": {}}), data="miniatures", cache=cache)
    values = reports.plan_values(made)
    mix = build(made.recipe, tmp_path / "out", data="miniatures", cache=cache)
    shown = {"path": str(mix.path), **mix.manifest.model_dump(mode="json")}
    for each in (values, shown):
        each["sources"]["svit_core_150k"].update(tokens=1_234, target_tokens=99)
    values["totals"].update(tokens=1_234, target_tokens=99)
    shown["media"] = {"path": "media", "files": 3, "bytes": 9}

    for text in (notebook.plan_html(values), notebook.mix_html(shown)):
        found = Shown(text)
        assert "made of the built-in miniatures" in found.all
        assert found.rows[0][-2:] == ["tokens", "target_tokens"]
        assert found.rows[-1][-2:] == ["1,234", "99"]
    assert "media: 3 media files" in found.items


def test_a_difference_is_a_table_with_its_reasons(tmp_path, cache, own):
    """Records of both mixes by leaf, what only one has, order, why; of equal mixes one line."""
    first = build(recipe(tmp_path, "m", sources=own), tmp_path / "one", cache=cache).path
    del own["a"]["where"]
    second = build(recipe(tmp_path, "m", sources=own), tmp_path / "two", cache=cache).path
    difference = diff(first, second)
    found, same = Shown(difference._repr_html_()), Shown(diff(first, first)._repr_html_())

    assert found.rows[1:-1] == [
        [leaf.leaf, *map(str, (leaf.count_a, leaf.count_b, leaf.only_a, leaf.only_b))] for leaf in difference.leaves
    ]
    assert found.rows[-1] == ["total", "13", "22", "0", "9"]
    assert f"{difference.common} records are in both, in the same order" in found.all
    assert found.items == list(difference.reasons)
    assert "The same records in the same order" in same.all
    assert not same.rows


def test_long_and_hostile_values_stay_small_and_text(tmp_path, cache, own):
    """Hundreds of leaves and notes are cut and counted; nothing of a value is markup."""
    values = reports.plan_values(plan(recipe(tmp_path, "m", sources=own), cache=cache))
    leaf = values["sources"]["a"] | {"notes": [NASTY]}
    many = values | {"name": NASTY, "sources": {f"{NASTY}{n}": leaf for n in range(70)}}
    moved = {
        "same": False, "a": "0", "b": "1", "leaves": [], "common": 5, "order_changed": True, "moved": 3, "reasons": [NASTY],
    }  # fmt: skip

    found, order = Shown(notebook.plan_html(many)), Shown(notebook.diff_html(moved))

    assert "script" not in found.tags | order.tags
    assert f"Plan of {NASTY}" in found.all
    assert len(found.rows) == 1 + notebook.LEAVES + 2
    assert found.rows[-2] == ["and 10 leaves more"]
    assert len(found.items) == notebook.NOTES + 1
    assert found.items[-1].startswith("and 5")
    assert "5 records are in both, in another order, 3 moved" in order.all
