"""Converting one source: pieces, faults, limits, and the store that keeps the result (P3, P5, P6, P7)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction

import pytest
from conftest import recipe, records

from mixer import atomic, caching, conversion, sources
from mixer.errors import DamagedFile, DataError
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Input
from mixer.store import Store, verify


def dialogue(number, text="Is it a kite?"):
    return {
        "id": f"r{number}",
        "conversations": [{"from": "human", "value": text}, {"from": "gpt", "value": f"It is kite {number}."}],
    }


def converted(path, cache, workers=1, max_bad=Fraction(1)):
    """Convert a file in LLaVA's format; give the entry."""
    source = "llava_jsonl" if path.suffix == ".jsonl" else "llava_json"
    given = Input(source, sources.get(source).options(), path)
    with Workers(workers) as pool:
        return conversion.convert(conversion.locate(given, None), Store(cache), pool, silent, max_bad=max_bad)


def lines(entry):
    return b"".join(entry.data(part).read_bytes() for part in entry.ledger.parts)


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_spans_and_workers_change_nothing(tmp_path, monkeypatch, suffix):
    """Whatever the size of a span and the number of processes, the same lines come in the same order."""
    # Strings that look like record edges make false cuts, which only acceptance from the left finds out.
    tricks = ['}, {"id": "x", "conversations": []}, {"id": "', "\\", '"', "[{", "]}", "\n", "\u2028", "é😀"]
    values = [dialogue(number, f"Read {tricks[number % len(tricks)]}?") for number in range(700)]
    path = tmp_path / f"own{suffix}"
    text = json.dumps(values, indent=1) if suffix == ".json" else "\n".join(map(json.dumps, values)) + "\n"
    path.write_text(text)
    whole = lines(converted(path, tmp_path / "whole"))
    assert [json.loads(line)["id"] for line in whole.splitlines()] == [value["id"] for value in values]

    for span in (200, 1000, 33333):
        monkeypatch.setattr(conversion, "SPAN", span)
        entry = converted(path, tmp_path / f"span-{span}")
        assert lines(entry) == whole
        assert (len(entry.ledger.parts) > 1) == (span < len(text))
        index = entry.index(["item"])["item"].to_list()
        assert index == list(range(700)), "items are numbered through the file"
    monkeypatch.setattr(conversion, "SMALL", 0)
    assert lines(converted(path, tmp_path / "two", workers=2)) == whole


def test_nested_records_that_begin_like_the_outer_one_are_no_cuts(tmp_path, monkeypatch):
    """Pieces that start inside a record parse, and are still thrown away."""
    inner = [{"id": f"in{n}", "conversations": dialogue(n)["conversations"]} for n in range(50)]
    values = [
        {"id": f"out{number}", "history": inner, **{k: v for k, v in dialogue(number).items() if k != "id"}}
        for number in range(40)
    ]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(values))
    monkeypatch.setattr(conversion, "SPAN", 2500)

    entry = converted(path, tmp_path / "store")

    assert [json.loads(line)["id"] for line in lines(entry).splitlines()] == [f"out{number}" for number in range(40)]
    assert entry.ledger.read == 40


BAD = {
    '{"id": "x", "conversations": 7}': "Expected `array`, got `int`",
    '{"id": "x", "conversations": [{"from": "human", "value": NaN}]}': "",
    '{"id": "x", "conversations": [{"from": "human", "value": "\\ud800"}, {"from": "gpt", "value": "a"}]}': "",
    '{"id": "x"}': "`conversations`",
    '{"id": null, "conversations": []}': "",
    '{"id": "x", "conversations": []}': "no turns",
    '{"id": "x", "conversations": [{"from": "gpt", "value": "a"}]}': "roles do not alternate",
    '{"id": "x", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": " "}]}': "empty text",
    '{"id": "x", "image": "/etc/passwd", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "a"}]}': "absolute",
    '{"id": "x", "image": "a/../../b.jpg", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "a"}]}': "leaves the media root",
    '{"id": "x", "image": "a/", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "a"}]}': "names no file",
    '{"id": "x", "image": "a.jpg", "conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "a"}]}': "placeholders",
    '{"id": "x", "image": "a.jpg", "conversations": [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "<image>"}]}': "in an answer",
}


@pytest.mark.parametrize("place", [0, 150, 299])
@pytest.mark.parametrize(("text", "reason"), BAD.items())
def test_one_bad_record_costs_its_neighbours_nothing(tmp_path, text, reason, place):
    """A bad record is counted once, listed with its place, and the others convert."""
    parts = [json.dumps(dialogue(number)) for number in range(300)]
    parts[place] = text
    path = tmp_path / "own.json"
    path.write_text("[" + ",\n".join(parts) + "]")

    entry = converted(path, tmp_path / "store")

    (said,) = entry.ledger.bad
    assert reason in said
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.bad[said]) == (300, 299, 1)
    (lost,) = entry.lost()
    assert lost["item"] == place
    assert lost["kind"] == "bad"


def test_literal_tokens_of_records_without_such_media_are_text(tmp_path):
    """An `<image>` in a text-only record is kept byte for byte and marked in the index."""
    values = [dialogue(1, "Does <image> exist in HTML?"), dialogue(2)]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(values))

    entry = converted(path, tmp_path / "store")

    assert entry.index(["literal_tokens"])["literal_tokens"].to_list() == [True, False]
    assert b"Does <image> exist" in lines(entry)


def test_equal_records_get_keys_of_their_own(tmp_path):
    """Copies of a record are told apart by an ordinal, so that none is lost or drawn for another."""
    path = tmp_path / "own.json"
    path.write_text(json.dumps([dialogue(1), dialogue(2), dialogue(1), dialogue(1)]))

    keys = converted(path, tmp_path / "store").index(["key"])["key"]

    assert keys.n_unique() == 4


def test_more_bad_records_than_allowed_stop_a_build(mixer, tmp_path):
    """Over one in a hundred is an error that says what is wrong, how to see it, and how to allow it."""
    values = [dialogue(number) for number in range(200)]
    values[5]["conversations"] = values[9]["conversations"] = values[7]["conversations"] = []
    (tmp_path / "own.json").write_text(json.dumps(values))
    leaf = {"own": {"use": "llava_json", "path": "own.json"}}

    refused = mixer("build", recipe(tmp_path, sources=leaf), code=1)
    mixer("build", recipe(tmp_path, "loose", sources=leaf, max_bad="2%"))

    assert "3 of 200 items read are bad" in refused.stderr
    assert "no turns: 3" in refused.stderr
    listed = mixer("convert", "llava_json", "--path", "own.json", "--skipped").stdout
    assert "record 6: bad: no turns at $.conversations" in listed
    assert len(records(tmp_path / "out/loose/loose.json")) == 197


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_file_cut_anywhere_is_damaged(tmp_path, suffix):
    """No cut gives fewer records without a word."""
    values = [dialogue(number) for number in range(3)]
    path = tmp_path / f"own{suffix}"
    text = json.dumps(values) if suffix == ".json" else "\n".join(map(json.dumps, values))
    for end in range(1, len(text) - 1):
        if "\n" in text[end - 1 : end + 1]:
            continue  # the lines that are left are whole
        path.write_text(text[:end])
        with pytest.raises(DamagedFile, match=rf"own{suffix}.*byte"):
            converted(path, tmp_path / "store")


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path, monkeypatch):
    """What was hashed and what was converted must be the same file."""
    path = tmp_path / "own.json"
    path.write_text(json.dumps([dialogue(1)]))
    monkeypatch.setattr(conversion._Conversion, "_convert", lambda self, *rest: path.write_text("[]"))

    with pytest.raises(DataError, match="changed while it was read"):
        converted(path, tmp_path / "store")
    assert not list((tmp_path / "store").glob("sources/*/*"))


def test_an_entry_is_found_by_content(tmp_path):
    """The same bytes elsewhere, or under another date, are not converted again; other bytes are."""
    first, second = tmp_path / "a.json", tmp_path / "b" / "c.json"
    second.parent.mkdir()
    for path in (first, second):
        path.write_text(json.dumps([dialogue(1)]))
    entry = converted(first, tmp_path / "store")
    os.utime(first, (1e9, 1e9))

    assert converted(first, tmp_path / "store") == entry
    assert converted(second, tmp_path / "store") == entry
    second.write_text(json.dumps([dialogue(2)]))
    assert converted(second, tmp_path / "store") != entry


def test_a_damaged_entry_is_found_and_can_be_pruned(mixer, tmp_path, cache):
    """A part that was cut or changed after publication stops a build, says what to do, and that helps."""
    (tmp_path / "own.json").write_text(json.dumps([dialogue(number) for number in range(9)]))
    path = recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}})
    mixer("build", path)
    (part,) = cache.glob("sources/*/*/part-00000.jsonl")
    content = part.read_bytes()
    mixer("cache", "verify")

    part.write_bytes(content.replace(b"kite 7", b"kite 8"))
    assert "is not the one that was converted" in mixer("build", path, code=1).stderr
    assert "is not the one that was converted" in mixer("cache", "verify", code=1).stderr
    part.write_bytes(content[:-5])
    assert "expected" in mixer("build", path, code=1).stderr
    mixer("cache", "prune", "--damaged")
    mixer("build", path)

    assert "current" in mixer("cache", "ls").stdout
    assert "removed 1 entries" in mixer("cache", "prune").stdout


def test_pruning_all_leaves_nothing_that_is_made_again(mixer, tmp_path, cache):
    """What was found out about media and spans made ahead go with the entries; a condition leaves both."""
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A kite."}]
    image = {"id": "1", "image": "a.png", "conversations": turns}
    (tmp_path / "own.json").write_text(json.dumps([image]))
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "a.png").write_bytes(b"no picture")
    os.utime(tmp_path / "media" / "a.png", (1e9, 1e9))  # of young files nothing is remembered
    path = recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}})
    mixer("build", path, "--part", "1/1")
    assert list(cache.glob("spans/*"))
    mixer("check", path, "--media", "media", code=1)
    (tmp_path / "own.json").write_text(json.dumps([image, {**image, "id": "2"}]))
    mixer("build", path, "--part", "1/1")

    mixer("cache", "prune", "--source", "gqa")
    assert {each.name for each in cache.iterdir()} >= {"files", "sources", "spans"}
    assert "removed 1 entries" in mixer("cache", "prune").stdout
    assert not [file for file in cache.rglob("*") if file.is_file() and "hashes" not in file.parts]
    mixer("build", path)


@pytest.mark.parametrize("name", ["spans", "files/size-1", "pictures", "visual_tokens", "texts", "slices"])
def test_pruning_leaves_what_is_being_worked_on(tmp_path, name):
    """A working folder goes only when its process is gone."""
    with atomic.working_folder(tmp_path / name) as working:
        (working / "half").write_bytes(b"x")
        caching.prune(tmp_path, set(), damaged=False, outdated=False)
        (working / "whole").write_bytes(b"x")
        assert (working / "half").exists()
    (tmp_path / name / ".working-0123").mkdir()
    caching.prune(tmp_path, set(), damaged=False, outdated=False)
    assert not list((tmp_path / name).iterdir())


def test_an_entry_that_was_copied_is_checked_once(tmp_path):
    """A store copied with new dates is looked at record by record, then trusted again."""
    path = tmp_path / "own.json"
    path.write_text(json.dumps([dialogue(1)]))
    entry = converted(path, tmp_path / "store")
    ledger = entry.folder / "ledger.json"
    os.utime(ledger, (1e9, 1e9))

    assert converted(path, tmp_path / "store") == entry
    assert ledger.stat().st_mtime > 1e9
    assert not verify(entry.folder)


def test_concurrent_builds_share_a_store(tmp_path, cache):
    """Builds that convert the same source at the same time all succeed, with one entry and the same bytes."""
    (tmp_path / "own.json").write_text(json.dumps([dialogue(number) for number in range(2000)]))
    path = recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}})
    command = [sys.executable, "-m", "mixer.cli", "build", str(path), "-q"]
    env = {**os.environ, "MIXER_CACHE": str(cache)}
    running = [
        subprocess.Popen([*command, "-o", str(tmp_path / f"mix-{number}")], env=env, stderr=subprocess.PIPE)
        for number in range(4)
    ]

    assert [process.communicate()[1] for process in running] == [b""] * 4
    assert len({(tmp_path / f"mix-{number}" / "mix.json").read_bytes() for number in range(4)}) == 1
    assert len(list(cache.glob("sources/*/*/ledger.json"))) == 1
    assert not list(cache.glob("sources/*/.working*"))


def test_the_converters_hash_covers_what_decides_its_bytes_and_nothing_else():
    """An entry outlives a change of what is printed, and not one of what converts."""
    from mixer import converter

    found, waiting = set(), ["mixer.sources.svit", "mixer.tasks"]
    while waiting:
        module = waiting.pop()
        path = converter._path(module)
        if path is not None and module not in found:
            found.add(module)
            waiting += converter._imports(path.read_text())

    for module in ("sources.svit", "boxes", "prompts", "validate", "readers.json_array", "readers.depth"):
        assert f"mixer.{module}" in found
    for module in ("cli", "reports", "tables", "planning", "manifest", "matching"):
        assert f"mixer.{module}" not in found
