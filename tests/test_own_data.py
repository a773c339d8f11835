"""The user's own LLaVA records: what may be absent, renamed or absolute."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled
from mixer.shared.own_data import OwnRecord

SAID = '"conversations": [{"from": "human", "value": "%s"}, {"from": "gpt", "value": "Two eggs."}]'


def convert(text, **options):
    """Convert one record's JSON."""
    source = sources.get("llava_json")
    given = source.options(**options)
    return source.convert(msgspec.json.decode(text, type=source.files[0].raw_type(given)), given)


def said(question):
    """Give the JSON of one round."""
    return SAID % question


def test_only_a_column_map_leaves_the_typed_path():
    """Records are decoded as a struct unless columns have other names."""
    source = sources.get("llava_jsonl")

    assert source.files[0].raw_type(source.options(media_strip="/mnt")) is OwnRecord
    assert source.files[0].raw_type(source.options(columns={"image": "img"})) is dict


@pytest.mark.parametrize(
    ("given", "id"), [("7", "7"), ('"7a"', "7a"), ("12345678901234567890123", "12345678901234567890123")]
)
def test_ids_become_text(given, id):
    """Numbers keep all their digits."""
    assert convert(f'{{"id": {given}, {said("Hm?")}}}').id == id


@pytest.mark.parametrize(
    ("medium", "question", "owner"),
    [
        ('"image": "kitchen/7.jpg"', "<image>", "kitchen/7.jpg"),
        ('"image": ["kitchen/7.jpg", "kitchen/8.jpg"]', "<image><image>", "kitchen/7.jpg"),
        ('"video": "clips/7.mp4"', "<video>", "clips/7.mp4"),
        ('"audio": "sounds/7.wav"', "<audio>", "sounds/7.wav"),
        ('"image": null, "id": null', "Hm?", "text"),
        ('"image": []', "Hm?", "text"),
        ('"label": {"deep": [1, null]}', "Hm?", "text"),
    ],
)
def test_records_without_an_id_are_named_by_medium_and_content(medium, question, owner):
    """The id is the first medium, or `text`, and a digest of the content."""
    made = convert(f"{{{medium}, {said(question)}}}")

    assert made.id.rpartition("-")[0] == owner
    assert made.id == convert(f"{{{medium}, {said(question)}}}").id
    assert made.id != convert(f"{{{medium}, {said(question + 'So?')}}}").id


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('"a.jpg"', "a.jpg"),
        ('["a.jpg"]', "a.jpg"),
        ('["a.jpg", "b.jpg"]', ["a.jpg", "b.jpg"]),
        ("[]", None),
        ("null", None),
    ],
)
def test_one_path_is_a_string_and_none_is_absent(given, kept):
    """A list is for several; an empty one means text."""
    assert convert(f'{{"id": 1, "image": {given}, {said("<image>")}}}').image == kept
    assert convert(f'{{"id": 1, "audio": {given}, {said("<audio>")}}}').audio == kept


@pytest.mark.parametrize(
    ("path", "strip", "kept"),
    [
        ("/mnt/images/a.jpg", "/mnt/images", "a.jpg"),
        ("/mnt/images/a.jpg", "/mnt/images/", "a.jpg"),
        ("/mnt/images//a.jpg", "/mnt/images", "a.jpg"),
        ("/mnt/images2/a.jpg", "/mnt/images", "/mnt/images2/a.jpg"),
        ("/a.jpg", "/", "a.jpg"),
        ("kitchen/a.jpg", "/mnt/images", "kitchen/a.jpg"),
        ("/mnt/a.jpg", "", "/mnt/a.jpg"),
    ],
)
def test_media_paths_lose_the_given_folder(path, strip, kept):
    """Only whole folders are cut, and only from the front."""
    assert convert(f'{{"id": 1, "image": "{path}", {said("<image>")}}}', media_strip=strip).image == kept
    assert convert(f'{{"id": 1, "video": "{path}", {said("<video>")}}}', media_strip=strip).video == kept


COLUMNS = {"id": "key", "image": "img", "conversations": "dialog", "from": "role", "value": "text", "subset": "part"}
RENAMED = {
    "key": 7,
    "img": ["/mnt/7.jpg"],
    "part": "soups",
    "dialog": [{"role": "human", "text": "<image>\nHm?"}, {"role": "gpt", "text": "Yes."}],
}


def renamed(**changes):
    """Convert the record with other column names, changed; UNSET takes a column away."""
    given = {name: value for name, value in (RENAMED | changes).items() if value is not msgspec.UNSET}
    return convert(msgspec.json.encode(given), columns=COLUMNS, media_strip="/mnt")


def test_columns_may_have_other_names():
    """Every column of ours can be called otherwise, labels too."""
    made = renamed()

    assert isinstance(made, Labelled)
    assert (made.conversation.id, made.conversation.image, made.labels.subset) == ("7", "7.jpg", "soups")
    assert [(turn.from_, turn.value) for turn in made.conversation.conversations] == [
        ("human", "<image>\nHm?"),
        ("gpt", "Yes."),
    ]


def test_columns_that_are_not_named_keep_their_names():
    """A map of one column leaves the others as they are, and labels that are not asked for unread."""
    made = convert(f'{{"id": 1, "img": "a.jpg", "subset": 5, {said("<image>")}}}', columns={"image": "img"})

    assert (made.conversation.id, made.conversation.image, made.labels.subset) == ("1", "a.jpg", None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dialog": msgspec.UNSET}, "no column 'dialog' for 'conversations'; columns found: key, img, part"),
        ({"key": msgspec.UNSET}, "no column 'key' for 'id'; columns found: img, part, dialog"),
        ({"img": msgspec.UNSET}, "no column 'img' for 'image'; columns found: key, part, dialog"),
        ({"part": msgspec.UNSET}, "no column 'part' for 'subset'; columns found: key, img, dialog"),
        ({"dialog": [{"role": "human", "value": "Hm?"}]}, "no column 'text' for 'value'; columns found: role, value"),
        ({"dialog": [{"role": "human", "text": 7}]}, "Expected `str`, got `int` - at `$.conversations[0].value`"),
        ({"dialog": ["Hm?"]}, "Expected `object`, got `str` - at `$[0]`"),
        ({"part": 7}, "Expected `str | null`, got `int` - at `$.subset`"),
    ],
)
def test_missing_or_wrong_columns_make_a_record_bad(changes, message):
    """The reason names the column that is missing and lists those that are there."""
    with pytest.raises(msgspec.ValidationError) as error:
        renamed(**changes)

    assert str(error.value) == message


def test_text_records_of_a_mixed_file_may_lack_the_image_column():
    """Without a placeholder in the text no image is missed."""
    made = renamed(img=msgspec.UNSET, dialog=[{"role": "human", "text": "Hm?"}, {"role": "gpt", "text": "Yes."}])

    assert made.conversation.image is None
