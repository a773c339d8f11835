"""What readers say of damage: a bad record costs itself only, a damaged file stops, and nothing vanishes silently."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, cuts, depth, json_array, json_lines, json_object

READERS = {"array": json_array, "object": json_object, "lines": json_lines}
CONTAINERS = {"array": json_array, "object": json_object}


class Turn(msgspec.Struct):
    """A turn."""

    value: str


class Record(msgspec.Struct):
    """A record that keeps all that its tests write, so that a parser of everything sees no more than it does."""

    id: str
    turns: list[Turn]


def good(number):
    """Write a record that decodes."""
    return b'{"id": "%d", "turns": [{"value": "a"}, {"value": "}, {\\""}]}' % number


def wrapped(kind, records):
    """Write records as a file of a kind."""
    if kind == "lines":
        return b"".join(each + b"\n" for each in records)
    if kind == "array":
        return b"[" + b", ".join(records) + b"]"
    return b"{" + b", ".join(b'"k%d": %b' % pair for pair in enumerate(records)) + b"}"


@pytest.fixture
def file(tmp_path):
    """Give a function that writes a file."""

    def write(content):
        path = tmp_path / "x.json"
        path.write_bytes(content)
        return path

    return write


def read(kind, path, piece=1 << 20):
    """Read all items of a file."""
    reader = READERS[kind]
    first, *_, last = cuts(reader, path, 1 << 40)
    return [item for batch in reader.read(path, first, last, Record, piece) for item in batch.items]


# What is wrong with a record -> the reason that is counted, and where in the record.
BAD = [
    (b'{"id": 1, "turns": []}', "Expected `str`, got `int` at $.id", "$.id"),
    (
        b'{"id": "1", "turns": [{"value": "a"}, {"value": 2}]}',
        "Expected `str`, got `int` at $.turns[...].value",
        "$.turns[1].value",
    ),
    (b'{"id": "1"}', "Object missing required field `turns`", "$"),
    (b'{"id": "1", "turns": [{}]}', "Object missing required field `value` at $.turns[...]", "$.turns[0]"),
    (b'{"id": "1", "turns": [], "score": NaN}', "NaN is not JSON", "byte 34"),
    (b'{"id": "1", "turns": [], "score": -Infinity}', "Infinity is not JSON", None),
    (b'{"id": "1", "turns": [], "score": 01}', "JSON is malformed: invalid number", None),
    (b'{"id": "1", "turns": [], }', "JSON is malformed: trailing comma in object", None),
    (b'{"id": "1" "turns": []}', "JSON is malformed: expected ',' or '}'", None),
    (b'{"id": "1", "turns": [{"value": "\\q"}]}', "invalid escape in a string", None),
    (b'{"id": "1", "turns": [], "skipped": "\\q"}', "invalid escape in a string", None),
    (b'{"id": "1", "turns": [], "skipped": "\\u12"}', "invalid escape in a string", None),
    (b'{"id": "1", "turns": [], "skipped": "\t"}', "JSON is malformed: invalid character", None),
    (b'{"id": "\\ud800", "turns": []}', "lone surrogate escape", None),
    (b'{"id": "1", "turns": [], "skipped": "\\ud800"}', "lone surrogate escape", None),
    (b'{"id": "1", "turns": [], "skipped": "\\udc00"}', "lone surrogate escape", None),
    (b'{"id": "a\xffb", "turns": []}', "not valid UTF-8", "byte 9"),
    (b'{"skipped": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deep", "$"),
    (b"1", "Expected `object`, got `int`", "$"),
    (b"-1.5e3", "Expected `object`, got `float`", "$"),
    (b"null", "Expected `object`, got `null`", "$"),
    (b'"a, ]}"', "Expected `object`, got `str`", "$"),
    (b"[[1], {}]", "Expected `object`, got `array`", "$"),
    (b"NaN", "NaN is not JSON", None),
    (b"nul", "JSON is malformed: invalid character", None),
]


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("piece", [16, 1 << 20])
@pytest.mark.parametrize(("record", "reason", "where"), BAD, ids=range(len(BAD)))
def test_a_bad_record_costs_itself_only(file, kind, piece, record, reason, where):
    """Wherever a bad record stands, it gives one Bad that says why and where, and its neighbours are whole."""
    for index in range(4):
        records = [good(n) for n in range(4)]
        records[index] = record
        path = file(wrapped(kind, records))

        items = read(kind, path, piece)

        assert [type(each) for each in items] == [Bad if n == index else Record for n in range(4)]
        assert [each.id for each in items if type(each) is Record] == [str(n) for n in range(4) if n != index]
        bad = items[index]
        assert bad.reason == reason
        assert where is None or (kind == "object" and where.startswith("byte")) or bad.where == where
        name = b'"k%d": ' % index if kind == "object" else b""
        assert path.read_bytes()[bad.at :].startswith(name + record)


def test_reasons_are_countable(file):
    """Equal faults at other indices, positions and values have one reason."""
    choice = msgspec.defstruct("Choice", [("turns", list[Literal["a", "b"]])])
    records = [b'{"turns": ["a", "b%d"]}' % n for n in range(9)] + [b'{"turns": ["zz"]}']
    path = file(wrapped("array", records))

    (batch,) = json_array.read(path, 1, path.stat().st_size, choice, 1 << 20)

    assert {each.reason for each in batch.items} == {"Invalid enum value ... at $.turns[...]"}
    assert [each.where for each in batch.items] == ["$.turns[1]"] * 9 + ["$.turns[0]"]


def test_an_object_with_a_bad_key_is_told(file):
    """A key that is no text makes its record bad, and only it."""
    path = file(b'{"a": %b, "\xff": %b, "\\q": %b, "d": %b}' % tuple(good(n) for n in range(4)))

    items = read("object", path)

    assert [getattr(each, "reason", None) for each in items] == [
        None,
        "not valid UTF-8",
        "invalid escape in a string",
        None,
    ]


def test_an_id_that_comes_twice_gives_two_records(file):
    """Nothing vanishes when two members of an object have one key, wherever they are cut."""
    path = file(b'{"a": %b, "a": %b}' % (good(1), good(2)))

    for piece in (16, 1 << 20):
        assert [each.id for each in read("object", path, piece)] == ["1", "2"]


def test_the_last_of_equal_keys_in_a_record_wins(file):
    """Inside a record a repeated key has the value that other parsers give it."""
    path = file(b'[{"id": "1", "turns": [], "id": "2"}]')

    assert [each.id for each in read("array", path)] == ["2"]


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize("piece", [1, 16, 90, 1 << 20])
def test_a_container_cut_short_anywhere_is_damaged(file, kind, piece):
    """A file cut at any byte stops with a position inside it; only blanks at its end may go."""
    content = wrapped(kind, [good(n) for n in range(3)])

    for length in range(len(content)):
        path = file(content[:length])
        with pytest.raises(DamagedFile, match=r"x\.json: byte \d+: expected .*, got .*download it again") as error:
            read(kind, path, piece)
        assert int(re.search(r"byte (\d+)", str(error.value))[1]) == length
    assert len(read(kind, file(content + b" \n"), piece)) == 3


@pytest.mark.parametrize("piece", [1, 16, 90, 1 << 20])
def test_lines_cut_short_anywhere_are_damaged_or_whole(file, piece):
    """A cut inside the last line stops; a cut between lines leaves fewer lines, and no one can tell."""
    content = wrapped("lines", [good(n) for n in range(3)])

    for length in range(1, len(content)):
        path, lines = file(content[:length]), content[:length].split(b"\n")
        if lines[-1] in (b"", good(0), good(1), good(2)):
            assert [each.id for each in read("lines", path, piece)] == [str(n) for n in range(sum(map(bool, lines)))]
        else:
            with pytest.raises(DamagedFile, match=rf"byte {length}: .*the end of the record that starts at byte"):
                read("lines", path, piece)


def test_a_last_line_that_is_whole_but_wrong_is_its_own_fault(file):
    """Without a line break at the end, a last line is cut only if its brackets say so."""
    for last in (b"1", b'{"id": NaN}', b'[{"a": nul}]', b'{"id": 1}'):
        assert [type(each) for each in read("lines", file(good(0) + b"\n" + last))] == [Record, Bad]
    for last in (b"nul", b'{"id": NaN', b'{"id": [}', b'{"id": 1} {"id', b'"a'):
        with pytest.raises(DamagedFile):
            read("lines", file(good(0) + b"\n" + last))


def test_faults_of_lines_are_their_lines(file):
    """Lost quotes, lost brackets, two records on a line or one on two lines cost the lines they are on."""
    cut, twice = b'{"id": "7, "turns": [}', good(1) + good(2)
    first, second = good(3).split(b", ", 1)
    path = file(b"\n".join([good(0), cut, twice, good(1) + b" " + first, second, good(4), good(5)]))

    items = read("lines", path)

    assert [type(each) for each in items] == [Record, Bad, Bad, Bad, Bad, Record, Record]
    assert items[1].at == len(good(0)) + 1


def test_a_line_cut_in_the_middle_of_a_file_is_bad(file):
    """A line that ends too soon is a bad record, since the next line is none the worse for it."""
    path = file(good(0) + b"\n" + good(1)[:20] + b"\n" + good(2) + b"\n")

    first, bad, last = read("lines", path)

    assert (first.id, bad.reason, bad.where, last.id) == ("0", "the record is cut short", "byte 20", "2")


A, B = good(0), good(1)
MESSAGES = [
    ("array", b"", "byte 0: expected a JSON array, got an empty file; download it again"),
    ("array", b" \n ", "expected a JSON array, got an empty file"),
    ("object", b"", "byte 0: expected a JSON object of records by id, got an empty file"),
    ("lines", b"", "byte 0: expected JSON Lines, got an empty file"),
    ("lines", b"\n\n", "expected JSON Lines, got an empty file"),
    ("array", b"[", "byte 1: expected `]`, got the end of the file"),
    ("array", b"hello", "byte 0: expected a JSON array, got `h`"),
    ("array", b"\x00\x00", "byte 0: expected a JSON array, got byte 0x00"),
    ("array", A + b"\n" + B + b"\n", "got JSON Lines; use a source that reads JSON Lines, such as `own_auto`"),
    ("object", A + b"\n" + B + b"\n", "got JSON Lines; use a source that reads JSON Lines, such as `own_auto`"),
    ("array", A, "expected a JSON array, got one JSON object; take the list of records out of it, and use a source"),
    ("object", b"[" + A + b"]", "got a JSON array; use a source that reads arrays, such as `own_auto`"),
    ("lines", b"[" + A + b"]", "expected JSON Lines, got a JSON array; use a source that reads arrays"),
    ("lines", b"[\n" + A + b",\n" + B + b"\n]", "expected JSON Lines, got a JSON array"),
    ("lines", b'{\n  "id": 1\n}', "expected JSON Lines, got one JSON object"),
    ("array", b"version https://git-lfs.github.com/spec/v1\noid", "got a Git LFS pointer; fetch the file itself"),
    ("lines", b"\x1f\x8b\x08", "got gzip data; unpack it"),
    ("lines", b"PK\x03\x04", "got a zip archive"),
    ("array", b"\xff\xfe[\x00", "got UTF-16 text; convert it to UTF-8"),
    ("array", b"<!DOCTYPE html>", "got a web page"),
    ("array", b"[" + A + b", ]", "expected a record, got `]`"),
    ("array", b"[" + A + b",, " + B + b"]", "expected a record, got `,`"),
    ("array", b"[, " + A + b"]", "byte 1: expected a record, got `,`"),
    ("array", b"[" + A + B + b"]", "expected `,` or `]`, got `{`"),
    ("array", b"[" + A + b", 1 2]", "expected `,` or `]`, got `2`"),
    ("array", b"[" + A + b"] x", "expected nothing after the closing `]`, got `x`"),
    ("array", b"[" + A + b"][" + B + b"]", "expected nothing after the closing `]`, got `[`"),
    ("object", b'{"a": ' + A + b"}}", "expected nothing after the closing `}`, got `}`"),
    ("array", b"[" + A + b', {"id": [1}]', "expected `]` in the record that starts at byte"),
    ("array", b"[" + A + b', {"id": "1]', 'expected `"` in the record that starts at byte'),
    ("array", b"[" + A + b", {]", "expected `}` in the record that starts at byte"),
    ("array", b"[" + A + b', "abc', 'expected `"` in the record that starts at byte'),
    ("object", b'{"a": ' + A + b", b: 1}", "expected a key in quotes in the record that starts at byte"),
    ("object", b'{"a": ' + A + b', "b"}', "expected `:` in the record that starts at byte"),
    ("object", b'{"a": ' + A + b', "b": }', "expected a value in the record that starts at byte"),
]


@pytest.mark.parametrize(("kind", "content", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_messages(file, kind, content, message):
    """A file that cannot be read is told in one line: where, what was expected, what is there, what to do."""
    for piece in (8, 1 << 20):
        with pytest.raises(DataError) as error:
            read(kind, file(content), piece)

        assert message in str(error.value)
        assert "\n" not in str(error.value)
        assert str(error.value).count("; ") >= 1


def test_a_first_line_that_is_a_list_makes_no_array(file):
    """A bad first line is a bad record, when it is whole and others follow."""
    assert [type(each) for each in read("lines", file(b"[1, 2]\n" + A + b"\n"))] == [Bad, Record]
    assert [type(each) for each in read("lines", file(b"garbage\n" + A + b"\n"))] == [Bad, Record]


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("piece", [16, 90])
def test_depth_that_does_not_return_stops_the_file(file, monkeypatch, kind, piece):
    """A record may be as long as LONGEST, and no longer: it is taken for a lost bracket."""
    monkeypatch.setattr(depth, "LONGEST", 300)
    long = good(1)[:-2] + b" " * 400 + b"]}"
    lost = wrapped(kind, [good(0), long, *map(good, range(2, 99))])
    fits = wrapped(kind, [good(0), good(1)[:-2] + b" " * 150 + b"]}", *map(good, range(2, 99))])

    assert len(read(kind, file(fits), piece)) == 99
    with pytest.raises(DamagedFile, match=r"within 300 bytes|at most 300 bytes"):
        read(kind, file(lost), piece)


def test_a_long_line_in_a_longer_piece_stops_the_file(file, monkeypatch):
    """A line that is too long is found wherever it lies in its piece, and pieces may be longer than a line may."""
    path = file(wrapped("lines", [*map(good, range(9)), b" " * 300 + good(9), good(10)]))
    monkeypatch.setattr(depth, "LONGEST", 200)

    with pytest.raises(DamagedFile, match="within 200 bytes"):
        read("lines", path, 2000)


@pytest.mark.parametrize("kind", CONTAINERS)
def test_a_span_that_starts_in_a_record_fails_soon(file, kind):
    """A start that is no edge gives errors of ours or records to be thrown away, but never another exception."""
    path = file(wrapped(kind, [good(n) for n in range(30)]))
    size = path.stat().st_size

    for start in range(2, 200):
        try:
            batches = list(READERS[kind].read(path, start, size, Record, 64))
        except DataError:
            continue
        assert batches[-1].end == size


ORIGINALS = [msgspec.json.decode(good(n), type=Record) for n in range(6)]


@given(st.data())
def test_a_changed_byte_is_never_silent(tmp_path_factory, data):
    """Change any byte: what another parser accepts is read as it says, and else damage or a bad record is told."""
    kind = data.draw(st.sampled_from(list(CONTAINERS)))
    content = bytearray(wrapped(kind, [good(n) for n in range(6)]))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.sampled_from(b'{}[],:"\\ \n\x00\x1f0a\xff\xc3\x80') | st.integers(0, 255))
    path = tmp_path_factory.mktemp("flip") / "x.json"
    path.write_bytes(content)
    expected = parsed(kind, bytes(content))

    try:
        items = read(kind, path, data.draw(st.sampled_from([1, 50, 200, 1 << 20])))
    except DataError:
        assert expected is None
        return

    found = [each if type(each) is Record else None for each in items]
    if expected is None:
        assert None in found
        assert [each for each in ORIGINALS if each in found] == [each for each in found if each is not None]
    else:
        assert found == expected


def parsed(kind, content):
    """Parse a file as a whole: what each record should be, None for a bad one; or None if no parser takes the file."""
    try:
        values = json.loads(content.decode(), object_pairs_hook=Pairs)
    except ValueError:
        return None
    return [converted(value) for value in (values if kind == "array" else [value for _, value in values])]


class Pairs(list):
    """The members of an object, repeated keys included."""


def converted(value):
    """Give what a parsed value is as a record, or None."""
    try:
        return msgspec.convert(plain(value), Record)
    except msgspec.ValidationError:
        return None


def plain(value):
    """Turn members into dicts."""
    if isinstance(value, Pairs):
        return {key: plain(each) for key, each in value}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_reading_takes_memory_by_the_piece(file):
    """What is allocated while reading depends on the piece, not on the file."""
    path = file(wrapped("array", [good(n) for n in range(20_000)]))
    tracemalloc.start()
    try:
        count = sum(len(batch.items) for batch in json_array.read(path, 1, path.stat().st_size, Record, 8192))
        assert tracemalloc.get_traced_memory()[1] < 30 * 8192
    finally:
        tracemalloc.stop()
    assert count == 20_000
