"""`mixer check`: media, leaks and licences of one thing, in one answer."""

from __future__ import annotations

import json

import pytest
from conftest import recipe
from PIL import Image

from mixer import checking
from mixer.errors import UsageError


@pytest.fixture
def photos(tmp_path):
    """Write a recipe over five records: one image is missing, one is a PNG named .jpg, one is POPE's."""
    media = tmp_path / "media"
    (media / "coco" / "train2017").mkdir(parents=True)
    talk = []
    for number in range(1, 6):
        image = f"coco/train2017/{number:012}.jpg"
        if number != 2:
            Image.new("RGB", (8, 8), (number, 0, 0)).save(media / image, "PNG" if number == 3 else "JPEG")
        turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A boat."}]
        talk.append({"id": f"r{number}", "image": image, "conversations": turns})
    (tmp_path / "talk.json").write_text(json.dumps(talk))
    lines = [{"question_id": 1, "image": "COCO_val2014_000000000004.jpg", "text": "Is there a cat?", "label": "no"}]
    (tmp_path / "coco_pope_random.json").write_text("\n".join(map(json.dumps, lines)))
    return recipe(tmp_path, "mix", sources={"talk": {"use": "llava_json", "path": "talk.json"}})


def test_everything_is_found_and_said(mixer, photos, tmp_path):
    """Exit code 1, a table for each, and a repair list that a recipe takes as `exclude`."""
    asked = [
        "--media",
        "media",
        "--benchmark",
        "pope=coco_pope_random.json",
        "--repairs",
        "repairs.jsonl",
        "--only-drop",
    ]

    shown = mixer("check", photos, *asked, code=1).stdout
    told = json.loads(mixer("check", photos, *asked, "--json", code=1).stdout)

    assert told["leaks"]["sources"]["talk"]["benchmarks"]["pope"]["records"] == 1
    assert told["licences"]["talk"] == {"licence": "yours", "terms": [], "refused": []}
    assert any("leak a benchmark" in problem for problem in told["problems"])
    for word in ("missing", "mislabelled", "000000000002.jpg", "000000000003.jpg", "pope", "coco:4", "yours"):
        assert word in shown
    (tmp_path / "clean.yaml").write_text(
        "mixer: 1\nextends: mix.yaml\nname: clean\nexclude: repairs.jsonl\n"
        "decontaminate: {on_leak: drop, benchmarks: {pope: {files: coco_pope_random.json}}}\n"
    )
    made = json.loads(mixer("build", "clean.yaml", "--json").stdout)
    leaf = made["sources"]["talk"]
    assert leaf["losses"] == {"exclude": 2, "leak": 1}
    assert (leaf["made"], leaf["pool"], leaf["excluded"], leaf["leaks"]) == (5, 2, {"repairs.jsonl": 2}, {"pope": 1})
    removed = [json.loads(line) for line in (tmp_path / "out/clean/removed.jsonl").read_text().splitlines()]
    assert [(each["id"], each["step"]) for each in removed] == [("r2", "exclude"), ("r3", "exclude"), ("r4", "leak")]
    mixer("verify", "out/clean")
    assert json.loads(mixer("check", "out/clean", "--media", "media", "--json").stdout)["problems"] == []


def test_a_recipes_own_gates_are_looked_at_and_not_applied(mixer, photos, tmp_path):
    """What would stop a build is what a check is for."""
    (tmp_path / "gated.yaml").write_text(
        "mixer: 1\nname: gated\nsources:\n  talk: {use: llava_json, path: talk.json}\n  ocrvqa: {}\n"
        "licence: {allow: [MIT]}\n"
        "decontaminate: {benchmarks: {pope: {files: coco_pope_random.json}}}\n"
    )

    told = json.loads(mixer("check", "gated.yaml", "--data", "miniatures", "--json", code=1).stdout)

    assert told["licences"]["ocrvqa"]["refused"] == ["unknown"]
    assert told["leaks"]["sources"]["talk"]["leaked"] == 1
    stopped = mixer("build", "gated.yaml", "--data", "miniatures", code=1).stderr
    assert "ocrvqa: licence not stated" in stopped


def test_a_leak_stops_a_build_unless_it_says_drop(mixer, photos, tmp_path):
    """The message has the count, an example and the ways out."""
    (tmp_path / "gated.yaml").write_text(
        "mixer: 1\nextends: mix.yaml\nname: gated\ndecontaminate: {benchmarks: {pope: {files: coco_pope_random.json}}}\n"
    )

    said = mixer("build", "gated.yaml", code=1).stderr

    assert "talk: 1 conversations leak a benchmark (pope 1), such as pope: coco:4; leave them out with" in said
    assert not (tmp_path / "out/gated").exists()


def test_without_a_media_root_media_are_not_looked_at(photos, cache):
    """It is said, and it is no problem; a repair list cannot be written then."""
    checked = checking.check(str(photos), cache=cache)

    assert "not looked at: name their root with --media DIR" in checked.text()
    assert checked.problems == ()
    with pytest.raises(UsageError, match="no media were looked at"):
        checked.write_repairs(photos.with_name("r.jsonl"), only_drop=False)


def test_a_benchmark_is_written_as_name_and_path(photos, cache):
    """Anything else is told."""
    for wrong in ("pope", "pope=", "=x", "mine:=ids.txt"):
        with pytest.raises(UsageError, match="expected NAME=PATH"):
            checking.check(str(photos), [wrong], cache=cache)


def test_a_list_of_ones_own_says_what_its_entries_are(photos, tmp_path, cache):
    """Bare numbers are COCO's if that is said."""
    (tmp_path / "ids.txt").write_text("4\n99\n")

    checked = checking.check(str(photos), [f"mine:coco={tmp_path / 'ids.txt'}"], cache=cache)

    assert checked.leaks.leaked == 1


def test_what_could_not_be_compared_is_not_right(photos, tmp_path, cache):
    """Without the images nothing is known of them, and a gate may not say that nothing is wrong."""
    (tmp_path / "bench").mkdir()
    Image.new("RGB", (8, 8), (4, 0, 0)).save(tmp_path / "bench/1.jpg")

    blind = checking.check(str(photos), [f"mine={tmp_path / 'bench'}"], cache=cache)
    seeing = checking.check(str(photos), [f"mine={tmp_path / 'bench'}"], cache=cache, media=tmp_path / "media")

    assert blind.problems == (
        "talk: 5 images could not be compared, such as coco/train2017/000000000001.jpg (missing)",
    )
    assert "talk: 1 images could not be compared, such as coco/train2017/000000000002.jpg (missing)" in seeing.problems
    assert any("leak a benchmark" in problem for problem in seeing.problems)


def test_a_repair_list_that_cannot_be_written_is_refused_before_any_work(mixer, photos):
    """An audit of millions of files takes hours."""
    said = mixer("check", photos, "--media", "media", "--repairs", "no/where/repairs.jsonl", code=1).stderr

    assert "no/where/repairs.jsonl: no such folder: no/where" in said


def test_lists_that_speak_against_nothing_are_named(mixer, photos, tmp_path):
    """A list of other paths would pass for one of nothing bad."""
    (tmp_path / "bad.txt").write_text("/mnt/media/coco/train2017/000000000001.jpg\n")
    (tmp_path / "ids.txt").write_text("99\n")
    (tmp_path / "clean.yaml").write_text(
        "mixer: 1\nextends: mix.yaml\nname: clean\nexclude: bad.txt\n"
        "decontaminate: {on_leak: drop, benchmarks: {mine: {files: ids.txt, key: coco}, pope: {files: coco_pope_random.json}}}\n"
    )

    lines = mixer("plan", "clean.yaml").stdout.splitlines()

    assert "exclude bad.txt: speaks against no record" in lines
    assert "leak mine: speaks against no record" in lines
    assert "talk: leak pope: 1" in lines
    assert not any(line.startswith("leak pope") for line in lines)


@pytest.mark.parametrize(
    "line", [b'{"leaf":"\xff"}', b"[" * 10**5 + b"]" * 10**5, b"5"], ids=["bytes", "deep", "number"]
)
def test_a_damaged_list_of_removed_records_is_said(mixer, photos, tmp_path, line):
    """Whatever stands there, verifying ends with words."""
    (tmp_path / "bad.txt").write_text("r1\n")
    (tmp_path / "clean.yaml").write_text("mixer: 1\nextends: mix.yaml\nname: clean\nexclude: bad.txt\n")
    mixer("build", "clean.yaml", "-q")
    with (tmp_path / "out/clean/removed.jsonl").open("ab") as file:
        file.write(line + b"\n")

    assert "removed.jsonl: is not a list of removed records" in mixer("verify", "out/clean", code=1).stderr


def test_what_a_target_cannot_hold_stops_no_check(mixer, tmp_path):
    """A check looks at records whatever they are to be written for."""
    turns = [{"from": "human", "value": "<image>\n<image>\nWhat is it?"}, {"from": "gpt", "value": "A boat."}]
    (tmp_path / "talk.json").write_text(
        json.dumps([{"id": "a", "image": ["p/1.jpg", "p/2.jpg"], "conversations": turns}])
    )
    path = recipe(tmp_path, "mix", sources={"talk": {"use": "llava_json", "path": "talk.json"}})

    assert "several images" in mixer("plan", path, code=1).stderr
    assert json.loads(mixer("check", path, "--json").stdout)["problems"] == []
