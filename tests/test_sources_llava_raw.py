"""OK-VQA, A-OKVQA, OCR-VQA and TextCaps: what LLaVA-1.5's mix made of them, and their other forms."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip, content_id
from mixer.errors import UsageError
from mixer.shared import choices, coco_images, minigpt_v2, vg_flat, vg_images
from mixer.shared.cells import ImageCell
from mixer.shared.flat_vqa import Flat, Soft
from mixer.sources import aokvqa, ocrvqa, okvqa, textcaps, vqav2

SHORT = "\nAnswer the question using a single word or phrase."
LETTER = "\nAnswer with the option's letter from the given choices directly."
PNG = b"\x89PNG\r\n\x1a\n and more"


def convert(name, raws, **options):
    """Convert a raw record, or a group; give what was made and the reasons of what was skipped, one for each item."""
    source = sources.get(name)
    given = list(source.convert(raws, source.options(**options)))
    skipped = [each.reason for each in given if type(each) is Skip for _ in range(each.items)]
    return [each for each in given if type(each) is Labelled], skipped


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def known(number, *answers, kind="five", text="What is it?"):
    """Give a question of OK-VQA with pairs of a stemmed and a written answer."""
    given = [okvqa.Answer(stem, raw) for stem, raw in answers]
    annotation = okvqa.Annotation(number // 10, number, kind, given) if answers else None
    return okvqa.Question(number // 10, number, text, annotation)


def test_okvqa_merges_an_image_and_takes_the_stemmed_answer_of_most():
    """The request stands behind the first question only, and answers begin with a capital."""
    first = known(75, ("oar", "oars"), ("oar", "an oar"), ("paddl", "paddle"), ("paddl", "paddle"))

    [made], skipped = convert("okvqa", [first, known(76, ("north", "north"), text="Where  to?"), known(77)])

    assert said(made) == [f"<image>\nWhat is it?{SHORT}", "Oar", "Where  to?", "North"]
    assert (made.conversation.id, made.conversation.image) == ("000000000007", "coco/train2017/000000000007.jpg")
    assert (made.items, made.labels.split, skipped) == (2, "train", ["no answer"])


def test_okvqa_answers_may_be_as_written_or_sampled():
    """As written another answer may win; sampled ones come as often as people gave them."""
    answers = [("oar", "oars"), ("oar", "oar"), ("oar", "the oar"), ("pole", "poles"), ("pole", "poles")]
    raws = [known(number, *answers) for number in range(5000, 6000)]

    sampled = [said(convert("okvqa", [raw], answer="sampled")[0][0])[1] for raw in raws]

    assert said(convert("okvqa", raws[:1])[0][0])[1] == "Oar"
    assert said(convert("okvqa", raws[:1], answer="raw")[0][0])[1] == "Poles"
    assert {word: round(sampled.count(word), -2) for word in set(sampled)} == {"Oar": 600, "Pole": 400}


def test_okvqa_names_the_kind_of_a_question():
    """A record of its own is labelled with what the code of its kind stands for."""
    [made], _ = convert("okvqa", [known(75, ("oar", "oar"), kind="one")], merge="none", split="val")

    assert made.labels.subset == "Vehicles and Transportation"
    assert (made.conversation.id, made.conversation.image) == ("75", "coco/val2014/COCO_val2014_000000000007.jpg")


@pytest.mark.parametrize("question", [{"image_id": 7, "question_id": 7000}, {"image_id": 7, "question_id": 7}])
def test_okvqa_refuses_questions_of_other_sets(question):
    """A question's number is its image's and one digit."""
    with pytest.raises(msgspec.ValidationError, match="one more digit"):
        msgspec.convert({**question, "question": "What?"}, okvqa.Question)


def test_okvqa_refuses_annotations_of_vqa():
    """Only OK-VQA has answers as they were written."""
    vqa = {"image_id": 7, "question_id": 75, "question_type": "what", "answers": [{"answer": "oar"}]}

    with pytest.raises(msgspec.ValidationError, match="raw_answer"):
        msgspec.convert(vqa, okvqa.Annotation)


def test_okvqa_packagings_have_one_list_of_answers():
    """LAVIS names the image by its file; the hub's tables hold it, and their questions' numbers may be texts."""
    flat = Flat(75, "What?", ["oar", "pole", "pole"], "train2014/COCO_train2014_000000000007.jpg")
    row = msgspec.convert(
        {"question_id": "75", "question": "What?", "answers": ["oar", "pole", "pole"], "image": {"bytes": PNG}},
        okvqa.Row,
    )

    [one], _ = convert("okvqa", [flat], packaging="lavis", answer="raw", merge="none")
    [two], _ = convert("okvqa", [row], packaging="hub")

    assert said(one) == said(two) == [f"<image>\nWhat?{SHORT}", "Pole"]
    assert (one.conversation.image, one.labels.subset) == ("coco/train2017/000000000007.jpg", None)
    assert two.conversation.id == "000000000007"
    assert two.embedded == {two.conversation.image: PNG}
    with pytest.raises(msgspec.ValidationError, match="question_id"):
        msgspec.convert({"question_id": "x", "question": "?", "answers": [], "image": {"bytes": PNG}}, okvqa.Row)


CHOICES = ["rope", "Dr. Oar, PhD", "fog", "ink"]


def chosen(number="q1", right=1, **values):
    """Give a question of A-OKVQA."""
    given = {"question_id": number, "question": "Which?", "choices": CHOICES, "correct_choice_idx": right}
    rest = {"image_id": 7, "direct_answers": ["fog", "ink", "ink"], "rationales": ["It is wet.", "Ink runs."]}
    return msgspec.convert({**given, **rest, **values}, aokvqa.Raw)


def test_aokvqa_is_written_four_times_with_the_choices_moved():
    """Each letter is right once, and the letter is that of the right choice; copies share the id and are one item."""
    made, skipped = convert("aokvqa", [chosen(), chosen("q2", 3, question="And who?")])

    assert said(made[0]) == [
        f"<image>\nWhich?\nA. rope\nB. Dr. Oar, PhD\nC. fog\nD. ink{LETTER}",
        "B",
        "And who?\nA. rope\nB. Dr. Oar, PhD\nC. fog\nD. ink",
        "D",
    ]
    assert said(made[1])[2:] == ["And who?\nA. ink\nB. rope\nC. Dr. Oar, PhD\nD. fog", "A"]
    assert [said(each)[1] for each in made] == ["B", "C", "D", "A"]
    for each in made:
        question, answer = said(each)[:2]
        assert f"\n{answer}. Dr. Oar, PhD" in question
    assert {each.conversation.id for each in made} == {"000000000007"}
    assert {each.conversation.image for each in made} == {"coco/train2017/000000000007.jpg"}
    assert ([each.items for each in made], skipped) == ([2, 0, 0, 0], [])


def test_aokvqa_copies_and_records_of_one_question():
    """One copy keeps the published places; a record of one question has its id and the request."""
    made, _ = convert("aokvqa", [chosen(), chosen("q2", 3)], copies=1, merge="none", split="val")

    assert [each.conversation.id for each in made] == ["q1", "q2"]
    assert all(said(each)[0].endswith(f"D. ink{LETTER}") for each in made)
    assert made[0].conversation.image == "coco/val2017/000000000007.jpg"


def test_aokvqa_free_answers():
    """One of the ten by hash, or that of most people; a question without any is skipped."""
    raws = [chosen(f"q{number}", image_id=number) for number in range(300)]

    answers = [said(convert("aokvqa", [raw], form="direct")[0][0])[1] for raw in raws]

    assert {word: round(answers.count(word), -2) for word in set(answers)} == {"Ink": 200, "Fog": 100}
    assert said(convert("aokvqa", raws[:1], form="direct", answer="majority")[0][0]) == [
        f"<image>\nWhich?{SHORT}",
        "Ink",
    ]
    assert convert("aokvqa", [chosen(direct_answers=[])], form="direct") == ([], ["no answer"])


def test_aokvqa_reasons():
    """DeepSpeed-VisualChat's answer holds choice and reasons; ms-swift's is one of the reasons."""
    [why], _ = convert("aokvqa", [chosen()], form="why")
    [reason], _ = convert("aokvqa", [chosen()], form="rationale")

    question, answer = said(why)
    assert question.removeprefix("<image>\nWhich? ") in aokvqa.WHY
    assert answer == "The answer is Dr. Oar, PhD. Because It is wet. Ink runs."
    assert said(reason)[0] == "<image>\nWhich?"
    assert said(reason)[1] in {"It is wet.", "Ink runs."}
    for form in ("why", "rationale"):
        assert convert("aokvqa", [chosen(rationales=[])], form=form) == ([], ["no answer"])


@pytest.mark.parametrize(
    "fault", [{"choices": CHOICES[:3]}, {"choices": [*CHOICES, "sea"]}, {"right": 4}, {"right": -1}]
)
def test_aokvqa_needs_four_choices_and_a_right_one(fault):
    """Anything else is a bad record."""
    with pytest.raises(msgspec.ValidationError, match=r"\$\.(choices|correct_choice_idx)"):
        chosen(**fault)


def test_aokvqa_tables_hold_the_image_and_a_written_list():
    """Questions about one image are told by its content; free answers are a list as Python writes it, or a list."""
    columns = {"question_id": "q1", "question": "Which?", "choices": CHOICES, "correct_choice_idx": 0, "rationales": []}
    raws = [
        msgspec.convert({**columns, "image": {"bytes": PNG}, "direct_answers": written}, aokvqa.Row)
        for written in ("['ink', \"cook's ink\"]", ["ink"])
    ]

    [made], _ = convert("aokvqa", raws, packaging="hub", copies=1)

    assert [raw.direct_answers for raw in raws] == [["ink", "cook's ink"], ["ink"]]
    assert raws[0].image_id == raws[1].image_id == made.conversation.image
    assert made.embedded == {made.conversation.image: PNG}
    assert made.conversation.image == f"aokvqa/{made.conversation.id[:2]}/{made.conversation.id}.png"
    for written in ("['ink'", "'ink'", "[1]"):
        with pytest.raises(msgspec.ValidationError, match="direct_answers"):
            msgspec.convert({**columns, "image": {"bytes": PNG}, "direct_answers": written}, aokvqa.Row)


def test_choices_are_moved_in_a_circle():
    """The one at n comes to n + by, and the last ones come to the front."""
    assert choices.shifted("abcd", 1) == ["d", "a", "b", "c"]
    assert choices.shifted("abc", 5) == ["b", "c", "a"]
    assert choices.lettered(["a kite", "B."]) == "A. a kite\nB. B."


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("train2014/COCO_train2014_000000000021.jpg", 21),
        ("000000458752.jpg", 458752),
        ("COCO_val2014_000000000042", 42),
    ],
)
def test_coco_names_tell_the_number_in_any_release(name, number):
    """And the number gives the name in another."""
    assert coco_images.number(name) == number
    assert coco_images.path(number, "train2017") == f"coco/train2017/{number:012d}.jpg"
    assert coco_images.path(number, "val2014") == f"coco/val2014/COCO_val2014_{number:012d}.jpg"


@pytest.mark.parametrize("name", ["coat.jpg", "train2014/.jpg", "COCO_train2014_²1.jpg"])
def test_names_without_a_number_are_refused(name):
    """They are not COCO's."""
    with pytest.raises(ValueError, match="no number"):
        coco_images.number(name)


def cover(**values):
    """Give a cover of OCR-VQA."""
    asked = {"questions": ["Who wrote it?", "Is it about fog?", "When?"], "answers": ["a. oar", "No", " "]}
    entry = {**asked, "imageURL": "http://example.com/I/51.a.gif", "split": 1, "genre": "Travel", "key": "44100X"}
    return msgspec.convert({**entry, **values}, ocrvqa.Cover)


def test_ocrvqa_merges_a_cover():
    """All its questions are one record in order, answers begin with a capital, and the cover is a .jpg."""
    [made], skipped = convert("ocrvqa", cover())

    assert said(made) == [f"<image>\nWho wrote it?{SHORT}", "A. oar", "Is it about fog?", "No"]
    assert (made.conversation.id, made.conversation.image) == ("44100X", "ocr_vqa/images/44100X.jpg")
    assert (made.items, made.labels.split, made.labels.subset) == (2, "train", "Travel")
    assert skipped == ["no answer"]


def test_ocrvqa_reads_one_split():
    """Questions of covers of the others are counted one by one."""
    assert convert("ocrvqa", cover(split=3)) == ([], ["of another split"] * 3)
    assert len(convert("ocrvqa", cover(split=3), split="test")[0]) == 1
    assert convert("ocrvqa", cover(questions=[], answers=[])) == ([], ["no question"])


def test_ocrvqa_may_take_one_question_and_the_published_ending():
    """The one picked has an answer; the others are counted."""
    [made], skipped = convert("ocrvqa", cover(), questions="one", names="url")

    assert said(made)[1] in {"A. oar", "No"}
    assert made.conversation.image == "ocr_vqa/images/44100X.gif"
    assert sorted(skipped) == ["no answer", "not the question picked of its cover"]
    [alone], skipped = convert("ocrvqa", cover(questions=["Who?"], answers=["B."]), questions="one")
    assert (said(alone)[1], skipped) == ("B.", [])


@pytest.mark.parametrize(
    ("url", "name"), [("http://example.com/I/5.1/fog", "44100X"), ("http://example.com/I/51.JPG", "44100X.JPG")]
)
def test_ocrvqa_covers_are_named_as_the_official_script_saves_them(url, name):
    """By what follows the last point of the url's file name, if it has one."""
    [made], _ = convert("ocrvqa", cover(imageURL=url), names="url")

    assert made.conversation.image == f"ocr_vqa/images/{name}"


def test_ocrvqa_records_of_one_question_number_it_in_its_cover():
    """As MiniGPT-v2 asks them: in lower case, without punctuation."""
    made, _ = convert("ocrvqa", cover(), merge="none", prompt="minigpt_v2")

    assert [each.conversation.id for each in made] == ["44100X-0", "44100X-1"]
    assert said(made[0])[1] == "a oar"
    assert said(made[0])[0].removeprefix("<image>\n") in {form.format("who wrote it?") for form in minigpt_v2.VQA}


@pytest.mark.parametrize("fault", [{"answers": ["No"]}, {"split": 4}, {"split": "train"}])
def test_ocrvqa_refuses_what_cannot_be_paired(fault):
    """As many answers as questions, and one of three splits."""
    with pytest.raises(msgspec.ValidationError):
        cover(**fault)


def test_ocrvqa_tables_hold_the_cover():
    """The record is the same otherwise, and has no url to tell an ending from."""
    row = ocrvqa.Row(questions=["Who?"], answers=["B."], image_id="44100X", image=ImageCell(PNG))

    [made], _ = convert("ocrvqa", row, packaging="hub", names="url")

    assert made.conversation.id == "44100X"
    assert made.embedded == {made.conversation.image: PNG}


TOKENS = textcaps.Ocr("a1", ["FOG,", "5", '"OAR'])
CAPTIONS = ["A tin says FOG", "a tin. ", "", "Fog is sold here!"]
LLAVA = "<image>\nProvide a one-sentence caption for the provided image."


def captions(texts=CAPTIONS, ocr=TOKENS):
    """Give the captions of an image."""
    return [textcaps.Caption("a1", 100 + number, text, ocr) for number, text in enumerate(texts)]


def test_textcaps_takes_one_caption_and_lists_the_tokens():
    """Whatever their order in the file; a caption without a period gets one and keeps its first letter."""
    [made], skipped = convert("textcaps", captions())
    [again], _ = convert("textcaps", captions()[::-1])

    question, answer = said(made)
    assert question == f'{LLAVA}\nReference OCR token: FOG,, 5, "OAR'
    assert answer in {"A tin says FOG.", "a tin.", "Fog is sold here!"}
    assert said(again) == said(made)
    assert (made.conversation.id, made.conversation.image) == ("a1", "textvqa/train_images/a1.jpg")
    assert (made.items, made.labels.task, made.labels.split) == (1, "caption", "train")
    assert sorted(skipped) == ["no caption"] + ["not the caption picked of its image"] * 2


def test_textcaps_without_tokens_end_with_a_blank():
    """An image in which nothing was read has the line, too; one that the OCR file lacks is skipped."""
    [made], _ = convert("textcaps", captions(["Fog."], textcaps.Ocr("a1", [])))

    assert said(made) == [f"{LLAVA}\nReference OCR token: ", "Fog."]
    assert convert("textcaps", captions(["Fog.", "Oar."], None)) == ([], ["image not in the OCR file"] * 2)
    assert said(convert("textcaps", captions(["Fog"], None), prompt="llava_no_ocr")[0][0]) == [LLAVA, "Fog."]


def test_textcaps_may_give_every_caption():
    """Each has an id of its own."""
    made, skipped = convert("textcaps", captions(), captions="all")

    assert [each.conversation.id for each in made] == ["a1-100", "a1-101", "a1-103"]
    assert [said(each)[1] for each in made] == ["A tin says FOG.", "a tin.", "Fog is sold here!"]
    assert skipped == ["no caption"]


def test_textcaps_prompts_of_others():
    """MiniGPT-v2 writes captions plainly; ms-swift leaves them as they are."""
    [mini], _ = convert("textcaps", captions(['A "FOG" tin.'], None), prompt="minigpt_v2")
    [swift], _ = convert("textcaps", captions(["A FOG tin"], None), prompt="swift")

    assert said(mini)[0].startswith("<image>\n[caption] ")
    assert said(mini)[1] == "a fog tin"
    assert said(swift) == ["<image>\nWhat is the caption of this image?", "A FOG tin"]


def test_textcaps_tables_are_one_item_an_image():
    """Whatever of its captions is made, and the same is picked as of the files."""
    row = textcaps.Row("a1", CAPTIONS, ImageCell(PNG), TOKENS)

    [one], _ = convert("textcaps", [row], packaging="hub")
    every, skipped = convert("textcaps", [row, row], packaging="hub", captions="all")
    none = convert("textcaps", [textcaps.Row("a1", [" "], ImageCell(PNG), TOKENS)], packaging="hub")

    assert said(one) == said(convert("textcaps", captions())[0][0])
    assert one.embedded == {one.conversation.image: PNG}
    assert ([each.items for each in every], skipped) == ([1, 0, 0], ["image that came before"])
    assert none == ([], ["no caption"])


def test_textvqa_asks_with_the_tokens_behind_the_first_question():
    """As LLaVA's test does; the answer is that of most people."""
    raws = [
        textcaps.Question("a1", 7, "what is sold?", ["fog", "tins", "tins"], TOKENS),
        textcaps.Question("a1", 8, "Since when?", ["5", "12:30"], TOKENS),
        textcaps.Question("a1", 9, "By whom?", [], TOKENS),
    ]

    [made], skipped = convert("textcaps", raws, form="vqa")
    mini, _ = convert("textcaps", raws, form="vqa", prompt="minigpt_v2", merge="none")

    first = f'<image>\nwhat is sold?\nReference OCR token: FOG,, 5, "OAR{SHORT}'
    assert said(made) == [first, "Tins", "Since when?", "5"]
    assert (made.labels.task, skipped) == ("vqa", ["no answer"])
    assert [each.conversation.id for each in mini] == ["7", "8"]
    assert said(mini[0])[1] == "tins"


@pytest.mark.parametrize("name", ["okvqa", "aokvqa", "textcaps"])
def test_splits_without_answers_are_not_offered(name):
    """There is nothing to learn from them."""
    with pytest.raises(UsageError, match="split"):
        sources.parse_options(sources.get(name), ["split=test"])


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("aokvqa", ["prompt=minigpt_v2"], "with form=direct only"),
        ("gqa", ["prompt=minigpt_v2", "answer=full"], "with answer=short only"),
        ("textcaps", ["form=vqa", "prompt=swift"], "not with form=vqa"),
        ("textcaps", ["form=vqa", "packaging=hub"], "not with form=vqa"),
    ],
)
def test_options_that_would_do_nothing_together_are_refused(name, options, said):
    """A request is one of some form, and tables hold only some."""
    with pytest.raises(UsageError, match=said):
        sources.parse_options(sources.get(name), options)


def test_plain_texts_are_cut():
    """MiniGPT-v2 keeps fifty words."""
    assert minigpt_v2.plain('Is  it "OAR" no. 5?') == "is it oar no 5?"
    assert len(minigpt_v2.plain("oar " * 60).split()) == 50


def test_vqav2_in_other_packagings():
    """Qwen-VL gives one answer, LXMERT weights of which the greatest counts, the hub the image as well."""
    image = "train2014/COCO_train2014_000000000007.jpg"
    told = {"question_id": 7000, "question": "What?", "image": image}
    line = msgspec.convert({**told, "answer": "pole"}, Flat)
    weighed = [
        msgspec.convert({"question_id": 7000, "sent": "What?", "img_id": image, "label": label}, Soft)
        for label in ({"oar": 0.3, "pole": 1}, {"pole": 0.9, "oar": 0.9}, {})
    ]
    answers = [{"answer": answer} for answer in ("oar", "oar", "pole")]
    annotated = {"image_id": 7, "answer_type": "other", "multiple_choice_answer": "pole", "answers": answers}
    row = msgspec.convert({**told, **annotated, "image": {"bytes": PNG}}, vqav2.Row)

    [one], _ = convert("vqav2", [line], packaging="qwen_vl")
    made, skipped = convert("vqav2", weighed, packaging="lxmert", merge="none")
    [held], _ = convert("vqav2", [row], packaging="hub", merge="none")

    assert said(one) == said(made[0]) == said(made[1]) == said(held) == [f"<image>\nWhat?{SHORT}", "Pole"]
    assert skipped == ["no answer"]
    assert held.embedded == {held.conversation.image: PNG}
    assert held.labels.subset == "other"
    assert said(convert("vqav2", [row], packaging="hub", answer="sampled")[0][0])[1] in {"Oar", "Pole"}


PLACE = vg_images.Place("vg/VG_100K/7.jpg", 30, 40)


def test_flat_copies_of_visual_genome_are_records_of_one_question_or_phrase():
    """Their images are found in image_data.json; equal phrases of an image have equal ids."""
    asked = vg_flat.FlatQuestion(
        question_id=5, question="What?", answer=["oar", "pole"], image="image/7.jpg", place=PLACE
    )
    phrase = vg_flat.FlatCaption(caption="an oar ", image="image/7.jpg", place=PLACE)

    [one], _ = convert("visual_genome", asked, form="lavis_qa")
    [two], _ = convert("visual_genome", phrase, form="lavis_captions")

    assert (one.conversation.id, said(one)) == ("VG_100K/7-5", [f"<image>\nWhat?{SHORT}", "Oar"])
    assert (one.conversation.image, asked.id) == ("vg/VG_100K/7.jpg", 7)
    assert said(two)[1] == "an oar"
    assert two.conversation.id == content_id("VG_100K/7", two.conversation)


def test_flat_copies_of_visual_genome_lose_what_they_lack():
    """A place, an answer or a caption; a name without a number is refused."""
    asked = vg_flat.FlatQuestion(question_id=5, question="What?", answer=[], image="image/7.jpg")
    phrase = vg_flat.FlatCaption(caption=" ", image="image/7.jpg", place=PLACE)

    assert convert("visual_genome", asked, form="lavis_qa") == ([], ["image not in image_data.json"])
    asked.place = PLACE
    assert convert("visual_genome", asked, form="lavis_qa") == ([], ["no answer"])
    assert convert("visual_genome", phrase, form="lavis_captions") == ([], ["phrase without words"])
    with pytest.raises(msgspec.ValidationError, match="no number"):
        msgspec.convert({"caption": "an oar", "image": "image/oar.jpg"}, vg_flat.FlatCaption)
