"""Input cannot hurt, and damage of any kind is one line (P5, P6, P8)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from conftest import recipe

TURNS = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]


@pytest.fixture
def path(tmp_path):
    """Give a recipe over a small file of one's own."""
    (tmp_path / "own.json").write_text(json.dumps([{"id": str(n), "conversations": TURNS} for n in range(5)]))
    return recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}})


def test_convert_never_replaces_what_it_reads_nor_a_device(mixer, tmp_path, path, cache):
    """The raw file and the store are refused, a pipe is written to, a link's target is written."""
    before = (tmp_path / "own.json").read_bytes()
    convert = ("convert", "llava_json", "--path", "own.json", "-q", "-o")

    assert "is the raw file" in mixer(*convert, "own.json", code=2).stderr
    assert "in the store" in mixer(*convert, cache / "x.jsonl", code=2).stderr
    assert "is a directory" in mixer(*convert, tmp_path, code=2).stderr
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    mixer(*convert, "link.jsonl")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE) as reader:
        mixer(*convert, "pipe")
        piped = reader.communicate()[0]

    assert (tmp_path / "own.json").read_bytes() == before
    assert (tmp_path / "link.jsonl").is_symlink()
    assert (tmp_path / "pipe").is_fifo()
    assert piped == (tmp_path / "real.jsonl").read_bytes() != b""


@pytest.mark.parametrize(("store", "out"), [("s/cache", "s"), ("s", "s"), ("s", "s/mix")])
def test_a_store_and_a_mix_never_overlap(mixer, tmp_path, path, store, out):
    """Publishing a mix must not delete the store, nor a store hold a mix."""
    refused = mixer("build", path, "-o", out, "--cache", store, code=2)

    assert "overlaps the store" in refused.stderr
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("out", [".", "..", "sub/.."])
def test_the_working_folder_is_no_target(mixer, tmp_path, path, out):
    """A process cannot stand in a folder that is exchanged."""
    here = tmp_path / "above" / "here"
    (here / "sub").mkdir(parents=True)

    assert "working folder" in mixer("build", path, "-o", out, cwd=here, code=2).stderr


def test_what_comes_to_lie_at_the_target_meanwhile_stays(tmp_path, path, cache, monkeypatch):
    """A stranger's file that appears while a build runs is found before the mix takes its place."""
    from mixer import build, gathering
    from mixer.errors import UsageError

    def meddle(*arguments, whole=gathering.map_files):
        (tmp_path / "mix").mkdir()
        (tmp_path / "mix" / "precious").write_text("precious")
        return whole(*arguments)

    monkeypatch.setattr(gathering, "map_files", meddle)
    with pytest.raises(UsageError, match="not empty"):
        build(path, tmp_path / "mix", cache=cache)

    assert (tmp_path / "mix" / "precious").read_text() == "precious"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_workers_never_outlive_their_driver(tmp_path, number):
    """However the driver ends, its workers end, too."""
    values = [{"id": str(n), "conversations": [*TURNS] * 20} for n in range(40_000)]
    (tmp_path / "big.json").write_text(json.dumps(values))
    path = recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "big.json"}})
    command = [sys.executable, "-m", "mixer.cli", "build", path, "-o", tmp_path / "mix", "--workers", "2"]
    env = {**os.environ, "MIXER_CACHE": str(tmp_path / "store")}
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        workers: list[str] = []
        while process.poll() is None and len(workers) < 2:
            time.sleep(0.02)
            tasks = Path(f"/proc/{process.pid}/task")
            workers = [child for task in tasks.iterdir() for child in (task / "children").read_text().split()]
        time.sleep(0.2)
        process.send_signal(number)
        process.communicate(timeout=20)  # a worker that lives holds the pipes open

    assert process.returncode in (-number, 128 + number)
    assert not (tmp_path / "mix").exists()
    if number != signal.SIGKILL:
        assert not list((tmp_path / "store").glob("sources/*/*"))


def test_verify_reads_nothing_outside_the_mix(mixer, tmp_path, path):
    """A manifest that names a file elsewhere is damaged; that file is not shown."""
    mixer("build", path, "-o", "mix")
    (tmp_path / "secret").write_text("hidden words")
    whole = json.loads((tmp_path / "mix/manifest.json").read_text())
    for name in ("../secret", str(tmp_path / "secret"), "..", ""):
        whole["outputs"][0]["path"] = name
        (tmp_path / "mix/manifest.json").write_text(json.dumps(whole))

        said = mixer("verify", "mix", code=1)

        assert "hidden" not in said.stdout + said.stderr


CHANGES = {
    "digest as text": pl.lit("x").alias("digest"),
    "leaf as number": pl.lit(1).alias("leaf"),
    "id as number": pl.lit(1).alias("id"),
    "pass as text": pl.lit("0").alias("pass"),
    "offset as text": pl.lit("0").alias("offset"),
    "no offset": pl.lit(None, dtype=pl.UInt64).alias("offset"),
    "no leaf": pl.lit(None, dtype=pl.String).alias("leaf"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_index_of_other_types_is_damage(mixer, tmp_path, path, change):
    """Columns of other types or without values are found by verify and diff, in one line."""
    mixer("build", path, "-o", "mix")
    mixer("build", path, "-o", "other")
    index = tmp_path / "mix/index.parquet"
    pl.read_parquet(index).with_columns(CHANGES[change]).write_parquet(index)

    assert "index.parquet" in mixer("verify", "mix", code=1).stderr
    assert "index.parquet" in mixer("diff", "mix", "other", code=1).stderr


def test_diff_does_not_trust_an_edited_manifest(mixer, tmp_path, path):
    """Two mixes are the same only if both are what they were built to be."""
    mixer("build", path, "-o", "mix")
    mixer("build", path, "-o", "other")
    whole = (tmp_path / "mix/manifest.json").read_text()
    (tmp_path / "mix/manifest.json").write_text(whole.replace('"seed": 17', '"seed": 18', 1))

    assert "was edited" in mixer("diff", "mix", "other", code=1).stderr


def damage_index(folder):
    frame = pl.read_parquet(folder / "part-00000.parquet")
    frame.with_columns(pl.col("length").cast(pl.String)).write_parquet(folder / "part-00000.parquet")


def damage_ledger(folder):
    ledger = folder / "ledger.json"
    ledger.write_text(ledger.read_text().replace('"read": 5', '"read": 7'))


def damage_source(folder):
    ledger = folder / "ledger.json"
    ledger.write_text(ledger.read_text().replace('"llava_json"', '"zz"'))


def damage_folder(folder):
    (folder / "ledger.json").unlink()
    (folder / "ledger.json").mkdir()


def damage_part(folder):
    (folder / "part-00000.jsonl").unlink()


@pytest.mark.parametrize("damage", [damage_index, damage_ledger, damage_source, damage_folder, damage_part])
def test_a_damaged_store_is_found_and_the_advice_helps(mixer, path, cache, damage):
    """Whatever of an entry is damaged, a build stops, `cache verify` tells, and `prune --damaged` repairs."""
    mixer("build", path)
    (ledger,) = cache.glob("sources/*/*/ledger.json")
    damage(ledger.parent)

    assert "prune --damaged" in mixer("build", path, code=1).stderr
    assert str(ledger.parent) in mixer("cache", "verify", code=1).stderr
    assert "damaged" in mixer("cache", "ls").stdout
    mixer("cache", "prune", "--damaged")
    mixer("build", path)
    mixer("cache", "verify")


def test_a_damaged_list_of_losses_is_found(mixer, path, cache):
    """The list that --skipped prints is checked like everything else."""
    mixer("build", path)
    (lost,) = cache.glob("sources/*/*/skipped.jsonl")
    lost.write_text("{}\n")

    assert "skipped.jsonl" in mixer("convert", "llava_json", "--path", "own.json", "--skipped", code=1).stderr
    assert "skipped.jsonl" in mixer("cache", "verify", code=1).stderr


@pytest.mark.parametrize("name", ["manifest", "x" * 101])
def test_names_that_cannot_be_files_of_a_mix_are_recipe_errors(mixer, tmp_path, path, name):
    """What would fail at the end is told at the beginning, with its place."""
    other = tmp_path / "other.yaml"
    other.write_text(path.read_text().replace('"name": "mix"', f'"name": "{name}"'))

    assert "other.yaml:1:" in mixer("build", other, code=2).stderr


def test_a_path_that_is_no_utf8_is_told_at_once(mixer, tmp_path, path):
    """Not every library opens such paths, so none is tried."""
    odd = os.fsdecode(b"bad\xff")

    assert "not a UTF-8 path" in mixer("build", path, "-o", f"{odd}/mix", code=2).stderr
    assert "not a UTF-8 path" in mixer("build", path, "--cache", f"{odd}/store", code=2).stderr


def test_closed_standard_error_is_no_error(tmp_path, path, cache):
    """Whoever starts us may close what we print to."""
    command = f"{sys.executable} -m mixer.cli build {path} -o {tmp_path}/mix --cache {cache} 2>&-"

    assert subprocess.run(command, shell=True, check=False, stdout=subprocess.DEVNULL).returncode == 0
    assert (tmp_path / "mix/manifest.json").exists()


def test_a_lock_that_a_killed_process_left_alone_goes(tmp_path):
    """Killed between removing its folder and its lock, a process leaves the lock; one that is held stays."""
    from mixer import atomic

    (tmp_path / ".working-0123456789ab.lock").touch()
    with atomic.working_folder(tmp_path) as held, atomic.working_folder(tmp_path) as other:
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == sorted([held.name, f"{held.name}.lock", other.name, f"{other.name}.lock"])
    assert not list(tmp_path.iterdir())


def test_folders_may_be_called_like_patterns(mixer, tmp_path):
    """Data, store and mix in folders with brackets and stars."""
    folder = tmp_path / "x[1] *?"
    folder.mkdir()
    built = ["build", "svit_mix", "--data", "miniatures", "--cache", folder / "store", "-o", folder / "mix"]

    mixer(*built)
    mixer(*built, "--memory", "64MiB")
    mixer("verify", folder / "mix")
    mixer("diff", folder / "mix", folder / "mix")
    mixer("export", folder / "mix", "--for", "parquet", "-o", folder / "export")
