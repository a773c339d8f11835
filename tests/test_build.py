"""The main job: a recipe becomes a mix, exactly and reproducibly (P1, P3, P4)."""

from __future__ import annotations

import hashlib
import json
import shutil

import polars as pl
import pytest
from conftest import RECIPES, multiset, recipe, records

from mixer.roots import MINIATURES


def hashes(mix):
    """Hash every file of a mix."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(mix.iterdir())}


def manifest(mix):
    return json.loads((mix / "manifest.json").read_text())


def test_svit_mix_on_miniatures_is_the_miniature_of_the_published_mix(mixer, tmp_path):
    """The mix665k file minus LLaVA-Instruct by content plus SVIT-core is SVIT-mix, record for record."""
    mixer("build", RECIPES / "svit_mix.yaml", "--data", "miniatures")
    mixer("convert", "svit_mix_665k", "--data", "miniatures", "-o", "published.jsonl")

    mix = tmp_path / "out" / "svit_mix-miniature"
    assert multiset(records(mix / "svit_mix.json")) == multiset(records(tmp_path / "published.jsonl"))
    assert manifest(mix)["data"] == "miniatures"
    mixer("verify", mix)


def test_summary_says_that_miniatures_were_used(mixer):
    """A build without data says so on standard error, and its folder's name says so too."""
    finished = mixer("build", RECIPES / "svit_mix.yaml")

    assert "miniatures" in finished.stderr
    assert "out/svit_mix-miniature" in finished.stdout


@pytest.mark.parametrize("name", [path.stem for path in sorted(RECIPES.glob("*.yaml"))])
def test_every_shipped_recipe_builds_and_verifies(mixer, tmp_path, name):
    """A recipe that ships is found by its name, builds on the miniatures, and its manifest adds up."""
    mixer("build", name, "--data", "miniatures", "-o", "mix", "-q")
    mixer("verify", "mix")

    values = manifest(tmp_path / "mix")
    for leaf in values["sources"].values():
        assert leaf["read"] == leaf["used"] + sum(leaf["skipped"].values()) + sum(leaf["bad"].values())
        assert leaf["made"] == leaf["pool"] + sum(leaf["losses"].values())
    assert values["records"] == sum(leaf["count"] for leaf in values["sources"].values())
    assert values["records"] == len(records(next((tmp_path / "mix").glob(f"{values['name']}.json*"))))


SETTINGS = {
    "workers": {"flags": ("--workers", "2")},
    "warm store": {"warm": True},
    "hash seed 0": {"env": {"PYTHONHASHSEED": "0"}},
    "hash seed 1": {"env": {"PYTHONHASHSEED": "1"}},
    "locale C": {"env": {"LC_ALL": "C"}},
    "Turkish locale": {"env": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}},
    "time zone": {"env": {"TZ": "Asia/Kathmandu"}},
    "umask and polars threads": {"env": {"POLARS_MAX_THREADS": "1"}},
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_same_bytes_whatever_the_surroundings(mixer, tmp_path, setting):
    """Every file of a mix has the same hash under other workers, stores, locales, time zones and hash seeds."""
    given = SETTINGS[setting]
    mixer("build", "weighted", "--data", "miniatures", "-o", "first", env={"PYTHONHASHSEED": "random"})
    env = {**given.get("env", {})}
    if not given.get("warm"):
        env["MIXER_CACHE"] = str(tmp_path / "another store")

    mixer("build", "weighted", "--data", "miniatures", "-o", "second", *given.get("flags", ()), env=env)

    assert hashes(tmp_path / "second") == hashes(tmp_path / "first")


def test_same_bytes_from_another_folder_data_root_and_directory_order(mixer, tmp_path):
    """Where the data lie, in which order a folder lists them, and where the command runs change nothing."""
    for place, order in (("a", sorted), ("b/deep", lambda names: sorted(names, reverse=True))):
        for name in order(path.name for path in MINIATURES.iterdir()):
            shutil.copytree(MINIATURES / name, tmp_path / place / "data" / name)
        mixer("build", RECIPES / "svit_mix.yaml", "--data", "data", cwd=tmp_path / place)

    first, second = tmp_path / "a/out/svit_mix", tmp_path / "b/deep/out/svit_mix"
    assert hashes(first) == hashes(second)
    assert manifest(first)["data"] == "given"


def test_seed_and_size_override_the_recipe_and_are_recorded(mixer, tmp_path):
    """Another seed is another order of the same records; the manifest names it."""
    mixer("build", "svit_mix", "--data", "miniatures", "-o", "a")
    mixer("build", "svit_mix", "--data", "miniatures", "-o", "b", "--seed", "5")

    a, b = records(tmp_path / "a/svit_mix.json"), records(tmp_path / "b/svit_mix.json")
    assert a != b
    assert multiset(a) == multiset(b)
    assert manifest(tmp_path / "b")["seed"] == 5


def test_plan_and_build_agree_and_plan_writes_nothing_but_the_store(mixer, tmp_path):
    """The numbers of a plan are those of the manifest, and a plan leaves no file in the working folder."""
    planned = json.loads(mixer("plan", "weighted", "--data", "miniatures", "--json").stdout)
    dry = json.loads(mixer("build", "weighted", "--data", "miniatures", "--json", "--dry-run").stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]

    mixer("build", "weighted", "--data", "miniatures", "-o", "mix")

    values = manifest(tmp_path / "mix")
    assert planned == dry
    assert planned["records"] == values["records"] == planned["totals"]["count"]
    assert planned["totals"]["pool"] == sum(leaf["pool"] for leaf in planned["sources"].values())
    assert {name: leaf["count"] for name, leaf in planned["sources"].items()} == {
        name: leaf["count"] for name, leaf in values["sources"].items()
    }


def test_plan_prints_aligned_columns(mixer):
    """The table for people has a total under a line, and every row is as wide as its header's columns ask."""
    text = mixer("plan", "svit_mix", "--data", "miniatures").stdout
    header, rule, *rows = text.splitlines()

    assert header.split()[:5] == ["leaf", "read", "skipped", "bad", "made"]
    assert "-except" in header
    assert set(rule) == {"-", " "}
    assert any(row.startswith("total") for row in rows)


def own(tmp_path, texts):
    """Write a file of text records; give its path."""
    path = tmp_path / "own.json"
    turns = [[{"from": "human", "value": text}, {"from": "gpt", "value": "Yes."}] for text in texts]
    path.write_text(json.dumps([{"id": str(number), "conversations": each} for number, each in enumerate(turns)]))
    return path


def test_own_file_needs_no_data_root(mixer, tmp_path):
    """A source with its own path is read from there, relative to the recipe, and is no miniature."""
    (tmp_path / "recipes").mkdir()
    own(tmp_path / "recipes", ["One?", "Two?", "Three?"])
    path = recipe(tmp_path / "recipes", sources={"own": {"use": "llava_json", "path": "own.json"}})

    mixer("build", path)

    values = manifest(tmp_path / "out/mix")
    assert values["data"] == "given"
    assert values["sources"]["own"]["files"][0]["path"] == "own.json"
    assert str(tmp_path) not in (tmp_path / "out/mix/manifest.json").read_text()
    assert len(records(tmp_path / "out/mix/mix.json")) == 3


def test_text_only_records_have_no_image_key_and_the_array_is_json(mixer, tmp_path):
    """LLaVA's trainer tells modality by the key: a text record has none, and never null."""
    mixer("build", "svit_mix", "--data", "miniatures", "-o", "mix")

    mix = records(tmp_path / "mix/svit_mix.json")
    text = [each for each in mix if "image" not in each]
    assert text
    assert all(each.get("image", "") is not None and isinstance(each["id"], str) for each in mix)
    assert (tmp_path / "mix/svit_mix.json").read_text().startswith("[\n{")
    assert (tmp_path / "mix/svit_mix.json").read_text().endswith("}\n]\n")


def test_index_tells_where_each_record_lies(mixer, tmp_path):
    """Offset and length of the index cut each record out of the data file."""
    mixer("build", "svit_mix", "--data", "miniatures", "-o", "mix")

    data = (tmp_path / "mix/svit_mix.json").read_bytes()
    index = pl.read_parquet(tmp_path / "mix/index.parquet")
    for row, record in zip(index.iter_rows(named=True), json.loads(data), strict=True):
        assert json.loads(data[row["offset"] : row["offset"] + row["length"]]) == record
        assert row["id"] == record["id"]
        assert row["turns"] == len(record["conversations"])


def test_jsonl_and_several_outputs(mixer, tmp_path):
    """A list of outputs writes the same records in the same order to each."""
    path = recipe(tmp_path, sources={"llava_pretrain": {}}, output=[{"for": "llava"}, {"for": "jsonl"}])

    mixer("build", path, "--data", "miniatures", "-o", "mix")

    assert records(tmp_path / "mix/mix.json") == records(tmp_path / "mix/mix.jsonl")
    assert len(manifest(tmp_path / "mix")["outputs"]) == 2
    mixer("verify", "mix")


def test_what_llava_cannot_read_is_refused_or_dropped_and_counted(mixer, tmp_path):
    """Records with several images or a system turn cannot be written for LLaVA-1.5; the recipe says what happens."""
    turns = [{"from": "human", "value": "<image><image>\nWhich?"}, {"from": "gpt", "value": "Left."}]
    system = [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "Hi"},
        {"from": "gpt", "value": "Hi"},
    ]
    plain = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hi"}]
    values = [
        {"id": "a", "image": ["x/1.jpg", "x/2.jpg"], "conversations": turns},
        {"id": "b", "conversations": system},
        {"id": "c", "conversations": plain},
    ]
    (tmp_path / "own.json").write_text(json.dumps(values))
    leaf = {"own": {"use": "llava_json", "path": "own.json"}}

    refused = mixer("build", recipe(tmp_path, "strict", sources=leaf), code=1)
    mixer("build", recipe(tmp_path, "loose", sources=leaf, output={"for": "llava", "inexpressible": "drop"}), "-o", "l")
    mixer("build", recipe(tmp_path, "lines", sources=leaf, output={"for": "jsonl"}), "-o", "j")

    assert (
        "own: 2 conversations cannot be written for llava: 1 with several images, 1 with system message"
        in refused.stderr
    )
    assert [each["id"] for each in records(tmp_path / "l/loose.json")] == ["c"]
    assert manifest(tmp_path / "l")["sources"]["own"]["losses"] == {"inexpressible": 2}
    assert len(records(tmp_path / "j/lines.jsonl")) == 3


def test_locked_build_refuses_other_inputs(mixer, tmp_path):
    """--locked builds again what a manifest describes, and refuses raw files that changed."""
    own(tmp_path, ["One?", "Two?"])
    path = recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}})
    mixer("build", path)
    mixer("build", path, "--locked")
    own(tmp_path, ["One?", "Three?"])

    refused = mixer("build", path, "--locked", code=1)

    assert "raw files of own changed" in refused.stderr


def test_an_empty_mix_is_an_error(mixer, tmp_path):
    """A recipe whose rules leave nothing says so."""
    own(tmp_path, ["One?"])
    path = recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json", "where": "turns > 9"}})

    assert "no record" in mixer("build", path, code=1).stderr
