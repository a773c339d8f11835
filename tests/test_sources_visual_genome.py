"""Visual Genome: its four forms, which regions are picked, and what is tidied, cut or skipped."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip
from mixer.prompts import BRIEF, REFER
from mixer.shared.regions import box_or_phrase, location
from mixer.shared.vg_images import Place
from mixer.sources.visual_genome import Question, Questions, Region, Regions

PLACE = Place("vg/VG_100K_2/713.jpg", 800, 600)
WHERE = "Please provide the bounding box coordinate of the region this sentence describes: "
WHAT = "Please provide a short description for this region: "


def convert(raw, **options):
    """Convert a raw record; give what was made and {reason: items} of what was skipped."""
    source = sources.get("visual_genome")
    made, skipped = [], {}
    for each in source.convert(raw, source.options(**options)):
        if type(each) is Labelled:
            made.append(each)
        else:
            assert type(each) is Skip
            skipped[each.reason] = skipped.get(each.reason, 0) + each.items
    return made, skipped


def regions(*phrases, place=PLACE, box=(80, 60, 160, 120)):
    """Give an image with regions of one box."""
    return Regions(713, [Region(phrase, *box, region_id=number) for number, phrase in enumerate(phrases, 8100)], place)


def questions(*answers, place=PLACE):
    """Give an image with questions."""
    return Questions(713, [Question(number, f"Q{number}?", answer) for number, answer in enumerate(answers)], place)


def said(made):
    """List the texts of a conversation."""
    return [turn.value for turn in made.conversation.conversations]


def test_box_or_phrase_are_asked_for():
    """As LLaVA-1.5: one request with the phrase, one with the box; a capital only in answers; always one period."""
    rounds = {
        box_or_phrase("the hook is bent..", (80, 60, 240, 180), (800, 600), ask_box=coin) for coin in (True, False)
    }

    # 800 x 600: 100 rows above; 80/800, (60+100)/800, 240/800, (180+100)/800
    assert rounds == {
        (f"{WHERE}the hook is bent.", "[0.1, 0.2, 0.3, 0.35]"),
        (f"{WHAT}[0.1, 0.2, 0.3, 0.35].", "The hook is bent."),
    }


def test_a_location_is_in_hundredths_of_width_and_height():
    """As MiniGPT-v2: cut off, not rounded; the phrase in lower case, without punctuation, at most 50 words."""
    question, answer = location('A "BIG" jar (wet!)  .', (100, 100, 799, 599), (800, 600), "test", "0")
    long, _ = location("jar " * 60, (0, 0, 1, 1), (9, 9), "test", "0")

    assert question in {prompt.format("a big jar wet") for prompt in REFER}
    assert answer == "{<12><16><99><99>}"
    assert long.count("jar") == 50
    assert len({location("jar", (0, 0, 1, 1), (9, 9), "test", str(n))[0] for n in range(100)}) == 7


def test_ten_regions_of_an_image_are_a_record():
    """The others are counted; which ten depends on their numbers alone, and they keep the order of the file."""
    raw = regions(*(f"jar {number}" for number in range(30)))

    [made], skipped = convert(raw)
    raw.regions.reverse()
    [backwards], _ = convert(raw)

    assert (made.items, skipped) == (10, {"more than 10 in an image": 20})
    assert (made.conversation.id, made.conversation.image) == ("VG_100K_2/713", "vg/VG_100K_2/713.jpg")
    pairs = [list(zip(said(each)[::2], said(each)[1::2], strict=True)) for each in (made, backwards)]
    bare = [{(question.removeprefix("<image>\n"), answer) for question, answer in each} for each in pairs]
    assert bare[0] == bare[1]
    assert [sum("<image>" in question for question, _ in each) for each in pairs] == [1, 1]
    assert made.labels.task == "grounding"


@pytest.mark.parametrize("most", [0, 3, 30, 40])
def test_how_many_regions_is_an_option(most):
    """0 means all, and an image with fewer has them all."""
    [made], skipped = convert(regions(*(f"jar {number}" for number in range(30))), per_image=most)

    assert made.items == (3 if most == 3 else 30)
    assert sum(skipped.values()) == 30 - made.items


def test_phrases_are_tidied_and_repeated_ones_kept():
    """Blanks and newlines at the ends go, those inside become a blank; doubled blanks and repeated phrases stay."""
    raw = regions(" lid of  a jar \n", "two\n jars", "two jars")

    made, skipped = convert(raw, form="captions")

    assert [said(each)[1] for each in made] == ["lid of  a jar", "two jars", "two jars"]
    assert all(said(each)[0].removeprefix("<image>\n") in BRIEF for each in made)
    assert [each.conversation.id for each in made] == [f"VG_100K_2/713-{number}" for number in (8100, 8101, 8102)]
    assert (skipped, made[0].labels.task) == ({}, "caption")


@pytest.mark.parametrize("form", ["regions", "refer", "captions"])
def test_phrases_without_words_are_skipped(form):
    """Nothing but blanks and punctuation describes no region."""
    made, skipped = convert(regions(" ", "...", "jar", box=(80, 60, 80, 60)), form=form)

    assert sum(each.items for each in made) == 1
    assert skipped == {"phrase without words": 2}
    assert convert(regions(" "), form=form) == ([], {"phrase without words": 1})


@pytest.mark.parametrize(
    ("box", "answer"),
    [
        ((-40, 60, 120, 120), "{<0><10><10><30>}"),
        ((720, 540, 120, 120), "{<90><90><100><100>}"),
        ((800, 540, 8, 8), None),
        ((80, 60, 0, 120), None),
    ],
)
def test_boxes_are_cut_to_the_image(box, answer):
    """What is left of a box counts; without any area it is skipped."""
    made, skipped = convert(regions("jar", box=box), form="refer")

    assert [said(each)[1] for each in made] == [answer] * (answer is not None)
    assert skipped == ({} if answer else {"box without area in its image": 1})


def test_only_small_regions_are_referred_to():
    """MiniGPT-v2 takes regions below 16,384 pixels, each a record."""
    small, large = regions("jar", box=(0, 0, 128, 127)), regions("jar", box=(0, 0, 128, 128))

    [made], _ = convert(small, form="refer")

    assert (made.conversation.id, made.items, made.labels.task) == ("VG_100K_2/713-8100", 1, "grounding")
    assert convert(large, form="refer") == ([], {"region of 16,384 pixels or more": 1})


def test_questions_of_an_image_are_a_record():
    """Short answers lose the final period and are asked for once; sentences stand as they are."""
    raw = questions("A ladle.", "", "Two", "...")

    [short], skipped = convert(raw, form="qa")
    [whole], _ = convert(raw, form="qa", answer="sentence")

    prompt = "\nAnswer the question using a single word or phrase."
    assert said(short) == [f"<image>\nQ0?{prompt}", "A ladle", "Q2?", "Two"]
    assert said(whole) == ["<image>\nQ0?", "A ladle.", "Q2?", "Two", "Q3?", "..."]
    assert skipped == {"no answer": 2}
    assert (short.conversation.id, short.items, short.labels.task) == ("VG_100K_2/713", 2, "vqa")


def test_ten_questions_of_an_image_are_asked():
    """The others are counted."""
    [made], skipped = convert(questions(*["Yes."] * 91), form="qa")

    assert (made.items, skipped) == (10, {"more than 10 in an image": 81})


@pytest.mark.parametrize(
    ("raw", "reason", "items"),
    [
        (regions(), "image without regions", 1),
        (questions(), "image without questions", 1),
        (regions("jar", "lid", place=None), "image not in image_data.json", 2),
        (questions("Yes.", "No.", place=None), "image not in image_data.json", 2),
    ],
)
def test_images_that_give_nothing_are_counted(raw, reason, items):
    """An image without regions is an item; where its file is not known, each of its regions is."""
    form = "regions" if isinstance(raw, Regions) else "qa"

    assert convert(raw, form=form) == ([], {reason: items})


def test_regions_of_both_releases_are_read():
    """Release 1.0 calls a region's number `id`; without any it is bad."""
    entry = {"phrase": "jar", "x": 1, "y": 2, "width": 3, "height": 4}

    assert all(msgspec.convert({**entry, name: 81}, Region).number == 81 for name in ("region_id", "id"))
    with pytest.raises(msgspec.ValidationError, match="neither"):
        _ = msgspec.convert(entry, Region).number
