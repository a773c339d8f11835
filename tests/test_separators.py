"""What LLaVA-1.5's template parts turns by is marked, and not written for its trainer unless it is dropped."""

from __future__ import annotations

import json

import pytest
from conftest import recipe

from mixer import build, exporting, plan
from mixer.conversation import Conversation, Turn
from mixer.errors import DataError
from mixer.validate import check_all


@pytest.mark.parametrize(
    ("asked", "answer", "marked"),
    [
        ("What is it?", "A boat.", False),
        ("What does </s> do?", "It ends.", True),
        ("What is it?", "It says: ASSISTANT: hello.", True),
        ("ASSISTANT: What is it?", "A boat.", True),
        ("What is it?", "ASSISTANT: A boat.", False),
        ("What is it? ASSISTANT:", "A boat.", True),
        ("What is it?", "A boat. ASSISTANT:", False),
        ("What is it?\nASSISTANT: a word", "A boat.", False),
        ("What is it?", "MYASSISTANT: A boat.", False),
        ("What is it?", "ASSISTANT is a word, assistant: too.", False),
    ],
)
def test_separators_are_marked(asked, answer, marked):
    """As the trainer splits `USER: <asked> ASSISTANT: <answer></s>`, at `</s>` and then at ` ASSISTANT: `."""
    rounds = f"USER: {asked} ASSISTANT: {answer}</s>".split("</s>")
    assert (rounds[1:] != [""] or rounds[0].split(" ASSISTANT: ") != [f"USER: {asked}", answer]) == marked
    record = Conversation(id="a", conversations=[Turn("human", asked), Turn("gpt", answer)])
    plain = Conversation(id="b", conversations=[Turn("human", "Hello?"), Turn("gpt", "Hello.")])

    assert check_all([plain, record, plain]).separators == [False, marked, False]


@pytest.mark.parametrize(
    ("asked", "marked"),
    [
        ("<image>\nWhat is it?", False),
        ("Say ASSISTANT:<image> now", True),
        ("ASSISTANT: what is it?\n<image>", False),
        ("Is it an ASSISTANT:\n<image>", True),
    ],
)
def test_the_trainer_moves_the_image_first(asked, marked):
    """Its placeholder is taken out, the blanks at the ends with it, and put on a line before the text."""
    record = Conversation(id="a", image="a.jpg", conversations=[Turn("human", asked), Turn("gpt", "A boat.")])

    assert check_all([record]).separators == [marked]


def test_such_records_stop_a_build_for_llava_or_are_dropped(tmp_path, cache):
    """Other targets hold them."""
    talk = [
        {"id": f"r{n}", "conversations": [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": said}]}
        for n, said in enumerate(["A boat.", "It prints </s>.", "A kite."])
    ]
    (tmp_path / "talk.json").write_text(json.dumps(talk))
    sources = {"talk": {"use": "llava_json", "path": "talk.json"}}

    with pytest.raises(
        DataError, match=r"talk: 1 conversations cannot be written for llava: 1 with a separator of its"
    ):
        plan(recipe(tmp_path, "a", sources=sources), cache=cache)
    dropped = plan(
        recipe(tmp_path, "b", sources=sources, output={"for": "llava", "inexpressible": "drop"}), cache=cache
    )
    assert dropped.leaves[0].pool.losses == {"inexpressible": 1}
    mix = build(recipe(tmp_path, "c", sources=sources, output={"for": "jsonl"}), tmp_path / "c", cache=cache)
    made = exporting.export(mix.path, "llava", tmp_path / "export", inexpressible="drop")
    assert made.export.dropped == {"a separator of its template": 1}


def test_they_are_kept_if_that_is_said(tmp_path, cache):
    """As LLaVA-1.5 was trained: the recipes of its mixes say so."""
    turns = [{"from": "human", "value": "What ends a line?"}, {"from": "gpt", "value": "It prints </s>."}]
    (tmp_path / "talk.json").write_text(json.dumps([{"id": "a", "conversations": turns}]))
    sources = {"talk": {"use": "llava_json", "path": "talk.json"}}
    output = {"for": "llava", "separators": "keep"}

    mix = build(recipe(tmp_path, "mix", sources=sources, output=output), tmp_path / "mix", cache=cache)
    made = exporting.export(mix.path, "llava", tmp_path / "export", separators="keep")

    assert mix.manifest.records == made.export.records == 1
    assert mix.manifest.recipe["output"] == [{"for": "llava", "inexpressible": "error", "separators": "keep"}]
