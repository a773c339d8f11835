"""Large values are found by id and read when they are asked for."""

import json
from operator import or_

import msgspec
import polars as pl
import pytest

from mixer.errors import DamagedFile, DataError
from mixer.readers import cuts, json_places, parquet_places


class Found(msgspec.Struct):
    """A file's values."""

    places: object


class Row(msgspec.Struct):
    """A value of a table."""

    key: str
    content: bytes


def read(reader, path):
    """Read a file's one record."""
    start, *_, stop = cuts(reader, path, 1 << 40)
    [batch] = reader.read(path, start, stop, Found, 1 << 18)
    assert batch.end == path.stat().st_size
    [found] = batch.items
    assert not list(reader.read(path, stop, stop, Found, 1 << 18))
    return found.places


VALUES = {"a": "text", "b": 'q"u\\o\n', "c": {"nested": ["}", {}]}, "d": 1.5, "é": None, "": []}


@pytest.mark.parametrize("indent", [None, 2])
def test_values_of_an_object_are_found(tmp_path, indent):
    """Each is given as its JSON text; what is not there is None."""
    path = tmp_path / "x.json"
    path.write_text(json.dumps(VALUES, indent=indent, ensure_ascii=False))

    places = read(json_places.of(str), path)

    assert {key: json.loads(places.get(key)) for key in VALUES} == VALUES
    assert all(key in places for key in VALUES)
    assert places.get("z") is None
    assert "z" not in places


def test_values_of_a_member_are_found(tmp_path):
    """What stands before and behind it is no value of it; ids are made of keys, the first of equal ones counts."""
    path = tmp_path / "x.json"
    path.write_text('{"meta": {"a": 1}, "data": {"A": 2, "a": 3}, "more": {"b": 4}}')

    places = read(json_places.of(str.lower, "data"), path)

    assert places.get("a") == b"2"
    assert "b" not in places


@pytest.mark.parametrize("text", ['{"a": "b', '{"a": "b"', '{"a": "b"} x', '{"a" "b"}', '{"a": "b" "c": 1}', "{"])
def test_damage_is_told(tmp_path, text):
    """A file that is cut short is never taken for a whole one."""
    path = tmp_path / "x.json"
    path.write_text(text)

    with pytest.raises(DamagedFile, match=r"byte \d+"):
        read(json_places.of(str), path)


@pytest.mark.parametrize(("text", "names"), [("[1]", ()), ('{"data": [1]}', ("data",))])
def test_an_array_has_no_ids(tmp_path, text, names):
    """It is another file than this reader is for."""
    path = tmp_path / "x.json"
    path.write_text(text)

    with pytest.raises(DataError, match="object"):
        read(json_places.of(str, *names), path)


def test_an_object_may_be_empty(tmp_path):
    """It holds nothing."""
    path = tmp_path / "x.json"
    path.write_text("{ }\n")

    assert read(json_places.of(str), path).get("a") is None


def test_rows_of_a_table_are_found(tmp_path):
    """Their bytes are given as they are, whatever the number of rows; rows that do not decode are left out."""
    path = tmp_path / "x.parquet"
    values = {f"K{n}": bytes([n % 256]) * (n % 7) for n in range(1000)}
    keys, contents = [*values, None, "k1"], [*values.values(), b"lost", b"second"]
    pl.DataFrame({"key": keys, "content": contents}).write_parquet(path)

    places = read(parquet_places.of(Row, str.lower), path)

    assert {key: places.get(key.lower()) for key in values} == values
    assert places.get("none") is None


def test_several_files_are_one(tmp_path):
    """Of equal ids the first file's value counts."""
    for name, text in (("x", '{"a": 1}'), ("y", '{"a": 2, "b": 3}')):
        (tmp_path / name).write_text(text)

    both = or_(*(read(json_places.of(str), tmp_path / name) for name in "xy"))

    assert [both.get(key) for key in "abc"] == [b"1", b"3", None]
    assert "b" in both
