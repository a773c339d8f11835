"""A finished mix written for another trainer: the files that a build for it writes, without building."""

from __future__ import annotations

import json

import pytest
from conftest import RECIPES, recipe, records

from mixer import build, exporting
from mixer.errors import DataError, UsageError
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
