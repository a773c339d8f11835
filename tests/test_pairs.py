"""Preference pairs: what a recipe's kind makes of them, and what a source of pairs skips."""

from __future__ import annotations

import json

import msgspec
import pytest
from conftest import INVENTED, recipe, records

from mixer import build, load_recipe, verify
from mixer.conversation import Skip
from mixer.errors import RecipeError
from mixer.readers import json_array
from mixer.shared.pairs import PairOptions, pair
from mixer.sources import File

GOOD, BAD = {"from": "gpt", "value": "A tin jug."}, {"from": "gpt", "value": "Two dogs."}


class Raw(msgspec.Struct):
    """A question and two answers."""

    id: str
    better: str
    worse: str


def one(raw, options):
    """Compare the answers."""
    return pair(options, id=raw.id, prompt="What is it?", chosen=raw.better, rejected=raw.worse, image="jug.jpg")


@pytest.fixture
def data(invented, tmp_path):
    """Have a source of pairs; its raw file holds a pair, a tie and two of which a side is missing."""
    invented(one, (File("pairs.json", json_array, Raw),), options=PairOptions)
    folder = tmp_path / "data" / INVENTED
    folder.mkdir(parents=True)
    answers = [("A tin jug.", "Two dogs."), ("Same. ", "Same."), ("", "B"), ("A", " ")]
    rows = [{"id": f"{n}", "better": better, "worse": worse} for n, (better, worse) in enumerate(answers)]
    (folder / "pairs.json").write_text(json.dumps(rows))
    own = {"id": "own", "image": "jug.jpg", "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}, GOOD]}
    (tmp_path / "own.json").write_text(json.dumps([own, {**own, "id": "other", "image": "cup.jpg"}]))
    return tmp_path / "data"


def test_a_preference_mix_holds_both_answers(data, tmp_path, cache):
    """The prompt ends with the human; the default output is JSON Lines; ties and missing sides are counted."""
    mix = build(recipe(tmp_path, kind="preference", sources={INVENTED: {}}), tmp_path / "mix", data=data, cache=cache)

    [record] = records(mix.path / "mix.jsonl")
    assert record == {
        "id": "0",
        "image": "jug.jpg",
        "conversations": [{"from": "human", "value": "<image>\nWhat is it?"}],
        "chosen": GOOD,
        "rejected": BAD,
    }
    assert mix.manifest.recipe["kind"] == "preference"
    assert mix.manifest.sources[INVENTED].skipped == {
        "both answers are equal": 1,
        "no chosen answer": 1,
        "no rejected answer": 1,
    }
    assert not verify(mix.path).problems


def test_an_instruction_mix_holds_the_better_answer(data, tmp_path, cache):
    """The same source in a recipe that says nothing."""
    mix = build(recipe(tmp_path, sources={INVENTED: {}}), tmp_path / "mix", data=data, cache=cache)

    [record] = records(mix.path / "mix.json")
    assert record["conversations"] == [{"from": "human", "value": "<image>\nWhat is it?"}, GOOD]
    assert set(record) == {"id", "image", "conversations"}


def test_prompts_of_pairs_can_be_kept_out_of_instructions(data, tmp_path, cache):
    """By prompt, which is what is meant if nothing is said, since answers can never agree."""
    own = {"use": "llava_json", "path": "own.json", "except": {"source": INVENTED}}
    instruct = recipe(tmp_path, "instruct", sources={"own": own})
    kept = records(build(instruct, tmp_path / "a", data=data, cache=cache).path / "instruct.json")
    pairs = {"except": {"file": "own.json"}}
    preference = recipe(tmp_path, "preference", kind="preference", sources={INVENTED: pairs})

    assert [record["id"] for record in kept] == ["other"]
    assert load_recipe(preference).leaves()[0].except_[0].by == "prompt"


def test_a_mix_of_pairs_can_be_kept_out_of_instructions(data, tmp_path, cache):
    """The file that a build of pairs wrote serves as it is; its better answers are its replies."""
    build(recipe(tmp_path, "pairs", kind="preference", sources={INVENTED: {}}), tmp_path / "p", data=data, cache=cache)
    own = {"use": "llava_json", "path": "own.json", "except": {"file": "p/pairs.jsonl"}}
    kept = build(recipe(tmp_path, sources={"own": own}), tmp_path / "kept", data=data, cache=cache).path / "mix.json"

    assert [record["id"] for record in records(kept)] == ["other"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "preference", "sources": {"gqa": {}}}, "gqa holds no preference pairs, of which this recipe is made"),
        (
            {"sources": {INVENTED: {"options": {"kind": "preference"}}}},
            "the recipe is of kind instruct: leave this out",
        ),
        (
            {"kind": "preference", "output": {"for": "llava"}, "sources": {INVENTED: {}}},
            "llava's trainer reads no preference pairs",
        ),
        ({"kind": "both", "sources": {INVENTED: {}}}, "expected .instruct. or .preference."),
    ],
)
def test_mistakes_are_told(data, tmp_path, values, said):
    """The two kinds never mix in one file."""
    with pytest.raises(RecipeError, match=said):
        load_recipe(recipe(tmp_path, **values))


def test_a_pair_may_have_rounds_before_and_a_video(data):
    """Placeholders start the first question; the pair is the last round."""
    made = pair(
        PairOptions(),
        id="v",
        prompt="And then?",
        chosen="It rains.",
        rejected="It snows.",
        history=[("Where?", "A yard.")],
        video="v/1.mp4",
    )

    assert [turn.value for turn in made.conversations] == ["<video>\nWhere?", "A yard.", "And then?"]
    assert (made.video, made.chosen.value, made.rejected.value) == ("v/1.mp4", "It rains.", "It snows.")
    assert pair(PairOptions(), id="v", prompt="?", chosen="\n", rejected="a") == Skip("no chosen answer")


def test_a_literal_placeholder_in_an_answer_is_marked():
    """Trainers count tokens in the answers, too."""
    from mixer.conversation import Conversation, Turn
    from mixer.validate import check_all

    asked = [Turn("human", "What does it print?")]
    pair = Conversation(
        id="a", conversations=asked, chosen=Turn("gpt", "It prints <image>."), rejected=Turn("gpt", "No.")
    )

    checks = check_all([pair])

    assert (checks.literal_tokens, checks.faults) == ([True], {})
