"""A file that still grows at its end is read, up to a distance from there, exactly as when it is whole."""

from __future__ import annotations

import csv
import io
import json
import os
import random

import pytest
from test_readers import Record

from mixer.errors import DamagedFile, DataError
from mixer.readers import (
    AHEAD,
    csv_pieces,
    csv_rows,
    depth,
    envelope,
    json_array,
    json_lines,
    json_member,
    json_object,
    json_records,
    pieces,
)

NEAR = 400
"""What stands for AHEAD in small files."""


def values(count, rng):
    """Make records, some of them bad, long, or such that they mislead guesses."""
    made = []
    for number in range(count):
        text = rng.choice(["", "}, {", '"', "x" * rng.randrange(120), '}, {"id": 1', "a\nb,c\n"])
        sub = rng.choice([None, [{"id": 1, "text": ""}, {"id": 2, "text": ""}], {"id": []}])
        made.append({"id": rng.choice([number] * 9 + ["bad"]), "text": text, "sub": sub})
    return made


def as_csv(made):
    """Write records as rows, some of another width."""
    writer = csv.writer(buffer := io.StringIO(newline=""), lineterminator="\n")
    writer.writerow(["id", "text"])
    writer.writerows([each["id"], each["text"]] for each in made)
    return buffer.getvalue()


FILES = {
    "array": (json_array, json.dumps),
    "spread": (json_array, lambda made: json.dumps(made, indent=2)),
    "object": (json_object, lambda made: json.dumps({str(n): each for n, each in enumerate(made)})),
    "lines": (json_lines, lambda made: "".join(json.dumps(each) + "\n" for each in made)),
    "member": (json_member.of("a", "b"), lambda made: json.dumps({"c": made[:3], "a": {"x": 1, "b": made}, "d": 2})),
    "keyed": (json_member.of("b"), lambda made: json.dumps({"b": {str(n): each for n, each in enumerate(made)}})),
    "either": (json_records.of(), json.dumps),
    "csv": (csv_rows.of(), as_csv),
    "plain": (csv_rows.of(columns=("id", "text"), quoting=False), as_csv),
}


def outcome(call):
    """Give what a call gives, or the error it raises."""
    try:
        return call()
    except DataError as error:
        return str(error)


@pytest.fixture
def near(monkeypatch):
    """Let readers look less far."""
    monkeypatch.setattr(depth, "LONGEST", NEAR)
    monkeypatch.setattr(pieces, "FARTHEST_CUT", NEAR // pieces.REACH)
    monkeypatch.setattr(csv_pieces, "SAMPLED", NEAR)
    monkeypatch.setattr(csv_pieces, "CANDIDATES", 3)
    monkeypatch.setattr(envelope, "TAIL", 50)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("seed", range(4))
def test_what_stands_far_enough_from_the_end_is_as_in_the_whole_file(tmp_path, near, kind, seed):
    """Cuts and spans that end far enough before the end of what is there are those of the whole file."""
    rng = random.Random(seed)
    reader, write = FILES[kind]
    content = write(values(60, rng)).encode()
    path = tmp_path / "x"
    path.write_bytes(content)
    first = reader.cut(path, 0)
    edges = [first, *(batch.end for batch in outcome(lambda: list(reader.read(path, first, len(content), Record, 1))))]
    asked = []
    for _ in range(60):
        length = rng.randrange(first + NEAR, len(content) + 1)
        stop = rng.randrange(first, length - NEAR + 1)
        start = rng.choice([edge for edge in edges if edge <= stop])
        asked.append((length, start, stop, rng.choice([1, 30, 200, 1000])))

    def read(start, stop, piece):
        return outcome(lambda: [(batch.items, batch.end) for batch in reader.read(path, start, stop, Record, piece)])

    expected = [(read(start, stop, piece), reader.cut(path, stop)) for _, start, stop, piece in asked]
    for (length, start, stop, piece), (batches, cut) in zip(asked, expected, strict=True):
        path.write_bytes(content[:length])
        assert read(start, stop, piece) == batches
        assert reader.cut(path, stop) == cut
        assert reader.cut(path, 0) == first


@pytest.mark.parametrize("kind", FILES)
def test_ahead_is_far_enough(tmp_path, kind):
    """The distance that readers promise is enough for the lengths they really look at."""
    reader, write = FILES[kind]
    made = [{"id": n, "text": "t" * 900, "sub": None} for n in range(2000)]
    content = write(made).encode()
    path = tmp_path / "x"
    path.write_bytes(content)
    start, stop = reader.cut(path, 0), 500_000
    whole = [(batch.items, batch.end) for batch in reader.read(path, start, stop, Record, 1 << 18)]
    middle = content.rindex(b"ttt", 0, len(content) - 50_000)
    with path.open("wb") as file:  # a text goes on, and its file is cut short in it
        file.write(content[:middle])
        for _ in range(AHEAD // (1 << 20) + 1):
            file.write(b"t" * (1 << 20))

    for length in (stop + AHEAD, path.stat().st_size):
        os.truncate(path, length)
        assert [(batch.items, batch.end) for batch in reader.read(path, start, stop, Record, 1 << 18)] == whole
        assert reader.cut(path, stop) < stop + 2000


def test_what_follows_a_member_is_missed_until_it_is_there(tmp_path):
    """The end of a long file behind the records is looked at when they end: until then an error says it is missing."""
    content = json.dumps({"b": [{"id": 1, "text": "a"}], "z": ["x" * 1000] * 100}).encode()
    path = tmp_path / "x.json"
    reader = json_member.of("b")
    path.write_bytes(content[: len(content) // 2])
    start = reader.cut(path, 0)

    with pytest.raises(DamagedFile, match=f"byte {len(content) // 2}: "):
        list(reader.read(path, start, 1000, Record, 100))
    path.write_bytes(content)
    (batch,) = reader.read(path, start, 1000, Record, 1 << 20)
    assert batch.end == len(content)
