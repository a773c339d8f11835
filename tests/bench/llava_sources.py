"""The five sources of the LLaVA job: 764,049 records at scale 1, modelled on the blocks of LLaVA-1.5's mix.

Block sizes, rounds a record, where `<image>` stands, prompts, kinds of ids and text lengths follow the published file.
One file is JSON Lines in plain UTF-8, four are arrays with `json.dump`'s spacing and its escapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import texts
from texts import Numbers

SHORT = "Answer the question using a single word or phrase."
REC = "Please provide the bounding box coordinate of the region this sentence describes: {}."
REG = "Please provide a short description for this region: {}."
COCO_IMAGES = 118_287
IMAGE_CHATS, TEXT_CHATS = 157_712, 40_688

Record = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A source: its records at scale 1, and what makes the record of a number."""

    name: str
    records: int
    make: Callable[[int], Record]
    lines: bool = False
    """JSON Lines rather than an array."""

    @property
    def use(self) -> str:
        """The source of mixer that reads it."""
        return "llava_jsonl" if self.lines else "llava_json"

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.name}.jsonl" if self.lines else f"{self.name}.json"


def _conversation(rounds: list[tuple[str, str]]) -> list[dict[str, str]]:
    turns = []
    for human, gpt in rounds:
        turns += ({"from": "human", "value": human}, {"from": "gpt", "value": gpt})
    return turns


def _short_rounds(numbers: Numbers, number: int, count: int) -> list[tuple[str, str]]:
    """Questions with short answers, the format prompt after the first question only."""
    rounds = [(texts.question(numbers), numbers.one_of(texts.WORDS_SAID)) for _ in range(count)]
    first, said = rounds[0]
    rounds[0] = (f"<image>\n{first[:-1]} at sign {number}?\n{SHORT}", said)
    return rounds


def chat(number: int) -> Record:
    """Long answers about an image in about four rounds; every fifth chat or so has no image and longer answers."""
    numbers = Numbers("chat", number)
    text_only = number * TEXT_CHATS % (IMAGE_CHATS + TEXT_CHATS) < TEXT_CHATS
    sentences = 25 if text_only else 4
    rounds = [
        (texts.question(numbers), texts.answer(numbers, 1 + numbers.below(sentences)))
        for _ in range(1 + numbers.below(7))
    ]
    first, said = rounds[0]
    if text_only:
        rounds[0] = (f"{texts.answer(numbers, 2)} {first}", f"{said} ({number})")
        return {"id": f"{number:07x}_0", "model": "", "conversations": _conversation(rounds)}
    rounds[0] = (f"<image>\n{first}" if numbers.below(2) else f"{first}\n<image>", f"{said} ({number})")
    image = f"coco/train2017/{number % COCO_IMAGES:012d}.jpg"
    return {"id": f"{number:012d}", "image": image, "conversations": _conversation(rounds)}


def vqa(number: int) -> Record:
    """All questions of an image in one record, about four and a half, answered by a word."""
    numbers = Numbers("vqa", number)
    rounds = _short_rounds(numbers, number, 1 + numbers.below(9))
    image = f"coco/train2017/{number % COCO_IMAGES:012d}.jpg"
    return {"id": f"{number:012d}", "image": image, "conversations": _conversation(rounds)}


def gqa(number: int) -> Record:
    """About thirteen short questions; the id is a JSON integer, as published."""
    numbers = Numbers("gqa", number)
    rounds = _short_rounds(numbers, number, 4 + numbers.below(19))
    id = 2_000_000 + number
    return {"id": id, "image": f"gqa/images/{id}.jpg", "conversations": _conversation(rounds)}


def ocr(number: int) -> Record:
    """Book covers with three to six questions; every fifth record is a one-sentence caption with OCR tokens."""
    numbers = Numbers("ocr", number)
    if number % 5 == 0:
        id = f"{number:016x}"
        tokens = ", ".join(numbers.one_of(texts.WORDS).upper() for _ in range(numbers.below(12)))
        asked = f"<image>\nProvide a one-sentence caption for the provided image.\nReference OCR token: {tokens}"
        said = [(asked, f"{numbers.one_of(texts.phrases()).capitalize()} by number {number}.")]
        return {"id": id, "image": f"textvqa/train_images/{id}.jpg", "conversations": _conversation(said)}
    rounds = [(texts.question(numbers), numbers.one_of(texts.phrases()).title()) for _ in range(3 + numbers.below(4))]
    rounds[0] = (f"<image>\nWhat is printed beside number {number}?\n{SHORT}", rounds[0][1])
    id = f"{number:09d}X"
    return {"id": id, "image": f"ocr_vqa/images/{id}.jpg", "conversations": _conversation(rounds)}


def grounding(number: int) -> Record:
    """Boxes to phrases and phrases to boxes, mostly eight to ten of them."""
    numbers = Numbers("grounding", number)
    rounds = []
    for _ in range(10 if numbers.below(3) else 3 + numbers.below(6)):
        x, y = numbers.below(80), numbers.below(80)
        box = [x / 100, y / 100, (x + 1 + numbers.below(100 - x)) / 100, (y + 1 + numbers.below(100 - y)) / 100]
        phrase = numbers.one_of(texts.phrases())
        rounds.append(
            (REC.format(phrase), str(box)) if numbers.below(2) else (REG.format(box), f"{phrase.capitalize()}.")
        )
    first, said = rounds[0]
    rounds[0] = (f"<image>\n{first}", said)
    id = f"VG_100K{'_2' if number % 5 < 2 else ''}/{number}"
    return {"id": id, "image": f"vg/{id}.jpg", "conversations": _conversation(rounds)}


SOURCES = (
    Source("chat", IMAGE_CHATS + TEXT_CHATS, chat),
    Source("vqa", 190_000, vqa, lines=True),
    Source("gqa", 72_140, gqa),
    Source("ocr", 168_645, ocr),
    Source("grounding", 134_864, grounding),
)
