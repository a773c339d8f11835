"""Everything that curates, in one recipe over real excerpts: licences, exclude, leaks, near-duplicates, tokens."""

from __future__ import annotations

import hashlib
import json
import re

import numpy as np
import polars as pl
import pytest
from conftest import recipe

SOURCES = {
    "llava_v1_5_mix665k": {},
    "svit_core_150k": {},
    "vqav2": {"options": {"split": "train"}},
    "textocr_gpt4v": {},
    "llava_instruct_150k": {},
}


def embedding(path):
    """Invent a vector for an image; those of a folder whose numbers end alike are twins."""
    number = int(re.sub(r"\D", "", path) or 0) % 60
    draw = np.random.default_rng(
        int(hashlib.sha256(f"{path.rpartition('/')[0]}/{number}".encode()).hexdigest()[:12], 16)
    )
    own = np.random.default_rng(int(hashlib.sha256(path.encode()).hexdigest()[:12], 16))
    return (draw.standard_normal(64) + 0.1 * own.standard_normal(64)).astype(np.float32)


@pytest.fixture
def prepared(mixer, samples, tmp_path):
    """Make everything that the recipe names: near-duplicates, a repair list, a tokenizer."""
    tokenizers = pytest.importorskip("tokenizers")
    base = recipe(tmp_path, "base", sources=SOURCES)
    mixer("build", base, "--data", samples, "-o", "base")
    index = pl.read_parquet(tmp_path / "base/index.parquet")
    names = sorted(index.select(pl.col("media").explode()).drop_nulls()["media"].unique())
    np.save(tmp_path / "vectors.npy", np.stack([embedding(name) for name in names]))
    (tmp_path / "names.txt").write_text("".join(f"{name}\n" for name in names))
    images = mixer(
        "dedup",
        "images",
        base,
        "--data",
        samples,
        "--embeddings",
        "vectors.npy",
        "--names",
        "names.txt",
        "--across",
        "-o",
        "near",
    )
    text = mixer("dedup", "text", base, "--data", samples, "--across", "--threshold", "0.5", "-o", "near-text")
    (tmp_path / "bad.txt").write_text(f"{names[0]}\n{names[7]}\n")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    return images.stdout, text.stdout


def test_all_of_it_in_one_recipe(mixer, samples, prepared, tmp_path):
    """Read = used + skipped + bad, made = pool + losses, and every removed record is listed with its reason."""
    leakage = samples / "_leakage"
    path = recipe(
        tmp_path,
        "curated",
        sources=SOURCES,
        unit="tokens",
        tokens={"tokenizer": "tokenizer.json", "image": 576},
        licence={"allow": ["CC-BY-4.0", "OpenAI", "various", "Apache-2.0", "CC-BY-NC-4.0"], "unknown": "allow"},
        exclude=["bad.txt"],
        decontaminate={
            "on_leak": "drop",
            "benchmarks": {
                "pope": {"files": str(leakage / "POPE/output/coco/coco_pope_random.json")},
                "chair": {"files": str(leakage / "CHAIR/chair-500.jsonl")},
                "svit_test": {"files": str(leakage / "svit/data/test_image_ids.txt")},
                "refcoco": {"files": [str(leakage / "refcoco_minigpt4/refcoco_val.json")]},
            },
        },
        dedup={
            "images": {"file": "near/near.parquet", "threshold": 0.9},
            "text": {"file": "near-text/near.parquet", "threshold": 0.8},
            "scope": "mix",
        },
    )

    told = json.loads(mixer("plan", path, "--data", samples, "--json").stdout)
    mixer("build", path, "--data", samples, "-o", "curated")
    mixer("verify", "curated")
    manifest = json.loads((tmp_path / "curated/manifest.json").read_text())

    total = {"exclude": 0, "leak": 0, "dedup_images": 0, "dedup_text": 0}
    for name, leaf in told["sources"].items():
        assert leaf["read"] == leaf["used"] + sum(leaf["skipped"].values()) + sum(leaf["bad"].values())
        assert leaf["made"] == leaf["pool"] + sum(leaf["losses"].values())
        assert leaf == manifest["sources"][name] | {"notes": leaf["notes"]}
        for step in total:
            total[step] += leaf["losses"].get(step, 0)
    assert all(total.values()), total
    removed = [json.loads(line) for line in (tmp_path / "curated/removed.jsonl").read_text().splitlines()]
    assert {step: sum(each["step"] == step for each in removed) for step in total} == total
    index = pl.read_parquet(tmp_path / "curated/index.parquet")
    assert manifest["records"] == index.height == sum(leaf["count"] for leaf in told["sources"].values())
    assert int(index["tokens"].cast(pl.Int64).sum()) == sum(leaf["tokens"] for leaf in told["sources"].values())
    assert manifest["recipe"]["unit"] == "tokens"
    kept = {name for names in index["media"] for name in names}
    assert not kept & set((tmp_path / "bad.txt").read_text().split())
    assert len(manifest["curation"]) == 1 + 4 + 2 + 1


def test_no_two_kept_images_are_alike(mixer, samples, prepared, tmp_path):
    """Whatever the file says, the mix is checked by brute force."""
    path = recipe(
        tmp_path, "curated", sources=SOURCES, dedup={"images": {"file": "near/near.parquet", "threshold": 0.9}}
    )
    mixer("build", path, "--data", samples, "-o", "curated")
    index = pl.read_parquet(tmp_path / "curated/index.parquet").filter(pl.col("images") > 0)

    compared = 0
    for (leaf,), frame in index.partition_by("leaf", as_dict=True).items():
        names = sorted({name for names in frame["media"] for name in names})
        vectors = np.stack([embedding(name) for name in names]).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        assert not (np.triu(vectors @ vectors.T, 1) >= 0.9).any(), leaf
        compared += len(names)
    assert compared > 100
