"""Conversion in parts, on machines that share a store: the build that puts them together gives the same bytes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import pytest
from conftest import files_of, recipe

from mixer import build, conversion, plans
from mixer.resolved import Part

EVERY_OUTPUT = [
    {"for": "jsonl", "shards": 3},
    *({"for": name} for name in ("llava_next", "qwen_vl", "internvl", "llama_factory", "ms_swift", "hf", "parquet")),
    *({"for": name, "shards": 2} for name in ("webdataset", "energon", "streaming")),
]
"""All targets that hold records of several images; `llava` and `trl` have records of their own."""


def sources_of(tmp_path, count=3000):
    """Write raw files of several spans: LLaVA records with some bad and blank ones, and grouped questions."""
    draw = random.Random(5)
    talk = [
        {
            "id": f"r{n}",
            "image": f"p/{n}.jpg",
            "conversations": [
                {"from": "human", "value": "<image>\n" + "What is here? " * draw.randint(1, 9)},
                {"from": "gpt", "value": "A boat." if n % 97 else ""},
            ],
        }
        for n in range(count)
    ]
    (tmp_path / "talk.json").write_text(json.dumps(talk))
    questions, answers = [], []
    for n in range(count):
        image, id = draw.randint(1, count // 3), n + 1
        questions.append(
            {"image_id": image, "question": f"How many things of kind {n}?", "question_id": image * 1000 + id % 1000}
        )
        answers.append(
            {
                "question_id": questions[-1]["question_id"],
                "image_id": image,
                "multiple_choice_answer": str(n),
                "answers": [],
                "question_type": "how many",
                "answer_type": "number",
            }
        )
    folder = tmp_path / "raw" / "vqav2"
    folder.mkdir(parents=True)
    (folder / "v2_OpenEnded_mscoco_train2014_questions.json").write_text(json.dumps({"questions": questions}))
    (folder / "v2_mscoco_train2014_annotations.json").write_text(json.dumps({"annotations": answers}))
    return recipe(
        tmp_path, "mix", max_bad="50%", sources={"talk": {"use": "llava_json", "path": "talk.json"}, "vqav2": {}}
    )


@pytest.fixture
def small_spans(monkeypatch):
    """Cut even small files."""
    monkeypatch.setattr(conversion, "SPAN", 30_000)


def draw_media(folder, paths):
    """Write files that stand for images."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode() * 9)
    return folder


@pytest.mark.parametrize("output", [EVERY_OUTPUT, [{"for": "llava", "shards": 2}]])
def test_every_output_is_the_same(tmp_path, cache, small_spans, output):
    """Built alone, on several processes, or from parts."""
    sources_of(tmp_path)
    path = recipe(tmp_path, sources={"talk": {"use": "llava_json", "path": "talk.json"}}, max_bad="50%", output=output)
    media = draw_media(tmp_path / "media", [f"p/{number}.jpg" for number in range(3000)])
    alone = files_of(build(path, tmp_path / "alone" / "mix", media=media, cache=tmp_path / "other store").path)
    assert {name.split("/")[0] for name in alone} >= {each["for"] for each in output} - {"jsonl", "llava"}

    for count in (2, 4):
        several = build(
            path, tmp_path / f"{count}" / "mix", media=media, cache=tmp_path / f"store of {count}", workers=count
        )
        assert files_of(several.path) == alone

    for number in range(1, 6):
        plans.prepare(path, Part(number, 5), cache=cache)
    assert files_of(build(path, tmp_path / "together" / "mix", media=media, cache=cache).path) == alone


@pytest.mark.parametrize("order", [(1, 2, 3, 4, 5), (4, 2, 5, 1, 3), (2, 2, 4)])
def test_parts_put_together_are_the_same_mix(tmp_path, cache, small_spans, order):
    """Whatever the order of the parts, and if some are made twice or not at all."""
    path, raw = sources_of(tmp_path), tmp_path / "raw"
    alone = build(path, tmp_path / "alone" / "mix", data=raw, cache=tmp_path / "other store")

    told = [plans.prepare(path, Part(number, 5), data=raw, cache=cache) for number in order]
    together = build(path, tmp_path / "together" / "mix", data=raw, cache=cache)

    spans = {spans for spans, _ in told}
    assert len(spans) == 1
    assert spans.pop() > 20
    if len(set(order)) == 5:
        assert sum(made for _, made in told) == told[0][0]
    else:
        assert told[1][1] == 0  # done before
    assert files_of(together.path) == files_of(alone.path)
    assert not list(cache.glob("spans/*"))


def test_a_build_converts_only_what_no_part_has(tmp_path, cache, small_spans, monkeypatch):
    """Spans that were kept are not converted again."""
    path, raw = sources_of(tmp_path), tmp_path / "raw"
    spans, _ = plans.prepare(path, Part(1, 1), data=raw, cache=cache)
    run = []
    monkeypatch.setattr("mixer.processes.run", lambda task: run.append(task) or pytest.fail("converted again"))
    monkeypatch.setattr(conversion._Conversion, "_group", lambda *_: None)

    plans.plan(path, data=raw, cache=cache)

    assert spans > 20
    assert not run


def test_a_changed_file_is_converted_anew(tmp_path, cache, small_spans):
    """What was kept of an older file counts for nothing."""
    path, raw = sources_of(tmp_path), tmp_path / "raw"
    plans.prepare(path, Part(1, 1), data=raw, cache=cache)
    talk = json.loads((tmp_path / "talk.json").read_text())
    (tmp_path / "talk.json").write_text(json.dumps(talk[:-1]))

    together = build(path, tmp_path / "together" / "mix", data=raw, cache=cache)
    alone = build(path, tmp_path / "alone" / "mix", data=raw, cache=tmp_path / "other store")

    assert files_of(together.path) == files_of(alone.path)


def test_the_command_line_makes_parts(mixer, tmp_path):
    """`--part` converts its share, on two processes; the build is the same as without."""
    path, raw = sources_of(tmp_path, 200), tmp_path / "raw"

    first = mixer("build", path, "--data", raw, "--part", "1/2", "--workers", "2")
    mixer("build", path, "--data", raw, "--part", "2/2")
    mixer("build", path, "--data", raw, "--merge", "-o", "a/mix")
    mixer("build", path, "--data", raw, "-o", "b/mix", "--cache", "elsewhere")

    assert "part 1/2" in first.stdout
    assert (tmp_path / "a/mix/manifest.json").read_bytes() == (tmp_path / "b/mix/manifest.json").read_bytes()
    for wrong in ("0/2", "3/2", "2", "a/b"):
        assert "expected a part such as 2/5" in mixer("build", path, "--part", wrong, code=2).stderr


def test_slurm_jobs_give_the_same_mix(mixer, tmp_path):
    """The printed script, with an sbatch that runs at once what it is given: array, then merge, once that is done."""
    path, raw = sources_of(tmp_path, 200), tmp_path / "raw"
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "sbatch").write_text(
        """#!/usr/bin/env bash
        set -eu
        echo "$@" >> log
        for word in "$@"; do
          case "$word" in --array=1-*) last="${word#--array=1-}";; esac
        done
        command="${@: -1}"
        for id in $(seq 1 "${last:-1}"); do SLURM_ARRAY_TASK_ID=$id bash -c "$command" >&2; done
        echo '4711;cluster'  # as it says where there are several clusters
        """
    )
    (bin_ / "mixer").write_text(f'#!/usr/bin/env bash\nexec {sys.executable} -m mixer.cli "$@"\n')
    for program in bin_.iterdir():
        program.chmod(0o755)

    out = tmp_path / "a folder" / "mix"
    shown = mixer(
        "slurm", path, "--data", raw, "--cache", tmp_path / "shared", "-o", out, "--parts", 3, "--cpus", 2, "--sbatch",
        "--partition=cpu",
    ).stdout  # fmt: skip
    script = tmp_path / "jobs.sh"
    script.write_text(shown)
    subprocess.run(
        ["bash", script], cwd=tmp_path, env={**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}, check=True
    )
    mixer("build", path, "--data", raw, "-o", "alone/mix")

    log = (tmp_path / "log").read_text().splitlines()
    assert "--array=1-3" in log[0]
    assert "--dependency=afterok:4711" in log[1]
    assert all("--cpus-per-task=2 --mem=16G --time=04:00:00 --partition=cpu" in line for line in log)
    assert (out / "manifest.json").read_bytes() == (tmp_path / "alone/mix/manifest.json").read_bytes()


def test_slurm_needs_a_shared_store(mixer, tmp_path):
    """Without it the jobs could not find each other's work."""
    path = sources_of(tmp_path, 3)

    assert (
        "name a folder that every node sees with --cache DIR"
        in mixer("slurm", path, code=2, env={"MIXER_CACHE": ""}).stderr
    )
