"""Real excerpts of CLEVR, Visual Dialog and Image-Chat: every record is accounted for, and what is known of them holds."""

from __future__ import annotations

import json

from test_samples import check_short_answers, converted, rounds

from mixer import sources


def test_clevr_first_questions(samples, cache):
    """The excerpts of train and val hold the first question of each; its program becomes a chain of steps."""
    train, [first] = converted("clevr", samples, cache)
    val, [second] = converted("clevr", samples, cache, split="val")
    _, [steps] = converted("clevr", samples, cache, split="val", form="shikra_cot", merge="none")

    assert (train.ledger.read, train.ledger.used, val.ledger.read, val.ledger.used) == (1, 1, 1, 1)
    check_short_answers([first, second])
    assert first["image"] == "CLEVR_v1.0/images/train/CLEVR_train_000000.png"
    assert (first["id"], second["id"], steps["id"]) == ("CLEVR_train_000000", "CLEVR_val_000000", "CLEVR_val_000000-0")
    assert rounds(first)[0][0].startswith("Are there more big green things than large purple shiny cubes?\n")
    assert (rounds(first)[0][1], rounds(second)[0][1]) == ("Yes", "No")
    assert rounds(steps)[0][1] == (
        "scene -> filter_size:large[0] -> filter_material:metal[1] -> unique[2] -> same_shape[3] -> exist[4] "
        "The answer is no."
    )


def test_visdial_dialogues_of_val(samples, cache):
    """Ten dialogues of ten rounds, each text that of the pools, as a reader of the whole file finds it."""
    entry, made = converted("visdial", samples, cache, split="val")

    data = json.loads((samples / "visdial" / "visdial_1.0_val.json").read_text())["data"]
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (10, 10, 10)
    assert (entry.ledger.skipped, entry.ledger.bad) == ({}, {})
    for record, dialog in zip(made, data["dialogs"], strict=True):
        number, pairs = dialog["image_id"], rounds(record)
        assert record["id"] == str(number)
        assert record["image"] == f"visdial/VisualDialog_val2018/VisualDialog_val2018_{number:012d}.jpg"
        assert len(pairs) == 10
        assert pairs[0][0].startswith(f"{dialog['caption']}\n")
        pairs[0] = (pairs[0][0].removeprefix(f"{dialog['caption']}\n"), pairs[0][1])
        assert pairs == [
            (data["questions"][each["question"]], data["answers"][each["answer_options"][each["gt_index"]]])
            for each in dialog["dialog"]
        ]
    [tablet] = [record for record in made if record["id"] == "239030"]
    assert rounds(tablet)[:2] == [
        ("a nokia tablet pc in a keyboard dock\nwhat color is the tablet", "black and silver"),
        ("is it on a desk", "no"),
    ]


def test_visdial_texts_have_neither_question_marks_nor_capitals(samples, cache):
    """Unless both are asked for."""
    _, plain = converted("visdial", samples, cache, split="val", caption="none")
    _, tidied = converted("visdial", samples, cache, split="val", caption="none", question_mark=True, capitalise=True)

    before = [pair for record in plain for pair in rounds(record)]
    after = [pair for record in tidied for pair in rounds(record)]
    assert len(before) == len(after) == 100
    assert not any(text.endswith("?") or text != text.lower() for text, _ in before)
    assert [(f"{asked[0].upper()}{asked[1:]}?", f"{said[0].upper()}{said[1:]}") for asked, said in before] == after


def test_image_chat_personalities(samples):
    """215 styles: 81 positive, 36 neutral and 98 negative, and no other kind."""
    [lookup] = sources.get("image_chat").lookups
    path = samples / "image_chat" / "personalities.json"

    [batch] = lookup.file.reader.read(path, 0, 1, lookup.file.raw, 1 << 18)

    kinds = list(lookup.row(batch.items[0]).values())
    assert len(kinds) == 215
    assert {kind: kinds.count(kind) for kind in kinds} == {"positive": 81, "neutral": 36, "negative": 98}
