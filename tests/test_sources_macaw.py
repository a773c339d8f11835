"""Macaw-LLM's pairs and MultiInstruct's tasks: media, ids, the authors' filter."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Skip
from mixer.sources.multimodal_instruct import Pair, Task


def convert(raw, **options):
    """Convert a raw record."""
    source = sources.get("multimodal_instruct")
    return source.convert(raw, source.options(**options))


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def test_a_photo_is_named_as_elsewhere():
    """COCO's photo of train2014 is that of train2017; ids repeat, so they end with the content's digest."""
    first = convert(Pair("COCO_train2014_000000000077.jpg", "Who?", "A cook.", "image"))
    second = convert(Pair("COCO_train2014_000000000077.jpg", "Why?", "To eat.", "image"))

    assert first.conversation.image == second.conversation.image == "coco/train2017/000000000077.jpg"
    assert first.conversation.id != second.conversation.id
    assert first.conversation.id.startswith("COCO_train2014_000000000077-")
    assert said(first) == ["<image>\nWho?", "A cook."]
    assert first.labels.subset == "image"


def test_a_video_gets_its_extension():
    """Its question starts with <video>, and there is no image."""
    made = convert(Pair("AB12C", "What falls?", "A lid.", "video"))

    assert (made.conversation.image, made.conversation.video) == (None, "charades/videos/AB12C.mp4")
    assert said(made) == ["<video>\nWhat falls?", "A lid."]
    assert made.conversation.id.startswith("AB12C-")


@pytest.mark.parametrize(
    ("instruction", "response", "is_kept"),
    [
        ("Who?", "A cook.", True),
        ("Write a caption.", "A cook.", False),
        ("Who?", "The caption says it.", False),
        ("Who?", "There is no cook.", False),
        ("Who?", "No cook. Nobody.", True),
        ("Who?", "Another cook.", False),
        ("Is it not hot?", "It is.", True),
    ],
)
def test_the_authors_filter_goes_by_parts_of_words(instruction, response, is_kept):
    """It is off unless it is asked for, and what it skips is counted."""
    raw = Pair("COCO_train2014_000000000077.jpg", instruction, response, "image")

    assert (convert(raw, authors_filter="on") != Skip("the authors' filter")) == is_kept
    assert said(convert(raw))[1] == response


def task(path, **fields):
    """Give an instance of a task of MultiInstruct."""
    values = {"unique_id": "u_1", "task_name": "VQA_count", "prompt": "How many?\n\n[Options]: 2||||3", "target": "2"}
    return msgspec.convert({**values, "image_path": path, "target_txt": "two", **fields}, Task)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("raw_datasets/visual7w/images/v7w_9.jpg", "multiinstruct/visual7w/images/v7w_9.jpg"),
        ("./raw_datasets/visual_genome/VG_100K/9.jpg", "vg/VG_100K/9.jpg"),
        ("./raw_datasets/GQA/images/9.jpg", "gqa/images/9.jpg"),
        ("raw_datasets/TextVQA/train_val/train_images/a9.jpg", "textvqa/train_images/a9.jpg"),
        ("./raw_datasets/MSCOCO2014/train2014/COCO_train2014_000000000009.jpg", "coco/train2017/000000000009.jpg"),
        ("/disk/pretrain/VQAv2/val2014/COCO_val2014_000000000009.jpg", "coco/val2014/COCO_val2014_000000000009.jpg"),
        ("/disk/mata_data/seen_data/wikihow/data/9/a.jpg", "multiinstruct/wikihow/data/9/a.jpg"),
        ("/disk/mata_data/medic/data/a.jpg", "multiinstruct/medic/data/a.jpg"),
    ],
)
def test_images_of_multiinstruct_are_named_as_elsewhere(path, named):
    """Those that other sources have, have their names; the others keep their folder."""
    assert convert(task(path)).conversation.image == named


def test_prompt_and_target_stand_as_they_are():
    """The id holds the task, in which alone `unique_id` is unique."""
    made = convert(task("raw_datasets/a.jpg", image_source="coco2014", part="multiinstruct_test"))

    assert said(made) == ["<image>\nHow many?\n\n[Options]: 2||||3", "2"]
    assert made.conversation.id == "VQA_count-u_1"
    assert (made.labels.subset, made.labels.task) == ("multiinstruct", "VQA_count")


def test_other_paths_are_refused():
    """A path that is not below raw_datasets names no image here."""
    with pytest.raises(ValueError, match="raw_datasets"):
        convert(task("elsewhere/a.jpg"))


def test_parts_are_files():
    """Photos and videos by default."""
    source = sources.get("multimodal_instruct")

    every = [file.path for file in source.used_files(source.options())]

    assert every == ["data/generated_examples_coco.json", "data/generated_examples_avsd.json"]
    assert [file.path for file in source.used_files(source.options(parts=("multiinstruct_test",)))] == [
        "multiinstruct/test.jsonl"
    ]
