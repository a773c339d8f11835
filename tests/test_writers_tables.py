"""Targets that are tables: their rows say what the mix says, of declared types, whatever the shards and the memory."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import tempfile
from pathlib import Path

import polars as pl
import pytest
import yaml
from conftest import recipe, records
from hypothesis import given
from hypothesis import strategies as st

from mixer import build, validate, verify, writers
from mixer.conversation import IMAGE, Conversation, Turn, encode
from mixer.errors import DataError
from mixer.writers import hf, tabular

TARGETS = ("hf", "parquet", "trl")
KINDS = [
    (target, kind) for target in TARGETS for kind in ("instruct", "preference") if (target, kind) != ("trl", "instruct")
]
MEDIA = {"images": "image", "videos": "video", "audios": "audio"}


def asked(*values, system=None, **more):
    """Give a record whose human and assistant say these in turn, after a system message if one is given."""
    turns = [Turn(role, value) for role, value in zip(itertools.cycle(("human", "gpt")), values, strict=False)]
    turns = ([Turn("system", system)] if system else []) + turns
    return Conversation(**{"id": "7", "conversations": turns, **more})


def pair(*values, **more):
    """Give a record of preference."""
    return asked(*values, **{"chosen": Turn("gpt", "Two eggs."), "rejected": Turn("gpt", "A cat\nor |two|."), **more})


RECORDS = {
    "007": asked("<image>\nWhat is it?", "An egg.", "Why?", "It is\nround.", image="a/1.jpg"),
    "2019-05-12": asked("Say <image>.", "I say <video>."),
    "several": asked("<image>\n<image>\nThe same?", "No.", "And <image> here?", "Yes.", image=["b.jpg", "a.jpg", "b.jpg"]),
    "clip": asked("<video>\nWho sings?", "A bird.", video="c/1.mp4"),
    "sounds": asked("<audio>\n<audio>\nWhich is louder?", "The first.", audio=["d.wav", "e.wav"]),
    "all": asked("<image>\n<video>\n<audio>\nTell.", "Nothing.", image="a.jpg", video="c.mp4", audio="d.wav"),
    "system": asked("Hm?", "Ja, 달걀 \u2028 \U0001f95a.", system='Be "brief" \\ polite.'),
    "text": asked("null", "[]"),
}  # fmt: skip
PAIRS = {
    "one": pair("<image>\nWhat is it?", image="a/1.jpg"),
    "several": pair("<image>\nSee?", "Yes.", "And <image> or\n<image>", image=["b.jpg", "a.jpg", "b.jpg"]),
    "system": pair("Hm?", system="Be brief."),
    "text": pair("What now?", "Nothing.", "Really?"),
}
CANNOT = {
    "clip": pair("<video>\nWho?", video="c.mp4"),
    "sound": pair("<audio>\nWho?", audio="c.wav"),
    "literal": pair("Say <image>."),
    "other": pair("<image>\nSay <video>.", image="a.jpg"),
}


# --- a mix without a build -------------------------------------------------------------------------------------------


def reasons(target, made, kind):
    """Say for each record why the target cannot express it, by what the index knows."""
    frame = pl.DataFrame(
        {
            **{name: [len(tabular.listed(getattr(record, key))) for record in made] for name, key in MEDIA.items()},
            "turns": [len(record.conversations) for record in made],
            "literal_tokens": validate.check_all(made).literal_tokens,
        }
    )
    return frame.with_columns(writers.get(target).inexpressible(kind).alias("why"))["why"].to_list()


def write(target, folder, made, kind="instruct", cuts=None, batch=2, about=None):
    """Write records as the target; give what was written, and check what `advance` was told."""
    lines = [memoryview(encode(record)) for record in made]
    batches = [lines[start : start + batch] for start in range(0, len(lines), batch)]
    told = []
    job = writers.Job("mix", Path(folder), kind, tuple(cuts or (len(made),)), about=about or {})
    written = writers.get(target).write(job, batches, told.append)
    assert sum(told) == sum(map(len, lines))
    for file in written:
        content = (Path(folder) / file.path).read_bytes()
        assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    return written


def rows(folder, written):
    """Read the rows of all shards."""
    return [row for file in written if file.records for row in tabular.rows_of(Path(folder) / file.path)]


# --- what rows say ---------------------------------------------------------------------------------------------------


def from_row(row):
    """Give the record of the mix that a row of `parquet` or `hf` says."""
    media = {}
    for name, key in MEDIA.items():
        assert isinstance(row[name], list)
        if row[name]:
            media[key] = row[name][0] if len(row[name]) == 1 else row[name]
    answers = {name: row[name] for name in ("chosen", "rejected") if name in row}
    return {"id": row["id"], **media, "conversations": row["conversations"], **answers}


ROLES = {"user": "human", "assistant": "gpt", "system": "system"}


def from_trl(row):
    """Give the record of the mix that a row of `trl` says, after the checks that the trainer makes."""
    filled = prepare_multimodal_messages(row["prompt"], row["images"])
    assert [message["role"] for message in (*row["chosen"], *row["rejected"])] == ["assistant"] * 2
    assert row["prompt"][-1]["role"] == "user"
    turns = [{"from": ROLES[message["role"]], "value": said(message)} for message in row["prompt"]]
    assert [part["image"] for message in filled for part in message["content"] if "image" in part] == row["images"]
    image = {"image": row["images"][0] if len(row["images"]) == 1 else row["images"]} if row["images"] else {}
    answers = {name: {"from": "gpt", "value": said(row[name][0])} for name in ("chosen", "rejected")}
    return {"id": row["id"], **image, "conversations": turns, **answers}


def prepare_multimodal_messages(messages, images):
    """Fill images in as the trainer does; refuse what it refuses."""
    left = list(images)
    filled = []
    for message in messages:
        assert message["role"] in ROLES
        parts = []
        for part in message["content"]:
            assert part["type"] in ("image", "text")
            assert part.keys() == {"type", "text"}
            assert (part["text"] is None) == (part["type"] == "image"), "only an image has no text"
            parts.append({**part, "image": left.pop(0)} if part["type"] == "image" else part)
        filled.append({**message, "content": parts})
    assert not left, "number of images provided does not match number of image placeholders"
    return filled


def said(message):
    """Put the parts of a message together, without line breaks beside images."""
    return "".join(IMAGE if part["type"] == "image" else part["text"] for part in message["content"])


def as_parts(record):
    """Take the line break away that stands between a placeholder and the text beside it, in a record with images."""
    if "image" not in record:
        return record
    turns = [{**turn, "value": re.sub(f"\n?({IMAGE})\n?", r"\1", turn["value"])} for turn in record["conversations"]]
    return {**record, "conversations": turns}


def plain(record):
    return json.loads(encode(record))


# --- the rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["hf", "parquet"])
@pytest.mark.parametrize(("made", "kind"), [(RECORDS, "instruct"), ({**PAIRS, **CANNOT}, "preference")])
@pytest.mark.parametrize("cuts", [None, (1, 3, 8)])
def test_rows_are_the_records(tmp_path, target, made, kind, cuts):
    """Every record of any medium, as it is, in order; nothing is null; every column has its declared type."""
    given = list(made.values())

    written = write(target, tmp_path, given, kind, cuts)

    assert reasons(target, given, kind) == [None] * len(given)
    assert [from_row(row) for row in rows(tmp_path, written)] == [plain(record) for record in given]
    data = [file for file in written if file.records]
    assert [file.records for file in data] == ([8] if cuts is None else [1, 2, 5])
    turn = pl.Struct({"from": pl.String, "value": pl.String})
    for file in data:
        frame = pl.read_parquet(tmp_path / file.path)
        assert frame.null_count().sum_horizontal().item() == 0
        assert dict(frame.schema) == {
            "id": pl.String,
            **dict.fromkeys(MEDIA, pl.List(pl.String)),
            "conversations": pl.List(turn),
            **(dict.fromkeys(("chosen", "rejected"), turn) if kind == "preference" else {}),
        }


@pytest.mark.parametrize("cuts", [None, (1, 3, 4)])
def test_rows_for_trl(tmp_path, cuts):
    """Parts and images match as the trainer counts them, and say what the pairs say."""
    made = list(PAIRS.values())

    written = write("trl", tmp_path, made, "preference", cuts)

    assert reasons("trl", made, "preference") == [None] * 4
    assert [from_trl(row) for row in rows(tmp_path, written)] == [as_parts(plain(record)) for record in made]
    frame = pl.read_parquet(tmp_path / written[0].path)
    messages = pl.List(
        pl.Struct({"role": pl.String, "content": pl.List(pl.Struct({"type": pl.String, "text": pl.String}))})
    )
    assert dict(frame.schema) == {
        "id": pl.String, **dict.fromkeys(("prompt", "chosen", "rejected"), messages), "images": pl.List(pl.String),
    }  # fmt: skip


def test_what_trl_cannot_say(tmp_path):
    """Pairs about video and sound, texts that a processor takes for images, and what is no pair."""
    assert reasons("trl", list(CANNOT.values()), "preference") == ["video", "audio", "literal token", "literal token"]
    assert set(reasons("trl", list(RECORDS.values()), "instruct")) == {"no preference pair"}


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@st.composite
def conversations(draw, kind="instruct"):
    """Give valid records with images at any place of the questions."""
    rounds = draw(st.integers(1, 3))
    count = 0
    values = []
    for number in range(rounds * 2 - (kind == "preference")):
        text = draw(WORDS).replace("<", "")
        if number % 2 == 0:
            for _ in range(draw(st.integers(0, 2))):
                text += draw(st.sampled_from([IMAGE, f"{IMAGE}\n", f"\n{IMAGE} "])) + draw(WORDS).replace("<", "")
                count += 1
        values.append(text or "x")
    images = [draw(st.sampled_from(["a.jpg", "b/c.png"])) for _ in range(count)]
    image = {"image": images[0] if count == 1 else images} if count else {}
    return (pair if kind == "preference" else asked)(*values, **image, id=draw(WORDS))


@given(st.lists(conversations(), min_size=1, max_size=5), st.integers(1, 3))
def test_any_conversation_comes_back(made, batch):
    """Whatever the texts and ids."""
    with tempfile.TemporaryDirectory() as folder:
        written = write("parquet", folder, made, batch=batch)

        assert [from_row(row) for row in rows(folder, written)] == [plain(record) for record in made]


@given(st.lists(conversations("preference"), min_size=1, max_size=5))
def test_any_pair_comes_back_from_parts(made):
    """Texts around images are cut nowhere else than at one line break."""
    with tempfile.TemporaryDirectory() as folder:
        written = write("trl", folder, made, "preference")

        assert [from_trl(row) for row in rows(folder, written)] == [as_parts(plain(record)) for record in made]


# --- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_pieces_and_batches_change_nothing(tmp_path, target, monkeypatch):
    """The files are the same however the records come; pieces change no row; nothing is left behind."""
    kind = "preference" if target == "trl" else "instruct"
    made = list((PAIRS if target == "trl" else RECORDS).values()) * 9

    whole = write(target, tmp_path / "a", made, kind, batch=100)
    assert write(target, tmp_path / "b", made, kind, batch=1) == whole
    monkeypatch.setattr(tabular, "PIECE", 500)
    monkeypatch.setattr(tabular, "PIECES", 2)
    cut = write(target, tmp_path / "c", made, kind)

    first, second = (tmp_path / name / whole[0].path for name in ("a", "c"))
    assert tabular.rows_sha256(first) == tabular.rows_sha256(second)
    assert sorted(path.name for path in (tmp_path / "c").rglob("*") if path.is_file()) == sorted(
        file.path.rsplit("/", 1)[1] for file in cut
    )
    assert not list((tmp_path / "c").rglob("*.pieces"))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_a_row_group_fits_in_memory(pieces):
    """It takes from no more pieces than may be in memory at once, wherever the long records are."""
    rows = tabular.rows_a_group(pieces)

    piece_of = [number for number, count in enumerate(pieces) for _ in range(count)]
    groups = [set(piece_of[start : start + rows]) for start in range(0, len(piece_of), rows)]
    assert 1 <= rows <= tabular.ROWS
    assert max(map(len, groups)) <= tabular.PIECES


def test_row_groups_are_as_large_as_they_may_be():
    """Of a million short records, of long ones, and of a few among which one is very long."""
    assert tabular.rows_a_group([50_000] * 20) == tabular.ROWS
    assert tabular.rows_a_group([16] * 20) == 64
    assert tabular.rows_a_group([50_000, 1, 50_000, 50_000]) == tabular.ROWS


def test_the_hash_of_rows(tmp_path):
    """It is over each row's JSON, and differs where a row does."""
    made = list(RECORDS.values())
    (file, _) = write("parquet", tmp_path / "a", made)
    (other, _) = write("parquet", tmp_path / "b", made[::-1])

    path = tmp_path / "a" / file.path
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in tabular.rows_of(path)]
    assert tabular.rows_sha256(path) == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert tabular.rows_sha256(path) != tabular.rows_sha256(tmp_path / "b" / other.path)


def test_rows_are_read_some_at_a_time(tmp_path, monkeypatch):
    """Also where the last piece is full."""
    made = list(RECORDS.values())
    (file, _) = write("parquet", tmp_path, made)

    for size in (1, 3, 4, 8, 9):
        monkeypatch.setattr(tabular, "ROWS", size)
        assert [row["id"] for row in tabular.rows_of(tmp_path / file.path)] == ["7"] * 8


# --- data cards ------------------------------------------------------------------------------------------------------


def card(folder, target):
    """Read a data card: its head and its text."""
    text = (Path(folder) / target / "README.md").read_text(encoding="utf-8")
    _, head, page = text.split("---\n", 2)
    return yaml.safe_load(head), page


def declared(features):
    """Give the polars types that a data card declares."""
    return {feature["name"]: type_of(feature) for feature in features}


def type_of(feature):
    if "struct" in feature:
        return pl.Struct(declared(feature["struct"]))
    if "list" in feature:
        return pl.List(pl.Struct(declared(feature["list"])))
    return pl.List(pl.String) if feature.get("sequence") == "string" else {"string": pl.String}[feature["dtype"]]


@pytest.mark.parametrize(("target", "kind"), KINDS)
def test_the_card_declares_the_columns(tmp_path, target, kind):
    """Their types are those of the files, which its pattern finds, and no other file."""
    made = list((PAIRS if kind == "preference" else RECORDS).values())

    written = write(target, tmp_path, made, kind, (1, len(made)))

    head, _ = card(tmp_path, target)
    (split,) = head["configs"][0]["data_files"]
    found = sorted((tmp_path / target).glob(split["path"]))
    assert found == [tmp_path / file.path for file in written if file.records]
    for path in found:
        assert declared(head["dataset_info"]["features"]) == dict(pl.read_parquet(path).schema)


ABOUT = {
    "eggs": {"source": "eggs", "licence": "MIT", "terms": ["MIT"], "homepage": "https://example.com/eggs",
             "count": 6, "share": 0.75, "epochs": 1.5},
    "more": {"source": "eggs|2", "licence": "free |\n<b>", "terms": ["CC-BY-4.0", "unknown"], "homepage": "",
             "count": 2, "share": 0.25, "epochs": 1.0},
}  # fmt: skip


def test_the_page_of_a_hub_repository(tmp_path):
    """Counts, licences and composition; names of files as the hub has them, also of an only shard."""
    made = list(RECORDS.values())

    written = write("hf", tmp_path / "a", made, about=ABOUT)
    again = write("hf", tmp_path / "b", made, cuts=(3, 8), about=ABOUT)

    head, page = card(tmp_path / "a", "hf")
    assert [file.path for file in written] == ["hf/data/train-00000-of-00001.parquet", "hf/README.md"]
    assert [file.path for file in again][1] == "hf/data/train-00001-of-00002.parquet"
    assert written[-1].sha256 == again[-1].sha256
    assert (head["license"], head["license_name"]) == ("other", "several")
    assert head["size_categories"] == ["n<1K"]
    assert head["task_categories"] == ["image-text-to-text", "video-text-to-text", "audio-text-to-text"]
    assert head["tags"] == ["conversational", "instruction-tuning", "image", "video", "audio"]
    size = sum(len(encode(record)) for record in made)
    assert head["dataset_info"]["splits"] == [{"name": "train", "num_bytes": size, "num_examples": 8}]
    assert "| eggs | 6 | 75.00% | 1.50 | MIT | https://example.com/eggs |" in page
    assert "| more (eggs\\|2) | 2 | 25.00% | 1.00 | free \\| &lt;b> |  |" in page
    assert "Terms of all sources together: CC-BY-4.0, MIT, unknown." in page


def test_a_page_of_which_nothing_is_told(tmp_path):
    """It says so; pairs of text have no media."""
    write("hf", tmp_path, [PAIRS["text"]], "preference")

    head, page = card(tmp_path, "hf")
    assert head["license"] == "unknown"
    assert head["task_categories"] == ["text-generation"]
    assert head["tags"] == ["conversational", "preference", "dpo"]
    assert "Not told" in page
    assert "Media are not" not in page


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (["MIT"], {"license": "mit"}),
        (["CC-BY-4.0"], {"license": "cc-by-4.0"}),
        (["research-only"], {"license": "other", "license_name": "research-only"}),
        (["Korean VQA!"], {"license": "other", "license_name": "korean-vqa"}),
        (["MIT", "unknown"], {"license": "other", "license_name": "several"}),
    ],
)
def test_the_name_of_a_licence(terms, said):
    """The hub's own where it has one; else one that says that it is another."""
    assert hf._licence(terms) == said


def test_the_size_is_named_as_the_hub_does(tmp_path):
    """A thousand is not below a thousand."""
    made = [asked("Hm?", "Ja.", id=str(number)) for number in range(1000)]

    write("hf", tmp_path / "a", made)
    write("hf", tmp_path / "b", made[:999])

    assert card(tmp_path / "a", "hf")[0]["size_categories"] == ["1K<n<10K"]
    assert card(tmp_path / "b", "hf")[0]["size_categories"] == ["n<1K"]


# --- a build ---------------------------------------------------------------------------------------------------------


def own(tmp_path, cache, target, given, name="mix", memory=None, **more):
    """Build a mix of the user's own records as JSON Lines and as the target."""
    lines = []
    for key, record in given.items():
        lines.append(json.dumps({**plain(record), "id": key}, ensure_ascii=False))
    (tmp_path / "own.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    use = "own_pairs" if more.get("kind") == "preference" else "llava_jsonl"
    outputs = [{"for": "jsonl"}, {"for": target, **more.pop("output", {})}]
    path = recipe(tmp_path, name, sources={"own": {"use": use, "path": "own.jsonl"}}, output=outputs, **more)
    return build(path, tmp_path / name, data=tmp_path, cache=cache, memory=memory)


@pytest.mark.parametrize(("target", "kind"), KINDS)
def test_a_build_writes_the_target(tmp_path, cache, target, kind):
    """Row by row what the mix's own lines say; the mix verifies; the bounded form writes the same."""
    made = PAIRS if kind == "preference" else RECORDS
    more = {"kind": "preference"} if kind == "preference" else {}

    mix = own(tmp_path, cache, target, made, output={"shards": 2}, **more)
    direct = mix.manifest
    bounded = own(tmp_path, cache, target, made, output={"shards": 2}, memory=1, **more).manifest

    lines = records(mix.path / "mix.jsonl")
    read = rows(mix.path, [output for output in direct.outputs if output.target == target])
    expected = [as_parts(line) for line in lines] if target == "trl" else lines
    assert [(from_trl if target == "trl" else from_row)(row) for row in read] == expected
    assert not verify(mix.path).problems
    assert direct == bounded


def test_a_build_names_what_trl_cannot_read(tmp_path, cache):
    """How many and why, and with `drop` they are left out and counted."""
    made = {**PAIRS, **CANNOT}
    told = "own: 4 conversations cannot be written for trl: 1 with audio, 2 with literal token, 1 with video"

    with pytest.raises(DataError, match=re.escape(told)):
        own(tmp_path, cache, "trl", made, kind="preference")
    mix = own(tmp_path, cache, "trl", made, kind="preference", output={"inexpressible": "drop"})

    assert mix.manifest.sources["own"].losses == {"inexpressible": 4}
    with pytest.raises(DataError, match="8 with no preference pair"):
        own(tmp_path, cache, "trl", RECORDS)


@pytest.mark.parametrize("target", TARGETS)
def test_what_to_paste(target):
    """It names the folder that is written."""
    assert f"MIX/{target}" in writers.get(target).handoff("eggs", "preference")
