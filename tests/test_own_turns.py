"""The user's own dialogues: parts, placeholders, roles, system turns and tools."""

from __future__ import annotations

import base64

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip

PNG = b"\x89PNG\r\n\x1a\n..."
BASE64 = base64.b64encode(PNG).decode()


def convert(raw, use="own_messages", **options):
    """Convert a record; give the conversation or why there is none."""
    source = sources.get(use)
    made = source.convert(raw, source.options(**options))
    return made.reason if isinstance(made, Skip) else made.conversation


def said(record):
    """Give (role, text) of each turn."""
    return [(turn.from_, turn.value) for turn in record.conversations]


def asked(content, **more):
    """Give messages of one question."""
    return {"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": "Yes."}], **more}


TEXT = {"type": "text", "text": "Hm?"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "a.jpg"}},
        {"type": "image_url", "image_url": {"url": "a.jpg", "image_wh": [4, 3], "detail": "high"}},
        {"type": "image_url", "image_url": "a.jpg"},
        {"type": "image_url", "value": "a.jpg"},
        {"type": "image", "image": "a.jpg"},
        {"type": "image", "image": {"url": "a.jpg"}},
        {"type": "image", "path": "a.jpg"},
        {"type": "image", "url": "a.jpg"},
        {"type": "image", "source": {"type": "url", "url": "a.jpg"}},
        {"type": "image", "image": {"bytes": None, "path": "a.jpg"}, "text": None},
    ],
)
def test_a_part_may_name_its_file_in_many_ways(part):
    """All shapes of a medium's part give the same conversation."""
    record = convert(asked([part, TEXT]))

    assert record.image == "a.jpg"
    assert said(record) == [("human", "<image>\nHm?"), ("gpt", "Yes.")]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
        {"type": "image", "base64": BASE64},
        {"type": "image", "image": {"bytes": PNG, "path": "x.jpg"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": BASE64}},
    ],
)
def test_a_part_may_hold_its_file(part):
    """Embedded media are named by their content, and their kind is that of the content."""
    source = sources.get("own_messages")
    made = source.convert(asked([part, TEXT]), source.options())

    path = made.conversation.image
    assert path.startswith("own/")
    assert path.endswith(".png")
    assert made.embedded == {path: PNG}


@pytest.mark.parametrize(
    ("kind", "content", "suffix"),
    [
        ("video_url", b"\x00\x00\x00\x18ftypisom", "mp4"),
        ("video", b"RIFF....AVI LIST", "avi"),
        ("audio_url", b"RIFF....WAVEfmt ", "wav"),
        ("audio", b"ID3", "mp3"),
        ("audio", b"\x00\x00\x00\x18ftypM4A ", "m4a"),
    ],
)
def test_videos_and_sounds_may_be_held_too(kind, content, suffix):
    """Their kinds are told by their first bytes."""
    record = convert(asked([{"type": kind, kind: {"url": f"data:;base64,{base64.b64encode(content).decode()}"}}, TEXT]))

    assert (record.video or record.audio).endswith(f".{suffix}")


def test_a_sound_is_no_image():
    """What begins like another kind makes the record bad."""
    with pytest.raises(ValueError, match="begins like no image"):
        convert(asked([{"type": "image", "image": b"RIFF....WAVEfmt "}]))


def test_sounds_of_openai_are_data():
    """`input_audio` holds base64 and a format."""
    data = base64.b64encode(b"OggS").decode()

    record = convert(asked([{"type": "input_audio", "input_audio": {"data": data, "format": "ogg"}}, TEXT]))

    assert record.audio.endswith(".ogg")
    assert said(record)[0] == ("human", "<audio>\nHm?")


IMAGE = {"type": "image"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([IMAGE, TEXT], "<image>\nHm?"),
        ([TEXT, IMAGE], "Hm?\n<image>"),
        ([IMAGE, {"type": "text", "text": "\nHm?"}], "<image>\nHm?"),
        ([IMAGE, IMAGE, TEXT], "<image>\n<image>\nHm?"),
        ([{"type": "text", "text": "Is "}, {"type": "text", "text": "it?"}, IMAGE], "Is it?\n<image>"),
        (["Old:", IMAGE, "new:", IMAGE], "Old:\n<image>\nnew:\n<image>"),
        ([IMAGE, IMAGE, {"type": "text", "text": "<image> or <image>?"}], "<image> or <image>?"),
        ([IMAGE, {"type": "text", "text": "<IMG_CONTEXT>\nHm?"}], "<image>\nHm?"),
        ([{"type": "text", "text": "Is <video> it?"}, IMAGE], "Is <video> it?\n<image>"),
        ([{"type": "text", "text": "Is <video> it?"}], "Is <video> it?"),
    ],
)
def test_placeholders_stand_where_the_parts_do(content, text):
    """Each on a line of its own, unless the text has the places already; files fill them in order."""
    videos = ["a.mp4"][: str(content).count("<video>")]
    record = convert(asked(content, images=["a.jpg", "b.jpg"][: str(content).count("'image'")], videos=videos))

    assert said(record)[0] == ("human", text)
    assert record.video == next(iter(videos), None)


@pytest.mark.parametrize(
    ("text", "files", "kept"),
    [
        ("Hm?", {"images": ["a.jpg"]}, "<image>\nHm?"),
        ("Hm?", {"images": ["a.jpg", "b.jpg"], "videos": ["a.mp4"]}, "<image>\n<image>\n<video>\nHm?"),
        ("<image>Hm?", {"images": ["a.jpg"], "audios": ["a.wav"]}, "<audio>\n<image>Hm?"),
        ("Is <image>?", {"image": "a.jpg"}, "Is <image>?"),
        ("Is <image>?", {"images": []}, "Is <image>?"),
        ("Is <image>?", {"image": None}, "Is <image>?"),
        ("<image>", {"images": [{"bytes": None, "path": "a.jpg"}]}, "<image>"),
        ("<image>", {"images": '["a.jpg"]'}, "<image>"),
        ("<image>", {"image": None, "images": ["a.jpg"]}, "<image>"),
        ("Hm?", {"image": "a.jpg", "images": ["a.jpg"]}, "<image>\nHm?"),
        ("Hm?", {"image": "", "images": ["a.jpg", "b.jpg"]}, "<image>\n<image>\nHm?"),
    ],
)
def test_texts_keep_their_placeholders(text, files, kept):
    """Files without any place come first; without files a placeholder is text."""
    assert said(convert(asked(text, **files)))[0] == ("human", kept)


def test_files_are_taken_in_the_order_of_their_places():
    """Parts that name a file stand beside parts that take the record's next one."""
    raw = {
        "messages": [
            {"role": "user", "content": [IMAGE, {"type": "image", "image": "b.jpg"}, TEXT]},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "And <image>?"},
            {"role": "assistant", "content": "No."},
        ],
        "images": ["a.jpg", "c.jpg"],
    }

    assert convert(raw).image == ["a.jpg", "b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    ("content", "files", "text"),
    [
        ([TEXT, IMAGE], ["a.jpg"], "<image>\nHm?"),
        ("Is <image> red?", ["a.jpg"], "<image>\nIs  red?"),
        ([TEXT, IMAGE, IMAGE], ["a.jpg", "b.jpg"], "Hm?\n<image>\n<image>"),
    ],
)
def test_a_single_placeholder_may_be_moved_to_the_front(content, files, text):
    """As LLaVA's trainer does; several stay, since their places tell which is which."""
    assert said(convert(asked(content, images=files), placeholders="front"))[0] == ("human", text)


SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("first", "column", "way", "turns"),
    [
        ([SYSTEM], None, "turn", [("system", "Be brief."), ("human", "<image>\nHm?")]),
        ([], "Be kind.", "turn", [("system", "Be kind."), ("human", "<image>\nHm?")]),
        ([SYSTEM], "Be kind.", "turn", [("system", "Be brief."), ("human", "<image>\nHm?")]),
        ([{"role": "system", "content": ""}], "", "turn", [("human", "<image>\nHm?")]),
        ([{"role": "system", "content": ""}], "Be kind.", "turn", [("system", "Be kind."), ("human", "<image>\nHm?")]),
        ([SYSTEM], None, "prompt", [("human", "<image>\nBe brief.\n\nHm?")]),
    ],
)
def test_system_texts_stay_a_turn_or_go_before_the_first_question(first, column, way, turns):
    """A turn of the dialogue counts before the record's column; an empty one is none."""
    raw = asked("Hm?", images=["a.jpg"], system=column)
    raw["messages"] = first + raw["messages"]

    assert said(convert(raw, system=way))[:-1] == turns


CALL = {"type": "function", "function": {"name": "warmth", "arguments": '{"of": "tea"}'}}
PRINTED = '{"name": "warmth", "arguments": "{\\"of\\": \\"tea\\"}"}'
TOOLS = [
    {"role": "user", "content": "How warm?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "81"},
    {"role": "assistant", "content": "Hot."},
]


@pytest.mark.parametrize(
    ("changes", "turns"),
    [
        ({}, [PRINTED, "81"]),
        ({1: {"role": "assistant", "content": "Wait.", "tool_calls": [CALL]}}, [f"Wait.\n{PRINTED}", "81"]),
        ({1: {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]}}, [f"[{PRINTED}, {PRINTED}]", "81"]),
        ({1: {"role": "assistant", "content": "", "tool_calls": f"[{PRINTED}]"}}, [PRINTED, "81"]),
        ({1: {"role": "assistant", "content": None, "function_call": CALL["function"]}}, [PRINTED, "81"]),
        ({1: {"role": "assistant", "content": None, "tool_calls": ["warmth"]}}, ["warmth", "81"]),
        ({1: {"role": "function_call", "content": "warmth()"}, 2: {"role": "observation", "content": "81"}},
         ["warmth()", "81"]),
        ({1: {"role": "assistant", "content": [{"type": "tool_use", "name": "warmth", "input": {"of": "tea"}}]},
          2: {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "81"}]}]}},
         ['{"name": "warmth", "arguments": {"of": "tea"}}', "81"]),
    ],
)  # fmt: skip
def test_dialogues_with_tools_are_skipped_or_written_as_turns(changes, turns):
    """A call is a reply and a result is a human turn."""
    raw = {"messages": [changes.get(number, turn) for number, turn in enumerate(TOOLS)]}

    assert convert(raw) == "uses tools"
    assert said(convert(raw, tools="turns")) == [
        ("human", "How warm?"), ("gpt", turns[0]), ("human", turns[1]), ("gpt", "Hot.")
    ]  # fmt: skip


def test_results_of_several_calls_are_one_turn():
    """Turns alternate."""
    raw = {"messages": [*TOOLS[:3], {"role": "tool", "content": "82"}, TOOLS[3]]}

    assert said(convert(raw, tools="turns"))[2] == ("human", "81\n82")


@pytest.mark.parametrize(
    ("tools", "system"),
    [
        ("[]", None),
        ([], None),
        ('[{"name": "warmth"}]', '[{"name": "warmth"}]'),
        ([{"name": "열"}], '[{"name": "열"}]'),
    ],
)
def test_a_list_of_tools_ends_the_system_turn(tools, system):
    """It matters to the answers even where no tool is called; an empty list is none."""
    raw = asked("Hm?", tools=tools, system="Be brief.")

    assert said(convert(raw, tools="turns"))[0] == ("system", f"Be brief.\n\n{system}" if system else "Be brief.")
    assert (convert(raw) == "uses tools") == (system is not None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (asked("Hm?", label=False), "its answer is labelled as bad"),
        (asked("Hm?", videos=["a.mp4", "b.mp4"]), "several videos"),
    ],
)
def test_expected_losses_are_skipped(raw, reason):
    """They are no faults of the record."""
    assert convert(raw) == reason


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"dialog": []}, "no turns in 'messages'; columns found: dialog"),
        ({"messages": []}, "no turns in 'messages'; columns found: messages"),
        ({"messages": [SYSTEM]}, "no turns; columns found: messages"),
        ({"messages": ["Hm?"]}, "expected turns with 'role' and 'content', got str"),
        ({"messages": [{"speaker": "a", "content": "b"}]}, "no 'role' in a turn; found: speaker, content"),
        ({"messages": [{"role": "pretrain", "content": "b"}]}, "unknown role 'pretrain'"),
        ({"messages": [{"role": "user", "content": None}]}, "a turn without text; found: role, content"),
        (asked([{"type": "input_text", "text": "Hm?"}]), "unknown part of a turn: 'input_text'; found: type, text"),
        (asked([IMAGE, TEXT]), "a part of a turn is of type image, but there is no file for it"),
        (asked([{"type": "image_url", "image_url": {"url": None}}]), "of type image, but there is no file for it"),
        (asked([IMAGE, IMAGE], images=["a.jpg"]), "of type image, but there is no file for it"),
        (asked("Hm?", image="a.jpg", images=["b.jpg"]), "columns image, images may all be 'image'"),
        ({"messages": [SYSTEM, SYSTEM, *asked("Hm?")["messages"]]}, "a system turn that is not the first turn"),
        ({"messages": [{"role": "x" * 99, "content": "b"}]}, f"unknown role '{'x' * 59}$"),
        (
            {"a\nb": 1, **{"c" * (60 + n): 1 for n in range(30)}},
            r"columns found: a\\nb, (c{60}, ){28}c{60} and 1 more$",
        ),
        (asked([7]), "a part of a turn: expected a map or text, got int"),
        (asked({"text": "Hm?"}), "a turn's text: expected text, got dict"),
        (asked("Hm?", images=[7]), "image: expected a path or the file's bytes, got int"),
        (asked("Hm?", id=1.5), "an id is text or a whole number, not float"),
        (asked("Hm?", rejected_response="No."), "a preference pair, which `own_pairs` reads; columns found: messages"),
    ],
)
def test_other_records_are_bad_and_list_what_was_found(raw, message):
    """The reason names the keys."""
    with pytest.raises(msgspec.ValidationError, match=message):
        convert(raw)


@pytest.mark.parametrize(
    "raw",
    [
        {"conversations": [{"from": "human", "value": "Hm?"}, {"from": "gpt", "value": "Yes."}]},
        {"conversation": [{"from": "user", "value": "Hm?"}, {"from": "bot", "value": "Yes."}]},
        {"conversations": [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "Yes."}]},
        {"conversation": [{"human": "Hm?", "assistant": "Yes."}]},
        {"conversation": [{"input": "Hm?", "output": "Yes."}]},
    ],
)
def test_sharegpt_has_many_spellings(raw):
    """Roles, keys of turns and whole rounds."""
    assert said(convert(raw, "own_sharegpt")) == [("human", "Hm?"), ("gpt", "Yes.")]


COLUMNS = {"messages": "dialog", "role": "who", "content": "what", "image": "img", "subset": "part", "id": "key"}


def test_columns_may_have_other_names():
    """Of records, of turns and of labels; media paths lose their folder."""
    source = sources.get("own_messages")
    raw = {
        "key": 7,
        "part": "soups",
        "img": ["/mnt/a.jpg"],
        "dialog": [{"who": "user", "what": "Hm?"}, {"who": "assistant", "what": "Yes."}],
    }

    made = source.convert(raw, source.options(columns=COLUMNS, media_strip="/mnt"))

    assert isinstance(made, Labelled)
    assert (made.conversation.id, made.conversation.image, made.labels.subset) == ("7", "a.jpg", "soups")
    assert said(made.conversation) == [("human", "<image>\nHm?"), ("gpt", "Yes.")]


def test_a_named_column_that_is_missing_makes_a_record_bad():
    """A medium may be absent from a record whose text has no place for it."""
    with pytest.raises(msgspec.ValidationError, match="no column 'key' for 'id'; columns found: messages"):
        convert(asked("Hm?"), columns={"id": "key"})
    with pytest.raises(msgspec.ValidationError, match="no column 'img' for 'image'; columns found: messages"):
        convert(asked("<image>Hm?"), columns={"image": "img"})
    assert convert(asked("Hm?"), columns={"image": "img"}).image is None
    with pytest.raises(ValueError, match="columns"):
        sources.get("own_alpaca").options(columns={"messages": "dialog"})


def test_folders_of_frames_lose_their_slash():
    """A video may be a folder."""
    assert convert(asked("Hm?", videos=["frames/7/"])).video == "frames/7"


PAIR = {"prompt": "Hm?", "chosen": "Yes.", "rejected": "No."}


@pytest.mark.parametrize(
    "raw",
    [
        PAIR,
        {**PAIR, "prompt": [{"role": "user", "content": "Hm?"}], "chosen": [{"role": "assistant", "content": "Yes."}]},
        {**PAIR, "chosen": asked("Hm?")["messages"]},
        {"question": "Hm?", "chosen": {"role": "assistant", "content": "Yes."}, "rejected": "No."},
        {"conversations": [{"from": "human", "value": "Hm?"}], "chosen": {"from": "gpt", "value": "Yes."},
         "rejected": {"from": "gpt", "value": "No."}},
        asked("Hm?", rejected_response="No."),
        asked("Hm?", rejected_response=[{"role": "assistant", "content": "No."}]),
        asked("Hm?", rejected_messages=[{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "No."}]),
    ],
)  # fmt: skip
def test_pairs_have_many_spellings(raw):
    """All give the same record."""
    record = convert(raw, "own_pairs")

    assert said(record) == [("human", "Hm?")]
    assert (record.chosen.value, record.rejected.value) == ("Yes.", "No.")
    assert said(convert(raw, "own_pairs", kind="instruct")) == [("human", "Hm?"), ("gpt", "Yes.")]


def test_a_pairs_history_comes_first():
    """Its rounds stand before the prompt."""
    record = convert({**PAIR, "history": [["Tea?", "Please."]]}, "own_pairs")

    assert said(record) == [("human", "Tea?"), ("gpt", "Please."), ("human", "Hm?")]
    assert record.chosen.value == "Yes."


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chosen": None}, "no chosen answer"),
        ({"rejected": {"from": "function_call", "value": "warmth()"}}, "uses tools"),
        ({"rejected": " "}, "no rejected answer"),
        ({"rejected": "Yes. "}, "both answers are equal"),
        ({"prompt": [{"role": "tool", "content": "81"}]}, "uses tools"),
    ],
)
def test_pairs_that_say_nothing_are_skipped(changes, reason):
    """A side is missing, or there is no difference."""
    assert convert({**PAIR, **changes}, "own_pairs") == reason


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"prompt": "Hm?", "chosen": "Yes."}, "no column for 'rejected'; columns found: prompt, chosen"),
        ({**PAIR, "rejected_images": ["a.jpg"]}, "a pair whose media differ"),
        ({**PAIR, "rejected": asked("Ha?")["messages"]}, "the two answers belong to different dialogues"),
        ({"chosen": "Yes.", "rejected": "No."}, "expected answers to a question"),
        ({**PAIR, "rejected": {"role": "user", "content": "No."}}, "expected answers to a question"),
        ({**PAIR, "prompt": "Ha?", "chosen": asked("Hm?")["messages"]}, "belong to another dialogue than the prompt"),
        ({**PAIR, "rejected": {"role": "assistant", "content": [IMAGE]}}, "a medium in an answer"),
    ],
)
def test_pairs_that_are_none_are_bad(raw, message):
    """Sides that do not belong together are never paired."""
    with pytest.raises(msgspec.ValidationError, match=message):
        convert(raw, "own_pairs")
