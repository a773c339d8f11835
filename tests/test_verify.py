"""Damage is found, with file, expected and got (P5)."""

from __future__ import annotations

import json

import polars as pl
import pytest
from conftest import recipe

from mixer import verify


@pytest.fixture
def mix(mixer, tmp_path):
    """Build a mix of records of equal length."""
    turns = [[{"from": "human", "value": f"Is {n} odd?"}, {"from": "gpt", "value": f"Ask {n}."}] for n in range(9)]
    values = [{"id": f"n{number}", "conversations": each} for number, each in enumerate(turns)]
    (tmp_path / "own.json").write_text(json.dumps(values))
    mixer("build", recipe(tmp_path, sources={"own": {"use": "llava_json", "path": "own.json"}}), "-o", "mix")
    return tmp_path / "mix"


def problems(mixer):
    return mixer("verify", "mix", code=1).stderr


def test_a_whole_mix_verifies(mixer, mix):
    """A mix as it was built has no problems, for the command and the API."""
    assert "9 records verified" in mixer("verify", "mix").stdout
    assert not verify(mix).problems


def test_exchanged_records_of_equal_length_are_found(mixer, mix):
    """Two records swapped in the data change no size: the file's hash and both records tell."""
    data = mix / "mix.json"
    lines = data.read_bytes().split(b",\n")
    lines[2], lines[5] = lines[5], lines[2]
    data.write_bytes(b",\n".join(lines))

    said = problems(mixer)

    assert "expected sha256" in said
    assert "record 3 (" in said
    assert "record 6 (" in said


def test_exchanged_rows_of_the_index_are_found(mixer, mix):
    """The mix id covers the order of the index's rows."""
    path = mix / "index.parquet"
    index = pl.read_parquet(path)
    index[[0, 2, 1, *range(3, 9)]].write_parquet(path)

    assert "expected mix id" in problems(mixer)


@pytest.mark.parametrize("place", ["data byte", "data cut", "data gone", "index gone", "index byte"])
def test_damaged_files_are_found(mixer, mix, place):
    """A changed byte, a cut file and a missing file are named."""
    what, how = place.split()
    path = mix / ("mix.json" if what == "data" else "index.parquet")
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content) if how == "byte" else bytes(content[:-9]))

    assert path.name in problems(mixer)


def numbers(value, where=()):
    """List the places of all numbers of a JSON value."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return []
    if isinstance(value, dict):
        return [place for key, each in value.items() for place in numbers(each, (*where, key))]
    if isinstance(value, list):
        return [place for key, each in enumerate(value) for place in numbers(each, (*where, key))]
    return [where]


def test_every_edited_number_of_a_manifest_is_found(mixer, mix):
    """Whatever number of the manifest one edits, verification fails; where it can, it names the number."""
    path = mix / "manifest.json"
    whole = path.read_text()
    places = numbers(json.loads(whole))
    assert len(places) > 15
    for place in places:
        edited = json.loads(whole)
        inside = edited
        for key in place[:-1]:
            inside = inside[key]
        inside[place[-1]] += 1
        path.write_text(json.dumps(edited))
        try:
            found = verify(mix).problems
        except Exception as error:  # noqa: BLE001 - a manifest that no longer reads is found as well
            found = [str(error)]
        assert found, place
    edited = json.loads(whole)
    edited["sources"]["own"]["read"] += 1
    path.write_text(json.dumps(edited))
    assert "$.sources.own.read: expected 9 (used + skipped + bad), got 10" in problems(mixer)


def test_json_report_lists_the_problems(mixer, mix):
    """Programs get the same problems as a list, and the same exit code."""
    (mix / "mix.json").unlink()

    report = json.loads(mixer("verify", "mix", "--json", code=1).stdout)

    assert any("is missing" in problem for problem in report["problems"])


def test_a_folder_that_is_no_mix_is_a_usage_error(mixer, tmp_path):
    """Verifying something else is a mistake on the command line, not damage."""
    (tmp_path / "other").mkdir()

    assert "is not a mix" in mixer("verify", "other", code=2).stderr
    assert "is not a mix" in mixer("verify", "absent", code=2).stderr
