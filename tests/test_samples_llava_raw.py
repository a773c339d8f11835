"""Real excerpts of OK-VQA, A-OKVQA and OCR-VQA, and the blocks of LLaVA-1.5's mix that were made of them and TextCaps."""

from __future__ import annotations

import json
import re
from statistics import mode

import pytest
from test_samples import SHORT, check_short_answers, converted, published, rounds

from mixer.prompts import OPTION_LETTER

_CHOICES = re.compile(r"[^\n]+\nA\. [^\n]+\nB\. [^\n]+\nC\. [^\n]+\nD\. [^\n]+")


def test_okvqa_makes_a_record_of_each_answered_question(samples, cache):
    """The one annotated question of 120 has its majority's answer; the others are counted."""
    entry, [made] = converted("okvqa", samples, cache)
    _, [raw] = converted("okvqa", samples, cache, answer="raw", merge="none")

    assert (entry.ledger.read, entry.ledger.used, entry.ledger.skipped) == (120, 1, {"no answer": 119})
    assert made["image"] == "coco/train2017/000000051606.jpg"
    folder = samples / "okvqa"
    asked = json.loads((folder / "OpenEnded_mscoco_train2014_questions.json").read_text())["questions"]
    [given] = json.loads((folder / "mscoco_train2014_annotations.json").read_text())["annotations"]
    [question] = [each["question"] for each in asked if each["question_id"] == given["question_id"]]
    answer = mode(each["answer"] for each in given["answers"])
    assert rounds(made) == rounds(raw) == [(f"{question}{SHORT}", answer[0].upper() + answer[1:])]
    assert raw["id"] == "516065"
    check_short_answers([made])


def test_okvqa_merges_what_has_two_questions(samples, cache, tmp_path):
    """With answers to all of them, the val excerpt's 120 questions are a record of each image, in order."""
    folder = tmp_path / "data" / "okvqa"
    folder.mkdir(parents=True)
    path = samples / "okvqa/OpenEnded_mscoco_val2014_questions.json"
    asked = json.loads(path.read_text())["questions"]
    (folder / path.name).write_text(path.read_text())
    answers = [{"answer": "north", "raw_answer": "North"}]
    given = [{**each, "question_type": "six", "answers": answers} for each in asked]
    (folder / "mscoco_val2014_annotations.json").write_text(json.dumps({"annotations": given}))

    entry, made = converted("okvqa", tmp_path / "data", cache, split="val")

    images = dict.fromkeys(each["image_id"] for each in asked)
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (120, 120, len(images))
    assert [record["id"] for record in made] == [f"{image:012d}" for image in images]
    assert [question.removesuffix(SHORT) for record in made for question, _ in rounds(record)] == [
        each["question"] for image in images for each in asked if each["image_id"] == image
    ]
    assert {question[-1] for record in made for question, _ in rounds(record)[1:]} <= {"?"}
    check_short_answers(made)


@pytest.mark.parametrize(
    ("split", "image"),
    [("train", "coco/train2017/000000299207.jpg"), ("val", "coco/val2017/000000461751.jpg")],
)
def test_aokvqa_copies_have_the_form_of_the_published_block(samples, cache, split, image):
    """Four copies of the question, each letter once, which is that of the right choice."""
    entry, made = converted("aokvqa", samples, cache, split=split)

    [raw] = json.loads((samples / f"aokvqa/aokvqa_v1p0_{split}.json").read_text())
    right = raw["choices"][raw["correct_choice_idx"]]
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (1, 1, 4)
    assert {record["image"] for record in made} == {image}
    assert [rounds(record)[0][1] for record in made] == ["D", "A", "B", "C"]
    for record in made:
        [(question, letter)] = rounds(record)
        assert f"\n{letter}. {right}\n" in question
    block = published(samples, "coco/", OPTION_LETTER)
    assert len(block) > 25
    for record in [*made, *block]:
        (first, _), *others = pairs = rounds(record)
        assert all(_CHOICES.fullmatch(each.removesuffix(f"\n{OPTION_LETTER}")) for each, _ in pairs)
        assert first.endswith(f"\n{OPTION_LETTER}")
        assert not any(OPTION_LETTER in each for each, _ in others)
        assert all(letter in "ABCD" and len(letter) == 1 for _, letter in pairs)
        assert record["id"] == record["image"][-16:].removesuffix(".jpg")


def test_aokvqa_other_forms(samples, cache):
    """A free answer is one of the ten; the reasons follow the right choice, or one stands alone."""
    made = {form: converted("aokvqa", samples, cache, form=form)[1] for form in ("direct", "why", "rationale")}

    [raw] = json.loads((samples / "aokvqa/aokvqa_v1p0_train.json").read_text())
    [(question, direct)], [(asked, why)], [(bare, reason)] = (rounds(made[form][0]) for form in made)
    assert (question, bare) == (f"{raw['question']}{SHORT}", raw["question"])
    assert direct.lower() in raw["direct_answers"]
    assert asked.startswith(f"{raw['question']} ")
    assert why == f"The answer is {raw['choices'][raw['correct_choice_idx']]}. Because {' '.join(raw['rationales'])}"
    assert reason in raw["rationales"]


def test_ocrvqa_makes_a_record_of_a_cover(samples, cache):
    """Five questions in the order of the file, named as LLaVA names covers, like the published block."""
    entry, [made] = converted("ocrvqa", samples, cache)
    _, singles = converted("ocrvqa", samples, cache, merge="none")

    [raw] = json.loads((samples / "ocrvqa/dataset.json").read_text()).values()
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (5, 5, 1)
    assert (made["id"], made["image"]) == ("761183272", "ocr_vqa/images/761183272.jpg")
    assert [question.removesuffix(SHORT) for question, _ in rounds(made)] == raw["questions"]
    assert [answer for _, answer in rounds(made)] == raw["answers"]
    assert [record["id"] for record in singles] == [f"761183272-{number}" for number in range(5)]
    block = published(samples, "ocr_vqa/", SHORT)
    assert len(block) > 30
    assert all(record["image"] == f"ocr_vqa/images/{record['id']}.jpg" for record in block)
    check_short_answers([made, *block])


def test_published_textcaps_look_as_ours_do(samples, cache, tmp_path):
    """Taken apart into captions and tokens and converted again, the published block is what it was."""
    folder = tmp_path / "data" / "textcaps"
    folder.mkdir(parents=True)
    block = published(samples, "textvqa/")
    start = "Provide a one-sentence caption for the provided image.\nReference OCR token: "
    captions, tokens = [], []
    for record in block:
        [(question, answer)] = rounds(record)
        assert question.startswith(start)
        listed = question.removeprefix(start)
        captions.append({"image_id": record["id"], "caption_id": 1, "caption_str": answer.removesuffix(".")})
        tokens.append({"image_id": record["id"], "ocr_tokens": listed.split(", ") if listed else []})
    (folder / "TextCaps_0.1_train.json").write_text(json.dumps({"data": captions}))
    (folder / "TextVQA_Rosetta_OCR_v0.2_train.json").write_text(json.dumps({"data": tokens}))

    entry, made = converted("textcaps", tmp_path / "data", cache)

    assert entry.ledger.read == entry.ledger.used == len(block) > 5
    assert made == block
