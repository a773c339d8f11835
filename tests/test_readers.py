"""Readers give exactly the records that a parser of the whole file gives, wherever it is cut."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import DataError
from mixer.readers import cuts, depth, json_array, json_lines, json_object, pieces, trying

ALL = [json_array, json_object, json_lines]
BOM = b"\xef\xbb\xbf"


class Record(msgspec.Struct):
    """A record that may hold records like itself."""

    id: int
    text: str
    sub: Any = None
    key: str = ""


class Opaque(msgspec.Struct):
    """A record that keeps a part of the file's bytes."""

    id: int
    text: msgspec.Raw


def plain(items):
    """Give records as the values that json would give."""
    return [(each.key, each.id, each.text, each.sub) for each in items]


def whole(reader, path, raw=Record, piece=1 << 20):
    """Read a file in one span."""
    first, *_, last = cuts(reader, path, 1 << 40)
    return [item for batch in reader.read(path, first, last, raw, piece) for item in batch.items]


def in_spans(reader, path, size, piece, raw=Record):
    """Read a file in spans, accepted from left to right, as a conversion does; what starts elsewhere is read, too."""
    edges = cuts(reader, path, size)
    items, end = [], edges[0]
    for start, stop in pairwise(edges):
        if start != end:
            with suppress(DataError):
                list(reader.read(path, start, stop, raw, piece))
        if end < stop:
            for batch in reader.read(path, end, stop, raw, piece):
                items += batch.items
                assert batch.end > end
                end = batch.end
    assert end == edges[-1] == path.stat().st_size
    return items


def spaced(value, rng, blanks):
    """Write JSON with arbitrary blanks between its tokens."""

    def blank():
        return "".join(rng.choices(blanks, k=rng.choice((0, 0, 1, 3))))

    if isinstance(value, dict):
        members = [f"{blank()}{json.dumps(k)}{blank()}:{spaced(v, rng, blanks)}" for k, v in value.items()]
        text = "{" + ",".join(members) + blank() + "}"
    elif isinstance(value, list):
        text = "[" + ",".join(spaced(each, rng, blanks) for each in value) + blank() + "]"
    else:
        text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    return blank() + text + blank()


texts = st.text(st.sampled_from('{}[],:"\\ \n\tidxé漢😀\x00\u2028'), max_size=12) | st.sampled_from(
    ['}, {"id": 1', '{"id":1}', '","', '},{"id"', "\\", '"', '}\n{"id":', '}, "k": {"id":']
)
scalars = texts | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
nested = st.recursive(
    scalars | st.none(),
    lambda inner: (
        st.lists(st.fixed_dictionaries({"id": st.integers(0, 9), "text": texts, "sub": inner}), max_size=4)
        | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=12,
)


@st.composite
def records(draw):
    """Give a record, its members in any order, with a member that readers ignore."""
    members = [("id", draw(st.integers(0, 99))), ("text", draw(texts)), ("sub", draw(nested))]
    if draw(st.booleans()):
        members.append((draw(st.sampled_from(["x", "idx", '"id"'])), draw(nested)))
    if draw(st.booleans()):
        members = draw(st.permutations(members))
    return dict(members)


sizes = st.sampled_from([1, 2, 3, 7, 16, 40, 100, 300, 1000, 1 << 20])


@given(st.lists(records(), max_size=12), st.randoms(use_true_random=False), sizes, sizes, st.booleans())
def test_an_array_gives_the_records_of_json(tmp_path_factory, values, rng, size, piece, bom):
    """However an array is spaced and cut, its records are those of a parser of the whole."""
    path = tmp_path_factory.mktemp("array") / "x.json"
    text = spaced(values, rng, " \n\t\r")
    path.write_bytes(BOM * bom + text.encode())

    items = in_spans(json_array, path, size, piece)

    assert plain(items) == [("", each["id"], each["text"], each["sub"]) for each in json.loads(text)]


@given(st.lists(st.tuples(texts, records()), max_size=12), st.randoms(use_true_random=False), sizes, sizes)
def test_an_object_gives_the_members_of_json(tmp_path_factory, members, rng, size, piece):
    """However an object is spaced and cut, its members are those of a parser of the whole, repeated keys included."""
    path = tmp_path_factory.mktemp("object") / "x.json"
    lines = [f"{json.dumps(key)} :{spaced(value, rng, ' ' + chr(10))}" for key, value in members]
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")

    items = in_spans(json_object, path, size, piece)

    assert plain(items) == [(key, each["id"], each["text"], each["sub"]) for key, each in members]


@given(st.lists(records(), min_size=1, max_size=12), st.randoms(use_true_random=False), sizes, sizes, st.booleans())
def test_lines_give_the_records_of_json(tmp_path_factory, values, rng, size, piece, bom):
    """However lines are ended, and whatever blank lines stand between them, each gives its record."""
    path = tmp_path_factory.mktemp("lines") / "x.jsonl"
    ends = ["\n", "\r\n", "\n\n", "\n \t\r\n"]
    text = "".join(spaced(each, rng, " \t") + rng.choice(ends) for each in values)
    path.write_bytes(BOM * bom + (text if rng.random() < 0.5 else text.rstrip()).encode())

    items = in_spans(json_lines, path, size, piece)

    assert plain(items) == [("", each["id"], each["text"], each["sub"]) for each in values]


@pytest.mark.parametrize(("reader", "text"), [(json_array, "[]"), (json_array, " [ \n] \n"), (json_object, "{ }")])
def test_a_container_without_records_gives_none(tmp_path, reader, text):
    """An empty array or object is whole and holds nothing."""
    path = tmp_path / "x.json"
    path.write_text(text)

    assert in_spans(reader, path, 1, 1) == []


def written(reader, values, path):
    """Write records, compactly, as the reader's file."""
    texts = [json.dumps(each) for each in values]
    if reader is json_lines:
        path.write_text("".join(f"{each}\n" for each in texts))
    elif reader is json_array:
        path.write_text(f"[{', '.join(texts)}]")
    else:
        path.write_text("{" + ", ".join(f'"{number}": {each}' for number, each in enumerate(texts)) + "}")
    return path


@pytest.mark.parametrize("reader", ALL)
def test_cuts_lie_near_their_places(tmp_path, reader):
    """A plain file is cut about as often as asked, in ascending order, from its first record to its end."""
    path = written(reader, [{"id": n, "text": "x" * 50} for n in range(1000)], tmp_path / "x")

    edges = cuts(reader, path, 5000)

    assert edges == sorted(set(edges))
    assert edges[0] in (0, 1)
    assert edges[-1] == path.stat().st_size
    assert len(edges) - 1 == pytest.approx(edges[-1] / 5000, abs=2)


@pytest.mark.parametrize("reader", ALL)
def test_a_span_ends_where_the_next_begins(tmp_path, reader):
    """In a plain file every guessed cut is a true edge, so no span is read twice."""
    path = written(reader, [{"id": n, "text": "x" * 50} for n in range(1000)], tmp_path / "x")

    for start, stop in pairwise(cuts(reader, path, 5000)):
        *_, last = reader.read(path, start, stop, Record, 700)

        assert last.end == stop


@pytest.mark.parametrize("reader", ALL)
def test_batches_are_about_as_long_as_asked(tmp_path, reader):
    """A batch covers about a piece, so that memory is bounded by it."""
    path = written(reader, [{"id": n, "text": "x" * 50} for n in range(1000)], tmp_path / "x")
    first, *_, last = cuts(reader, path, 1 << 20)

    ends = [batch.end for batch in reader.read(path, first, last, Record, 4096)]

    assert all(3000 < b - a < 7000 for a, b in pairwise([first, *ends][:-1]))


@pytest.mark.parametrize("reader", ALL)
def test_a_stop_inside_a_record_is_moved_to_its_end(tmp_path, reader):
    """A span stops at the first edge at or after its stop, wherever that lies."""
    path = written(reader, [{"id": n, "text": "}, "} for n in range(9)], tmp_path / "x")
    first, *_, last = cuts(reader, path, 1 << 20)

    for stop in range(first + 1, last):
        ends = [batch.end for batch in reader.read(path, first, stop, Record, 1 << 20)]

        assert ends[-1] >= stop
        assert len(whole_from(reader, path, ends[-1], last)) == 9 - len(whole_from(reader, path, first, stop))


def whole_from(reader, path, start, stop):
    """Read a span."""
    return [item for batch in reader.read(path, start, stop, Record, 1 << 20) for item in batch.items]


def test_numbers_are_not_cut_in_two(tmp_path):
    """A stop inside a number is no edge, although what lies before it parses."""
    path = tmp_path / "x.json"
    path.write_text("[1234, 5678]")

    batches = list(json_array.read(path, 1, 3, Record, 100))

    assert [(len(batch.items), batch.end) for batch in batches] == [(1, 5)]


def test_nested_records_that_look_like_outer_ones_are_not_taken_for_them(tmp_path):
    """False pieces that parse are thrown away: only what follows from the left counts."""
    inner = [{"id": 100 + n, "text": "inner"} for n in range(50)]
    values = [{"id": n, "text": "outer", "sub": inner} for n in range(20)]
    path = written(json_array, values, tmp_path / "x")
    start, stop = cuts(json_array, path, 300)[1:3]

    false = [item for batch in json_array.read(path, start, stop, Record, 200) for item in batch.items]
    true = in_spans(json_array, path, 300, 200)

    assert {each.text for each in false} == {"inner"}
    assert [each.id for each in true] == list(range(20))


def test_a_record_longer_than_many_pieces_is_read(tmp_path):
    """A record may be far longer than a piece, in any place."""
    values = [{"id": n, "text": "}, {" * (20_000 if n in (0, 3, 6) else 1)} for n in range(7)]

    for reader in ALL:
        path = written(reader, values, tmp_path / reader.__name__)
        assert [len(each.text) for each in in_spans(reader, path, 3000, 1000)] == [len(each["text"]) for each in values]


def test_blanks_may_be_long(tmp_path):
    """Blanks around records count for nothing, however many they are."""
    path = tmp_path / "x.json"
    blanks = "\n" * 10_000
    path.write_text(
        f'{blanks}[{blanks}{{"id": 1, "text": "a"}}{blanks},{blanks}{{"id": 2, "text": "b"}}{blanks}]{blanks}'
    )

    for size in (1000, 1 << 20):
        assert [each.id for each in in_spans(json_array, path, size, 500)] == [1, 2]


@pytest.mark.parametrize("place", [1, 500, 900])
def test_one_bad_record_costs_about_one_more_parse(tmp_path, monkeypatch, place):
    """The search for a bad record does not parse its neighbours over and over."""
    values: list[Any] = [{"id": n, "text": "t" * 80} for n in range(1000)]
    values[place] = {"id": "bad"}
    path = written(json_array, values, tmp_path / "x")
    bad = path.read_bytes().index(b'"bad"')
    wrapped, parsed = pieces.Records._wrapped, []

    def counted(records, start, stop):
        parsed.append((bad if start <= bad < stop else stop) - start)  # the parser stops at the fault
        return wrapped(records, start, stop)

    monkeypatch.setattr(pieces.Records, "_wrapped", counted)
    monkeypatch.setattr(trying, "LEAST", 1000)

    items = whole(json_array, path)

    assert len(items) == 1000
    assert sum(parsed) < 2.1 * path.stat().st_size


def test_guesses_follow_the_records(tmp_path, monkeypatch):
    """Where the first record begins unlike the others, guesses are soon made from those: few are judged singly."""
    values = [{"x": 1}, *({"id": n, "text": "t", "sub": [{"a": 1}, {"b": 2}] * 40} for n in range(300))]
    path = written(json_array, values, tmp_path / "x")
    judged = []
    monkeypatch.setattr(trying, "LEAST", 1000)
    monkeypatch.setattr(pieces, "value_end", lambda view, at: judged.append(at) or depth.value_end(view, at))

    items = whole(json_array, path, piece=8000)

    assert [each.id for each in items[1:]] == list(range(300))
    assert len(judged) < 10


@pytest.mark.parametrize("reader", ALL)
def test_types_may_keep_raw_bytes(tmp_path, reader):
    """A raw type may hold undecoded parts, which outlive the reading."""
    path = written(reader, [{"id": n, "text": [n, {}]} for n in range(99)], tmp_path / "x")

    items = whole(reader, path, Opaque, 64)

    assert [bytes(each.text) for each in items] == [f"[{n}, {{}}]".encode() for n in range(99)]


def test_types_without_a_key_are_read_from_objects(tmp_path):
    """The id of a record is dropped when its type has no place for it, and set when the type is frozen."""
    path = written(json_object, [{"id": 1, "text": "a"}], tmp_path / "x")
    frozen = msgspec.defstruct("Frozen", [("id", int), ("key", str, "")], frozen=True)

    assert [bytes(each.text) for each in whole(json_object, path, Opaque)] == [b'"a"']
    assert [each.key for each in whole(json_object, path, frozen)] == ["0"]


def test_a_type_that_no_json_fills_is_a_mistake_in_the_source(tmp_path):
    """A field of a class that msgspec does not know is refused, not filled with something else."""
    path = written(json_object, [{"id": 1, "text": "a"}], tmp_path / "x")

    with pytest.raises(NotImplementedError):
        whole(json_object, path, msgspec.defstruct("Odd", [("id", random.Random)]))


def test_a_reader_closed_early_lets_go_of_its_file(tmp_path):
    """A reader that is not read to its end closes its map, and raises nothing."""
    path = written(json_array, [{"id": n, "text": ""} for n in range(99)], tmp_path / "x")
    batches = json_array.read(path, 1, path.stat().st_size, Record, 64)

    assert next(batches).items
    batches.close()


@given(nested.filter(lambda value: not isinstance(value, int | float)), st.randoms(use_true_random=False))
def test_the_depth_scan_finds_the_end_of_any_value(value, rng):
    """A value ends where its parser says, whatever follows it."""
    text = spaced(value, rng, " \n").strip().encode()

    assert depth.value_end(memoryview(b"  " + text + b' , "]}'), 2) == 2 + len(text)


def test_the_depth_scan_of_a_huge_string_takes_no_memory():
    """Neither escapes nor brackets in a long string are remembered."""
    tracemalloc = pytest.importorskip("tracemalloc")
    view = memoryview(b'["' + b'\\"{\\\\' * 2_000_000 + b'"]')
    tracemalloc.start()
    try:
        assert depth.value_end(view, 0) == len(view)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
