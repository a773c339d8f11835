"""The command line as people and scripts use it: help, exit codes, one-line errors, JSON."""

from __future__ import annotations

import json

import pytest
from conftest import RECIPES, recipe

from mixer import sources
from mixer.cli import main


def commands(group=main, words=()):
    """List every command with the words that call it."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


@pytest.mark.parametrize("words", [" ".join(words) for words, _ in commands()])
def test_every_command_has_help(mixer, words):
    """Each command says what it does, and each of its options what it is for."""
    command = dict(commands())[tuple(words.split())]
    text = mixer(*words.split(), "-h").stdout

    assert command.help
    assert "Usage:" in text
    assert all(option.help for option in command.params if option.param_type_name == "option")


def test_fixed_names_and_flags():
    """Names that others script against."""
    known = dict(commands())
    flags = {words: {flag for each in command.params for flag in each.opts} for words, command in known.items()}

    for words in ("build", "plan", "verify", "diff", "convert", "sources", "schema"):
        assert (words,) in known
    assert {"--data", "-o", "--out", "--cache", "--seed", "--size", "--workers", "--dry-run", "--json", "-q"} <= flags[
        ("build",)
    ]
    assert {"--data", "--cache", "--seed", "--size", "--workers", "--json", "-q"} <= flags[("plan",)]
    assert {"-o", "--option", "--skipped", "--json", "--data", "--cache"} <= flags[("convert",)]
    assert {("cache", "ls"), ("cache", "prune"), ("cache", "verify")} <= set(known)


def test_version(mixer):
    """The version is the package's."""
    from mixer import __version__

    assert __version__ in mixer("--version").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["biuld", "x.yaml"], 2, "No such command"),
        (["build"], 2, "Missing argument"),
        (["build", "absent.yaml"], 2, "absent.yaml"),
        (["plan", "svit_mx"], 2, "svit_mx"),
        (["plan", "svit_mix", "--data", "nowhere"], 1, "nowhere"),
        (["plan", "svit_mix", "--workers", "0"], 2, "--workers"),
        (["convert", "llava_v1_5_mix"], 2, "did you mean 'llava_v1_5_mix665k'?"),
        (["convert", "llava_json"], 2, "--path"),
        (["convert", "svit_core_150k", "--path", "x.json"], 2, "takes no --path"),
        (["convert", "sharegpt4v", "--option", "fiel=x"], 2, "did you mean 'file'?"),
        (["convert", "sharegpt4v", "--option", "file=x"], 2, "file"),
        (["convert", "sharegpt4v", "--option", "file"], 2, "KEY=VALUE"),
        (["convert", "llava_json", "--path", "absent.json"], 1, "absent.json"),
        (["sources", "nope"], 2, "unknown source 'nope'"),
        (["schema", "nope"], 2, "nope"),
        (["diff", "a", "b"], 2, "is not a mix"),
    ],
)
def test_mistakes_are_one_line_and_an_honest_exit_code(mixer, words, code, said):
    """2 for what the user wrote, 1 for data; no traceback, and the message names the mistake."""
    finished = mixer(*words, code=code)

    assert said in finished.stderr
    assert len(finished.stderr.strip().splitlines()) <= 4, "click's usage lines, or one line of ours"


def test_missing_raw_file_says_which_where_published_and_where_to_put_it(mixer, tmp_path):
    """All missing files of a recipe are named at once, before anything is read."""
    (tmp_path / "data" / "llava_v1_5_mix665k").mkdir(parents=True)

    said = mixer("build", "svit_mix", code=1).stderr

    assert "llava_v1_5_mix665k: llava_v1_5_mix665k.json is missing" in said
    assert "svit_core_150k: SVIT_core_150K.json is missing" in said
    assert "published at https://" in said
    assert "put it at data/llava_v1_5_mix665k/llava_v1_5_mix665k.json" in said


def test_options_that_do_not_go_together_are_one_line(mixer):
    """It says which and why, like any mistake of the user's."""
    together = ("--option", "prompt=minigpt_v2", "--option", "answer=full")

    told = mixer("convert", "gqa", "--data", "miniatures", *together, code=2).stderr

    assert "error: gqa: options: prompt=minigpt_v2: asks for short answers, so with answer=short only\n" in told


def test_data_root_is_found_in_the_working_folder_and_the_environment(mixer, tmp_path):
    """./data is used when it holds a folder of a source of the recipe; MIXER_DATA comes before it."""
    from mixer.roots import MINIATURES

    (tmp_path / "data").symlink_to(MINIATURES)
    assert json.loads(mixer("plan", "svit_mix", "--json").stdout)["data"] == "given"
    assert (
        json.loads(mixer("plan", "svit_mix", "--json", env={"MIXER_DATA": "miniatures"}).stdout)["data"] == "miniatures"
    )


def test_environment_twins_of_flags(mixer, tmp_path):
    """Folders and workers may be named by the environment; a flag comes before it."""
    env = {"MIXER_OUT": str(tmp_path / "there"), "MIXER_WORKERS": "1", "MIXER_DATA": "miniatures"}

    mixer("build", "pretrain_558k", env=env)

    assert (tmp_path / "there/manifest.json").exists()


def test_convert_writes_lines_and_prints_the_ledger(mixer, tmp_path):
    """The ledger adds up in JSON, the file has a line a conversation, and losses are listed with their reasons."""
    ledger = json.loads(mixer("convert", "svit", "--data", "miniatures", "-o", "svit.jsonl", "--json").stdout)

    assert ledger["read"] == ledger["used"] + sum(ledger["skipped"].values()) + sum(ledger["bad"].values())
    assert len((tmp_path / "svit.jsonl").read_text().strip().split("\n")) == ledger["made"]
    listed = mixer("convert", "svit", "--data", "miniatures", "--skipped").stdout.splitlines()
    assert len(listed) == sum(ledger["skipped"].values())
    assert all("skipped:" in line for line in listed)


def test_sources_lists_the_catalogue(mixer, tmp_path):
    """Every source with complete metadata, and whether the data root has its files."""
    listed = json.loads(mixer("sources", "--json", "--data", "miniatures").stdout)

    assert [each["name"] for each in listed] == list(sources.names())
    fields = ("name", "title", "modality", "task", "language", "licence", "homepage")
    assert all(each[field] for each in listed for field in fields)
    assert {"records", "files", "found"} <= set(listed[0])
    shown = mixer("sources", "svit", "--data", tmp_path).stdout
    assert "conversation.json  missing" in shown
    assert "licence" in shown
    assert '"conversations"' in shown
    assert "svit_core_150k" in mixer("sources").stdout


def test_output_is_quiet_when_asked(mixer):
    """-q prints nothing on success, and no bar is drawn where there is no terminal."""
    finished = mixer("build", RECIPES / "svit_mix.yaml", "--data", "miniatures", "-q")

    assert (finished.stdout, finished.stderr) == ("", "")


def test_build_prints_its_manifest_as_json(mixer):
    """--json gives programs the manifest and the folder."""
    printed = json.loads(mixer("build", "svit_mix", "--data", "miniatures", "--json").stdout)

    assert printed["path"] == "out/svit_mix-miniature"
    assert printed["records"] == printed["outputs"][0]["records"]


def test_diff_explains_and_exits_honestly(mixer, tmp_path):
    """0 for equal mixes; 1 with leaves, records, order and reasons for different ones."""
    for name, seed, amount in (("a", 1, 8), ("same", 1, 8), ("b", 2, 8), ("c", 1, 4)):
        path = recipe(tmp_path, sources={"llava_pretrain": {"count": amount}, "svit_core_150k": {}}, seed=seed)
        mixer("build", path, "--data", "miniatures", "-o", name)

    assert "the same records in the same order" in mixer("diff", "a", "same").stdout
    order = json.loads(mixer("diff", "a", "b", "--json", code=1).stdout)
    fewer = json.loads(mixer("diff", "a", "c", "--json", code=1).stdout)

    assert order["order_changed"]
    assert not any(leaf["only_a"] or leaf["only_b"] for leaf in order["leaves"])
    assert any("seed: 1 -> 2" in reason for reason in order["reasons"])
    assert not fewer["order_changed"], "taking fewer trims and does not redraw"
    assert [(leaf["leaf"], leaf["only_a"], leaf["only_b"]) for leaf in fewer["leaves"]] == [
        ("llava_pretrain", 4, 0),
        ("svit_core_150k", 0, 0),
    ]
    assert "why: recipe" in mixer("diff", "a", "c", code=1).stdout


def test_a_recipe_error_is_located_and_nothing_is_written(mixer, tmp_path):
    """File, line, column, what was expected; exit 2, and neither store nor mix exist after it."""
    (tmp_path / "bad.yaml").write_text("mixer: 1\nname: bad\nsources:\n  svit_core_15k: {}\n")

    said = mixer("build", "bad.yaml", code=2).stderr

    assert "bad.yaml:4:3:" in said
    assert "did you mean 'svit_core_150k'?" in said
    assert [path.name for path in tmp_path.iterdir()] == ["bad.yaml"]
