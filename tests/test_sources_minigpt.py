"""MiniGPT-4's second stage and MiniGPT-v2's own data: prompts, paths, task tags, and how boxes may be written."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Skip, Turn
from mixer.errors import UsageError
from mixer.sources import Picture
from mixer.sources.minigpt4 import ALIGNMENT, Raw, Talk
from mixer.sources.minigpt4_v2_multitask import (
    GROUNDING,
    Detected,
    Dialogue,
    Grounded,
    Instance,
    Phrase,
    Unnatural,
)


def convert(name, raw, **options):
    """Convert a raw record."""
    source = sources.get(name)
    return source.convert(raw, source.options(**options))


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def dialogue(*values, id="000000000713", picture=None):
    """Give a multi-task conversation."""
    return Dialogue(id, [Turn(("human", "gpt")[n % 2], value) for n, value in enumerate(values)], picture)


def test_descriptions_are_asked_for_in_four_ways():
    """The prompt depends on the image's id; the description is kept byte for byte; the image has no leading zeros."""
    asked = set()
    for number in range(60):
        made = convert("minigpt4", Raw(f"{number}", " The image\nshows   a jar. "))
        prompt, answer = said(made)
        asked.add(prompt)
        assert answer == " The image\nshows   a jar. "
        assert made.conversation.image == f"cc_sbu_align/image/{number}.jpg"
        assert made.conversation.id == f"{number}"

    assert asked == {f"<image>\n{wording}" for wording in ALIGNMENT}


@pytest.mark.parametrize("record", [{"image_id": 83, "caption": "A jar."}, {"image_id": "83", "description": "A jar."}])
def test_other_data_of_this_name_are_bad(record):
    """Ids are texts, and a record has a caption."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(record, Raw)


@pytest.mark.parametrize(
    ("text", "turns", "language"),
    [
        (
            "###Ask: <Img><ImageHere></Img> What is it? ###Answer: A jar.",
            ["<image>\nWhat is it?", "A jar."],
            "en",
        ),
        (
            "###Ask: What? <Img><ImageHere></Img>###Answer: A jar\nof tin. ###Ask: Big? ###Answer: No.",
            ["<image>\nWhat?", "A jar\nof tin.", "Big?", "No."],
            "en",
        ),
        ("###问：<Img><ImageHere></Img> 这是什么？ ###答：一只罐子。", ["<image>\n这是什么？", "一只罐子。"], "zh"),
    ],
)
def test_mmpretrains_form_has_its_questions(text, turns, language):
    """In English or Chinese, of one round or more."""
    made = convert("minigpt4", Talk("83", text), file="conversation_data")

    assert said(made) == turns
    assert (made.labels.language, made.conversation.image) == (language, "cc_sbu_align/image/83.jpg")


@pytest.mark.parametrize(
    "text", ["", "What?", "###Ask: What?", "Hm. ###Ask: What? ###Answer: A jar.", "###Ask: a ###Answer: b ###Answer: c"]
)
def test_texts_that_are_no_rounds_are_bad(text):
    """What does not alternate is not guessed."""
    with pytest.raises(msgspec.ValidationError):
        convert("minigpt4", Talk("83", text), file="conversation_data")


def test_the_first_turn_is_written_as_for_training():
    """Without its image token and line breaks; the token is in front, and later turns are kept."""
    made = convert(
        "minigpt4_v2_multitask",
        dialogue("[vqa] What\n is it?\n<image>\n", " A\njar ", "[refer] the\nlid ", "{<1><2><3><4>}"),
    )

    assert said(made) == ["<image>\n[vqa] What is it?", " A\njar ", "[refer] the\nlid ", "{<1><2><3><4>}"]
    assert made.labels.subset == "multitask_conversation"


@pytest.mark.parametrize("id", ["000000000713", "713", 713])
@pytest.mark.parametrize(
    ("coco", "path"),
    [("train2017", "coco/train2017/000000000713.jpg"), ("train2014", "coco/train2014/COCO_train2014_000000000713.jpg")],
)
def test_images_are_told_by_the_id(id, coco, path):
    """Whatever `image` says."""
    made = convert("minigpt4_v2_multitask", dialogue("a", "b", id=id), coco=coco)

    assert (made.conversation.id, made.conversation.image) == ("000000000713", path)


def test_an_id_without_a_number_is_bad():
    """No image follows from it."""
    with pytest.raises(msgspec.ValidationError, match="number"):
        msgspec.convert({"id": "jar", "conversations": []}, Dialogue)


BOXES = "<p>jars</p> {<12><30><57><88>}<delim>{<0><5><100><99>} {<1><2>} <delim>"


@pytest.mark.parametrize(
    ("boxes", "text"),
    [
        ("hundredths", BOXES),
        ("decimals", "<p>jars</p> [0.12, 0.3, 0.57, 0.88] [0.0, 0.05, 1.0, 0.99] {<1><2>} <delim>"),
        # 400 x 200: 100 rows above; (0.3 * 200 + 100) / 400 = 0.4
        ("square", "<p>jars</p> [0.12, 0.4, 0.57, 0.69] [0.0, 0.28, 1.0, 0.74] {<1><2>} <delim>"),
    ],
)
def test_boxes_may_be_written_in_decimals(boxes, text):
    """Of the image, or of the square around it; all else in a text stays."""
    raw = dialogue(f"[identify] {BOXES}", BOXES, picture=Picture("x.jpg", 400, 200))

    made = convert("minigpt4_v2_multitask", raw, boxes=boxes)

    assert said(made) == [f"<image>\n[identify] {text}", text]
    assert raw.conversations[1].value == BOXES


def test_texts_without_images_have_no_boxes():
    """To ask for them in another form is a mistake."""
    with pytest.raises(UsageError, match="has no images"):
        sources.parse_options(
            sources.get("minigpt4_v2_multitask"), ["file=filtered_unnatural_instruction", "boxes=square"]
        )


def test_a_box_beyond_its_image_is_bad():
    """Where it is written anew; numbers go up to 100."""
    raw = dialogue("a", "{<0><5><101><99>}")

    assert said(convert("minigpt4_v2_multitask", raw))[1] == "{<0><5><101><99>}"
    with pytest.raises(ValueError, match="beyond its image"):
        convert("minigpt4_v2_multitask", raw, boxes="decimals")


def test_the_square_needs_the_image():
    """Its size is in no record; either release's file will do."""
    raw = dialogue("a", "b")

    assert convert("minigpt4_v2_multitask", raw, boxes="square") == Skip("image file is missing")
    assert raw.paths == ["coco/train2017/000000000713.jpg", "coco/train2014/COCO_train2014_000000000713.jpg"]
    assert Phrase(83, phrase="a", bbox="b").paths == ["flickr30k-images/83.jpg"]


@pytest.mark.parametrize(
    ("raw", "file", "question", "answer"),
    [
        (Grounded("83", grounded_caption=BOXES), "groundedcaption", None, BOXES),
        (Detected("83", caption="Two jars .", output=BOXES), "captiontobbox", "[detection] Two jars .", BOXES),
        (
            Phrase("83", phrase="two jars", bbox="{<1><2><3><4>}"),
            "phrasetobbox",
            "[detection] two jars",
            "<p>two jars</p> {<1><2><3><4>}",
        ),
    ],
)
def test_flickrs_captions_and_phrases(raw, file, question, answer):
    """As the training code asks and answers; the id is the image's and the content's."""
    made = convert("minigpt4_v2_multitask", raw, file=file)
    again = convert("minigpt4_v2_multitask", raw, file=file)

    asked, answered = said(made)
    assert answered == answer
    assert asked in ({f"<image>\n{question}"} if question else {f"<image>\n{wording}" for wording in GROUNDING})
    assert made.conversation.id == again.conversation.id
    assert made.conversation.id.startswith("83-")
    assert (made.conversation.image, made.labels.subset) == ("flickr30k-images/83.jpg", file)


def test_grounded_captions_are_asked_for_in_four_ways():
    """One image may have several."""
    asked = {
        said(convert("minigpt4_v2_multitask", Grounded("83", grounded_caption=f"{n}"), file="groundedcaption"))[0]
        for n in range(60)
    }

    assert asked == {f"<image>\n{wording}" for wording in GROUNDING}


@pytest.mark.parametrize(
    ("texts", "turns"),
    [
        ("whole", ["Name a tool. Input: Wood! One word.", "A Saw."]),
        ("plain", ["name a tool input wood one word", "a saw"]),
    ],
)
def test_instructions_have_their_constraints_behind_them(texts, turns):
    """The first instance counts; the training code's lower case is an option."""
    first = Instance("Name a tool. Input: Wood!", "A Saw.", "One word.")
    raw = Unnatural([first, Instance("Another.", "One.")])

    made = convert("minigpt4_v2_multitask", raw, file="filtered_unnatural_instruction", texts=texts)
    bare = convert("minigpt4_v2_multitask", Unnatural([Instance("Name it.", "A saw.")]), texts="whole")

    assert said(made) == turns
    assert said(bare) == ["Name it.", "A saw."]
    assert made.conversation.image is None
    assert convert("minigpt4_v2_multitask", Unnatural([])) == Skip("no instance")


def test_a_dialogue_without_turns_is_told_by_its_check():
    """Nothing is put in front of nothing."""
    assert convert("minigpt4_v2_multitask", dialogue()).conversation.conversations == []
