"""The list of media files that a training run needs: `mixer media`."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner
from conftest import recipe

from mixer import build, collection
from mixer.auditing import transfer
from mixer.commands.media import media as command
from mixer.errors import MissingFile, UsageError


def record(at, path):
    """Give a record about a medium."""
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": f"It is {at}."}]
    return {"id": str(at), "image": path, "conversations": turns}


NAMES = ["b/2.jpg", "a/1.jpg", "b/2.jpg", "ü/é.jpg", "a b/c.jpg", "#1.jpg", "gone.jpg", "Z.jpg"]
SORTED = ["#1.jpg", "Z.jpg", "a b/c.jpg", "a/1.jpg", "b/2.jpg", "gone.jpg", "ü/é.jpg"]


@pytest.fixture
def mix(tmp_path, cache):
    """Give a mix of invented records, whose media root is `media`."""

    def make(names=NAMES, missing=("gone.jpg",)):
        (tmp_path / "mine.json").write_text(json.dumps([record(at, name) for at, name in enumerate(names)]))
        for name in set(names) - set(missing):
            (tmp_path / "media" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "media" / name).write_bytes(b"1234567")
        path = recipe(tmp_path, sources={"mine": {"use": "llava_json", "path": "mine.json"}})
        return build(path, tmp_path / "mix", cache=cache).path

    return make


def run(*arguments, code=0):
    """Run the command."""
    finished = CliRunner().invoke(command, list(map(str, arguments)))
    assert finished.exit_code == code, finished.output
    return finished


def test_the_list_is_sorted_and_whole(tmp_path, mix):
    """Each path once, by its bytes; what rsync takes for a comment gets a `./`; numbers go to standard error."""
    finished = run(mix(), "--media", tmp_path / "media", code=1)

    assert finished.stdout.split("\n") == ["./#1.jpg", *SORTED[1:], ""]
    assert finished.stderr == "7 media files, 42 B\n1 of them are missing; see `mixer check`\n"


def test_without_a_root_sizes_are_not_known(mix):
    """It is no mistake: the list is what was asked for."""
    finished = run(mix())

    assert len(finished.stdout.splitlines()) == 7
    assert "of unknown size: name their root with --media" in finished.stderr
    assert run(mix(), "-q").stderr == ""


def test_json_and_files(tmp_path, mix):
    """The same for programs, and to a file."""
    values = json.loads(run(mix(), "--media", tmp_path / "media", "--json", code=1).stdout)
    finished = run(mix(), "-o", tmp_path / "list.txt", "-0")

    assert values == {
        "files": 7, "bytes": 42, "missing": 1, "folders": 0, "embedded": {"files": 0, "bytes": 0}, "paths": SORTED,
    }  # fmt: skip
    assert json.loads(run(mix(), "--json").stdout)["bytes"] is None
    assert finished.stdout == ""
    assert (tmp_path / "list.txt").read_bytes().decode().split("\0") == ["./#1.jpg", *SORTED[1:], ""]


def test_names_with_line_breaks_need_nul(tmp_path, mix):
    """Ending paths with NUL takes any name."""
    folder = mix(["a\nb.jpg", "c\rd.jpg", "ok.jpg"], ())

    refused = CliRunner().invoke(command, [str(folder)])

    assert isinstance(refused.exception, UsageError)
    assert "--from0" in str(refused.exception)
    assert run(folder, "-0", "--media", tmp_path / "media").stdout == "a\nb.jpg\0c\rd.jpg\0ok.jpg\0"


def test_recipes_and_sources_are_listed_too(tmp_path, mix, cache):
    """A recipe's records before amounts, a source's all."""
    mix()
    known = ["--cache", cache, "-q"]

    of_recipe = run(tmp_path / "mix.yaml", *known)
    of_source = run("llava_json", "--path", tmp_path / "mine.json", *known)

    assert of_recipe.stdout == of_source.stdout
    assert len(of_recipe.stdout.splitlines()) == 7


def test_a_root_that_is_not_there_is_said(tmp_path, mix):
    """And not taken for one that lacks all files."""
    finished = CliRunner().invoke(command, [str(mix()), "--media", str(tmp_path / "nowhere")])

    assert isinstance(finished.exception, MissingFile)


def test_media_that_came_with_annotations_are_listed_apart(tmp_path, cache):
    """They lie in the mix's own folder; the list of the media root does not name them."""
    path = recipe(tmp_path, sources={"the_cauldron": {}, "vqav2": {"count": 3}}, output={"for": "jsonl"})
    mix = build(path, tmp_path / "mix", data="miniatures", cache=cache).path
    held = sorted(str(each.relative_to(mix / "media")) for each in (mix / "media").rglob("*") if each.is_file())

    outside, inside = transfer.needed(collection.find(str(mix)))

    assert inside.paths.to_list() == held
    assert inside.bytes == sum((mix / "media" / each).stat().st_size for each in held)
    assert outside.paths.len() > 0
    assert not set(outside.paths) & set(held)
    assert not outside.looked
    finished = run(mix, "--embedded")
    assert finished.stdout.splitlines() == held
    assert f"{len(held):,} more" in finished.stderr
    source = run("the_cauldron", "--data", "miniatures", "--cache", cache, "--embedded", "-q")
    assert set(held) <= set(source.stdout.splitlines())


def test_folders_of_frames_are_counted(tmp_path, mix):
    """They are copied only if rsync is told to go into them."""
    folder = mix(["clip", "a.jpg"], ("clip",))
    (tmp_path / "media/clip").mkdir()

    assert "1 of them are folders: rsync needs -r" in run(folder, "--media", tmp_path / "media").stderr


@pytest.mark.skipif(shutil.which("rsync") is None, reason="no rsync here")
@pytest.mark.parametrize("flags", [("--files-from",), ("--from0", "--files-from")])
def test_rsync_copies_exactly_the_list(tmp_path, mix, flags):
    """The list is what it is for."""
    names = [name for name in NAMES if name != "gone.jpg"] + [";x.jpg", " lead.jpg", "trail ", "a/#2.jpg"]
    folder = mix(names, ())
    (tmp_path / "media/other.jpg").write_bytes(b"not asked for")
    run(folder, "-o", tmp_path / "list", *(["-0"] if "--from0" in flags else []))

    subprocess.run(
        [
            "rsync",
            "-rt",
            *flags[:-1],
            f"{flags[-1]}={tmp_path / 'list'}",
            f"{tmp_path / 'media'}/",
            f"{tmp_path / 'to'}/",
        ],
        check=True,
    )

    copied = {str(each.relative_to(tmp_path / "to")) for each in (tmp_path / "to").rglob("*") if each.is_file()}
    assert copied == set(names)
