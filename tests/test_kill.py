"""Killed at any moment, a build leaves the old mix or the new one, whole; the next run needs no cleaning (P2)."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import recipe

from mixer import verify

DYING = Path(__file__).parent / "dying.py"


@pytest.fixture
def place(tmp_path):
    """Give a folder with a small recipe, an old mix of another seed, and a store without its source."""
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A kite."}]
    values = [{"id": str(number), "image": f"a/{number}.jpg", "conversations": turns} for number in range(40)]
    (tmp_path / "own.json").write_text(json.dumps(values))
    os.utime(tmp_path / "own.json", (1e9, 1e9))  # the hash of a young file is not kept: that would change the steps
    recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}})
    run(tmp_path, 0, "--seed", "5")
    shutil.copytree(tmp_path / "mix", tmp_path / "old")
    shutil.rmtree(tmp_path / "store")
    return tmp_path


def run(place, step, *more):
    """Build, dying at a step (0: never); give the finished process."""
    arguments = ["build", "mix.yaml", "-o", "mix", "--cache", "store", "--workers", "1", *more]
    return subprocess.run(
        [sys.executable, str(DYING), str(step), *arguments], cwd=place, capture_output=True, text=True, check=False
    )


def reset(place, *, warm):
    """Put the old mix back, and the store as it was before the build."""
    for path in place.glob(".mix*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(place / "mix", ignore_errors=True)
    shutil.copytree(place / "old", place / "mix")
    if not warm:
        shutil.rmtree(place / "store", ignore_errors=True)


def content(mix):
    """Hash every file of a mix."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in mix.iterdir()}


def check(place, old, new):
    """Assert that the old or the new mix is there and whole, and that building again gives the new one and no rest."""
    there = content(place / "mix")
    assert there in (old, new)
    assert not verify(place / "mix").problems
    again = run(place, 0)
    assert again.returncode == 0, again.stderr
    assert content(place / "mix") == new
    assert not [path for path in place.glob(".mix*") if path.is_dir()]
    assert not list((place / "store").glob("sources/*/.working-*[!k]"))
    return there == new


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_killed_at_every_step(place, warm):
    """Every write, fsync, rename, exchange and removal in turn: first always the old mix, from some step on the new."""
    old = content(place / "mix")
    whole = run(place, 0)
    steps = int(whole.stdout.split()[-1])
    new = content(place / "mix")
    assert old != new
    assert steps > 15
    if warm:
        reset(place, warm=True)
        steps = int(run(place, 0).stdout.split()[-1])
    became_new = []
    for step in range(1, steps + 1):
        reset(place, warm=warm)
        killed = run(place, step)
        assert killed.returncode == -signal.SIGKILL, (step, killed.stderr)
        became_new.append(check(place, old, new))

    assert became_new == sorted(became_new), "once published, the new mix stays"
    assert False in became_new
    assert True in became_new


def test_an_export_killed_at_any_step(place):
    """The old export or the new one is there, whole; the next one gives the new, and leaves nothing else."""
    out = place / "out"

    def export(step, *cut):
        command = [sys.executable, str(DYING), str(step), "export", "old", "--for", "jsonl", "-o", "out", *cut]
        return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)

    export(0)
    old = content(out)
    shutil.copytree(out, place / "before")
    steps = int(export(0, "--shards", "2").stdout.split()[-1])
    new = content(out)
    assert steps > 15
    became_new = []
    for step in range(1, steps + 1, 3):
        shutil.rmtree(out)
        shutil.copytree(place / "before", out)
        killed = export(step, "--shards", "2")
        assert killed.returncode == -signal.SIGKILL, (step, killed.stderr)
        there = content(out)
        assert there in (old, new)
        became_new.append(there == new)
        export(0, "--shards", "2")
        assert content(out) == new
        assert not list(place.glob(".out*"))

    assert became_new == sorted(became_new)
    assert [*dict.fromkeys(became_new)] == [False, True]


def test_killed_at_random_moments(place, request):
    """A kill from outside, whatever the process was doing, with two workers."""
    old = content(place / "mix")
    start = time.perf_counter()
    run(place, 0)
    lasted = time.perf_counter() - start
    new = content(place / "mix")
    chance = random.Random(17)
    for _ in range(request.config.getoption("--kills")):
        reset(place, warm=chance.random() < 0.5)
        command = [sys.executable, "-m", "mixer.cli", "build", "mix.yaml", "-o", "mix", "--workers", "2"]
        process = subprocess.Popen(
            command, cwd=place, env={**os.environ, "MIXER_CACHE": "store"}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(chance.random() * lasted)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        check(place, old, new)


def test_interrupted_build_cleans_up(place):
    """Ctrl-C ends with exit code 130, and nothing stays behind."""
    old = content(place / "mix")
    command = [sys.executable, "-c", INTERRUPTED, "build", "mix.yaml", "-o", "mix", "--cache", "store"]
    finished = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)

    assert finished.returncode == 130, finished.stderr
    assert "Traceback" not in finished.stderr
    assert content(place / "mix") == old
    assert sorted(path.name for path in place.iterdir()) == ["mix", "mix.yaml", "old", "own.json", "store"]


INTERRUPTED = """
import os, signal, sys
from mixer import gathering
from mixer.cli import main
gathering.map_files = lambda paths: os.kill(os.getpid(), signal.SIGINT)
main()
"""


def test_without_exchange_the_old_mix_is_put_back(place, monkeypatch):
    """Where a file system cannot exchange folders, a kill between the two renames is repaired by the next build."""
    from mixer import atomic

    old = content(place / "mix")
    (place / "mix").rename(place / ".mix.mixer-old")

    atomic.repair(place / "mix")
    assert content(place / "mix") == old

    monkeypatch.setattr(atomic, "exchange", lambda _first, _second: False)
    with atomic.replacing(place / "mix") as folder:
        (folder / "file").write_text("new")

    assert [path.name for path in (place / "mix").iterdir()] == ["file"]
    assert not list(place.glob(".mix*"))
