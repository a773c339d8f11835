"""Pickled lists become records without anything being run, and whatever else a pickle holds is told with its place."""

from __future__ import annotations

import pickle
import re
import struct
import tracemalloc
from collections import OrderedDict
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, cuts, pickle_rows, plain_pickle, reads_from_end


class Record(msgspec.Struct):
    """A record with a list of its own."""

    id: int
    text: str = ""
    tags: list[str] = []


PYTHON_2 = rb"""(lp0
(dp1
S'id'
p2
I7
sS'text'
p3
S'caf\xe9 "here"'
p4
sS'tags'
p5
(lp6
S"it's"
p7
ag4
asa(dp8
g2
L8L
sg3
V\u0142\u00f3
p9
sa."""
"""As Python 2 writes it by default: byte strings with escapes, numbered values, long numbers."""


@pytest.fixture
def file(tmp_path):
    """Write a file."""

    def write(content):
        path = tmp_path / "x.p"
        path.write_bytes(content)
        return path

    return write


def read(path, raw=Record):
    """Read a file's items; its one span ends where the file does."""
    start, stop = cuts(pickle_rows, path, 1)
    batches = list(pickle_rows.read(path, start, stop, raw, 1))
    assert (start, stop, batches[-1].end) == (0, 1, 1)
    return [item for batch in batches for item in batch.items]


def test_a_list_of_python_2_is_read(file):
    """Byte strings are Latin-1, escapes are resolved, and values that are used twice are there twice."""
    first, second = read(file(PYTHON_2))

    assert first == Record(7, 'café "here"', ["it's", 'café "here"'])
    assert second == Record(8, "łó")


def test_short_and_long_byte_strings_are_latin_1(file):
    """The binary steps of Python 2 hold byte strings, too."""
    steps = b"\x80\x02](}q\x01(U\x02idK\x05U\x04textT\x02\x00\x00\x00\xe9\xe8ue."

    assert read(file(steps)) == [Record(5, "éè")]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner) | st.tuples(inner) | st.tuples(inner, inner)
    | st.lists(inner).map(tuple),
)  # fmt: skip


@given(PLAIN, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_are_what_was_pickled(tmp_path_factory, value, protocol):
    """Of every protocol."""
    path = tmp_path_factory.mktemp("pickle") / "x.p"
    path.write_bytes(pickle.dumps(value, protocol))

    assert repr(plain_pickle.load(path)) == repr(value)


def test_many_records_come_in_batches(file, monkeypatch):
    """In the list's order; a file is one span, which a second reader has nothing of."""
    monkeypatch.setattr(pickle_rows, "BATCH", 7)
    path = file(pickle.dumps([{"id": number} for number in range(30)], 2))

    assert [item.id for item in read(path)] == list(range(30))
    assert max(len(batch.items) for batch in pickle_rows.read(path, 0, 1, Record, 1)) == 7
    assert list(pickle_rows.read(path, 1, 1, Record, 1)) == []
    assert [pickle_rows.cut(path, place) for place in (-1, 0, 1, 1 << 62)] == [0, 0, 1, 1]
    assert reads_from_end(pickle_rows)


def test_a_bad_record_costs_itself_only(file):
    """It is told with its number."""
    items = read(file(pickle.dumps([{"id": 1}, {"id": "2"}, 3, {"text": "no id"}, {"id": 5}], 2)))

    assert items[1] == Bad("Expected `int`, got `str` at $.id", "$.id", 1)
    assert [(item.reason, item.at) for item in items[2:4]] == [
        ("Expected `object`, got `int`", 2),
        ("Object missing required field `id`", 3),
    ]
    assert [item.id for item in items if type(item) is Record] == [1, 5]


class Runs:
    """Pickled as a call."""

    def __reduce__(self):
        return (print, ("it ran",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_run(file, capsys, protocol):
    """A class is refused at its place, whatever it is, and so is all that follows from it."""
    for value in (Runs(), OrderedDict(id=1), range(3), complex(1, 2)):
        with pytest.raises(DataError, match=r"byte \d+: expected a pickle of plain values, got .*would run a program"):
            read(file(pickle.dumps([{"id": 1}, value], protocol)))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (b"cposix\nsystem\n(S'true'\ntR.", "byte 0: .* the step GLOBAL of `posix.system`, which"),
        (b"(S'true'\niposix\nsystem\n.", "byte 9: .* the step INST of `posix.system`, which"),
        (b"](Pthing\ne.", "byte 2: .* the step PERSID, which"),
        (b"]K\x01Q.", "byte 3: .* the step BINPERSID, which"),
        (b"]}b.", "byte 2: .* the step BUILD, which"),
        (b"\x82\x01.", "byte 0: .* the step EXT1, which"),
        (b"c", "the step GLOBAL of ``"),
    ],
)
def test_steps_that_run_are_named(file, steps, message):
    """With the class, as far as the file tells it."""
    with pytest.raises(DataError, match=message):
        read(file(steps))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "byte 0: expected a pickle of plain values, got an empty file"),
        (b"[1]", "got a JSON array"),
        (b'{"a": 1}', "got one JSON object"),
        (b"PK\x03\x04", "got a zip archive"),
        (b"version https://git-lfs", "got a Git LFS pointer"),
        (b"zzz", "byte 0: expected a pickle of plain values, got a step that does not fit, b'z'"),
        (b"]a.", "byte 1: .* a step that does not fit, b'a'"),
        (b"K\x01K\x02a.", "byte 4: .* a step that does not fit, b'a'"),
        (b"g7\n.", "byte 0: .* a step that does not fit, b'g'"),
        (b"e.", "byte 0: .* a step that does not fit, b'e'"),
        (b"t.", "byte 0: .* a step that does not fit, b't'"),
        (b"K\x01\x86.", "byte 2: .* a step that does not fit"),
        (b"(K\x01d.", "byte 3: .* a step that does not fit, b'd'"),
        (b"}]K\x01s.", "byte 4: .* a step that does not fit, b's'"),
        (b"S'a\n.", "byte 0: .* a step that does not fit, b'S'"),
        (b"Ix\n.", "byte 0: .* a step that does not fit, b'I'"),
        (b"L" + b"9" * 5000 + b"L\n.", "byte 0: .* a step that does not fit, b'L'"),
        (b"X\x01\x00\x00\x00\xff.", "byte 0: .* a step that does not fit, b'X'"),
        (b"K\x01K\x02.", "byte 4: .* a step that does not fit, b'.'"),
        (b"].]", "byte 2: expected nothing behind a pickle of plain values, got more"),
        (b"}.", "expected a pickled list of records, got a `dict`; check that"),
    ],
)
def test_messages(file, content, message):
    """What is no pickled list is told in one line."""
    with pytest.raises(DataError, match=message) as error:
        read(file(content))
    assert "\n" not in str(error.value)


def test_steps_that_change_nothing_are_allowed(file):
    """What was put aside again leaves no trace, and blanks may follow the end."""
    assert read(file(b"](K\x011K\x020(0(}U\x02idK\x03s2e.\n")) == [Record(3), Record(3)]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_file_cut_short_anywhere_is_damaged(file, protocol):
    """It stops with a position inside it."""
    content = pickle.dumps([{"id": n, "text": "é" * n, "tags": ["a" * 300]} for n in range(300, 303)], protocol)

    for length in range(1, len(content)):
        with pytest.raises(DamagedFile, match=r"byte \d+: expected .*download it again") as error:
            read(file(content[:length]))
        assert int(re.search(r"byte (\d+)", str(error.value))[1]) <= length


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_changed_byte_gives_records_or_an_error_of_ours(tmp_path_factory, place, byte):
    """Never another exception."""
    content = bytearray(
        PYTHON_2 if place % 2 else pickle.dumps([{"id": 1, "text": "one", "tags": ["a"]}] * 2, place % 5)
    )
    content[place % len(content)] = byte
    path = tmp_path_factory.mktemp("flip") / "x.p"
    path.write_bytes(content)

    try:
        items = read(path)
    except DataError:
        return
    assert {type(item) for item in items} <= {Record, Bad}


BOMBS = {
    "a length": b"]T\xff\xff\xff\x7f.",
    "a long length": b"]\x8d" + struct.pack("<Q", 1 << 62) + b".",
    "a number of a value": b"]r\xff\xff\xff\x7f.",
    "a decimal number of a value": b"]p4294967295\n.",
    "a frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"].",
    "a long number": b"]\x8b\xff\xff\xff\x7f.",
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_what_a_file_claims_takes_no_memory(file, content):
    """Only what it holds does."""
    path = file(content)
    tracemalloc.start()
    try:
        with suppress(DamagedFile):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "steps",
    [
        b"]q\x00" + b"".join(b"0](" + b"h%c" % (n - 1) * 20 + b"eq%c" % n for n in range(1, 12)) + b".",
        b"]q\x00(" + b"h\x00" * 9 + b"e.",
        b"](U\x50" + b"a" * 80 + b"q\x00" + b"h\x00" * 50 + b"e.",
        b"](}(U\x01aK\x01U\x01bK\x02uq\x00" + b"2" * 90 + b"e.",
    ],
    ids=["lists of lists", "a list in itself", "a long text", "a dict"],
)
def test_what_repeats_itself_beyond_measure_is_refused(file, steps):
    """A small file may not stand for large values by using one again and again, nor for endless ones."""
    with pytest.raises(DataError, match="one that repeats itself beyond measure; check that"):
        plain_pickle.load(file(steps))


def test_values_may_be_shared(file):
    """As long as they take no more than if each were written down."""
    tags = ["a", "b"]

    assert [each.tags for each in read(file(pickle.dumps([{"id": 1, "tags": tags}, {"id": 2, "tags": tags}], 2)))] == [
        tags,
        tags,
    ]


def test_deep_values_are_bad_records(file):
    """Depth costs a record at most."""
    deep = b"(l" * 5000 + b"a" * 4999

    items = read(file(b"](" + deep + b"}U\x02idK\x01se."), raw=msgspec.defstruct("Any", [("id", int)]))

    assert [type(item) is Bad for item in items] == [True, False]
