"""Real files of the shapes that people bring: each converts, or is refused for what it is."""

from __future__ import annotations

import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from conftest import records

from mixer import conversion, sources
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Input
from mixer.store import Store

LINK = "https://qianwen-res.oss-cn-beijing.aliyuncs.com/Qwen-VL/assets"
WHOLE = {
    "ms-swift/alpaca.csv": ("alpaca", 3),
    "ms-swift/alpaca2.csv": ("alpaca", 3),
    "ms-swift/alpaca.jsonl": ("alpaca", 3),
    "ms-swift/chatml.jsonl": ("messages", 3),
    "ms-swift/conversations.jsonl": ("sharegpt", 3),
    "ms-swift/sharegpt.jsonl": ("sharegpt", 3),
    "ms-swift/multi_modal_1.jsonl": ("query_response", 3),
    "ms-swift/multi_modal_2.jsonl": ("query_response", 3),
    "ms-swift/multi_modal_3.jsonl": ("query_response", 3),
    "ms-swift/swift_multi.json": ("query_response", 3),
    "ms-swift/swift_multi.jsonl": ("query_response", 3),
    "ms-swift/swift_single.csv": ("query_response", 3),
    "ms-swift/swift_single.jsonl": ("query_response", 3),
    "llamafactory/alpaca_en_demo.json": ("alpaca", 40),
    "llamafactory/alpaca_zh_demo.json": ("alpaca", 25),
    "llamafactory/mllm_demo.json": ("messages", 6),
    "llamafactory/mllm_audio_demo.json": ("messages", 3),
    "llamafactory/mllm_video_demo.json": ("messages", 3),
    "llamafactory/mllm_video_audio_demo.json": ("messages", 3),
    "llamafactory/v1_multimodal_demo.jsonl": ("messages", 24),
    "xtuner/mllm_sft_single_image_example_data.jsonl": ("messages", 22),
    "xtuner/mllm_sft_single_image_example_data_new.jsonl": ("messages", 22),
    "xtuner/mllm_sft_multi_image_example_data2.jsonl": ("messages", 10),
    "xtuner/openai_sft.jsonl": ("messages", 30),
    "data-juicer/demo-dataset-chatml.jsonl": ("messages", 4),
    "data-juicer/demo-dataset-images.jsonl": ("captions", 3),
    "data-juicer/demo-dataset-videos.jsonl": ("captions", 6),
}
"""File -> the shape of all its records, and their number."""
UNKNOWN = "no shape has these columns; name a shape with `use`, and say with `columns` what they are; columns found: "
LOST = {
    "ms-swift/swift_pre.csv": (0, {f"{UNKNOWN}response": 3}, {}),
    "ms-swift/swift_pre.jsonl": (0, {f"{UNKNOWN}response": 3}, {}),
    "llamafactory/c4_demo.jsonl": (0, {"no medium in 'image', 'video' or 'audio'; columns found: text": 3}, {}),
    "llamafactory/glaive_toolcall_en_demo.json": (3, {}, {"uses tools": 2}),
    "llamafactory/kto_en_demo.json": (4, {}, {"its answer is labelled as bad": 2}),
    "llamafactory/dpo_en_demo.json": (
        0, {"a preference pair, which `own_pairs` reads; columns found: conversations, chosen, rejected": 8}, {}
    ),
    "llamafactory/v1_dpo_demo.jsonl": (
        0, {"a preference pair, which `own_pairs` reads; columns found: chosen_messages, rejected_messages": 5}, {}
    ),
    "data-juicer/demo-dataset-annotation-human-preference.jsonl": (
        0, {f"{UNKNOWN}prompt, answer1, answer2": 10}, {}
    ),
    "xtuner/mllm_pretrain_image_example_data.jsonl": (0, {"unknown role 'pretrain'": 12}, {}),
    "xtuner/pretrain_example_data.jsonl": (0, {"unknown role 'pretrain'": 3}, {}),
    "xtuner/mllm_sft_video_example_data.jsonl": (7, {}, {"several videos": 3}),
    "xtuner/mllm_video_frame_test_data.jsonl": (1, {}, {"several videos": 7}),
    "webdataset/compressed.tar": (
        0, {"no medium in 'image', 'video' or 'audio'; columns found: txt, __key__": 3}, {}
    ),
}  # fmt: skip
"""File -> how many records it makes, and what is bad or skipped of it."""
NO_RECORDS = {"llamafactory/v1_dpo_demo.yaml", "llamafactory/v1_sft_demo.yaml", "llamafactory/v1_multimodal_demo.yaml"}


def converted(path, cache, use="own_auto", **options):
    """Convert a file; give the entry and its conversations."""
    given = Input(use, sources.get(use).options(**options), Path(path))
    with Workers(1) as workers:
        entry = conversion.convert(
            conversion.locate(given, None), Store(cache), workers, silent, max_bad=Fraction(1)
        )  # fmt: skip
    return entry, [each for part in entry.ledger.parts for each in records(entry.data(part))]


def stripped(name):
    """Say what has to be cut from the media paths of a file."""
    return {"data-juicer": "../../tests", "ms-swift": LINK}.get(name.partition("/")[0], "")


def test_every_file_is_accounted_for(samples):
    """No file of the folder is left out."""
    folder = samples / "generic"
    found = {str(path.relative_to(folder)) for path in folder.glob("*/*")}

    assert found == WHOLE.keys() | LOST.keys() | NO_RECORDS


@pytest.mark.parametrize("name", WHOLE)
def test_files_are_recognised_and_convert_whole(samples, cache, name):
    """Every record makes one conversation, and its columns told its shape."""
    shape, count = WHOLE[name]

    entry, made = converted(samples / "generic" / name, cache, media_strip=stripped(name))

    assert (entry.ledger.read, entry.ledger.used, len(made)) == (count, count, count)
    assert Counter(entry.index(["subset"])["subset"]) == {shape: count}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_said(samples, cache, name):
    """What holds no conversation is refused by its reason."""
    count, bad, skipped = LOST[name]

    entry, made = converted(samples / "generic" / name, cache, media_strip=stripped(name))

    assert len(made) == count
    assert entry.ledger.bad == bad
    assert entry.ledger.skipped == skipped


def test_links_are_no_paths(samples, cache):
    """Without a folder for what was fetched, records with links are bad."""
    entry, made = converted(samples / "generic/ms-swift/multi_modal_2.jsonl", cache)

    assert not made
    assert entry.ledger.bad == {"image path is absolute": 3}


def test_pairs_are_read_by_their_source(samples, cache):
    """Both answers stand apart from the dialogue, which ends with a question."""
    for name, count in (("dpo_en_demo.json", 8), ("v1_dpo_demo.jsonl", 5)):
        _, made = converted(samples / "generic/llamafactory" / name, cache, "own_pairs")

        assert len(made) == count
        assert all(each["conversations"][-1]["from"] == "human" for each in made)
        assert all(each["chosen"]["value"] != each["rejected"]["value"] for each in made)

    raw = json.loads((samples / "generic/llamafactory/dpo_en_demo.json").read_text(encoding="utf-8"))
    _, made = converted(samples / "generic/llamafactory/dpo_en_demo.json", cache, "own_pairs")
    assert [(each["conversations"], each["chosen"], each["rejected"]) for each in made] == [
        (each["conversations"], each["chosen"], each["rejected"]) for each in raw
    ]


def test_tools_as_turns_keep_every_text(samples, cache):
    """Calls and results stand as they are, between the turns of the two speakers."""
    path = samples / "generic/llamafactory/glaive_toolcall_en_demo.json"
    raw = json.loads(path.read_text(encoding="utf-8"))

    _, made = converted(path, cache, "own_sharegpt", tools="turns")

    for each, record in zip(raw, made, strict=True):
        turns = [turn for turn in record["conversations"] if turn["from"] != "system"]
        system = [turn["value"] for turn in record["conversations"] if turn["from"] == "system"]
        assert [turn["value"] for turn in turns] == [turn["value"] for turn in each["conversations"]]
        assert system == ([] if each["tools"] == "[]" else [each["tools"]])


def test_both_spellings_of_parts_give_the_same_texts(samples, cache):
    """XTuner's older files have a token in the text, its newer ones have not; LLaMA-Factory's have values."""
    old, new = (
        converted(samples / f"generic/xtuner/mllm_sft_single_image_example_data{kind}.jsonl", cache)[1]
        for kind in ("", "_new")
    )

    assert [each["conversations"][1:] for each in old] == [each["conversations"][1:] for each in new]
    for each in old + new:
        tokens = sum(turn["value"].count("<image>") for turn in each["conversations"])
        images = each.get("image", [])
        assert tokens == (1 if isinstance(images, str) else len(images))
    _, parts = converted(samples / "generic/llamafactory/v1_multimodal_demo.jsonl", cache)
    _, texts = converted(samples / "generic/llamafactory/mllm_demo.json", cache)
    flat = [[turn["value"].replace("\n<image>", "<image>").replace("<image>\n", "<image>")
             for turn in each["conversations"]] for each in parts[:6]]  # fmt: skip
    assert flat[:3] == [[turn["value"] for turn in each["conversations"]] for each in texts[:3]]


def test_alpaca_cells_stay_texts(samples, cache):
    """Numbers keep their digits; empty cells are absent."""
    _, made = converted(samples / "generic/ms-swift/alpaca.csv", cache)

    assert [[turn["value"] for turn in each["conversations"]] for each in made] == [
        ["00000", "11111\n22222", "3.3"], ["aaaaa", "ccccc"], ["AAAAA\nBBBBB", "CCCCC"]
    ]  # fmt: skip
