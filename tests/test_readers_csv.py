"""Rows of separated values are read as Python's csv module reads them, wherever the file is cut."""

from __future__ import annotations

import csv
import io
import pickle
import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_readers import BOM, in_spans, sizes

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, csv_dialect, csv_pieces, csv_rows, cuts, depth

CSV = csv_rows.of()
PAIRS = csv_rows.of(columns=("a", "b"))
PLAIN = csv_rows.of("\t", ("a", "b"), quoting=False)


class Row(msgspec.Struct):
    """A row of two texts."""

    a: str
    b: str


class Clip(msgspec.Struct):
    """A row with a number, a column of another name, and one that may be missing."""

    id: int
    caption: str = msgspec.field(name="the caption")
    label: str = "none"


@pytest.fixture
def file(tmp_path):
    """Give a function that writes a file."""

    def write(content):
        path = tmp_path / "x.csv"
        path.write_bytes(content)
        return path

    return write


def by_csv(text, delimiter=",", **how):
    """Read rows of two as the csv module does: each a pair or None, and whether a quote is left open."""
    found, rows = [], csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, **how)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return found, False
        except csv.Error as error:
            if "unexpected end" in str(error):
                return found, True
            row = [""]
        if row:
            found.append(tuple(row) if len(row) == 2 else None)


def pairs(items):
    """Give rows as pairs, bad ones as None."""
    return [None if type(each) is Bad else (each.a, each.b) for each in items]


# No carriage return alone: Python's writer did not quote it before 3.13.
cells = st.text(st.sampled_from('a1 ,"\n\t#é漢😀\u2028\x00'), max_size=8) | st.sampled_from(
    ["", '"', '""\r\n', 'x,"\n']
)


@given(st.data(), st.lists(st.tuples(cells, cells, cells), max_size=20), sizes, sizes, st.booleans())
def test_written_rows_are_read_back(tmp_path_factory, data, rows, size, piece, bom):
    """Whatever the cells hold, and however lines end, rows are those of a reader of the whole file."""
    buffer = io.StringIO(newline="")
    ends = data.draw(st.sampled_from(["\n", "\r\n"]))
    quoting = data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    writer = csv.writer(buffer, lineterminator=ends, quoting=quoting)
    writer.writerow(["b", "x", "a"])
    for row in rows:
        writer.writerow(row)
        buffer.write(data.draw(st.sampled_from(["", "", ends, ends * 2])))
    text = buffer.getvalue()
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    path.write_bytes(BOM * bom + (text if data.draw(st.booleans()) else text.removesuffix(ends)).encode())

    items = in_spans(CSV, path, size, piece, Row)

    expected = list(csv.DictReader(io.StringIO(text, newline="")))
    assert pairs(items) == [(each["a"], each["b"]) for each in expected]


@given(st.text(st.sampled_from('a,"\n\r é'), max_size=60), sizes, sizes, st.booleans())
def test_any_text_is_read_as_the_csv_module_reads_it(tmp_path_factory, text, size, piece, space):
    """Rows of another width and stray quotes cost their row, an open quote stops the file, and nothing else differs."""
    path = tmp_path_factory.mktemp("any") / "x.csv"
    path.write_text(text, encoding="utf-8", newline="")
    expected, is_open = by_csv(text, skipinitialspace=space)
    reader = csv_rows.of(columns=("a", "b"), skip_initial_space=space)

    try:
        items = in_spans(reader, path, size, piece, Row)
    except DamagedFile as error:
        ends_short = text[-1:] not in ("\n", "\r") and expected[-1:] == [None]
        assert is_open or ends_short or not text.strip("\r\n")
        assert f"byte {len(text.encode())}" in str(error)  # noqa: PT017 - either outcome is right
        return

    assert not is_open
    assert pairs(items) == expected


@given(st.text(st.sampled_from('a\t"\n\r é'), max_size=60), sizes, sizes)
def test_without_quoting_a_quote_is_text(tmp_path_factory, text, size, piece):
    """Where quotes mean nothing, every line is a row."""
    path = tmp_path_factory.mktemp("plain") / "x.tsv"
    path.write_text(text + "\n", encoding="utf-8", newline="")
    expected, _ = by_csv(text + "\n", "\t", quoting=csv.QUOTE_NONE)
    if not expected:
        return

    assert pairs(in_spans(PLAIN, path, size, piece, Row)) == expected


@given(st.data(), st.lists(st.tuples(cells, cells), min_size=1, max_size=20), sizes)
def test_a_changed_byte_is_told_or_read_as_the_csv_module_reads_it(tmp_path_factory, data, rows, piece):
    """Change any byte: rows are those of the changed file, and bytes that are no text make their row bad."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    content = bytearray(buffer.getvalue().encode())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("flip") / "x.csv"
    path.write_bytes(content)
    expected, is_open = by_csv(content.decode(errors="surrogateescape"))

    try:
        items = in_spans(PAIRS, path, 1 << 20, piece, Row)
    except DataError:
        assert is_open or expected[-1:] == [None] or content[:2] in (b"\x1f\x8b", b"PK") or not content.strip(b"\r\n")
        return

    escaped = [
        each if each and not any("\ud800" <= c <= "\udfff" for c in "".join(each)) else None for each in expected
    ]
    assert pairs(items) == escaped


def test_columns_fill_the_fields_of_their_names(file):
    """Columns may stand in any order, unknown ones are ignored, and text becomes what the type asks for."""
    path = file(b"label,id,other,the caption\nx,7,?,hello\n")

    (item,) = in_spans(CSV, path, 100, 100, Clip)

    assert item == Clip(7, "hello", "x")
    (item,) = in_spans(CSV, file(b"id,the caption\n8,\n"), 100, 100, Clip)
    assert item == Clip(8, "", "none")


def test_a_published_dialect_is_read(file):
    """Lines of comments at the top, no header, and blanks before quotes: the segments of AudioSet."""
    content = (
        b'# Segments csv created\n# num_ytids=2\n# YTID, start\n--4g, 0.000, 10.000, "/m/1,/m/2"\n#9, 1, 2, "/m/3"\n'
    )
    names = ("ytid", "start", "end", "labels")
    segments = csv_rows.of(columns=names, comment="#", skip_initial_space=True)
    raw = msgspec.defstruct("Segment", [("ytid", str), ("start", float), ("labels", str)])

    items = in_spans(segments, file(content), 20, 20, raw)

    assert [(each.ytid, each.start, each.labels) for each in items] == [("--4g", 0.0, "/m/1,/m/2"), ("#9", 1.0, "/m/3")]


BAD = [
    (b"x,a", "Expected `int`, got `str` at $.id", "$.id"),
    (b"7", "too few columns", "1 of 2"),
    (b"7,a,b", "too many columns", "3 of 2"),
    (b'7,"a"b', "a stray quote", "byte 0"),
    (b'7,"a\n\nb"c', "a stray quote", "byte 6"),
    (b"7,a\xff", "not valid UTF-8", "byte 3"),
    (b'7,"a\nb\xc3"', "not valid UTF-8", "byte 6"),
    (b",a", "Expected `int`, got `str` at $.id", "$.id"),
]


@pytest.mark.parametrize("piece", [1, 16, 1 << 20])
@pytest.mark.parametrize(("row", "reason", "where"), BAD, ids=range(len(BAD)))
def test_a_bad_row_costs_itself_only(file, piece, row, reason, where):
    """Wherever a bad row stands, it gives one Bad that says why and where, and its neighbours are whole."""
    for index in range(4):
        rows = [b"%d,a" % n for n in range(4)]
        rows[index] = row
        content = b"id,the caption\n" + b"".join(each + b"\n" for each in rows)

        items = in_spans(CSV, file(content), 10, piece, Clip)

        assert [each.id for each in items if type(each) is Clip] == [n for n in range(4) if n != index]
        assert items[index] == Bad(reason, where, content.index(b"\n" + row + b"\n") + 1)


MESSAGES = [
    (b"", "byte 0: expected rows separated by ',', got an empty file; download it again"),
    (BOM, "expected rows separated by ',', got an empty file"),
    (b"\n\r\n\n", "byte 4: expected rows separated by ',', got none; download it again"),
    (b"\x1f\x8b\x08", "got gzip data"),
    (b"<!DOCTYPE html>\n", "got a web page"),
    (b"PAR1", "expected rows separated by ',', got a Parquet file; use a source that reads Parquet"),
    (b"id,caption\n1,a\n", "expected columns `the caption` separated by ',', got `id`, `caption`; check"),
    (
        b"id\tthe caption\n1\ta\n",
        "expected columns `id`, `the caption` separated by ',', got `id\\tthe caption`; check",
    ),
    (b"id,the caption,id\n1,a,2\n", "expected one column `id`, got `id`, `the caption`, `id`; check"),
    (b'id,"the caption\n', "byte 16: expected a header row, got unexpected end of data; the file is cut"),
    (b'id,"the"caption\n', "byte 0: expected a header row, got a stray quote"),
    (b"id,\xff\n1,2\n", "byte 0: expected a header row, got bytes that are not valid UTF-8"),
    (b'id,the caption\n1,"a\n2,b\n', "byte 24: expected a quote that ends the cell in the row that starts at byte 15"),
    (b"id,the caption\n1,a\n2", "byte 20: expected 2 columns in the row that starts at byte 19, got the end of the"),
    (b'id,the caption\n1,"a', "byte 19: expected a quote that ends the cell in the row that starts at byte 15"),
]


@pytest.mark.parametrize(("content", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_messages(file, content, message):
    """A file that cannot be read is told in one line: where, what was expected, what is there, what to do."""
    for piece in (4, 1 << 20):
        with pytest.raises(DataError) as error:
            in_spans(CSV, file(content), 1 << 20, piece, Clip)

        assert message in str(error.value)
        assert "\n" not in str(error.value)


def test_a_header_alone_is_a_table_without_rows(file):
    """A file that holds its header only is whole."""
    assert in_spans(CSV, file(b"id,the caption"), 1, 1, Clip) == []
    assert in_spans(CSV, file(b"id,the caption\r\n\r\n"), 1, 1, Clip) == []


@pytest.mark.parametrize("encoding", ["cp949", "latin-1", "utf-8-sig", "shift_jis"])
def test_other_encodings_are_read(file, encoding):
    """Text in an encoding that keeps ASCII characters apart is read, positions count its bytes."""
    word = {"cp949": "한국어", "shift_jis": "日本語"}.get(encoding, "é")
    rows = "".join(f'{n},"{word}\n,{n}"\n' for n in range(50))
    content = f"id,the caption\n{rows}".encode(encoding)

    items = in_spans(csv_rows.of(encoding=encoding), file(content), 100, 50, Clip)

    assert [each.caption for each in items] == [f"{word}\n,{n}" for n in range(50)]


def test_bytes_that_an_encoding_does_not_know_are_bad(file):
    """The reason names the encoding."""
    items = in_spans(csv_rows.of(encoding="cp949"), file(b"id,the caption\n1,\xff\xff\n2,a\n"), 100, 100, Clip)

    assert items == [Bad("not valid cp949", "byte 2", 15), Clip(2, "a")]


def test_dialects_that_cannot_be_cut_are_refused():
    """Where a line feed's byte may be part of another character, or state lasts, a source is mistaken."""
    for encoding in ("utf-16", "utf-32-le", "utf-7", "iso2022_kr", "hz", "cp037"):
        with pytest.raises(ValueError, match="ASCII characters"):
            csv_rows.of(encoding=encoding)
    with pytest.raises(LookupError):
        csv_rows.of(encoding="nonsense")
    with pytest.raises(TypeError):
        csv_rows.of(",,")


def test_dialects_are_values():
    """A reader can be compared, hashed and sent to another process."""
    again = pickle.loads(pickle.dumps(PLAIN))

    assert again == PLAIN != CSV
    assert hash(again) == hash(PLAIN)


@pytest.mark.parametrize("piece", [10, 1000])
def test_a_row_that_goes_on_stops_the_file(file, monkeypatch, piece):
    """A row may be as long as LONGEST and no longer, whether its lines are long or many."""
    monkeypatch.setattr(depth, "LONGEST", 300)
    top, end = b"id,the caption\n1,a\n", b"3,c\n" * 200

    assert len(in_spans(CSV, file(top + b'2,"' + b"b\n" * 100 + b'"\n' + end), 500, piece, Clip)) == 202
    for long in (b"2," + b"b" * 400 + b"\n", b'2,"' + b"b\n" * 200 + b'"\n'):
        path = file(top + long + end)
        with pytest.raises(DamagedFile, match="byte 19: expected a row of at most 300 bytes, got one that goes on"):
            list(CSV.read(path, CSV.cut(path, 0), path.stat().st_size, Clip, piece))


def test_a_line_that_goes_on_cannot_be_cut(file, monkeypatch):
    """A place in a line that is too long stops the file, too; one near its end or the file's is cut there."""
    monkeypatch.setattr(depth, "LONGEST", 300)
    path = file(b"id,the caption\n1," + b"b" * 400 + b"\n2,c")

    with pytest.raises(DamagedFile, match="byte 30: expected a row of at most 300 bytes"):
        CSV.cut(path, 30)
    assert [CSV.cut(path, place) for place in (200, 419, 420)] == [418, 421, 421]


def test_cells_may_be_longer_than_the_csv_module_allows(file):
    """An image written as text is longer than the module's own bound."""
    (item,) = in_spans(CSV, file(b"id,the caption\n1," + b"x" * 300_000 + b"\n"), 100, 100, Clip)

    assert len(item.caption) == 300_000


def many_lines(count):
    """Write rows whose cells have many lines that look like rows."""
    rows = [[n, "like,row\n" * (n % 9)] for n in range(count)]
    csv.writer(buffer := io.StringIO(newline=""), lineterminator="\n").writerows(rows)
    return b"id,the caption\n" + buffer.getvalue().encode()


def test_cuts_follow_rows_not_lines(file):
    """Where cells have lines, nearly every cut is an edge, so that little is read twice."""
    path = file(many_lines(3000))
    first, *edges, last = cuts(CSV, path, 3000)
    true = {batch.end for batch in CSV.read(path, first, last, Clip, 1)}

    assert len(edges) > 30
    assert sum(edge in true for edge in edges) > 0.9 * len(edges)


def test_pieces_end_at_rows(file, monkeypatch):
    """Where cells have lines, pieces are decoded at once: no row is judged singly."""
    path = file(many_lines(3000))
    monkeypatch.setattr(csv_pieces, "Lines", counted := type("Counted", (csv_dialect.Lines,), {"made": []}))
    monkeypatch.setattr(
        counted, "__init__", lambda lines, *given: lines.made.append(1) or super(counted, lines).__init__(*given)
    )
    first, *_, last = cuts(CSV, path, 1 << 20)
    before = len(counted.made)

    batches = list(CSV.read(path, first, last, Clip, 2000))

    assert sum(len(batch.items) for batch in batches) == 3000
    assert len(batches) > 30
    assert len(counted.made) - before == 2  # the top and the header
    assert all(1000 < b - a < 5000 for a, b in pairwise([first, *(batch.end for batch in batches)][:-1]))


def test_a_quote_that_is_text_does_not_mislead_for_long(file):
    """Where a cell holds an odd number of quotes, rows are the same, and pieces go on."""
    rows = b"".join(b'%d,5" pipe\n' % n if n % 50 == 0 else b"%d,a\n" % n for n in range(2000))

    items = in_spans(CSV, file(b"id,the caption\n" + rows), 3000, 300, Clip)

    assert [each.id for each in items] == list(range(2000))


def test_extra_columns_may_be_refused(file):
    """A type that forbids what it does not know gets every column."""
    strict = msgspec.defstruct("Strict", [("id", int)], forbid_unknown_fields=True)

    (item,) = in_spans(CSV, file(b"id,x\n1,2\n"), 100, 100, strict)

    assert item == Bad("Object contains unknown field `x`", "$", 5)


TORN = csv_rows.of(starts=rb"\d+,")
TORN_TEXT = b"""id,the caption
1,a whole row
2,torn\x20
  in two
3,"quoted, with a comma"
4,torn

in
three, no
5,torn at
its end
"""


@pytest.mark.parametrize("piece", [1, 20, 1 << 20])
@pytest.mark.parametrize("size", [1, 7, 30, 1 << 20])
def test_rows_torn_apart_are_mended(file, size, piece):
    """With `starts`, a line that begins no row goes on with the one before, behind a blank, wherever the file is cut."""
    items = in_spans(TORN, file(TORN_TEXT), size, piece, Clip)

    assert [each if type(each) is Bad else each.caption for each in items] == [
        "a whole row",
        "torn in two",
        "quoted, with a comma",
        Bad("too many columns", "3 of 2", TORN_TEXT.index(b"4,")),
        "torn at its end",
    ]


torn = st.sampled_from(
    ["1,", "22,", "a", "b ", " ", '"', '""', "\n", "\n", "\r\n", "\r", ",", "é", "3,x\n", '4,"q\nr"\n', '5,"a\n6,b"\n']
)


@given(st.lists(torn, max_size=40).map("".join), sizes, sizes)
def test_torn_rows_are_read_as_the_csv_module_reads_mended_ones(tmp_path_factory, text, size, piece):
    """Where lines are joined first, the csv module reads the same rows, wherever the file is cut."""
    path = tmp_path_factory.mktemp("torn") / "x.csv"
    path.write_text("0,x\n" + text, encoding="utf-8", newline="")
    rows = re.split(r"(?<=[\r\n])(?=\d+,)", "0,x\n" + text)
    lines = [re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+", row) for row in rows]
    mended = [row[0] if len(row) == 1 else " ".join(filter(None, map(str.strip, row))) + "\n" for row in lines]
    expected, is_open = by_csv("".join(mended))

    try:
        items = in_spans(csv_rows.of(columns=("a", "b"), starts=rb"\d+,"), path, size, piece, Row)
    except DamagedFile:
        assert is_open or text[-1:] not in ("\n", "\r")
        return

    assert not is_open
    assert pairs(items) == expected


def test_empty_cells_stay_where_rows_are_torn(file):
    """Only blanks and line breaks go where lines are joined: tabs may separate cells."""
    table = csv_rows.of("\t", ("id", "the caption", "label"), starts=rb"\d+\t")

    items = in_spans(table, file(b"1\ta\t\n\n2\tb\t\nmore\n3\tc\n\td\n"), 1 << 20, 1 << 20, Clip)

    assert [(each.caption, each.label) for each in items] == [("a", ""), ("b", " more"), ("c ", "d")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,the caption\n1,a\n2", "byte 20: expected a line that begins a row, or a line break, got the end of the"),
        (b"id,the caption\n1,a\n2,b\nbc", "byte 25: expected a line that begins a row, or a line break"),
        (b"id,the caption\n1", "byte 16: expected 2 columns in the row that starts at byte 15"),
    ],
)
def test_a_torn_file_cut_short_is_told(file, content, message):
    """What may be the next row's beginning is not taken for the last row's end."""
    with pytest.raises(DamagedFile, match=message):
        in_spans(TORN, file(content), 1 << 20, 1 << 20, Clip)


def test_a_torn_row_has_an_end(file, monkeypatch):
    """Lines that begin no row are bounded like a row."""
    monkeypatch.setattr(depth, "LONGEST", 64)

    with pytest.raises(DamagedFile, match="a row of at most 64 bytes"):
        in_spans(TORN, file(b"id,the caption\n1,a\n" + b"more\n" * 40), 1 << 20, 1 << 20, Clip)


def test_comments_may_begin_in_several_ways(file):
    """A row that looks like one of them further down is a row."""
    noted = csv_rows.of(columns=("a", "b"), comment=("# ", "a,"))

    items = in_spans(noted, file(b"# x,y\na,b\n#1,2\na,3\n"), 1 << 20, 1 << 20, Row)

    assert [(each.a, each.b) for each in items] == [("#1", "2"), ("a", "3")]
