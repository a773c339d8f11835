"""Targets of reshaped text: what each trainer reads of them is what the mix says, and what it cannot read is named.

No trainer is needed: READERS hold the rules that the trainers' own readers follow, each in a few lines.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import yaml
from conftest import recipe, records
from hypothesis import assume, given
from hypothesis import strategies as st

from mixer import build, validate, verify, writers
from mixer.conversation import AUDIO, IMAGE, VIDEO, Conversation, Turn, encode
from mixer.errors import DataError

KINDS = ("instruct", "preference")
TARGETS = ("internvl", "llama_factory", "llava_next", "ms_swift", "qwen_vl")
TOKENS = {IMAGE: "image", VIDEO: "video", AUDIO: "audio"}
PLURAL = {IMAGE: "images", VIDEO: "videos", AUDIO: "audios"}


def asked(*values, **more):
    """Give a record whose human and assistant say these in turn, after a `system` message if one is given."""
    system = more.pop("system", None)
    turns = [Turn(role, value) for role, value in zip(itertools.cycle(("human", "gpt")), values, strict=False)]
    turns = ([Turn("system", system)] if system else []) + turns
    return Conversation(**{"id": "7", "conversations": turns, **more})


def pair(*values, **more):
    """Give a record of preference."""
    return asked(*values, **{"chosen": Turn("gpt", "Two eggs."), "rejected": Turn("gpt", "A cat."), **more})


# --- a mix without a build -------------------------------------------------------------------------------------------


def reasons(target, made, kind):
    """Say for each record why the target cannot express it, by what the index knows."""
    literal = validate.check_all(made).literal_tokens
    frame = pl.DataFrame(
        {
            **{
                f"{name}s": [len(paths(getattr(record, name))) for record in made]
                for name in ("image", "video", "audio")
            },
            "turns": [len(record.conversations) for record in made],
            "literal_tokens": literal,
        }
    )
    return frame.with_columns(writers.get(target).inexpressible(kind).alias("why"))["why"].to_list()


def paths(given):
    return [] if given is None else [given] if isinstance(given, str) else list(given)


def write(target, folder, made, kind="instruct", cuts=None, name="mix"):
    """Write records as the target; give what was written, and what `advance` was told."""
    lines = [memoryview(encode(record)) for record in made]
    batches = [lines[start : start + 2] for start in range(0, len(lines), 2)]
    told = []
    job = writers.Job(name, Path(folder), kind, tuple(cuts or (len(made),)))
    written = writers.get(target).write(job, batches, told.append)
    assert sum(told) == sum(map(len, lines))
    return written


def data(folder, written):
    """Read the records of all shards."""
    return [record for file in written if file.records for record in records(Path(folder) / file.path)]


# --- what a record means ---------------------------------------------------------------------------------------------


def parts(text, files):
    """Split a text at the placeholders that have files left, which are taken; blanks are made one."""
    found, words = [], ""
    for piece in re.split("(<image>|<video>|<audio>)", text):
        if files.get(piece):
            found += [words, (files[piece].pop(0),)]
            words = ""
        else:
            words += piece
    squeezed = [part if isinstance(part, tuple) else " ".join(part.split()) for part in [*found, words]]
    return [part for part in squeezed if part]


def meaning(record):
    """Give the turns of a record of the mix as roles and parts, and the two answers of a pair."""
    files = {token: paths(record.get(name)) for token, name in TOKENS.items()}
    turns = [(turn["from"], parts(turn["value"], files)) for turn in record["conversations"]]
    answers = [record[name]["value"] for name in ("chosen", "rejected") if name in record]
    return turns, answers


def media_first(found, *, single):
    """Move media as a reader does: a video to the first turn, the only medium of a turn (`single`) to its start."""
    turns = [(role, list(said)) for role, said in found]
    for _, said in turns[1:]:
        for part in [part for part in said if isinstance(part, tuple) and part[0].endswith(".mp4")]:
            said.remove(part)
            turns[0][1].insert(0, part)
    for _, said in turns:
        media = [part for part in said if isinstance(part, tuple)]
        if single and len(media) == 1:
            said.remove(media[0])
            said.insert(0, media[0])
    return [(role, joined(said)) for role, said in turns]


def joined(said):
    """Put texts together between which a medium went away."""
    groups = itertools.groupby(said, key=lambda part: isinstance(part, tuple))
    return [part for media, group in groups for part in (list(group) if media else [" ".join(group)])]


def same(target, read, canonical):
    """Say whether a target's record is read as that of the mix; where media are moved, blanks do not count."""
    got, wanted = READERS[target](read), expected(target, canonical)
    if target in ("llava_next", "internvl"):
        got, wanted = (json.dumps(each).replace(" ", "") for each in (got, wanted))
    assert got == wanted
    return True


def expected(target, record):
    """Give what a target's reader must make of a record of the mix."""
    turns, answers = meaning(record)
    if target in ("llava_next", "internvl"):
        turns = media_first(turns, single=target == "llava_next")
    return turns, answers


# --- the readers -----------------------------------------------------------------------------------------------------


def read_next(record):
    """LLaVA-NeXT: `image` before `video`, one `<image>` for a clip, the only one of a turn moved to its start."""
    if "prompt" in record:
        assert record["answer"] == record["chosen"]
        assert "image" in record or "video" in record
        assert type(record.get("image", "")) is str
        prompt = "<image>\n" + record["prompt"].replace(IMAGE, "").strip()
        record = {**record, "conversations": [{"from": "human", "value": prompt}]}
        answers = [record["chosen"], record["rejected"]]
    else:
        answers = []
    files = {IMAGE: paths(record.get("image", record.get("video")))}
    shown = bool(files[IMAGE])
    turns = []
    for number, turn in enumerate(record["conversations"]):
        assert turn["from"] == ("human", "gpt")[number % 2]
        value = turn["value"]
        if shown and value.count(IMAGE) == 1 and not value.startswith(IMAGE):
            value = f"<image>\n{value.replace(IMAGE, '').strip()}".strip()
        assert not shown or value.count(IMAGE) <= len(files[IMAGE])
        turns.append((turn["from"], parts(value, files)))
    assert not files[IMAGE], "files without a token"
    return turns, answers


def read_qwen(record):
    """Qwen-VL: every placeholder of a question takes a file; none may be missing or left."""
    files = {token: paths(record.get(name)) for token, name in TOKENS.items() if token != AUDIO}
    turns = []
    for turn in record["conversations"]:
        if turn["from"] != "human":
            turns.append(("gpt", [" ".join(turn["value"].split())]))
            continue
        assert all(turn["value"].count(token) <= len(left) for token, left in files.items()), "too many placeholders"
        turns.append(("human", parts(turn["value"], files)))
    assert not any(files.values()), "unused files"
    return turns, []


FRAMES = 3


def read_internvl(record):
    """InternVL: an image is put first if the first turn has none, a clip becomes frames where `<video>` is expected."""
    answers = [record[name] for name in ("chosen", "rejected") if name in record]
    if "question" in record:
        record = {**record, "conversations": [{"from": "human", "value": record["question"]}]}
    turns = [dict(turn) for turn in record["conversations"]]
    assert [turn["from"] for turn in turns] == ["human", "gpt"] * (len(turns) // 2) + ["human"] * bool(answers)
    files = []
    if "image" in record:
        files = paths(record["image"])
        if isinstance(record["image"], str) and IMAGE not in turns[0]["value"]:
            turns[0]["value"] = f"<image>\n{turns[0]['value']}"
    elif "video" in record:
        assert not answers, "not implemented"
        if VIDEO not in turns[0]["value"]:
            turns[0]["value"] = f"<video>\n{turns[0]['value']}"
        frames = "\n".join(f"Frame-{number + 1}: <image>" for number in range(FRAMES))
        turns[0]["value"] = turns[0]["value"].replace("<video>\n", f"{frames}\n")
        files = [record["video"]] * FRAMES
    left = {IMAGE: list(files)}
    said = [(turn["from"], parts(turn["value"], left)) for turn in turns]
    assert not left[IMAGE], "images without a token"
    return [(role, one_clip(found)) for role, found in said], answers


def one_clip(found):
    """Make frames one clip again."""
    clip = []
    for part in found:
        text = part if isinstance(part, str) else ""
        if re.search(r"Frame-\d: *$|^Frame-\d:$", text):
            text = re.sub(r" ?Frame-\d:$", "", text)
            clip += [text] if text else []
        elif not (clip and part == clip[-1] and part[0].endswith(".mp4")):
            clip.append(part)
    return clip


def read_factory(record):
    """LLaMA-Factory: turns alternate behind a system message; as many placeholders as files, in all texts."""
    assert list(record)[:2] == ["id", "conversations"]
    turns = record["conversations"]
    rest = turns[1:] if turns[0]["from"] == "system" else turns
    assert len(rest) % 2 == (1 if "chosen" in record else 0)
    assert all(turn["from"] == ("human", "gpt")[number % 2] for number, turn in enumerate(rest))
    answers = [record[name] for name in ("chosen", "rejected") if name in record]
    assert all(answer["from"] == "gpt" for answer in answers)
    files = {token: list(record[name]) for token, name in PLURAL.items()}
    for token, named in files.items():
        assert sum(turn["value"].count(token) for turn in [*rest, *answers[:1]]) == len(named)
    return [(turn["from"], parts(turn["value"], files)) for turn in turns], [answer["value"] for answer in answers]


def read_swift(record):
    """ms-swift: the last message of a pair is its chosen answer; a placeholder is one while files are left."""
    messages = record["messages"]
    assert all(set(message) == {"role", "content"} for message in messages)
    answers = []
    if "rejected_response" in record:
        *messages, last = messages
        assert last["role"] == "assistant"
        assert record["rejected_response"] not in (None, last["content"])
        answers = [last["content"], record["rejected_response"]]
    files = {token: list(record[name]) for token, name in PLURAL.items()}
    roles = {"system": "system", "user": "human", "assistant": "gpt"}
    turns = [(roles[message["role"]], parts(message["content"], files)) for message in messages]
    assert not any(files.values())
    return turns, answers


READERS = {
    "internvl": read_internvl,
    "llama_factory": read_factory,
    "llava_next": read_next,
    "ms_swift": read_swift,
    "qwen_vl": read_qwen,
}


# --- records ---------------------------------------------------------------------------------------------------------

RECORDS = {
    "one image": asked("<image>\nWhat boils?", "Two eggs.", image="kitchen/7.jpg"),
    "several images": asked("Is <image> or <image>\nolder?", "The first.", image=["a.jpg", "b.jpg"]),
    "images of two turns": asked("<image>\nOld?", "Yes.", "And <image>?", "No.", image=["a.jpg", "b.jpg"]),
    "image of a later turn": asked("Tea?", "Please.", "<image>\nThis?", "No.", image="a.jpg"),
    "image last": asked("What boils?\n<image>", "Two eggs.", image=["a.jpg"]),
    "video": asked("<video>\nWho sings?", "Nobody.", video="c.mp4"),
    "video inside": asked("In <video>, who sings?", "Nobody.", video="c.mp4"),
    "video of a later turn": asked("Tea?", "Please.", "<video>\nWho sings?", "Nobody.", video="c.mp4"),
    "audio": asked("<audio>\nWho sings?", "Nobody.", audio="d.wav"),
    "audios": asked("<audio>\n<audio>\nSame?", "Nobody.", audio=["d.wav", "e.wav"]),
    "all media": asked("<image>\n<video>\n<audio>\nSame?", "No.", image="a.jpg", video="c.mp4", audio="d.wav"),
    "image and video": asked("<video>\n<image>\nSame?", "No.", image="a.jpg", video="c.mp4"),
    "text": asked("Tea? \u2028 \r\n 'é\u0000'", 'Please \\ "now".'),
    "system": asked("Tea?", "Please.", system="Be kind."),
    "system and image": asked("<image>\nTea?", "Please.", system="Be kind.", image="a.jpg"),
    "literal": asked("What is <image> in HTML?", "No <image> at all."),
    "literal beside an image": asked("<image>\nWhat is <video>?", "A tag.", image="a.jpg"),
    "literal beside a video": asked("<image> or\n<video>?", "The clip.", video="c.mp4"),
}
PAIRS = {
    "one image": pair("<image>\nWhat boils?", image="kitchen/7.jpg"),
    "image last": pair("What boils?\n<image>", image="a.jpg"),
    "several images": pair("<image>\n<image>\nSame?", image=["a.jpg", "b.jpg"]),
    "video": pair("<video>\nWho sings?", video="c.mp4"),
    "audio": pair("<audio>\nWho sings?", audio="d.wav"),
    "text": pair("Tea?"),
    "rounds": pair("<image>\nTea?", "Please.", "Now?", image="a.jpg"),
    "system": pair("<image>\nTea?", system="Be kind.", image="a.jpg"),
    "literal": pair("What is <image>?"),
}
CANNOT = {
    "internvl": {
        "audio": ["audio", "audios", "all media"],
        "image and video": ["image and video"],
        "system message": ["system", "system and image"],
        "literal token": ["literal beside a video"],
    },
    "llama_factory": {"literal token": ["literal", "literal beside an image", "literal beside a video"]},
    "llava_next": {
        "audio": ["audio", "audios", "all media"],
        "image and video": ["image and video"],
        "system message": ["system", "system and image"],
        "literal token": ["literal beside a video"],
    },
    "ms_swift": {},
    "qwen_vl": {
        "audio": ["audio", "audios", "all media"],
        "system message": ["system", "system and image"],
        "literal token": ["literal", "literal beside an image", "literal beside a video"],
    },
}
CANNOT_PAIR = {
    "internvl": {
        "video": ["video"],
        "audio": ["audio"],
        "several rounds": ["rounds"],
        "system message": ["system"],
    },
    "llama_factory": {"literal token": ["literal"]},
    "llava_next": {
        "several images": ["several images"],
        "audio": ["audio"],
        "no image or video": ["text", "literal"],
        "several rounds": ["rounds"],
        "system message": ["system"],
    },
    "ms_swift": {},
    "qwen_vl": {"preference pairs": list(PAIRS)},
}


def test_the_records_are_valid():
    """So that what is said of them means something."""
    assert [validate.check(record) for record in [*RECORDS.values(), *PAIRS.values()]] == [[]] * (
        len(RECORDS) + len(PAIRS)
    )


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_record_is_read_as_the_mix_says_or_named(tmp_path, target, kind):
    """One for one and in order; what cannot be expressed has the reason it should have, and nothing else has one."""
    made_of, cannot = (RECORDS, CANNOT) if kind == "instruct" else (PAIRS, CANNOT_PAIR)
    why = dict(zip(made_of, reasons(target, list(made_of.values()), kind), strict=True))
    assert {name: reason for name, reason in why.items() if reason} == {
        name: reason for reason, names in cannot[target].items() for name in names
    }
    made = [record for name, record in made_of.items() if why[name] is None]
    if not made:
        return

    read = data(tmp_path, write(target, tmp_path, made, kind))

    assert [record["id"] for record in read] == [record.id for record in made]
    for record, canonical in zip(read, made, strict=True):
        assert same(target, record, json.loads(encode(canonical)))


@pytest.mark.parametrize("target", ["internvl", "llava_next", "qwen_vl"])
def test_what_has_a_reason_would_be_misread(target):
    """Written as it is, each such record is refused or read as another one."""
    for names in CANNOT[target].values():
        for name in names:
            record = json.loads(encode(RECORDS[name]))
            if (target, name) in {
                ("qwen_vl", "literal"),
                ("qwen_vl", "literal beside an image"),
            } or "literal" not in name:
                try:
                    assert READERS[target](record) != expected(target, record)
                except AssertionError:
                    continue


TEXT = st.lists(st.sampled_from(["tea", "Now?", "\n", "é", "<b>", "<im", "<image >"]), min_size=1, max_size=4)


@st.composite
def conversations(draw, kind="instruct"):
    """Make valid records of all kinds of media, placeholders anywhere in human turns, and literal tokens."""
    count = draw(st.integers(1, 3))
    rounds = count * 2 - (kind == "preference")
    turns = [["x", *draw(TEXT)] for _ in range(rounds)]
    media = {
        IMAGE: [f"{number}.jpg" for number in range(draw(st.integers(0, 2)))],
        VIDEO: ["c.mp4"][: draw(st.integers(0, 1))],
        AUDIO: ["d.wav", "e.wav"][: draw(st.integers(0, 2))] if draw(st.booleans()) else [],
    }
    for token, files in media.items():
        literal = [token] if not files and draw(st.integers(0, 7)) == 0 else []
        for said in files or literal:
            turn = turns[draw(st.integers(0, count - 1)) * 2]
            turn.insert(draw(st.integers(0, len(turn))), token if said in files else said)
    made = {
        name: files[0] if len(files) == 1 else files or None
        for name, files in zip(TOKENS.values(), media.values(), strict=True)
    }
    system = "Be kind." if draw(st.integers(0, 4)) == 0 else None
    build_ = pair if kind == "preference" else asked
    glue = draw(st.sampled_from([" ", "", "\n"]))
    return build_(*(glue.join(turn) for turn in turns), system=system, **made)


@pytest.mark.parametrize(
    ("target", "kind"),
    [(target, kind) for target in TARGETS for kind in KINDS if (target, kind) != ("qwen_vl", "preference")],
)
@given(drawn=st.data())
def test_whatever_a_target_expresses_is_read_as_the_mix_says(target, kind, drawn):
    """Round trip of any valid record through the shape on disk and the reader's rules."""
    made = drawn.draw(st.lists(conversations(kind), min_size=1, max_size=6))
    assert [validate.check(record) for record in made] == [[]] * len(made)
    why = reasons(target, made, kind)
    able = [record for record, reason in zip(made, why, strict=True) if reason is None]
    assume(able)

    with tempfile.TemporaryDirectory() as folder:
        read = data(folder, write(target, folder, able, kind))

    for record, canonical in zip(read, able, strict=True):
        assert same(target, record, json.loads(encode(canonical)))


# --- the files -------------------------------------------------------------------------------------------------------

SHOWN = {
    "internvl": '{"id":"7","video":"c.mp4","conversations":[{"from":"human","value":"In <video>\\n, who sings?"},'
    '{"from":"gpt","value":"Nobody."}]}\n',
    "llama_factory": '{"id":"7","conversations":[{"from":"human","value":"In <video>, who sings?"},'
    '{"from":"gpt","value":"Nobody."}],"images":[],"videos":["c.mp4"],"audios":[]}\n',
    "llava_next": '[\n{"id":"7","video":"c.mp4","conversations":[{"from":"human","value":"In <image>, who sings?"},'
    '{"from":"gpt","value":"Nobody."}]}\n]\n',
    "ms_swift": '{"id":"7","messages":[{"role":"user","content":"In <video>, who sings?"},'
    '{"role":"assistant","content":"Nobody."}],"images":[],"videos":["c.mp4"],"audios":[]}\n',
    "qwen_vl": '{"id":"7","video":"c.mp4","conversations":[{"from":"human","value":"In <video>, who sings?"},'
    '{"from":"gpt","value":"Nobody."}]}\n',
}
SHOWN_PAIR = {
    "internvl": '{"id":"7","image":"kitchen/7.jpg","question":"<image>\\nWhat boils?","chosen":"Two eggs.",'
    '"rejected":"A cat."}\n',
    "llama_factory": '{"id":"7","conversations":[{"from":"human","value":"<image>\\nWhat boils?"}],'
    '"chosen":{"from":"gpt","value":"Two eggs."},"rejected":{"from":"gpt","value":"A cat."},'
    '"images":["kitchen/7.jpg"],"videos":[],"audios":[]}\n',
    "llava_next": '[\n{"id":"7","image":"kitchen/7.jpg","prompt":"<image>\\nWhat boils?","answer":"Two eggs.",'
    '"chosen":"Two eggs.","rejected":"A cat."}\n]\n',
    "ms_swift": '{"id":"7","messages":[{"role":"user","content":"<image>\\nWhat boils?"},'
    '{"role":"assistant","content":"Two eggs."}],"rejected_response":"A cat.","images":["kitchen/7.jpg"],'
    '"videos":[],"audios":[]}\n',
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_file_as_it_is_written(tmp_path, target):
    """A change of these bytes is a decision."""
    file, *_ = write(target, tmp_path, [RECORDS["video inside"]])

    assert (tmp_path / file.path).read_text(encoding="utf-8") == SHOWN[target]


@pytest.mark.parametrize("target", sorted(SHOWN_PAIR))
def test_a_file_of_pairs_as_it_is_written(tmp_path, target):
    """A change of these bytes is a decision."""
    file, *_ = write(target, tmp_path, [PAIRS["one image"]], "preference")

    assert (tmp_path / file.path).read_text(encoding="utf-8") == SHOWN_PAIR[target]


@pytest.mark.parametrize("target", TARGETS)
def test_shards_hold_the_records_of_the_one_order(tmp_path, target):
    """Whatever the batches; and the files that describe them name them all, in order."""
    made = [asked(f"Tea {number}?", "Please.", id=str(number)) for number in range(7)]

    written = write(target, tmp_path, made, cuts=(3, 4, 7))

    assert [record["id"] for record in data(tmp_path, written)] == [record.id for record in made]
    assert [file.records for file in written if file.records] == [3, 1, 3]
    suffix = ".json" if target == "llava_next" else ".jsonl"
    shards = [f"{target}/mix-{number:05d}-of-00003{suffix}" for number in range(3)]
    assert [file.path for file in written if file.records] == shards
    if target == "llava_next":
        told = yaml.safe_load((tmp_path / "llava_next/mix.yaml").read_text())
        assert told == {"datasets": [{"json_path": path, "sampling_strategy": "all"} for path in shards]}
    if target == "internvl":
        told = json.loads((tmp_path / "internvl/mix.json").read_text())
        assert [(entry["annotation"], entry["length"]) for entry in told.values()] == list(
            zip(shards, (3, 1, 3), strict=True)
        )
        assert list(told) == [Path(path).stem for path in shards]
        assert all((entry["repeat_time"], entry["data_augment"]) == (1, False) for entry in told.values())
    if target in ("llama_factory", "ms_swift"):
        (config,) = card(tmp_path / target)["configs"]
        assert config["data_files"] == [{"split": "train", "path": [Path(path).name for path in shards]}]


def card(folder):
    """Read the head of a data card."""
    return yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])


def test_dataset_info_names_the_columns_that_hold_something(tmp_path):
    """And the three lists are in every record."""
    written = write("llama_factory", tmp_path, [RECORDS["text"], RECORDS["audio"], RECORDS["one image"]])

    info = json.loads((tmp_path / "llama_factory/dataset_info.json").read_text())
    assert info["mix"] == {
        "script_url": ".",
        "formatting": "sharegpt",
        "columns": {"messages": "conversations", "images": "images", "audios": "audios"},
    }
    assert {tuple(record) for record in data(tmp_path, written)} == {
        ("id", "conversations", "images", "videos", "audios")
    }


def test_dataset_info_of_pairs(tmp_path):
    """They are ranked, and both answers are columns."""
    write("llama_factory", tmp_path, [PAIRS["text"], PAIRS["video"]], "preference", name="pairs.v1")

    info = json.loads((tmp_path / "llama_factory/dataset_info.json").read_text())
    assert info["pairs.v1"]["ranking"] is True
    assert info["pairs.v1"]["columns"] == {
        "messages": "conversations",
        "chosen": "chosen",
        "rejected": "rejected",
        "videos": "videos",
    }


LOAD = """
import json, sys
import datasets
rows = datasets.load_dataset(sys.argv[1], split="train", cache_dir=sys.argv[2])
print(json.dumps([list(rows.column_names), [rows[0], rows[len(rows) - 1]], len(rows)]))
"""


@pytest.mark.skipif(not importlib.util.find_spec("datasets"), reason="the library that both trainers load with")
@pytest.mark.parametrize("target", ["llama_factory", "ms_swift"])
def test_a_kind_of_medium_that_comes_late_is_loaded(tmp_path, target):
    """The reader takes types from the first 10 MB; the data card tells it those of columns that are empty there."""
    made = [asked("Tea? " * 3000, "Please.")] * 800 + [RECORDS["video"]]
    write(target, tmp_path, made)

    finished = subprocess.run(
        [sys.executable, "-c", LOAD, tmp_path / target, tmp_path / "cache"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )

    columns, (first, last), count = json.loads(finished.stdout)
    turns = "messages" if target == "ms_swift" else "conversations"
    assert columns == ["id", turns, "images", "videos", "audios"]
    assert (first["videos"], last["videos"], count) == ([], ["c.mp4"], 801)


# --- handing off -----------------------------------------------------------------------------------------------------


def handed(target, folder, made, kind="instruct", cuts=None):
    """Write records and give the hand-off with the mix's folder in it."""
    written = write(target, folder, made, kind, cuts)
    return written, writers.get(target).handoff("mix", kind).replace("MIX/", f"{folder}/").replace(
        "MEDIA", "/data/media"
    )


@pytest.mark.parametrize(("target", "made"), [("llava_next", "mix.yaml"), ("internvl", "mix.json")])
@pytest.mark.parametrize(("kind", "record"), [("instruct", RECORDS["one image"]), ("preference", PAIRS["one image"])])
def test_the_pasted_line_makes_paths_whole(tmp_path, target, made, kind, record):
    """What the trainer is told names files that are there."""
    written, text = handed(target, tmp_path, [record] * 3, kind, (1, 3))
    (line,) = [line for line in text.splitlines() if line.startswith("sed ")]
    (tmp_path / "run").mkdir()

    subprocess.run(["bash", "-c", line], cwd=tmp_path / "run", check=True)

    told = yaml.safe_load((tmp_path / "run" / made).read_text())
    entries = told["datasets"] if target == "llava_next" else list(told.values())
    named = [entry["json_path" if target == "llava_next" else "annotation"] for entry in entries]
    assert named == [str(tmp_path / file.path) for file in written if file.records]
    assert target == "llava_next" or {entry["root"] for entry in entries} == {"/data/media/"}
    assert made in text.split(line)[1]


def test_qwen_registers_every_shard(tmp_path):
    """The snippet adds to the trainer's own table."""
    written, text = handed("qwen_vl", tmp_path, [RECORDS["one image"]] * 2, cuts=(1, 2))
    table = SimpleNamespace(data_dict={})

    exec(text.split("\n\n")[0], vars(table))

    assert [entry["annotation_path"] for entry in table.data_dict.values()] == [
        str(tmp_path / file.path) for file in written
    ]
    assert {entry["data_path"] for entry in table.data_dict.values()} == {"/data/media"}
    assert list(table.data_dict) == ["mix-00000-of-00002", "mix-00001-of-00002"]


@pytest.mark.parametrize("kind", KINDS)
def test_llama_factory_is_told_the_entry(tmp_path, kind):
    """Its configuration names a dataset of dataset_info.json, for the stage that takes it."""
    made = RECORDS["one image"] if kind == "instruct" else PAIRS["one image"]
    _, text = handed("llama_factory", tmp_path, [made], kind)

    told = yaml.safe_load(text)

    info = json.loads((Path(told["dataset_dir"]) / "dataset_info.json").read_text())
    assert info[told["dataset"]].get("ranking", False) is (told["stage"] == "dpo") is (kind == "preference")
    assert told["media_dir"] == "/data/media"


# --- in a build ------------------------------------------------------------------------------------------------------


def own(tmp_path, cache, target, given, **more):
    """Build a mix of the user's own records as JSON Lines and as the target."""
    lines = [encode(Conversation(**{**fields(record), "id": name})) for name, record in given.items()]
    (tmp_path / "own.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    use = "own_pairs" if more.get("kind") == "preference" else "llava_jsonl"
    sources = {"own": {"use": use, "path": "own.jsonl"}}
    outputs = [{"for": "jsonl"}, {"for": target, **more.pop("output", {"inexpressible": "drop"})}]
    path = recipe(tmp_path, sources=sources, output=outputs, **more)
    return build(path, tmp_path / "mix", data=tmp_path, cache=cache)


def fields(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}


@pytest.mark.parametrize("target", TARGETS)
def test_a_build_writes_the_target(tmp_path, cache, target):
    """Beside the mix's own lines, record by record the same; the mix verifies, and the dropped are counted."""
    mix = own(tmp_path, cache, target, RECORDS, output={"inexpressible": "drop", "shards": 2})

    lost = sum(map(len, CANNOT[target].values()))
    assert mix.manifest.records == len(RECORDS) - lost
    assert mix.manifest.sources["own"].losses.get("inexpressible", 0) == lost
    canonical = records(mix.path / "mix.jsonl")
    read = data(mix.path, [output for output in mix.manifest.outputs if output.target == target])
    assert [record["id"] for record in read] == [record["id"] for record in canonical]
    for record, said in zip(read, canonical, strict=True):
        assert same(target, record, said)
    assert not verify(mix.path).problems


def test_a_build_of_pairs(tmp_path, cache):
    """The same for preference."""
    mix = own(tmp_path, cache, "ms_swift", PAIRS, kind="preference")

    read = data(mix.path, [output for output in mix.manifest.outputs if output.target == "ms_swift"])
    canonical = records(mix.path / "mix.jsonl")
    assert len(read) == len(canonical) == len(PAIRS)
    assert [read_swift(record) for record in read] == [meaning(record) for record in canonical]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "internvl",
            "7 conversations cannot be written for internvl: 3 with audio, 1 with image and video, 1 with lite",
        ),
        ("llama_factory", "3 conversations cannot be written for llama_factory: 3 with literal token"),
        ("qwen_vl", "8 conversations cannot be written for qwen_vl: 3 with audio, 3 with literal token, 2 with system"),
    ],
)
def test_a_build_names_what_cannot_be_written(tmp_path, cache, target, said):
    """How many, why, and what to do, unless the recipe says that they may go."""
    with pytest.raises(DataError, match=re.escape(said)):
        own(tmp_path, cache, target, RECORDS, output={})
