"""Korean sets: which of ten answers, what is unanswerable, where images are, and what is joined in which folder."""

from hashlib import sha256

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip
from mixer.errors import UsageError
from mixer.prompts import BRIEF, SHORT_ANSWER_KO
from mixer.shared.merging import MergeOptions
from mixer.sources import Picture, kocc12m, kvqa
from mixer.sources.aihub_vqa import Annotation, Image, Question


def convert(name, raw, **options):
    """Convert a raw record or a group of them."""
    source = sources.get(name)
    return source.convert(raw, source.options(**options))


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def asked(*answers, answerable=1, kind="other", image="KVQA_1.jpg"):
    """Give a record of KVQA with these answers."""
    held = [{"answer": answer, "answer_confidence": "maybe"} for answer in answers]
    fields = {"image": image, "source": "kvqa", "answers": held, "question": "뭐야?"}
    return msgspec.convert({**fields, "answerable": answerable, "answer_type": kind}, kvqa.Raw)


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        (["솥", "국자", "국자"], "국자"),
        (["솥", "국자", "국자", "솥"], "솥"),
        (["국자", "솥.", "솥", "솥!", "국자"], "솥."),
        (["국자", "솥.", "솥", "솥", "국자"], "솥"),
        (["1,200원", "90원", "1200원", "90원", "1,200원"], "1,200원"),
        (["왼쪽/위", "왼쪽 위", "아래", "아래", "왼쪽-위"], "왼쪽/위"),
        (["1.5리터", "15리터", "1.5리터."], "1.5리터"),
        (["?", "!", "솥"], "솥"),
        ([" 솥 ", "국자"], "솥"),
    ],
)
def test_kvqa_answers_with_what_most_people_said(answers, chosen):
    """Punctuation does not count, of equals the first wins, and the words stay somebody's own."""
    assert said(convert("kvqa", asked(*answers))) == ["<image>\n뭐야?", chosen]


def test_kvqa_names_the_record_after_its_image():
    """There is one question to an image; source, split and type are labels."""
    made = convert("kvqa", asked("솥", image="VizWiz_train_0007.jpg", kind="yes/no"), split="val")

    assert (made.conversation.id, made.conversation.image) == (
        "VizWiz_train_0007",
        "kvqa/images/VizWiz_train_0007.jpg",
    )
    assert (made.labels.subset, made.labels.split, made.labels.task) == ("kvqa", "val", "yes/no")


@pytest.mark.parametrize(
    "raw",
    [
        asked("흐려요", answerable=0),
        asked("흐려요", kind="unanswerable"),
        asked("unanswerable", "unanswerable", "솥"),
        asked("Unanswerable.", "unanswerable", "솥"),
    ],
)
def test_kvqa_unanswerable_questions(raw):
    """They keep the word, get a Korean phrase, or are skipped."""
    assert said(convert("kvqa", raw))[1] == "unanswerable"
    assert said(convert("kvqa", raw, unanswerable="korean"))[1] == kvqa.UNANSWERABLE_KO
    assert convert("kvqa", raw, unanswerable="skip") == Skip("unanswerable")


def test_kvqa_may_ask_for_a_short_answer():
    """The request is on a line of its own; without answers there is nothing to ask."""
    assert said(convert("kvqa", asked("솥"), prompt="short"))[0] == f"<image>\n뭐야?\n{SHORT_ANSWER_KO}"
    assert convert("kvqa", asked()) == Skip("no answer")
    assert convert("kvqa", asked("?", " ")) == Skip("no answer")


def test_kvqa_has_no_test_split():
    """Its file has no answers."""
    with pytest.raises(UsageError, match="split"):
        sources.parse_options(sources.get("kvqa"), ["split=test"])


URL = "http://example.com/냄비.png"
NAME = sha256(URL.encode()).hexdigest()


def pair(column="url", korean="솥", english="a pot"):
    """Give a row of KoCC12M."""
    return msgspec.convert({column: URL, "korean_caption": korean, "english_caption": english}, kocc12m.Raw)


@pytest.mark.parametrize("column", ["url", "image_url"])
def test_kocc12m_names_images_by_their_url(column):
    """Both names of the column are read; the file has one of four suffixes."""
    raw = pair(column)

    made = convert("kocc12m", raw, images="all")

    start = f"kocc12m/images/{NAME[:2]}/{NAME}"
    assert raw.names == [f"{start}.jpg", f"{start}.jpeg", f"{start}.png", f"{start}.webp"]
    assert (made.conversation.id, made.conversation.image) == (NAME, f"{start}.jpg")


def test_kocc12m_skips_images_that_are_not_there():
    """Most links died; an image that is there is named as it is."""
    raw = pair()
    assert convert("kocc12m", raw) == Skip("image file is missing")

    raw.picture = Picture(raw.names[2], 4, 2)

    assert convert("kocc12m", raw).conversation.image == raw.names[2]


def test_kocc12m_asks_in_the_language_of_the_caption():
    """The request follows from the url, tags are text, and an empty caption is skipped."""
    korean, english = (
        convert("kocc12m", pair(korean=" <PERSON>의 솥 "), images="all"),
        convert("kocc12m", pair(), images="all", caption="english"),
    )

    assert said(korean)[0].removeprefix("<image>\n") in kocc12m.BRIEF_KO
    assert said(english)[0].removeprefix("<image>\n") in BRIEF
    assert (said(korean)[1], said(english)[1]) == ("<PERSON>의 솥", "a pot")
    assert (korean.labels.language, english.labels.language) == ("ko", "en")
    assert convert("kocc12m", pair(korean=" "), images="all") == Skip("no caption")
    assert len(kocc12m.BRIEF_KO) == len(BRIEF)


def test_kocc12m_refuses_rows_without_a_url():
    """Neither column is there."""
    with pytest.raises(msgspec.ValidationError, match="neither"):
        msgspec.convert({"korean_caption": "솥", "english_caption": "a pot"}, kocc12m.Raw)


FOLDER = "Training/라벨링데이터/마당/중_train_마당"


def question(number, text, answer=None, category="마당"):
    """Give a question about image 4 of a folder, with what is joined to it."""
    annotation = Annotation(number, answer, image_id=4) if answer else None
    listed = Image("pot_4.jpg", category, image_id=4)
    return Question(number, text, annotation, listed, image_id=4, file=f"{FOLDER}/question.json")


def test_aihub_ids_hold_split_category_and_level():
    """Numbers come again in other folders; the category names the folder of the image."""
    skipped, made = convert("aihub_vqa", [question(7, "뭐야?", "솥"), question(8, "왜?")])

    assert isinstance(made, Labelled)
    assert made.conversation.id == "train-마당-중-7"
    assert made.conversation.image == "aihub_vqa/Training/마당/pot_4.jpg"
    assert (made.labels.subset, made.labels.split, made.labels.task) == ("마당", "train", "중")
    assert said(made) == ["<image>\n뭐야?", "솥"]
    assert skipped == Skip("no answer")


def test_aihub_questions_of_an_image_may_be_one_record():
    """The request, if asked for, stands after the first question only."""
    raws = [question(7, "뭐야?", "솥"), question(8, "몇 개야?", "하나", category=None)]

    [made] = convert("aihub_vqa", raws, merge="image", prompt="short")

    assert made.conversation.id == "train-마당-중-image-4"
    assert said(made) == [f"<image>\n뭐야?\n{SHORT_ANSWER_KO}", "솥", "몇 개야?", "하나"]
    assert made.items == 2


def test_aihub_joins_inside_a_folder():
    """What names a question or an image holds the folder of its file, and numbers may be texts."""
    here = question("7", "뭐야?", "솥")
    there = Annotation(7, "국자", image_id=4, file=f"{FOLDER}2/annotation.json")

    assert (here.asked, here.photo) == (f"{FOLDER}/7", f"{FOLDER}/4")
    assert there.asked != here.asked
    here.listed = None
    assert list(convert("aihub_vqa", [here, here])) == [Skip("image is not listed", items=2)]


@pytest.mark.parametrize(
    ("split", "start"),
    [("train", "Training/라벨링데이터/*/*_train_*/"), ("validation", "Validation/라벨링데이터/*/*_validate_*/")],
)
def test_aihub_reads_three_files_of_each_folder(split, start):
    """The folders' names differ between the splits."""
    source = sources.get("aihub_vqa")
    options = source.options(split=split)

    assert isinstance(options, MergeOptions)
    assert [file.path for file in source.every_file(options)] == [
        f"{start}{name}.json" for name in ("question", "annotation", "images")
    ]
