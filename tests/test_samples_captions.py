"""Real excerpts of COCO Captions, Flickr30k and SBU: every caption is accounted for, and what is known of them holds."""

from __future__ import annotations

import csv
import json
from collections import Counter

import pytest
from test_samples import converted, rounds

ASKED = "Provide a one-sentence caption for the provided image."


def told(made):
    """Give (id, image, answer) of records that ask in LLaVA's words."""
    pairs = [rounds(record) for record in made]
    assert all(len(each) == 1 and each[0][0] == ASKED for each in pairs)
    return [(record["id"], record["image"], each[0][1]) for record, each in zip(made, pairs, strict=True)]


@pytest.mark.parametrize(("release", "images", "captions"), [("val2017", 36, 185), ("val2014", 24, 120)])
def test_coco_captions_of_a_release(samples, cache, release, images, captions):
    """Each caption is a record, its blanks dropped; or each image has one of its own."""
    document = json.loads((samples / "coco_captions/annotations" / f"captions_{release}.json").read_text())
    names = {each["id"]: f"coco/{release}/{each['file_name']}" for each in document["images"]}
    published = {
        f"{each['id']}": (names[each["image_id"]], each["caption"].strip()) for each in document["annotations"]
    }

    every, made = converted("coco_captions", samples, cache, file=f"captions_{release}", captions="all")
    one, picked = converted("coco_captions", samples, cache, file=f"captions_{release}")

    assert (every.ledger.read, every.ledger.used, every.ledger.skipped, every.ledger.bad) == (
        captions,
        captions,
        {},
        {},
    )
    assert {id: (image, text) for id, image, text in told(made)} == published
    assert (one.ledger.read, one.ledger.made, sum(one.ledger.skipped.values())) == (captions, images, captions - images)
    assert Counter(image for _, image, _ in told(picked)) == Counter(names.values())
    assert {(image, text) for _, image, text in told(picked)} <= set(published.values())
    assert all(f"/{name}" in image or f"_{name}" in image for name, image, _ in told(picked))


def test_coco_captions_have_the_known_quirks(samples, cache):
    """Of these images one has seven captions and three have six; line breaks and doubled blanks inside stay."""
    _, made = converted("coco_captions", samples, cache, file="captions_val2017", captions="all")

    counts = Counter(image for _, image, _ in told(made))
    assert Counter(counts.values()) == {5: 32, 6: 3, 7: 1}
    answers = [text for _, _, text in told(made)]
    assert all(text == text.strip() for text in answers)
    assert any("\n" in text for text in answers)
    assert any(not text.endswith(".") for text in answers)
    assert max(Counter((image, text) for _, image, text in told(made)).values()) > 1


def test_releases_of_coco_agree(samples, cache):
    """A caption that both releases hold is the same in both."""
    texts = []
    for release in ("val2017", "val2014"):
        _, made = converted("coco_captions", samples, cache, file=f"captions_{release}", captions="all")
        texts.append({id: text for id, _, text in told(made)})

    shared = texts[0].keys() & texts[1].keys()
    assert shared
    assert all(texts[0][id] == texts[1][id] for id in shared)


def test_flickr30k_is_the_same_in_three_files(samples, cache):
    """Token file and table hold the same captions; without blanks before punctuation they are Karpathy's."""
    tokens, lines = converted("flickr30k", samples, cache, file="results_20130124", captions="all")
    table, rows = converted("flickr30k", samples, cache, file="results", captions="all")
    _, plain = converted("flickr30k", samples, cache, file="results_20130124", captions="all", detokenise=True)
    karpathy, raws = converted("flickr30k", samples, cache, captions="all")

    assert (tokens.ledger.read, tokens.ledger.made, table.ledger.read, table.ledger.made) == (10, 10, 15, 15)
    assert (karpathy.ledger.read, karpathy.ledger.used, karpathy.ledger.made) == (1, 1, 5)
    assert not [entry for entry in (tokens, table, karpathy) if entry.ledger.skipped or entry.ledger.bad]
    assert told(lines) == told(rows)[:10]
    with (samples / "flickr30k/results.csv").open(newline="") as file:
        published = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))[1:]
    assert [
        (f"{name}".removesuffix(".jpg") + f"#{number.strip()}", text.strip()) for name, number, text in published
    ] == [(id, text) for id, _, text in told(rows)]
    assert [each[1:] for each in told(plain)[:5]] == [each[1:] for each in told(raws)]
    assert [id for id, *_ in told(raws)] == list("01234")
    assert {image for _, image, _ in told(raws)} == {"flickr30k-images/1000092795.jpg"}


def test_sbu_rows_are_records(samples, cache):
    """Row n has address n and caption n; the ids of users are nowhere."""
    entry, made = converted("sbu_captions", samples, cache)

    rows = json.loads((samples / "sbu_captions/sbu-captions-all.json").read_text())
    assert (entry.ledger.read, entry.ledger.made, entry.ledger.skipped, entry.ledger.bad) == (5, 5, {}, {})
    names = [address.rpartition("/")[2] for address in rows["image_urls"]]
    assert told(made) == [
        (name.removesuffix(".jpg"), f"sbu/images/{name}", text)
        for name, text in zip(names, rows["captions"], strict=True)
    ]
    assert not [user for user in rows["user_ids"] if user in json.dumps(made)]
