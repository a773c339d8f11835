"""The benchmark works: data is the same everywhere, outputs are checked, ratios come out. No time is asserted on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"
OURS = ("warm", "bounded", "conversion", "cold", "plan", "help", "vqav2-1", "gqa-1", "visual_genome-1")
LIMITS = ("cp", "cp-synced", "sha256", "lines", "columns", "click", "naive-json")
YARDSTICKS = ("vqav2-orjson", "gqa-orjson", "visual_genome-orjson")


def run(*arguments, code=0):
    finished = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert finished.returncode == code, finished.stdout + finished.stderr
    return finished


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.json*") if path.is_file()}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Generate the smallest data once."""
    folder = tmp_path_factory.mktemp("bench")
    run(BENCH / "generate.py", "--scale", "0.001", "--folder", folder)
    return folder


def test_whole_run(tmp_path, data):
    """A run checks outputs, prints a row for each comparison, and writes figures and page, keeping the part by hand."""
    page, figures = tmp_path / "benchmarks.md", tmp_path / "figures.json"
    kept = "<!-- By hand from here on: `make bench` keeps it. -->\n\n## Where the time goes\n\nIn writing.\n"
    page.write_text(f"# Old\n<!-- scale 10 -->\n## Scale 10\n<!-- end -->\n{kept}")
    only = (*OURS, *LIMITS, *YARDSTICKS)

    asked = ["--scale", "0.001", "--rounds", "1", "--folder", data, "--only", ",".join(only)]
    finished = run(BENCH, *asked, "--json", figures, "--write", "--page", page)

    found = json.loads(figures.read_text())
    assert set(found["jobs"]) | set(found["skipped"]) == set(only)
    assert not set(found["skipped"]) & {"warm", "cold", "conversion", *LIMITS, *YARDSTICKS}
    assert found["faults"] == {"naive-json": []}
    ratios = {(row["job"], row["against"]): row for row in found["rows"] if row["values"]}
    for pair in [("warm", "cp"), ("warm", "cp-synced"), ("warm", "naive-json"), ("conversion", "lines"), ("cold", "")]:
        assert ratios[pair]["min"] <= ratios[pair]["median"] <= ratios[pair]["max"]
        assert ratios[pair]["median"] > 0
    for row in ("warm re-mix", "cold conversion on 2 workers", "mixer --help", "times faster than naive script, json"):
        assert row in finished.stdout
        assert row in page.read_text()
    assert page.read_text().endswith(kept)
    assert page.read_text().index("## Scale 0.001") < page.read_text().index("## Scale 10")
    assert not list(data.glob("work-*"))


def test_data_is_the_same_everywhere_and_used_again(tmp_path, data):
    """Two folders get the same bytes; what is whole is not written twice, what is not is."""
    run(BENCH / "generate.py", "--scale", "0.001", "--folder", tmp_path)
    cut = tmp_path / "data-0.001" / "llava" / "chat.json"
    whole = tmp_path / "data-0.001" / "raw" / "gqa" / "train_balanced_questions.json"
    cut.write_bytes(cut.read_bytes()[:-1])
    before = whole.stat()

    run(BENCH / "generate.py", "--scale", "0.001", "--folder", tmp_path)

    assert contents(tmp_path) == contents(data)
    assert whole.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("source", ["vqav2", "gqa", "visual_genome"])
def test_cutting_files_in_pieces_changes_nothing(tmp_path, data, source):
    """The yardstick of a converter gives the same records, one an image, however small its pieces are."""
    raw = data / "data-0.001" / "raw" / source
    code = "import sys, converters; converters.PIECE = int(sys.argv[1]); converters.main(*sys.argv[2:])"
    code = f"import sys; sys.path.insert(0, {str(BENCH)!r}); {code}"

    for size in (3_000, 1 << 20):
        run("-c", code, size, source, raw, tmp_path / f"{size}.jsonl")

    small, whole = (tmp_path / f"{size}.jsonl" for size in (3_000, 1 << 20))
    assert small.read_bytes() == whole.read_bytes()
    images = json.loads((data / "data-0.001" / f"{source}.json").read_text())["holds"]["images"]
    assert len(whole.read_bytes().splitlines()) == images


def test_a_result_that_changes_is_refused(tmp_path):
    """Ours must be the same bytes in every run; of another tool it is noted."""
    code = f"""
import sys; sys.path.insert(0, {str(BENCH)!r})
from pathlib import Path
from checks import Checks, Wrong
from jobs import Job, Result
out, checks = Path({str(tmp_path / "out")!r}), Checks()
jobs = {{peer: Job("", (), result=Result(out), peer=peer) for peer in (True, False)}}
for text in ("a", "b"):
    out.write_text(text)
    checks.steady("peer", jobs[True])
    try:
        checks.steady("ours", jobs[False])
    except Wrong as error:
        print(error, checks.faults)
"""

    said = run("-c", code).stdout

    assert said == "ours: its result differs from an earlier run's {'peer': ['other bytes in another run']}\n"


def test_unknown_jobs_are_listed(data):
    """A mistyped name ends the run before any work."""
    finished = run(BENCH, "--folder", data, "--only", "worm", code=1)

    assert "unknown job worm; there are cp, cp-synced" in finished.stderr
