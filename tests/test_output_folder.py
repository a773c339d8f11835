"""Where a build may write, and what it leaves there (P2, P6)."""

from __future__ import annotations

import json

import pytest
from conftest import recipe


@pytest.fixture
def path(tmp_path):
    """Give a recipe over a small file of one's own."""
    turns = [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]
    (tmp_path / "own.json").write_text(json.dumps([{"id": "1", "conversations": turns}]))
    return recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}})


def test_a_mix_of_ours_is_replaced(mixer, tmp_path, path):
    """Absent, empty and our own folders are fine, and nothing stays beside them."""
    (tmp_path / "empty").mkdir()
    mixer("build", path, "-o", "empty")
    mixer("build", path, "-o", "empty", "--seed", "9")

    assert json.loads((tmp_path / "empty/manifest.json").read_text())["seed"] == 9
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty", "mix.yaml", "own.json", "store"]


@pytest.mark.parametrize("kind", ["foreign", "extra", "file", "link", "false manifest"])
def test_anything_else_is_refused_before_any_work(mixer, tmp_path, path, kind):
    """A folder with a stranger's file, a plain file or a link is left alone, and nothing was converted."""
    target = tmp_path / "target"
    if kind == "file":
        target.write_text("precious")
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        target.symlink_to(tmp_path / "elsewhere")
    else:
        target.mkdir()
        (target / "precious.txt").write_text("precious")
    if kind == "extra":
        mixer("build", path, "-o", "first")
        (tmp_path / "first").rename(tmp_path / "second")
        target = tmp_path / "second"
        (target / "precious.txt").write_text("precious")
    if kind == "false manifest":
        (target / "manifest.json").write_text("{}")
    before = sorted(each.name for each in tmp_path.rglob("*"))

    refused = mixer("build", path, "-o", target, code=2)

    assert f"--out {target}" in refused.stderr
    assert sorted(each.name for each in tmp_path.rglob("*")) == before


def test_leftovers_of_killed_builds_go_and_neighbours_stay(mixer, tmp_path, path):
    """A killed build's folder is removed by the next one; a folder that only looks alike is not."""
    left = tmp_path / ".mix.mixer-0123456789ab"
    old = tmp_path / ".mix.mixer-old"
    alike = tmp_path / ".mix.mixer-other.mixer-0123456789ab"
    for folder in (left, alike):
        folder.mkdir()
    mixer("build", path, "-o", "mix")
    (tmp_path / "mix").rename(old)  # the one moment on a file system that cannot exchange folders

    mixer("build", path, "-o", "mix", "--seed", "2")

    assert not left.exists()
    assert not old.exists()
    assert alike.exists()


def test_nothing_is_written_outside_output_and_store(mixer, tmp_path, path):
    """Home, temporary folder and working folder stay as they were."""
    for name in ("home", "tmp", "work"):
        (tmp_path / name).mkdir()
    env = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}

    mixer("build", path, "-o", tmp_path / "mix", cwd=tmp_path / "work", env=env)

    assert not any(each for name in ("home", "tmp", "work") for each in (tmp_path / name).iterdir())


def test_read_only_parent_is_an_error_not_a_traceback(mixer, tmp_path, path):
    """A target that cannot be made says why, in one line."""
    (tmp_path / "blocked").write_text("a file where a folder is needed")

    refused = mixer("build", path, "-o", "blocked/mix", code=1)

    assert "blocked" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1 + ("converting" in refused.stderr)
