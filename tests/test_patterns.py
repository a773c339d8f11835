"""Files that a source names by a pattern: every match is read, in the order of names, and records know their file."""

from __future__ import annotations

import gzip
import json

import msgspec
import pytest
from conftest import INVENTED, records

from mixer.catalogue import convert
from mixer.conversation import qa
from mixer.errors import DataError, MissingFile
from mixer.readers import json_lines
from mixer.sources import File, Grouping, Lookup


class Raw(msgspec.Struct):
    """A question that does not say which set it is of."""

    number: int
    question: str
    file: str = ""
    answer: str = "none"

    @property
    def key(self) -> tuple[str, int]:
        """Tell it from the questions of other sets."""
        return self.file.partition("/")[0], self.number


class Answer(msgspec.Struct):
    """An answer, in a file of its set."""

    number: int
    text: str
    file: str = ""


def one(raw, _options):
    """Ask a question."""
    return qa(id="/".join(map(str, raw.key)), question=raw.question, answer=raw.answer)


ANSWERS = Lookup(
    File("*/answers.jsonl", json_lines, Answer, named="file"),
    key=lambda entry: (entry.file.partition("/")[0], entry.number),
    row=lambda entry: entry.text,
    match="key",
    field="answer",
)
FILES = (File("*/questions-*.jsonl", json_lines, Raw, named="file"),)


@pytest.fixture
def root(tmp_path):
    """Write two sets, each with two files of questions and one of answers, numbered alike."""
    for name in ("b", "a"):
        folder = tmp_path / "data" / INVENTED / name
        folder.mkdir(parents=True)
        for part in (2, 1):
            line = {"number": part, "question": f"Q {name} {part}?"}
            (folder / f"questions-{part}.jsonl").write_text(json.dumps(line) + "\n")
        answers = [json.dumps({"number": part, "text": f"A {name} {part}"}) + "\n" for part in (1, 2)]
        (folder / "answers.jsonl").write_text("".join(answers))
    return tmp_path / "data"


def made(root, tmp_path, name="out"):
    """Convert; give ids and answers, in order, and the entry."""
    entry = convert(INVENTED, out=tmp_path / f"{name}.jsonl", data=root, cache=tmp_path / name)
    rows = records(tmp_path / f"{name}.jsonl")
    return {row["id"]: row["conversations"][1]["value"] for row in rows}, entry


EXPECTED = {"a/1": "A a 1", "a/2": "A a 2", "b/1": "A b 1", "b/2": "A b 2"}


def test_every_match_is_read_in_order_and_records_know_their_file(invented, root, tmp_path):
    """Lookups join inside a set only, since both sides know their file; the ledger names every file."""
    invented(one, FILES, lookups=(ANSWERS,))

    got, entry = made(root, tmp_path)

    assert list(got.items()) == list(EXPECTED.items())
    assert [file.path for file in entry.ledger.files] == [
        *("a/questions-1.jsonl", "a/questions-2.jsonl", "b/questions-1.jsonl", "b/questions-2.jsonl"),
        *("a/answers.jsonl", "b/answers.jsonl"),
    ]


def test_matches_may_be_packed(invented, root, tmp_path):
    """They keep their published names."""
    invented(one, FILES, lookups=(ANSWERS,))
    for path in root.rglob("questions-*.jsonl"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()

    assert made(root, tmp_path)[0] == EXPECTED


def test_names_match_however_a_system_spells_them(invented, root, tmp_path):
    """Some file systems take letters apart into pieces; the published name, and so the result, is the same."""
    invented(one, (File("b*n/questions-*.jsonl", json_lines, Raw, named="file"),))
    folder = root / INVENTED
    (folder / "a").rename(folder / "b\u00e9n")
    composed, entry = made(root, tmp_path, "composed")
    (folder / "b\u00e9n").rename(folder / "be\u0301n")

    decomposed, same = made(root, tmp_path, "decomposed")

    assert list(composed) == list(decomposed) == ["b\u00e9n/1", "b\u00e9n/2"]
    assert entry.ledger.address == same.ledger.address


def test_grouped_records_know_their_file_and_lost_ones_name_it(invented, root, tmp_path):
    """A bad record of the second set is listed under its own file, by its number there."""
    invented(lambda raws, options: [one(raw, options) for raw in raws], FILES, grouping=Grouping(by="key"))
    with (root / INVENTED / "b/questions-1.jsonl").open("a") as file:
        file.write('{"number": "x"}\n{"number": 7, "question": "Q?"}\n')

    got, entry = made(root, tmp_path)

    assert list(got) == ["a/1", "a/2", "b/1", "b/7", "b/2"]
    assert [(lost["file"], lost["item"]) for lost in entry.lost()] == [("b/questions-1.jsonl", 1)]


def test_a_lookup_file_without_any_usable_record_is_an_error(invented, root, tmp_path):
    """It says what is wrong with the first; a file that only has some bad ones serves with the others."""
    invented(one, FILES, lookups=(ANSWERS,))
    path = root / INVENTED / "a/answers.jsonl"
    path.write_text('{"number": 1, "text": "A a 1"}\n{"number": 2}\n')
    assert made(root, tmp_path)[0] == {**EXPECTED, "a/2": "none"}

    path.write_text('{"id": 1}\n{"id": 2}\n')
    with pytest.raises(DataError, match=r"answers.jsonl: no record of it can be used: .*`number`"):
        made(root, tmp_path)


def test_no_match_is_a_missing_file(invented, root, tmp_path):
    """It is named by its pattern; other sources' files below the data root never match."""
    invented(one, FILES, lookups=(ANSWERS,))
    (root / INVENTED).rename(root / "other")

    with pytest.raises(MissingFile, match=rf"{INVENTED}: \*/questions-\*\.jsonl is missing"):
        made(root, tmp_path)
