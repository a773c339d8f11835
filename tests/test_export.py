"""A finished mix written for another trainer: the files that a build for it writes, without building."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import RECIPES, recipe, records

from mixer import build, exporting, handing_off, manifest
from mixer.errors import DataError, IntegrityError, UsageError
from mixer.resolved import Shards


@pytest.fixture
def omni(tmp_path, cache):
    """Build a mix of every modality on the miniatures."""
    return build(RECIPES / "omni.yaml", tmp_path / "omni", data="miniatures", cache=cache)


@pytest.mark.parametrize("target", ["jsonl", "llama_factory", "ms_swift"])
def test_an_export_is_what_a_build_for_the_target_writes(tmp_path, cache, target):
    """Byte for byte, in shards too."""
    sources = {"llava_v1_5_mix665k": {"epochs": 1.5, "where": "literal_tokens = FALSE"}, "clotho": {}}
    outputs = [{"for": target, "shards": 3}]
    asked = build(
        recipe(tmp_path, "mix", sources=sources, output=outputs), tmp_path / "a", data="miniatures", cache=cache
    )
    plain = build(
        recipe(tmp_path, "mix", sources=sources, output={"for": "jsonl"}),
        tmp_path / "b",
        data="miniatures",
        cache=cache,
    )

    made = exporting.export(plain.path, target, tmp_path / "export", cut=Shards("shards", 3))

    expected = [output for output in asked.manifest.outputs if output.target == target]
    assert made.export.files == expected
    for file in expected:
        assert (made.path / file.path).read_bytes() == (asked.path / file.path).read_bytes()


def test_what_a_target_cannot_express_is_said_or_dropped(omni, tmp_path):
    """By reason and count; nothing is left behind by a refusal."""
    with pytest.raises(DataError, match=r"4 records cannot be written for llava: 2 with audio, 2 with video"):
        exporting.export(omni.path, "llava", tmp_path / "out")
    assert not (tmp_path / "out").exists()

    made = exporting.export(omni.path, "llava", tmp_path / "out", inexpressible="drop")

    kept = records(tmp_path / "out" / "omni.json")
    every = records(omni.path / omni.manifest.outputs[0].path)
    assert kept == [record for record in every if "audio" not in record and "video" not in record]
    assert made.export.dropped == {"audio": 2, "video": 2}
    assert made.export.records == len(kept) == omni.manifest.records - 4


def test_a_description_counts_what_is_written(omni, tmp_path):
    """Not what the mix has besides."""
    made = exporting.export(omni.path, "llava", tmp_path / "out", inexpressible="drop", described=True)
    said = json.loads((made.path / "croissant.json").read_text())
    assert f"of {made.export.records:,} invented records" in said["description"]


def test_only_an_export_is_replaced(omni, tmp_path):
    """Anything else at the folder is refused before any work."""
    out = tmp_path / "out"
    exporting.export(omni.path, "jsonl", out)
    exporting.export(omni.path, "ms_swift", out)
    assert sorted(path.name for path in out.iterdir()) == ["export.json", "ms_swift"]

    (out / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"holds files that are not of the export: mine\.txt"):
        exporting.export(omni.path, "jsonl", out)
    with pytest.raises(UsageError):
        exporting.export(omni.path, "jsonl", omni.path)


def test_commands(mixer, omni, tmp_path):
    """Export, and what to paste, with the paths in it."""
    shown = mixer("export", omni.path, "--for", "llama_factory").stdout
    pasted = mixer("handoff", tmp_path / "omni-llama_factory", "--for", "llama_factory", "--media", tmp_path).stdout

    assert "omni-llama_factory/llama_factory/omni.jsonl" in shown
    assert f"dataset_dir: {tmp_path}/omni-llama_factory/llama_factory" in pasted
    assert f"media_dir: {tmp_path}" in pasted
    told = json.loads(mixer("export", omni.path, "--for", "jsonl", "-o", "x", "--shards", 2, "--json").stdout)
    assert [file["records"] for file in told["files"]] == [10, 10]
    assert "did you mean 'llava'" in mixer("export", omni.path, "--for", "llawa", code=2).stderr
    assert "run `mixer export" in mixer("handoff", omni.path, "--for", "qwen_vl", code=2).stderr
    assert (
        "cut in one way"
        in mixer("export", omni.path, "--for", "jsonl", "--shards", 2, "--shard-bytes", 2, code=2).stderr
    )


def test_an_export_beside_a_mix_that_is_the_working_folder(mixer, omni, tmp_path):
    """`.` has no name, and nothing lies beside it by that name."""
    mixer("export", ".", "--for", "jsonl", cwd=omni.path)
    assert (tmp_path / "omni-jsonl" / "export.json").is_file()


@pytest.mark.parametrize("damage", [lambda file: file[:3000], lambda file: file.replace(b"a", b"b", 1)])
def test_a_damaged_mix_is_not_exported(omni, tmp_path, damage):
    """Its copies would be found right: cut or changed, it is told before anything is written."""
    path = omni.path / omni.manifest.outputs[0].path
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(IntegrityError, match=r"omni\.jsonl: is not the file that the manifest names"):
        exporting.export(omni.path, "jsonl", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_name_of_a_mix_that_somebody_else_made_leads_nowhere(omni, tmp_path):
    """A manifest that was sealed again may say any name, and files are named after it."""
    values = omni.manifest.model_dump(exclude={"seal"}) | {"name": "../../evil"}
    (omni.path / manifest.NAME).write_bytes(manifest.encode(manifest.sealed(values)))

    with pytest.raises(IntegrityError, match="is no name of a mix"):
        exporting.export(omni.path, "jsonl", tmp_path / "out")


@pytest.mark.parametrize("target", ["parquet", "hf"])
def test_a_folder_that_looks_like_a_pattern(omni, tmp_path, target):
    """Readers of tables take brackets for patterns if they are let."""
    made = exporting.export(omni.path, target, tmp_path / "mix[1]")
    assert made.export.records == 20


@pytest.mark.parametrize(
    "asked",
    [
        ["export", "s3://b/x", "--for", "jsonl"],
        ["handoff", "s3://b/x", "--for", "jsonl"],
        ["export", "m", "--for", "hf", "-o", "s3://b/x"],
    ],
)
def test_mixes_are_exported_on_this_machine(mixer, tmp_path, asked):
    """A URL is no folder here, and none is made that is called so; one with credentials is not repeated."""
    assert "lies in an object store" in mixer(*asked, code=2).stderr
    assert "SECRET" not in mixer(*[each.replace("b/", "K:SECRET@b/") for each in asked], code=2).stderr
    assert not (tmp_path / "s3:").exists()


def test_shards_are_not_handed_to_a_trainer_that_reads_one_file(mixer, tmp_path, cache):
    """There is no file of the name that it would be told."""
    given = recipe(tmp_path, "mix", sources={"svit": {}}, output={"for": "llava", "shards": 2})
    built = build(given, tmp_path / "mix", data="miniatures", cache=cache)

    told = mixer("handoff", built.path, "--for", "llava", code=2).stderr
    assert (
        f"cut into 2 files, and the trainer of llava reads one; run `mixer export {built.path} --for llava` first"
        in told
    )
    mixer("export", built.path, "--for", "llava")
    assert "mix-llava/mix.json" in mixer("handoff", tmp_path / "mix-llava", "--for", "llava").stdout
    assert "export the mix mix for it" in mixer("handoff", tmp_path / "mix-llava", "--for", "hf", code=2).stderr


def test_a_damaged_export_is_told(mixer, omni, tmp_path):
    """In one line."""
    made = exporting.export(omni.path, "jsonl", tmp_path / "out")
    (made.path / "export.json").write_text("{}")
    assert "was edited or damaged" in mixer("handoff", made.path, "--for", "jsonl", code=1).stderr


def test_paths_are_put_in_as_their_places_need_it(tmp_path):
    """Names that hold the words that stand for paths, and paths that shells, sed and Python would read otherwise."""
    said = 'run MIX/\0.json MEDIA > \0.json\nx = load("MIX/\0", f"MEDIA/{path}")\n'
    places = {"MIX": "/MEDIA/a b", "MEDIA": "/{m} 'd\"", handing_off.NAME: "LLaVA_MIX"}

    assert handing_off.filled(said, places) == (
        "run '/MEDIA/a b/LLaVA_MIX.json' '/{m} '\"'\"'d\"' > LLaVA_MIX.json\n"
        'x = load("/MEDIA/a b/LLaVA_MIX", f"/{{m}} \'d\\"/{path}")\n'
    )
    assert handing_off.filled("cd MEDIA, MIX/x\n", {"MIX": "/m", "MEDIA": "MEDIA"}) == "cd MEDIA, /m/x\n"


@pytest.mark.parametrize("target", ["llava_next", "internvl"])
def test_the_scripts_of_sed_work_in_any_folder(mixer, cache, tmp_path, target):
    """What is pasted into a shell makes a file that names the right ones."""
    folder, work = tmp_path / "a & #b's\\\"q", tmp_path / "work"
    work.mkdir()
    given = recipe(tmp_path, "MIX_of_MEDIA", sources={"svit": {}}, output={"for": "jsonl"})
    built = build(given, tmp_path / "mix", data="miniatures", cache=cache)
    exporting.export(built.path, target, folder, inexpressible="drop")

    pasted = mixer("handoff", folder, "--for", target, "--media", folder).stdout
    (line,) = [line for line in pasted.splitlines() if line.startswith("sed")]
    subprocess.run(line, shell=True, check=True, cwd=work)

    (made,) = work.iterdir()
    said = yaml.safe_load(made.read_text())
    paths = (
        [each["json_path"] for each in said["datasets"]] if "datasets" in said else [said["MIX_of_MEDIA"]["annotation"]]
    )
    assert [Path(path).is_file() for path in paths] == [True]
