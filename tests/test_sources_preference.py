"""RLHF-V, RLAIF-V, VLFeedback, STIC, POVID, BPO and HALVA: which answers make a pair, and what is asked before them."""

import base64
import json
from types import SimpleNamespace

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Conversation, Labelled, Labels, Skip
from mixer.shared.rlhf_pairs import as_json, stem

PNG = b"\x89PNG\r\n\x1a\n kiln"
KIND = json.dumps({"model": "Owl", "type": "question_answering"})


def decoded(name, given, file=0):
    """Decode a raw record as the source's file of this number does."""
    return msgspec.convert(given, sources.get(name).files[file].raw)


def convert(name, given, file=0, **options):
    """Convert a raw record; give what was made and the reasons of what was skipped."""
    source = sources.get(name)
    made = source.convert(decoded(name, given, file), source.options(**options))
    made = [made] if isinstance(made, Labelled | Conversation | Skip) else list(made)
    return [each for each in made if type(each) is not Skip], [each.reason for each in made if type(each) is Skip]


def only(name, given, file=0, **options):
    """Convert a raw record that gives one conversation; give its prompt, its answers, and what was made."""
    [made], _ = convert(name, given, file, **options)
    record = made.conversation if isinstance(made, Labelled) else made
    prompt = [turn.value for turn in record.conversations]
    return SimpleNamespace(prompt=prompt, answers=answers(record), record=record, made=made)


def answers(record):
    """Give the chosen and the rejected answer."""
    return record.chosen and (record.chosen.value, record.rejected.value)


def in_base64(text):
    """Write a text in base64."""
    return base64.b64encode(text.encode()).decode()


def corrected(**more):
    """Give a row of RLHF-V without its texts."""
    image = {"bytes": PNG, "path": "9.jpg"}
    rest = {"idx": 4, "origin_dataset": "LCS", "origin_split": KIND, "image_path": "a/b/9.jpg"}
    return {"image": image, **rest, **more}


SIDES = {"question": "who fires it?", "chosen": "A potter.", "rejected": "A baker."}


@pytest.mark.parametrize(
    "texts",
    [{"text": json.dumps(SIDES)}, {"text": SIDES}, {"text": json.dumps(list(SIDES.values()))}, SIDES],
    ids=["json", "object", "list", "columns"],
)
def test_rlhf_v_texts_are_told_apart(texts):
    """A text that holds JSON, an object, a list as in the first release, or columns of their own: all mean the same."""
    found = only("rlhf_v", corrected(**texts))

    assert found.prompt == ["<image>\nwho fires it?"]
    assert found.answers == ("A potter.", "A baker.")
    assert found.record.id == "9-4"
    assert found.made.embedded == {found.record.image: PNG}
    assert found.made.labels == Labels(subset="LCS", task="question_answering")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"text": "A potter."}, "a text that should hold JSON does not"),
        ({"text": json.dumps({"question": "who?"})}, "`chosen`"),
        ({"question": "who?", "chosen": "A potter."}, "neither `text` nor all of"),
    ],
)
def test_rlhf_v_records_without_texts_are_bad(texts, said):
    """`text` is no answer, and a side that is not there is named."""
    with pytest.raises(msgspec.ValidationError, match=said):
        decoded("rlhf_v", corrected(**texts))


@pytest.mark.parametrize(
    ("path", "image", "id"),
    [
        ("raw/00002/17.jpg", "rlhf_v/raw/00002/17.jpg", "17-3"),
        ("./raw/17.jpg", "rlhf_v/raw/17.jpg", "17-3"),
        ("/mine/raw/17.jpg", "/mine/raw/17.jpg", "17-3"),
        ("000017", "coco/train2017/000000000017.jpg", "000017-3"),
        (17, "coco/train2017/000000000017.jpg", "17-3"),
    ],
)
def test_rlhf_v_lines_name_their_images(path, image, id):
    """A path below the source's folder, or a number of COCO's; `origin_split` is in base64 there.

    A path of somebody's machine stays one, so that its record is bad.
    """
    rest = {"origin_dataset": "LCS", "origin_split": in_base64(KIND), "origin_split_inner_idx": "3"}

    found = only("rlhf_v", {"image": "train", "image_path": path, "text": json.dumps(SIDES), **rest}, 1)

    assert (found.record.image, found.record.id) == (image, id)
    assert found.made.labels.task == "question_answering"
    assert found.made.embedded is None


def test_rlhf_v_first_release_is_decoded():
    """Image, texts and origin, all in base64."""
    row = {"base64": base64.b64encode(PNG).decode(), "text": in_base64(json.dumps(list(SIDES.values())))}
    rest = {"origin_dataset": "LCS", "origin_split": in_base64(KIND), "idx": "8", "image_path": "7.jpg"}

    found = only("rlhf_v", {**row, **rest}, 2)

    assert (found.answers, found.record.id) == (("A potter.", "A baker."), "7-8")
    assert found.made.embedded == {found.record.image: PNG}


def test_json_in_cells_may_be_in_base64():
    """What is neither is no text of JSON."""
    assert as_json(' {"a": 1}') == as_json(in_base64('{"a": 1}')) == '{"a": 1}'
    with pytest.raises(ValueError, match="should hold JSON"):
        as_json("///")
    assert [stem(path) for path in ("/x/y/a.b.jpg", "c", 5)] == ["a.b", "c", "5"]


def test_rlaif_v_keeps_questions_as_they_are():
    """Case and spelling stay; an index may be a number or a text."""
    row = corrected(question="waht is ti", chosen="A kiln.\n", rejected="An oven.")

    for index in (4, "4"):
        found = only("rlaif_v", {**row, "idx": index, "logps": "[]"}, 1)
        assert (found.prompt, found.answers) == (["<image>\nwaht is ti"], ("A kiln.\n", "An oven."))
        assert found.record.id == "9-4"
    assert found.record.image.startswith("rlaif_v/")


def test_rlaif_v_lines_of_the_pipeline_have_content_ids():
    """The same for a pair and for an instruction, so that a mix can leave the ones out of the other."""
    line = {"image_path": "./imgs/a.png", "image_id": "a", **SIDES}

    pair, better = only("rlaif_v", line, 2), only("rlaif_v", line, 2, kind="instruct")

    assert pair.record.image == "rlaif_v/imgs/a.png"
    assert only("rlaif_v", {**line, "image_path": "/mine/a.png"}, 2).record.image == "/mine/a.png"
    assert pair.record.id == better.record.id
    assert pair.record.id.startswith("a-")
    assert better.prompt == ["<image>\nwho fires it?", "A potter."]


def for_llama_factory(question="<image>Who?", good="A nun.", bad="A cook.", before=()):
    """Give a row of a copy for LLaMA-Factory."""
    turns = [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate([*before, question])]
    answers = {"chosen": {"from": "gpt", "value": good}, "rejected": {"from": "gpt", "value": bad}}
    return {"conversations": turns, **answers, "images": [{"bytes": PNG, "path": None}]}


def for_trl(question="Who?", good="A nun.", bad="A cook."):
    """Give a row of a copy for TRL."""

    def said(role, text, *before):
        return [{"role": role, "content": [*before, {"type": "text", "text": text}]}]

    prompt = said("user", question, {"type": "image", "text": None})
    rest = {"chosen": said("assistant", good), "rejected": said("assistant", bad)}
    return {"prompt": prompt, **rest, "images": [{"bytes": PNG, "path": None}]}


COPIES = [("rlhf_v", 3, for_llama_factory), ("vlfeedback", 2, for_llama_factory), ("rlaif_v", 3, for_trl)]


@pytest.mark.parametrize(("name", "file", "row"), COPIES)
def test_copies_for_trainers_become_the_same_records(name, file, row):
    """The placeholder stands on a line of its own, the image is brought, and ids are those of the instruction."""
    found, best = only(name, row(), file), only(name, row(), file, kind="instruct")

    assert (found.prompt, found.answers) == (["<image>\nWho?"], ("A nun.", "A cook."))
    assert found.made.embedded == {found.record.image: PNG}
    assert found.record.image.startswith(f"{name}/")
    assert best.prompt == ["<image>\nWho?", "A nun."]
    assert best.record.id == found.record.id
    assert convert(name, row(bad="A nun. "), file) == ([], ["both answers are equal"])


def test_copies_for_trainers_may_have_rounds_and_no_images():
    """Earlier rounds stay; what does not alternate or has another answerer is bad."""
    given = for_llama_factory("Why?", before=["<image>Who?", "A nun."])
    text = for_llama_factory("Who?") | {"images": []}

    assert only("rlhf_v", given, 3).prompt == ["<image>\nWho?", "A nun.", "Why?"]
    assert only("rlhf_v", text, 3).prompt == ["Who?"]
    assert only("rlhf_v", text, 3).record.id.startswith("text-")
    for wrong in ({"chosen": {"from": "human", "value": "A."}}, {"conversations": []}):
        with pytest.raises(msgspec.ValidationError, match=r"`chosen` is not|the prompt does not"):
            convert("rlhf_v", given | wrong, 3)


@pytest.mark.parametrize(
    ("questions", "images"),
    [
        (["<image>Who?"], 0),
        (["Who?"], 1),
        (["<image><image>Who?"], 1),
        (["Is <image> like <image>?"], 2),
        (["Who?", "A nun.", "<image>Why?"], 1),
    ],
)
def test_copies_for_trainers_have_their_image_in_the_first_question(questions, images):
    """A record of other images than its placeholders say, or whose images would come to stand elsewhere, is bad."""
    *before, last = questions
    given = for_llama_factory(last, before=before) | {"images": [{"bytes": PNG, "path": None}] * images}

    with pytest.raises(msgspec.ValidationError, match=r"placeholder|more than one image"):
        convert("rlhf_v", given, 3)


def rated(*answers, id="set-7", prompt="What burns?"):
    """Give a record of VLFeedback; an answer is its text and three ratings, None for an aspect that is missing."""
    names = ("Helpfulness", "Ethical Considerations", "Visual Faithfulness")
    completions = [
        {
            "model": "owl",
            "response": text,
            "annotations": {
                name: {"Rating": rating, "Rationale": "So."}
                for name, rating in zip(names, ratings, strict=True)
                if rating is not None
            },
        }
        for text, *ratings in answers
    ]
    return {"id": id, "prompt": prompt, "models": [], "completions": completions}


FOUR = [("a", "3", "5", "3"), ("b", "5", "5", "5"), ("c", "1", "5", "5"), ("d", "2", "2", "2")]
"""Means 3.67, 5, 3.67, 2; helpfulness 3, 5, 1, 2."""


def test_vlfeedback_compares_each_two_answers():
    """The higher mean is the better answer; equal means are no pair, and every comparison is an item."""
    made, skipped = convert("vlfeedback", rated(*FOUR))

    assert [answers(each.conversation) for each in made] == [
        ("b", "a"),
        ("a", "d"),
        ("b", "c"),
        ("b", "d"),
        ("c", "d"),
    ]
    assert skipped == ["equal scores"]
    assert [each.conversation.id for each in made] == [f"set-7-{pair}" for pair in ("1-0", "0-3", "1-2", "1-3", "2-3")]
    assert {each.conversation.image for each in made} == {"vlfeedback/merged_images/set-7.jpg"}
    assert made[0].labels == Labels(subset="set", rating=5.0)


@pytest.mark.parametrize(("score", "worst"), [("mean", "d"), ("helpfulness", "c")])
def test_vlfeedback_compares_best_and_worst(score, worst):
    """By all ratings or by helpfulness."""
    found = only("vlfeedback", rated(*FOUR), pairs="best_worst", score=score)

    assert (found.answers, found.record.id) == (("b", worst), "set-7")


def test_vlfeedback_ties_go_to_the_first_answer():
    """Of equals the first is the best and the first is the worst; instructions get the best one."""
    tied = [("a", "1", "1", "1"), ("b", "4", "4", "4"), ("c", "4", "4", "4"), ("d", "1", "1", "1")]

    assert only("vlfeedback", rated(*tied), pairs="best_worst").answers == ("b", "a")
    assert only("vlfeedback", rated(*tied), kind="instruct").prompt == ["<image>\nWhat burns?", "b"]
    assert convert("vlfeedback", rated(*tied[1:3]), pairs="best_worst") == ([], ["equal scores"])


@pytest.mark.parametrize("rating", ["N/A", "", "nan", "inf"])
def test_vlfeedback_ratings_that_are_no_numbers(rating):
    """Such an answer makes no pair, unless its other ratings are to count; without any it never has a score."""
    given = rated(("a", "2", rating, "2"), ("b", "5", "5", "5"), ("c", rating, rating, None))

    assert convert("vlfeedback", given) == ([], ["an answer without a score"] * 3)
    [made], skipped = convert("vlfeedback", given, unrated="ignore")
    assert answers(made.conversation) == ("b", "a")
    assert skipped == ["an answer without a score"] * 2
    lone = rated(("a", rating, rating, rating))
    assert convert("vlfeedback", lone, kind="instruct") == ([], ["no answer with a score"])


def test_vlfeedback_numbers_and_missing_aspects_count():
    """The mean is of the aspects that are there, also where tables have them as null or as numbers."""
    given = rated(("a", 4, None, None), ("b", "4.5", None, "4.5"))
    given["completions"][0]["annotations"]["Visual Faithfulness"] = None

    found = only("vlfeedback", given)

    assert (found.answers, found.made.labels.rating) == (("b", "a"), 4.5)


def test_vlfeedback_answers_may_be_empty():
    """Such a side is missing; one answer alone is an instruction and no pair."""
    assert convert("vlfeedback", rated(("a", "5", "5", "5"), ("", "1", "1", "1"))) == ([], ["no rejected answer"])
    assert convert("vlfeedback", rated(("", "5", "5", "5")), kind="instruct") == ([], ["no chosen answer"])
    one = rated(("a", "5", "5", "5"))
    assert convert("vlfeedback", one) == ([], ["fewer than two answers"])
    assert convert("vlfeedback", one, pairs="best_worst") == ([], ["fewer than two answers with a score"])
    assert only("vlfeedback", one, kind="instruct").prompt[-1] == "a"


def test_vlfeedback_citations_are_dropped_on_demand():
    """Whatever is cited, and nothing around it."""
    given = rated(("x【12†source】 y", "5", "5", "5"), ("z【†source】", "1", "1", "1"))

    assert only("vlfeedback", given).answers == ("x【12†source】 y", "z【†source】")
    assert only("vlfeedback", given, citations="drop").answers == ("x y", "z【†source】")


def test_vlfeedback_tables_hold_lists_and_images():
    """An object of lists means the same as a list of objects; lists of different lengths are a fault."""
    given = rated(*FOUR[:2])
    lists = {name: [each[name] for each in given["completions"]] for name in ("model", "response", "annotations")}
    row = {**given, "completions": lists, "image": {"bytes": PNG, "path": None}}

    found = only("vlfeedback", row, 1)

    assert found.answers == ("b", "a")
    assert found.made.embedded == {found.record.image: PNG}
    with pytest.raises(msgspec.ValidationError, match="as many `annotations`"):
        decoded("vlfeedback", {**row, "completions": {**lists, "response": ["a"]}}, 1)


def told(question, answer):
    """Give a question and its answer in OpenAI's words."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def spoilt(good, bad, **more):
    """Give a pair of STIC."""
    return {"image": "COCO_train2014_000000000033.jpg", "chosen": good, "rejected": bad, **more}


@pytest.mark.parametrize(
    ("more", "subset"),
    [({}, None), ({"image_corruption": True}, "image_corruption"), ({"image_corruption": False}, "hallu_prompt")],
)
def test_stic_asks_the_short_question(more, subset):
    """The id is the photo's number as its name has it, and the way the answer was spoilt is the subset."""
    found = only("stic_preference", spoilt(told("Tell.", "A jar."), told("Tell.", "Jars."), **more))

    assert found.prompt == ["<image>\nTell."]
    assert found.answers == ("A jar.", "Jars.")
    assert (found.record.id, found.record.image) == ("000000000033", "coco/train2017/000000000033.jpg")
    assert found.made.labels.subset == subset


@pytest.mark.parametrize("questions", [("<image>\nTell.", "Tell."), ("Tell.", "Tell.\n<image>")])
def test_stic_placeholders_make_no_other_question(questions):
    """Wherever one stands, or does not."""
    good, bad = questions

    found = only("stic_preference", spoilt(told(good, "A jar."), told(bad, "Jars.")))

    assert (found.prompt, found.answers) == (["<image>\nTell."], ("A jar.", "Jars."))


def test_stic_questions_that_differ_are_no_pair():
    """The better answer has its own question all the same."""
    given = spoilt(told("Tell.", "A jar."), told("List.", "Jars."))

    assert convert("stic_preference", given) == ([], ["the two questions differ"])
    assert only("stic_preference", given, kind="instruct").prompt == ["<image>\nTell.", "A jar."]


@pytest.mark.parametrize("good", [told("Tell.", "A jar.")[::-1], told("Tell.", "A jar.") * 2, []])
def test_stic_dialogues_of_another_shape_are_bad(good):
    """A user's message and an assistant's, in this order."""
    with pytest.raises(msgspec.ValidationError, match="chosen"):
        decoded("stic_preference", spoilt(good, told("Tell.", "Jars.")))


def dialogues(good, bad, image="./data/coco/COCO_train2014_000000000044.jpg"):
    """Give a pair of POVID of texts of human and gpt in turn."""

    def turns(texts):
        return [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(texts)]

    return {"id": "44", "image": image, "conversations": turns(good), "rejected_conversations": turns(bad)}


@pytest.mark.parametrize("first", ["<image>\nWho?", "Who?\n<image>", "Who?", "<image> Who?"])
@pytest.mark.parametrize("folder", ["", "./data/coco/", "/home/me/train2014/"])
def test_povid_splits_at_the_last_answer(first, folder):
    """What comes before is the prompt, the placeholder first; folders say nothing."""
    given = dialogues(
        [first, "A nun.", "Why?", "To rest."],
        [first, "A nun.", "Why?", "To dance."],
        f"{folder}COCO_train2014_000000000044.jpg",
    )

    found = only("povid", given)

    assert found.prompt == ["<image>\nWho?", "A nun.", "Why?"]
    assert found.answers == ("To rest.", "To dance.")
    assert found.record.image == "coco/train2017/000000000044.jpg"


@pytest.mark.parametrize(
    "bad",
    [["<image>\nWho?", "A cook.", "Why?", "To dance."], ["<image>\nWho?", "A cook."], ["<image>\nWhose?", "Mine."]],
)
def test_povid_dialogues_that_differ_earlier_are_no_pair(bad):
    """They have no prompt in common; the better one is an instruction as it stands."""
    given = dialogues(["<image>\nWho?", "A nun.", "Why?", "To rest."], bad)

    assert convert("povid", given) == ([], ["dialogues differ before the last answer"])
    assert only("povid", given, kind="instruct").prompt == ["<image>\nWho?", "A nun.", "Why?", "To rest."]


@pytest.mark.parametrize("bad", [[], ["<image>\nWho?"], ["<image>\nWho?", "A cook.", "Why?"]])
def test_povid_dialogues_without_a_last_answer_are_bad(bad):
    """And so are those that do not alternate."""
    with pytest.raises(msgspec.ValidationError, match="rejected_conversations"):
        convert("povid", dialogues(["<image>\nWho?", "A nun."], bad))


def ranked(*completions, prompt="<image>\nWho spins?"):
    """Give a record of BPO of (score, text, type)."""
    names = ("score", "response", "type")
    completions = [dict(zip(names, each, strict=False)) for each in completions]
    return {"image": "sam/images/sa_5.jpg", "prompt": prompt, "completions": completions}


def test_bpo_never_compares_two_bad_answers():
    """Equal scores are no pair, whole or not; the worse answer's type is the subset."""
    made, skipped = convert("bpo", ranked((1, "A nun.", "gt"), (0, "cook.", "llm-hal"), (0.0, "Cats.", "mllm-hal")))

    assert [(answers(each.conversation), each.labels.subset) for each in made] == [
        (("A nun.", "cook."), "llm-hal"),
        (("A nun.", "Cats."), "mllm-hal"),
    ]
    assert skipped == ["equal scores"]
    assert len({each.conversation.id for each in made}) == 2


@pytest.mark.parametrize("prompt", ["Who spins?", "<image>Who spins?", "Who spins? <image>\n", "<image>\nWho spins?"])
def test_bpo_prompts_have_their_placeholder_first(prompt):
    """Wherever it stood; ids do not depend on that, and are the same for instructions but for the answers' places."""
    given = ranked((0, "A cat.", "mllm-hal"), (1, "A nun."), prompt=prompt)

    found, best = only("bpo", given), only("bpo", given, kind="instruct")

    assert found.prompt == ["<image>\nWho spins?"]
    assert best.prompt == ["<image>\nWho spins?", "A nun."]
    assert found.record.id == f"{best.record.id}-1-0"
    assert found.record.id == only("bpo", ranked((0, "A cat."), (1, "A nun."))).record.id


def test_bpo_leaves_out_questions_with_long_answers():
    """As soon as one of the answers has more words than allowed: 350, as in the trainer, if nothing is said."""
    given = ranked((1, "One two three.", "gt"), (0, "One.", "llm-hal"))

    assert convert("bpo", given, max_words=2) == ([], ["an answer of more words than allowed"])
    assert only("bpo", given, max_words=3).answers == ("One two three.", "One.")
    long = ranked((1, "word " * 351, "gt"), (0, "One.", "llm-hal"))
    assert convert("bpo", long) == ([], ["an answer of more words than allowed"])
    assert only("bpo", ranked((1, "word " * 350, "gt"), (0, "One.", "llm-hal"))).answers
    assert only("bpo", long, max_words=0).answers
    assert convert("bpo", ranked()) == ([], ["no answer"])


def phrased(**more):
    """Give a record of HALVA without its answers."""
    return {"id": 6, "image": "vg/VG_100K_2/6.jpg", "tag": "open", "question": "Tell.\n<image>", **more}


def test_halva_answers_are_written_without_marks():
    """The plain answers as they stand; where they are not there, the marked ones without marks and their blanks."""
    marked = {"correct_answer_masked": "<MASK> Two nuns </MASK> and a <MASK> dog </MASK>, both <MASK>wet</MASK>."}
    marked["hallucinated_answer_masked"] = "<MASK> Two cooks </MASK> and a <MASK> pig </MASK>, both <MASK>dry</MASK>."

    plain = only("halva", phrased(correct_answer="Nuns ,  and.", hallucinated_answer="Cooks.", **marked))
    freed = only("halva", phrased(**marked))

    assert plain.answers == ("Nuns ,  and.", "Cooks.")
    assert freed.answers == ("Two nuns and a dog, both wet.", "Two cooks and a pig, both dry.")
    assert (plain.prompt, plain.record.id) == (["<image>\nTell."], "6")
    marks = {name.removesuffix("_masked"): text for name, text in marked.items()}
    assert only("halva", phrased(**marks)).answers == freed.answers
    with pytest.raises(msgspec.ValidationError, match="neither `hallucinated_answer` nor"):
        decoded("halva", phrased(correct_answer="Nuns."))


@pytest.mark.parametrize(
    ("tag", "raw", "subset"),
    [
        ("qa", "Yes", "qa_yes"),
        ("qa", "NO ", "qa_no"),
        ("qa", None, "qa"),
        ("open", "", "open"),
        ("closed", "x", "closed"),
    ],
)
def test_halva_subsets_tell_yes_from_no(tag, raw, subset):
    """So that a recipe can take as many of each."""
    record = phrased(tag=tag, raw_answer=raw, correct_answer="A.", hallucinated_answer="B.") | {"tag": tag}

    assert only("halva", record).made.labels.subset == subset


PAIRS = [
    ("rlhf_v", lambda good, bad: corrected(text={**SIDES, "chosen": good, "rejected": bad})),
    ("rlaif_v", lambda good, bad: corrected(question="who?", chosen=good, rejected=bad)),
    ("stic_preference", lambda good, bad: spoilt(told("Tell.", good), told("Tell.", bad))),
    ("povid", lambda good, bad: dialogues(["Who?", good], ["Who?", bad])),
    ("halva", lambda good, bad: phrased(correct_answer=good, hallucinated_answer=bad)),
    ("bpo", lambda good, bad: ranked((1, good), (0, bad))),
    ("vlfeedback", lambda good, bad: rated((good, "5", "5", "5"), (bad, "1", "1", "1"))),
]


@pytest.mark.parametrize(("name", "record"), PAIRS, ids=[name for name, _ in PAIRS])
@pytest.mark.parametrize(
    ("good", "bad", "reason"),
    [
        ("Same.", " Same.\n", "both answers are equal"),
        ("", "A.", "no chosen answer"),
        ("A.", " ", "no rejected answer"),
    ],
)
def test_pairs_that_are_none_are_skipped(name, record, good, bad, reason):
    """Of every source: a tie, or a missing side."""
    assert convert(name, record(good, bad)) == ([], [reason])
