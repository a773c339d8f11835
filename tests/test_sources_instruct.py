"""Instruction sets that already look like LLaVA's: what is repaired, what is skipped, and that the rest stays."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labels, Skip
from mixer.sources import Picture
from mixer.sources.allava_4v import RECORDS
from mixer.validate import check

PNG = b"\x89PNG\r\n\x1a\n and more"


def raw_of(name, record, options, **given):
    """Decode a record as the first file that these options read."""
    file = sources.get(name).used_files(options)[0]
    raw = msgspec.convert(record, file.raw_type(options))
    for attribute, value in {**file.give, **given}.items():
        setattr(raw, attribute, value)
    return raw


def convert(name, record, given=None, **options):
    """Convert a record as the first file that these options read."""
    source = sources.get(name)
    chosen = source.options(**options)
    return source.convert(raw_of(name, record, chosen, **(given or {})), chosen)


def said(*texts):
    """Make turns of human and gpt."""
    return [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(texts)]


def values(made):
    """Give the texts of what a converter made."""
    return [turn.value for turn in getattr(made, "conversation", made).conversations]


ASKED = said("<image>\nWhat flies?", "A kite.")


@pytest.mark.parametrize(
    "image",
    [
        "allava_vflan/images/images_191task_1k/PACS+kite in the_sky_7.png",
        "allava_vflan/images/images_191task_1k/VQA+a_7_COCO_train2014_000000000021.jpg",
        "allava_laion/images/7.jpeg",
    ],
)
def test_allava_paths_stay_as_published(image):
    """Blanks, `+` and names of other files belong to the name."""
    made = convert("allava_4v", {"id": "a_7", "image": image, "conversations": ASKED}, parts=["caption_vflan"])

    assert made.conversation.image == image
    assert not check(made.conversation)


def test_allava_text_records_have_idx():
    """The text-only set names its records otherwise; a literal token in it is text."""
    record = {"idx": "kR4", "conversations": said("What is <image>?", "A tag.")}

    made = convert("allava_4v", record, parts=["evol_instruct"])

    assert (made.conversation.id, made.conversation.image) == ("kR4", None)
    assert made.labels == Labels(subset="evol_instruct", task="chat")
    assert not check(made.conversation)
    with pytest.raises(msgspec.ValidationError, match="neither `id` nor `idx`"):
        convert("allava_4v", {"conversations": ASKED})


@pytest.mark.parametrize("part", [part for part in RECORDS if part != "evol_instruct"])
@pytest.mark.parametrize("layout", ["folders", "flat"])
def test_allava_records_of_old_snapshots_lack_images(part, layout):
    """No image is made up from an id, in either layout."""
    record = {"id": "allava_laion_cap_7", "conversations": ASKED}

    assert convert("allava_4v", record, parts=[part], layout=layout) == Skip("no image")


def test_allava_layouts_name_the_same_files():
    """Old snapshots have the same five files at the top level; only today's have known counts."""
    source = sources.get("allava_4v")
    today, old = (source.used_files(source.options(layout=layout)) for layout in ("folders", "flat"))

    assert [file.path.split("/")[1] for file in today] == [file.path for file in old]
    assert [file.give for file in today] == [file.give for file in old]
    assert sum(file.records for file in today) == source.records == 1_559_793


@pytest.mark.parametrize("key", ["id", "idx"])
def test_allava_chinese_ids_do_not_meet_the_english_ones(key):
    """Its ids are the English records'; all else passes through."""
    record = {
        key: "allava_vflan_cap_7",
        "image": "allava_vflan/a b+c.png",
        "conversations": said("<image>\n描述。", "风筝"),
    }

    made = convert("allava_4v_chinese", record)

    assert made.conversation.id == "allava_vflan_cap_7_zh"
    assert (made.conversation.image, values(made)) == ("allava_vflan/a b+c.png", ["<image>\n描述。", "风筝"])
    assert made.labels == Labels(subset="caption_laion", task="caption")
    del record["image"]
    assert convert("allava_4v_chinese", record) == Skip("no image")


@pytest.mark.parametrize(
    ("image", "coco", "path"),
    [
        ("000000000021.jpg", "train2017", "coco/train2017/000000000021.jpg"),
        ("COCO_train2014_000000000021.jpg", "train2017", "coco/train2017/000000000021.jpg"),
        ("000000000021.jpg", "train2014", "coco/train2014/COCO_train2014_000000000021.jpg"),
        ("COCO_train2014_000000000021.jpg", "train2014", "coco/train2014/COCO_train2014_000000000021.jpg"),
        ("coco/train2017/000000000021.jpg", "train2014", "coco/train2017/000000000021.jpg"),
    ],
)
def test_kollava_images_are_cocos(image, coco, path):
    """A bare name of either release becomes a path in the chosen one; a path stays."""
    record = {"id": 21, "image": image, "conversations": ASKED}

    made = convert("kollava_instruct_150k", record, coco=coco)

    assert (made.id, made.image) == ("21", path)


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("연이 보이나요?", "<image>\n연이 보이나요?"),
        ("<image>\n연이 보이나요?", "<image>\n연이 보이나요?"),
        ("연이 보이나요?\n<image>", "연이 보이나요?\n<image>"),
    ],
)
def test_kollava_questions_get_a_lost_placeholder_back(question, asked):
    """Where translation took `<image>` it comes first; where it is, it stays."""
    record = {"id": "21", "image": "000000000021.jpg", "conversations": said(question, "네.", "왜요?", "바람.")}

    assert values(convert("kollava_instruct_150k", record)) == [asked, "네.", "왜요?", "바람."]


def test_kollava_names_without_a_number_and_records_without_turns_are_bad():
    """Neither is guessed at."""
    with pytest.raises(ValueError, match="no number"):
        convert("kollava_instruct_150k", {"id": "1", "image": "kite.jpg", "conversations": ASKED})
    assert check(convert("kollava_instruct_150k", {"id": "1", "image": "000000000021.jpg", "conversations": []}))


@pytest.mark.parametrize(
    ("given", "image", "question"),
    [
        ({"image": "lrv_tune/7.jpg"}, "lrv_tune/7.jpg", "<image>\nWhat flies?"),
        ({"image": ["lrv_tune/7.jpg"]}, "lrv_tune/7.jpg", "What flies?\n<image>"),
        ({"image": ["a/1.jpg", "a/2.jpg"]}, ["a/1.jpg", "a/2.jpg"], "<image><image>\nWhich flies?"),
        ({"image": [f"a/{n}.jpg" for n in range(17)]}, [f"a/{n}.jpg" for n in range(17)], "<image>" * 17 + "\nWhich?"),
        ({"image": []}, None, "What is <image>?"),
        ({}, None, "What is <image>?"),
    ],
)
def test_moe_llava_images_may_be_lists(given, image, question):
    """A list of one is that one, several stay with their placeholders side by side, none is text."""
    made = convert("moe_llava", {"id": "7", "conversations": said(question, "A kite."), **given})

    assert (made.conversation.image, values(made)[0]) == (image, question)
    assert not check(made.conversation)


def test_moe_llava_ids_are_kept_or_made_from_content():
    """Two records without ids about one image differ in their ids; a number is an id, also 0."""
    ids = [
        convert(
            "moe_llava", {"image": "a/7.jpg", "conversations": said("<image>\nWhat flies?", answer)}
        ).conversation.id
        for answer in ("A kite.", "A crow.", "A kite.")
    ]

    assert ids[0] == ids[2] != ids[1]
    assert all(id.startswith("a/7.jpg-") for id in ids)
    assert convert("moe_llava", {"id": 0, "conversations": said("Hi", "Ho")}).conversation.id == "0"


def test_moe_llava_videos_fit_one_to_a_record():
    """A list of one video is that video; two do not fit."""
    record = {"video": ["v/7.mp4"], "conversations": said("<video>\nWho waves?", "A sailor.")}

    made = convert("moe_llava", record, parts=["llava_image_tune_"])

    assert (made.conversation.video, made.labels.subset, made.labels.task) == ("v/7.mp4", "llava_image_tune_", "mix")
    with pytest.raises(msgspec.ValidationError, match="several videos"):
        convert("moe_llava", {**record, "video": ["v/7.mp4", "v/8.mp4"]})


def test_moe_llava_text_is_in_many_languages():
    """The text-only part is ShareGPT's."""
    made = convert("moe_llava", {"id": "x", "conversations": said("Hi", "Ho")}, parts=["nlp_tune"])

    assert made.labels == Labels(subset="nlp_tune", task="chat", language="mul")


def tool_dialogue(answer, image="7.jpg", **more):
    """Make a record of LLaVA-Plus with one answer."""
    turns = [*said("<image>\nWhere is it?"), {"from": "gpt", **answer}]
    return {"unique_id": 7, "image": image, "conversations": turns, **more}


FOUND = {"picture": Picture("coco/train2017/7.jpg", 4, 3)}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            {
                "value": "One moment.",
                "actions": [{"API_name": "grounding_dino", "API_params": {"caption": "the café ✏️ .", "low": 0.30}}],
                "thoughts": "It has to be “found”.",
            },
            (
                '"thoughts🤔" It has to be “found”.\n'
                '"actions🚀" [{"API_name": "grounding_dino", "API_params": '
                '{"caption": "the caf\\u00e9 \\u270f\\ufe0f .", "low": 0.3}}]\n'
                '"value👉" One moment.\n'
            ),
        ),
        ({"thoughts": "", "actions": [], "value": "Here."}, '"thoughts🤔" \n"actions🚀" []\n"value👉" Here.\n'),
        (
            {"thoughts": "Two.", "actions": [{"API_name": "openseed", "API_params": {}}], "value": "Go."},
            '"thoughts🤔" Two.\n"actions🚀" [{"API_name": "openseed", "API_params": {}}]\n"value👉" Go.\n',
        ),
        ({"value": "Here."}, '"value👉" Here.\n'),
        ({"actions": [], "value": "Here."}, '"actions🚀" []\n"value👉" Here.\n'),
    ],
)
def test_llava_plus_answers_are_written_as_its_trainer_does(answer, text):
    """What an answer has comes in a fixed order, each part on a line that ends, actions as Python's json.dumps."""
    made = convert("llava_plus", tool_dialogue(answer), FOUND)

    assert values(made) == ["<image>\nWhere is it?", text]
    if "actions" in answer:
        assert json.dumps(answer["actions"]) in text
    assert values(convert("llava_plus", tool_dialogue(answer), FOUND, answers="plain"))[1] == answer["value"]


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("<image>\nWhere is it?", "Where is it?"),
        ("Where is it?\n<image>", "Where is it?"),
        ("<image>Where is it?", "Where is it?"),
    ],
)
def test_llava_plus_keeps_the_first_placeholder(question, quoted):
    """The question is quoted behind the tool's output, token and all: there it goes, and Python's quotes stay."""
    output = "dino: {'boxes': [[0.1, 0.25, 0.6, 0.4]], 'phrases': ['oar']}\n\nI had asked: "
    record = {"unique_id": "a", "image": "7.jpg", "conversations": said(question, "Wait.", output + question, "There.")}

    made = convert("llava_plus", record, FOUND, answers="plain")

    assert values(made) == [question, "Wait.", output + quoted, "There."]
    assert not check(made.conversation)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"image": "shard-00/7.png", "id": "8.png", "file_name": "9.jpg"}, "shard-00/7.png"),
        ({"image": None, "id": "shard-00/8.png", "file_name": "9.jpg"}, "shard-00/8.png"),
        ({"image": None, "id": "8", "file_name": "9.jpg"}, "9.jpg"),
        ({"image": None, "id": 8, "file_name": "COCO_train2014_000000000021.jpg"}, "COCO_train2014_000000000021.jpg"),
    ],
)
def test_llava_plus_images_are_looked_up_in_the_trainers_folders(record, name):
    """Five folders, the first that holds the file counts; without a look its name is below one folder."""
    source = sources.get("llava_plus")
    whole = tool_dialogue({"value": "There."}, **record)

    raw = raw_of("llava_plus", whole, source.options())

    assert raw.places[0] == f"coco/train2017/{name.removeprefix('COCO_train2014_')}"
    assert raw.places[1:] == [
        f"coco/train2017/{name}",
        f"hiertext/train/{name}",
        f"infoseek/infoseek_images/{name}",
        f"instruct-pix2pix/clip-filtered-dataset/{name}",
        f"goldg/vg_mdetr/images/{name}",
        name,
    ]
    assert convert("llava_plus", whole) == Skip("image file is missing")
    assert convert("llava_plus", whole, FOUND).conversation.image == "coco/train2017/7.jpg"
    assert convert("llava_plus", whole, images="merged").conversation.image == f"llava_plus/{name}"


def test_llava_plus_records_must_name_an_image():
    """A record that nothing names an image for says what was looked for."""
    with pytest.raises(msgspec.ValidationError, match=r"neither `image` nor .* nor `file_name`"):
        convert("llava_plus", tool_dialogue({"value": "There."}, image=None, id="8"))


def interleaved(texts, images, metadata=None, **more):
    """Make a record of M4-Instruct."""
    about = {"dataset": "harbour", "split": "train", "num_sample": 9, "question_type": "open-ended", **(metadata or {})}
    return {
        "sample_id": 7,
        "conversations": said(*texts),
        "image": images,
        "choice_list": None,
        "metadata": about,
        **more,
    }


def test_m4_swapped_roles_are_put_right():
    """A record that gpt begins has the roles the wrong way round, whatever they say."""
    record = interleaved(["<image><image>\nWhat has changed?", "The tide."], ["a/1.jpg", "a/2.jpg"])
    for turn, role in zip(record["conversations"], ("gpt", "human"), strict=True):
        turn["from"] = role

    made = convert("m4_instruct", record)

    assert [turn.from_ for turn in made.conversation.conversations] == ["human", "gpt"]
    assert values(made) == ["<image><image>\nWhat has changed?", "The tide."]
    assert not check(made.conversation)


@pytest.mark.parametrize(
    ("placeholders", "images", "kept"),
    [(2, 4, ["a/0.jpg", "a/1.jpg"]), (1, 2, "a/0.jpg"), (3, 2, None), (0, 2, None), (1, 0, None)],
)
def test_m4_other_numbers_of_placeholders_and_images_are_skipped(placeholders, images, kept):
    """They are counted as skipped; on demand images at the end go where there are too many, never placeholders."""
    record = interleaved(["<image>" * placeholders + "What?", "A buoy."], [f"a/{n}.jpg" for n in range(images)])
    skip = Skip("number of <image> placeholders is not the number of images")

    cut = convert("m4_instruct", record, surplus="cut")

    assert convert("m4_instruct", record) == skip
    assert (cut == skip) if kept is None else (cut.conversation.image == kept)


@pytest.mark.parametrize(
    ("text", "images", "image"),
    [
        ("Is it low?\n<image>", ["a/1.jpg"], "a/1.jpg"),
        ("Is it low?\n<image>", "a/1.jpg", "a/1.jpg"),
        ("First: <image> then <image>?", ["a/1.jpg", "a/2.jpg"], ["a/1.jpg", "a/2.jpg"]),
        ("Hello", [], None),
    ],
)
def test_m4_texts_stay_as_they_are(text, images, image):
    """Placeholders keep their places; only a list of one image becomes that one."""
    made = convert("m4_instruct", interleaved([text, "It is."], images))

    assert (made.conversation.image, values(made)) == (image, [text, "It is."])
    assert not check(made.conversation)


@pytest.mark.parametrize("instruction", ["Choose.", ["Choose.", "Pick."], None])
@pytest.mark.parametrize(("kind", "task"), [("multi-choice", "choice"), ("open-ended", None)])
def test_m4_metadata_names_and_labels(instruction, kind, task):
    """Ids name the set, since numbers start anew in each; instructions may be one or several."""
    about = {"task_instruction": instruction, "question_type": kind}

    made = convert("m4_instruct", interleaved(["<image>\nWhich?", "B"], ["a/1.jpg"], about, sample_id="7"))

    assert made.conversation.id == "harbour_7"
    assert made.labels == Labels(subset="harbour", split="train", task=task)


@pytest.mark.parametrize(
    ("record", "id"),
    [
        ({"sample_id": 7}, "a/1.jpg-"),
        ({"metadata": {"dataset": "harbour"}}, "a/1.jpg-"),
        ({"id": "v_7"}, "v_7"),
    ],
)
def test_m4_records_without_set_or_number_get_an_id_of_their_content(record, id):
    """A number alone would meet those of other sets; an id stays."""
    made = convert("m4_instruct", {"conversations": ASKED, "image": ["a/1.jpg"], **record})

    assert made.conversation.id.startswith(id)


def test_m4_videos_have_a_placeholder_of_their_own():
    """The published `<image>` stands for the whole video."""
    record = {"id": "v_7", "video": "frames/v_7", "conversations": said("Who waves?\n<image>", "A sailor.")}

    made = convert("m4_instruct", record, parts=["video"])

    assert (made.conversation.video, made.conversation.image) == ("frames/v_7", None)
    assert values(made)[0] == "Who waves?\n<video>"
    assert not check(made.conversation)


def cell(*texts):
    """Write turns as the JSON in a cell."""
    return json.dumps(said(*texts), ensure_ascii=False)


def row(conversation, image=PNG):
    """Make a row of UniMM-Chat's shards."""
    cells = {"ds_name": "unimm-chat", "origin_dataset": "boats", "image_path": "a.jpg"}
    return {**cells, "idx": 7, "conversation": conversation, "image": image and {"bytes": image, "path": None}}


def line(text, image=PNG):
    """Make a row of UniMM-Chat's TSVs."""
    coded = {"image": base64.b64encode(image).decode(), "text": base64.b64encode(text.encode()).decode()}
    places = {"origin_split": "train-0", "origin_split_inner_idx": "7", "img_path": "a.jpg"}
    return {"ds_name": "unimm-chat", "origin_dataset": "boats", **places, **coded}


@pytest.mark.parametrize(("packaging", "packed", "split"), [("parquet", row, None), ("tsv", line, "train-0")])
@pytest.mark.parametrize(
    ("texts", "made"),
    [
        (["<image>\nWer?", "Ein „Möwe“."], ["<image>\nWer?", "Ein „Möwe“."]),
        (["Who?", "A gull."], ["<image>\nWho?", "A gull."]),
        (
            ["Who?", "A gull in <image>.", "<image>\nWhy?", "It is hungry."],
            ["<image>\nWho?", "A gull in .", "\nWhy?", "It is hungry."],
        ),
    ],
)
def test_unimm_chat_has_its_image_once_and_first(packaging, packed, split, texts, made):
    """Both packagings give the same dialogue, its placeholder where the authors' loader puts it, and the image."""
    given = convert("unimm_chat", packed(cell(*texts)), packaging=packaging)

    assert values(given) == made
    assert given.conversation.id == "unimm_7"
    assert given.embedded == {given.conversation.image: PNG}
    assert given.conversation.image.startswith("unimm_chat/")
    assert given.conversation.image.endswith(".png")
    assert given.labels == Labels(subset="boats", split=split)
    assert not check(given.conversation)


@pytest.mark.parametrize(("packaging", "packed"), [("parquet", row), ("tsv", line)])
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a kite", "should hold JSON"),
        ('["What is it?", "A kite.", "A crow."]', "Expected `object`, got `str`"),
        ('[{"from": "human"}]', "missing required field `value`"),
    ],
)
def test_unimm_chat_cells_that_hold_no_dialogue_are_bad(packaging, packed, text, fault):
    """Among them are pairs of answers, which look alike from outside."""
    with pytest.raises(ValueError, match=fault):
        convert("unimm_chat", packed(text), packaging=packaging)


def test_unimm_chat_images_that_are_missing_or_none():
    """A row without an image is skipped; bytes of another kind, and no base64, are bad."""
    assert convert("unimm_chat", row(cell("Who?", "A gull."), None)) == Skip("no image")
    assert convert("unimm_chat", line(cell("Who?", "A gull."), b""), packaging="tsv") == Skip("no image")
    with pytest.raises(ValueError, match="like no image"):
        convert("unimm_chat", row(cell("Who?", "A gull."), b"text"))
    with pytest.raises(ValueError, match="no base64"):
        convert("unimm_chat", {**line(cell("Who?", "A gull.")), "image": "!"}, packaging="tsv")


@pytest.mark.parametrize(
    "dialogue", [{"conversation": cell("Who?", "A gull.")}, {"conversations": said("Who?", "A gull.")}]
)
@pytest.mark.parametrize("image", ["image_path", "img_path", "image"])
@pytest.mark.parametrize(("index", "id"), [({"idx": 0}, "unimm_0"), ({"id": "u7"}, "unimm_u7"), ({}, "a.jpg-")])
def test_unimm_chat_json_is_read_by_any_likely_name(dialogue, image, index, id):
    """Text or list, and several names: what its fields are called is not documented."""
    source = sources.get("unimm_chat")
    record = {**dialogue, image: "train2014/a.jpg", **index, "origin_dataset": "boats"}

    made = source.convert(record, source.options(packaging="json"))

    assert values(made) == ["<image>\nWho?", "A gull."]
    assert made.conversation.image == "unimm_chat/images/a.jpg"
    assert made.conversation.id.startswith(id)
    assert made.labels.subset == "boats"


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ({"dialogue": []}, "expected `conversation` or `conversations`, got dialogue"),
        ({"conversation": "[]", "picture": "a.jpg"}, "expected `image_path` or .*, got conversation, picture"),
        ({"conversation": 7, "image": "a.jpg"}, "Expected `array`, got `int`"),
        ({"conversation": "[]", "image": 7}, "Expected `str`, got `int`"),
    ],
)
def test_unimm_chat_json_of_other_names_is_bad(record, fault):
    """The fault names the fields that were found."""
    source = sources.get("unimm_chat")

    with pytest.raises(msgspec.ValidationError, match=fault):
        source.convert(record, source.options(packaging="json"))
