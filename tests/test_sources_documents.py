"""mPLUG-DocOwl 1.5's four sets, and the instructions about pages whose layout is not published."""

from __future__ import annotations

import json

import msgspec
import pytest
from conftest import recipe

from mixer import build, plan, sources
from mixer.catalogue import convert as converted
from mixer.catalogue import list_sources
from mixer.conversation import Labelled, Labels, Skip
from mixer.errors import DataError
from mixer.reports import mix_text, plan_text, source_text
from mixer.roots import MINIATURES
from mixer.sources import Picture
from mixer.validate import check

SHORT = "\nAnswer the question using a single word or phrase."
LAYOUT = MINIATURES / "layout_instruction" / "records.json"
COLUMNS = {"image": "pic", "question": "ask", "answer": "reply"}


def line(*texts, image="./imgs/larder/jar_7.png", **more):
    """Make a line of user and assistant."""
    said = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]
    known = {"task_name": "qa_sft", "dataset_name": "DocVQA"}
    return {"image": [image] if isinstance(image, str) else image, "messages": said, **known, **more}


def raw_of(name, record):
    """Decode a line as the source's first file."""
    file = sources.get(name).files[0]
    raw = msgspec.convert(record, file.raw)
    for attribute, value in file.give.items():
        setattr(raw, attribute, value)
    return raw


def convert(name, *lines, **options):
    """Convert lines, or a group of them; give what was made and the reasons of what was skipped."""
    source = sources.get(name)
    raws = [raw_of(name, each) for each in lines]
    given = source.convert(raws if source.grouping else raws[0], source.options(**options))
    given = [given] if isinstance(given, Labelled | Skip) else list(given)
    return [each for each in given if type(each) is Labelled], [each.reason for each in given if type(each) is Skip]


def values(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


FOUR = ("docreason25k", "docstruct4m", "docdownstream", "doclocal4k")


@pytest.mark.parametrize("name", FOUR)
def test_docowl_lines_become_records(name):
    """Roles are renamed, the image's mark too, and its path goes below a folder of the source's; more keys do no harm."""
    asked = line("<|image|>Who made it? ", "Ada  Brook\n", "And when?", "In May.", rvl_cdip_class="form")

    [made], _ = convert(name, asked)

    assert [turn.from_ for turn in made.conversation.conversations] == ["human", "gpt", "human", "gpt"]
    assert values(made) == ["<image>\nWho made it? ", "Ada  Brook\n", "And when?", "In May."]
    assert made.conversation.image == f"{name}/imgs/larder/jar_7.png"
    assert made.conversation.id.startswith("jar_7-")
    assert made.labels == Labels(subset="DocVQA", split="test" if name == "doclocal4k" else "train", task="qa_sft")


@pytest.mark.parametrize("name", FOUR)
def test_docowl_lines_of_several_images_are_skipped(name):
    """Nobody trains on them, and a line without any is bad."""
    assert convert(name, line("<|image|><|image|>Which?", "B", image=["./imgs/a.png", "./imgs/b.png"])) == (
        [],
        ["several images"],
    )
    with pytest.raises(msgspec.ValidationError, match="`array` of length >= 1"):
        raw_of(name, line("<|image|>Which?", "B", image=[]))
    with pytest.raises(msgspec.ValidationError, match=r"'system'.*role"):
        raw_of(name, {**line(), "messages": [{"role": "system", "content": "Read."}]})


@pytest.mark.parametrize("name", FOUR)
@pytest.mark.parametrize("path", ["/imgs/jar_7.png", ".//imgs/jar_7.png"])
def test_docowl_images_at_absolute_paths_are_bad(name, path):
    """No folder is put before them."""
    [made], _ = convert(name, line("<|image|>Who made it?", "Ada", image=path))

    assert [fault.reason for fault in check(made.conversation)] == ["image path is absolute"]


@pytest.mark.parametrize("name", FOUR)
def test_docowl_images_that_are_not_there_can_be_left_out(name):
    """Only when asked; those that are there stay."""
    source = sources.get(name)
    raw = raw_of(name, line("<|image|>Who made it?", "Ada"))

    def made(options):
        given = source.convert([raw] if source.grouping else raw, options)
        return next(iter(given)) if source.grouping else given

    assert made(source.options(missing="skip")) == Skip("image file is missing")
    raw.picture = Picture(raw.path, 3, 2)
    assert type(made(source.options(missing="skip"))) is Labelled
    assert source.used_pictures(source.options()) is None


def test_docreason_answers_lose_the_blanks_before_them():
    """Questions do not, and nothing behind an answer does."""
    [made], _ = convert("docreason25k", line("<|image|>\nWho made it?", "\n\n Ada.\n", " Sure?", "\tYes. "))

    assert values(made) == ["<image>\n\nWho made it?", "Ada.\n", " Sure?", "Yes. "]


@pytest.mark.parametrize(
    ("marks", "asked", "replied"),
    [
        ("published", "Where is <ocr> plum jam </ocr>", "<bbox>0,333,999,500</bbox>"),
        ("plain", "Where is plum jam", "[0,333,999,500]"),
        ("fractions", "Where is plum jam", "[0.0, 0.333, 1.0, 0.501]"),
    ],
)
@pytest.mark.parametrize("name", ["docstruct4m", "doclocal4k"])
def test_marks_of_texts_and_boxes(name, marks, asked, replied):
    """They stay, or texts stand bare and boxes in brackets; marks of pages and tables always stay."""
    given = line(
        "<|image|>Where is <ocr> plum jam </ocr>", "<bbox>0,333,999,500</bbox>", "Read.", "<doc> <md> 3 </md> </doc>"
    )

    [made], _ = convert(name, given, marks=marks)

    assert values(made) == [f"<image>\n{asked}", replied, "Read.", "<doc> <md> 3 </md> </doc>"]


@pytest.mark.parametrize("box", ["1,2,3", "1,2,3,4,5", "1,2,3,1000", "-1,2,3,4", "1.5,2,3,4", "a,b,c,d", ""])
@pytest.mark.parametrize("marks_of_it", ["<bbox>{}</bbox>", "<bbox>{}", "{}</bbox>"])
def test_boxes_that_are_none_are_told_where_they_are_rewritten(box, marks_of_it):
    """As published they stay as they are."""
    text = marks_of_it.format(box)
    given = line("<|image|>Where is it?", text)

    assert values(convert("docstruct4m", given)[0][0])[1] == text
    for marks in ("plain", "fractions"):
        with pytest.raises(msgspec.ValidationError, match="not four whole numbers of 0 to 999"):
            convert("docstruct4m", given, marks=marks)


def test_docdownstream_repeats_stay_or_go():
    """As published they stay; an entry repeats another if all of it does."""
    lines = [line("<|image|>who?", "ada"), line("<|image|>who?", "Ada"), line("<|image|>who?", "ada")]

    kept, none = convert("docdownstream", *lines)
    once, lost = convert("docdownstream", *lines, repeats="drop")

    assert [values(each)[1] for each in kept] == ["ada", "Ada", "ada"]
    assert kept[0].conversation.id == kept[2].conversation.id != kept[1].conversation.id
    assert [values(each)[1] for each in once] == ["ada", "Ada"]
    assert (none, lost) == ([], ["repeats another"])


def test_docdownstream_may_merge_what_is_asked_about_an_image():
    """The request stands behind the first question only; lines of several rounds stay alone; sets are not mixed."""
    rounds = line("<|image|>which shelf?", "2", "which room?", "larder")
    lines = [line("<|image|>who?", "ada"), rounds, line("<|image|>when?", "may"), line("<|image|>why?", " ")]

    (alone, merged), lost = convert("docdownstream", *lines, merge="image", prompt="short")

    assert values(alone) == [f"<image>\nwhich shelf?{SHORT}", "2", "which room?", "larder"]
    assert values(merged) == [f"<image>\nwho?{SHORT}", "ada", "when?", "may"]
    assert (merged.items, merged.labels.subset) == (2, "DocVQA")
    assert lost == ["no answer"]
    keys = {raw_of("docdownstream", line(dataset_name=name)).owner for name in ("DocVQA", "TextVQA")}
    assert len(keys) == 2


def test_docdownstream_merged_records_have_ids_of_their_own():
    """Two sets may ask about one image, and one set about images of equal names."""
    lines = [
        line("<|image|>who?", "ada"),
        line("<|image|>why?", "ada", dataset_name="TextVQA"),
        line("<|image|>who?", "ada", image="./imgs/cellar/jar_7.png"),
    ]

    ids = {convert("docdownstream", each, merge="image")[0][0].conversation.id for each in lines}

    assert len(ids) == 3
    assert all(id.startswith("jar_7-") for id in ids)


def test_docdownstream_merged_records_ask_nothing_twice():
    """The other line is counted, whatever `repeats` is."""
    lines = [line("<|image|>who?", "ada"), line("<|image|>when?", "may"), line("<|image|>who?", "ada")]

    [merged], lost = convert("docdownstream", *lines, merge="image")

    assert values(merged) == ["<image>\nwho?", "ada", "when?", "may"]
    assert lost == ["repeats another"]


@pytest.mark.parametrize(("dataset", "request_"), [("ChartQA", SHORT), ("TextCaps", ""), ("VisualMRC", "")])
def test_docdownstream_asks_for_short_answers_where_they_are_short(dataset, request_):
    """On demand; an image in another place stays there."""
    given = line("<|image|>what?", "a bar", dataset_name=dataset), line("what?<|image|>", "a bar", dataset_name=dataset)

    made, _ = convert("docdownstream", *given, prompt="short")
    plain, _ = convert("docdownstream", *given)

    assert {values(each)[0] for each in made} == {f"<image>\nwhat?{request_}", f"what?<image>\n{request_ and SHORT}"}
    assert {values(each)[0] for each in plain} == {"<image>\nwhat?", "what?<image>\n"}
    assert {each.conversation.id for each in made} == {each.conversation.id for each in plain}


def test_docdownstream_merges_no_line_that_would_spoil_the_others():
    """A second mark of an image makes its own line bad, and no other."""
    made, _ = convert(
        "docdownstream", line("<|image|>who?", "ada"), line("<|image|>a <image> tag?", "no"), merge="image"
    )

    assert [values(each) for each in made] == [["<image>\na <image> tag?", "no"], ["<image>\nwho?", "ada"]]
    assert [bool(check(each.conversation)) for each in made] == [True, False]


def test_only_training_data_of_docdownstream_are_offered():
    """Its other files are tests."""
    assert [file.path for file in sources.get("docdownstream").files] == ["train.jsonl"]


def test_an_evaluation_set_is_flagged(tmp_path, cache):
    """In the plan, the built mix and its manifest, and in the catalogue; other sets are not."""
    path = recipe(tmp_path, sources={"doclocal4k": {}, "docreason25k": {}})
    note = sources.get("doclocal4k").note

    planned = plan_text(plan(path, data="miniatures", cache=cache))
    mix = build(path, tmp_path / "mix", data="miniatures", cache=cache)

    assert "evaluation set" in note
    assert f"doclocal4k: {note}" in planned.splitlines()
    assert f"doclocal4k: {note}" in mix_text(mix).splitlines()
    assert mix.manifest.sources["doclocal4k"].notes == [note]
    assert mix.manifest.sources["docreason25k"].notes == []
    listed = {name: list_sources(name, data="miniatures")[0] for name in ("doclocal4k", "docreason25k")}
    assert f"note      {note}" in source_text(listed["doclocal4k"])
    assert "  note  " not in source_text(listed["docreason25k"])
    assert [each.as_json()["note"] for each in listed.values()] == [note, ""]


def layout(path, cache, *options):
    """Convert a file of layout instructions; give the entry and its records."""
    entry = converted("layout_instruction", options, path, cache=cache)
    made = b"".join(entry.data(part).read_bytes() for part in entry.ledger.parts)
    return entry, [json.loads(each) for each in made.splitlines()]


def test_layout_columns_are_named_by_the_recipe(tmp_path, cache):
    """Each leaf says what they are called; a record without one is bad and says what there is."""
    path = recipe(
        tmp_path,
        sources={"pages": {"use": "layout_instruction", "path": str(LAYOUT), "columns": {**COLUMNS, "id": "key"}}},
    )

    mix = build(path, tmp_path / "mix", data="miniatures", cache=cache)

    made = json.loads((mix.path / "mix.json").read_text())
    assert {each["id"]: each["image"] for each in made} == {
        "d7": "layout_instruction/pages/jar_7.png",
        "d8": "layout_instruction/pages/jar_8.png",
    }
    first = next(each for each in made if each["id"] == "d7")
    assert [turn["value"] for turn in first["conversations"]] == [
        "<image>\nWhat does the jar cost?",
        "The question is about a price.\nThe prices stand at the right.\nIt costs 3 crowns.",
    ]
    assert mix.manifest.sources["pages"].bad == {
        "no column 'pic' for 'image'; columns found: key, picture, ask, reply": 1
    }


def test_layout_columns_are_told_where_none_is_named(cache):
    """Nothing is guessed."""
    entry, made = layout(LAYOUT, cache)

    assert not made
    lost = next(iter(entry.lost()))
    assert lost["reason"] == (
        "`columns` does not say what is image, question, answer; columns found: key, pic, ask, reply, kind, words"
    )
    assert (lost["file"], lost["item"]) == ("records.json", 0)


def test_wrong_layout_columns_stop_a_build(tmp_path, cache):
    """With the columns that the file has."""
    (tmp_path / "all.json").write_text(json.dumps([{"img": "7.png", "q": f"{n}?", "a": "Yes."} for n in range(200)]))
    leaf = {"use": "layout_instruction", "path": "all.json", "columns": {**COLUMNS, "image": "img"}}

    with pytest.raises(DataError, match="no column 'ask' for 'question'; columns found: img, q, a: 200"):
        plan(recipe(tmp_path, sources={"pages": leaf}), cache=cache)


@pytest.mark.parametrize("shape", ["array", "object", "lines"])
def test_layout_files_may_have_any_shape(tmp_path, cache, shape):
    """An array, an object by id, or lines; without an id, image and content make one."""
    rows = [{"pic": "/mnt/pages/7.png", "ask": "Who?", "reply": "Ada.", "kind": "vie"}] * 2
    text = {
        "array": json.dumps(rows),
        "object": json.dumps({f"r{place}": each for place, each in enumerate(rows)}),
        "lines": "".join(json.dumps(each) + "\n" for each in rows),
    }[shape]
    (tmp_path / "own").write_text(text)
    columns = json.dumps({**COLUMNS, "subset": "kind"})
    options = [f"columns={columns}", f"format={'jsonl' if shape == 'lines' else 'json'}", "media_strip=/mnt/"]

    entry, made = layout(tmp_path / "own", cache, *options)

    assert [each["image"] for each in made] == ["layout_instruction/pages/7.png"] * 2
    assert made[0]["id"] == made[1]["id"]
    assert made[0]["id"].startswith("7-")
    assert entry.index(["subset"])["subset"].to_list() == ["vie"] * 2


@pytest.mark.parametrize("asked", ["Who?", "<image>\nWho?", "Who?\n<image>"])
def test_layout_questions_begin_with_their_image(asked):
    """Wherever it stood."""
    source = sources.get("layout_instruction")

    made = source.convert({"pic": "7.png", "ask": asked, "reply": "Ada."}, source.options(columns=COLUMNS))

    assert values(made) == ["<image>\nWho?", "Ada."]


@pytest.mark.parametrize(
    ("image", "options", "said"),
    [
        ("/mnt/7.png", {}, "/mnt/7.png"),
        ("./7.png", {"folder": ""}, "7.png"),
        ("7.png", {"folder": "a/b"}, "a/b/7.png"),
        ("7.png", {"folder": "a/b/"}, "a/b/7.png"),
    ],
)
def test_layout_images_lie_below_a_folder(image, options, said):
    """Absolute ones stay absolute, which is refused later; numbers are not taken for texts."""
    source = sources.get("layout_instruction")
    raw = {"pic": image, "ask": "Who?", "reply": "Ada."}

    made = source.convert(raw, source.options(columns=COLUMNS, **options))

    assert made.conversation.image == said
    with pytest.raises(msgspec.ValidationError, match=r"Expected `str`, got `int` - at `\$.answer`"):
        source.convert({**raw, "reply": 7}, source.options(columns=COLUMNS))
