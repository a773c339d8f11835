"""Pairs about videos and about photos: LLaVA-Hound-DPO and LLaVA-Human-Preference-10K."""

from __future__ import annotations

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labels, Skip
from mixer.sources import Picture
from mixer.validate import check

HOUND, HUMANS = "llava_hound_dpo", "llava_human_preference_10k"
SLOT = {"from": "gpt", "value": "a slot"}


def duel(**more):
    """Make a line of LLaVA-Hound-DPO."""
    said = {"prompt": "<video>\nWhat spins?", "chosen": "A wheel.", "rejected": "A moon.", "answer": "The wheel."}
    return {"id": "v7_0", "video": "v7", **said, "chosen_score": 5, "rejected_score": 2, **more}


def judged(*texts, **more):
    """Make a record of LLaVA-Human-Preference-10K; its last turn is the slot."""
    turns = [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(texts)]
    outputs = {"output_1": {"value": "A hen."}, "output_2": {"value": "A cat."}}
    about = {"id": "000000410007", "image": "000000410007.jpg", "hallucination": False}
    return {**about, "conversations": [*turns, SLOT], **outputs, "preference": 1, **more}


def raw_of(name, record):
    """Decode a record."""
    return msgspec.convert(record, sources.get(name).files[0].raw)


def convert(name, record, **options):
    """Convert a record."""
    source = sources.get(name)
    return source.convert(raw_of(name, record), source.options(**options))


def values(made):
    """List the texts of the prompt."""
    return [turn.value for turn in made.conversation.conversations]


@pytest.mark.parametrize(
    "prompt",
    [
        "What spins?",
        "<video>\nWhat spins?",
        "What spins?\n<image>",
        " <image> What spins? \n",
        {"value": "What spins?"},
    ],
)
@pytest.mark.parametrize("video", ["v7", "/v7", "v7/"])
def test_hound_asks_about_a_folder_of_frames(prompt, video):
    """Wherever the prompt had its placeholder, one starts it; texts of answers stay."""
    made = convert(HOUND, duel(prompt=prompt, video=video, chosen="A wheel. ", rejected={"value": "\nA moon."}))

    assert values(made) == ["<video>\nWhat spins?"]
    assert (made.conversation.video, made.conversation.image) == ("shareVideoGPTV/v7", None)
    assert (made.conversation.chosen.value, made.conversation.rejected.value) == ("A wheel. ", "\nA moon.")
    assert made.labels == Labels(rating=5)
    assert not check(made.conversation)


def test_hound_may_give_the_better_answer_alone():
    """Under the same id, also where it is made of the content."""
    given = [duel(), duel(id=None)]

    both = [convert(HOUND, each) for each in given]
    better = [convert(HOUND, each, kind="instruct") for each in given]

    assert values(better[0]) == ["<video>\nWhat spins?", "A wheel."]
    assert better[0].conversation.rejected is None
    assert [each.conversation.id for each in both] == [each.conversation.id for each in better]
    assert both[0].conversation.id == "v7_0"
    assert both[1].conversation.id.startswith("v7-")


@pytest.mark.parametrize("kind", ["preference", "instruct"])
@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"rejected_score": 5}, "a tie"),
        ({"rejected_score": 5.5}, "the rejected answer has the higher score"),
        ({"chosen_score": "good"}, "a score that is not a number"),
        ({"rejected_score": "4"}, "a score that is not a number"),
        ({"rejected": " A wheel."}, "both answers are equal"),
        ({"chosen": "\n"}, "no chosen answer"),
        ({"rejected": {"value": ""}}, "no rejected answer"),
        ({"prompt": "<video>\n"}, "no question"),
    ],
)
def test_hound_pairs_that_are_none_are_skipped(more, reason, kind):
    """Each for a reason that is counted, in mixes of either kind."""
    assert convert(HOUND, duel(**more), kind=kind) == Skip(reason)


@pytest.mark.parametrize("scores", [{}, {"chosen_score": None, "rejected_score": 2}, {"chosen_score": None}])
def test_hound_scores_may_be_absent(scores):
    """Its trainer reads none."""
    record = {key: value for key, value in duel().items() if not key.endswith("score")}

    assert convert(HOUND, {**record, **scores}).labels == Labels()


def test_hound_questions_may_be_in_a_dialogue():
    """If there is one question in it; with none or two nobody knows the prompt."""
    asked = {"from": "human", "value": "<video>\nHow many?"}
    record = {key: value for key, value in duel().items() if key != "prompt"}

    assert values(convert(HOUND, {**record, "conversations": [asked, SLOT]})) == ["<video>\nHow many?"]
    for turns in ([], [asked, SLOT, asked, SLOT], None):
        with pytest.raises(msgspec.ValidationError, match="neither `prompt` nor one question"):
            raw_of(HOUND, {**record, "conversations": turns})


def test_humans_choose_one_of_two_outputs():
    """The whole dialogue but its slot is the prompt, byte for byte."""
    texts = ("What is it? \n<image>", " A shed.", "Who lives there?")

    first, second = (convert(HUMANS, judged(*texts, preference=number)) for number in (1, 2))

    assert values(first) == values(second) == list(texts)
    assert (first.conversation.chosen.value, first.conversation.rejected.value) == ("A hen.", "A cat.")
    assert (second.conversation.chosen.value, second.conversation.rejected.value) == ("A cat.", "A hen.")
    assert (first.conversation.id, first.conversation.image) == ("000000410007", "coco/train2017/000000410007.jpg")
    assert not check(first.conversation)


def test_humans_may_give_the_better_answer_alone():
    """In the place of the slot."""
    made = convert(HUMANS, judged("<image>\nWho is it?", preference=2), kind="instruct")

    assert values(made) == ["<image>\nWho is it?", "A cat."]
    assert made.conversation.chosen is made.conversation.rejected is None


@pytest.mark.parametrize("given", [0, 3, None, "1", True])
def test_preferences_are_one_or_two(given):
    """Anything else is bad, as for the trainer."""
    with pytest.raises(msgspec.ValidationError, match="preference"):
        raw_of(HUMANS, judged("<image>\nWho?", preference=given))


def test_human_dialogues_may_be_in_one_more_list():
    """As the trainer allows."""
    record = judged("<image>\nWho?")

    assert convert(HUMANS, {**record, "conversations": [record["conversations"]]}) == convert(HUMANS, record)


@pytest.mark.parametrize("texts", [(), ("<image>\nWho?", "A hen.")])
def test_human_dialogues_end_with_a_slot(texts):
    """Behind a question."""
    with pytest.raises(msgspec.ValidationError, match="not a question and a slot"):
        raw_of(HUMANS, judged(*texts))


def test_human_pairs_that_are_none_are_skipped():
    """Equal answers, and empty ones."""
    outputs = [("A hen.", "A hen. "), ("", "A cat."), ("A hen.", "\n")]

    made = [
        convert(HUMANS, judged("<image>\nWho?", output_1={"value": one}, output_2={"value": two}))
        for one, two in outputs
    ]

    assert [each.reason for each in made] == ["both answers are equal", "no chosen answer", "no rejected answer"]


@pytest.mark.parametrize(("given", "subset"), [(True, "hallucination"), (False, "no_hallucination"), (None, None)])
def test_hallucination_is_the_subset(given, subset):
    """What people said first."""
    assert convert(HUMANS, judged("<image>\nWho?", hallucination=given)).labels == Labels(subset=subset)


def test_human_images_may_lie_in_the_folders_of_2014():
    """In that of the two that has them; text records have none."""
    source = sources.get(HUMANS)
    options = source.options(coco="2014")
    raw = raw_of(HUMANS, judged("<image>\nWho?"))
    release = "coco/{0}/COCO_{0}_000000410007.jpg"

    assert raw.candidates == [release.format("train2014"), release.format("val2014")]
    assert source.convert(raw, options) == Skip("image file is missing")
    raw.picture = Picture(raw.candidates[1], 3, 2)
    assert source.convert(raw, options).conversation.image == release.format("val2014")
    assert convert(HUMANS, judged("Who?", image=None), coco="2014").conversation.image is None
    assert source.used_pictures(source.options()) is None


def test_human_records_without_an_id_are_named_by_image_and_content():
    """Alike in both kinds of mix."""
    given = judged("<image>\nWho?", id=None)
    text = judged("Who?", id=None, image=None)

    made = [
        convert(HUMANS, each, kind=kind).conversation.id
        for each in (given, text)
        for kind in ("preference", "instruct")
    ]

    assert made[0] == made[1] != made[2] == made[3]
    assert made[0].startswith("000000410007-")
    assert made[2].startswith("text-")
