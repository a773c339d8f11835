"""Records that name texts by number are read with the pools of their own file, wherever those stand in it."""

from __future__ import annotations

import json
from itertools import permutations

import msgspec
import pytest
from test_readers import in_spans

from mixer.errors import DamagedFile, DataError
from mixer.readers import json_pooled, reads_from_end

READER = json_pooled.of("data", "dialogs", pools=("questions", "answers"))
QUESTIONS = ["is it lit", 'a "]}" in a text', "why \\ not", "\u2028"]
ANSWERS = ["no", "}, {"]
DIALOGS = [{"id": number} for number in range(30)]


class Record(msgspec.Struct):
    """A record that gets two pools."""

    id: int
    questions: list[str] = []
    answers: list[str] = []


def written(path, **members):
    """Write a file of these members; give its path."""
    path.write_text(json.dumps({"version": 1, "data": members, "split": "x"}), encoding="utf-8")
    return path


@pytest.mark.parametrize("names", list(permutations(["questions", "answers", "dialogs"])))
@pytest.mark.parametrize("size", [60, 1 << 20])
def test_every_record_gets_the_pools(tmp_path, names, size):
    """Before or behind the records, and however the file is cut: the texts are those of a parser of the whole."""
    members = {"questions": QUESTIONS, "answers": ANSWERS, "dialogs": DIALOGS}
    path = written(tmp_path / "x.json", **{name: members[name] for name in names})

    items = in_spans(READER, path, size, size, Record)

    assert [each.id for each in items] == list(range(30))
    assert all((each.questions, each.answers) == (QUESTIONS, ANSWERS) for each in items)
    assert items[0].questions is items[-1].questions, "held once"


def test_pools_of_files_are_not_mixed(tmp_path):
    """Each file has its own, and a file that has changed is read again."""
    first = written(tmp_path / "a.json", questions=["a"], answers=[], dialogs=DIALOGS)
    second = written(tmp_path / "b.json", questions=["bb"], answers=[], dialogs=DIALOGS)

    assert in_spans(READER, first, 99, 99, Record)[0].questions == ["a"]
    assert in_spans(READER, second, 99, 99, Record)[0].questions == ["bb"]
    written(first, questions=["a", "c"], answers=["d"], dialogs=DIALOGS)
    assert in_spans(READER, first, 99, 99, Record)[0].questions == ["a", "c"]


def test_bad_records_stay_bad(tmp_path):
    """A record that does not decode has no attributes to set."""
    path = written(tmp_path / "x.json", questions=[], answers=[], dialogs=[{"id": 1}, {"id": "one"}])

    good, bad = in_spans(READER, path, 1 << 20, 1 << 20, Record)

    assert (good.id, bad.where) == (1, "$.id")


@pytest.mark.parametrize(
    ("pools", "said"),
    [
        ({"questions": ["a"]}, "expected a member `answers` of `data`, got `questions`, `dialogs`"),
        ({"questions": [1], "answers": []}, "expected an array of texts in the member `questions`"),
        ({"questions": {"0": "a"}, "answers": []}, "expected an array of texts in the member `questions`"),
        ({"questions": "a", "answers": []}, "expected an array or object of records in a member `questions`"),
    ],
)
def test_without_texts_no_record_is_read(tmp_path, pools, said):
    """A pool that is missing or holds something else is told with its name."""
    path = written(tmp_path / "x.json", **pools, dialogs=DIALOGS)

    with pytest.raises(DataError, match=said):
        in_spans(READER, path, 1 << 20, 1 << 20, Record)


@pytest.mark.parametrize("names", [("questions", "answers", "dialogs"), ("dialogs", "answers", "questions")])
def test_a_file_cut_short_is_damaged(tmp_path, names):
    """Wherever it ends, in the pools or in the records."""
    members = {"questions": QUESTIONS, "answers": ANSWERS, "dialogs": DIALOGS[:2]}
    whole = written(tmp_path / "x.json", **{name: members[name] for name in names}).read_bytes()

    for length in range(len(whole)):
        (tmp_path / "x.json").write_bytes(whole[:length])
        with pytest.raises(DamagedFile, match=r"byte \d+"):
            in_spans(READER, tmp_path / "x.json", 1 << 20, 1 << 20, Record)


def test_it_needs_the_whole_file():
    """A pool may stand behind the records, so a file that still grows is not read."""
    assert reads_from_end(READER)
