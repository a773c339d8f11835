"""A sample is exactly the records it says, in every form, and every form can be opened whatever the texts hold."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from click.testing import CliRunner
from conftest import recipe, records
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mixer import build, manifest, sampling
from mixer.commands import sample as command
from mixer.conversation import Conversation, Turn
from mixer.errors import MixerError
from mixer.sampling import Choice, markdown, page, workbook
from mixer.sampling.choosing import PLACE, chosen, of_leaves
from mixer.sampling.records import plain, read, visible

ODD = "_x0041_ <b>bold</b> & \x1b[31m\x07\x85\u202e\ufffe 漢字 😀 line\r\nnext"


def record(number, *texts, **more):
    roles = ["human", "gpt"] * len(texts)
    turns = [{"from": role, "value": text} for role, text in zip(roles, texts, strict=False)]
    return {"id": f"r{number}", **more, "conversations": turns}


@pytest.fixture(scope="module")
def mix(tmp_path_factory):
    """Build a mix of two leaves, one shown twice: plain records, and some that are hard to show."""
    folder = tmp_path_factory.mktemp("sample")
    many = [record(number, f"Is {number} odd?", f"Ask {number}.") for number in range(60)]
    odd = [
        record("img", "<image>\nWhat?", "A disc.", image="a/disc.png"),
        record("two", "<image><image>Which?", "Both.", image=["a/disc.png", "a/absent.png"]),
        record("odd", ODD, f"Yes {ODD}"),
        record("rich", "=1+1", "<r>text</r>"),
        record("long", "Say much.", "x" * 40_000 + "😀"),
        record("film", "<video>\nWhat?", "A film.", video="v/film.mp4"),
        {
            "id": "<r>&</r>",
            "conversations": [{"from": "system", "value": "Be brief."}, *record(0, "a", "b")["conversations"]],
        },
    ]
    for name, values in (("many", many), ("odd", odd)):
        (folder / f"{name}.json").write_text(json.dumps(values))
    (folder / "media/a").mkdir(parents=True)
    Image.new("RGB", (500, 300), "navy").save(folder / "media/a/disc.png")
    own = {"use": "llava_json"}
    leaves = {"many": {**own, "path": "many.json", "epochs": 2}, "odd": {**own, "path": "odd.json"}}
    path = recipe(folder, "both", sources=leaves, output={"for": "jsonl"})
    return build(path, folder / "mix", cache=folder / "store").path


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Build a mix of preference pairs."""
    folder = tmp_path_factory.mktemp("pairs")
    values = [{"id": f"p{n}", "prompt": "Say it.", "chosen": f"Good {n}.", "rejected": "Bad."} for n in range(3)]
    (folder / "pairs.json").write_text(json.dumps(values))
    leaves = {"pairs": {"use": "own_pairs", "path": "pairs.json"}}
    path = recipe(folder, "pairs", kind="preference", sources=leaves, output={"for": "jsonl"})
    return build(path, folder / "mix", cache=folder / "store").path


def run(*arguments, code=0):
    finished = CliRunner().invoke(command.sample, [*map(str, arguments)])
    if isinstance(finished.exception, MixerError):
        assert finished.exception.exit_code == code
        return str(finished.exception)
    assert finished.exit_code == code, finished.output
    return finished.output


def taken(mix, choice):
    return [(shown.position, shown.leaf, shown.record.id) for shown in sampling.take(mix, choice).records()]


def whole(mix):
    """List position, leaf and id of every record of a mix."""
    index = pl.read_parquet(mix / "index.parquet")
    return [(at + 1, leaf, id) for at, (leaf, id) in enumerate(index.select("leaf", "id").iter_rows())]


# --- which records ----------------------------------------------------------------------------------------------------


@given(every=st.integers(1, 200))
def test_every_takes_the_first_of_so_many(mix, every):
    """Positions 1, N + 1, 2 N + 1 ... of the mix; of some leaves: counted among theirs."""
    assert taken(mix, Choice(every)) == whole(mix)[::every]
    many = [row for row in whole(mix) if row[1] == "many"]
    assert taken(mix, Choice(every, leaves=("many",))) == many[::every]


@given(n=st.integers(1, 200), seed=st.integers(0, 3))
def test_n_are_chosen_by_hash_and_grow(mix, n, seed):
    """Exactly so many or all, no place twice, in mix order; a larger sample keeps the smaller one."""
    found, larger = (taken(mix, Choice(n=size, seed=seed)) for size in (n, n + 1))

    assert len(found) == min(n, 127)
    assert found == sorted(set(found))
    assert set(found) <= set(larger) <= set(whole(mix))


def test_another_seed_chooses_others(mix):
    """A seed is all that changes a choice."""
    first, again, other = (taken(mix, Choice(n=20, seed=seed)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_a_source_stands_for_its_leaves(mix):
    """A name is a leaf's, else a source's; another one is an error with a hint."""
    assert taken(mix, Choice(1, leaves=("llava_json",))) == whole(mix)
    assert {leaf for _, leaf, _ in taken(mix, Choice(n=3, leaves=("odd", "odd")))} == {"odd"}
    assert "--source od: is not in this mix (did you mean 'odd'?)" in run(mix, "--source", "od", code=2)


def test_a_leaf_without_records_gives_an_empty_sample(mix):
    """A leaf may have got none."""
    types = {
        "leaf": pl.String,
        "shard": pl.UInt32,
        "offset": pl.UInt64,
        "length": pl.UInt32,
        "key": pl.UInt64,
        "pass": pl.UInt32,
    }
    index = pl.DataFrame({name: [] for name in types}, schema=types)

    for choice in (Choice(), Choice(n=3)):
        rows = chosen(of_leaves(index.select(choice.columns), ["a"]), choice).select("at", "leaf", *PLACE)
        assert list(read(mix, manifest.load(mix), rows)) == []


# --- forms ------------------------------------------------------------------------------------------------------------


def test_lines_are_the_records_very_bytes(mix, tmp_path):
    """All records as JSON Lines are the mix's data file."""
    run(mix, "--every", 1, "-o", tmp_path / "all.jsonl")

    assert (tmp_path / "all.jsonl").read_bytes() == (mix / "both.jsonl").read_bytes()
    assert len(records(tmp_path / "all.jsonl")) == 127


def test_records_of_a_mix_in_shards_are_read_where_they_lie(tmp_path, cache):
    """However many files a mix is cut into, the sample is that of the whole."""
    (tmp_path / "own.json").write_text(json.dumps([record(number, "Hm?", f"{number}.") for number in range(20)]))
    leaves = {"own": {"use": "llava_json", "path": "own.json"}}
    path = recipe(tmp_path, "cut", sources=leaves, output={"for": "jsonl", "shards": 3})
    mix = build(path, tmp_path / "mix", cache=cache).path

    run(mix, "--every", 1, "-o", tmp_path / "all.jsonl")

    shards = [(mix / output.path).read_bytes() for output in manifest.load(mix).outputs if output.records]
    assert len(shards) == 3
    assert (tmp_path / "all.jsonl").read_bytes() == b"".join(shards)


def test_the_screen_shows_the_first_and_says_how_many_there_are(mix):
    """Ten records without -o; all with -o -; what is said of them goes elsewhere."""
    runner = CliRunner()
    first = runner.invoke(command.sample, [str(mix), "--every", "1"])
    every = runner.invoke(command.sample, [str(mix), "--every", "1", "-o", "-"])

    assert first.stdout.count("record ") == 10
    assert "127 of 127 records, every one" in first.stderr
    assert "these are the first 10" in first.stderr
    assert every.stdout.count("\nHuman: ") == 127
    assert "\x1b" not in every.stdout
    assert "␛[31m" in every.stdout
    assert runner.invoke(command.sample, [str(mix), "-q"]).stderr == ""


def sheet(path):
    """Read a workbook's sheet as text, as Excel does: rows of cells by column."""
    name = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(path) as book:
        assert book.testzip() is None
        root = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    rows = []
    for row in root.iter(f"{name}row"):
        cells = {}
        for cell in row.iter(f"{name}c"):
            assert cell.find(f"{name}f") is None, "a formula"
            text = "".join(part.text or "" for part in cell.iter() if part.tag in (f"{name}t", f"{name}v"))
            assert cell.find(f".//{name}r") is None, "markup of its own"
            column = re.match("[A-Z]+", cell.attrib["r"]).group()
            cells[column] = re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found.group(1), 16)), text)
        rows.append(cells)
    return rows, root


def test_a_workbook_holds_a_row_a_record(mix, tmp_path):
    """Every column says what its record says; what a cell cannot hold is cut, and that is said twice."""
    said = run(mix, "--every", 1, "-o", tmp_path / "s.xlsx")
    rows, root = sheet(tmp_path / "s.xlsx")
    by_id = {row["D"].rstrip("\n"): row for row in rows[1:]}

    assert list(rows[0].values()) == list(workbook.COLUMNS)
    assert [(int(row["A"]), row["B"], row["D"].rstrip("\n")) for row in rows[1:]] == whole(mix)
    assert {row["C"] for row in rows[1:]} == {"llava_json"}
    assert by_id["r7"]["G"] == "Human: Is 7 odd?\n\nGPT: Ask 7."
    assert by_id["rtwo"]["F"] == "a/disc.png\na/absent.png"
    assert by_id["<r>&</r>"]["G"].startswith("System: Be brief.\n\nHuman: a")
    assert by_id["rodd"]["G"] == f"Human: {visible(ODD)}\n\nGPT: Yes {visible(ODD)}"
    assert by_id["rrich"]["G"] == "Human: =1+1\n\nGPT: <r>text</r>"
    assert len(by_id["rlong"]["G"]) == workbook.CELL
    assert by_id["rlong"]["G"].endswith("\n[cut: 40,024 characters in all]")
    assert "texts cut at 32,767 characters, which is all that a cell holds: 1" in said
    tags = {element.tag.split("}")[1]: element.attrib for element in root.iter()}
    assert tags["autoFilter"] == {"ref": "A1:I128"}
    assert tags["pane"]["state"] == "frozen"


def test_a_workbook_of_pairs_has_both_answers(pairs, tmp_path):
    """Chosen and rejected stand in columns of their own; the prompt is the conversation."""
    run(pairs, "--every", 1, "-o", tmp_path / "s.xlsx")
    rows, _ = sheet(tmp_path / "s.xlsx")

    assert sorted((row["G"], row["H"], row["I"]) for row in rows[1:]) == [
        ("Human: Say it.", f"Good {number}.", "Bad.") for number in range(3)
    ]


def test_a_workbooks_bytes_are_the_same_each_time(mix, tmp_path):
    """No clock and no folder enters."""
    for name in ("a", "b/c"):
        run(mix, "--every", 3, "-o", tmp_path / name / "s.xlsx")

    assert (tmp_path / "a/s.xlsx").read_bytes() == (tmp_path / "b/c/s.xlsx").read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["s.xlsx"]


@given(text=st.text(st.characters(codec="utf-8"), max_size=40), more=st.integers(0, 3))
def test_fitted_cells_fit(text, more):
    """Never more than a cell holds, in the units that Excel counts; a text that fits stays as it is."""
    long = "😀" * (workbook.CELL // 2 - more) + text
    cell = workbook.fitted(long)
    units = len(cell.encode("utf-16-le")) // 2

    assert units <= workbook.CELL
    assert (cell == long) == (len(long.encode("utf-16-le")) // 2 <= workbook.CELL)


def test_a_text_that_the_library_would_take_for_markup_fits_its_cell():
    """It gets a newline; as long as a cell it is cut like any other."""
    longest = f"<r>{'x' * (workbook.CELL - 7)}</r>"

    assert workbook._plain("<r></r>") == "<r></r>\n"
    assert len(workbook.fitted(workbook._plain(longest))) == workbook.CELL


def test_more_records_than_a_sheet_holds_are_refused(mix, tmp_path, monkeypatch):
    """Before anything is written, with the way out."""
    monkeypatch.setattr(workbook, "ROWS", 5)

    assert "a sheet holds 5 records, the sample has 127" in run(mix, "--every", 1, "-o", tmp_path / "s.xlsx", code=2)
    assert not list(tmp_path.iterdir())


class Page(HTMLParser):
    """Reads a page: elements that are open or wrongly closed, the texts of bubbles, images."""

    def __init__(self, text):
        super().__init__()
        self.open, self.bubbles, self.images, self.tags, self.all = [], [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        """Open an element."""
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs)["src"])
        if tag not in ("meta", "img"):
            self.open.append((tag, dict(attrs).get("class") or ""))
        if tag == "div" and (dict(attrs).get("class") or "").startswith("turn "):
            self.bubbles.append("")

    def handle_endtag(self, tag):
        """Close the last one."""
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        """Take text."""
        self.all += data
        if any(name.startswith("turn") for _, name in self.open):
            self.bubbles[-1] += data


def test_a_page_is_whole_and_says_what_the_records_say(mix, tmp_path):
    """Well-formed, self-contained, everything escaped; images in small, and why others are not shown."""
    said = run(mix, "--source", "odd", "--every", 1, "-o", tmp_path / "s.html", "--media", mix.parent / "media")
    text = (tmp_path / "s.html").read_text()
    found = Page(text)

    assert found.tags.count("article") == 7
    assert "7 of 7 records, every one of odd" in found.all
    assert f"GPTYes {visible(ODD)}" in found.bubbles
    assert "b" not in found.tags
    assert "script" not in found.tags
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert len(found.images) == 2
    assert "a/absent.png: not in the media folder" in found.all
    assert "v/film.mp4" in found.all
    assert "images that could not be shown: 1" in said
    assert "prefers-color-scheme: dark" in text


def test_a_page_without_media_names_the_images(mix, tmp_path):
    """No folder, no copies, no complaint; a pair's answers have bubbles of their own."""
    said = run(mix, "--source", "odd", "--every", 1, "-o", tmp_path / "s.html")
    found = Page((tmp_path / "s.html").read_text())

    assert said.count("\n") == 1
    assert not found.images
    assert "a/disc.png" in found.all


def test_pictures_of_a_page_are_bounded(mix, tmp_path, monkeypatch):
    """Beyond the bound images are named, and how many is said."""
    monkeypatch.setattr(page, "PICTURES", 1)
    arguments = ("--source", "odd", "--every", 1, "-o", tmp_path / "s.html", "--media", mix.parent / "media")

    assert "the page shows the first 1 images; only named: 2" in run(mix, *arguments)
    assert len(Page((tmp_path / "s.html").read_text()).images) == 1


def test_a_page_without_pillow_says_so(mix, tmp_path, monkeypatch):
    """The page is made all the same."""
    monkeypatch.setattr(page.thumbnails, "missing_library", lambda: "this needs: pip install it")

    said = run(mix, "--every", 9, "-o", tmp_path / "s.html", "--media", mix.parent / "media")

    assert "images are named and not shown: this needs: pip install it" in said
    assert not Page((tmp_path / "s.html").read_text()).images


def test_pairs_on_a_page_and_in_text(pairs, tmp_path):
    """Both answers are shown, by their names."""
    run(pairs, "--every", 1, "-o", tmp_path / "s.html")

    assert Page((tmp_path / "s.html").read_text()).bubbles.count("RejectedBad.") == 3
    assert run(pairs, "--every", 1).count("\n\nRejected: Bad.") == 3


def test_markdown_keeps_texts_as_they_are(mix, tmp_path):
    """A heading a record; what would be markup is escaped; line breaks stay."""
    run(mix, "--every", 1, "-o", tmp_path / "s.md")
    text = (tmp_path / "s.md").read_text()

    assert text.count("\n## ") == 127
    assert text.startswith("# both\n\n127 of 127 records, every one; mix ")
    assert "> \\<image\\>\\\n> What?" in text
    assert "- a/disc.png\n- a/absent.png\n" in text
    assert "\\<b\\>bold" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b_c _d_", "a_b_c \\_d\\_"),
        ("# title", "\\# title"),
        ("  - one", "  \\- one"),
        ("12. one", "12\\. one"),
        ("+1 = 2", "\\+1 = 2"),
        ("`x` [y](z) ~~a~~ \\ $x$", "\\`x\\` \\[y\\](z) \\~\\~a\\~\\~ \\\\ \\$x\\$"),
    ],
)
def test_markup_is_escaped_where_it_would_count(text, expected):
    """Nothing of a text is a heading, a list, emphasis, code, a link or a formula."""
    assert markdown.escaped(text) == expected


def test_marks_of_direction_are_seen():
    """Also the three that have no end: an id that begins with one reads backwards."""
    marks = "\u061c\u200e\u200f\u202e\u2066"

    assert sampling.records.visible(marks) == "".join(f"<U+{ord(mark):04X}>" for mark in marks)


def test_quotations_keep_their_lines():
    """A line break is one when rendered; an empty line ends a paragraph and not the quotation."""
    assert markdown.quoted("a\nb\n\n- c\n") == "> a\\\n> b\n>\n> \\- c\n>"


def test_text_of_a_record_for_a_screen():
    """Position, leaf, id, media, who says what."""
    record = Conversation(id="x", image="a.jpg", conversations=[Turn("human", "<image>Hm?"), Turn("gpt", "Yes.")])
    about = sampling.records.About("m", "0" * 64, "all", 1, 9, {"a": 1}, ())

    text = plain(sampling.records.Shown(3, "a", "s", b"", record), about)

    assert text == "record 3 of m: a, id x\n----------------------\nmedia: a.jpg\n\nHuman: <image>Hm?\n\nGPT: Yes.\n"


# --- mistakes ---------------------------------------------------------------------------------------------------------


def test_mistakes_are_one_line(mix, tmp_path):
    """What does not go together, a name that says no form, a file in the mix's folder, a folder, no mix."""
    assert "name one of them" in run(mix, "--every", 2, "--n", 3, code=2)
    assert "chooses among --n" in run(mix, "--seed", 3, code=2)
    assert "expected a name that ends in .xlsx, .jsonl, .html, .md" in run(mix, "-o", tmp_path / "s.txt", code=2)
    assert "lies in the folder of the mix" in run(mix, "-o", mix / "s.md", code=2)
    (tmp_path / "d.md").mkdir()
    assert "is a folder" in run(mix, "-o", tmp_path / "d.md", code=2)
    assert "is not a mix" in run(tmp_path, code=2)
    assert "nowhere: no such folder, which --media names" in run(mix, "--media", tmp_path / "nowhere", code=1)


def test_a_reader_that_has_enough_hears_no_complaint(mix):
    """As with `| head`: the pipe is closed, and nobody wants to be told."""
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "mixer.cli", "sample", str(mix), "--every", "1", "-o", "-"]
    try:
        done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)

    assert (done.returncode, done.stderr) == (1, "")


def test_damage_is_found(mix, tmp_path):
    """A cut data file, and a record that is none, are said with their place; no file is left half written."""
    import shutil

    for name, damage in (("cut", lambda data: data[:-9]), ("odd", lambda data: b"x" + data[1:])):
        copy = shutil.copytree(mix, tmp_path / name)
        (copy / "both.jsonl").write_bytes(damage((mix / "both.jsonl").read_bytes()))
        said = run(copy, "--every", 1, "-o", tmp_path / f"{name}.md", code=1)
        assert f"what should be record {127 if name == 'cut' else 1} is no conversation" in said
        assert "mixer verify" in said
        assert not (tmp_path / f"{name}.md").exists()
