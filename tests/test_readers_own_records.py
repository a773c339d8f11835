"""The container of records is told by its content, whatever the file is called."""

from __future__ import annotations

import json
from itertools import pairwise

import polars as pl
import pytest
from test_readers_tar import write

from mixer.errors import DataError
from mixer.readers import Bad, bytes_a_place, cuts, own_records

RECORD = dict | list
ROWS = [{"name": "Tea", "price": "1.10"}, {"name": "Eggs", "price": "007"}]


def read(path, *, header=True, size=1 << 20):
    """Read a file in spans."""
    reader = own_records.of(header=header)
    items = []
    for start, stop in pairwise(cuts(reader, path, size)):
        for batch in reader.read(path, start, stop, RECORD, 1 << 18):
            items += batch.items
    return items


@pytest.fixture
def file(tmp_path):
    """Give a function that writes a file under a name that tells nothing."""

    def write(content):
        path = tmp_path / "records.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        "\ufeff" + json.dumps(ROWS),
        "[" + ",\n".join(map(json.dumps, ROWS)) + "]",
        "".join(json.dumps(row) + "\n" for row in ROWS),
        "\n \n" + "\r\n".join(map(json.dumps, ROWS)),
        "name,price\nTea,1.10\nEggs,007\n",
        '\ufeffname;price\r\n"Tea";1.10\r\nEggs;007',
        "name\tprice\nTea\t1.10\nEggs\t007\n",
    ],
)
def test_text_is_told_by_its_first_bytes(file, content):
    """JSON in both forms and tables of three delimiters; cells of tables stay texts."""
    assert read(file(content)) == ROWS


def test_parquet_and_tars_are_told(tmp_path):
    """Binary containers too, whose places are not bytes."""
    table = tmp_path / "x.json"
    pl.DataFrame([{"name": "Tea", "image": {"bytes": b"\xff", "path": None}}] * 500).write_parquet(table)
    tar = write(tmp_path / "y.json", [("0.txt", b"Tea")])

    assert read(table, size=100) == [{"name": "Tea", "image": {"bytes": b"\xff", "path": None}}] * 500
    assert read(tar) == [{"txt": b"Tea", "__key__": "0"}]
    assert bytes_a_place(own_records.of(), table) != 1
    assert bytes_a_place(own_records.of(), tar) == 1


def test_lines_may_be_lists(file):
    """A line that is a list is a record, not the file."""
    assert read(file('[{"role": "user"}]\n[{"role": "bot"}]\n')) == [[{"role": "user"}], [{"role": "bot"}]]


def test_large_files_are_cut(file):
    """Whatever the container, spans give every record once."""
    rows = [{"n": n} for n in range(1000)]

    assert read(file("".join(json.dumps(row) + "\n" for row in rows)), size=900) == rows
    assert read(file(json.dumps(rows)), size=1 << 20) == rows


def test_a_table_without_a_header_numbers_its_columns(file):
    """The first line is a record then; a quoted delimiter is text."""
    assert read(file('"a, b",c.jpg\nd,e.jpg\n'), header=False) == [
        {"1": "a, b", "2": "c.jpg"},
        {"1": "d", "2": "e.jpg"},
    ]
    assert read(file("a, b\tc.jpg\n"), header=False) == [{"1": "a, b", "2": "c.jpg"}]
    assert read(file('"a\nb",c.jpg\n'), header=False) == [{"1": "a\nb", "2": "c.jpg"}]
    assert read(file(f"{'a' * 200_000},c.jpg\n"), header=False) == [{"1": "a" * 200_000, "2": "c.jpg"}]


def test_records_that_are_neither_maps_nor_lists_are_bad(file):
    """A JSON text of its own is no record."""
    first, second = read(file('{"a": 1}\n"b"\n'))

    assert first == {"a": 1}
    assert isinstance(second, Bad)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected records in JSON, JSON Lines, CSV, TSV, Parquet or a tar, got an empty file"),
        ('{\n "questions": []\n}', "got one JSON object; take the list of records out of it"),
        ("version https://git-lfs.github.com/spec/v1\n", "got a Git LFS pointer"),
        ("<!doctype html>", "got a web page"),
        ("a,a\n1,2\n", "expected one column `a`, got `a`, `a`"),
    ],
)
def test_other_files_are_refused(file, content, message):
    """The message says what the file is and what to do."""
    path = file(content)

    with pytest.raises(DataError, match=message):
        read(path)
