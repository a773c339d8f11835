"""Leaks: image keys, the benchmarks' lists, questions, content and look, the gate and its report."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from conftest import ROOT, recipe
from hypothesis import given
from hypothesis import strategies as st

from mixer.collection import Collection
from mixer.errors import DataError, MissingFile, UsageError
from mixer.leaks import images, keys, lists, questions, same_photos
from mixer.leaks.gate import gate, inputs
from mixer.leaks.page import markdown
from mixer.leaks.registry import BENCHMARKS, WAYS
from mixer.leaks.report import check
from mixer.leaks.targets import target
from mixer.processes import Workers
from mixer.progress import silent
from mixer.recipe import load_recipe
from mixer.resolved import Benchmark, Decontaminate

# Keys.

PATHS = {
    "COCO_train2014_000000123456.jpg": "coco:123456",
    "coco/val2014/COCO_val2014_000000000042.jpg": "coco:42",
    "COCO_test2015_000000000016.jpg": "coco:16",
    "train2017/000000123456.jpg": "coco:123456",
    "000000123456.jpg": "coco:123456",
    "000000123456": "coco:123456",
    "coco/train2017/000000123456.jpg": "coco:123456",
    "coco_flip/train2014/COCO_train2014_000000300023.jpg": "coco:300023",
    "COCO_train2014_000000580957_4": "coco:580957",
    "sub/A+visual_question_7_COCO_train2014_000000881201.jpg": "coco:881201",
    "visdial/VisualDialog_train2018/VisualDialog_train2018_000000771203.jpg": "coco:771203",
    "visdial/VisualDialog_val2018/VisualDialog_val2018_000000000035.jpg": None,
    "VG_100K/713.jpg": "vg:713",
    "VG_100K_2/713.jpg": "vg:713",
    "vg/VG_100K/2317533.jpg": "vg:2317533",
    "raw/GQA/images/2339011.jpg": "vg:2339011",
    "gqa/images/2339011.jpg": "vg:2339011",
    "gqa/images/n161313.jpg": "gqa:n161313",
    "lrv_tune/image/8812.jpg": "vg:8812",
    "flickr30k-images/1016887272.jpg": "flickr:1016887272",
    "train_images/0a1b2c3d4e5f6789.jpg": "oi:0a1b2c3d4e5f6789",
    "textvqa/train_images/0a1b2c3d4e5f6789.jpg": "oi:0a1b2c3d4e5f6789",
    "ocr_vqa/images/0123456789.jpg": "ocrvqa:123456789",
    "ocr_vqa/images/073821115X.jpg": "ocrvqa:73821115X",
    "sam/images/sa_12345.jpg": "sa:12345",
    "kvqa/images/VizWiz_train_00000000.jpg": "vizwiz:VizWiz_train_00000000",
    "./imgs/DUE_Benchmark/DocVQA/pngs/xnbl0037_1.png": "docvqa:xnbl0037_1",
    "anywhere/xnbl0037_1.png": "docvqa:xnbl0037_1",
    "docdownstream/imgs/ChartQA/png/8123.png": "chartqa:8123",
    "ScienceQA/train/7/image.png": "scienceqa:7",
    "00453/004539375.jpg": None,
    "1016887272.jpg": None,
    "713.jpg": None,
    "kitchen/0007.jpg": None,
    "ocrvqa/57/575bfbaac7d3907f23961d781f750cf2b0d9673e73eee62d18f36fa03aa7900b.png": None,
    "coconut/7.jpg": None,
}


@pytest.mark.parametrize(("path", "key"), PATHS.items())
def test_a_path_tells_its_key(path, key):
    """By its own form or its folder; a bare number is nobody's."""
    assert keys.of_path(path) == key


@pytest.mark.parametrize(
    ("path", "source", "key"),
    [
        ("713.jpg", "svit", "vg:713"),
        ("713.jpg", "coco_captions", "coco:713"),
        ("713.jpg", "flickr30k", "flickr:713"),
        ("713.jpg", "llava_v1_5_mix665k", None),
        ("coco/train2017/000000000713.jpg", "svit", "coco:713"),
        ("n161313.jpg", "gqa", None),
    ],
)
def test_a_source_tells_the_key_where_the_path_does_not(path, source, key):
    """Numbers of Visual Genome and COCO are never mixed: what the path says comes first."""
    assert keys.of_path(path, source) == key


@pytest.mark.parametrize(
    ("kind", "entry", "key"),
    [
        ("coco", "33471", "coco:33471"),
        ("coco", "000000033471", "coco:33471"),
        ("coco", "COCO_val2014_000000033471.jpg", "coco:33471"),
        ("coco", "val2014/COCO_val2014_000000033471.jpg", "coco:33471"),
        ("coco", "coco_33471", "coco:33471"),
        ("coco", "COCO_train2014_000000580957_4", "coco:580957"),
        ("coco", "vg/VG_100K/7.jpg", None),
        ("coco", "kettle", None),
        ("vg", "8", "vg:8"),
        ("vg", "VG_100K_2/8", "vg:8"),
        ("gqa", "2339011", "vg:2339011"),
        ("gqa", "n161313.jpg", "gqa:n161313"),
        ("flickr", "1016887272", "flickr:1016887272"),
        ("oi", "0a1b2c3d4e5f6789.jpg", "oi:0a1b2c3d4e5f6789"),
        ("ocrvqa", "0761183272", "ocrvqa:761183272"),
        ("sa", "sa_12.jpg", "sa:12"),
        ("vizwiz", "VizWiz_val_00000007.jpg", "vizwiz:VizWiz_val_00000007"),
        ("chartqa", "8123.png", "chartqa:8123"),
        ("wtq", "203_1", "wtq:203_1"),
        ("chartqa", "000000033471.jpg", None),
        ("chartqa", "elsewhere/8123.png", None),
        ("stem", "any/AMBER_1.jpg", "stem:AMBER_1"),
        ("sha256", "AB" * 32, "sha256:" + "ab" * 32),
        (None, "000000006040.jpg", "coco:6040"),
        (None, "0001.jpg", None),
    ],
)
def test_an_entry_of_a_list_tells_its_key(kind, entry, key):
    """Lists of a known kind may hold numbers, names or paths."""
    assert keys.of_entry(kind, entry) == key


PARTS = st.sampled_from(
    ["coco", "train2017", "val2014", "VG_100K", "gqa", "images", "flickr30k-images", "ocr_vqa", "x", "DocVQA"]
)
NAMES = st.one_of(
    st.integers(0, 10**10).map(str),
    st.integers(0, 999_999).map("{:012d}".format),
    st.integers(0, 999_999).map("COCO_val2014_{:012d}".format),
    st.from_regex(r"[0-9a-f]{16}|n[0-9]{1,6}|sa_[0-9]{1,6}|[a-z]{4}[0-9]{4}_[0-9]", fullmatch=True),
    st.text("aä0._-", min_size=1, max_size=5),
)
MADE = st.builds(
    lambda parts, name, end: "/".join([*parts, name]) + end,
    st.lists(PARTS, max_size=3),
    NAMES,
    st.sampled_from(["", ".jpg", ".png"]),
)


@given(st.lists(MADE, unique=True, min_size=1), st.sampled_from([None, "svit", "coco_captions", "sharegpt4v"]))
def test_many_paths_get_the_keys_that_each_gets(paths, source):
    """The columns of polars and Python agree on every path, whatever order they come in."""
    found = dict(keys.of_paths(pl.Series(paths), source).iter_rows())
    stems = dict(keys.stems_of(pl.Series(paths)).iter_rows())

    assert found == {path: keys.of_path(path, source) for path in paths}
    assert found == dict(keys.of_paths(pl.Series(paths[::-1]), source).iter_rows())
    assert stems == {path: keys.stem(path) for path in paths}


@given(st.sampled_from(["coco", "vg", "flickr", "sa", "ocrvqa"]), st.integers(0, 10**9), st.integers(0, 3))
def test_leading_zeros_mean_nothing_and_keys_are_stable(kind, number, zeros):
    """A key's value, read again, gives the key."""
    key = keys.of_entry(kind, "0" * zeros + str(number))

    assert key == f"{kind}:{number}"
    assert keys.of_entry(kind, key.partition(":")[2]) == key


# Lists.

RECORDS = [
    {"image": "COCO_val2014_000000000042.jpg", "text": "Is there a kettle?"},
    {"image": "000000000007.jpg", "text": "Two?"},
]


def written(folder, name, content):
    path = Path(folder) / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet(path):
    pl.DataFrame(RECORDS).write_parquet(path)
    return path


FORMS = {
    "lines.json": "\n".join(map(json.dumps, RECORDS)),
    "lines.jsonl": "\ufeff" + "\n\n".join(map(json.dumps, RECORDS)) + "\n",
    "array.json": json.dumps(RECORDS),
    "spread.json": json.dumps(RECORDS, indent=2),
    "member.json": json.dumps({"info": {"year": 2014}, "questions": RECORDS}),
    "by_id.json": json.dumps({"q1": RECORDS[0], "q2": RECORDS[1]}),
    "columns.txt": "".join(f"{each['image']}\t{each['text']}\tYes\r\n" for each in RECORDS),
    "header.tsv": "index\timage\ttext\n" + "".join(f'1\t{each["image"]}\t"{each["text"]}"\n' for each in RECORDS),
    "header.csv": "image,text\n" + "".join(f"{each['image']},{each['text']}\n" for each in RECORDS),
    "records.p": pickle.dumps(RECORDS, protocol=2),
}


@pytest.mark.parametrize("name", [*FORMS, "records.parquet"])
def test_every_published_form_is_read(tmp_path, name):
    """The content tells the form; the same entries come out."""
    path = parquet(tmp_path / name) if name.endswith("parquet") else written(tmp_path, name, FORMS[name])

    entries = list(lists.read(path, lists.Fields()))

    assert [entry.images for entry in entries] == [(each["image"],) for each in RECORDS]
    assert [entry.questions for entry in entries] == [(each["text"],) for each in RECORDS]
    assert not any(entry.alone for entry in entries)


@pytest.mark.parametrize("content", ["8\n\n22\n", "\ufeff8\r\n22", "[8, 22]", '["8",\n "22"]', '{"test": [8, 22]}'])
def test_ids_that_stand_alone(tmp_path, content):
    """One id a line, or an array of ids: each is whatever is asked for."""
    entries = list(lists.read(written(tmp_path, "ids.txt", content), lists.Fields()))

    assert [(entry.images, entry.id, entry.alone) for entry in entries] == [(("8",), "8", True), (("22",), "22", True)]


def test_an_object_may_be_the_one_record(tmp_path):
    """As a file of JSON Lines with one line is; an object of nothing holds nothing."""
    path = written(tmp_path, "one.json", json.dumps(RECORDS[0], indent=1))

    assert [entry.images for entry in lists.read(path, lists.Fields())] == [(RECORDS[0]["image"],)]
    assert not list(lists.read(written(tmp_path, "none.json", " {} "), lists.Fields()))


def test_splits_for_training_are_passed_over(tmp_path):
    """Where a list names splits, those that are held out count; where it names none, all do."""
    fields = BENCHMARKS["ocrvqa"].fields
    covers = {
        "012": {"split": 1, "questions": ["Who?"]},
        "34X": {"split": 2, "questions": ["Why?"]},
        "56": {"split": 3},
    }
    pids = {"train": ["1"], "val": ["2"], "test": ["3", "4"], "trainval": ["1", "2"]}

    of_covers = list(lists.read(written(tmp_path, "dataset.json", json.dumps(covers)), fields))
    of_pids = list(lists.read(written(tmp_path, "pid_splits.json", json.dumps(pids)), BENCHMARKS["scienceqa"].fields))

    assert [(entry.images, entry.questions) for entry in of_covers] == [(("34X",), ("Why?",)), (("56",), ())]
    assert [entry.id for entry in of_pids] == ["2", "3", "4"]


def test_pickles_of_refer_are_read_by_split(tmp_path):
    """Of refs(unc).p the images of val and test count, whose files end with a number that is no image's."""
    refs = [
        {"image_id": 72, "split": split, "file_name": "COCO_train2014_000000000072_31.jpg", "sentences": []}
        for split in ("train", "val")
    ]
    refs[1]["image_id"] = 73
    path = written(tmp_path, "refs(unc).p", pickle.dumps(refs, protocol=0))

    assert target(Benchmark("refcoco", (path,))).keys == {"coco:73"}


class Runs:
    """Its pickle names a function to call."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cut.jsonl", '{"image": "a.jpg"}\n{"image": \n', r"cut.jsonl:2: .*a list is one id a line"),
        ("bad.json", '[\n{"image": "a.jpg"},\n{"image": NaN}\n]', r"bad.json:3: NaN is not JSON"),
        ("odd.json", '{"a": 1, "b": {}}', r"odd.json: an object with `a`, `b` holds no records.*`questions`"),
        ("nested.json", "[[1]]", r"nested.json: record 1: expected a text or a whole number"),
        ("mixed.json", '{"test": [1], "val": [{}]}', r"mixed.json: expected lists of ids by split: .*\$"),
        ("halves.json", "[1.5]", r"halves.json: record 1: expected a text or a whole number"),
        ("runs.p", pickle.dumps(Runs(), protocol=2), r"runs.p: .*would run a program"),
        ("text.txt", b"8\n\xff\n", r"text.txt:.*not valid UTF-8"),
        ("empty.txt", "", r"empty.txt: .*an empty file"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_its_place(tmp_path, name, content, said):
    """File and line or record, and what a list may be."""
    with pytest.raises(DataError, match=said):
        list(lists.read(written(tmp_path, name, content), lists.Fields()))


def test_a_missing_list_is_told(tmp_path):
    """By its path."""
    with pytest.raises(MissingFile, match=r"none.txt: no such file"):
        target(Benchmark("pope", (tmp_path / "none.txt",)))


# What a benchmark's lists come to.


def test_a_list_of_ones_own(tmp_path):
    """Named by key and field: an entry of another kind is an error with its place."""
    path = written(tmp_path, "mine.txt", "one\t000000000042\ntwo\t43\n")
    bad = written(tmp_path, "bad.txt", "42\nkettle\n")

    assert target(Benchmark("mine", (path,), key="coco", field="2")).keys == {"coco:42", "coco:43"}
    with pytest.raises(DataError, match=r"bad.txt:2: expected an image of the kind coco, got 'kettle'"):
        target(Benchmark("mine", (bad,), key="coco"))


def test_a_benchmark_of_ones_own_is_matched_by_all_that_is_given(tmp_path):
    """Its list and its images; entries that tell no key are counted."""
    path = written(tmp_path, "mine.txt", "000000000042.jpg\n0001.jpg\n")

    made = target(Benchmark("mine", (path,), images=tmp_path))

    assert made.ways == ("image", "content", "perceptual")
    assert made.notes() == ["mine: 1 of 2 entries have no key of an image"]
    assert target(Benchmark("mine", images=tmp_path)).ways == ("content", "perceptual")
    assert target(Benchmark("mine", (path,), by=("id",), field="1")).ids == {"000000000042.jpg", "0001.jpg"}
    questions_ = target(Benchmark("mine", (written(tmp_path, "q.tsv", "1\tWhy?\n"),), by=("question",), field="2"))
    assert questions_.questions == {"why"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": "pope"}, "pope: is matched by image: give `files`, its lists"),
        ({"name": "mmbench"}, "give `files`, its lists or `images`, a folder"),
        ({"name": "pope", "by": ("content",), "files": ("ids",)}, "pope: by content needs `images`, a folder"),
        ({"name": "mine", "files": ("ids",), "key": "cocoa"}, r"unknown key 'cocoa' \(did you mean 'coco'\?\)"),
        ({"name": "mine", "files": ("ids",), "distance": 30}, "beyond 10 of 64 bits"),
        ({"name": "mine", "files": ("ids",), "ngram": 0}, "it counts words, from 1"),
    ],
)
def test_what_cannot_be_asked_is_told(tmp_path, asked, said):
    """In words of the recipe."""
    files = tuple(written(tmp_path, name, "42\n") for name in asked.pop("files", ()))

    with pytest.raises(UsageError, match=said):
        target(Benchmark(files=files, **asked))


def test_a_list_without_anything_to_match_is_an_error(tmp_path):
    """It is another file, or its entries stand elsewhere: silence would pass for a clean mix."""
    path = written(tmp_path, "other.jsonl", '{"picture": "42.jpg"}\n')

    with pytest.raises(DataError, match=r"pope: other.jsonl has nothing to match by image in 1 entries .*`field`"):
        target(Benchmark("pope", (path,)))
    assert target(Benchmark("pope", (path,), field="picture")).keys == {"coco:42"}


def test_usual_ways_are_those_that_the_files_allow(tmp_path):
    """MMMU's published answers have ids only; asking for more is an error."""
    path = written(tmp_path, "answer_dict_val.json", '{"validation_Art_1": {"ground_truth": "B"}}')

    assert target(Benchmark("mmmu", (path,))).ways == ("id",)
    with pytest.raises(DataError, match="nothing to match by question"):
        target(Benchmark("mmmu", (path,), by=("id", "question")))


def test_the_registry_is_sound():
    """Every benchmark has lists, ways and a key that exist; a page says what is in it."""
    page = (ROOT / "docs" / "leaks.md").read_text(encoding="utf-8")

    for name, known in BENCHMARKS.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert known.by, name
        assert {*known.by} <= {*WAYS}
        assert known.lists
        assert known.key is None or known.key in keys.KINDS
    assert markdown() in page


# Visual Genome, COCO, Flickr.

PHOTOS = [
    {"image_id": 1, "coco_id": None, "flickr_id": None},
    {"image_id": 61, "coco_id": 248, "flickr_id": 6273},
    {"id": 62, "coco_id": 248, "flickr_id": None},
    {"image_id": 63, "coco_id": None, "flickr_id": 99},
]


def test_one_photo_under_several_names(tmp_path):
    """A name leads to every other name of its photo, and says which listed one it stands for."""
    photos = same_photos.read(written(tmp_path, "image_data.json", json.dumps(PHOTOS)))

    assert same_photos.expanded({"coco:248"}, photos) == dict.fromkeys(
        ["coco:248", "vg:61", "flickr:6273", "vg:62"], "coco:248"
    )
    assert same_photos.expanded({"vg:62"}, photos) == dict.fromkeys(
        ["coco:248", "vg:61", "flickr:6273", "vg:62"], "vg:62"
    )
    assert same_photos.expanded({"flickr:99", "vg:1"}, photos) == {
        "flickr:99": "flickr:99",
        "vg:63": "flickr:99",
        "vg:1": "vg:1",
    }
    assert same_photos.expanded(["vg:61", "coco:248"], photos[::-1]) == same_photos.expanded(
        ["coco:248", "vg:61"], photos
    )


def test_another_file_than_image_data_is_refused(tmp_path):
    """Without a single COCO or Flickr number it would silently expand nothing."""
    with pytest.raises(DataError, match=r"is it Visual Genome's image_data.json"):
        same_photos.read(written(tmp_path, "image_data.json", '[{"image_id": 1}]'))
    with pytest.raises(DataError, match=r"byte 1: Expected `int.*is it Visual Genome"):
        same_photos.read(written(tmp_path, "image_data.json", '[{"image_id": 1, "coco_id": "x"}]'))
    with pytest.raises(MissingFile, match=r"none.json: no such file"):
        same_photos.read(tmp_path / "none.json")
    assert same_photos.read(written(tmp_path, "image_data.json", '[{"image_id": 1, "coco_id": null}]')) == []


# Questions.


@pytest.mark.parametrize(
    ("text", "compared"),
    [
        ("<image>\nIs there a Kettle, on the stove?", "is there a kettle on the stove"),
        ("Is it red?\nAnswer the question using a single word or phrase.", "is it red"),
        ("Is it red? Please answer yes or no.", "is it red"),
        ("Describe this image.", ""),
        ("Please answer yes or no.", ""),
        ("猫は red?", "猫 は red"),
        ("...", ""),
    ],
)
def test_words_that_are_compared(text, compared):
    """Lower case, no punctuation, no placeholders, no format prompts."""
    assert questions.words(text) == compared


def matched(asked, *turns):
    return questions.Matcher([questions.Asked("b", *asked)]).find(turns)


def test_a_short_question_must_be_the_turn_or_a_line_of_it():
    """Where options follow on lines of their own, the question is still found; as a part of a line it is not."""
    asked = (13, ("which one is a kettle",))

    assert matched(
        asked,
        "<image>\nWhich one is a kettle?\nA. this\nB. that\nAnswer with the option's letter from the given choices directly.",
    )
    assert not matched(asked, "Tell me: which one is a kettle?")


def test_a_long_question_is_shared_by_words_in_a_row():
    """N words of it, wherever they stand; N - 1 are not enough."""
    long = "what is the name of the person who left the copper kettle on the stove last night"
    asked = (5, (long,))

    assert matched(asked, "Say: the copper kettle ON the... table") == [(0, "the copper kettle on the")]
    assert not matched(asked, "Say: a copper kettle on the table")
    assert matched((20, (long,)), long)


WORDS = st.lists(st.sampled_from("abc"), min_size=1, max_size=8).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=4, unique=True), st.lists(WORDS, max_size=3), st.integers(1, 5))
def test_words_in_a_row_match_as_a_plain_search_does(asked, turns, ngram):
    """Compared with a search in texts, for turns of one line that hold no format prompts."""
    shared = any(
        question == turn if len(question.split()) < ngram
        else any(f" {run} " in f" {turn} " for run in questions.runs(question, ngram))
        for question in asked
        for turn in turns
    )  # fmt: skip

    assert bool(matched((ngram, tuple(sorted(asked))), *turns)) == shared


# Images.


@given(
    st.lists(st.integers(0, 2**63 - 1), max_size=30),
    st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 10)), min_size=1, max_size=10),
    st.lists(st.integers(0, 62), max_size=12),
)
def test_near_hashes_are_all_found(ours, theirs, flipped):
    """As brute force does, with hashes planted at every distance."""
    for end in range(len(flipped) + 1):
        near = theirs[0][0]
        for bit in flipped[:end]:
            near ^= 1 << bit
        ours = [*ours, near]
    table = pl.DataFrame(theirs, schema={"phash": pl.UInt64, "distance": pl.UInt32}, orient="row").with_row_index(
        "number"
    )

    found = images.perceptual(table, pl.Series(ours, dtype=pl.UInt64))

    assert set(found.select("phash", "number", "bits").iter_rows()) == {
        (our, number, (our ^ their).bit_count())
        for our in ours
        for number, (their, distance) in enumerate(theirs)
        if (our ^ their).bit_count() <= distance
    }


@pytest.fixture
def pictures(tmp_path):
    """Give a benchmark's folder and a media root that holds a re-encoded copy, the very bytes, another one and a white one."""
    image = pytest.importorskip("PIL.Image")
    numpy = pytest.importorskip("numpy")
    drawn = numpy.random.default_rng(7)

    def made(path, pixels, **how):
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).resize((240, 200)).save(path, **how)

    shapes = [drawn.integers(0, 255, (6, 6, 3)).astype("uint8") for _ in range(3)]
    made(tmp_path / "bench" / "sub" / "0001.png", shapes[0])
    made(tmp_path / "bench" / "0002.png", shapes[1])
    made(tmp_path / "bench" / "white.png", shapes[0] * 0 + 255)
    written(tmp_path / "bench", "README.txt", "not an image")
    made(tmp_path / "media" / "a" / "copy.jpg", shapes[0], quality=70)
    (tmp_path / "media" / "a" / "same.jpg").write_bytes((tmp_path / "bench" / "0002.png").read_bytes())
    made(tmp_path / "media" / "a" / "other.jpg", shapes[2])
    made(tmp_path / "media" / "a" / "white.jpg", shapes[0] * 0 + 255)
    return tmp_path


def framed(*records, **columns):
    """Make the index of records, each a list of images."""
    return pl.DataFrame(
        {"media": list(records), "images": [len(each) for each in records], **columns},
        schema_overrides={"media": pl.List(pl.String), "images": pl.UInt32},
    )


def made_gate(folder, *benchmarks, image_data=None, workers=None):
    return gate(Decontaminate(benchmarks, image_data=image_data), Path(folder) / "store", workers or Workers(1), silent)


def test_a_copy_is_found_by_look_and_the_same_file_by_content(pictures):
    """A re-encoded picture has other bytes; a flat one looks like every other flat one, and is nobody's copy."""
    frame = framed(["a/copy.jpg"], ["a/same.jpg"], ["a/other.jpg"], ["a/white.jpg"], ["a/other.jpg", "a/copy.jpg"], [])

    by_content = made_gate(pictures, Benchmark("mmbench", by=("content",), images=pictures / "bench"))
    by_look = made_gate(pictures, Benchmark("mmbench", by=("perceptual",), images=pictures / "bench"))
    both = made_gate(pictures, Benchmark("mmbench", images=pictures / "bench"))

    media = [pictures / "nowhere", pictures / "media"]
    assert by_content.judge(frame, "own", media).why.to_list() == [
        None,
        "mmbench: same bytes as 0002.png",
        None,
        None,
        None,
        None,
    ]
    looks = by_look.judge(frame, "own", media)
    assert [bool(why) for why in looks.why] == [True, True, False, False, True, False]
    assert re.fullmatch(r"mmbench: looks like sub/0001.png \([0-4] bits apart\)", looks.why[0])
    assert both.judge(frame, "own", media).counts == {"mmbench": 3}
    assert both.targets[0].ways == ("content", "perceptual")


def test_an_image_that_cannot_be_looked_at_stops_the_gate(pictures):
    """What was not compared is not clean: the error says how many, one of them, and what to do."""
    written(pictures / "media" / "a", "broken.jpg", b"no image")
    rule = made_gate(pictures, Benchmark("mmbench", images=pictures / "bench"))

    for name, why in (("gone", "missing"), ("broken", "does not decode")):
        with pytest.raises(DataError, match=rf"own: 1 images cannot be compared .* a/{name}.jpg \({why}.*--media"):
            rule.judge(framed([f"a/{name}.jpg"]), "own", [pictures / "media"])


def test_a_list_of_hashes_finds_content(pictures):
    """`key: sha256` needs no folder of the benchmark's images."""
    import hashlib

    told = hashlib.sha256((pictures / "media" / "a" / "other.jpg").read_bytes()).hexdigest()
    rule = made_gate(pictures, Benchmark("mine", (written(pictures, "hashes.txt", told + "\n"),), key="sha256"))

    why = rule.judge(framed(["a/other.jpg"], ["a/copy.jpg"]), "own", [pictures / "media"]).why
    assert why.to_list() == [f"mine: sha256 {told[:16]}", None]


@pytest.mark.parametrize("content", [b"no image", b""])
def test_a_benchmarks_image_that_does_not_decode_is_an_error(pictures, content):
    """Nothing could be like it, and so nothing would be found."""
    written(pictures / "bench", "broken.png", content)

    with pytest.raises(DataError, match=r"broken.png: .* image of a benchmark"):
        made_gate(pictures, Benchmark("mmbench", images=pictures / "bench"))
    (pictures / "empty").mkdir()
    for folder, said in (("none", "no such folder"), ("empty", "holds no image")):
        with pytest.raises(UsageError, match=said):
            made_gate(pictures, Benchmark("mmbench", images=pictures / folder))


# The gate.


@pytest.fixture
def benchmarks(tmp_path):
    """Give invented lists under the names of real benchmarks."""
    return (
        Benchmark("pope", (written(tmp_path, "pope.json", '{"image": "COCO_val2014_000000000042.jpg"}\n{"image": "COCO_val2014_000000000043.jpg"}'),)),
        Benchmark("chair", (written(tmp_path, "chair.jsonl", '{"image": "000000000042.jpg"}'),)),
        Benchmark("svit_test", (written(tmp_path, "ids.txt", "7\n8\n"),)),
    )  # fmt: skip


def test_records_are_judged_by_their_images(tmp_path, benchmarks):
    """Whatever the files are called; a record of several images leaks if any of them does; numbers are not mixed."""
    rule = made_gate(tmp_path, *benchmarks)
    frame = framed(
        ["coco/train2017/000000000042.jpg"], ["coco/train2017/000000000007.jpg"], ["vg/VG_100K/7.jpg"],
        ["gqa/images/42.jpg"], ["coco/train2017/000000000001.jpg", "coco/val2014/COCO_val2014_000000000043.jpg"], [],
    )  # fmt: skip

    ruling = rule.judge(frame, "llava_v1_5_mix665k", [])

    assert rule.columns == {"media", "images"}
    assert rule.derived == ()
    assert ruling.why.to_list() == [
        "pope: coco:42; chair: coco:42",
        None,
        "svit_test: vg:7",
        None,
        "pope: coco:43",
        None,
    ]
    assert ruling.counts == {"pope": 2, "chair": 1, "svit_test": 1}
    assert "pope: 2 images listed, 500 in the published lists together" in rule.notes


def test_videos_are_no_images(tmp_path, benchmarks):
    """Media that follow the images are not looked at."""
    frame = framed(["000000000042.jpg"]).with_columns(images=pl.lit(0, dtype=pl.UInt32))

    assert made_gate(tmp_path, *benchmarks).judge(frame, "own", []).why.to_list() == [None]


@given(st.data())
def test_the_order_of_records_and_lists_decides_nothing(data):
    """Each record is judged by itself."""
    paths = st.sampled_from(["coco/train2017/000000000042.jpg", "vg/VG_100K/7.jpg", "vg/VG_100K/9.jpg", "x/1.jpg"])
    records = data.draw(st.lists(st.lists(paths, max_size=3), min_size=1, max_size=8))
    order = data.draw(st.permutations(range(len(records))))
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        first = written(folder, "a.txt", "42\n43\n")
        second = written(folder, "b.txt", "44\n42\n")
        rule = made_gate(
            folder,
            Benchmark("mine", (first, second), key="coco"),
            Benchmark("vg", (written(folder, "c", "7"),), key="vg"),
        )
        again = made_gate(
            folder,
            Benchmark("mine", (second, first), key="coco"),
            Benchmark("vg", (written(folder, "c", "7"),), key="vg"),
        )
    why = rule.judge(framed(*records), "own", []).why.to_list()

    assert again.judge(framed(*[records[at] for at in order]), "own", []).why.to_list() == [why[at] for at in order]
    assert [bool(each) for each in why] == [any("042" in path or "/7" in path for path in record) for record in records]


def test_names_of_one_photo_are_told_apart_and_found(tmp_path, benchmarks):
    """With image_data.json sets of Visual Genome are checked against benchmarks on COCO, and the reverse."""
    photos = [{"image_id": 500, "coco_id": 42, "flickr_id": 1016}, {"image_id": 7, "coco_id": 9, "flickr_id": None}]
    rule = made_gate(tmp_path, *benchmarks, image_data=written(tmp_path, "image_data.json", json.dumps(photos)))

    why = rule.judge(
        framed(["vg/VG_100K_2/500.jpg"], ["coco/train2017/000000000009.jpg"], ["flickr30k-images/1016.jpg"]), "own", []
    ).why

    assert why.to_list() == [
        "pope: vg:500, which is coco:42; chair: vg:500, which is coco:42",
        "svit_test: coco:9, which is vg:7",
        "pope: flickr:1016, which is coco:42; chair: flickr:1016, which is coco:42",
    ]


def test_records_are_judged_by_their_ids_and_stems(tmp_path):
    """For benchmarks that were repackaged under their own names."""
    ids = Benchmark("mmmu", (written(tmp_path, "answers.json", '{"validation_Art_1": {}}'),))
    stems = Benchmark("amber", (written(tmp_path, "amber.json", '[{"id": 1, "image": "AMBER_1.jpg"}]'),), by=("image",))
    rule = made_gate(tmp_path, ids, stems)

    ruling = rule.judge(framed(["x/AMBER_1.png"], ["x/2.png"], [], id=["a", "validation_Art_1", "b"]), "own", [])

    assert rule.columns == {"media", "images", "id"}
    assert ruling.why.to_list() == ["amber: stem:AMBER_1", "mmmu: id validation_Art_1", None]


VQA = {
    "questions": [
        {"image_id": 42, "question": "Is the kettle red?", "question_id": 1},
        {"image_id": 43, "question": "How many kettles are there?", "question_id": 2},
    ]
}


def conversation(*turns, id="1", image="coco/train2017/000000000042.jpg"):
    values = [{"from": ("human", "gpt")[at % 2], "value": turn} for at, turn in enumerate(turns)]
    return {"id": id, "image": image, "conversations": values}


def lines_of(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_questions_are_derived_columns(tmp_path):
    """By question alone, or together with the image it is about; the column is made of a part's lines, by any worker."""
    path = written(tmp_path, "val.json", json.dumps(VQA))
    rule = made_gate(tmp_path, Benchmark("vqav2", (path,)), Benchmark("words", (path,), by=("question",)))
    records = [
        conversation("<image>\nIs the kettle red?\nAnswer the question using a single word or phrase.", "Yes"),
        conversation("<image>\nHow many kettles are there?", "2"),
        conversation("<image>\nIs it large?", "No", "How many kettles are there?", "2", image="coco/val2014/COCO_val2014_000000000043.jpg"),
        conversation("<image>\nWhat is it?", "How many kettles are there?"),
    ]  # fmt: skip
    (derived,) = rule.derived
    lines = lines_of(tmp_path / "part.jsonl", records)

    from mixer.derived import make

    make(derived.maker, lines, tmp_path / "a.column", derived.settings)
    with Workers(2) as workers:
        workers.call(made_elsewhere, (derived.maker, lines, tmp_path / "b.column", derived.settings), about="a part")()
    column = pl.read_parquet(tmp_path / "a.column")
    frame = framed(*([record["image"]] for record in records)).hstack(column)

    assert (tmp_path / "a.column").read_bytes() == (tmp_path / "b.column").read_bytes()
    assert {name: str(type_) for name, type_ in column.schema.items()} == dict(derived.columns)
    assert rule.judge(frame, "own", []).why.to_list() == [
        "vqav2: coco:42, question: is the kettle red; words: question: is the kettle red",
        "words: question: how many kettles are there",
        "vqav2: coco:43, question: how many kettles are there; words: question: how many kettles are there",
        None,
    ]


def made_elsewhere(arguments):
    from mixer.derived import make

    make(*arguments)


def test_the_derived_column_depends_on_the_questions_alone(tmp_path):
    """Not on where the lists lie, or on how they are written."""
    first = written(tmp_path, "val.json", json.dumps(VQA))
    second = written(tmp_path, "again.jsonl", "\n".join(map(json.dumps, reversed(VQA["questions"]))))
    other = written(tmp_path, "other.jsonl", json.dumps(VQA["questions"][0]))

    stems = [made_gate(tmp_path / "x", Benchmark("vqav2", (path,))).derived[0].stem for path in (first, second, other)]

    assert stems[0] == stems[1] != stems[2]
    assert stems[0] == made_gate(tmp_path / "y", Benchmark("vqav2", (first,))).derived[0].stem


def test_a_benchmark_is_named_once(tmp_path, benchmarks):
    """Its lists belong together."""
    with pytest.raises(UsageError, match="pope: named twice"):
        made_gate(tmp_path, benchmarks[0], benchmarks[0])


def test_every_file_that_is_read_is_listed(tmp_path, benchmarks):
    """With what it is, for the manifest."""
    asked = Decontaminate((*benchmarks, Benchmark("mmbench", images=tmp_path)), image_data=tmp_path / "image_data.json")

    assert inputs(asked) == [
        ("image_data", tmp_path / "image_data.json"),
        *((f"benchmark {each.name}", each.files[0]) for each in benchmarks),
        ("images of benchmark mmbench", tmp_path),
    ]


# The report.


@dataclass(frozen=True)
class Toy:
    """Records of one source."""

    name: str
    records: list
    media: Sequence[Path] = ()
    source: str = "llava_jsonl"

    def __len__(self):
        return len(self.records)

    def frames(self, columns):
        """Two frames, so that sums are looked at."""
        half = len(self.records) // 2
        for part in (self.records[:half], self.records[half:]):
            yield framed(*(each.get("images", []) for each in part), id=[each["id"] for each in part]).select(columns)

    def lines(self):
        """Give what is asked of each."""
        for each in self.records:
            yield json.dumps(
                {
                    "id": each["id"],
                    "conversations": [{"from": "human", "value": each.get("ask", "?")}, {"from": "gpt", "value": "a"}],
                }
            ).encode()


def test_the_report_counts_by_source_benchmark_and_way(tmp_path, benchmarks):
    """Records checked, without images, without a key, and hits; each record counts once a benchmark."""
    path = written(tmp_path, "val.json", json.dumps(VQA))
    first = Toy("first", [
        {"id": "a", "images": ["coco/train2017/000000000042.jpg"], "ask": "Is the kettle red?"},
        {"id": "b", "images": ["kitchen/7.jpg"]},
        {"id": "c", "images": ["kitchen/7.jpg", "vg/VG_100K/8.jpg"], "ask": "How many kettles are there?"},
        {"id": "d"},
    ])  # fmt: skip
    second = Toy("second", [{"id": "e", "images": ["vg/VG_100K/7.jpg"]}])
    asked = Decontaminate((*benchmarks, Benchmark("vqav2", (path,), by=("question", "image"))))
    with Workers(1) as workers:
        report = check(Collection("mix", "recipe", (first, second)), asked, tmp_path / "store", workers, silent)
    values, text = report.values(), report.text()

    assert (values["records"], values["leaked"]) == (5, 3)
    told = values["sources"]["first"]
    assert [told[name] for name in ("records", "with_images", "no_key", "leaked")] == [4, 3, 1, 2]
    assert {name: each["records"] for name, each in told["benchmarks"].items()} == {
        "pope": 1,
        "chair": 1,
        "svit_test": 1,
        "vqav2": 2,
    }
    assert told["benchmarks"]["vqav2"]["ways"] == {"image": 1, "question": 2}
    assert told["benchmarks"]["svit_test"]["examples"] == [{"id": "c", "why": "vg:8"}]
    assert values["sources"]["second"]["benchmarks"]["svit_test"]["records"] == 1
    assert values["benchmarks"]["pope"] == {"entries": 2, "holds": {"image": 2}}
    json.dumps(values)
    assert re.search(r"^total +5 +4 +1 +1 +1 +2 +2 +3$", text, re.MULTILINE)
    assert "a: coco:42" in text
    assert max(map(len, text.splitlines())) < 160


def test_examples_are_few(tmp_path, benchmarks):
    """However many records leak."""
    toy = Toy("own", [{"id": f"{number}", "images": ["vg/VG_100K/7.jpg"]} for number in range(16)])
    with Workers(1) as workers:
        collection = Collection("mix", "mix", (toy,))
        report = check(collection, Decontaminate(benchmarks), tmp_path / "store", workers, silent).values()

    told = report["sources"]["own"]["benchmarks"]["svit_test"]
    assert told["records"] == 16
    assert [example["id"] for example in told["examples"]] == ["0", "1", "2", "3", "4"]


def test_the_report_counts_images_that_were_not_seen(pictures):
    """Unlike the gate it goes on, and says so."""
    toy = Toy(
        "own", [{"id": "a", "images": ["a/copy.jpg"]}, {"id": "b", "images": ["a/gone.jpg"]}], (pictures / "media",)
    )
    asked = Decontaminate((Benchmark("mmbench", images=pictures / "bench"),))
    with Workers(1) as workers:
        report = check(Collection("mix", "mix", (toy,)), asked, pictures / "store", workers, silent)

    assert report.values()["sources"]["own"]["unseen_images"] == 1
    assert "own: 1 images could not be compared, such as a/gone.jpg (missing)" in report.text()
    assert report.leaked == 1


# Recipes.


def test_the_recipe_of_the_page_is_one(tmp_path):
    """Every key that docs/leaks.md shows is known, and means what it says."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "leaks.md").read_text(encoding="utf-8"), re.DOTALL)
    path = written(tmp_path, "shown.yaml", f"mixer: 1\nname: shown\nseed: 1\nsources:\n  vqav2: {{}}\n{shown}")

    asked = load_recipe(path).curation.decontaminate

    assert asked.image_data == tmp_path / "lists" / "image_data.json"
    assert sorted(each.name for each in asked.benchmarks) == ["chair", "mine", "mmbench", "pope", "vqav2"]
    assert {each.name for each in asked.benchmarks} - {*BENCHMARKS} == {"mine"}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_recipe_drops_or_refuses_what_leaks(mixer, tmp_path, workers):
    """Through the plan: images by key and questions by words, with the losses adding up; or an error that names them."""
    written(tmp_path, "ids.txt", "2301177\n")
    written(tmp_path, "questions.txt", "which animal flies the kite\n")
    lists_ = {"svit_test": {"files": ["ids.txt"]}, "mine": {"files": ["questions.txt"], "by": ["question"]}}
    values = {
        "sources": {"svit_core_150k": {}, "vqav2": {}},
        "decontaminate": {"on_leak": "drop", "benchmarks": lists_},
    }

    dropped = mixer("plan", recipe(tmp_path, **values), "--data", "miniatures", "--workers", workers, "--json")
    values["decontaminate"]["on_leak"] = "error"
    refused = mixer("plan", recipe(tmp_path, **values), "--data", "miniatures", code=1)

    leaves = json.loads(dropped.stdout)["sources"]
    assert leaves["svit_core_150k"]["leaks"] == {"svit_test": 2, "mine": 0}
    assert leaves["vqav2"]["leaks"]["mine"] == 1
    for leaf in leaves.values():
        assert leaf["made"] == leaf["pool"] + sum(leaf["losses"].values())
    assert (
        "svit_core_150k: 2 conversations leak a benchmark (svit_test 2), such as svit_test: vg:2301177"
        in refused.stderr
    )
