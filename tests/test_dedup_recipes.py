"""`dedup:` in a recipe: what the files of `mixer dedup` take out of pools, within a leaf and among all."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import recipe

from mixer import build, plan, verify
from mixer.errors import DataError, UsageError


def talk(id, image=None, said="What is it?", answer="A boat."):
    value = {"id": id, "conversations": [{"from": "human", "value": said}, {"from": "gpt", "value": answer}]}
    if image:
        value["image"] = image
        images = image if isinstance(image, list) else [image]
        value["conversations"][0]["value"] = "<image>\n" * len(images) + said
    return value


@pytest.fixture
def own(tmp_path, cache):
    """Give what plans or builds a recipe over files of one's own."""

    def run(files, act=plan, **top):
        for stem, content in files.items():
            (tmp_path / f"{stem}.json").write_text(json.dumps(content))
        leaves = {stem: {"use": "llava_json", "path": f"{stem}.json"} for stem in files}
        path = recipe(tmp_path, **{"sources": leaves, "output": {"for": "jsonl"}, **top})
        return act(path, cache=cache) if act is plan else act(path, tmp_path / "out" / "mix", cache=cache)

    return run


def near_images(mixer, tmp_path, vectors, *more):
    """Write the near file of images by vectors of two numbers each."""
    np.save(tmp_path / "vectors.npy", np.array(list(vectors.values()), np.float32))
    (tmp_path / "names.txt").write_text("".join(f"{name}\n" for name in vectors))
    mixer("dedup", "images", "--embeddings", "vectors.npy", "--names", "names.txt", "-o", "near", *more)
    return {"file": "near/near.parquet", "threshold": 0.9}


def test_each_leaf_keeps_one_of_its_own_or_the_mix_keeps_one(own, mixer, tmp_path):
    """Scope source and mix; records that share a kept image all stay; losses add up and are listed."""
    near = near_images(
        mixer, tmp_path, {"p/1.jpg": (1, 0), "p/2.jpg": (1, 0.01), "p/3.jpg": (0, 1), "p/4.jpg": (1, 0.02)}, "--across"
    )
    files = {
        "a": [talk("a1", "p/1.jpg"), talk("a1b", "p/1.jpg"), talk("a2", "p/2.jpg"), talk("a3", "p/3.jpg"), talk("a0")],
        "b": [talk("b4", "p/4.jpg"), talk("b1", "p/1.jpg")],
    }

    apart = own(files, dedup={"images": near})
    together = own(files, build, dedup={"images": near, "scope": "mix"})

    assert [leaf.pool.losses for leaf in apart.leaves] == [{"dedup_images": 1}, {"dedup_images": 1}]
    assert {name: leaf.losses for name, leaf in together.manifest.sources.items()} == {
        "a": {"dedup_images": 1},
        "b": {"dedup_images": 1},
    }
    removed = [json.loads(line) for line in (together.path / "removed.jsonl").read_text().splitlines()]
    assert [(each["leaf"], each["id"], each["step"]) for each in removed] == [
        ("a", "a2", "dedup_images"),
        ("b", "b4", "dedup_images"),
    ]
    assert all(each["why"].startswith("near p/1.jpg (1.00)") for each in removed)
    assert not verify(together.path).problems


def test_only_pairs_above_the_threshold_count(own, mixer, tmp_path):
    """The same file serves every threshold from its least one on; a lower one is refused."""
    near = near_images(mixer, tmp_path, {"p/1.jpg": (1, 0), "p/2.jpg": (0.8, 0.6)})
    files = {"a": [talk("a1", "p/1.jpg"), talk("a2", "p/2.jpg")]}

    assert own(files, dedup={"images": {**near, "threshold": 0.75}}).leaves[0].pool.records == 1
    assert own(files, dedup={"images": {**near, "threshold": 0.85}}).leaves[0].pool.records == 2
    with pytest.raises(UsageError, match=r"threshold 0\.5"):
        own(files, dedup={"images": {**near, "threshold": 0.5}})


def test_near_duplicates_come_before_caps_and_after_where(own, mixer, tmp_path):
    """What `where` took out keeps nothing away; a cap counts what is left."""
    near = near_images(mixer, tmp_path, {"p/1.jpg": (1, 0), "p/2.jpg": (1, 0.01)})
    files = {"a": [talk("a1", "p/1.jpg"), *(talk(f"a2{n}", "p/2.jpg") for n in range(4))]}
    leaf = {"use": "llava_json", "path": "a.json", "max_per_image": 1}

    with_where = own(files, dedup={"images": near}, sources={"a": {**leaf, "where": "id <> 'a1'"}})
    without = own(files, dedup={"images": near}, sources={"a": leaf})

    assert with_where.leaves[0].pool.losses == {"where": 1, "dedup_images": 0, "max_per_image": 3}
    assert without.leaves[0].pool.losses == {"dedup_images": 4, "max_per_image": 0}


def test_a_file_of_other_images_is_refused_and_unknown_ones_are_told(own, mixer, tmp_path):
    """None of its records known: it is another file. Some unknown: they stay, and it is said."""
    near = near_images(mixer, tmp_path, {"p/1.jpg": (1, 0)})

    with pytest.raises(DataError, match=r"knows none of the 1 records of a; make it again with `mixer dedup images`"):
        own({"a": [talk("a9", "q/9.jpg")]}, dedup={"images": near})

    (leaf,) = own({"a": [talk("a1", "p/1.jpg"), talk("a9", "q/9.jpg"), talk("a0")]}, dedup={"images": near}).leaves
    assert leaf.pool.records == 3
    assert "dedup images: near.parquet does not know 1 of its records" in leaf.pool.notes


def test_near_texts_go(own, mixer, tmp_path):
    """One of each group stays, and of a record that two leaves share the first leaf keeps it."""
    long = "The boat lies by the old pier, and three gulls sit on its mast in the evening sun."
    files = {
        "a": [talk("a1", answer=long), talk("a2", answer=f"{long} "), talk("a3", answer="Nobody knows what it is.")],
        "b": [
            talk("b1", answer=long.replace("evening", "morning")),
            talk("b2", answer="A red kite over a green hill."),
        ],
    }
    own(files)
    mixer("dedup", "text", "mix.yaml", "--across", "--threshold", "0.5", "-o", "near")
    near = {"file": "near/near.parquet", "threshold": 0.5}
    shared = {
        "a": {"use": "llava_json", "path": "a.json"},
        "again": {"use": "llava_json", "path": "a.json", "where": "id = 'a3'"},
        "b": {"use": "llava_json", "path": "b.json"},
    }

    apart = own(files, dedup={"text": near})
    together = own(files, dedup={"text": near, "scope": "mix"}, sources=shared)

    assert [leaf.pool.losses for leaf in apart.leaves] == [{"dedup_text": 1}, {"dedup_text": 0}]
    assert sum(leaf.pool.losses["dedup_text"] for leaf in together.leaves) == 3
    assert [leaf.pool.records for leaf in together.leaves][1] == 0
    assert sum(leaf.pool.records for leaf in together.leaves) == 3


def test_the_files_hash_is_in_the_manifest_and_locked(own, mixer, tmp_path):
    """Another near file is another input."""
    near = near_images(mixer, tmp_path, {"p/1.jpg": (1, 0), "p/2.jpg": (1, 0.01)})
    files = {"a": [talk("a1", "p/1.jpg"), talk("a2", "p/2.jpg")]}
    mix = own(files, build, dedup={"images": near})
    assert [(each.role, each.path) for each in mix.manifest.curation] == [("dedup images", "near.parquet")]

    mixer("build", "mix.yaml", "--locked", "-o", "out/mix")
    near_images(mixer, tmp_path, {"p/1.jpg": (1, 0), "p/2.jpg": (0.9, 0.1)})

    assert "files of its curation changed" in mixer("build", "mix.yaml", "--locked", "-o", "out/mix", code=1).stderr
