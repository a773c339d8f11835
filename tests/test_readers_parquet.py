"""Rows of Parquet files become records, chunk by chunk, and damage is told as such."""

from __future__ import annotations

import random
from itertools import pairwise

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad, bytes_a_place, cuts, json_array, parquet_rows


class Image(msgspec.Struct):
    """An image as the Hub embeds it."""

    content: bytes = msgspec.field(name="bytes")  # not `bytes`, which would hide the type's name
    path: str | None = None


class Record(msgspec.Struct):
    """A row with nested values."""

    id: int
    text: str = msgspec.field(name="the text")
    image: Image | None = None
    tags: list[str] = []


def rows(count):
    """Make rows."""
    return [
        {
            "id": n,
            "the text": f"é {n}",
            "image": {"bytes": bytes([n % 256, 255]), "path": None if n % 2 else f"{n}.jpg"},
            "tags": ["a"] * (n % 3),
            "other": n / 7,
        }
        for n in range(count)
    ]


def written(path, values, group=100):
    """Write rows as a Parquet file with row groups of a size."""
    pl.DataFrame(values, infer_schema_length=None).write_parquet(path, row_group_size=group)
    return path


def read(path, size=1 << 30, piece=1 << 20, raw=Record):
    """Read a file in spans."""
    items = []
    for start, stop in pairwise(cuts(parquet_rows, path, size)):
        end = start
        for batch in parquet_rows.read(path, start, stop, raw, piece):
            assert len(batch.items) == batch.end - end
            items += batch.items
            end = batch.end
        assert end == stop
    return items


@given(st.integers(1, 300), st.sampled_from([7, 100, 1000]), st.sampled_from([100, 3000, 1 << 30]), st.integers(1, 400))
def test_rows_become_records(tmp_path_factory, count, group, size, piece):
    """However a file is grouped and cut, its rows come in order, with embedded bytes as bytes."""
    path = written(tmp_path_factory.mktemp("parquet") / "x.parquet", rows(count), group)

    items = read(path, size, piece)

    assert items == [msgspec.convert(row, Record) for row in rows(count)]


def test_places_are_rows(tmp_path):
    """Positions count rows, cuts are asked for in bytes, and a place stands for its share of the file."""
    path = written(tmp_path / "x.parquet", rows(1000))

    assert [parquet_rows.cut(path, place) for place in (-1, 0, 17, 1000, 1 << 62)] == [0, 0, 17, 1000, 1000]
    assert parquet_rows.unit == "rows"
    assert bytes_a_place(parquet_rows, path) == path.stat().st_size / 1000
    assert len(cuts(parquet_rows, path, path.stat().st_size // 10)) == pytest.approx(11, abs=1)
    assert bytes_a_place(json_array, path) == 1


def test_a_table_without_rows_is_whole(tmp_path):
    """A file may have no rows."""
    path = tmp_path / "x.parquet"
    pl.DataFrame(schema={"id": pl.Int64, "the text": pl.String}).write_parquet(path)

    assert cuts(parquet_rows, path, 100) == [0, 0]
    assert read(path) == []


def test_chunks_are_bounded(tmp_path, monkeypatch):
    """A chunk holds about as many bytes as it may, few rows at first, since they may be large."""
    path = written(tmp_path / "x.parquet", [{"id": n, "the text": "x" * 1000} for n in range(5000)])
    monkeypatch.setattr(parquet_rows, "CHUNK", 300_000)

    ends = [batch.end for batch in parquet_rows.read(path, 0, 5000, Record, 1 << 20)]

    assert ends[0] == parquet_rows.FIRST_ROWS
    assert all(250 < b - a < 310 for a, b in pairwise(ends[:-1]))


def test_batches_are_bounded(tmp_path, monkeypatch):
    """A batch holds no more than it may, in bytes as in rows, so that Python's values take little memory."""
    path = written(tmp_path / "x.parquet", [{"id": n, "the text": "x" * 1000} for n in range(500)])

    for name, most in (("BATCH", 20_300), ("BATCH_ROWS", 20)):
        with monkeypatch.context() as patch:
            patch.setattr(parquet_rows, name, most)
            sizes = [len(batch.items) for batch in parquet_rows.read(path, 0, 500, Record, 1 << 20)]
        assert sum(sizes) == 500
        assert max(sizes) == 20


def test_a_bad_row_costs_itself_only(tmp_path):
    """A row that is not of the type says why and which it is."""
    values = rows(5)
    values[3]["the text"] = None
    path = written(tmp_path / "x.parquet", values)

    items = read(path)

    assert items[3] == Bad("Expected `str`, got `null` at $.the text", "$.the text", 3)
    assert [each.id for each in items if type(each) is Record] == [0, 1, 2, 4]


def test_columns_that_a_type_asks_for_are_told(tmp_path):
    """A missing column is told with those that are there; those that may be missing are not asked for."""
    path = written(tmp_path / "x.parquet", [{"id": 1, "text": "a"}])

    with pytest.raises(DataError, match=r"x\.parquet: expected columns `the text`, got `id`, `text`; check that"):
        read(path)
    assert read(path, raw=msgspec.defstruct("One", [("id", int), ("no", str, "")]))[0].no == ""
    assert len(read(path, raw=msgspec.defstruct("None_", [("no", str, "")]))) == 1


def test_a_path_is_no_pattern(tmp_path):
    """A path may hold what other tools take for a pattern or a partition."""
    folder = tmp_path / "id=7" / "[a]*"
    folder.mkdir(parents=True)

    assert [each.id for each in read(written(folder / "x?.parquet", rows(3)))] == [0, 1, 2]


def test_rows_that_are_not_there_are_missed(tmp_path, monkeypatch):
    """Where a file says that it has more rows than can be read, it is damaged."""
    path = written(tmp_path / "x.parquet", rows(30))
    monkeypatch.setattr(parquet_rows._File, "rows", lambda _file: 31)

    with pytest.raises(DamagedFile, match="expected a Parquet file, got none of the rows from 30 on"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a Parquet file, got an empty file"),
        (b"[1]", "expected a Parquet file, got a JSON array"),
        (b"PK\x03\x04", "expected a Parquet file, got a zip archive"),
        (b"hello", "byte 0: expected a Parquet file, got `h`"),
        (b"PAR1", "byte 4: expected the end of a Parquet file, got the end of the file; the file is cut short"),
        (b"PAR1" + b"\0" * 8 + b"PAR1", "expected a Parquet file, got "),
    ],
)
def test_messages(tmp_path, content, message):
    """A file that is no Parquet file is told in one line."""
    path = tmp_path / "x.parquet"
    path.write_bytes(content)

    with pytest.raises(DataError) as error:
        read(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_cut_short_is_damaged(tmp_path):
    """A file cut at any byte has lost what says where its columns are."""
    content = written(tmp_path / "x.parquet", rows(30)).read_bytes()
    path = tmp_path / "cut.parquet"

    for length in range(4, len(content), 41):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedFile, match="download it again"):
            read(path)


def test_damage_inside_is_told_or_leaves_rows(tmp_path, capfd):
    """A changed byte gives an error of ours, or rows: never another exception; checksums are optional."""
    content = written(tmp_path / "x.parquet", rows(100), 20).read_bytes()
    path, rng, told = tmp_path / "flip.parquet", random.Random(5), 0

    for _ in range(150):
        changed = bytearray(content)
        changed[rng.randrange(4, len(content) - 8)] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            read(path)
        except DataError as error:
            told += 1
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right

    assert told > 10
    capfd.readouterr()  # what polars says of its panics
