"""The Cauldron, M3IT, M3IT-80 and SA1B-Dense-Caption: collections whose images are inside, or known by a URL."""

import base64

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Conversation, Labelled, Labels, Skip
from mixer.errors import UsageError
from mixer.shared.cells import ImageCell
from mixer.shared.m3it_lines import NAMES, Keys, Meta
from mixer.sources.m3it import Coco, Row
from mixer.sources.m3it_80 import Held, Translated
from mixer.sources.sa1b_dense_caption import DESCRIBE, Dense, Paired
from mixer.sources.the_cauldron import CONFIGS, Raw, Text

PNG, GIF = b"\x89PNG\r\n\x1a\n kite", b"GIF89a boat"
TEXT = base64.b64encode(PNG).decode()
OTHER = base64.b64encode(GIF).decode()


def convert(name, raw, **options):
    """Convert a raw record; give what was made and the reasons of what was skipped."""
    source = sources.get(name)
    given = source.convert(raw, source.options(**options))
    given = [given] if isinstance(given, Labelled | Conversation | Skip) else list(given)
    return [each for each in given if type(each) is not Skip], [each.reason for each in given if type(each) is Skip]


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def cauldron(texts, *images, config="tqa"):
    """Give a row of the Cauldron; the images are its cells' bytes."""
    return Raw([Text(*text) for text in texts], [ImageCell(content) for content in images], config)


ASKED = [("How many?", "Two.", "TQA"), ("Why?", "Wind.", "TQA")]


def test_a_row_is_one_dialogue():
    """Each of its texts is a round, the image stands before the first one, and its bytes stay as they are."""
    [made], _ = convert("the_cauldron", cauldron(ASKED, PNG))

    assert said(made) == ["<image>\nHow many?", "Two.", "Why?", "Wind."]
    assert made.embedded == {made.conversation.image: PNG}
    assert made.conversation.image.startswith("the_cauldron/")
    assert made.conversation.image.endswith(".png")
    assert made.conversation.id.startswith("tqa-")
    assert made.labels == Labels("tqa", "train", "TQA")


def test_pairs_stand_before_the_first_question():
    """One placeholder an image, all at the start; equal images are one file."""
    [made], _ = convert("the_cauldron", cauldron(ASKED, PNG, GIF))
    [twice], _ = convert("the_cauldron", cauldron(ASKED, PNG, PNG))

    assert said(made)[0] == "<image>\n<image>\nHow many?"
    assert [path.rpartition(".")[2] for path in made.conversation.image] == ["png", "gif"]
    assert list(made.embedded.values()) == [PNG, GIF]
    assert len(twice.conversation.image) == 2
    assert len(twice.embedded) == 1


@pytest.mark.parametrize("images", [None, []])
def test_rows_without_images_are_text(images):
    """An empty list and none are the same: no image, no placeholder."""
    [made], _ = convert("the_cauldron", Raw([Text("What is 2 + 2?", "4.")], images, "clevr_math"))

    assert said(made) == ["What is 2 + 2?", "4."]
    assert made.conversation.image is None
    assert not made.embedded


def test_image_tokens_inside_texts_are_taken_out():
    """Only the placeholders that the images bring are left; nothing else of a text is touched."""
    [made], _ = convert("the_cauldron", cauldron([("See <image> here, <video>", " a<image>b ", None)], PNG))

    assert said(made) == ["<image>\nSee  here, <video>", " ab "]


def test_the_task_is_told_where_all_turns_agree():
    """A row of two origins has no one task."""
    [both], _ = convert("the_cauldron", cauldron([("A?", "B", "one"), ("C?", "D", "other")], PNG))

    assert both.labels.task is None


@pytest.mark.parametrize("texts", [None, []])
def test_rows_without_texts_are_skipped(texts):
    """Nothing is asked: a loss that is counted."""
    assert convert("the_cauldron", Raw(texts, [ImageCell(PNG)])) == ([], ["no texts"])


def test_cells_that_hold_no_image_are_bad():
    """Bytes are asked for, and have to begin as an image does."""
    with pytest.raises(msgspec.ValidationError, match=r"images\[0\]\.bytes"):
        msgspec.convert({"texts": [], "images": [{"bytes": None, "path": "kite.png"}]}, Raw)
    with pytest.raises(ValueError, match="like no image"):
        convert("the_cauldron", cauldron(ASKED, b"<svg/>"))


def test_parts_are_chosen_by_name():
    """All fifty unless some are named, and a slip of the pen is told."""
    source = sources.get("the_cauldron")
    options = sources.parse_options(source, ["configs=nlvr2,vqarad"])

    assert len(source.used_files(source.options())) == len(set(CONFIGS)) == 50
    assert [(file.path, file.records) for file in source.used_files(options)] == [
        ("nlvr2/train-*.parquet", None),
        ("vqarad/train-*.parquet", 313),
    ]
    for wrong in ("configs=vqa2", "configs=[]"):
        with pytest.raises(UsageError, match="configs"):
            sources.parse_options(source, [wrong])


def line(task, edition="", instructions=("Look.",), **keys):
    """Decode a line of a task of M3IT, as its file and its task's instructions complete it."""
    raw = msgspec.convert({"img_str": TEXT, **keys}, Keys)
    raw.task, raw.split, raw.edition, raw.instructions = task, "train", edition, list(instructions)
    return raw


@pytest.mark.parametrize(
    ("task", "keys", "inputs", "outputs"),
    [
        ("coco-cn", {"caption": "一只鹅。"}, "", "一只鹅。"),
        ("image-paragraph-captioning", {"output": "A man. He rows."}, "", "A man. He rows."),
        ("docvqa", {"question": "When?", "answer": "In May"}, "When?", "In May"),
        ("st-vqa", {"input": "What?", "output": "push"}, "What?", "The answer is push."),
        ("okvqa", {"question": "What?", "answer": "shears"}, "What?", "The answer is shears."),
        (
            "a-okvqa",
            {"question": "Why?", "rationale": "He kneels.", "answer": "shoe"},
            "Why?",
            "He kneels. So the answer is shoe.",
        ),
        (
            "vqa-v2",
            {"question": "On?", "original_answer": "yes", "paraphrased_answer": "Yes, it is."},
            "On?",
            "Yes, it is.",
        ),
        (
            "vqa-v2",
            {"question": "On?", "original_answer": "yes", "paraphrased_answer": "It is NOT answerable."},
            "On?",
            "The answer is yes",
        ),
        ("shapes", {"question": "Is it red", "answer": "true"}, "Is it red?", "The answer is yes."),
        ("shapes", {"question": "Is it red", "answer": "false"}, "Is it red?", "The answer is no."),
        ("gqa", {"instruction": "Look.", "inputs": "Red?", "outputs": "no"}, "Red?", "no"),
        ("okvqa", {"meta": {"instruction": "Look.", "inputs": "Red?"}, "answer": "It is red."}, "Red?", "It is red."),
        ("fm-iqa", {"question": "几个？", "answer": "两个。"}, "几个？", "两个。"),
        ("mmchat", {"context": "Hi", "response": "Ho"}, "Person1: Hi\nPerson2:", "Ho"),
        ("mmchat", {"context": "Hi\nHo", "response": "Hu"}, "Person1: Hi\nPerson2: Ho\nPerson1:", "Hu"),
        ("flickr8k-cn", {"instruction": "Look.", "outputs": "一只猫。"}, "", "一只猫。"),
    ],
)
def test_m3it_lines_become_what_the_script_gives(task, keys, inputs, outputs):
    """Each task's keys give inputs, which may be empty, and outputs; the instruction stands before the inputs."""
    [made], _ = convert("m3it", line(task, **keys))
    [apart], _ = convert("m3it", line(task, **keys), instruction="system")

    assert said(made) == [f"<image>\nLook.\n{inputs}" if inputs else "<image>\nLook.", outputs]
    assert said(apart) == ["Look.", f"<image>\n{inputs}", outputs]
    assert apart.conversation.conversations[0].from_ == "system"
    assert made.embedded == {made.conversation.image: PNG}
    assert made.conversation.id.startswith(f"{task}-")


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        ({"label": "entailment"}, "yes\n"),
        ({"answer": "no"}, "no\n"),
        ({"gold_label": "neutral"}, "maybe\n Rationale: He runs."),
    ],
)
def test_snli_ve_puts_the_hypothesis_into_the_instruction(keys, answer):
    """Its place is filled; answers end with a line break, and only a maybe is explained."""
    raw = line("snli-ve", instructions=["Is it so that [HYPO]?"], hypothesis="he sings", rationale="He runs.", **keys)

    [made], _ = convert("m3it", raw)

    assert said(made) == ["<image>\nIs it so that he sings?", answer]


def test_coco_lines_are_a_record_for_each_caption():
    """Each draws an instruction of its own, the same each time; blank captions are skipped."""
    raw = msgspec.convert({"image": TEXT, "meta": {"targets": [*(f"A kite {n}." for n in range(40)), " "]}}, Coco)
    raw.task, raw.split, raw.instructions = "coco", "train", ["Describe it.", "Write a caption."]

    made, skipped = convert("m3it", raw)
    again, _ = convert("m3it", raw)

    assert [said(each)[1] for each in made] == [f"A kite {n}." for n in range(40)]
    assert {said(each)[0] for each in made} == {"<image>\nDescribe it.", "<image>\nWrite a caption."}
    assert [each.conversation for each in again] == [each.conversation for each in made]
    assert len({each.conversation.id for each in made}) == 40
    assert {each.labels for each in made} == {Labels("coco", "train", "captioning", "en")}
    assert skipped == ["no answer"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["top", "meta"])
@pytest.mark.parametrize("given", [TEXT, [TEXT, OTHER]])
def test_m3it_images_are_found_under_any_name(name, place, given):
    """As a text or a list, at the top or in `meta`."""
    held = {name: given}
    keys = {"question": "When?", "answer": "In May", **(held if place == "top" else {"meta": held})}
    raw = msgspec.convert(keys, Keys)
    raw.task, raw.instructions = "docvqa", ["Look."]

    [made], _ = convert("m3it", raw)

    assert list(made.embedded.values()) == [PNG, GIF][: 2 if given is not TEXT else 1]
    assert said(made)[0].count("<image>\n") == len(made.embedded)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (line("docvqa", question="When?", img_str=None), "expected an image under `image` or .*, got `question`$"),
        (
            line("docvqa", question="When?", meta={"inputs": "x"}),
            "`question`, `answer`, got .*`question`, `meta.inputs`",
        ),
        (line("gqa", question="Red?", answer="no"), "expected `instruction` and `outputs`, or .*`question`, `answer`"),
        (line("okvqa", "v2", question="Red?", answer="no"), "or `meta.instruction` and `answer`, got"),
        (line("gqa", instruction="Look.", inputs="Red?"), "expected `outputs`, got"),
        (line("snli-ve", hypothesis="he sings", label="2", rationale=""), "label is neither"),
        (line("snli-ve", hypothesis="he sings"), "`answer` or `label` or `gold_label`"),
        (line("snli-ve", hypothesis="he sings", label="maybe"), "expected `rationale`"),
        (line("shapes", question="Is it red", answer="True"), "neither true nor false"),
        (line("shapes", input="Is it red", answer="true"), "expected `question`, `answer`, got"),
        (line("docvqa", instructions=(), question="When?", answer="now"), "no instructions"),
        (line("docvqa", img_str="*", question="When?", answer="now"), "no base64"),
        (line("nlvr", img_str="////", instruction="Look.", outputs="no"), "like no image"),
        (msgspec.convert({"img_str": []}, Keys), "got `img_str`"),
        (msgspec.convert({}, Keys), "got no known key"),
    ],
)
def test_m3it_lines_of_no_known_form_are_bad(raw, reason):
    """The keys that are there are named, so that a reader can see what the file holds."""
    with pytest.raises(ValueError, match=reason):
        convert("m3it", raw)


def test_m3it_copy_of_huggingfacem4_is_read():
    """Rows hold the image as a cell, or as the hub's own tables do a list of base64; they tell no task."""
    row = {"instruction": "Look.", "inputs": "Red?", "outputs": "no"}
    [cell], _ = convert("m3it", msgspec.convert({**row, "image": {"bytes": PNG}}, Row))
    [held], _ = convert("m3it", msgspec.convert({**row, "inputs": None, "image_base64_str": [TEXT, OTHER]}, Row))

    assert said(cell) == ["<image>\nLook.\nRed?", "no"]
    assert said(held) == ["<image>\n<image>\nLook.", "no"]
    assert cell.conversation.id.startswith("m3it-")
    assert cell.labels == Labels(split="train")
    with pytest.raises(msgspec.ValidationError, match="no image"):
        convert("m3it", msgspec.convert(row, Row))


def test_m3it_reads_a_file_and_its_instructions_for_each_task():
    """The edition chooses between the files of tasks that have two."""
    source = sources.get("m3it")

    def paths(*given):
        options = sources.parse_options(source, given)
        lookups = [lookup.file.path for _, lookup in source.used_lookups(options)]
        return [file.path for file in source.every_file(options)], lookups

    assert paths() == (["data/captioning/coco/train.jsonl"], ["data/captioning/coco/instruction*.json*"])
    assert paths("tasks=okvqa,gqa", "split=val")[0] == [
        "data/vqa/okvqa/val_v2.jsonl",
        "data/vqa/gqa/validation.jsonl",
    ]
    assert paths("tasks=okvqa", "edition=first")[0] == ["data/vqa/okvqa/train.jsonl"]
    assert paths("tasks=shapes")[0] == ["data/vqa/shapes/train.large.jsonl"]
    assert paths("tasks=mmchat")[0] == ["data/generation/mmchat/train_new.jsonl"]
    assert paths("tasks=image-paragraph-captioning,coco-cn", "split=test")[0] == [
        "data/captioning/image_paragraph_captioning/image_paragraph_captioning_test.jsonl",
        "data/captioning/coco-cn/test.jsonl",
    ]
    assert paths("packaging=parquet") == (["data/train-*.parquet"], [])


@pytest.mark.parametrize("given", [["tasks=gqa,coco", "split=test"], ["split=dev"], ["tasks=coco-rephrased"]])
def test_m3it_refuses_what_is_not_published(given):
    """A split that a task lacks, and tasks that repeat others."""
    with pytest.raises(UsageError, match="m3it"):
        sources.parse_options(sources.get("m3it"), given)


def translated(code, held, **keys):
    """Give a line of a translation."""
    raw = msgspec.convert({"instruction": " Sieh hin. ", **keys}, Translated)
    raw.file, raw.held = f"data/vqa-v2/vqa-v2_train_{code}.jsonl", held
    return raw


def test_m3it_80_lines_get_the_image_of_the_same_line():
    """All languages of a line share its image; blanks around texts go; a file's name tells the language."""
    held = Held(meta=Meta(image_base64_str=[TEXT]))
    raws = [translated("de", held, input="Ist es rot?\n", output="Ja. "), translated("ceb", held, outputs="Oo.")]

    made, _ = convert("m3it_80", raws)

    assert [said(each) for each in made] == [["<image>\nSieh hin.\nIst es rot?", "Ja."], ["<image>\nSieh hin.", "Oo."]]
    assert len({each.conversation.image for each in made}) == 1
    assert [each.labels.language for each in made] == ["de", "ceb"]
    assert [each.conversation.id.rpartition("-")[0] for each in made] == ["vqa-v2-de", "vqa-v2-ceb"]


def test_m3it_80_languages_are_chosen():
    """Lines of other languages are skipped, and so are those whose number no line with an image has."""
    held = Held(img_str=OTHER)
    raws = [translated("de", held, answer="Ja."), translated("ceb", held, outputs="Oo.")]

    made, skipped = convert("m3it_80", raws, languages=("ceb",))

    assert [said(each)[1] for each in made] == ["Oo."]
    assert list(made[0].embedded.values()) == [GIF]
    assert skipped == ["another language"]
    for lacking in (None, Held()):
        assert convert("m3it_80", [translated("de", lacking, answer="Ja.")]) == (
            [],
            ["no image in the line of this number"],
        )


@pytest.mark.parametrize(
    ("given", "raw"),
    [
        ([], "data/vqa-v2/train_500.jsonl"),
        (["task=vist", "split=test"], "data/vist/test_500.jsonl"),
        (["task=winoground", "split=test"], "data/winoground/test.jsonl"),
    ],
)
def test_m3it_80_images_are_in_raw_files(given, raw):
    """That of winoground is not named like the others."""
    source = sources.get("m3it_80")

    [join] = source.used_joins(sources.parse_options(source, given))

    assert join.file.path == raw


@pytest.mark.parametrize("given", [["task=winoground"], ["split=test"], ["task=imagenet", "split=test"]])
def test_m3it_80_refuses_splits_that_a_task_lacks(given):
    """The default split, too."""
    with pytest.raises(UsageError, match="only"):
        sources.parse_options(sources.get("m3it_80"), given)


def test_m3it_80_lines_without_an_answer_are_bad():
    """It is looked for under the names that are known."""
    with pytest.raises(msgspec.ValidationError, match="`outputs`, `output` or `answer`"):
        translated("de", None, input="Ist es rot?", output=" ")


@pytest.mark.parametrize(
    "cell", [{"global_caption": "一只风筝。", "x": 1}, "{'x': [(1, None)], 'global_caption': '一只风筝。'}"]
)
def test_sa1b_captions_are_taken_out_of_their_literal(cell):
    """A literal in a text and a value are the same; the image is the last part of the URL's path."""
    raw = msgspec.convert({"url": "https://x.example/a/sa_7.jpg?e=1&s=a/b.png", "cap_seg": cell}, Dense)

    [made], _ = convert("sa1b_dense_caption", raw)

    question, answer = [turn.value for turn in made.conversations]
    assert question.removeprefix("<image>\n") in DESCRIBE
    assert answer == "一只风筝。"
    assert (made.id, made.image) == ("sa_7", "sa1b/images/sa_7.jpg")


def test_sa1b_requests_vary_with_the_image_only():
    """All four are asked, about equally often."""
    rows = [Paired(f"https://x.example/sa_{n}.jpg", "桥") for n in range(400)]

    asked = [convert("sa1b_dense_caption", row)[0][0].conversations[0].value for row in rows]

    assert {round(asked.count(f"<image>\n{each}"), -2) for each in DESCRIBE} == {100}
    assert asked[7] == convert("sa1b_dense_caption", rows[7])[0][0].conversations[0].value


@pytest.mark.parametrize("cell", ["{'x': '只有细节'}", "{'global_caption': None}", "{'global_caption': ' '}", {}])
def test_sa1b_rows_without_a_caption_are_skipped(cell):
    """A caption that is missing is a loss that is counted."""
    raw = msgspec.convert({"url": "https://x.example/sa_7.jpg", "cap_seg": cell}, Dense)

    assert convert("sa1b_dense_caption", raw) == ([], ["no global caption"])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("['一只狗']", "no dict"),
        ("{'global_caption': 7}", "Expected `str \\| null`, got `int`"),
        ('{"global_caption": null}', "no Python literal"),
        ("__import__('os')", "no Python literal"),
        ("[" * 100, "nested too deep"),
    ],
)
def test_sa1b_cells_that_are_no_literal_are_bad(cell, reason):
    """Nothing is run, and what is no dict or holds no text is told."""
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert({"url": "https://x.example/sa_7.jpg", "cap_seg": cell}, Dense)


def test_sa1b_urls_have_to_name_a_file():
    """A folder is no image; a name need not have an ending."""
    with pytest.raises(msgspec.ValidationError, match="names no file"):
        convert("sa1b_dense_caption", Paired("https://x.example/a/?b=c.jpg", "桥"))
    assert convert("sa1b_dense_caption", Paired("https://x.example/a/sa_7", "桥"))[0][0].id == "sa_7"
