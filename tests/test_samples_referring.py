"""RefCOCO in LLaVA-1.5's published mix: the form that ours follows."""

import re

from conftest import records
from test_samples import rounds

from mixer.boxes import parse
from mixer.conversation import capitalised
from mixer.prompts import BOX_OF_PHRASE, PHRASE_OF_BOX

WHERE, WHAT = BOX_OF_PHRASE.partition("{}")[0], PHRASE_OF_BOX.partition("{}")[0]
NUMBER = r"(?:0\.\d{1,2}|1\.0)"
BOX = re.compile(rf"\[{NUMBER}(?:, {NUMBER}){{3}}\]")


def published(samples):
    """Give the records about regions of COCO's photos."""
    mix = records(samples / "llava_v1_5_mix665k" / "llava_v1_5_mix665k.json")
    coco = [each for each in mix if each.get("image", "").startswith("coco/")]
    return [
        each for each in coco if each["conversations"][0]["value"].removeprefix("<image>\n").startswith((WHERE, WHAT))
    ]


def test_published_rounds_are_of_our_form(samples):
    """Both requests to the letter, phrases in lower case asked for, with a capital in answers, one period, two decimals."""
    asked = [pair for each in published(samples) for pair in rounds(each)]

    assert len(asked) == 159
    for question, answer in asked:
        if question.startswith(WHERE):
            phrase = question.removeprefix(WHERE).removesuffix(".")
            assert question == BOX_OF_PHRASE.format(phrase)
            assert phrase == phrase.lower().rstrip(" .")
            box = answer
        else:
            box = question.removeprefix(WHAT).removesuffix(".")
            assert question == PHRASE_OF_BOX.format(box)
            assert answer == f"{capitalised(answer.rstrip(' .'))}."
        assert BOX.fullmatch(box)
        assert parse(box[1:-1])


def test_published_records_are_of_our_length(samples):
    """At most ten rounds, seldom so many: images are dealt out evenly; named after the image, in train2017."""
    made = published(samples)
    lengths = sorted(len(rounds(each)) for each in made)

    assert len(made) == 25
    assert lengths[-1] == 10
    assert lengths.count(10) == 2
    assert all(each["image"] == f"coco/train2017/{each['id']}.jpg" for each in made)
