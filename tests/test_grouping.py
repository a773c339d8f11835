"""Records that lie apart are joined and grouped the same way, however many buckets, spans and processes there are."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from conftest import recipe, records

from mixer import build, conversion
from mixer.catalogue import convert
from mixer.errors import DataError

IMAGES = 40
QUESTIONS, ANNOTATIONS = "v2_OpenEnded_mscoco_train2014_questions.json", "v2_mscoco_train2014_annotations.json"


def write(folder: Path, questions: list[dict], annotations: list[dict]) -> Path:
    """Write a data root with the two files, an envelope around each."""
    own = folder / "vqav2"
    own.mkdir(parents=True)
    (own / QUESTIONS).write_text(json.dumps({"info": {"version": "2.0"}, "questions": questions, "license": {}}))
    (own / ANNOTATIONS).write_text(json.dumps({"annotations": annotations, "info": {}}))
    return folder


def data(count: int = 400) -> tuple[list[dict], list[dict]]:
    """Invent questions of images that do not stand together, and their answers in another order."""
    chance = random.Random(17)
    numbers = [image * 1000 + n for image in range(1, IMAGES + 1) for n in range(count // IMAGES)]
    chance.shuffle(numbers)
    questions = [{"image_id": n // 1000, "question_id": n, "question": f"What is number {n}?"} for n in numbers]
    chance.shuffle(numbers)
    annotations = [
        {"image_id": n // 1000, "question_id": n, "answer_type": "other", "multiple_choice_answer": f"kite {n}"}
        for n in numbers
    ]
    return questions, annotations


def lines(folder: Path, name: str, **more) -> tuple[list[dict], dict]:
    """Convert; give the conversations in the order that the command writes, and the ledger's counts."""
    entry = convert("vqav2", out=folder / f"{name}.jsonl", data=folder / "data", cache=folder / f"store-{name}", **more)
    ledger = entry.ledger
    assert ledger.read == ledger.used + sum(ledger.skipped.values()) + sum(ledger.bad.values())
    return records(folder / f"{name}.jsonl"), {"used": ledger.used, "skipped": ledger.skipped, "bad": ledger.bad}


def test_images_stand_in_the_order_of_their_first_questions(tmp_path):
    """And the questions of an image in the order of the file, whatever the order of the answers."""
    questions, annotations = data()
    write(tmp_path / "data", questions, annotations)
    made, ledger = lines(tmp_path, "out")

    images = list(dict.fromkeys(question["image_id"] for question in questions))
    assert [int(each["id"]) for each in made] == images
    for each in made:
        own = [question["question_id"] for question in questions if question["image_id"] == int(each["id"])]
        said = [turn["value"] for turn in each["conversations"] if turn["from"] == "gpt"]
        assert said == [f"Kite {number}" for number in own]
    assert ledger == {"used": 400, "skipped": {}, "bad": {}}


@pytest.mark.parametrize("bucket", [500, 3_000, 20_000])
@pytest.mark.parametrize("workers", [1, 2])
def test_buckets_and_processes_change_nothing(tmp_path, monkeypatch, bucket, workers):
    """One bucket or very many, spans of any size: the same conversations in the same order, and the same mix."""
    write(tmp_path / "data", *data())
    whole, ledger = lines(tmp_path, "whole")
    path = recipe(tmp_path, sources={"vqav2": {}})
    mix = build(path, tmp_path / "mix", data=tmp_path / "data", cache=tmp_path / "store-whole").path
    monkeypatch.setattr(conversion, "BUCKET", bucket)
    monkeypatch.setattr(conversion, "SPAN", 4_000)
    monkeypatch.setattr(conversion, "SMALL", 0)

    assert lines(tmp_path, "cut", workers=workers) == (whole, ledger)
    again = build(path, tmp_path / "again", data=tmp_path / "data", cache=tmp_path / "store-cut").path
    assert (again / "mix.json").read_bytes() == (mix / "mix.json").read_bytes()


def test_what_has_no_counterpart_is_counted(tmp_path):
    """A question without an answer, an answer without a question, an answer that comes twice: the first one counts."""
    questions, annotations = data()
    lost, unasked = annotations.pop(), {**annotations[0], "question_id": 999_000, "image_id": 999}
    twice = {**annotations[0], "multiple_choice_answer": "another"}
    write(tmp_path / "data", questions, [*annotations, unasked, twice])
    made, ledger = lines(tmp_path, "out")

    text = json.dumps(made)
    assert f"What is number {lost['question_id']}?" not in text
    assert "Another" not in text
    assert ledger == {
        "used": 399,
        "skipped": {
            "annotation of question_id that came before": 1,
            "annotation of question_id that no record has": 1,
            "no answer": 1,
        },
        "bad": {},
    }


def test_bad_records_are_told_by_file_and_number(tmp_path, mixer):
    """On both sides of the join, with the reason and the place; their neighbours convert."""
    questions, annotations = data()
    questions[7]["question"] = None
    annotations[11]["multiple_choice_answer"] = ["kite"]
    write(tmp_path / "data", questions, annotations)
    finished = mixer("convert", "vqav2", "--data", tmp_path / "data", "--skipped", "--json")
    lost = json.loads(finished.stdout)["lost"]

    found = {(each["file"], each["item"]): each["reason"] for each in lost if each["kind"] == "bad"}
    assert found == {
        (QUESTIONS, 7): "Expected `str`, got `null` at $.question",
        (ANNOTATIONS, 11): "Expected `str`, got `array` at $.multiple_choice_answer",
    }


def test_the_share_of_bad_ones_is_of_what_the_ledger_counts(tmp_path):
    """Answers are no items of their own unless they are lost, so 6 bad ones are more than one in a hundred."""
    questions, annotations = data()
    for annotation in annotations[:6]:
        annotation["multiple_choice_answer"] = 7
    write(tmp_path / "data", questions, annotations)
    path = recipe(tmp_path, sources={"vqav2": {}})

    with pytest.raises(DataError, match="vqav2: 6 of 406 items read are bad"):
        build(path, tmp_path / "mix", data=tmp_path / "data", cache=tmp_path / "store")
