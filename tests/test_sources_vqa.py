"""VQAv2 and GQA: which answer, how questions are merged, and what is refused."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Labels, Skip
from mixer.errors import UsageError
from mixer.shared.flat_vqa import Flat
from mixer.shared.merging import Asked, MergeOptions, records
from mixer.sources.vqav2 import Annotation, Answer, Question, Ten

PROMPT = "\nAnswer the question using a single word or phrase."
VOTES = ["jar", "jar", "jar", "jar", "pot", "pot", "pot", "pot", "lid", "lid"]


def convert(name, raws, **options):
    """Convert a group of raw records; give what was made and the reasons of what was skipped."""
    source = sources.get(name)
    given = list(source.convert(raws, source.options(**options)))
    return [each for each in given if type(each) is Labelled], [each.reason for each in given if type(each) is Skip]


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def question(number, text, answer=None, kind="other"):
    """Give a question about image 300007 of VQAv2."""
    annotation = None if answer is None else Annotation(300007, 300007000 + number, kind, answer)
    return Question(300007, 300007000 + number, text, annotation)


QUESTIONS = [
    question(0, "Is it lit?", "yes", "yes/no"),
    question(1, "Why?"),
    question(2, "Who  is it?", "a girl, asleep"),
]


def test_the_questions_of_an_image_are_one_record():
    """The request stands after the first question only; answers get a capital and no period; order is the file's."""
    [made], skipped = convert("vqav2", QUESTIONS)

    assert said(made) == [f"<image>\nIs it lit?{PROMPT}", "Yes", "Who  is it?", "A girl, asleep"]
    assert (made.conversation.id, made.conversation.image) == ("000000300007", "coco/train2017/000000300007.jpg")
    assert (made.items, made.labels.split, made.labels.subset) == (2, "train", None)
    assert skipped == ["no answer"]


def test_each_question_may_be_a_record_of_its_own():
    """Each has the request, the question's id, and its kind of answer as its subset."""
    made, skipped = convert("vqav2", QUESTIONS, merge="none", split="val")

    assert [each.conversation.id for each in made] == ["300007000", "300007002"]
    assert said(made[1]) == [f"<image>\nWho  is it?{PROMPT}", "A girl, asleep"]
    assert {each.conversation.image for each in made} == {"coco/val2014/COCO_val2014_000000300007.jpg"}
    assert [(each.items, each.labels.split, each.labels.subset) for each in made] == [
        (1, "val", "yes/no"),
        (1, "val", "other"),
    ]
    assert skipped == ["no answer"]


def test_many_questions_are_dealt_out():
    """No record has more than asked for; each has the request, and a number at the end of its id where there are more."""
    asked = [Asked(str(number), f"Q{number}?", f"A{number}") for number in range(5)]

    def made(most, questions=asked):
        options = MergeOptions(max_turns=most)
        return list(records(questions, options, id="7", image="7.jpg", prompt="Briefly.", labels=Labels()))

    assert [each.conversation.id for each in made(2)] == ["7-0", "7-1", "7-2"]
    assert [each.items for each in made(2)] == [2, 2, 1]
    assert [said(each)[0] for each in made(2)] == [f"<image>\nQ{n}?\nBriefly." for n in (0, 2, 4)]
    assert [each.conversation.id for each in made(5)] == ["7"]
    assert [each.items for each in made(0)] == [5]
    assert made(2, [Asked("1", "Q?", ""), Asked("2", "Q?", " ")]) == [Skip("no answer")] * 2


def test_the_published_answer_is_copied_and_one_of_ten_is_picked():
    """In a tie the published choice stands; sampled answers come as often as they were given, the same each time."""
    ten = [Ten(1, number, "other", "pot", [Answer(vote) for vote in VOTES]) for number in range(1000, 2000)]
    raws = [Question(1, each.question_id, "What?", each) for each in ten]

    [sampled], _ = convert("vqav2", raws, answer="sampled")
    [again], _ = convert("vqav2", raws, answer="sampled")
    [alone], _ = convert("vqav2", raws[7:8], answer="sampled")

    answers = said(sampled)[1::2]
    assert said(again) == said(sampled)
    assert said(alone)[1] == answers[7], "nothing but the question decides"
    assert {word: round(answers.count(word), -2) for word in set(answers)} == {"Jar": 400, "Pot": 400, "Lid": 200}
    assert convert("vqav2", [question(0, "What?", "pot")])[0][0].conversation.conversations[1].value == "Pot"
    assert convert("vqav2", [Question(1, 1000, "What?", Ten(1, 1000, "other", "pot", []))], answer="sampled") == (
        [],
        ["no answer"],
    )


def test_only_sampling_reads_the_ten_answers():
    """The type of the annotations follows the options, and annotations of OK-VQA fit neither."""
    source = sources.get("vqav2")

    kinds = [source.used_joins(source.options(answer=answer))[0].file.raw_type(source.options(answer=answer))
             for answer in ("multiple_choice", "sampled")]  # fmt: skip

    assert kinds == [Annotation, Ten]
    okvqa = {
        "image_id": 8,
        "question_id": 85,
        "answer_type": "other",
        "answers": [{"answer": "be", "raw_answer": "bee"}],
    }
    for kind in kinds:
        with pytest.raises(msgspec.ValidationError, match="multiple_choice_answer"):
            msgspec.convert(okvqa, kind)


def test_questions_of_other_versions_are_refused():
    """In v2.0 a question's number is that of its image times 1000 and a little."""
    with pytest.raises(msgspec.ValidationError, match="not image_id \\* 1000"):
        msgspec.convert({"image_id": 8, "question_id": 85, "question": "What?"}, Question)


@pytest.mark.parametrize("split", ["train", "val"])
def test_lavis_file_has_questions_and_answers_together(split):
    """The image is told by its name, no annotations are read, and the most frequent answer stands in."""
    source = sources.get("vqav2")
    options = source.options(packaging="lavis", split=split)
    name = f"{split}2014/COCO_{split}2014_000000300007.jpg"
    raw = msgspec.convert({"question_id": 300007000, "question": "What?", "answer": VOTES, "image": name}, Flat)

    [made], _ = convert("vqav2", [raw], packaging="lavis", split=split)

    assert [file.path for file in source.every_file(options)] == [f"vqa_{split}.json"]
    assert said(made)[1] == "Jar"
    assert made.conversation.image.endswith("000000300007.jpg")
    assert made.conversation.id == "000000300007"
    assert convert("vqav2", [raw], packaging="lavis", merge="none")[0][0].labels.subset is None
    assert said(convert("vqav2", [raw], packaging="lavis", answer="sampled")[0][0])[1] in {"Jar", "Pot", "Lid"}


def test_lavis_images_without_a_number_are_refused():
    """A name that does not end as COCO's do is no image of COCO."""
    with pytest.raises(msgspec.ValidationError, match="no number"):
        msgspec.convert({"question_id": 1, "question": "?", "answer": [], "image": "coat.jpg"}, Flat)


@pytest.mark.parametrize("split", ["test", "test-dev"])
def test_splits_without_answers_are_not_offered(split):
    """VQAv2's test questions cannot be asked for."""
    with pytest.raises(UsageError, match="split"):
        sources.parse_options(sources.get("vqav2"), [f"split={split}"])


def gqa(**values):
    """Decode a question of GQA."""
    [file] = sources.get("gqa").used_files(sources.get("gqa").options())
    return msgspec.convert({"question": "Is it round?", **values}, file.raw)


FULL = {"imageId": "n12", "answer": "yes", "fullAnswer": "Yes, it is round.", "types": {"structural": "verify"}}


def test_gqa_asks_for_short_answers():
    """As LLaVA-1.5: short answers with a capital; ids stay texts."""
    [made], skipped = convert("gqa", [gqa(**FULL), gqa(imageId="n12"), gqa(imageId="n12", answer=None)])

    assert said(made) == [f"<image>\nIs it round?{PROMPT}", "Yes"]
    assert (made.conversation.id, made.conversation.image) == ("n12", "gqa/images/n12.jpg")
    assert (made.items, made.labels.split) == (1, "train_balanced")
    assert skipped == ["no answer"] * 2


def test_gqa_full_answers_stand_as_they_are():
    """A sentence is not asked for in a word; a question's record has its id and form."""
    [made], _ = convert("gqa", [gqa(**FULL, key="07000012")], answer="full", merge="none")

    assert said(made) == ["<image>\nIs it round?", "Yes, it is round."]
    assert (made.conversation.id, made.labels.subset) == ("07000012", "verify")
    assert convert("gqa", [gqa(imageId="7", answer="yes")], answer="full") == ([], ["no answer"])


@pytest.mark.parametrize("name", ["1201.jpg", "images/1201.jpg"])
def test_gqa_of_lavis_names_the_image_by_its_file(name):
    """Its copies have `image` in place of `imageId`, and the question's id in the record."""
    [made], _ = convert("gqa", [gqa(image=name, answer="yes", question_id="07000012")], merge="none")

    assert made.conversation.image == "gqa/images/1201.jpg"
    assert made.conversation.id == "07000012"


def test_gqa_without_an_image_is_refused():
    """Neither name is there: a bad record."""
    with pytest.raises(msgspec.ValidationError, match="neither"):
        gqa(answer="yes")


def test_gqa_all_questions_are_in_ten_parts():
    """One option reads all of them."""
    source = sources.get("gqa")

    paths = [file.path for file in source.used_files(source.options(split="train_all"))]

    assert paths == [f"train_all_questions/train_all_questions_{part}.json" for part in range(10)]
