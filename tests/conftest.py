"""Fixtures that several test files share: the command line as users run it, a store of one's own, real excerpts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mixer import sources
from mixer.sources import textocr_gpt4v

settings.register_profile("fast", max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
settings.register_profile("nightly", max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

INVENTED = "textocr_gpt4v"
"""A name under which an invented source can be put."""
ROOT = Path(__file__).parent.parent
RECIPES = ROOT / "recipes"


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=8, help="random moments at which a build is killed")


@pytest.fixture
def cache(tmp_path):
    """Give a store of one's own."""
    return tmp_path / "store"


@pytest.fixture
def mixer(tmp_path, cache):
    """Run the command line in an empty folder with a store of its own; give the finished process."""

    def run(*arguments, code=0, cwd=None, env=None, input=None):
        finished = subprocess.run(
            [sys.executable, "-m", "mixer.cli", *map(str, arguments)],
            cwd=cwd or tmp_path,
            env={**os.environ, "MIXER_CACHE": str(cache), **(env or {})},
            capture_output=True,
            text=True,
            check=False,
            input=input,
        )
        assert finished.returncode == code, f"exit {finished.returncode}\n{finished.stdout}\n{finished.stderr}"
        assert "Traceback" not in finished.stderr, finished.stderr
        return finished

    return run


@pytest.fixture
def invented(monkeypatch):
    """Give what puts an invented source in the place of a published one, in this process; its name is INVENTED."""

    def put(convert, files, **more):
        source = sources.Source("Invented", "https://example.com", "MIT", ("MIT",), "image", "vqa", "en", files, **more)
        monkeypatch.setattr(textocr_gpt4v, "SOURCE", source)
        monkeypatch.setattr(textocr_gpt4v, "convert", convert)
        sources.get.cache_clear()

    yield put
    sources.get.cache_clear()


@pytest.fixture
def samples():
    """Give the folder of real excerpts, which MIXER_SAMPLES names; skip where there is none."""
    folder = os.environ.get("MIXER_SAMPLES")
    if not folder:
        pytest.skip("no real excerpts here: MIXER_SAMPLES names their folder")
    return Path(folder)


def records(path):
    """Read the conversations of a JSON or JSON Lines file."""
    text = Path(path).read_text(encoding="utf-8")
    if Path(path).suffix == ".json":
        return json.loads(text)
    return [json.loads(line) for line in text.split("\n") if line]  # not splitlines: U+2028 is text


def multiset(conversations):
    """Give conversations in an order that does not depend on theirs, for comparing as multisets."""
    return sorted(json.dumps(each, sort_keys=True, ensure_ascii=False) for each in conversations)


def recipe(folder, name="mix", **values):
    """Write a recipe file, as JSON, which is YAML."""
    path = Path(folder) / f"{name}.yaml"
    path.write_text(json.dumps({"mixer": 1, "name": name, "seed": 17, **values}), encoding="utf-8")
    return path


def write_talk(folder, name, count, start=0):
    """Write records of different lengths, some with several images, some of text, some twice."""
    values = []
    for number in range(start, start + count):
        images = [f"a/{number % 7}.jpg", f"b/{number}.jpg"][: number % 3]
        turns = [("human", "<image>" * len(images) + f" what is {number}?"), ("gpt", "x" * (number % 50) + ".")]
        record = {"id": number, "conversations": [{"from": role, "value": value} for role, value in turns]}
        values.append({**record, "image": images} if images else record)
    (folder / f"{name}.json").write_text(json.dumps([*values, *values[:5]]))


def files_of(mix):
    """Read all files of a mix's folder, by path."""
    return {path.relative_to(mix).as_posix(): path.read_bytes() for path in sorted(mix.rglob("*")) if path.is_file()}
