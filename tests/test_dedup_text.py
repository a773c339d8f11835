"""`mixer dedup text`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from conftest import recipe

from mixer.commands.dedup_text import text
from mixer.errors import DataError, UsageError
from mixer.near import near_file

np = pytest.importorskip("numpy")
pytest.importorskip("rensa")

STORY = " ".join(f"word{number}" for number in range(60))
ANSWERS = (STORY, STORY.upper(), STORY.replace("word30 ", "other "), "Something else.")


@pytest.fixture
def own(tmp_path):
    """Give a file of four records: a text, its copy, one of another word, and another text."""
    path = tmp_path / "own.json"
    turns = ([{"from": "human", "value": "Tell."}, {"from": "gpt", "value": answer}] for answer in ANSWERS)
    path.write_text(json.dumps([{"id": f"{at}", "conversations": each} for at, each in enumerate(turns)]))
    return path


@pytest.fixture
def run(tmp_path, cache):
    """Run the command with results in `out`; give what it printed."""

    def run(*arguments):
        given = [*map(str, arguments), "-o", str(tmp_path / "out"), "--cache", str(cache), "--workers", "1"]
        return CliRunner().invoke(text, given, catch_exceptions=False, standalone_mode=True)

    return run


def ids_of(path):
    """Count what a list of kept items holds."""
    return len(path.read_text(encoding="utf-8").splitlines())


def test_table_and_lists(tmp_path, run, own, cache):
    """The table says how many stay at each threshold; the lists say which, and for which others."""
    printed = run("llava_json", "--path", own, "--threshold", "0.9", "--threshold", "0.95")

    out = tmp_path / "out"
    told = json.loads((out / "table.json").read_text(encoding="utf-8"))
    dropped = [json.loads(line) for line in (out / "dropped-0.9.jsonl").read_text().splitlines()]
    assert printed.exit_code == 0
    assert [(each["similar"], each["kept"], each["percent"]) for each in told["total"]["at"]] == [
        (2, 2, 50.0), (1, 3, 75.0)
    ]  # fmt: skip
    assert [ids_of(out / f"kept-{each}.txt") for each in (0.9, 0.95)] == [2, 3]
    assert sorted(each["score"] for each in dropped) in ([58 / 64, 58 / 64], [58 / 64, 1.0])
    assert {each["source"] for each in dropped} == {"llava_json"}
    assert "1 record is a copy of another in all that is compared" in printed.stdout
    assert "--exhaustive misses none" in printed.stdout
    assert str(out / near_file.NAME) in printed.stdout
    assert not list((cache / "texts").iterdir())


def test_json(tmp_path, run, own):
    """For programs it prints what table.json says, and where the results lie."""
    printed = json.loads(run("llava_json", "--path", own, "--by", "exact", "--json", "-q").stdout)

    told = json.loads((tmp_path / "out" / "table.json").read_text(encoding="utf-8"))
    assert printed == {"path": str(tmp_path / "out"), **told}
    assert (told["method"], told["least"], told["copies"], told["missed"]) == ("exact", 1.0, 1, {})


def test_a_threshold_that_is_no_number_is_refused(tmp_path, run, own):
    """It would be reached by no pair, and all would seem to be distinct."""
    with pytest.raises(UsageError, match="--threshold nan: expected a number above 0"):
        run("llava_json", "--path", own, "--threshold", "nan")
    assert not (tmp_path / "out").exists()


def test_quiet(run, own):
    """Quiet, it prints nothing."""
    assert run("llava_json", "--path", own, "-q").output == ""


def test_exhaustive(run, own):
    """A search that misses nothing says nothing of missed pairs."""
    printed = run("llava_json", "--path", own, "--exhaustive", "--threshold", "0.9", "--ngram", "1").stdout
    none = run("vqav2", "--data", "miniatures", "--exhaustive").stdout

    assert "miss" not in printed
    assert "1 pair in" in printed
    assert "0 pairs in" in none
    assert "cop" not in none


def test_mix_and_recipe(tmp_path, run, mixer):
    """The records of a mix are those of its recipe, by the same names."""
    written = recipe(tmp_path, sources={"vqav2": {}, "okvqa": {}, "again": {"use": "vqav2"}})
    mixer("build", written, "-o", tmp_path / "mix", "--data", "miniatures")

    items = []
    for given in (tmp_path / "mix", written):
        assert run(given, "--data", "miniatures", "--across", "--text-only", "-q").exit_code == 0
        items.append(near_file.read(tmp_path / "out" / near_file.NAME).items)

    assert items[0].equals(items[1])
    assert set(items[0]["folder"]) == {"vqav2", "okvqa"}
    assert items[0]["item"].str.contains(r"^(vqav2|okvqa)/[0-9a-f]{16}$").all()


def test_embeddings(tmp_path, run, own):
    """Vectors of the user's decide, by the names that come with them."""
    np.save(tmp_path / "vectors.npy", np.array([[1, 0], [0, 1], [1, 0.01], [-1, 0]], np.float32))
    (tmp_path / "names.txt").write_text("0\n1\n2\n3\n")
    given = ("--embeddings", tmp_path / "vectors.npy", "--names", tmp_path / "names.txt")

    assert run("llava_json", "--path", own, *given, "-q").exit_code == 0

    near = near_file.read(tmp_path / "out" / near_file.NAME)
    assert (near.about.method, near.about.least, len(near.pairs)) == ("cosine", 0.8, 1)
    (tmp_path / "names.txt").write_text("0\n1\n2\nx\n")
    with pytest.raises(DataError, match="1 of 4 records have no embedding"):
        run("llava_json", "--path", own, *given)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--by", "embeddings"), "needs --embeddings"),
        (("--by", "exact", "--embeddings", "x.npy"), "looks at no embeddings"),
        (("--names", "x.txt"), "goes with --embeddings"),
        (("--embeddings", "x.npy", "--informative"), "embed the informative parts"),
        (("--by", "exact", "--threshold", "0.9"), "exact copies are alike by 1"),
        (("--by", "exact", "--ngram", "5"), "--ngram: goes with --by minhash"),
        (("--embeddings", "x.npy", "--exhaustive"), "--exhaustive: goes with --by minhash"),
        (("--exhaustive", "--permutations", "64"), "does without"),
        (("--option", "a=b"), "is no source"),
    ],
)
def test_refused(run, arguments, message):
    """What does not go together is refused before any work."""
    with pytest.raises(UsageError, match=message):
        run("nothing.yaml", *arguments)


def test_foreign_folder(tmp_path, run, own):
    """A folder that holds something else is not replaced."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()

    with pytest.raises(UsageError, match=r"holds thesis\.tex"):
        run("llava_json", "--path", own)
    assert (tmp_path / "out" / "thesis.tex").exists()
