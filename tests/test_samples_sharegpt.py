"""ShareGPT: what LLaVA-1.5's mix took of it is what its rules leave unchanged."""

import json

from conftest import records
from test_samples import converted

NAME = "ShareGPT_V3_unfiltered_cleaned_split.json"


def published(samples):
    """Give the text records of the published mix's excerpt."""
    mix = records(samples / "llava_v1_5_mix665k" / "llava_v1_5_mix665k.json")
    return [{"id": each["id"], "conversations": each["conversations"]} for each in mix if "image" not in each]


def test_llavas_dialogues_pass_the_cleaning_unchanged(samples, cache, tmp_path):
    """Twice, which is once too often, gives each once: no rule takes or changes any of the 14."""
    wanted = published(samples)
    folder = tmp_path / "data" / "sharegpt"
    folder.mkdir(parents=True)
    (folder / NAME).write_text(json.dumps(wanted * 2), encoding="utf-8")

    entry, made = converted("sharegpt", folder.parent, cache)

    assert made == wanted
    assert (entry.ledger.read, entry.ledger.used) == (2 * len(wanted), len(wanted))
    assert entry.ledger.skipped == {"first question and answer of another dialogue": len(wanted)}


def test_llavas_dialogues_fit_the_estimated_limit(samples, cache, tmp_path):
    """None of them is cut, whose tokens were counted by LLaMA's tokenizer."""
    wanted = published(samples)
    folder = tmp_path / "data" / "HTML_cleaned_raw_dataset"
    folder.mkdir(parents=True)
    raw = [{**each, "id": each["id"].removesuffix("_0")} for each in wanted]
    for part, given in ((1, raw[::2]), (2, raw[1::2])):
        path = folder / f"sg_90k_part{part}_html_cleaned.json"
        path.write_text(json.dumps(given), encoding="utf-8")

    _, made = converted("sharegpt", folder.parent, cache, file="sg_90k_html_cleaned")

    assert sorted(made, key=lambda each: each["id"]) == sorted(wanted, key=lambda each: each["id"])
