"""Real lists of benchmarks: every excerpt is read, and the leaks of real excerpts of sources are those of a plain search."""

from __future__ import annotations

import json
import re

import pytest

from mixer.collection import find
from mixer.leaks import lists
from mixer.leaks.registry import BENCHMARKS
from mixer.leaks.report import check
from mixer.leaks.targets import target
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Benchmark, Decontaminate

REFCOCO = {
    "refcoco": ("refcoco_val", "refcoco_testA", "refcoco_testB"),
    "refcoco_plus": ("refcoco+_val", "refcoco+_testA", "refcoco+_testB"),
    "refcocog": ("refcocog_val", "refcocog_test"),
}
MME = ("existence", "count", "position", "color", "OCR", "code_reasoning")
LISTS = {
    "pope": [(f"POPE/output/coco/coco_pope_{kind}.json", 240) for kind in ("random", "popular", "adversarial")],
    "chair": [("CHAIR/chair-500.jsonl", 500)],
    "llava_bench_coco": [
        ("llava_bench_coco/coco2014_val_gpt4_qa_30x3.jsonl", 45),
        ("llava_bench_coco/coco2014_val_qa_eval/qa90_questions.jsonl", 90),
        ("llava_bench_coco/caps_boxes_coco2014_val_80.jsonl", 10),
    ],
    **{name: [(f"refcoco_minigpt4/{file}.json", 60) for file in files] for name, files in REFCOCO.items()},
    "mmmu": [("MMMU/answer_dict_val.json", 90)],
    "mme": [(f"MME/{task}.txt", 40 if task in ("OCR", "code_reasoning") else 60) for task in MME],
    "amber": [(f"AMBER/data/query/query_{kind}.json", 80) for kind in ("generative", "discriminative")],
    "hallusionbench": [("HallusionBench/HallusionBench.json", 80)],
    "flickr30k_entities": [(f"flickr30k_entities/{split}.txt", 1000) for split in ("val", "test")],
    "svit_test": [("svit/data/test_image_ids.txt", 10_808)],
}
"""Benchmark -> its excerpts below samples/_leakage, and the entries that their provenance counts."""
ALSO = ("flickr30k_entities/train.txt", 200)
"""Of the splits for training, which nobody has to leave out."""


def lists_of(samples, name):
    return tuple(samples / "_leakage" / file for file, _ in LISTS[name])


def numbers(samples, name):
    """Give the numbers in the names of a benchmark's images, without our code."""
    found = set()
    for path in lists_of(samples, name):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".txt" and name != "mme":
            found |= {int(line) for line in text.split()}
        else:
            found |= {
                int(number) for number in re.findall(r'(?:"|_|^)(\d{12})(?:_\d+)?(?:\.jpg|")', text, re.MULTILINE)
            }
            found |= {int(number) for number in re.findall(r"^(\d{12})\.jpg\t", text, re.MULTILINE)}
    return found


def test_every_excerpt_is_read(samples):
    """All of them, with the entries that were counted."""
    counted = {file: count for files in LISTS.values() for file, count in files} | dict([ALSO])
    there = {
        str(path.relative_to(samples / "_leakage"))
        for path in (samples / "_leakage").rglob("*")
        if path.is_file() and path.name != "PROVENANCE.md"
    }

    read = {
        file: len(list(lists.read(samples / "_leakage" / file, BENCHMARKS[name].fields)))
        for name, files in LISTS.items()
        for file, _ in files
    }

    assert {*counted} == there
    assert read == {file: count for file, count in counted.items() if file != ALSO[0]}
    assert len(list(lists.read(samples / "_leakage" / ALSO[0], lists.Fields()))) == ALSO[1]


@pytest.mark.parametrize(
    "name", ["pope", "chair", "llava_bench_coco", *REFCOCO, "mme", "flickr30k_entities", "svit_test"]
)
def test_images_have_the_keys_that_their_names_say(samples, name):
    """Compared with a search for numbers in the text; every image of these lists has a key, but for MME's own."""
    kind = {"flickr30k_entities": "flickr", "svit_test": "vg"}.get(name, "coco")

    made = target(Benchmark(name, lists_of(samples, name), by=("image",)))

    assert made.keys == {f"{kind}:{number}" for number in numbers(samples, name)}
    assert made.unkeyed == (80 if name == "mme" else 0)


def test_published_counts_of_whole_lists(samples):
    """Lists that are there whole hold what the registry says; 7 images of CHAIR's are POPE's, 2 MME's."""
    for name in ("chair", "flickr30k_entities", "svit_test", "mme"):
        assert len(target(Benchmark(name, lists_of(samples, name), by=("image",))).keys) == BENCHMARKS[name].images

    chair, mme = (target(Benchmark(name, lists_of(samples, name), by=("image",))).keys for name in ("chair", "mme"))
    assert len(chair & mme) == 2


def test_usual_ways_find_something_to_match_by(samples):
    """Questions and ids, where images have no names that others share."""
    for name in ("hallusionbench", "mmmu"):
        made = target(Benchmark(name, lists_of(samples, name)))
        assert made.ways == (("question",) if name == "hallusionbench" else ("id",))
        assert made.questions or len(made.ids) == 90


RAW = {
    "llava_v1_5_mix665k": "llava_v1_5_mix665k.json",
    "svit_mix_665k": "SVIT_mix_665K.json",
    "sharegpt4v": "sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json",
    "svit_core_150k": "SVIT_core_150K.json",
    "llava_instruct_150k": "llava_instruct_150k.json",
}


@pytest.mark.parametrize("source", RAW)
def test_leaks_of_real_sources_are_those_of_a_plain_search(samples, cache, source):
    """COCO's numbers in names of twelve digits, Visual Genome's in its folders and GQA's, record by record."""
    names = ("pope", "chair", "svit_test", *REFCOCO, "mme")
    wanted = {name: numbers(samples, name) for name in names}
    records = json.loads((samples / source / RAW[source]).read_text(encoding="utf-8"))
    images = [record.get("image", "") for record in records]

    def plain(name):
        pattern = r"(?:VG_100K(?:_2)?|gqa/images)/(\d+)\.jpg" if name == "svit_test" else r"(?:^|/)(\d{12})\.jpg"
        return sum(int(found[1]) in wanted[name] for image in images if (found := re.search(pattern, image)))

    asked = Decontaminate(tuple(Benchmark(name, lists_of(samples, name), by=("image",)) for name in names))
    with Workers(1) as workers:
        report = check(find(source, data=samples, cache=cache), asked, cache, workers, silent).values()

    told = report["sources"][source]
    assert {name: each["records"] for name, each in told["benchmarks"].items()} == {name: plain(name) for name in names}
    assert told["records"] == len(records)
    assert told["with_images"] == sum(map(bool, images))
    if source in ("llava_v1_5_mix665k", "svit_core_150k"):
        assert report["leaked"] > 0


def test_every_record_of_vqav2_leaks_its_own_questions(samples, cache):
    """The questions of train as a benchmark: all records ask them, about the same images; those of val are not asked."""
    train, val = (samples / "vqav2" / f"v2_OpenEnded_mscoco_{split}2014_questions.json" for split in ("train", "val"))
    benchmarks = (
        Benchmark("own", (train,), by=("image_question",), key="coco", field="image_id"),
        Benchmark("words", (train,), by=("question",)),
        Benchmark("vqav2", (val,)),
    )
    with Workers(1) as workers:
        report = check(
            find("vqav2", data=samples, cache=cache), Decontaminate(benchmarks), cache, workers, silent
        ).values()

    told = report["sources"]["vqav2"]
    assert told["records"] > 0
    assert {name: each["records"] for name, each in told["benchmarks"].items()} == {
        "own": told["records"], "words": told["records"], "vqav2": 0,
    }  # fmt: skip


def test_names_of_stic_are_keys(samples, tmp_path):
    """A published list of names, an array of texts, is a list of one's own."""
    path = samples / "stic_preference" / "data" / "6k_coco_names.json"
    names = json.loads(path.read_text(encoding="utf-8"))

    made = target(Benchmark("stic", (path,), key="coco"))

    assert made.keys == {f"coco:{int(name[15:27])}" for name in names}
    assert made.entries == len(names)
