"""The measuring of scale works: small sizes, the same mix either way, counts that add up. No time is asserted on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"
RECORDS = 665
"""Of a thousandth of the 665K mix, but for what rounding adds."""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Measure once, at a thousandth of the mix."""
    folder = tmp_path_factory.mktemp("scale")
    figures = folder / "figures.json"
    command = [sys.executable, BENCH / "scale.py", "--times", "0.001", "--folder", folder, "--json", figures]
    finished = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert list(folder.iterdir()) == [figures], "what was made is removed"
    return {**json.loads(figures.read_text()), "said": finished.stdout}


def stages(found, step, where="here"):
    """Give the stages of a step, several of one name as a list."""
    by_name = {}
    for stage in found["steps"][step][where]:
        by_name.setdefault(stage["name"], []).append(stage)
    return by_name


def test_the_whole_mix_is_the_gathered_one(found):
    """Shards, index and manifest are compared by hash."""
    assert found["same files"] == 4
    assert "4 files of the same bytes" in found["said"]


def test_tasks_told_are_tasks_done(found):
    """The driver alone tells as many tasks as it has done in a whole mix; all records are scattered and arranged."""
    whole, driver = stages(found, "whole"), stages(found, "driver")
    for name in ("scatter", "arrange", "write_shard"):
        (told,), (asked,) = driver[name], whole[name]
        assert told["messages"] == asked["messages"] > 0
        assert 0.5 < told["sent"] / asked["sent"] < 2
    (records,) = {stage["records"] for stage in found["steps"]["whole"]["tasks"]}
    assert RECORDS - 2 <= records <= RECORDS + 2
    assert sum(stage["records"] for stage in stages(found, "scatter")["scatter"]) == records
    for step, name in (("arrange", "arrange"), ("index", "index rows"), ("index", "index.parquet")):
        count = sum(stage["records"] for stage in stages(found, step)[name])
        assert abs(count - records) <= 5, "what a task finds was told about"


def test_every_step_says_what_it_took(found):
    """Memory and bytes of each stage, and a row in the tables."""
    for step, took in found["steps"].items():
        for stage in (*took["here"], *took["tasks"]):
            assert stage["wall"] > 0
            assert stage["peak"] > 1 << 20
            assert f"{step}: {stage['name']}" in found["said"]
        assert took["peak"] >= 0


def run(code):
    """Run code beside the benchmark's modules."""
    code = f"import sys; sys.path.insert(0, {str(BENCH)!r})\n{code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("limit", "value", "said"), [("MEMORY", 1 << 20, "of memory"), ("DISK", 1 << 60, "of disk")])
def test_what_takes_too_much_is_ended(tmp_path, limit, value, said):
    """The process is killed, and nothing of it is left running."""
    finished = run(
        f"""
import scale
from fractions import Fraction
from pathlib import Path
scale.{limit} = {value}
scale.run("whole", Fraction("0.01"), Path({str(tmp_path / "at")!r}))
"""
    )

    assert finished.returncode == 1
    assert said in finished.stderr
    assert not (tmp_path / "at" / "whole.json").exists()


def test_what_is_made_up_is_what_is_on_disk(tmp_path):
    """A part that is asked for is the same, written or not."""
    finished = run(
        f"""
import scale_store as store
from fractions import Fraction
from pathlib import Path
store.PART = 100
entry = store.entries(Path({str(tmp_path)!r}), Fraction("0.001"))["vqa"]
names = ["id", "key", "digest", "paths", "media", "turns", "offset", "length", "part", "rating"]
before = entry.index(names)
entry.write()
assert entry.index(names).equals(before)
assert before["key"].is_unique().all()
assert before["id"].is_unique().all()
"""
    )

    assert finished.returncode == 0, finished.stderr
