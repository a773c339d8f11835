"""Real excerpts of instruction sets: every record is accounted for and passes through."""

from __future__ import annotations

import json

import pytest
from test_samples import converted

FILES = {
    "caption_laion": ("allava_laion/ALLaVA-Caption-LAION-4V.json", "allava_laion_cap_"),
    "instruct_laion": ("allava_laion/ALLaVA-Instruct-LAION-4V.json", "allava_laion_inst_"),
    "caption_vflan": ("allava_vflan/ALLaVA-Caption-VFLAN-4V.json", "allava_vflan_cap_"),
    "instruct_vflan": ("allava_vflan/ALLaVA-Instruct-VFLAN-4V.json", "allava_vflan_inst_"),
    "evol_instruct": ("allava_text/Evol-Instruct-GPT4-Turbo-143K.json", ""),
}


@pytest.mark.parametrize("part", FILES)
def test_allava_records_pass_through(samples, cache, part):
    """Each file's record keeps its name, image and two turns byte for byte; nothing else is taken from it."""
    path, start = FILES[part]
    entry, [made] = converted("allava_4v", samples, cache, parts=[part])

    [raw] = json.loads((samples / "allava_4v" / path).read_text(encoding="utf-8"))
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (1, 1, 1)
    assert (entry.ledger.skipped, entry.ledger.bad) == ({}, {})
    assert made == {
        "id": raw.get("id") or raw["idx"],
        **({"image": raw["image"]} if "image" in raw else {}),
        "conversations": raw["conversations"],
    }
    assert made["id"].startswith(start)
    assert [turn["from"] for turn in made["conversations"]] == ["human", "gpt"]
    assert made["conversations"][0]["value"].startswith("<image>\n") == (part != "evol_instruct")
    assert entry.index(["subset"])["subset"].to_list() == [part]


def test_allava_parts_are_read_in_one_go(samples, cache):
    """The caption and the question about the LAION image name the same file, and the default reads all five."""
    entry, made = converted("allava_4v", samples, cache)

    assert (entry.ledger.read, entry.ledger.made) == (5, 5)
    assert made[0]["image"] == made[1]["image"]
    assert made[0]["id"].rpartition("_")[2] == made[1]["id"].rpartition("_")[2]
    assert [each.get("image", "").partition("/")[0] for each in made] == [
        "allava_laion",
        "allava_laion",
        "allava_vflan",
        "allava_vflan",
        "",
    ]
