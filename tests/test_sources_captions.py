"""COCO Captions, Flickr30k and SBU: which caption of an image, how it is asked for, and which photo it is of."""

from __future__ import annotations

import re
from collections import Counter

import msgspec
import pytest
from test_contract import converted, lines

from mixer import sources
from mixer.conversation import Labelled, Labels, Skip
from mixer.errors import DataError, UsageError
from mixer.prompts import CAPTION, ONE_SENTENCE, SHORT_CAPTION
from mixer.roots import MINIATURES
from mixer.shared import shikra
from mixer.shared.captions import REQUESTS, Caption, CaptionOptions, records
from mixer.sources import Picture
from mixer.sources.coco_captions import Annotation, Flat, Karpathy, OfShikra, Sentence
from mixer.sources.flickr30k import Grounded, Hub, Line, Row
from mixer.sources.sbu_captions import Address, Column, Text
from mixer.validate import check

FIVE = [Caption(f" Caption {number}.\n", f"{number}") for number in range(5)]


def convert(name, raws, **options):
    """Convert raw records; give what was made, as (id, image, request, answer), and the reasons of what was not."""
    source = sources.get(name)
    made, skipped = [], []
    for each in source.convert(raws, source.options(**options)):
        if isinstance(each, Skip):
            skipped += [each.reason] * each.items
            continue
        record = each.conversation if isinstance(each, Labelled) else each
        assert not check(record)
        made.append((record.id, record.image, *[turn.value for turn in record.conversations]))
    return made, skipped


def of_image(given, items=None, **options):
    """Make the records of an image."""
    return list(
        records(
            given,
            CaptionOptions(**options),
            source="x",
            id="7",
            image="7.jpg",
            labels=Labels(split="train"),
            items=len(given) if items is None else items,
        )
    )


def answers(made):
    """List the answers of records."""
    return [each.conversation.conversations[1].value for each in made if isinstance(each, Labelled)]


# Captions of an image


def test_one_caption_is_picked_by_hash():
    """The same one each time and without its blanks, not always the same number; the others are counted."""
    skip, made = of_image(FIVE)

    assert skip == Skip("not the caption picked of its image", 4)
    assert made == of_image(FIVE)[1]
    assert answers([made])[0] in {each.text.strip() for each in FIVE}
    assert (made.conversation.id, made.labels.split, made.items) == ("7", "train", 1)
    chosen = Counter(
        answers(records(FIVE, CaptionOptions(), source="x", id=f"{n}", image="7.jpg", labels=Labels(), items=5))[0]
        for n in range(1000)
    )
    assert len(chosen) == 5
    assert min(chosen.values()) > 150


def test_every_caption_may_be_a_record():
    """Each has its own id, or one of its content; captions that are one raw item together count once."""
    apart = of_image(FIVE, captions="all")
    together = of_image(FIVE, 1, captions="all")
    nameless = of_image([Caption("A"), Caption("B")], captions="all")

    assert [each.conversation.id for each in apart] == list("01234")
    assert [each.items for each in apart] == [1] * 5
    assert [each.items for each in together] == [1, 0, 0, 0, 0]
    assert answers(apart) == answers(together) == [f"Caption {number}." for number in range(5)]
    assert all(re.fullmatch(r"7-[0-9a-f]{12}", each.conversation.id) for each in nameless)
    assert nameless[1].conversation.id == of_image([Caption("B")], captions="all")[0].conversation.id


def test_empty_captions_are_counted():
    """Each where they are items, else the image if it has no other."""
    blank = Caption(" \n")

    assert of_image([blank, FIVE[0]])[0] == Skip("no caption")
    assert of_image([blank, blank]) == [Skip("no caption", 2)]
    assert of_image([blank, FIVE[0]], 1)[0].items == 1
    assert of_image([], 1) == [Skip("no caption")]
    assert of_image([Caption(" (!) ")], prompt="minigpt_v2") == [Skip("no caption")]


def test_an_image_that_comes_twice_is_one():
    """Of records that each hold all of an image's captions, all but one are counted as such."""
    assert of_image(FIVE, 2, captions="all")[0] == Skip("image that came before")
    assert [type(each) for each in of_image(FIVE, 2)] == [Skip, Labelled]


@pytest.mark.parametrize("prompt", REQUESTS)
def test_requests_are_as_published(prompt):
    """Of several one is picked by the caption's id; only MiniGPT-v2 changes the captions."""
    made = [
        each.conversation.conversations
        for n in range(300)
        for each in of_image([Caption('A "Kite", (red): #2.  ', f"{n}")], prompt=prompt, captions="all")
    ]

    assert {turns[0].value.removeprefix("<image>\n") for turns in made} == set(REQUESTS[prompt])
    expected = "a kite , red 2" if prompt == "minigpt_v2" else 'A "Kite", (red): #2.'
    assert {turns[1].value for turns in made} == {expected}


def test_wordings_of_pools():
    """Seventeen of MiniGPT-v2, behind its tag and some with a blank at the end; thirteen of InstructBLIP."""
    assert (len(set(CAPTION)), len(set(SHORT_CAPTION))) == (17, 13)
    assert [each for each in CAPTION if each != each.strip()] == [
        "A photo of ", "An image that shows ", "Write a short description for the image. ",
    ]  # fmt: skip
    assert SHORT_CAPTION[0] == "A short image caption:"
    assert all(each == each.strip() for each in SHORT_CAPTION)
    assert all(each.startswith("[caption] ") for each in REQUESTS["minigpt_v2"])
    assert REQUESTS["llava"] == (ONE_SENTENCE,)


# COCO Captions


def annotation(number, text, image="000000300007.jpg", split="train"):
    """Give a caption as lookup and file complete it."""
    return Annotation(300007, number, text, image, split)


@pytest.mark.parametrize(
    ("options", "name", "path"),
    [
        ({}, "000000300007.jpg", "coco/train2017/000000300007.jpg"),
        ({"file": "captions_val2017"}, "000000300007.jpg", "coco/val2017/000000300007.jpg"),
        ({"file": "captions_train2014"}, "COCO_train2014_000000300007.jpg", "coco/train2017/000000300007.jpg"),
        (
            {"file": "captions_train2014", "coco": "train2014"},
            "COCO_train2014_000000300007.jpg",
            "coco/train2014/COCO_train2014_000000300007.jpg",
        ),
        (
            {"file": "captions_val2014", "coco": "train2014"},
            "COCO_val2014_000000300007.jpg",
            "coco/val2014/COCO_val2014_000000300007.jpg",
        ),
    ],
)
def test_coco_photos_lie_in_their_release(options, name, path):
    """Those of train2014 are named as in train2017 unless asked otherwise, those of val2014 never."""
    made, _ = convert("coco_captions", [annotation(41, "A kite.", name)], **options)

    assert made == [("000000300007", path, f"<image>\n{ONE_SENTENCE}", "A kite.")]


def test_coco_inner_blanks_stay():
    """Line breaks and doubled blanks inside a caption are its author's."""
    made, _ = convert("coco_captions", [annotation(41, "A  kite\nin a tree \n")], captions="all")

    assert made[0] == ("41", "coco/train2017/000000300007.jpg", f"<image>\n{ONE_SENTENCE}", "A  kite\nin a tree")


def test_coco_captions_need_their_image():
    """Without its row among `images` nothing is known of the photo; ids that are texts are other data's."""
    assert convert("coco_captions", [annotation(1, "A kite.", ""), annotation(2, "A kite.", "")]) == (
        [],
        ["image not among `images`"] * 2,
    )
    with pytest.raises(msgspec.ValidationError, match="image_id"):
        msgspec.convert({"image_id": "7", "id": 1, "caption": "A diver."}, Annotation)


@pytest.mark.parametrize("split", ["train", "restval", "val", "test"])
def test_karpathy_restval_belongs_to_train(split):
    """By default it does; the others are asked for by name; the split is the record's label."""
    raw = Karpathy(300007, "COCO_val2014_000000300007.jpg", split, [Sentence("A kite.", 9), Sentence("A tree.", 10)])
    source = sources.get("coco_captions")

    made = list(source.convert([raw], source.options(file="dataset_coco", captions="all")))

    if split in ("train", "restval"):
        assert [each.conversation.id for each in made] == ["9", "10"]
        assert {each.labels.split for each in made} == {split}
    else:
        assert made == [Skip("of another split")]
    asked, _ = convert("coco_captions", [raw], file="dataset_coco", splits=(split,))
    assert [image for _, image, *_ in asked] == ["coco/val2014/COCO_val2014_000000300007.jpg"]


def test_lavis_train_file_holds_restval():
    """Its images of val2014 are restval, which MiniGPT-v2 leaves out; in val and test captions are a list."""
    raw = Flat("val2014/COCO_val2014_000000300007.jpg", "A kite.", split="train")
    listed = Flat("val2014/COCO_val2014_000000300007.jpg", ["A kite.", "A tree."], split="val")

    assert len(convert("coco_captions", [raw], file="coco_karpathy_train")[0]) == 1
    assert convert("coco_captions", [raw], file="coco_karpathy_train", splits=("train",)) == ([], ["of another split"])
    assert len(convert("coco_captions", [listed], file="coco_karpathy_val", captions="all")[0]) == 2


@pytest.mark.parametrize("name", ["COCO_train2014_000000300007.jpg", "000000300007.jpg", "x/000000300007.jpg"])
def test_shikra_has_photos_of_train2014(name):
    """However the name is written."""
    raw = msgspec.convert({"img_path": name, "caption": "A kite."}, OfShikra)

    made, _ = convert("coco_captions", [raw], file="CAP_coco2014_train", coco="train2014")

    assert made[0][1] == "coco/train2014/COCO_train2014_000000300007.jpg"


def test_lavis_photos_of_other_releases_are_refused():
    """Only those of 2014 are known."""
    raw = Flat("test2015/COCO_test2015_000000300007.jpg", "A kite.", split="train")

    with pytest.raises(msgspec.ValidationError, match="neither train2014 nor val2014"):
        convert("coco_captions", [raw], file="coco_karpathy_train")
    with pytest.raises(msgspec.ValidationError, match="no number"):
        msgspec.convert({"image": "kite.jpg", "caption": "A kite."}, Flat)


@pytest.mark.parametrize("option", ["file=captions_test2014", "splits=none", "splits=[]"])
def test_coco_has_no_captions_for_tests(option):
    """Nor other splits, nor none."""
    with pytest.raises(UsageError):
        sources.parse_options(sources.get("coco_captions"), [option])


# Flickr30k


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7004131.jpg#0\tA kite , #2 .", ("7004131", 0, "A kite , #2 .")),
        ("7004131.jpg#12\tA\tkite", ("7004131", 12, "A\tkite")),
        ('7004131.jpg#3 A kite | a "tree"', ("7004131", 3, 'A kite | a "tree"')),
        ("7004131.jpg#3\t", ("7004131", 3, "")),
        ("  ", ("", 0, "")),
    ],
)
def test_token_lines_are_parted_once(text, found):
    """At the first tab, or the first blank where there is none; whatever comes then is caption."""
    line = msgspec.convert({"text": text}, Line)

    assert (line.stem, line.number, line.caption) == found


@pytest.mark.parametrize("text", ["A kite", "7004131.jpg\tA kite", "7004131.jpg#x\tA kite", "#\tA kite"])
def test_token_lines_without_a_key_are_refused(text):
    """A line that says of no image which caption it is, is bad."""
    with pytest.raises(msgspec.ValidationError, match="does not begin with"):
        msgspec.convert({"text": text}, Line)


def test_blanks_before_punctuation_are_taken_away_when_asked():
    """Only then, and only before the four marks."""
    raws = [Line(text='7.jpg#0\tA man \'s kite , red ; " new " .')]

    assert convert("flickr30k", raws, file="results_20130124")[0][0][3] == 'A man \'s kite , red ; " new " .'
    assert (
        convert("flickr30k", raws, file="results_20130124", detokenise=True)[0][0][3] == 'A man\'s kite, red ;" new".'
    )


@pytest.mark.parametrize("unrelated", [0, 2])
def test_captions_of_other_images_may_be_left_out(unrelated):
    """The list counts from 1, the files from 0; where captions are items each is counted."""
    rows = [Row(image="7.jpg", number=number, caption=f"C{number}", unrelated=unrelated) for number in range(3)]
    hub = Hub(image="7.jpg", split="train", raw='["C0", "C1", "C2"]', sentids='["10", 11, 12]', unrelated=unrelated)

    made, skipped = convert("flickr30k", rows, file="results", captions="all")
    listed, _ = convert("flickr30k", [hub], file="flickr_annotations_30k", captions="all")

    kept = [0, 2] if unrelated else [0, 1, 2]
    assert [each[0] for each in made] == [f"7#{number}" for number in kept]
    assert skipped == ["caption not of its image"] * (3 - len(kept))
    assert [(each[0], each[3]) for each in listed] == [(f"{10 + number}", f"C{number}") for number in kept]
    only = Row(image="7.jpg", number=1, caption="C", unrelated=2)
    assert convert("flickr30k", [only], file="results") == ([], ["caption not of its image"])


@pytest.mark.parametrize(
    ("cells", "said"),
    [(('["A"', "[]"), "should hold JSON"), (('["A"]', "[]"), "differ in length"), (('"A"', "[1]"), "Expected `array`")],
)
def test_hub_cells_hold_lists(cells, said):
    """Cells that do not are bad."""
    raw, numbers = cells
    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert({"filename": "7.jpg", "split": "train", "raw": raw, "sentids": numbers}, Hub)


def sentence(text, boxes_seq, **more):
    """Give a sentence of Shikra's file, about a photo of 200 x 100."""
    boxes = [(0, 0, 100, 50), (150, 50, 220, 100)]
    given = {"image_id": 7, "id": 3, "boxes": boxes, "picture": Picture("7.jpg", 200, 100)}
    return Grounded(sentence=text, boxes_seq=boxes_seq, **{**given, **more})


def test_boxes_stand_behind_their_phrases():
    """On the square around the photo, cut to it; of several in one bracket; every sentence is a record."""
    raws = [sentence("<ph_st>A kite<ph_ed> and <ph_st>two trees<ph_ed> .", [[0], [0, 1]]), sentence("Fog .", [], id=4)]

    made, _ = convert("flickr30k", raws, file="CWB_flickr30k_train")
    llava, _ = convert("flickr30k", raws, file="CWB_flickr30k_train", boxes="llava")

    first, second = "[0.000,0.250,0.500,0.500", "0.750,0.500,1.000,0.750]"
    assert [(each[0], each[1], each[3]) for each in made] == [
        ("7-3", "flickr30k-images/7.jpg", f"A kite{first}] and two trees{first};{second} ."),
        ("7-4", "flickr30k-images/7.jpg", "Fog ."),
    ]
    assert llava[0][3] == "A kite [0.0, 0.25, 0.5, 0.5] and two trees [0.0, 0.25, 0.5, 0.5] [0.75, 0.5, 1.0, 0.75] ."
    assert all(each[2].count("<image>") == 1 for each in made)


def test_marks_have_their_boxes():
    """A mark without an entry is skipped, an entry without a box is bad, an empty entry shows nothing."""
    assert convert("flickr30k", [sentence("<ph_st>A kite<ph_ed> .", [])])[1] == ["marks and boxes differ in number"]
    assert convert("flickr30k", [sentence("A kite .", [], picture=None)])[1] == ["image file is missing"]
    assert convert("flickr30k", [sentence("<ph_st>A kite<ph_ed> .", [[]])])[0][0][3] == "A kite ."
    for number in (2, -1):
        with pytest.raises(ValueError, match="box that is not there"):
            convert("flickr30k", [sentence("<ph_st>A kite<ph_ed> .", [[number]])])
    assert shikra.unmarked("<ph_st>A kite<ph_ed> , red") == "A kite, red"


# SBU


def test_sbu_rows_have_no_id():
    """They get the name of their photo, the last part of its address; twins stay twins."""
    raw = Column("http://example.com/27/43_b0.jpg", " tin &amp; oil \n")

    made, _ = convert("sbu_captions", [raw, raw])

    assert made == [("43_b0", "sbu/images/43_b0.jpg", f"<image>\n{ONE_SENTENCE}", "tin &amp; oil")] * 2
    with pytest.raises(msgspec.ValidationError, match="does not end with the name of a file"):
        msgspec.convert({"image_urls": "http://example.com/", "captions": "A sign"}, Column)


def test_sbu_photos_may_be_looked_for():
    """Rows without theirs are skipped only when that is asked for."""
    there = Column("http://x/1.jpg", "A sign", picture=Picture("sbu/images/1.jpg", 3, 2))
    gone = Column("http://x/2.jpg", "A sign")

    assert [len(each) for each in convert("sbu_captions", [there, gone])] == [2, 0]
    assert [len(each) for each in convert("sbu_captions", [there, gone], missing="skip")] == [1, 1]
    source = sources.get("sbu_captions")
    assert source.used_pictures(source.options()) is None
    assert source.used_pictures(source.options(missing="skip")) is not None


def test_sbu_lines_go_together():
    """An address has the caption of its line; without one, or with an empty one, it is skipped."""
    raws = [Address("http://x/1.jpg", 4, caption=Text("A sign", 4)), Address("http://x/2.jpg", 5)]

    made, skipped = convert("sbu_captions", [*raws, Address("http://x/3.jpg", 6, caption=Text(" ", 6))])

    assert [(each[1], each[3]) for each in made] == [("sbu/images/1.jpg", "A sign")]
    assert skipped == ["no caption"] * 2


def test_sbu_never_reads_users():
    """Only the lists' length counts for them."""
    source = sources.get("sbu_captions")

    for file in source.files:
        names = {field.encode_name for field in msgspec.structs.fields(file.raw_type(source.options()))}
        assert not names & {"user_id", "user_ids"}


@pytest.mark.parametrize("file", ["sbu-captions-all", "txt", "parquet"])
def test_sbu_is_the_same_in_every_packaging(cache, file):
    """Rows that several files hold give the same records."""
    found = {
        (each["id"], each["conversations"][1]["value"])
        for each in lines(converted("sbu_captions", MINIATURES, cache, file=file))
    }
    first = {
        (each["id"], each["conversations"][1]["value"])
        for each in lines(converted("sbu_captions", MINIATURES, cache, file="sbu"))
    }

    assert first <= found


# All three

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 3872473\n"
FILES = [
    pytest.param(name, options, id=f"{name}-{options['file']}")
    for name, every in {
        "coco_captions": ("captions_train2017", "dataset_coco", "coco_karpathy_val", "CAP_coco2014_train"),
        "flickr30k": ("results_20130124", "results", "dataset_flickr30k", "flickr_annotations_30k", "flickr30k_val"),
        "sbu_captions": ("sbu-captions-all", "txt", "sbu", "parquet"),
    }.items()
    for options in ({"file": file} for file in every)
]


@pytest.mark.parametrize(("name", "options"), FILES)
def test_a_git_lfs_pointer_is_told_as_such(tmp_path, cache, name, options):
    """Checked-in copies are often pointers under the right name: no broken JSON, but a file to fetch."""
    source = sources.get(name)
    for file in source.every_file(source.options(**options)):
        path = tmp_path / file.path.replace("*", "0")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(POINTER)

    with pytest.raises(DataError, match="got a Git LFS pointer; fetch the file itself"):
        converted(name, tmp_path, cache, **options)
