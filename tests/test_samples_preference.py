"""Real excerpts of what preference sets were made from, or are mistaken for: none is taken for pairs, all is told."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from conftest import records

from mixer import conversion, sources
from mixer.errors import DataError
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Input
from mixer.shared import coco_images
from mixer.store import Store

REFUSED = [
    ("rlaif_v", {"packaging": "pipeline"}, "*.jsonl", "rlaif_v/examples/detail_test_30_input.jsonl", "chosen"),
    ("stic_preference", {}, "pref_data_new.json", "stic_preference/data/6k_coco_names.json", "object"),
    ("halva", {}, "data/data.json", "halva/LRV-Instruction/Evaluation/evaluation_set.json", "id"),
]
"""Source, options, published file, the excerpt in its place, and what its records lack."""


def refused(samples, cache, name, options, published, excerpt, max_bad):
    """Convert a source whose file is said to be an excerpt of something else."""
    given = Input(name, sources.get(name).options(**options), None, {published: samples / excerpt})
    with Workers(1) as workers:
        located = conversion.locate(given, samples)
        return conversion.convert(located, Store(cache), workers, silent, max_bad=max_bad).ledger


@pytest.mark.parametrize(("name", "options", "published", "excerpt", "lacks"), REFUSED)
def test_what_holds_no_pairs_is_refused(samples, cache, name, options, published, excerpt, lacks):
    """Every record is bad and says what it lacks: 30 inputs of a pipeline, 300 names, 150 questions of an evaluation."""
    path = samples / excerpt
    count = len(records(path))

    ledger = refused(samples, cache, name, options, published, excerpt, Fraction(1))

    assert (ledger.read, ledger.used, ledger.made, sum(ledger.bad.values())) == (count, 0, 0, count)
    assert count == {"rlaif_v": 30, "stic_preference": 300, "halva": 150}[name]
    assert all(f"`{lacks}`" in reason for reason in ledger.bad)
    if count > 100:
        with pytest.raises(DataError, match=rf"items read are bad.*`{lacks}`"):
            refused(samples, cache / "again", name, options, published, excerpt, Fraction(1, 100))


def test_names_of_stic_are_photos_of_train2014(samples):
    """Each of the 300 names gives a photo of its own, and the id that the authors' converter cuts from it."""
    names = json.loads((samples / "stic_preference/data/6k_coco_names.json").read_text())

    for name in names:
        number = coco_images.number(name)
        assert coco_images.path(number, "train2014") == f"coco/train2014/{name}"
        assert f"COCO_train2014_{number:012d}.jpg" == name


def test_questions_of_rlaif_v_become_prompts(samples):
    """A line of the pipeline's input, with two answers, is a line of its output."""
    source = sources.get("rlaif_v")
    line = source.files[2].raw

    for asked in records(samples / "rlaif_v/examples/detail_test_30_input.jsonl"):
        raw = line(question=asked["question"], chosen="A.", rejected="B.", image_path=asked["image_path"])
        made = source.convert(raw, source.options(packaging="pipeline"))
        assert made.conversations[0].value == f"<image>\n{asked['question']}"
        assert made.image == f"rlaif_v/examples/data_gen_example_imgs/imgs_detail/{asked['image_path'].split('/')[-1]}"
