"""Lines of plain text become records, wherever the file is cut, and faults are told with their line."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_readers import BOM, sizes

from mixer.errors import DamagedFile, DataError
from mixer.readers import PAST_ANY_END, Bad, cuts, depth, text_lines


class Line(msgspec.Struct):
    """A line and its number."""

    text: str
    line: int

    def __post_init__(self):
        """Refuse some."""
        if self.text == "refused":
            raise ValueError("a refused line")


class Text(msgspec.Struct):
    """A line alone."""

    text: str


def read(path, size=1 << 20, piece=1 << 20, raw=Line):
    """Read a file in spans."""
    items = []
    for start, stop in pairwise(cuts(text_lines, path, size)):
        end = start
        for batch in text_lines.read(path, start, stop, raw, piece):
            assert 0 < len(batch.items) == batch.end - end <= piece
            items += batch.items
            end = batch.end
        assert end == stop
    return items


lines = st.lists(st.text(st.sampled_from('ab \t",#é漢\r\x0b\x0c\x1c\x85\u2028\u2029'), max_size=9), min_size=1)


@given(lines, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), sizes, sizes, sizes, sizes)
def test_every_line_is_a_record(tmp_path_factory, given, end, ended, bom, size, piece, block, chunk):
    """Lines end at line feeds only, blank ones count, the last may lack its end; their numbers run through all spans."""
    given = [text.rstrip("\r") for text in given]
    last = end if ended or not given[-1] else ""
    path = tmp_path_factory.mktemp("text") / "x.txt"
    path.write_bytes(BOM * bom + (end.join(given) + last).encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "BLOCK", block)
        patch.setattr(text_lines, "PIECE", chunk)
        items = read(path, size, piece)

    assert [(each.text, each.line) for each in items] == list(zip(given, range(len(given)), strict=True))


def test_types_say_what_they_want(tmp_path):
    """A type without the number gets the text alone."""
    path = tmp_path / "x.txt"
    path.write_text("a\nb", encoding="utf-8")

    assert read(path, raw=Text) == [Text("a"), Text("b")]


@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_a_bad_line_costs_itself_only(tmp_path, monkeypatch, chunk):
    """Bytes that are no UTF-8, and what the type refuses, are told with the line's number."""
    monkeypatch.setattr(text_lines, "PIECE", chunk)
    path = tmp_path / "x.txt"
    path.write_bytes(b"a\nb\xff\nrefused\nd\xc3")

    first, *bad, last = read(path)

    assert first == Line("a", 0)
    assert bad == [Bad("not valid UTF-8", "byte 1", 1), Bad("a refused line", "$", 2)]
    assert last == Bad("not valid UTF-8", "byte 1", 3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "byte 0: expected lines of text, got an empty file"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "got a Git LFS pointer; fetch the file",
        ),
        (b"\x1f\x8b\x08", "expected lines of text, got gzip data"),
    ],
)
def test_other_files_are_told(tmp_path, content, said):
    """A file that is no text is named."""
    path = tmp_path / "x.txt"
    path.write_bytes(content)

    with pytest.raises(DataError, match=said):
        text_lines.cut(path, PAST_ANY_END)


def test_a_line_longer_than_any_record_is_damage(tmp_path, monkeypatch):
    """A file without line breaks is not loaded whole."""
    monkeypatch.setattr(depth, "LONGEST", 50)
    monkeypatch.setattr(text_lines, "PIECE", 10)
    path = tmp_path / "x.txt"
    path.write_bytes(b"a\n" + b"b" * 100)

    with pytest.raises(DamagedFile, match=r"x\.txt: byte \d+: expected a line break within 50 bytes"):
        read(path)
