"""croissant.json: every file with its hash, and columns that a reader of Croissant finds where it is told to look."""

from __future__ import annotations

import hashlib
import json

import pytest
from conftest import RECIPES, recipe, records

from mixer import build
from mixer.croissant import croissant, media_in
from mixer.writers import tabular

OWN = [
    {"id": "a", "image": "1.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "An egg."}]},
    {"id": "b", "image": ["1.jpg", "2.jpg"], "conversations": [{"from": "human", "value": "<image>\n<image>\nAnd?"}, {"from": "gpt", "value": "Two."}]},
    {"id": "c", "conversations": [{"from": "human", "value": "Hm?"}, {"from": "gpt", "value": "달걀."}, {"from": "human", "value": "?"}, {"from": "gpt", "value": "!"}]},
]  # fmt: skip


@pytest.fixture
def own(tmp_path, cache):
    """Build a mix of one's own records as some targets; give it."""

    def run(*outputs, name="mix"):
        (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, OWN)), encoding="utf-8")
        sources = {"own": {"use": "llava_jsonl", "path": "own.jsonl"}}
        path = recipe(tmp_path, name, sources=sources, output=list(outputs))
        return build(path, tmp_path / name, data=tmp_path, cache=cache)

    return run


def described(mix):
    return json.loads(croissant(mix.manifest, mix.manifest.outputs, media_in(mix.path)))


# --- a reader --------------------------------------------------------------------------------------------------------


def read(folder, said):
    """Read each set of records as the format tells: find its files, take columns, look into objects."""
    files = {each["@id"]: each for each in said["distribution"]}
    found = {}
    for held in said["recordSet"]:
        rows = []
        for field in held["field"]:
            leaves = field.get("subField", [field])
            assert {"@id", "name", "@type"} <= field.keys()
            assert ("subField" in field) != ("source" in field)
            assert len({json.dumps(leaf["source"]["extract"]) for leaf in leaves}) == 1
            paths = paths_of(files, leaves[0]["source"])
            column = leaves[0]["source"]["extract"]["column"]
            values = [row.get(column) for path in paths for row in table(folder / path)]
            assert any(value is not None for value in values), "a reader stops at a column that is nowhere"
            assert all(isinstance(value, list) for value in values if field.get("repeated"))
            rows.append([(field["name"], taken(value, field)) for value in values])
        found[held["@id"]] = [
            {name: value for name, value in row if value is not None} for row in zip(*rows, strict=True)
        ]
    return found


def paths_of(files, source):
    """Give the files that a source names, by themselves or as a set."""
    if "fileObject" in source:
        return [files[source["fileObject"]["@id"]]["contentUrl"]]
    return files[source["fileSet"]["@id"]]["includes"]


def table(path):
    return records(path) if path.suffix == ".jsonl" else list(tabular.rows_of(path))


def taken(value, field):
    """Take what a field's parts name out of an object, or of several."""
    if "subField" not in field:
        return value
    keys = {part["name"]: part["source"]["transform"]["jsonPath"] for part in field["subField"]}
    if isinstance(value, list):
        return [{name: each[key] for name, key in keys.items()} for each in value]
    return {name: value[key] for name, key in keys.items()}


# --- tests -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shards", [1, 2])
def test_records_are_found_by_what_is_told(own, shards):
    """Of lines and of tables, in one file or in several, every record comes back."""
    targets = ("jsonl", "parquet", "hf", "llama_factory", "ms_swift")
    mix = own(*({"for": target, "shards": shards, "inexpressible": "drop"} for target in targets))

    found = read(mix.path, described(mix))

    lines = [
        line for output in mix.manifest.outputs if output.target == "jsonl" for line in records(mix.path / output.path)
    ]
    assert len(lines) == 3
    assert found.pop("jsonl_records", lines) == lines
    assert ("jsonl_records" in {each["@id"] for each in described(mix)["recordSet"]}) == (shards == 1)
    assert set(found) == {"parquet_records", "hf_records", "llama_factory_records", "ms_swift_records"}
    for rows in found.values():
        assert [row["id"] for row in rows] == [line["id"] for line in lines]
        assert [row["images"] for row in rows] == [tabular.listed(line.get("image")) for line in lines]
        assert all(row["videos"] == row["audios"] == [] for row in rows)
    for name in ("parquet_records", "hf_records", "llama_factory_records"):
        assert [row["conversations"] for row in found[name]] == [line["conversations"] for line in lines]
    assert [[said["content"] for said in row["messages"]] for row in found["ms_swift_records"]] == [
        [turn["value"] for turn in line["conversations"]] for line in lines
    ]


@pytest.mark.parametrize("name", ["preference", "svit_mix"])
def test_a_recipe_that_ships(tmp_path, cache, name):
    """Pairs have both answers; an array of JSON is a file whose columns are not told."""
    mix = build(RECIPES / f"{name}.yaml", tmp_path / "mix", data="miniatures", cache=cache)

    said = described(mix)

    found = read(mix.path, said)
    if name == "preference":
        assert found["jsonl_records"] == records(mix.path / "preference.jsonl")
        assert all({"chosen", "rejected"} <= row.keys() for row in found["jsonl_records"])
    else:
        assert found == {}
        assert said["distribution"][0]["encodingFormat"] == "application/json"


def test_every_file_with_its_hash(own):
    """Also those that only describe others; ids are unique, and paths are relative."""
    mix = own({"for": "jsonl"}, {"for": "parquet", "shards": 3}, {"for": "llava", "inexpressible": "drop"})

    said = described(mix)

    files = [each for each in said["distribution"] if each["@type"] == "cr:FileObject"]
    assert [each["contentUrl"] for each in files] == [output.path for output in mix.manifest.outputs]
    for each in files:
        content = (mix.path / each["contentUrl"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
        assert each["contentSize"] == f"{len(content)} B"
    ids = [each["@id"] for each in said["distribution"]]
    ids += [each["@id"] for held in said["recordSet"] for each in (held, *parts(held["field"]))]
    assert len(ids) == len(set(ids))
    assert str(mix.path.parent) not in json.dumps(said)


def parts(fields):
    """Give fields and what is in them."""
    return [each for field in fields for each in (field, *field.get("subField", []))]


def test_what_is_said_of_a_mix(tmp_path, cache):
    """Each source once with its page and licence; the terms of all; the mix id in the version."""
    sources = {"gqa": {}, "again": {"use": "gqa"}, "llava_v1_5_mix665k": {"epochs": 1}}
    mix = build(recipe(tmp_path, sources=sources), tmp_path / "mix", data="miniatures", cache=cache)

    said = described(mix)

    assert [each["name"] for each in said["isBasedOn"]] == ["gqa", "llava_v1_5_mix665k"]
    told = mix.manifest.sources["gqa"]
    assert said["isBasedOn"][0] == {
        "@type": "sc:CreativeWork", "name": "gqa", "url": told.homepage, "license": told.licence,
    }  # fmt: skip
    terms = {term for source in mix.manifest.sources.values() for term in source.terms}
    assert {licence.rsplit("/", 1)[-1] for licence in said["license"]} == terms
    assert "https://spdx.org/licenses/CC-BY-4.0" in said["license"]
    assert said["version"] == f"1.0.0+{mix.manifest.mix_id[:12]}"
    assert said["conformsTo"] == "http://mlcommons.org/croissant/1.0"


def test_ones_own_source(own):
    """Its terms are not known, and the page of its format is not its own."""
    said = described(own({"for": "jsonl"}))

    assert said["license"] == ["unknown"]
    assert said["isBasedOn"] == [{"@type": "sc:CreativeWork", "name": "llava_jsonl", "license": "yours"}]


def test_same_mix_same_bytes(own):
    """Built twice."""
    outputs = ({"for": "jsonl"}, {"for": "hf"})
    first, again = own(*outputs), own(*outputs)

    assert croissant(first.manifest, first.manifest.outputs) == croissant(again.manifest, again.manifest.outputs)
    assert media_in(first.path) == ["images"]
