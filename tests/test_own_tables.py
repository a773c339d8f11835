"""The user's own questions, answers and captions, and the shapes that columns tell."""

from __future__ import annotations

import json

import msgspec
import polars as pl
import pytest
from conftest import recipe, records
from test_readers_tar import write

from mixer import sources
from mixer.conversation import Labelled, Skip
from mixer.roots import MINIATURES

PNG = b"\x89PNG\r\n\x1a\n..."


def convert(raw, use, **options):
    """Convert a record; give the conversations, or why there are none."""
    source = sources.get(use)
    given = source.convert(raw, source.options(**options))
    made = [given] if isinstance(given, Labelled | Skip) else list(given)
    return [each.reason if isinstance(each, Skip) else each.conversation for each in made]


def said(raw, use, **options):
    """Give the texts of the turns of the one conversation."""
    (record,) = convert(raw, use, **options)
    return [turn.value for turn in record.conversations]


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        ({"instruction": "Add.", "input": "1 2", "output": "3"}, ["Add.\n1 2", "3"]),
        ({"instruction": "Add.", "input": "", "output": 3.3}, ["Add.", "3.3"]),
        ({"instruction": "Add.", "input": None, "output": "3", "history": [["a", "b"]]}, ["a", "b", "Add.", "3"]),
        ({"instruction": "Add.", "output": "3", "history": "[['a', 'b']]"}, ["a", "b", "Add.", "3"]),
        ({"instruction": "Add.", "output": "3", "history": ""}, ["Add.", "3"]),
        ({"instruction": "Add.", "output": "3", "system_prompt": "Hm."}, ["Hm.", "Add.", "3"]),
        ({"instruction": "Add <image>.", "output": "3", "images": ["a.jpg"]}, ["Add <image>.", "3"]),
    ],
)
def test_alpaca(raw, texts):
    """Input follows on a line of its own, history comes first."""
    assert said(raw, "own_alpaca") == texts


@pytest.mark.parametrize(
    ("raw", "texts", "image"),
    [
        ({"query": "Hm?", "response": "Yes."}, ["Hm?", "Yes."], None),
        ({"prompt": "Hm?", "targets": ["Yes.", "No."]}, ["Hm?", "Yes."], None),
        ({"query": "Hm?", "prompt": "Ha?", "answer": "Yes."}, ["Hm?", "Yes."], None),
        ({"prompt": "Hm?", "question": None, "response": "", "answer": "Yes."}, ["Hm?", "Yes."], None),
        ({"query": "<img>a.jpg</img>Hm?", "response": "Yes."}, ["<image>Hm?", "Yes."], "a.jpg"),
        ({"query": "<img>", "response": "</img>"}, ["<img>", "</img>"], None),
        (
            {"query": "<img>a</img>?", "response": "Yes.", "images": ["b.jpg"]},
            ["<image>\n<img>a</img>?", "Yes."],
            "b.jpg",
        ),
    ],
)
def test_query_response(raw, texts, image):
    """Names that ms-swift knows, and Qwen-VL's images in the text."""
    (record,) = convert(raw, "own_query_response")

    assert [turn.value for turn in record.conversations] == texts
    assert record.image == image


LETTERED = "Hm?\nA. tea\nB. eggs\nAnswer with the option's letter from the given choices directly."


@pytest.mark.parametrize(
    ("raw", "options", "texts"),
    [
        ({"answer": "2"}, {}, ["Hm?", "2"]),
        ({"answer": " two "}, {"prompt": "short"}, ["Hm?\nAnswer the question using a single word or phrase.", "two"]),
        ({"answers": ["two", "2", "2"]}, {}, ["Hm?", "2"]),
        ({"answers": [{"answer": "two"}, {"answer": "2"}]}, {}, ["Hm?", "two"]),
        ({"answers": "['two', '2', '2']"}, {}, ["Hm?", "2"]),
        ({"answer": None, "answers": ["two"]}, {}, ["Hm?", "two"]),
        ({"answer": "[1, 2]"}, {}, ["Hm?", "[1, 2]"]),
        ({"answer": "B", "options": ["tea", "eggs"]}, {}, [LETTERED, "B"]),
        ({"answer": "eggs", "choices": ["tea", "eggs"]}, {"prompt": "short"}, [LETTERED, "B"]),
        ({"answer": 1, "choices": '["tea", "eggs"]'}, {}, [LETTERED, "B"]),
        ({"answer": "1", "choices": "['tea', 'eggs']"}, {}, [LETTERED, "B"]),
        ({"answer": "B", "options": {"A": "tea", "B": "eggs"}}, {}, [LETTERED, "B"]),
        ({"answer": "B", "A": "tea", "B": "eggs", "C": "", "D": float("nan")}, {}, [LETTERED, "B"]),
    ],
)
def test_questions(raw, options, texts):
    """With options the answer is a letter, whatever the file says."""
    assert said({"question": "Hm?", **raw}, "own_qa", **options) == texts


@pytest.mark.parametrize(
    ("answer", "options", "letter"),
    [
        ("A", {"answer_is": "text"}, "B"),
        ("A", {"answer_is": "letter"}, "A"),
        ("1", {"answer_is": "index"}, "B"),
        (0, {}, "A"),
    ],
)
def test_answers_that_could_mean_two_options_need_a_word(answer, options, letter):
    """Where an option's text is another one's letter, `answer_is` says what is meant."""
    raw = {"question": "Hm?", "choices": ["B", "A"], "answer": answer}

    assert said(raw, "own_qa", **options)[1] == letter


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("A", "may be more than one"),
        ("C", "is no option"),
        (2, "is no option"),
        (-1, "is no option"),
        ("Ａ", "no option"),
    ],
)
def test_answers_that_are_no_option_are_bad(answer, message):
    """Nothing is guessed."""
    with pytest.raises(msgspec.ValidationError, match=message):
        convert({"question": "Hm?", "choices": ["B", "A"], "answer": answer}, "own_qa")


def test_a_number_among_numbers_may_be_an_index_or_an_option():
    """Beside texts it is an index."""
    raw = {"question": "Hm?", "choices": [1, 2, 3], "answer": 2}

    with pytest.raises(msgspec.ValidationError, match="may be more than one"):
        convert(raw, "own_qa")
    assert said({**raw, "choices": ["1", "2", "3"]}, "own_qa")[1] == "C"
    assert said(raw, "own_qa", answer_is="text")[1] == "B"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"options": "A. tea\nB. eggs"}, "expected a list, or a map by letter, got text"),
        ({"options": "['tea' 'eggs']"}, "expected a list, or a map by letter, got text"),
        ({"choices": {"text": ["tea"], "label": ["A"]}}, "a map by letter; found: text, label"),
        ({"options": {"a": "tea", "b": "eggs"}}, "a map by letter; found: a, b"),
        ({"options": {"A": "tea", "C": "eggs"}}, "one is missing before another"),
        ({"A": "tea", "B": None, "C": "eggs"}, "one is missing before another"),
        ({"A": "", "B": "eggs"}, "one is missing before another"),
        ({"options": ["tea", ""]}, "an empty one"),
        ({"options": [f"tea {n}" for n in range(27)]}, "more than there are letters"),
    ],
)
def test_options_that_cannot_be_told_apart_are_bad(options, message):
    """They are never printed as one, nor left out."""
    with pytest.raises(msgspec.ValidationError, match=message):
        convert({"question": "Hm?", "answer": "A", **options}, "own_qa")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"answers": []}, "no answer"),
        ({"answer": " "}, "no answer"),
        ({"answer": "2", "video": ["a", "b"]}, "several videos"),
    ],
)
def test_questions_that_give_no_record_are_skipped(raw, reason):
    """They are counted by their reason."""
    assert convert({"question": "Hm?", **raw}, "own_qa") == [reason]


@pytest.mark.parametrize("column", ["image", "images", "image_path", "img_path", "filepath", "file_name", "filename"])
@pytest.mark.parametrize(
    ("use", "told"), [("own_qa", {"question": "Hm?", "answer": "2"}), ("own_captions", {"text": "Tea."})]
)
def test_tables_call_an_images_path_by_many_names(use, told, column):
    """The first of them counts."""
    (record,) = convert({**told, column: "a.jpg"}, use)

    assert record.image == "a.jpg"
    assert record.conversations[0].value.startswith("<image>\n")


def test_a_link_beside_texts_is_no_image():
    """Dialogues and questions often say where they are from."""
    assert convert({"question": "Hm?", "answer": "2", "url": "a.html"}, "own_qa")[0].image is None
    assert convert({"instruction": "Hm?", "output": "2", "path": "a.html"}, "own_alpaca")[0].image is None


@pytest.mark.parametrize(
    ("caption", "kept"),
    [
        (" Tea. ", "Tea."),
        ("[Tea] in a pot", "[Tea] in a pot"),
        ("<__dj__image> Tea. <|__dj__eoc|>", "Tea."),
        (["", "Tea."], "Tea."),
        ('["", "Tea."]', "Tea."),
    ],
)
def test_captions_lose_blanks_and_marks(caption, kept):
    """All else is kept."""
    assert said({"image": "a.jpg", "caption": caption}, "own_captions")[1] == kept


def test_a_list_of_captions_is_one_record_or_several():
    """The pick depends on the record only; records of one item have ids of their own."""
    raw = {"id": 7, "image": "a.jpg", "captions": ["Tea.", "Eggs."]}

    (one,) = convert(raw, "own_captions")
    every = convert(raw, "own_captions", captions="all")

    assert one.conversations[1].value in ("Tea.", "Eggs.")
    assert [record.conversations[1].value for record in every] == ["Tea.", "Eggs."]
    assert len({record.id for record in every}) == 2
    assert convert({**raw, "captions": ["", " "]}, "own_captions") == ["no caption"]
    assert convert({"videos": ["a.mp4", "b.mp4"], "text": "Tea."}, "own_captions") == ["several videos"]


@pytest.mark.parametrize(
    ("medium", "request_", "question"),
    [
        ("video", "brief", "<video>\nDescribe the video concisely."),
        ("audio", "detail", "<audio>\nDescribe the audio in detail."),
        ("image", "sentence", "<image>\nProvide a one-sentence caption for the provided image."),
    ],
)
def test_captions_are_asked_for_by_medium(medium, request_, question):
    """LLaVA's wordings speak of images."""
    assert said({medium: "a.bin", "caption": "Tea."}, "own_captions", request=request_)[0] == question


@pytest.mark.parametrize(
    ("raw", "use", "message"),
    [
        ({"image": "a.jpg"}, "own_captions", "no column 'caption' for 'caption'; columns found: image"),
        ({"caption": "Tea."}, "own_captions", "no medium in 'image', 'video' or 'audio'; columns found: caption"),
        (
            {"image": "a.jpg", "text": "Tea.", "title": "Pot"},
            "own_captions",
            "columns text, title may all be 'caption'",
        ),
        ({"image": "a.jpg", "text": "<__dj__image> a <|__dj__eoc|> b"}, "own_captions", "several captions"),
        ({"image": "a.jpg", "text": "<__dj__image><__dj__image> a"}, "own_captions", "no caption"),
        ({"image": "a.jpg", "text": "[[human]]: Hm?\n[[gpt]]: Yes."}, "own_captions", "no caption"),
        ({"response": "Tea."}, "own_query_response", "no column 'query' for 'query'; columns found: response"),
        (
            {"prompt": "a", "input": "b", "answer": "c"},
            "own_query_response",
            "columns prompt, input may all be 'query'",
        ),
        ({"instruction": "Hm?", "output": ""}, "own_alpaca", "column 'output' is empty"),
        ({"instruction": "Hm?", "output": "a", "history": ["b"]}, "own_alpaca", "history: expected pairs"),
        ({"instruction": "Hm?", "output": "a", "history": "[b"}, "own_alpaca", "history: expected pairs"),
        ({"instruction": ["a"], "output": "b"}, "own_alpaca", "instruction: expected text, got list"),
        ({"question": "Hm?", "answer": True}, "own_qa", "answer: expected text, got bool"),
    ],
)
def test_other_records_are_bad_and_list_what_was_found(raw, use, message):
    """The reason names the columns."""
    with pytest.raises(msgspec.ValidationError, match=message):
        convert(raw, use)


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        ([{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "Yes."}], "messages"),
        ({"messages": [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "Yes."}]}, "messages"),
        ({"conversation": [{"human": "Hm?", "assistant": "Yes."}]}, "sharegpt"),
        ({"instruction": "Hm?", "output": "Yes."}, "alpaca"),
        ({"image": "a.jpg", "question": "Hm?", "answer": "Yes."}, "qa"),
        ({"prompt": "Hm?", "completion": "Yes."}, "query_response"),
        ({"file_name": "a.jpg", "title": "Tea."}, "captions"),
    ],
)
def test_columns_tell_the_shape(raw, shape):
    """The shape is the subset, so that a condition can choose."""
    source = sources.get("own_auto")

    (made,) = source.convert(raw, source.options())

    assert made.labels.subset == shape


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"a": 1, "b": 2}, "no shape has these columns; .*; columns found: a, b"),
        ({"prompt": "Hm?", "chosen": "Yes.", "rejected": "No."}, "a preference pair, which `own_pairs` reads"),
        ({"text": "Soup is hot."}, "no medium in"),
    ],
)
def test_unknown_shapes_are_bad_and_list_their_columns(raw, message):
    """Nothing is guessed."""
    with pytest.raises(msgspec.ValidationError, match=message):
        convert(raw, "own_auto")


def test_a_conversion_tells_what_it_recognised(mixer):
    """On standard error, also when it was done before."""
    for _ in range(2):
        finished = mixer("convert", "own_auto", "--path", MINIATURES / "own_auto" / "records.json")

        assert "own_auto: recognised qa (2), captions (2), sharegpt (1), messages (1)" in finished.stderr


def test_a_file_of_which_nothing_can_be_used_stops_a_build(mixer, tmp_path):
    """However short it is, with the columns that were found."""
    (tmp_path / "x.csv").write_text("frage,antwort\nHm?,Ja.\n")
    given = recipe(tmp_path, sources={"mine": {"use": "own_auto", "path": "x.csv"}}, output={"for": "jsonl"})

    failed = mixer("build", given, code=1)
    columns = {"question": "frage", "answer": "antwort"}
    recipe(
        tmp_path, sources={"mine": {"use": "own_auto", "path": "x.csv", "columns": columns}}, output={"for": "jsonl"}
    )
    mixer("build", given)

    assert "no record of the file can be used: no shape has these columns" in failed.stderr
    assert "columns found: frage, antwort" in failed.stderr
    (made,) = records(tmp_path / "out/mix/mix.jsonl")
    assert [turn["value"] for turn in made["conversations"]] == ["Hm?", "Ja."]


def test_a_table_without_a_header_is_read_by_numbers(mixer, tmp_path):
    """Conceptual Captions' table is caption and link."""
    (tmp_path / "cc.tsv").write_text("a kite\thttps://example.com/1.jpg\ntwo kites\thttps://example.com/2.jpg\n")
    mine = {
        "use": "own_captions",
        "path": "cc.tsv",
        "columns": {"caption": "1", "image": "2"},
        "media": {"strip": "https://example.com"},
        "options": {"header": "none"},
    }

    mixer("build", recipe(tmp_path, sources={"cc": mine}))

    made = records(tmp_path / "out/mix/mix.json")
    assert sorted((each["image"], each["conversations"][1]["value"]) for each in made) == [
        ("1.jpg", "a kite"), ("2.jpg", "two kites")
    ]  # fmt: skip


def test_shards_and_tables_with_media_become_a_mix(mixer, tmp_path):
    """Bytes of tars and of Parquet lie in the mix's media folder, and it verifies."""
    for shard in range(3):
        named = [(f"{shard}{n}.{kind}", content) for n in range(2) for kind, content in
                 (("png", PNG + b"%d%d" % (shard, n)), ("json", json.dumps({"caption": f"Kite {shard}{n}"}).encode()))]  # fmt: skip
        write(tmp_path / f"kites-{shard}.tar", named)
    rows = [{"images": [{"bytes": PNG, "path": None}], "messages": [{"role": "user", "content": "<image>Hm?"}]}]
    rows[0]["messages"].append({"role": "assistant", "content": "Yes."})
    pl.DataFrame(rows).write_parquet(tmp_path / "x.parquet")
    chosen = {
        "kites": {"use": "own_webdataset", "path": "kites-*.tar"},
        "table": {"use": "own_parquet", "path": "x.parquet", "where": "subset = 'messages'"},
    }

    mixer("build", recipe(tmp_path, sources=chosen))
    mixer("verify", "out/mix")

    made = records(tmp_path / "out/mix/mix.json")
    assert len(made) == 7
    assert {each["id"] for each in made if each["id"].isdigit()} == {"00", "01", "10", "11", "20", "21"}
    assert all((tmp_path / "out/mix/media" / each["image"]).read_bytes().startswith(PNG) for each in made)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"txt": b"Tea.", "jpg": PNG, "png": PNG}, "members jpg, png may all be the image"),
        ({"txt": b"\xff", "jpg": PNG}, "a text that is not valid UTF-8"),
        ({"json": b"[]", "jpg": PNG}, "Expected `object`, got `array`"),
        ({"json": b"{", "jpg": PNG}, "a text that should hold JSON does not"),
    ],
)
def test_samples_of_tars_that_are_not_clear_are_bad(members, message):
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=message):
        convert({"__key__": "1", **members}, "own_webdataset")


def test_a_column_says_which_of_two_images_is_meant():
    """A mask beside a photo has another name; of two photos one is named."""
    sample = {"__key__": "1", "txt": b"Tea.", "jpg": PNG, "seg.png": PNG + b"mask"}

    (photo,) = convert(sample, "own_webdataset")
    (mask,) = convert(sample, "own_webdataset", columns={"image": "seg.png"})
    (chosen,) = convert({**sample, "png": PNG + b"mask"}, "own_webdataset", columns={"image": "jpg"})

    assert photo.id == "1"
    assert photo.image == chosen.image != mask.image


def test_a_samples_json_may_name_its_files_and_texts_may_have_a_mark():
    """The member is the medium, whatever the JSON calls it; a byte order mark is no text."""
    told = '\ufeff{"caption": "Tea.", "images": ["x.jpg", "y.jpg"]}'.encode()

    (record,) = convert({"__key__": "1", "json": told, "jpg": PNG}, "own_webdataset")
    (marked,) = convert({"__key__": "1", "txt": "\ufeffTea.".encode(), "jpg": PNG}, "own_webdataset")

    assert record.conversations[1].value == marked.conversations[1].value == "Tea."
    assert record.image == marked.image
