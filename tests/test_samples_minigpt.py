"""MiniGPT-4's real excerpt: its one record."""

import json

from test_samples import converted, rounds

from mixer.sources.minigpt4 import ALIGNMENT


def test_the_one_description_is_asked_for(samples, cache):
    """Its caption is kept, its id stays a text, its image has no leading zeros."""
    entry, [made] = converted("minigpt4", samples, cache)

    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (1, 1, 1)
    assert (made["id"], made["image"]) == ("2", "cc_sbu_align/image/2.jpg")
    [(question, answer)] = rounds(made)
    assert question in ALIGNMENT
    published = json.loads((samples / "minigpt4/cc_sbu_align/filter_cap.json").read_text(encoding="utf-8"))
    assert answer == published["annotations"][0]["caption"]
