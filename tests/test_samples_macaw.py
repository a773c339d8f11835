"""Real excerpt of MultiInstruct: one instance a task, every one accounted for."""

from collections import Counter

from conftest import records
from test_samples import converted


def test_multiinstruct_stands_as_published(samples, cache):
    """59 and 11 instances: prompts and targets are untouched, images have a place, and ids are unique."""
    entry, made = converted("multimodal_instruct", samples, cache, parts=("multiinstruct", "multiinstruct_test"))

    folder = samples / "multimodal_instruct" / "multiinstruct"
    published = [*records(folder / "train.jsonl"), *records(folder / "test.jsonl")]
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (70, 70, 70)
    assert [[turn["value"] for turn in each["conversations"]] for each in made] == [
        [f"<image>\n{each['prompt']}", each["target"]] for each in published
    ]
    assert len({each["id"] for each in made}) == 70
    assert all(
        raw["image_path"].endswith(each["image"].rpartition("/")[2]) for each, raw in zip(made, published, strict=True)
    )
    assert Counter(each["image"].partition("/")[0] for each in made) == {
        "coco": 36, "vg": 15, "gqa": 1, "textvqa": 1, "multiinstruct": 17,
    }  # fmt: skip
    index = entry.index(["subset", "split", "task"])
    assert index["split"].value_counts(sort=True)["count"].to_list() == [59, 11]
    assert index["task"].to_list() == [each["task_name"] for each in published]


def test_multiinstruct_shares_photos_with_other_sources(samples, cache):
    """Both spellings of the authors' folder and those of their machines lead to the same names."""
    _, made = converted("multimodal_instruct", samples, cache, parts=("multiinstruct", "multiinstruct_test"))

    images = [each["image"] for each in made]
    assert "coco/train2017/000000171837.jpg" in images
    assert not [image for image in images if "raw_datasets" in image or "projects" in image]
    assert sum(image.startswith("multiinstruct/wikihow/data/161279_make-a-kite") for image in images) == 4
    assert sum(image.startswith("multiinstruct/medic/data/") for image in images) == 3
