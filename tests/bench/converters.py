"""What conversion is measured against: orjson in pieces and a bare loop, in one process with the collector off.

    python tests/bench/converters.py vqav2|gqa|visual_genome FOLDER OUT.jsonl

A file is read about a megabyte at a time. The last place that looks like an edge between two records is guessed, and the
guess is proved by parsing what lies before it: from one edge to another, and only then, the text between is valid JSON.
One that fails gives way to the one before. The records go into one conversation an image, as LLaVA-1.5's mix has them,
a plain dict encoded by orjson, a line each:

- vqav2: answers by question id, questions by image, joined; the most voted answer, its first letter upper case.
- gqa: questions and answers by image, gathered from all over the file.
- visual_genome: an image's first ten regions; a hash of the region's id decides whether its phrase or its box is asked
  for; boxes are relative to the image padded to a square, with two decimals.

Nothing is validated, nothing indexed, hashed or synced.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

PIECE = 1 << 20
NEAR = 1 << 15
SHORT = "Answer the question using a single word or phrase."
REC = "Please provide the bounding box coordinate of the region this sentence describes: %s."
REG = "Please provide a short description for this region: %s."


def pieces(path: Path, start: bytes, brackets: bytes, edge: bytes) -> Iterator[Any]:
    """Go through a file's records in parsed pieces: lists, or dicts where `brackets` are `{}`.

    The records begin after `start`; `edge` is the pattern of what lies between two, from the end of the first.
    """
    opening, closing = brackets[:1], brackets[1:]
    pattern = re.compile(edge)
    with path.open("rb") as file:
        rest = file.read(PIECE)
        rest = rest[rest.index(start) + len(start) :]
        while more := file.read(PIECE):
            rest += more
            for match in reversed(_edges(pattern, rest)):
                try:
                    parsed = orjson.loads(opening + rest[: match.start() + 1] + closing)
                except orjson.JSONDecodeError:
                    continue  # not an edge
                rest = rest[match.end() :]
                yield parsed
                break
        yield orjson.loads(opening + rest[: rest.rindex(closing)] + closing)


def _edges(pattern: re.Pattern[bytes], text: bytes) -> list[re.Match[bytes]]:
    """List what may be edges, near the end if there are any: a search of the whole would take its time."""
    return list(pattern.finditer(text, max(0, len(text) - NEAR))) or list(pattern.finditer(text))


def vqav2(folder: Path) -> Iterator[dict[str, Any]]:
    """Join questions with answers, by image."""
    answers = {}
    between = rb'\}, (?=\{"(?:question|answer)_type")'
    for piece in pieces(folder / "v2_mscoco_train2014_annotations.json", b'"annotations": [', b"[]", between):
        for raw in piece:
            answers[raw["question_id"]] = raw["multiple_choice_answer"]
    images: dict[int, list[tuple[str, str]]] = {}
    between = rb'\}, (?=\{"image_id")'
    for piece in pieces(folder / "v2_OpenEnded_mscoco_train2014_questions.json", b'"questions": [', b"[]", between):
        for raw in piece:
            images.setdefault(raw["image_id"], []).append((raw["question"], answers[raw["question_id"]]))
    for image, rounds in images.items():
        id = f"{image:012d}"
        yield {"id": id, "image": f"coco/train2017/{id}.jpg", "conversations": _short(rounds)}


def gqa(folder: Path) -> Iterator[dict[str, Any]]:
    """Gather the questions of an image."""
    images: dict[str, list[tuple[str, str]]] = {}
    between = rb'\}, (?="[^"\\]*": \{"semantic")'
    for piece in pieces(folder / "train_balanced_questions.json", b"{", b"{}", between):
        for raw in piece.values():
            images.setdefault(raw["imageId"], []).append((raw["question"], raw["answer"]))
    for image, rounds in images.items():
        id = int(image) if image.isdigit() else image
        yield {"id": id, "image": f"gqa/images/{image}.jpg", "conversations": _short(rounds)}


def _short(rounds: list[tuple[str, str]]) -> list[dict[str, str]]:
    turns = []
    for question, answer in rounds:
        turns.append({"from": "human", "value": question})
        turns.append({"from": "gpt", "value": answer[:1].upper() + answer[1:]})
    turns[0]["value"] = f"<image>\n{turns[0]['value']}\n{SHORT}"
    return turns


def visual_genome(folder: Path) -> Iterator[dict[str, Any]]:
    """Ask for up to ten regions of an image."""
    sizes = {}
    for piece in pieces(folder / "image_data.json", b"[", b"[]", rb'\}, (?=\{"width")'):
        for raw in piece:
            sizes[raw["image_id"]] = raw["width"], raw["height"], "/".join(raw["url"].split("/")[-2:])
    for piece in pieces(folder / "region_descriptions.json", b"[", b"[]", rb'\}, (?=\{"regions")'):
        for raw in piece:
            width, height, path = sizes[raw["id"]]
            turns = []
            for region in raw["regions"][:10]:
                turns += _asked(region, width, height)
            turns[0]["value"] = f"<image>\n{turns[0]['value']}"
            yield {"id": path.removesuffix(".jpg"), "image": f"vg/{path}", "conversations": turns}


def _asked(region: dict[str, Any], width: int, height: int) -> tuple[dict[str, str], dict[str, str]]:
    side = max(width, height)
    left, top = region["x"] + (side - width) // 2, region["y"] + (side - height) // 2
    right, bottom = left + region["width"], top + region["height"]
    corners = (round(left / side, 2), round(top / side, 2), round(right / side, 2), round(bottom / side, 2))
    box = f"[{corners[0]}, {corners[1]}, {corners[2]}, {corners[3]}]"
    phrase = region["phrase"].strip().rstrip(".")
    if crc32(b"%d" % region["region_id"]) & 1:
        return {"from": "human", "value": REC % phrase}, {"from": "gpt", "value": box}
    return {"from": "human", "value": REG % box}, {"from": "gpt", "value": f"{phrase[:1].upper()}{phrase[1:]}."}


def main(source: str, folder: str, out: str) -> None:
    """Write one source's conversations."""
    gc.disable()
    with Path(out).open("wb", buffering=1 << 20) as file:
        records = {"vqav2": vqav2, "gqa": gqa, "visual_genome": visual_genome}[source](Path(folder))
        file.writelines(orjson.dumps(record) + b"\n" for record in records)


if __name__ == "__main__":
    main(*sys.argv[1:])
