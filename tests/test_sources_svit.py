"""SVIT's own format: blocks, boxes, requests, and what is skipped."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Skip, Turn
from mixer.shared.vg_images import Image, Place, lookup
from mixer.sources.svit import LOCATE, Block, Raw
from mixer.validate import check

LANDSCAPE = Place("vg/VG_100K_2/713.jpg", 800, 600)


def convert(*blocks, kind="conversation", place=LANDSCAPE, image_id=713, **more):
    """Convert a raw record of blocks, each a list of texts in turn."""
    content = [Block([Turn("user" if n % 2 == 0 else "gpt", text) for n, text in enumerate(block)]) for block in blocks]
    return sources.get("svit").convert(Raw(image_id, content, kind=kind, place=place, **more), sources.Options())


def test_each_block_is_a_record():
    """`user` becomes `human`, the image comes first, the id names kind, image and block."""
    first, second = convert(("What hangs there?", "A ladle."), ("Is it clean?", "Yes.", "Why?", "It shines."))

    assert first.conversation.image == "vg/VG_100K_2/713.jpg"
    assert first.conversation.conversations == [Turn("human", "<image>\nWhat hangs there?"), Turn("gpt", "A ladle.")]
    assert [turn.from_ for turn in second.conversation.conversations] == ["human", "gpt", "human", "gpt"]
    assert first.conversation.id.startswith("svit_conversation_713-")
    assert first.conversation.id.endswith("-0")
    assert second.conversation.id.endswith("-1")
    assert (first.labels.subset, first.labels.task) == ("conversation", "chat")


def test_ids_follow_content_and_no_position():
    """A block's id changes with its text, not with the records around it."""
    [one], [other], [again] = (convert(("Who?", answer)) for answer in ("Ann.", "Bo.", "Ann."))

    assert one.conversation.id == again.conversation.id != other.conversation.id


def test_referring_text_is_made_plain():
    """Tags go, boxes move to the padded square, and every question ends with one of three requests."""
    [made] = convert(
        (
            "What is on the <st>hook<ed> [0.13, 0.207, 0.17, 0.273]?",
            "Two <st>ladles<ed> [0, 0.24, 0.2, 0.78], [0.5, 0.24, 0.6, 1].",
            "And below?",
            "Nothing.",
        ),
        kind="referring",
    )

    questions, answers = made.conversation.conversations[::2], made.conversation.conversations[1::2]
    assert questions[0].value.rpartition("? ")[0] == "<image>\nWhat is on the hook [0.13, 0.28, 0.17, 0.33]"
    assert all(question.value.rpartition("? ")[2] in LOCATE for question in questions)
    assert [turn.value for turn in answers] == [
        "Two ladles [0.0, 0.305, 0.2, 0.71], [0.5, 0.305, 0.6, 0.875].",
        "Nothing.",
    ]
    assert made.labels.task == "grounding"


def test_groups_that_are_no_boxes_stay():
    """A bracketed group that is not four fractions keeps every byte."""
    [made] = convert(("Where?", "There [0.1, 0.2.3, 0.4, 0.5], see [1], [2, 2, 3, 3]."), kind="referring")

    assert made.conversation.conversations[1].value == "There [0.1, 0.2.3, 0.4, 0.5], see [1], [2, 2, 3, 3]."


@pytest.mark.parametrize("kind", ["conversation", "complex", "detail"])
def test_other_kinds_keep_their_text(kind):
    """Only referring QA has tags and boxes; brackets elsewhere are text."""
    [made] = convert(("Read it.", "It says [0.1, 0.2, 0.3, 0.4]."), kind=kind)

    assert [turn.value for turn in made.conversation.conversations] == [
        "<image>\nRead it.",
        "It says [0.1, 0.2, 0.3, 0.4].",
    ]


def test_failed_calls_are_skipped():
    """A text that says the message is empty goes, and so do descriptions of the images that the authors list."""
    failed = [Skip("failed GPT call")]

    assert convert(("Go.", "It seems like your message is empty."), kind="conversation") == failed
    assert convert(("Go.", "Sorry."), kind="detail", image_id=2316987) == failed
    assert convert(("Go.", "A jar."), kind="complex", image_id=2316987) != failed


def test_images_without_a_place_are_skipped():
    """Without image_data.json's word there is no path, unless the record has its own; boxes also need the size."""
    missing = [Skip("image not in image_data.json")]

    assert convert(("What?", "A jar."), place=None) == missing
    assert convert(("What?", "A jar."), place=None, kind="referring", image="vg/VG_100K/713.jpg") == missing
    for own in ("image", "image_path"):
        [made] = convert(("What?", "A jar."), place=None, **{own: "vg/VG_100K/713.jpg"})
        assert made.conversation.image == "vg/VG_100K/713.jpg"


@pytest.mark.parametrize("turns", [[], [Turn("gpt", "A jar.")], [Turn("narrator", "A jar."), Turn("gpt", "Yes.")]])
def test_malformed_blocks_are_left_to_validation(turns):
    """A block without turns or with wrong roles is converted as it is, and does not pass as valid."""
    [made] = sources.get("svit").convert(Raw(713, [Block(turns)], kind="complex", place=LANDSCAPE), sources.Options())

    assert check(made.conversation)


def test_parts_choose_files():
    """Each kind is one file, which tells its records what they are."""
    source = sources.get("svit")

    files = source.used_files(source.options(parts=("referring", "detail")))

    assert [(file.path, file.give["kind"]) for file in files] == [
        ("detail_description.json", "detail"),
        ("referring_qa.json", "referring"),
    ]
    assert len(source.used_files(source.options())) == 4


@pytest.mark.parametrize("key", ["image_id", "id"])
def test_image_data_of_both_releases_is_read(key):
    """Release 1.0 calls the number `id`; the folder is in the url."""
    row = b'{"width": 800, "url": "https://example.com/rak/VG_100K_2/713.jpg", "height": 600, "%b": 713}' % key.encode()
    entry = msgspec.json.decode(row, type=Image)
    declared = lookup(match="image_id", field="place")

    assert declared.key(entry) == 713
    assert declared.row(entry) == LANDSCAPE
