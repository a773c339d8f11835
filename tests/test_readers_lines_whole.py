"""A document read whole, and lines told by their numbers."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, cuts, depth, json_whole, numbered_lines

READER = json_whole.of("texts")


class Texts(msgspec.Struct):
    """A list of texts."""

    texts: list[str]


class Line(msgspec.Struct):
    """A line, told by its number."""

    text: str
    line: int = -1


def written(path, text):
    """Write a file."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(reader, path, raw, size=1 << 30):
    """Read a file in spans."""
    items = []
    for start, stop in pairwise(cuts(reader, path, size)):
        end = start
        for batch in reader.read(path, start, stop, raw, 1 << 20):
            items += batch.items
            end = batch.end
        assert end == stop
    return items


@pytest.mark.parametrize("text", ['["a", "é"]', '\ufeff\n["a",\n"é"]\n\n'])
def test_a_document_fills_a_field(tmp_path, text):
    """The whole file is one record, whatever its blanks."""
    path = written(tmp_path / "x.json", text)

    assert read(READER, path, Texts) == [Texts(["a", "é"])]
    assert [READER.cut(path, place) for place in (-1, 0, 1, 7)] == [0, 0, 1, 1]
    assert list(READER.read(path, 1, 1, Texts, 1)) == []


def test_a_document_of_another_type_is_bad(tmp_path):
    """What is JSON but not what is asked for is a bad record."""
    path = written(tmp_path / "x.json", '{"a": 1}')

    [item] = read(READER, path, Texts)

    assert (type(item), item.where) == (Bad, "$.texts")
    assert item.reason == "Expected `array`, got `object` at $.texts"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", DamagedFile, "expected a JSON document, got an empty file"),
        (" \n", DamagedFile, "expected a JSON document, got an empty file"),
        ('["a", "b', DamagedFile, "byte 8: expected the end of a JSON document, got the end of the file"),
        ("PK\x03\x04", DataError, "expected a JSON document, got a zip archive"),
    ],
)
def test_no_document_is_told(tmp_path, text, error, message):
    """A file that is cut short, empty or another one is an error."""
    with pytest.raises(error, match=message):
        read(READER, written(tmp_path / "x.json", text), Texts)


def test_a_document_is_bounded(tmp_path, monkeypatch):
    """A file that is longer than any record is refused before it is read."""
    monkeypatch.setattr(depth, "LONGEST", 10)

    with pytest.raises(DamagedFile, match="of at most 10 bytes"):
        read(READER, written(tmp_path / "x.json", '["a", "b", "c"]'), Texts)


@given(st.lists(st.sampled_from(['{"text": "a"}', '{"text": 7}', "{", ""])), st.integers(1, 90))
def test_lines_get_their_numbers(tmp_path_factory, rows, size):
    """However a file is cut, each record knows its number; blank lines have none, and bad ones keep theirs."""
    path = written(tmp_path_factory.mktemp("lines") / "x.jsonl", "\n".join([*rows, '{"text": "end"}', ""]))
    kept = [row for row in [*rows, '{"text": "end"}'] if row]

    items = read(numbered_lines, path, Line, size)

    assert [type(item) is Bad for item in items] == ['"a"' not in row and "end" not in row for row in kept]
    assert all(item.line == number for number, item in enumerate(items) if type(item) is Line)
    assert numbered_lines.cut(path, 1 << 62) == len(kept)
    assert numbered_lines.cut(path, -1) == 0


def test_many_lines_are_read_piece_by_piece(tmp_path, monkeypatch):
    """Numbers go on from piece to piece, and a span begins where it should."""
    path = written(tmp_path / "x.jsonl", "".join(f'{{"text": "{n}"}}\n' for n in range(200)))
    monkeypatch.setattr(numbered_lines, "_PIECE", 100)

    assert read(numbered_lines, path, Line, 700) == [Line(str(n), n) for n in range(200)]
    assert [item.line for batch in numbered_lines.read(path, 57, 103, Line, 1) for item in batch.items] == list(
        range(57, 103)
    )
