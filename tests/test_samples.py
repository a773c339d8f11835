"""Real excerpts: every record is accounted for, and the facts that are known of them hold."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from conftest import multiset, records

from mixer import conversion, sources
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Input
from mixer.store import Store

LLAVA = {
    "llava_v1_5_mix665k": ("llava_v1_5_mix665k.json", 325),
    "svit_mix_665k": ("SVIT_mix_665K.json", 325),
    "sharegpt4v": ("sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json", 325),
    "svit_core_150k": ("SVIT_core_150K.json", 78),
    "llava_instruct_150k": ("llava_instruct_150k.json", 78),
    "llava_pretrain": ("blip_laion_cc_sbu_558k.json", 200),
}
"""Source -> its excerpt and the records that its provenance counts. They are in LLaVA's format and pass through."""


def converted(name, root, cache, **options):
    """Convert an excerpt; give the entry and its conversations."""
    given = Input(name, sources.get(name).options(**options))
    with Workers(1) as workers:
        located = conversion.locate(given, root)
        entry = conversion.convert(located, Store(cache), workers, silent, max_bad=Fraction(0))
    return entry, [each for part in entry.ledger.parts for each in records(entry.data(part))]


def normal(record, prefix=""):
    """Apply the documented normalisations: ids are text, FastChat's empty `model` goes, images get their folder."""
    kept = {"id": str(record["id"])}
    if "image" in record:
        kept["image"] = prefix + record["image"]
    return {**kept, "conversations": record["conversations"]}


@pytest.mark.parametrize("name", LLAVA)
def test_records_in_llavas_format_pass_through_byte_for_byte(samples, cache, name):
    """Every text, id and path of the published file is in the conversation, and nothing else."""
    file, count = LLAVA[name]

    entry, made = converted(name, samples, cache)

    prefix = "coco/train2017/" if name == "llava_instruct_150k" else ""
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (count, count, count)
    assert not entry.ledger.skipped
    assert not entry.ledger.bad
    assert made == [normal(record, prefix) for record in records(samples / name / file)]


@pytest.mark.parametrize("caption", ["condensed", "image", "text", "both"])
def test_textocr_captions_become_one_record_an_image(samples, cache, caption):
    """Each of the 100 rows gives a record named after its file, with the caption that was asked for as it stands."""
    entry, made = converted("textocr_gpt4v", samples, cache, caption=caption)

    rows = records(samples / "textocr_gpt4v" / "train.jsonl")
    assert (entry.ledger.read, entry.ledger.made) == (100, 100)
    for row, record in zip(rows, made, strict=True):
        answers = [turn["value"] for turn in record["conversations"][1::2]]
        wanted = ["caption_image", "caption_text"] if caption == "both" else [f"caption_{caption}"]
        assert answers == [row[name] for name in wanted]
        assert record["image"] == f"textvqa/train_images/{row['filename']}"
        assert f"{record['id']}.jpg" == row["filename"]
        assert record["conversations"][0]["value"].startswith("<image>\n")


def test_blocks_of_the_mix_are_told_by_content(samples, cache):
    """The 1-in-2,000 excerpt holds every block, in the order and with the media of the published file."""
    entry, _ = converted("llava_v1_5_mix665k", samples, cache)

    index = entry.index(["subset", "media"])
    media = {
        "llava_instruct": "coco/train2017/", "vqav2_okvqa": "coco/train2017/", "aokvqa": "coco/train2017/",
        "refcoco": "coco/train2017/", "vg": "vg/VG_100K", "gqa": "gqa/images/", "ocrvqa": "ocr_vqa/images/",
        "textcaps": "textvqa/train_images/",
    }  # fmt: skip
    assert list(dict.fromkeys(index["subset"].to_list())) == [*media, "sharegpt"]
    for subset, paths in index.iter_rows():
        assert all(path.startswith(media[subset]) for path in paths), subset
        assert bool(paths) == (subset != "sharegpt")


def test_shipped_svit_recipe_gives_the_published_excerpt(samples, mixer, tmp_path):
    """On the excerpts the recipe's 325 records are the published mix's, and exactly LLaVA-Instruct's 78 went."""
    printed = json.loads(mixer("build", "svit_mix", "--data", samples, "-o", "mix", "--json").stdout)

    published = [normal(record) for record in records(samples / "svit_mix_665k/SVIT_mix_665K.json")]
    assert multiset(records(tmp_path / "mix/svit_mix.json")) == multiset(published)
    assert printed["records"] == 325
    assert printed["sources"]["llava_v1_5_mix665k"]["losses"] == {"except": 78}
