"""GRIT, Shikra's BoxCoT, AS-V2 and ViP-LLaVA: where boxes come in a text, whose size they need, and what is skipped."""

import re

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip, Turn
from mixer.errors import UsageError
from mixer.prompts import GROUNDED
from mixer.shared import vcr
from mixer.sources import Picture
from mixer.sources.as_v2 import Raw as Tagged
from mixer.sources.grit import Image
from mixer.sources.grit import Raw as Row
from mixer.sources.shikra_boxcot import REQUESTS
from mixer.sources.shikra_boxcot import Raw as Marked
from mixer.sources.vip_llava_instruct import Raw as Vip
from mixer.validate import check

LANDSCAPE = Picture("some/where.jpg", 800, 600)
SQUARE = Picture("some/where.jpg", 100, 100)


def convert(name, raw, **options):
    """Convert a raw record; give what was made, or the reason of a skip."""
    source = sources.get(name)
    made = source.convert(raw, source.options(**options))
    if isinstance(made, Skip):
        return made.reason
    record = made.conversation if isinstance(made, Labelled) else made
    assert not check(record)
    return record


def said(record):
    """List the texts of a conversation."""
    return [turn.value for turn in record.conversations]


# GRIT


def row(text, *spans, **more):
    """Give a row of GRIT; a span is a phrase and four fractions."""
    given = [
        (float(text.index(phrase)), float(text.index(phrase) + len(phrase)), *map(float, box), 0.7)
        for phrase, *box in spans
    ]
    sized = {"caption": text, "width": 800, "height": 600}
    return Row(**{"key": "001230045", "id": 77, **sized, "noun_chunks": [], "ref_exps": given, **more})


def test_a_caption_shows_its_boxes_in_its_own_order():
    """Boxes stand behind their phrase, all of a phrase's at once; offsets are characters; the rest is kept."""
    made = convert(
        "grit",
        row(
            "«Két» mugs, a tin 🫖.",
            ("a tin", 0, 0, 0.5, 1),
            ("mugs", 0.5, 0, 0.6, 0.2),
            ("mugs", 0.7, 0, 0.8, 0.2),
        ),
    )

    question, answer = said(made)
    assert answer == "«Két» mugs [0.5, 0.12, 0.6, 0.28] [0.7, 0.12, 0.8, 0.28], a tin [0.0, 0.12, 0.5, 0.88] 🫖."
    assert question.removeprefix("<image>\n") in GROUNDED
    assert (made.id, made.image) == ("77", "grit/001230045.jpg")


NESTED = row("a jug with a blue lid", ("a blue lid", 0.4, 0.2, 0.6, 0.3), ("a jug with a blue lid", 0, 0, 1, 1))


@pytest.mark.parametrize(
    ("options", "result"),
    [
        ({}, "phrases overlap"),
        ({"form": "caption"}, "phrases overlap"),
        ({"phrases": "noun_chunks"}, "no linked phrase"),
        ({"phrases": "noun_chunks", "form": "regions"}, "no linked phrase"),
        ({"overlap": "longest"}, "a jug with a blue lid [0.0, 0.12, 1.0, 0.88]"),
        ({"overlap": "longest", "form": "caption"}, "a jug with a blue lid"),
    ],
)
def test_phrases_in_each_other(options, result):
    """A caption whose phrases overlap is skipped, or keeps the longest."""
    made = convert("grit", NESTED, **options)

    assert made == result if isinstance(made, str) else said(made)[1] == result


def test_phrases_become_questions():
    """Each phrase of one box is asked about, nested or not, in either direction; others are left out."""
    plural = row("two mugs", ("two mugs", 0, 0, 1, 1), ("two mugs", 0, 0, 0.5, 1))
    asked = [
        said(convert("grit", msgspec.structs.replace(NESTED, id=number), form="regions"))[::2] for number in range(40)
    ]

    assert convert("grit", plural, form="regions") == "no phrase of one box"
    assert {len(each) for each in asked} == {2}
    directions = {tuple("bounding box" in question for question in each) for each in asked}
    assert directions == {(True, True), (True, False), (False, True), (False, False)}


def test_rows_of_fetched_images():
    """One that was not fetched is skipped; keys of img2dataset are told from others; images in rows are held."""
    fetched = row("a gate", ("a gate", 0, 0, 1, 1), id=None, status="success")
    failed = row("a gate", status="failed_to_download", width=None, height=None)
    held = row("a gate", ("a gate", 0, 0, 1, 1), image=Image(b"\xff\xd8\xff and more"))
    source = sources.get("grit")

    assert convert("grit", fetched).id == "001230045"
    assert convert("grit", fetched, packaging="img2dataset").image == "grit/00123/001230045.jpg"
    assert convert("grit", failed) == "image was not fetched"
    made = source.convert(held, source.options())
    assert made.embedded == {made.conversation.image: b"\xff\xd8\xff and more"}
    assert re.fullmatch(r"grit/([0-9a-f]{2})/\1[0-9a-f]{62}\.jpg", made.conversation.image)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ref_exps": [(0.0, 7.0, 0.0, 0.0, 1.0, 1.0, 0.5)]}, "a span does not lie in the caption"),
        ({"ref_exps": [(3.0, 3.0, 0.0, 0.0, 1.0, 1.0, 0.5)]}, "a span does not lie in the caption"),
        ({"ref_exps": [(0.0, 6.0, 0.5, 0.5, 0.2, 0.2, 0.5)]}, "a box has no area"),
        ({"ref_exps": [(0.0, 6.0, 1.5, 0.0, 1.9, 1.0, 0.5)]}, "a box has no area"),
        ({"ref_exps": [(0.0, 6.0, float("nan"), 0.0, 1.0, 1.0, 0.5)]}, "a box has no area"),
        ({"caption": None}, "no `caption`, `width` or `height`"),
        ({"width": 0}, "no `caption`, `width` or `height`"),
    ],
)
def test_rows_that_are_bad(change, reason):
    """A span outside the caption, a box outside the image, and a row without what it needs, are faults."""
    with pytest.raises(ValueError, match=reason):
        convert("grit", row("a gate", **change))


# Shikra


def marked(**changes):
    """Give a record of BoxCoT about a photo of 500 x 375 pixels."""
    fields = {
        "img_path": "30007.jpg",
        "boxes": [(0, 0, 250, 375), (250.0, 100.0, 510.0, 200.0)],
        "question": "Who holds <ph_st>the oar<ph_ed>?",
        "question_boxes_seq": [[1]],
        "cot_with_ans": "<ph_st>The rower<ph_ed> , with <ph_st>both<ph_ed>  hands. The answer is the rower.",
        "answer_boxes_seq": [[0], [0, 1]],
        "answer": "the rower",
        "part": "box_cot",
        "picture": Picture("flickr30k-images/30007.jpg", 500, 375),
    }
    return Marked(**{**fields, **changes})


def test_marks_become_boxes():
    """Three decimals of the padded square, cut to it, none dropped; several of a phrase joined by a semicolon."""
    made = convert("shikra_boxcot", marked(), request="none")

    assert said(made) == [
        "<image>\nWho holds the oar[0.500,0.324,1.000,0.524]?",
        "The rower[0.000,0.124,0.500,0.874] , with both[0.000,0.124,0.500,0.874;0.500,0.324,1.000,0.524] hands. The answer is the rower.",
    ]
    assert made.image == "flickr30k-images/30007.jpg"
    assert made.id.startswith("30007-")


def test_the_other_file_marks_only_ends():
    """RD's phrases have no beginning, and are read the same; its records may tell the size themselves."""
    rd = marked(
        question="Is the oar<ph_ed> wet?",
        cot_with_ans="The oar<ph_ed> drips. The answer is yes.",
        answer_boxes_seq=[[1]],
        picture=None,
        width=500,
        height=375,
        part="rd",
    )

    assert said(convert("shikra_boxcot", rd, request="none")) == [
        "<image>\nIs the oar[0.500,0.324,1.000,0.524] wet?",
        "The oar[0.500,0.324,1.000,0.524] drips. The answer is yes.",
    ]


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (
            {"boxes": "llava"},
            [
                "Who holds the oar [0.5, 0.32, 1.0, 0.52]?",
                "The rower [0.0, 0.12, 0.5, 0.87] , with both [0.0, 0.12, 0.5, 0.87] [0.5, 0.32, 1.0, 0.52] hands. The answer is the rower.",
            ],
        ),
        (
            {"form": "cot"},
            [
                "Who holds the oar[0.500,0.324,1.000,0.524]?",
                "The rower, with both hands. The answer is the rower.",
            ],
        ),
        ({"form": "short"}, ["Who holds the oar[0.500,0.324,1.000,0.524]?", "the rower"]),
        ({"marks": "none"}, ["Who holds the oar?", "The rower, with both hands. The answer is the rower."]),
        ({"marks": "none", "form": "short"}, ["Who holds the oar?", "the rower"]),
    ],
)
def test_forms_of_an_answer(options, texts):
    """Answers reason with boxes, without, or are short; without marks no blank stays before a comma."""
    question, answer = said(convert("shikra_boxcot", marked(), request="none", **options))

    assert [question.removeprefix("<image>\n"), answer] == texts


@pytest.mark.parametrize(
    ("options", "form"),
    [({}, "box_cot"), ({"form": "cot"}, "cot"), ({"form": "short"}, "short"), ({"marks": "none"}, "cot")],
)
def test_requests_fit_their_answers(options, form):
    """The question stands in one of the form's requests; boxes are asked for only where they come."""
    bare = "Who holds the oar?" if options.get("marks") else "Who holds the oar[0.500,0.324,1.000,0.524]?"

    question = said(convert("shikra_boxcot", marked(), **options))[0].removeprefix("<image>\n")

    assert question in [request.replace("<question>", bare) for request in REQUESTS[form]]


@pytest.mark.parametrize(
    ("changes", "options", "reason"),
    [
        ({"answer_boxes_seq": [[0]]}, {}, "marks and boxes differ in number"),
        ({"question_boxes_seq": None}, {"form": "short"}, "marks and boxes differ in number"),
        ({"picture": None}, {}, "image file is missing"),
    ],
)
def test_what_shikra_skips(changes, options, reason):
    """Marks without boxes and photos that are not there are skipped where boxes are written."""
    assert convert("shikra_boxcot", marked(**changes), **options) == reason
    assert said(convert("shikra_boxcot", marked(**changes), marks="none"))


def test_a_mark_may_have_no_box_but_no_unknown_one():
    """An empty list shows nothing; a number beyond the boxes is a fault; null means that no question is marked."""
    plain = {"question": "Is {this} a [b,c]?", "question_boxes_seq": None}

    made = convert("shikra_boxcot", marked(**plain, answer_boxes_seq=[[], [0]]), request="none")

    assert said(made)[0] == "<image>\nIs {this} a [b,c]?"
    assert said(made)[1].startswith("The rower , with both[0.000,")
    spaced = marked(cot_with_ans="Here <ph_ed> or <ph_ed> here.", answer_boxes_seq=[[], [0]])
    assert said(convert("shikra_boxcot", spaced, boxes="llava"))[1] == "Here or [0.0, 0.12, 0.5, 0.87] here."
    with pytest.raises(ValueError, match="a box that is not there"):
        convert("shikra_boxcot", marked(answer_boxes_seq=[[0], [2]]))


# AS-V2


def tagged(question, answer, image="coco/train2017/000000300021.jpg", part="conversation_22k", picture=LANDSCAPE):
    """Give a record of AS-V2."""
    turns = [Turn("human", f"<image>\n{question}" if image else question), Turn("gpt", answer)]
    return Tagged("7", turns, image, part, picture)


OAR = "<ref>oars</ref><box>[[0, 333, 500, 999], [1, 2, 3, 4]]</box>"
LIES = "<pred>lie in</pred><box>[[0, 333, 500, 999]]</box><box>[[0, 0, 999, 999]]</box>"


@pytest.mark.parametrize(
    ("text", "plain", "llava"),
    [
        (f"Two {OAR} {LIES} a boat.", "Two oars lie in a boat.",
         "Two oars [0.0, 0.33, 0.5, 1.0] [0.0, 0.0, 0.0, 0.0] lie in a boat."),
        (f"{LIES} <box>[[0, 0, 999, 999]]</box>.", "lie in .", "lie in [0.0, 0.0, 1.0, 1.0]."),
        ("A <ref>jar</pred><box>[[0, 0, 999, 999]]</box>.", "A jar.", "A jar [0.0, 0.0, 1.0, 1.0]."),
        ("No <ref>jar</ref><box>[]</box>.", "No jar.", "No jar."),
        ("A list [[1, 2]] of <b>.", "A list [[1, 2]] of <b>.", "A list [[1, 2]] of <b>."),
    ],
)  # fmt: skip
def test_tags_are_kept_made_plain_or_boxes(text, plain, llava):
    """Objects are followed by their boxes; a predicate's two lists go, and only those."""
    raw = tagged("Well?", text)

    assert [said(convert("as_v2", raw, tags=tags))[1] for tags in ("keep", "plain", "llava")] == [text, plain, llava]


def test_boxes_of_unpadded_files_need_the_image():
    """They are moved to the padded square, for which the image must be there; tags that are kept need none."""
    raw, lost = (tagged("Well?", OAR, picture=picture) for picture in (LANDSCAPE, None))

    assert said(convert("as_v2", raw, tags="llava", square_pad="no"))[1].startswith("oars [0.0, 0.38, 0.5, 0.88] [")
    assert convert("as_v2", lost, tags="llava", square_pad="no") == "image file is missing"
    assert said(convert("as_v2", lost, tags="llava"))[1].startswith("oars [0.0, 0.33, 0.5, 1.0]")
    assert said(convert("as_v2", lost, square_pad="no"))[1] == OAR
    with pytest.raises(UsageError, match="square_pad=no: published only of"):
        sources.parse_options(sources.get("as_v2"), ["parts=as_mix_4m", "square_pad=no"])


def test_plain_text_asks_for_no_graph_and_no_box():
    """The request for a graph goes; a question about a box, and an answer that is one, are skipped."""
    ask = "Where is it?\nAnswer the question with scene graph."

    assert said(convert("as_v2", tagged(ask, "There."), tags="plain"))[0] == "<image>\nWhere is it?"
    assert said(convert("as_v2", tagged(ask, "There."), tags="llava"))[0] == f"<image>\n{ask}"
    for part in ("region_captioning_63k", "as_mix_4m"):
        assert convert("as_v2", tagged(f"What are {OAR}?", "Wet.", part=part), tags="plain") == "question about a box"
    assert said(convert("as_v2", tagged(f"What are {OAR}?", "Wet."), tags="plain"))[0] == "<image>\nWhat are oars?"
    only = tagged("Where?", "<box>[[0, 0, 9, 9]]</box>.")
    assert convert("as_v2", only, tags="plain") == "nothing but boxes said"


def test_records_of_the_mixes():
    """Text records stay without an image, object stores are skipped, LLaVA-1.5's blocks are labelled."""
    source = sources.get("as_v2")
    text = tagged("Hello", "Hello!", image=None, part="llava_v1_5_mix665k_asmv2_format")

    assert source.convert(text, source.options()).labels.subset == "sharegpt"
    assert source.convert(tagged("Hello", "Hello!", image=None), source.options()).labels.subset == "conversation_22k"
    assert convert("as_v2", tagged("Hello", "Hello!", image="x:s3://bucket/1.jpg")) == "image in an object store"


@pytest.mark.parametrize("text", ["[[0, 0, 9]]", "[[0, 0, 9, 1000]]", "[[a, b, c, d]]", "somewhere"])
def test_a_box_that_is_none_is_a_fault_only_where_it_is_shown(text):
    """Kept and plain texts need no box."""
    raw = tagged("Well?", f"A <ref>jar</ref><box>{text}</box>.")

    assert said(convert("as_v2", raw, tags="plain"))[1] == "A jar."
    with pytest.raises(ValueError, match="no list of boxes"):
        convert("as_v2", raw, tags="llava")


# ViP-LLaVA

HALVES = [(0, 0, 50, 100), (50, 0, 100, 100)]


def vip(id, picture=SQUARE, **fields):
    """Give a record of ViP-LLaVA, as its file has it, with its image's size."""
    raw = msgspec.convert({"id": id, "image": "some/where.jpg", **fields}, Vip)
    return msgspec.structs.replace(raw, picture=picture)


@pytest.mark.parametrize(
    ("id", "fields", "question", "answer"),
    [
        (
            "refcocog-1",
            {"bboxes": HALVES[:1], "answer": "the wet oar"},
            "Describe the object [0.0, 0.0, 0.5, 1.0]. Please provide a short phrase.",
            "the wet oar",
        ),
        (
            "pointQA_twice-1",
            {"bboxes": HALVES[:1], "general_question": "How many?", "answer": 2},
            "How many? The exemplary object is [0.0, 0.0, 0.5, 1.0].\nAnswer the question using a single word or phrase.",
            "2",
        ),
        (
            "pointQA_twice-1",
            {"bboxes": HALVES[:1], "question": "How many?", "answer": "2"},
            "How many? The exemplary object is [0.0, 0.0, 0.5, 1.0].\nAnswer the question using a single word or phrase.",
            "2",
        ),
        (
            "v7w-1",
            {"bboxes": HALVES, "question": "Which?", "answer": HALVES[1]},
            "Which?\nA. The object [0.0, 0.0, 0.5, 1.0]\nB. The object [0.5, 0.0, 1.0, 1.0]\nAnswer with the option's letter from the given choices directly.",
            "B",
        ),
        (
            "refcocog-gpt4v-1",
            {
                "bboxes": HALVES[:1],
                "conversations": [
                    {"from": "human", "value": "What is <bbox>?"},
                    {"from": "gpt", "value": "<bbox> is it."},
                ],
            },
            "What is [0.0, 0.0, 0.5, 1.0]?",
            "[0.0, 0.0, 0.5, 1.0] is it.",
        ),
        (
            "vg_rel-gpt4v-1",
            {
                "bboxes": HALVES,
                "conversations": [
                    {"from": "human", "value": "<image>\n<bbox1> or <bbox0>?"},
                    {"from": "gpt", "value": "Neither."},
                ],
            },
            "[0.5, 0.0, 1.0, 1.0] or [0.0, 0.0, 0.5, 1.0]?",
            "Neither.",
        ),
    ],
)
def test_regions_are_told_by_their_boxes(id, fields, question, answer):
    """Where the authors name a drawn shape, a box stands; nothing is said to be drawn."""
    made = convert("vip_llava_instruct", vip(id, **fields))

    assert said(made) == [f"<image>\n{question}", answer]
    assert not re.search("rectangle|ellipse|arrow|visual prompt", " ".join(said(made)))


def test_relations_ask_for_a_triplet():
    """Subject and object are told by their boxes, in this order."""
    question, answer = said(convert("vip_llava_instruct", vip("vg_rel-1", bboxes=HALVES, answer="(oar, in, boat)")))

    assert "the subject [0.0, 0.0, 0.5, 1.0] and the object [0.5, 0.0, 1.0, 1.0]. Provide" in question
    assert answer == "(oar, in, boat)"


@pytest.mark.parametrize(
    ("caption", "written"),
    [
        ("an oar <bbox0> , and a boat <bbox1>", "An oar [0.0, 0.0, 0.5, 1.0], and a boat B."),
        ("stop <bbox0>!", "Stop [0.0, 0.0, 0.5, 1.0]!"),
        ("stop <bbox1>?", "Stop B?"),
        (" <bbox0> an oar", "[0.0, 0.0, 0.5, 1.0] an oar."),
    ],
)
def test_captions_show_boxes(caption, written):
    """A caption gets a capital and a period, its commas one blank, its marks all boxes of their phrase."""
    both = "[0.5, 0.0, 1.0, 1.0] [0.0, 0.0, 0.5, 1.0]"
    raw = vip("flickr30k-1", bbox=[HALVES[:1], HALVES[::-1]], grounding=caption)

    question, answer = said(convert("vip_llava_instruct", raw))

    assert answer.strip() == written.replace("B", both)
    assert question.removeprefix("<image>\n") in GROUNDED


def test_records_of_llava_pass_through():
    """Ids of numbers, ids without a known kind and text records are LLaVA's; a record with no text is bad."""
    turns = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]
    source = sources.get("vip_llava_instruct")
    made = [
        source.convert(msgspec.convert({"id": id, "conversations": turns}, Vip), source.options())
        for id in (7, "wg_0", "a-b", "refcocog")
    ]

    assert [each.conversation.id for each in made] == ["7", "wg_0", "a-b", "refcocog"]
    assert {each.labels.subset for each in made} == {"sharegpt"}
    with pytest.raises(ValueError, match="neither `conversations` nor"):
        convert("vip_llava_instruct", vip("unknown-1", bboxes=HALVES))


def test_only_images_of_regions_are_looked_at():
    """LLaVA's own records need no image's size."""
    assert vip("refcocog-1").drawn_on == ["some/where.jpg"]
    assert vip("000000300021").drawn_on == []
    assert vip(7).drawn_on == []


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (vip("refcocog-1", picture=None, bboxes=HALVES), "image file is missing"),
        (vip("refcocog-1", bboxes=[(5, 5, 5, 9)]), "box without area in its image"),
        (vip("flickr30k-1", bbox=[[(0, 0, 9, 9), (200, 0, 300, 9)]]), "box without area in its image"),
        (vip("vcr-1"), "VCR's boxes are not read"),
    ],
)
def test_what_vip_skips(raw, reason):
    """Images that are not there, boxes outside of them, and VCR unless its boxes are."""
    assert convert("vip_llava_instruct", raw) == reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (vip("refcocog-1", answer="it"), "no `bboxes`"),
        (vip("flickr30k-1", bboxes=HALVES, grounding="an oar <bbox0>"), "`bbox` of a flickr30k record"),
        (vip("flickr30k-1", bbox=[HALVES], grounding="an oar <bbox1>"), "a mark that has no box"),
        (vip("vg_rel-1", bboxes=HALVES[:1], answer="it"), "a mark that has no box"),
        (vip("v7w-1", bboxes=HALVES, answer=[1, 1, 1, 1]), "`answer` is none of `bboxes`"),
        (vip("vg_rel-gpt4v-1", bboxes=HALVES), "a gpt4v record without `conversations`"),
        (vip("pointQA_twice-1", bboxes=HALVES, answer="2"), "no text of a `question`"),
        (vip("v7w-1", bboxes=HALVES, answer=HALVES[0], question=["Which"]), "no text of a `question`"),
        (vip("flickr30k-1", bbox=[HALVES]), "no `grounding`"),
    ],
)
def test_records_of_regions_that_are_bad(raw, reason):
    """A record that lacks its boxes or its text, or names other boxes, is a fault that says which."""
    with pytest.raises(ValueError, match=reason):
        convert("vip_llava_instruct", raw)


def asked(number=0, text=("Why", "is", [0, 1], "wet", "?"), boxes=((0, 0, 50, 100, 0.9), (50, 0, 100, 100, 0.8))):
    """Give a record of VCR with its image's boxes."""
    raw = vip(
        f"vcr-{number}",
        meta_dir="./dataset/vcr1images/film/1.json",
        class_names=["girl", "dog"],
        question=list(text),
        answer_choices=[["No", "."], [[1], "swam", ",", "gladly", "."], ["It", "'s", "dry", "."], ["Rain", "."]],
        answer_label=1,
        rationale_choices=[["Ice", "."], ["Sun", "."], ["Fog", "."], [[0], "dives", "."]],
        rationale_label=3,
    )
    return msgspec.structs.replace(raw, boxes=[list(box) for box in boxes])


def test_vcr_names_objects_and_shows_their_boxes():
    """A number is the object's class and box, several are joined by `and`; a question and then why, asked both ways."""
    texts = [said(convert("vip_llava_instruct", asked(number), vcr="boxes")) for number in range(60)]

    question = "Why is the girl [0.0, 0.0, 0.5, 1.0] and the dog [0.5, 0.0, 1.0, 1.0] wet?"
    assert all(question in each[0] and each[2].startswith(vcr.WHY) for each in texts)
    open_ended = [each for each in texts if "(A)" not in each[0]]
    choices = [each for each in texts if "(A)" in each[0]]
    assert {each[1] for each in open_ended} == {"The dog [0.5, 0.0, 1.0, 1.0] swam, gladly."}
    assert {each[1] for each in choices} == {
        "(B)",
        "The correct answer is (B)",
        "(B): the dog [0.5, 0.0, 1.0, 1.0] swam, gladly.",
        "Answer (B): the dog [0.5, 0.0, 1.0, 1.0] swam, gladly.",
    }
    assert all(
        "(A) No. (B) The dog [0.5, 0.0, 1.0, 1.0] swam, gladly. (C) It 's dry. (D) Rain." in each[0] for each in choices
    )
    assert {"(A) Ice." in each[2] for each in texts} == {True, False}
    assert {each[3] for each in texts if "(A)" not in each[2]} == {"The girl [0.0, 0.0, 0.5, 1.0] dives."}


def test_vcr_needs_the_objects_it_names():
    """Only boxes of objects that are named count; without the image's file of boxes the record is skipped."""
    lost = msgspec.structs.replace(asked(), boxes=None)

    assert lost.meta_dir == "vcr1images/film/1.json"
    assert convert("vip_llava_instruct", lost, vcr="boxes") == "VCR's file of boxes is missing"
    assert convert("vip_llava_instruct", asked(boxes=[(0, 0, 9, 9, 1), (5, 5, 5, 5, 1)]), vcr="boxes") == (
        "box without area in its image"
    )
    unnamed = asked(boxes=[(0, 0, 9, 9, 1), (0, 0, 9, 9, 1), (5, 5, 5, 5, 1)])
    assert said(convert("vip_llava_instruct", unnamed, vcr="boxes"))
    with pytest.raises(ValueError, match="no box or no name"):
        convert("vip_llava_instruct", asked(text=["Who", "is", [2], "?"]), vcr="boxes")
    with pytest.raises(ValueError, match="is no list"):
        convert("vip_llava_instruct", msgspec.structs.replace(asked(), question="Why?"), vcr="boxes")
