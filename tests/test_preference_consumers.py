"""What trainers read of a preference mix: each of its records, mapped to TRL's rows and to LLaMA-Factory's, is valid there.

Neither trainer is needed: `read_trl` and `read_factory` hold the rules that their readers enforce, and no others.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy

import pytest
from conftest import RECIPES, records

from mixer import build

TOKENS = {"images": "<image>", "videos": "<video>", "audios": "<audio>"}
"""LLaMA-Factory's column of each kind of media -> the placeholder it counts."""
ROLES = {"human": "user", "gpt": "assistant", "system": "system"}
ENTRY = {
    "file_name": "preference.jsonl",
    "formatting": "sharegpt",
    "ranking": True,
    "columns": {
        "messages": "conversations",
        "chosen": "chosen",
        "rejected": "rejected",
        "images": "images",
        "videos": "videos",
    },
}
"""What LLaMA-Factory's dataset_info.json says of the mix."""


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    """Build the shipped recipe on the miniatures; give its records."""
    folder = tmp_path_factory.mktemp("mix")
    built = build(RECIPES / "preference.yaml", folder / "mix", data="miniatures", cache=folder / "store")
    return built, records(folder / "mix" / "preference.jsonl")


# --- TRL's DPOTrainer ------------------------------------------------------------------------------------------------


def paths(record, name):
    """List a record's media of a kind."""
    given = record.get(name, [])
    return [given] if isinstance(given, str) else given


def typed(turn, images):
    """Give a turn as a message of typed parts; a placeholder becomes a part, unless the record has no image."""
    pieces = re.split("(<image>)", turn["value"]) if images else [turn["value"]]
    parts = [
        {"type": "image"} if piece == "<image>" else {"type": "text", "text": piece.strip("\n")}
        for piece in pieces
        if piece.strip()
    ]
    return {"role": ROLES[turn["from"]], "content": parts}


def trl(record):
    """Map a record of images, or of text, to TRL's columns."""
    images = paths(record, "image")
    return {
        "prompt": [typed(turn, images) for turn in record["conversations"]],
        "chosen": [typed(record["chosen"], images)],
        "rejected": [typed(record["rejected"], images)],
        "images": images,
    }


def read_trl(row):
    """Refuse what TRL's collator for vision refuses."""
    if not {"prompt", "chosen", "rejected", "images"} <= row.keys() or not isinstance(row["images"], list):
        raise ValueError("columns are prompt, chosen, rejected and a list of images")
    for answer in (row["chosen"], row["rejected"]):
        placeholders = 0
        for message in [*row["prompt"], *answer]:
            if message["role"] not in ("system", "user", "assistant", "tool"):
                raise ValueError("unknown role")
            for part in message["content"]:
                if (
                    part not in ({"type": "image"}, {"type": "text", "text": part.get("text")})
                    or part.get("text") == ""
                ):
                    raise ValueError("a part is an image without a path, or a text")
                placeholders += part["type"] == "image"
        if placeholders != len(row["images"]):
            raise ValueError("number of images provided does not match number of image placeholders")
        if row["prompt"][-1]["role"] != "user" or [message["role"] for message in answer] != ["assistant"]:
            raise ValueError("the prompt ends with the user, and one message answers")


# --- LLaMA-Factory ---------------------------------------------------------------------------------------------------


def factory(record):
    """Map a record to LLaMA-Factory's columns: sharegpt with ranking."""
    kept = {name: record[name] for name in ("conversations", "chosen", "rejected")}
    return {**kept, "images": paths(record, "image"), "videos": paths(record, "video")}


def read_factory(info, name, sample):
    """Refuse what LLaMA-Factory's converter empties with a warning, and what its template raises an error for."""
    entry = info[name]
    if entry["formatting"] != "sharegpt" or entry["ranking"] is not True:
        raise ValueError("the entry is of another kind")
    columns = entry["columns"]
    messages = sample[columns["messages"]]
    if messages[0]["from"] == "system":
        messages = messages[1:]
    if len(messages) % 2 != 1:
        raise ValueError("with ranking, the number of turns is odd")
    for number, message in enumerate(messages):
        if message["from"] not in (("human", "observation"), ("gpt", "function_call"))[number % 2]:
            raise ValueError("human in odd places, gpt in even ones")
    for side in ("chosen", "rejected"):
        answer = sample[columns[side]]
        if not isinstance(answer, dict) or answer["from"] not in ("gpt", "function_call"):
            raise ValueError(f"{side} is no object of gpt's")
        texts = [message["value"] for message in [*messages, answer]]
        for kind, token in TOKENS.items():
            files = sample.get(columns.get(kind, kind)) or []
            if sum(text.count(token) for text in texts) != len(files):
                raise ValueError(f"the number of {kind} does not match the number of {token} tokens")


# --- the mix ---------------------------------------------------------------------------------------------------------


def test_the_mix_has_records_of_every_source(mix):
    """All nine sources of pairs give some, videos among them."""
    built, made = mix

    assert len(built.manifest.sources) == 9
    assert all(leaf.count for leaf in built.manifest.sources.values())
    assert sum("video" in record for record in made) == built.manifest.sources["llava_hound_dpo"].count
    assert any(len(record["conversations"]) > 1 for record in made)


def test_trl_reads_every_record_of_images(mix):
    """Typed parts, a list of images, as many placeholders; no text holds a token. Videos have no column there."""
    _, made = mix
    rows = [trl(record) for record in made if "video" not in record]

    for row in rows:
        read_trl(row)
    assert len(rows) > 20
    assert "<image>" not in json.dumps(rows)
    assert all(row["chosen"] != row["rejected"] for row in rows)


def test_llama_factory_reads_every_record(mix, tmp_path):
    """From a file of the entry's name, as it would."""
    _, made = mix
    (tmp_path / "dataset_info.json").write_text(json.dumps({"pairs": ENTRY}), encoding="utf-8")
    text = "".join(json.dumps(factory(record), ensure_ascii=False) + "\n" for record in made)
    (tmp_path / ENTRY["file_name"]).write_text(text, encoding="utf-8")

    info = json.loads((tmp_path / "dataset_info.json").read_text(encoding="utf-8"))
    samples = records(tmp_path / info["pairs"]["file_name"])

    assert len(samples) == len(made)
    for sample in samples:
        assert set(info["pairs"]["columns"].values()) == sample.keys()
        read_factory(info, "pairs", sample)


HISTORY = {
    "id": "1",
    "image": ["a.jpg", "b.jpg"],
    "conversations": [
        {"from": "human", "value": "<image>\n<image>\nWhich?"},
        {"from": "gpt", "value": "Both."},
        {"from": "human", "value": "Why?"},
    ],
    "chosen": {"from": "gpt", "value": "They are lit."},
    "rejected": {"from": "gpt", "value": "They fly."},
}
"""A valid record with two images and a round before the question."""


def changed(place, value):
    """Change one thing of the record."""
    record = deepcopy(HISTORY)
    *path, last = place
    inner = record
    for key in path:
        inner = inner[key]
    inner[last] = value
    return record


def test_a_placeholder_may_stand_anywhere():
    """In TRL's row its part stands where it stood, and the line break beside it is gone."""
    whole, behind = trl(HISTORY), trl(changed(("conversations", 0, "value"), "Which?\n<image> <image>"))

    assert whole["prompt"][0]["content"] == [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "Which?"}]
    assert [part["type"] for part in behind["prompt"][0]["content"]] == ["text", "image", "image"]
    for row in (whole, behind):
        read_trl(row)
    read_factory({"pairs": ENTRY}, "pairs", factory(HISTORY))


@pytest.mark.parametrize(
    ("place", "value", "trl_says", "factory_says"),
    [
        (("image",), "a.jpg", "does not match", "number of images"),
        (("conversations", 0, "value"), "<image>\nWhich?", "does not match", "number of images"),
        (("rejected", "value"), "<image>", "does not match", "number of images"),
        (("conversations", 2), {"from": "gpt", "value": "So."}, "ends with the user", "human in odd places"),
        (("conversations",), HISTORY["conversations"][:2], "ends with the user", "number of turns is odd"),
        (("chosen", "from"), "human", "one message answers", "no object of gpt's"),
        (("conversations", 2, "value"), "<video>?", None, "number of videos"),
    ],
)
def test_what_a_trainer_would_refuse_is_refused(place, value, trl_says, factory_says):
    """So that a valid mix means something."""
    record = changed(place, value)

    if trl_says:
        with pytest.raises(ValueError, match=trl_says):
            read_trl(trl(record))
    with pytest.raises(ValueError, match=factory_says):
        read_factory({"pairs": ENTRY}, "pairs", factory(record))
