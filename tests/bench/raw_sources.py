"""Raw annotations in their published layouts: VQAv2, GQA, Visual Genome regions.

File names, envelopes, key orders, kinds of ids, separators and the quirks that cost a converter time are as published;
the texts are invented.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import texts
from amounts import scaled
from texts import Numbers

VQAV2_QUESTIONS, VQAV2_IMAGES = 443_757, 82_783
GQA_QUESTIONS, GQA_IMAGES = 943_000, 72_140
VG_IMAGES = 108_077

_ANSWERS = (
    "yes no 1 2 3 white black blue red brown green table kitchen umbrella skateboard left right woman man pizza "
    "tennis surfing wood grass frisbee train bus"
)
ANSWERS = tuple(_ANSWERS.split())
CONFIDENCE = ("yes", "yes", "yes", "yes", "maybe")
KINDS = ("what is the", "is the", "how many", "what color is the", "are there", "where is the", "why is the", "which")


def _write_joined(path: Path, head: str, items: Iterator[str], tail: str) -> None:
    """Write items between a head and a tail, with `json.dump`'s comma and blank between them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", buffering=1 << 20) as file:
        file.write(head)
        for number, item in enumerate(items):
            file.write(f", {item}" if number else item)
        file.write(tail)


def _images_of(questions: int, images: int) -> Iterator[tuple[int, int]]:
    """Give each question's image and its number there, image by image: about five, at least one, exactly all in all."""
    start = 0
    for image in range(images):
        stop = (image + 1) * questions // images
        if image + 1 < images and questions // images >= 5:
            stop += Numbers("vqav2 image", image).below(4) - 2  # so that images differ in how many they have
        for number in range(stop - start):
            yield image, number
        start = stop


def _coco_id(image: int) -> int:
    return 9 + 7 * image


def vqav2(folder: Path, scale: Fraction) -> dict[str, int]:
    """Write the questions file and the annotations file; the questions of an image follow each other."""
    questions, images = scaled(VQAV2_QUESTIONS, scale), scaled(VQAV2_IMAGES, scale)
    info = json.dumps(
        {"year": 2017, "version": "2.0", "description": "invented", "date_created": "2017-04-26 17:07:13"}
    )
    licence = json.dumps({"url": "http://creativecommons.org/licenses/by/4.0/", "name": "CC BY 4.0"})
    _write_joined(
        folder / "v2_OpenEnded_mscoco_train2014_questions.json",
        f'{{"info": {info}, "task_type": "Open-Ended", "data_type": "mscoco", "license": {licence}, '
        '"data_subtype": "train2014", "questions": [',
        (json.dumps(_vqav2_question(image, number)) for image, number in _images_of(questions, images)),
        "]}",
    )
    _write_joined(
        folder / "v2_mscoco_train2014_annotations.json",
        f'{{"info": {info}, "license": {licence}, "data_type": "mscoco", "data_subtype": "train2014", "annotations": [',
        (json.dumps(_vqav2_annotation(image, number)) for image, number in _images_of(questions, images)),
        "]}",
    )
    return {"items": questions, "images": images}


def _vqav2_question(image: int, number: int) -> dict[str, Any]:
    id = _coco_id(image) * 1000 + number
    numbers = Numbers("vqav2 question", id)
    asked = f"{KINDS[id % len(KINDS)]} {numbers.one_of(texts.phrases())}?".capitalize()
    return {"image_id": _coco_id(image), "question": asked, "question_id": id}


def _vqav2_annotation(image: int, number: int) -> dict[str, Any]:
    """Ten answers, most of them alike; the keys stand in either of the two published orders."""
    id = _coco_id(image) * 1000 + number
    numbers = Numbers("vqav2 answer", id)
    main = numbers.one_of(ANSWERS)
    answers = [
        {
            "answer": main if numbers.below(4) else numbers.one_of(ANSWERS),
            "answer_confidence": numbers.one_of(CONFIDENCE),
            "answer_id": each + 1,
        }
        for each in range(10)
    ]
    answer_type = "yes/no" if main in ("yes", "no") else "number" if main.isdigit() else "other"
    question_type = KINDS[id % len(KINDS)]
    said = {"multiple_choice_answer": main, "answers": answers, "image_id": _coco_id(image)}
    if numbers.below(2):
        return {"question_type": question_type, **said, "answer_type": answer_type, "question_id": id}
    return {"answer_type": answer_type, **said, "question_type": question_type, "question_id": id}


def gqa(folder: Path, scale: Fraction) -> dict[str, int]:
    """Write one object, keyed by question id; the questions of an image lie all over the file."""
    questions, images = scaled(GQA_QUESTIONS, scale), scaled(GQA_IMAGES, scale)
    items = (
        f'"{_gqa_id(number)}": {json.dumps(_gqa_question(number, questions, images))}' for number in range(questions)
    )
    _write_joined(folder / "train_balanced_questions.json", "{", items, "}")
    return {"items": questions, "images": images}


def _gqa_id(number: int) -> str:
    """Digits of varying length, often with leading zeros; multiplying modulo a prime keeps them distinct."""
    digits = f"{(number + 1) * 48_271 % 99_999_989:08d}"
    return f"{digits}7" if number % 3 == 0 else digits


def _gqa_question(number: int, questions: int, images: int) -> dict[str, Any]:
    numbers = Numbers("gqa raw", number)
    # One question for every image, then wherever the hash says.
    image = number if number < images else (numbers.below(65_536) << 16 | numbers.below(65_536)) % images
    image_id = f"n{image + 100_000}" if image % 64 == 0 else str(image + 2_300_000)
    first, second = (numbers.one_of(texts.WORDS) for _ in range(2))
    one, two = (str(1_000_000 + numbers.below(65_536)) for _ in range(2))
    answer = numbers.one_of(ANSWERS)
    steps = [
        {"operation": "select", "dependencies": [], "argument": f"{first} ({one})"},
        {"operation": "filter color", "dependencies": [0], "argument": f"{answer} "},
        {"operation": "relate", "dependencies": [1], "argument": f"{second},to the left of,s ({two})"},
        {"operation": "query", "dependencies": [2], "argument": "name"},
    ]
    return {
        "semantic": steps[: 2 + numbers.below(3)],
        "entailed": [_gqa_id(numbers.below(min(questions, 65_536))) for _ in range(numbers.below(5))],
        "equivalent": [_gqa_id(number)],
        "question": f"{texts.question(numbers)[:-1]} and the {second}?",
        "imageId": image_id,
        "isBalanced": True,
        "groups": {"global": None if numbers.below(2) else first, "local": f"13-{first}_{second}"},
        "answer": answer,
        "semanticStr": f"select: {first} ({one})->filter color: {answer}  [0]->"
        f"relate: {second},to the left of,s ({two}) [1]->query: name [2]",
        "annotations": {"answer": {"0": two}, "question": {"2": one, "5:7": two}, "fullAnswer": {"4": one, "7": two}},
        "types": {"detailed": "relS", "semantic": "rel", "structural": "query"},
        "fullAnswer": f"The {second} to the left of the {first} is {answer}.",
    }


def visual_genome(folder: Path, scale: Fraction) -> dict[str, int]:
    """Write the regions, 40 to 60 an image, and the images' sizes and folders, in the same order."""
    images = scaled(VG_IMAGES, scale)
    _write_joined(folder / "image_data.json", "[", (json.dumps(_vg_image(number)) for number in range(images)), "]")
    _write_joined(
        folder / "region_descriptions.json", "[", (json.dumps(_vg_regions(number)) for number in range(images)), "]"
    )
    return {"items": images, "images": images}


def _vg_size(number: int) -> tuple[int, int]:
    numbers = Numbers("vg size", number)
    return (800, 300 + numbers.below(501)) if numbers.below(4) else (300 + numbers.below(501), 800)


def _vg_image(number: int) -> dict[str, Any]:
    width, height = _vg_size(number)
    folder = "VG_100K_2" if number % 5 < 2 else "VG_100K"
    return {
        "width": width,
        "url": f"https://cs.stanford.edu/people/rak248/{folder}/{number + 1}.jpg",
        "height": height,
        "image_id": number + 1,
        "coco_id": None,
        "flickr_id": None if number % 2 else 1_000_000 + number,
    }


def _vg_regions(number: int) -> dict[str, Any]:
    width, height = _vg_size(number)
    numbers = Numbers("vg", number)
    phrases = texts.phrases()
    regions = []
    for each in range(40 + numbers.below(21)):
        x, y = numbers.below(width - 1), numbers.below(height - 1)
        phrase = phrases[numbers.below(len(phrases))]
        if each % 14 == 13:
            phrase += " " if each % 28 == 13 else " \nat night"  # as published, about one in twelve
        regions.append(
            {
                "region_id": number * 100 + each + 1,
                "width": 1 + numbers.below(width - x),
                "height": 1 + numbers.below(height - y),
                "image_id": number + 1,
                "phrase": phrase,
                "y": y,
                "x": x,
            }
        )
    return {"regions": regions, "id": number + 1}
