"""Parallel lists of a JSON object become records, wherever the file is cut; faults and damage are told."""

from __future__ import annotations

import json
import pickle
import re
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_readers import BOM, nested, sizes, spaced, texts

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, cuts, json_columns

READER = json_columns.of("names", "ages")
others = st.dictionaries(texts.filter(lambda key: key not in ("names", "ages")), nested, max_size=2)


class Person(msgspec.Struct):
    """Value n of each list."""

    names: str
    ages: Any


class Name(msgspec.Struct):
    """Value n of one of them."""

    names: str


class Aged(msgspec.Struct):
    """A name of its own for a list."""

    age: int = msgspec.field(name="ages")
    other: int = 0


def read(path, size=1 << 20, piece=1 << 20, raw=Person, reader=READER):
    """Read a file in spans."""
    items = []
    for start, stop in pairwise(cuts(reader, path, size)):
        end = start
        for batch in reader.read(path, start, stop, raw, piece):
            assert 0 < len(batch.items) == batch.end - end <= piece
            items += batch.items
            end = batch.end
        assert end == stop
    return items


@pytest.fixture
def file(tmp_path):
    """Give a function that writes a file."""

    def write(content):
        path = tmp_path / "x.json"
        path.write_bytes(content)
        return path

    return write


@given(st.lists(st.tuples(texts, nested), max_size=30), st.data(), st.randoms(use_true_random=False), st.booleans())
def test_lists_give_the_values_of_json(tmp_path_factory, rows, data, rng, bom):
    """Whatever the values, the blanks, the pieces and the members around, record n is value n of each list."""
    lists = [("names", [name for name, _ in rows]), ("ages", [age for _, age in rows])]
    before, between, after = ([*data.draw(others).items()] for _ in range(3))
    first, second = data.draw(st.permutations(lists))
    document = dict([*before, first, *between, second, *after])
    path = tmp_path_factory.mktemp("columns") / "x.json"
    path.write_bytes(
        BOM * bom + spaced({**document, first[0]: first[1], second[0]: second[1]}, rng, " \n\t\r").encode()
    )
    json_columns._found.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        for name in ("PIECE", "LEAST", "ROWS"):
            patch.setattr(json_columns, name, data.draw(sizes))
        items = read(path, data.draw(sizes), data.draw(sizes))

    assert [(each.names, each.ages) for each in items] == rows


def test_a_type_takes_the_lists_it_names(file):
    """Other lists count for the length alone; a field may have another name, or a default where there is no list."""
    path = file(b'{"names": ["a", "b"], "ages": [1, 2]}')

    assert read(path, raw=Name) == [Name("a"), Name("b")]
    assert read(path, raw=Aged) == [Aged(1), Aged(2)]
    assert read(file(b'{"names": [7], "ages": [1]}')) == [Bad("Expected `str`, got `int` at $.names", "$.names", 0)]
    path = file(b'{"names": ["a", "b"], "ages": [1, 2]}')
    with pytest.raises(DataError, match="expected columns `names`, got `ages`; check"):
        read(path, reader=json_columns.of("ages"))


@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_a_bad_value_costs_its_record_only(file, monkeypatch, piece):
    """What no parser takes, and what the type refuses, makes one record bad, with its number and its list."""
    for name in ("PIECE", "LEAST"):
        monkeypatch.setattr(json_columns, name, piece)
    path = file(b'{"names": ["a", "\\q", "c", "d\xff", 5, "f"], "ages": [1, 2, NaN, 4, 5, 6]}')

    first, *bad, last = read(path)

    assert (first, last) == (Person("a", 1), Person("f", 6))
    assert [(each.reason, each.at) for each in bad] == [
        ("invalid escape in a string in `names`", 1),
        ("NaN is not JSON in `ages`", 2),
        ("not valid UTF-8 in `names`", 3),
        ("Expected `str`, got `int` at $.names", 4),
    ]
    assert all(type(each) is Bad for each in bad)


@pytest.mark.parametrize("piece", [1, 30, 1 << 20])
def test_a_file_cut_short_anywhere_is_damaged(file, monkeypatch, piece):
    """A file cut at any byte stops with a position at its end."""
    for name in ("PIECE", "LEAST"):
        monkeypatch.setattr(json_columns, name, piece)
    content = json.dumps({"x": {"y": [1]}, "names": ["a", '"], ', "c"], "z": 1, "ages": [1, [2], 33]}).encode()

    for length in range(len(content)):
        with pytest.raises(DamagedFile, match=r"x\.json: byte \d+: expected .*, got .*download it again") as error:
            read(file(content[:length]))
        assert int(re.search(r"byte (\d+)", str(error.value))[1]) == length
    assert len(read(file(content + b" \n"))) == 3


@given(st.data())
def test_a_changed_byte_never_changes_records_silently(tmp_path_factory, data):
    """Change any byte: a file that is JSON still is read as it says, and otherwise no good record is made up."""
    rows = [(f"n{number}", number) for number in range(5)]
    content = bytearray(json.dumps({"names": [name for name, _ in rows], "ages": [age for _, age in rows]}).encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.sampled_from(b'{}[],:"\\ \n\x00\x1f0a\xff\xc3\x80') | st.integers(0, 255))
    path = tmp_path_factory.mktemp("flip") / "x.json"
    path.write_bytes(content)
    json_columns._found.cache_clear()
    try:
        parsed = json.loads(bytes(content).decode())
        expected = list(zip(parsed["names"], parsed["ages"], strict=True))
    except (ValueError, KeyError, TypeError):
        expected = None

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_columns, "PIECE", data.draw(sizes))
            items = read(path, data.draw(sizes), data.draw(sizes))
    except DataError:
        assert expected is None
        return

    found = [(each.names, each.ages) for each in items if type(each) is not Bad]
    assert found == [row for row in expected or rows if row in found]
    assert expected is None or found == [row for row in expected if type(row[0]) is str]
    assert len(items) == 5 or expected is not None


MESSAGES = [
    (b"", "expected a JSON object with columns `names`, `ages`, got an empty file"),
    (b"[]", "expected a JSON object with columns `names`, `ages`, got a JSON array"),
    (b"version https://git-lfs.github.com/spec/v1\n", "got a Git LFS pointer"),
    (b'{"names": [], "ages": []}\n{"names": []}', "got JSON Lines"),
    (b'{"names": [], "ages": []} x', "byte 26: expected nothing after the closing `}`, got `x`"),
    (b"{}", "expected columns `names`, `ages`, got none; check that"),
    (b'{"names": ["a"], "info": 1}', "expected columns `ages`, got `names`, `info`; check that"),
    (b'{"names": {}, "ages": []}', "byte 10: expected a list as column `names`, got `{`; check that"),
    (b'{"names": [], "names": []}', "byte 14: expected one column `names`, got a second one; keep one of them"),
    (b'{"names": ["a"], "ages": [1, 2]}', "expected columns of one length, got `names: 1`, `ages: 2`; the file is cut"),
    (b'{"names": ["a" "b"], "ages": []}', 'byte 15: expected `,` or `]`, got `"`'),
    (b'{"names": ["a",], "ages": []}', "byte 15: expected a value"),
]


@pytest.mark.parametrize(("content", "said"), MESSAGES, ids=range(len(MESSAGES)))
def test_messages_say_what_is_wrong(file, content, said):
    """Another file is named, and a fault between values has its place."""
    with pytest.raises(DataError, match=re.escape(said)):
        read(file(content))


def test_a_file_of_empty_lists_has_no_records(file):
    """Nothing is read, and nothing past the end of others."""
    empty = file(b' {"ages": [ ], "names": []} ')
    assert read(empty) == list(READER.read(empty, 0, 9, Person, 9)) == []

    path = file(b'{"ages": [1], "names": ["a"]}')
    assert [batch.items for batch in READER.read(path, 0, 9, Person, 9)] == [[Person("a", 1)]]
    assert list(READER.read(path, 1, 9, Person, 9)) == []


def test_readers_are_values():
    """A reader can be compared, hashed and sent to another process; it has a list."""
    again = pickle.loads(pickle.dumps(READER))

    assert again == READER != json_columns.of("names")
    assert hash(again) == hash(READER)
    with pytest.raises(ValueError, match="name"):
        json_columns.of()


def test_many_pieces_are_read(file):
    """Texts with all that may mislead a guess, over many pieces: each value is there once."""
    names = [f'{number}", "{number}\\" , \\", "' * (number % 4) for number in range(40_000)]
    path = file(json.dumps({"names": names, "ages": list(range(40_000))}).encode())

    items = read(path, size=200_000)

    assert [each.names for each in items] == names
    assert [each.ages for each in items] == list(range(40_000))
