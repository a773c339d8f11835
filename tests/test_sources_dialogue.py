"""CLEVR, CLEVR-Dialog, Visual Dialog and Image-Chat: whose words are used, what is merged, and what is refused."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip
from mixer.errors import UsageError
from mixer.prompts import BRIEF
from mixer.shared.clevr_programs import Step, Thing, chain
from mixer.sources import Picture
from mixer.sources.clevr import CAULDRON, Question, Reasoned, Scene

PROMPT = "\nAnswer the question using a single word or phrase."


def convert(name, raw, **options):
    """Convert a raw record or a group of them; give what was made and the reasons of what was skipped."""
    source = sources.get(name)
    given = source.convert(raw, source.options(**options))
    parts = [given] if isinstance(given, Labelled | Skip) else list(given)
    return [each for each in parts if type(each) is Labelled], [each.reason for each in parts if type(each) is Skip]


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def raw_type(name, **options):
    """Give the type of a source's records under these options."""
    source = sources.get(name)
    chosen = source.options(**options)
    [file] = source.used_files(chosen)
    return file.raw_type(chosen)


def decoded(name, given, **options):
    """Decode a raw record as its file would be."""
    return msgspec.convert(given, raw_type(name, **options))


# --- CLEVR -----------------------------------------------------------------------------------------------------------


def asked(*answers, split="train"):
    """Give questions about one image."""
    return [
        Question(f"CLEVR_{split}_000021.png", 210 + number, f"What is thing {number}?", answer, split)
        for number, answer in enumerate(answers)
    ]


def test_clevr_questions_of_an_image_are_one_record():
    """The request stands after the first question only; a count is the text that it was."""
    [made], skipped = convert("clevr", asked("rubber", "0", "10"))

    assert said(made) == [
        f"<image>\nWhat is thing 0?{PROMPT}", "Rubber", "What is thing 1?", "0", "What is thing 2?", "10",
    ]  # fmt: skip
    assert (made.conversation.id, made.items, made.labels.split) == ("CLEVR_train_000021", 3, "train")
    assert not skipped


@pytest.mark.parametrize(
    ("split", "release"),
    [("val", "CLEVR_v1.0"), ("trainA", "CLEVR_CoGenT_v1.0"), ("valA", "CLEVR_CoGenT_v1.0")],
)
def test_clevr_releases_have_folders_of_their_own(split, release):
    """A split is a file in its release's zip, and its images lie in the release's folder."""
    source = sources.get("clevr")
    [file] = source.used_files(source.options(split=split))

    [made], _ = convert("clevr", asked("no", split=split), split=split, merge="none")

    assert file.path == f"{release}/questions/CLEVR_{split}_questions.json"
    assert file.archive == f"{release}.zip"
    assert made.conversation.image == f"{release}/images/{split}/CLEVR_{split}_000021.png"
    assert (made.conversation.id, made.labels.split) == (f"CLEVR_{split}_000021-210", split)


def test_clevr_as_the_cauldron():
    """Each question has a request of its own, of eleven; answers end with a period; merging changes no text."""
    questions = asked(*["blue"] * 200)

    [whole], _ = convert("clevr", questions, form="cauldron")
    single, _ = convert("clevr", questions, form="cauldron", merge="none")

    requests = [text.partition("?\n")[2] for text in said(whole)[::2]]
    assert set(requests) == set(CAULDRON)
    assert len(CAULDRON) == 11
    assert "Ensure brevity in your answer. " in requests
    assert set(said(whole)[1::2]) == {"Blue."}
    assert [said(each)[0].removeprefix("<image>\n") for each in single] == [
        text.removeprefix("<image>\n") for text in said(whole)[::2]
    ]


STEPS = [
    Step("scene", ans=[0, 1]),
    Step("filter_shape", [0], ["cube"], [1]),
    Step("count", [1], [], 1),
    Step("scene", ans=[0, 1]),
    Step("filter_color", [3], ["red"], []),
    Step("exist", [4], [], False),
]
THINGS = [Thing((120, 0, 9.5)), Thing((481.0, -81, 9.5))]


def test_clevr_programs_are_chains_of_steps():
    """A step is its function, the first of its values and its inputs; found objects are points of the padded square."""
    assert chain(STEPS) == "scene -> filter_shape:cube[0] -> count[1] -> scene -> filter_color:red[3] -> exist[4]"
    assert chain(STEPS[:3], THINGS) == "scene -> filter_shape:cube[0][1.000,0.000] -> count[1]"
    assert chain(STEPS[3:], THINGS) == "scene -> filter_color:red[3] Found no object. -> exist[4]"
    assert chain([STEPS[0], STEPS[2]], THINGS) == "scene[0.250,0.167;1.000,0.000] -> count[1]"
    assert chain([Step("relate", [0], ["left"], [0])], THINGS) == "relate:left[0][0.250,0.167]"


@pytest.mark.parametrize(("found", "fault"), [(None, "no list"), (3, "no list"), ([2], "has not"), ([-1], "has not")])
def test_clevr_points_need_objects(found, fault):
    """A step that says nothing of what it found, or names an object that is not there, is a fault."""
    with pytest.raises(msgspec.ValidationError, match=fault):
        chain([Step("unique", [0], [], found)], THINGS)


def test_clevr_as_shikra():
    """The answer is a sentence, alone or after the steps, and a record may hold a question only."""
    raw = Reasoned("CLEVR_train_000021.png", 210, "Is it red?", "no", "train", STEPS[3:])
    seen = msgspec.structs.replace(raw, scene=Scene(raw.image_filename, THINGS))

    assert [said(convert("clevr", [raw], form=form)[0][0]) for form in ("shikra", "shikra_cot")] == [
        ["<image>\nIs it red?", "The answer is no."],
        [
            "<image>\nIs it red? Let's think step by step.",
            "scene -> filter_color:red[3] -> exist[4] The answer is no.",
        ],
    ]
    assert said(convert("clevr", [seen], form="shikra_points")[0][0]) == [
        "<image>\nIs it red? you can indicate object locations with [cx,cy] format. Let's think step by step.",
        "scene -> filter_color:red[3] Found no object. -> exist[4] The answer is no.",
    ]
    assert convert("clevr", [raw, raw], form="shikra_points") == ([], ["image without a scene"])


def test_clevr_reads_programs_only_where_they_are_written():
    """They are most of the file; with points, Shikra's copies are read in the official file's place."""
    source = sources.get("clevr")

    assert {form: raw_type("clevr", form=form) for form in ("llava", "cauldron", "shikra", "shikra_cot")} == {
        "llava": Question,
        "cauldron": Question,
        "shikra": Question,
        "shikra_cot": Reasoned,
    }
    assert [file.path for file in source.every_file(source.options(form="shikra_points"))] == [
        "CLEVR_train_questions_with_ans.jsonl",
        "CLEVR_train_scenes.jsonl",
    ]


@pytest.mark.parametrize("answer", [{"answer": 4}, {"answer": True}, {"answer": ""}, {}])
def test_clevr_answers_are_texts(answer):
    """Those of the public generator may be numbers, those of test splits are absent: all are refused, and empty ones."""
    given = {"image_filename": "CLEVR_test_000021.png", "question_index": 1, "question": "?", "split": "test", **answer}

    with pytest.raises(msgspec.ValidationError, match="answer"):
        decoded("clevr", given)


def test_clevr_has_results_of_steps_only_for_the_train_split():
    """Shikra published no other copy."""
    with pytest.raises(UsageError, match="only of split train"):
        sources.parse_options(sources.get("clevr"), ["form=shikra_points", "split=val"])


@pytest.mark.parametrize(("source", "split"), [("clevr", "test"), ("clevr", "testA"), ("clevr_dialog", "test")])
def test_splits_without_answers_are_not_offered(source, split):
    """They cannot be asked for."""
    with pytest.raises(UsageError, match="split"):
        sources.parse_options(sources.get(source), [f"split={split}"])


# --- CLEVR-Dialog ----------------------------------------------------------------------------------------------------


def dialogues(*captions, answer="matte"):
    """Give an image with a dialogue for each caption."""
    rounds = [{"question": "How large is it?", "answer": answer, "template": "seek-attr-imm"}]
    return {
        "split": "val",
        "image_filename": "CLEVR_val_000009.png",
        "dialogs": [{"caption": caption, "dialog": rounds * 2, "graph": {"history": []}} for caption in captions],
    }


def test_clevr_dialogues_are_not_merged():
    """Each is a record with its own caption, also where two have the same one, and is told by its number."""
    made, _ = convert("clevr_dialog", decoded("clevr_dialog", dialogues("One jar.", "Two lids.", "One jar.")))

    assert [each.conversation.id[-1] for each in made] == ["0", "1", "2"]
    assert [said(each)[0] for each in made] == [
        f"<image>\n{caption}\nHow large is it?" for caption in ("One jar.", "Two lids.", "One jar.")
    ]
    assert said(made[0])[1:] == ["matte", "How large is it?", "matte"]
    assert {each.conversation.image for each in made} == {"CLEVR_v1.0/images/val/CLEVR_val_000009.png"}
    assert {each.labels.split for each in made} == {"val"}


@pytest.mark.parametrize(("answer", "written"), [(0, "0"), (7, "7"), ("no", "no")])
def test_clevr_dialog_counts_are_numbers(answer, written):
    """They are written as they stand, like the answers that are texts."""
    [made], _ = convert("clevr_dialog", decoded("clevr_dialog", dialogues("One jar.", answer=answer)))

    assert said(made)[1::2] == [written, written]


def test_clevr_dialog_skips_the_graph():
    """What makes its files huge is in no raw type, so it is never decoded."""
    raw = raw_type("clevr_dialog")

    assert raw.__struct_fields__ == ("split", "image_filename", "dialogs")
    assert not {"graph", "template_info"} & set(raw.__annotations__["dialogs"].__args__[0].__struct_fields__)


def test_dialogues_need_their_captions():
    """CLEVR-Dialog's questions refer to the caption; it can be moved, and not be left out."""
    raw = decoded("clevr_dialog", dialogues("One jar."))
    empty = {**dialogues(), "dialogs": [{"caption": "One jar.", "dialog": []}]}

    [made], _ = convert("clevr_dialog", raw, caption="turn")

    assert said(made)[0].removeprefix("<image>\n") in BRIEF
    assert said(made)[1:3] == ["One jar.", "How large is it?"]
    assert convert("clevr_dialog", decoded("clevr_dialog", empty)) == ([], ["no question"])
    with pytest.raises(UsageError, match="caption"):
        sources.parse_options(sources.get("clevr_dialog"), ["caption=none"])


# --- Visual Dialog ---------------------------------------------------------------------------------------------------


def talk(*rounds, split="val", images="coco", picture=None):
    """Give a dialogue with its pools, as the reader does."""
    pairs = [{"question": asked} if said is None else {"question": asked, "answer": said} for asked, said in rounds]
    raw = decoded("visdial", {"image_id": 771, "caption": "a barge", "dialog": pairs})
    raw.questions, raw.answers = ["is it old", "any crew?"], ["can’t tell", "2 people", "no"]
    raw.split, raw.images, raw.picture = split, images, picture
    return raw


def test_visdial_rounds_are_looked_up():
    """Questions and answers stand as they are in the pools, and the caption stands before the first question."""
    [made], _ = convert("visdial", talk((1, 1), (0, 0)), split="val")

    assert said(made) == ["<image>\na barge\nany crew?", "2 people", "is it old", "can’t tell"]
    assert (made.conversation.id, made.labels.split) == ("771", "val")


def test_visdial_texts_can_be_tidied():
    """A question mark is added where there is none, and a capital at every beginning."""
    raw = talk((0, 0), (1, 2))

    [marked], _ = convert("visdial", raw, split="val", question_mark=True, caption="none")
    [capitals], _ = convert("visdial", raw, split="val", capitalise=True)
    [turns], _ = convert("visdial", raw, split="val", caption="turn")

    assert said(marked) == ["<image>\nis it old?", "can’t tell", "any crew?", "no"]
    assert said(capitals) == ["<image>\nA barge\nIs it old", "Can’t tell", "Any crew?", "No"]
    assert said(turns)[1:3] == ["a barge", "is it old"]
    assert said(turns)[0].removeprefix("<image>\n") in BRIEF


def test_visdial_last_question_of_a_test_has_no_answer():
    """It is left out; where nothing else is asked the dialogue is skipped; a gap before it is a fault."""
    [made], _ = convert("visdial", talk((0, 0), (1, None), split="test"), split="test")

    assert said(made) == ["<image>\na barge\nis it old", "can’t tell"]
    assert convert("visdial", talk((1, None)), split="test") == ([], ["no answer"])
    assert convert("visdial", talk(), split="test") == ([], ["no answer"])
    with pytest.raises(msgspec.ValidationError, match="before the last"):
        talk((0, None), (1, 1))


@pytest.mark.parametrize("pair", [(2, 0), (0, 3)])
def test_visdial_places_beyond_a_pool_are_refused(pair):
    """A place of another file's pools would give another text, or none."""
    with pytest.raises(msgspec.ValidationError, match="beyond the end"):
        convert("visdial", talk(pair), split="val")


@pytest.mark.parametrize("pair", [(-1, 0), (0, -1), ("0", 0)])
def test_visdial_places_count_from_the_start(pair):
    """Padding by -1 is no place, and would be the last text."""
    with pytest.raises(msgspec.ValidationError, match="Expected `int`"):
        talk(pair)


@pytest.mark.parametrize(
    ("split", "images", "path"),
    [
        ("val", "coco", "visdial/VisualDialog_val2018/VisualDialog_val2018_000000000771.jpg"),
        ("test", "lavis", "visdial/VisualDialog_test2018/VisualDialog_test2018_000000000771.jpg"),
        ("train", "lavis", "visdial/VisualDialog_train2018/VisualDialog_train2018_000000000771.jpg"),
        ("val_v0_9", "lavis", "visdial/VisualDialog_train2018/VisualDialog_train2018_000000000771.jpg"),
        ("train_v0_9", "coco", "coco/train2017/000000000771.jpg"),
        ("val_v0_9", "coco", "coco/val2014/COCO_val2014_000000000771.jpg"),
    ],
)
def test_visdial_photos_are_told_by_the_split(split, images, path):
    """Where they are, no image is looked at, and the file tells split and naming to its records."""
    source = sources.get("visdial")
    options = source.options(split=split, images=images)
    [file] = source.used_files(options)

    [made], _ = convert("visdial", talk((0, 0), split=split, images=images), split=split, images=images)

    assert made.conversation.image == path
    assert dict(file.give) == {"split": split, "images": images}
    assert source.used_pictures(options) is None


def test_visdial_training_photos_are_looked_for():
    """v1.0 does not say which release of COCO a photo is of: the first that is there counts, and none is a loss."""
    source = sources.get("visdial")
    raw = talk((0, 0), split="train")

    assert source.used_pictures(source.options()) is source.pictures
    assert raw.paths == [
        "coco/train2017/000000000771.jpg",
        "coco/val2014/COCO_val2014_000000000771.jpg",
        "coco/train2014/COCO_train2014_000000000771.jpg",
        "coco/val2017/000000000771.jpg",
    ]
    assert convert("visdial", raw) == ([], ["image file is missing"])
    raw.picture = Picture(raw.paths[1], 4, 3)
    assert convert("visdial", raw)[0][0].conversation.image == raw.paths[1]


@pytest.mark.parametrize(
    ("split", "name"),
    [("train", "visdial_1.0_train"), ("test", "visdial_1.0_test"), ("train_v0_9", "visdial_0.9_train")],
)
def test_visdial_files_come_in_zips(split, name):
    """A zip is named without .json."""
    source = sources.get("visdial")
    [file] = source.used_files(source.options(split=split))

    assert (file.path, file.archive) == (f"{name}.json", f"{name}.zip")


# --- Image-Chat ------------------------------------------------------------------------------------------------------

KINDS = {"Breezy": "positive", "Sour": "negative"}


def chat(*turns):
    """Give a dialogue of turns, each a style and a text."""
    raw = decoded("image_chat", {"image_hash": "0ab12", "dialog": turns})
    raw.kinds = KINDS
    return raw


THREE = (("Breezy", " What a day"), ("Sour", "TOO  warm"), ("Breezy", "Swim then!"))


def test_image_chat_is_a_record_of_each_speaker():
    """The first comments and answers the reply, the second replies; texts stay as typed; the style's kind is a label."""
    [first, second], _ = convert("image_chat", chat(*THREE))

    assert said(first) == [
        "<image>\nComment on the photo in this style: Breezy.", " What a day", "TOO  warm", "Swim then!",
    ]  # fmt: skip
    assert said(second) == ["<image>\nReply to the comment in this style: Sour.\n What a day", "TOO  warm"]
    assert [each.conversation.id for each in (first, second)] == ["0ab12-a", "0ab12-b"]
    assert [each.labels.subset for each in (first, second)] == ["positive", "negative"]
    assert {each.conversation.image for each in (first, second)} == {"yfcc_images/0ab12.jpg"}


@pytest.mark.parametrize(("turns", "first", "second"), [(1, 2, None), (2, 2, 2), (3, 4, 2)])
def test_image_chat_records_end_with_an_answer(turns, first, second):
    """Whatever the number of turns; who says nothing has no record."""
    raw = chat(*THREE[:turns])

    made, skipped = convert("image_chat", raw)

    assert [len(said(each)) for each in made] == [length for length in (first, second) if length]
    assert not skipped
    assert [len(said(each)) for each in convert("image_chat", raw, speaker="a")[0]] == [first]
    alone, lost = convert("image_chat", raw, speaker="b")
    assert [len(said(each)) for each in alone] == ([second] if second else [])
    assert lost == ([] if second else ["no turn of speaker B"])


def test_image_chat_asks_for_the_style_by_its_name_alone():
    """As ParlAI does: before a speaker's first turn only."""
    first, second = convert("image_chat", chat(*THREE), prompt="style")[0]

    assert said(first)[::2] == ["<image>\nBreezy", "TOO  warm"]
    assert said(second)[0] == "<image>\nSour\n What a day"


def test_image_chat_asks_for_a_new_style():
    """Where the first speaker does not keep its style, the request stands before what is answered."""
    [first], _ = convert("image_chat", chat(*THREE[:2], ("Odd {} (Quaint)", "Hm")), speaker="a")

    assert said(first)[2] == "Reply to the comment in this style: Odd {} (Quaint).\nTOO  warm"


def test_image_chat_styles_without_a_kind():
    """A style that personalities.json lacks has no subset."""
    [made], _ = convert("image_chat", chat(("Crude", "Ha")))

    assert made.labels.subset is None


@pytest.mark.parametrize("turns", [[], [["Breezy"]], [["Breezy", "a", "b"]], [["Breezy", "a"]] * 4])
def test_image_chat_dialogues_have_one_to_three_pairs(turns):
    """Anything else is another set."""
    with pytest.raises(msgspec.ValidationError, match="dialog"):
        chat(*turns)


def test_image_chat_personalities_are_one_table():
    """Each record is given the kinds of all styles, read once."""
    [lookup] = sources.get("image_chat").lookups
    entry = msgspec.convert({"kinds": {"positive": ["Breezy"], "negative": ["Sour"]}}, lookup.file.raw)

    assert lookup.file.path == "personalities.json"
    assert lookup.key(entry) == getattr(chat(*THREE), lookup.match)
    assert lookup.row(entry) == KINDS
    with pytest.raises(msgspec.ValidationError, match="rude"):
        msgspec.convert({"kinds": {"rude": ["Sour"]}}, lookup.file.raw)
