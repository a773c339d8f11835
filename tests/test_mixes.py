"""What `except` takes out and leaves in, on miniatures and on real excerpts."""

from __future__ import annotations

import copy
import json
import random

import pytest
from conftest import RECIPES, multiset, records

from mixer.roots import MINIATURES

MIX, INSTRUCT, CORE = (
    "llava_v1_5_mix665k/llava_v1_5_mix665k.json",
    "llava_instruct_150k/llava_instruct_150k.json",
    "svit_core_150k/SVIT_core_150K.json",
)


@pytest.fixture(params=["miniatures", "excerpts"])
def raw(request):
    """Give the records of the three files of the SVIT recipe, and of the published result."""
    root = MINIATURES if request.param == "miniatures" else request.getfixturevalue("samples")
    return {name: records(root / name) for name in (MIX, INSTRUCT, CORE, "svit_mix_665k/SVIT_mix_665K.json")}


def write(tmp_path, files):
    """Write raw files below a data root."""
    for name, values in files.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    return tmp_path / "data"


def normal(record):
    """Apply the documented normalisations: ids are text, FastChat's empty `model` key goes."""
    return {"id": str(record["id"])} | {key: record[key] for key in ("image", "conversations") if key in record}


def built(mixer, tmp_path, files):
    """Build the SVIT recipe on raw files; give its records and the manifest's leaf of the mix665k file."""
    root = write(tmp_path, files)
    mixer("build", RECIPES / "svit_mix.yaml", "--data", root, "-o", "mix", "-q")
    mixer("verify", "mix")
    manifest = json.loads((tmp_path / "mix/manifest.json").read_text())
    return records(tmp_path / "mix/svit_mix.json"), manifest["sources"]["llava_v1_5_mix665k"]


def test_recipe_gives_the_published_mix(mixer, tmp_path, raw):
    """mix665k minus LLaVA-Instruct plus SVIT-core is the published SVIT mix; what went is exactly LLaVA-Instruct."""
    mix, leaf = built(mixer, tmp_path, raw)

    assert multiset(mix) == multiset(map(normal, raw["svit_mix_665k/SVIT_mix_665K.json"]))
    assert leaf["losses"]["except"] == len(raw[INSTRUCT])
    kept = {json.dumps(each) for each in mix}
    gone = [each for each in map(normal, raw[MIX]) if json.dumps(each) not in kept]
    assert multiset({**each, "image": each["image"].split("/")[-1]} for each in gone) == multiset(
        map(normal, raw[INSTRUCT])
    )


def test_recipe_does_not_mind_order_ids_blanks_or_folders(mixer, tmp_path, raw):
    """Files permuted, ids as numbers, blanks at ends, CRLF and bare image names: the same records go and stay."""
    files = copy.deepcopy(raw)
    chance = random.Random(3)
    for name in (MIX, INSTRUCT):
        chance.shuffle(files[name])
    for number, record in enumerate(files[INSTRUCT]):
        record["id"] = int(record["id"]) if number % 2 else record["id"]
        record["image"] = record["image"] if number % 3 else f"coco/train2017/{record['image']}"
        for turn in record["conversations"]:
            turn["value"] = f" {turn['value'].replace(chr(10), chr(13) + chr(10))} \n"

    mix, leaf = built(mixer, tmp_path, files)

    assert multiset(mix) == multiset(map(normal, raw["svit_mix_665k/SVIT_mix_665K.json"]))
    assert leaf["losses"]["except"] == len(raw[INSTRUCT])


def test_near_misses_stay_in(mixer, tmp_path, raw):
    """Another answer, another image, or one turn more makes another record."""
    files = copy.deepcopy(raw)
    twin = next(each for each in files[INSTRUCT] if len(each["conversations"]) > 2)
    twin = {**copy.deepcopy(twin), "image": f"coco/train2017/{twin['image']}"}
    answer, image, longer = (copy.deepcopy(twin) for _ in range(3))
    answer["conversations"][-1]["value"] += " Or so it seems."
    image["image"] = "coco/train2017/000000999999.jpg"
    longer["conversations"] += [{"from": "human", "value": "Is that all?"}, {"from": "gpt", "value": "It is."}]
    files[MIX] += [answer, image, longer, twin]

    mix, leaf = built(mixer, tmp_path, files)

    stayed = {json.dumps(each, sort_keys=True) for each in mix}
    assert all(json.dumps(normal(each), sort_keys=True) in stayed for each in (answer, image, longer))
    assert leaf["losses"]["except"] == len(raw[INSTRUCT]) + 1, "all copies of a record go"


def test_media_in_folders_of_other_names_are_reported(mixer, tmp_path, raw):
    """Matched records whose media lie in different folders are named, since they may be other images."""
    files = copy.deepcopy(raw)
    for record in files[INSTRUCT]:
        record["image"] = f"gqa/images/{record['image']}"

    _, leaf = built(mixer, tmp_path, files)

    assert leaf["losses"]["except"] == len(raw[INSTRUCT])
    assert any("folders of different names" in note for note in leaf["notes"])


def test_unmet_expectation_is_a_warning_that_lists_what_is_unmatched(mixer, tmp_path, raw):
    """`expect` unlike the removed number does not stop a build; the note says what matched nothing."""
    files = copy.deepcopy(raw)
    files[INSTRUCT].append(
        {
            "id": "999",
            "image": "1.jpg",
            "conversations": [{"from": "human", "value": "<image>\nQ"}, {"from": "gpt", "value": "A"}],
        }
    )

    _, leaf = built(mixer, tmp_path, files)

    assert any("expected 157,712 removed" in note and "999" in note for note in leaf["notes"])


def test_match_without_any_hit_is_an_error(mixer, tmp_path, raw):
    """An exception that takes out nothing is a mistake in the recipe or the data."""
    files = {**raw, INSTRUCT: raw[CORE]}

    root = write(tmp_path, files)
    refused = mixer("build", RECIPES / "svit_mix.yaml", "--data", root, code=1)

    assert "matches none" in refused.stderr
