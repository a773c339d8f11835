"""LLaVA's own sources: what a record's block, image and prompt become."""

from itertools import groupby
from pathlib import Path

import msgspec
import pytest

import mixer
from mixer import sources
from mixer.conversation import Turn, encode
from mixer.prompts import BRIEF, DETAIL, OPTION_LETTER, SHORT_ANSWER
from mixer.shared.llava_mix import BLOCKS, mixed, subset_of
from mixer.shared.shapes import LlavaRecord

MINIATURES = Path(mixer.__file__).parent / "miniatures"


def record(question="<image>\nWhat is this?", image="coco/train2017/000000000007.jpg", id="000000000007", turns=2):
    """Make a raw record of at most two rounds."""
    said = [Turn("human", question), Turn("gpt", "A kite."), Turn("human", "Why?"), Turn("gpt", "It flies.")]
    return LlavaRecord(id=id, image=image, conversations=said[:turns])


def convert(name, raw, **options):
    """Convert a raw record as a source would."""
    source = sources.get(name)
    return source.convert(raw, source.options(**options))


def miniature(name, **options):
    """Convert a miniature without the readers."""
    source = sources.get(name)
    given = source.options(**options)
    [file] = source.used_files(given)
    raws = msgspec.json.decode((MINIATURES / name / file.path).read_bytes(), type=list[file.raw_type(given)])
    made = [source.convert(raw, given) for raw in raws]
    return [each if hasattr(each, "conversations") else each.conversation for each in made]


@pytest.mark.parametrize(
    ("raw", "subset", "task"),
    [
        (record("What flies?\n<image>"), "llava_instruct", "chat"),
        (record(f"<image>\nWhat flies?\n{SHORT_ANSWER}"), "vqav2_okvqa", "vqa"),
        (record(f"<image>\nWhat flies?\nA. a kite\nB. a crow\n{OPTION_LETTER}"), "aokvqa", "choice"),
        (
            record("<image>\nPlease provide a short description for this region: [0.0, 0.1, 1.0, 0.4]."),
            "refcoco",
            "grounding",
        ),
        (
            record(
                "<image>\nPlease provide the bounding box coordinate of the region this sentence describes: a kite."
            ),
            "refcoco",
            "grounding",
        ),
        (record(turns=0), "llava_instruct", "chat"),
        (record(image="vg/VG_100K/7.jpg", id="VG_100K/7"), "vg", "grounding"),
        (record(image="vg/VG_100K/7.jpg", id="svit_detail_7"), "svit_core", "chat"),
        (record(image="gqa/images/7.jpg", id=7), "gqa", "vqa"),
        (record(image="ocr_vqa/images/061293408X.jpg", id="061293408X"), "ocrvqa", "vqa"),
        (record(image="textvqa/train_images/00ff.jpg", id="00ff"), "textcaps", "caption"),
        (record(image="wikiart/images/a.jpg", id="a"), "sharegpt4v_wikiart", "caption"),
        (record(image="cellar/7.jpg", id="a"), None, None),
    ],
)
def test_blocks_of_a_mix_are_told_by_content(raw, subset, task):
    """Folder and fixed wordings name the block; an unknown folder names none."""
    labels = mixed(raw).labels

    assert (labels.subset, labels.task, labels.language) == (subset, task, None)


def test_text_records_are_sharegpt_in_many_languages():
    """A record without an image is text chat, and a literal token in it changes nothing."""
    made = mixed(record("What does <image> do in HTML?", image=None, id="kQ2mVx7_0"))

    assert (made.labels.subset, made.labels.language) == ("sharegpt", "mul")
    assert made.conversation.conversations[0].value == "What does <image> do in HTML?"


def test_numbers_become_text_ids():
    """GQA's ids are integers in the file."""
    assert mixed(record(image="gqa/images/7.jpg", id=7)).conversation.id == "7"


def test_vqav2_and_okvqa_lie_where_the_published_counts_put_them():
    """Positions follow from the blocks' counts: LLaVA-Instruct, VQAv2, OK-VQA."""
    assert BLOCKS.names["vqav2"] == (157_712, 157_712 + 82_783)
    assert BLOCKS.names["okvqa"] == (157_712 + 82_783, 157_712 + 82_783 + 8_998)
    assert sources.get("llava_v1_5_mix665k").blocks is sources.get("svit_mix_665k").blocks is BLOCKS
    assert sources.get("sharegpt4v").blocks is None


@pytest.mark.parametrize(
    ("image", "coco", "path"),
    [
        ("000000000007.jpg", "train2017", "coco/train2017/000000000007.jpg"),
        ("000000000007.jpg", "train2014", "coco/train2014/COCO_train2014_000000000007.jpg"),
        ("coco/train2017/000000000007.jpg", "train2017", "coco/train2017/000000000007.jpg"),
        (None, "train2017", None),
    ],
)
def test_instruct_images_get_their_folder(image, coco, path):
    """A bare file name gets COCO's folder; a path, or none, stays."""
    assert convert("llava_instruct_150k", record(image=image), coco=coco).image == path


@pytest.mark.parametrize(
    ("raw", "file", "subset"),
    [
        (record("What's happening in the scene?\n<image> With a touch of creativity."), "mix665k", "sharegpt4v_coco"),
        (record(f"<image>\n{DETAIL[2]} Emulating a sense of artistry."), "mix665k", "sharegpt4v_coco"),
        (record(f"<image>\n{DETAIL[2]}", turns=4), "mix665k", "llava_instruct"),
        (record("<image>\nWhy might it fly?"), "mix665k", "llava_instruct"),
        (record("<image>\nWhy might it fly?"), "cap100k", "sharegpt4v_coco"),
        (record(f"<image>\n{DETAIL[0]}", image="sam/images/sa_7.jpg"), "pt1246k", "sharegpt4v_sam"),
        (record("Hello", image=None), "mix665k", "sharegpt"),
    ],
)
def test_sharegpt4v_captions_are_told_from_the_mix(raw, file, subset):
    """In the mix a COCO caption is one round whose question is a request for a description; elsewhere all are."""
    assert convert("sharegpt4v", raw, file=file).labels.subset == subset


@pytest.mark.parametrize(
    ("id", "subset", "task"),
    [
        ("svit_conversation_51877", "conversation", "chat"),
        ("svit_complex_417", "complex", "chat"),
        ("svit_referring_220719", "referring", "grounding"),
        ("svit_detail_8", "detail", "caption"),
        ("cellar_8", None, None),
    ],
)
def test_svit_core_ids_name_the_kind(id, subset, task):
    """The second word of an id is the record's subset."""
    labels = convert("svit_core_150k", record(image="vg/VG_100K/7.jpg", id=id)).labels

    assert (labels.subset, labels.task) == (subset, task)


def test_pretrain_chat_records_pass_through():
    """`<image>` keeps its place at the end."""
    made = convert("llava_pretrain", record("What is this?\n<image>", image="00000/000000007.jpg", id="000000007"))

    assert made.conversations[0].value == "What is this?\n<image>"


def test_pretrain_meta_records_get_a_prompt_by_their_id():
    """The meta file has only a caption: the prompt is one of the 11, and always the same one for an id."""
    source = sources.get("llava_pretrain")
    options = source.options(file="meta")
    [file] = source.used_files(options)
    row = b'{"id": "000000007", "image": "00000/000000007.jpg", "url": "http://example.com/7.jpg", "blip_caption": "a - b"}'

    made = source.convert(msgspec.json.decode(row, type=file.raw), options)

    question, answer = (turn.value for turn in made.conversations)
    assert question.removeprefix("<image>\n") in BRIEF
    assert (made.id, made.image, answer) == ("000000007", "00000/000000007.jpg", "a - b")
    assert made == source.convert(msgspec.json.decode(row, type=file.raw), options)


@pytest.mark.parametrize(
    ("caption", "answers"),
    [
        ("condensed", ['A tin sign says "EGGS".']),
        ("image", ["A tin sign."]),
        ("text", ['The sign says "EGGS".']),
        ("both", ["A tin sign.", 'The sign says "EGGS".']),
    ],
)
def test_textocr_answers_with_the_chosen_captions(caption, answers):
    """Each choice is answered from its own column, and only the first question has the image."""
    source = sources.get("textocr_gpt4v")
    raw = source.files[0].raw("00ff.jpg", "A tin sign.", 'The sign says "EGGS".', 'A tin sign says "EGGS".')

    made = source.convert(raw, source.options(caption=caption))

    assert (made.id, made.image) == ("00ff", "textvqa/train_images/00ff.jpg")
    assert [turn.value for turn in made.conversations[1::2]] == answers
    assert [turn.value.count("<image>") for turn in made.conversations[::2]] == [1, 0][: len(answers)]


def content(conversation):
    """Give what a mix keeps of a record: its turns and the base name of its image."""
    return (conversation.image or "").rpartition("/")[2], [
        (turn.from_, turn.value) for turn in conversation.conversations
    ]


def test_miniature_mixes_fit_together_as_the_published_ones_do():
    """The mix without LLaVA-Instruct, and SVIT-core before it, is SVIT's mix, record by record."""
    mix, svit_mix = miniature("llava_v1_5_mix665k"), miniature("svit_mix_665k")
    instruct, core = miniature("llava_instruct_150k"), miniature("svit_core_150k")
    gone = [content(each) for each in instruct]

    kept = [each for each in mix if content(each) not in gone]

    assert [encode(each) for each in core + kept] == [encode(each) for each in svit_mix]
    assert len(mix) - len(kept) == len(instruct) == len(core)


def test_miniature_instruct_files_fit_together():
    """The merge is its three parts; the 80k file is a subset that shows each image once."""
    names = ("conversation_58k", "detail_23k", "complex_reasoning_77k")
    parts = [miniature("llava_instruct_150k", file=name) for name in names]
    eighty = miniature("llava_instruct_150k", file="llava_instruct_80k")
    merge = miniature("llava_instruct_150k")

    assert [each for part in parts for each in part] == merge
    assert all(each in merge for each in eighty)
    assert len({each.image for each in eighty}) == len(eighty)


def test_miniature_mix_is_concatenated_blocks():
    """Each block of the mix is one stretch of the file."""
    raws = [LlavaRecord(each.id, each.conversations, each.image) for each in miniature("llava_v1_5_mix665k")]

    stretches = [subset for subset, _ in groupby(map(subset_of, raws))]

    assert len(stretches) == len(set(stretches)) == 9
