"""AudioSet, AudioCaps, VGG-Sound, Clotho and VGG-SS: what is heard, how it is asked for, and what the audio is called."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from conftest import RECIPES
from test_contract import converted, lines

from mixer import sources
from mixer.conversation import Conversation, Labelled, Labels, Skip
from mixer.errors import UsageError
from mixer.recipe import load_recipe
from mixer.roots import MINIATURES
from mixer.shared.audio_captions import REQUESTS, AudioCaptionOptions, Caption, records
from mixer.sources import audiocaps, audioset, clotho, vggsound, vggss
from mixer.sources.audioset import CLASSIFY, Node
from mixer.validate import check

FIVE = [Caption(f"{number}", f" Caption {number}. ") for number in range(5)]
OVERFLOW = -2.8823037615171176e16


def convert(name, raw, **options):
    """Convert a raw record or a group of them; give the records, labelled, and the skips."""
    source = sources.get(name)
    given = source.convert(raw, source.options(**options))
    given = [given] if isinstance(given, Conversation | Labelled | Skip) else list(given)
    made = [each for each in given if isinstance(each, Labelled)]
    assert not any(check(each.conversation) for each in made)
    return made, [each for each in given if isinstance(each, Skip)]


def told(each):
    """Give the request and the answer of a record."""
    asked, said = (turn.value for turn in each.conversation.conversations)
    return asked, said


# Captions of a clip


def of_clip(given, items=None, clip="7", **options):
    """Make the records of a clip."""
    return list(
        records(
            given,
            AudioCaptionOptions(**options),
            source="x",
            clip=clip,
            audio="7.wav",
            ltu="LTU's words.",
            labels=Labels(split="train"),
            items=len(given) if items is None else items,
        )
    )


def test_every_caption_is_a_record():
    """Each with its own id, without the blanks around it, never all in one dialogue."""
    made = of_clip(FIVE)

    assert [each.conversation.id for each in made] == ["0", "1", "2", "3", "4"]
    assert [told(each)[1] for each in made] == [f"Caption {number}." for number in range(5)]
    assert [each.items for each in made] == [1] * 5
    assert [each.items for each in of_clip(FIVE, items=1)] == [1, 0, 0, 0, 0]
    assert {each.conversation.audio for each in made} == {"7.wav"}


def test_one_caption_of_a_clip():
    """The first, or one picked by a hash of the clip; the others are counted if they were items."""
    skip, first = of_clip(FIVE, captions="first")
    (picked,) = of_clip(FIVE, items=1, captions="one")

    assert skip == Skip("not the caption chosen of its clip", 4)
    assert (first.conversation.id, told(first)[1]) == ("7", "Caption 0.")
    assert picked.conversation.id == "7"
    chosen = Counter(told(of_clip(FIVE, 1, f"{n}", captions="one")[0])[1] for n in range(1000))
    assert len(chosen) == 5
    assert min(chosen.values()) > 150


@pytest.mark.parametrize("captions", ["all", "one", "first"])
def test_blank_captions_are_lost(captions):
    """A clip without any caption is skipped whole, a blank one among others alone."""
    assert of_clip([Caption("1", " "), Caption("2", "")], captions=captions) == [Skip("no caption", 2)]
    blank, made = of_clip([Caption("1", " "), Caption("2", "Rain.")], captions=captions)
    assert (blank, told(made)[1]) == (Skip("no caption"), "Rain.")


def test_requests_are_the_published_ones():
    """Seven of SALMONN's, its second version's with its typo, 24 of X-InstructBLIP's, LTU's; picked by the caption."""
    asked = {
        prompt: {told(of_clip([Caption(f"{n}", "Rain.")], prompt=prompt)[0])[0] for n in range(400)}
        for prompt in ("salmonn", "salmonn_v2", "lavis", "ltu")
    }

    assert {prompt: len(each) for prompt, each in asked.items()} == {
        "salmonn": 7,
        "salmonn_v2": 1,
        "lavis": 24,
        "ltu": 1,
    }
    assert "<audio>\nDescribe the following audio in a caption." in asked["salmonn"]
    assert asked["salmonn_v2"] == {"<audio>\nPlease write down what your hear in the audio."}
    assert "<audio>\nAn audio that shows" in asked["lavis"]
    assert asked["ltu"] == {"<audio>\nLTU's words."}
    assert all(text == text.strip() for each in REQUESTS.values() for text in each)


# AudioSet

CLASSES = {
    "/m/top": Node("Things"),
    "/m/pot": Node("Pots, pans", ("/m/top",)),
    "/m/lid": Node("Lid", ("/m/pot",)),
    "/m/hiss": Node("Hiss", ("/m/lid", "/m/cat", "/m/air")),
    "/m/cat": Node("Cat"),
    "/m/air": Node("Air"),
}


def segment(labels="/m/pot,/m/hiss", start=30.0, end=40.0, **more):
    """Make a segment."""
    return audioset.Raw("-a0bC3dEf_g", start, end, labels, **{"classes": CLASSES, **more})


def test_audioset_gives_all_labels_in_the_order_of_the_file():
    """With a semicolon between them: names hold commas."""
    ((made,), _) = convert("audioset", segment("/m/hiss,/m/pot"), split="eval")

    assert told(made) == ("<audio>\nWhat sound events can be heard in this clip?", "Hiss; Pots, pans")
    assert (made.conversation.id, made.labels) == ("-a0bC3dEf_g_30", Labels(split="eval"))


def test_audioset_gives_one_label_as_lavis_does():
    """Some label in one of thirteen wordings, picked by the segment."""
    seen = [told(convert("audioset", segment(start=float(n)), form="one")[0][0]) for n in range(400)]

    assert {asked for asked, _ in seen} == {f"<audio>\n{wording}" for wording in CLASSIFY}
    assert min(Counter(said for _, said in seen).values()) > 150


def test_audioset_gives_the_place_of_labels_in_the_ontology():
    """The shortest path from the top, of equals the first by name, whatever the order of the file."""
    for table in (CLASSES, dict(reversed(CLASSES.items()))):
        ((made,), _) = convert("audioset", segment(classes=table), form="paths")

        assert told(made)[1] == "Things > Pots, pans; Air > Hiss"


def test_audioset_classes_above_each_other_end():
    """A circle in the ontology does not keep its reader going; the path begins where it would close."""
    circle = {"/m/a": Node("A", ("/m/b",)), "/m/b": Node("B", ("/m/a",))}

    ((made,), _) = convert("audioset", segment("/m/a", classes=circle), form="paths")

    assert told(made)[1] == "B > A"


@pytest.mark.parametrize(
    ("audio", "start", "name"),
    [
        ("lavis", 30.0, "-a0bC3dEf_g_30.0-40.0.wav"),
        ("lavis", 12.345, "-a0bC3dEf_g_12.3-40.0.wav"),
        ("ltu", 30.0, "-a0bC3dEf_g.flac"),
        ("vgg", 30.0, "-a0bC3dEf_g_000030.wav"),
        ("vgg", 2480.0, "-a0bC3dEf_g_002480.wav"),
    ],
)
def test_audioset_names_audio_as_others_do(audio, start, name):
    """LAVIS by start and end, LTU by the id, VGG's downloaders by the second in six digits."""
    ((made,), _) = convert("audioset", segment(start=start), audio=audio)

    assert made.conversation.audio == f"audioset/{name}"


@pytest.mark.parametrize(
    ("labels", "reason"),
    [("", "no label"), (" , ", "no label"), ("/m/pot,/m/unknown", "label not among the classes")],
)
def test_audioset_skips_what_it_cannot_name(labels, reason):
    """A segment is skipped whole, since a list that lacks a label would be wrong."""
    assert convert("audioset", segment(labels)) == ([], [Skip(reason)])


def test_audioset_class_that_is_only_named_as_a_child_has_no_name():
    """An ontology that lacks the class itself does not make an answer without words."""
    table = {"/m/pot": Node("", ("/m/top",)), "/m/top": Node("Things")}

    assert convert("audioset", segment("/m/pot", classes=table), form="paths")[1] == [
        Skip("label not among the classes")
    ]


HEADS = {
    "published": '# Segments csv created\n# num_ytids=1\n# YTID, start_seconds\n-a0bC3dEf_g, 30.000, 40.000, "/m/0aa,/m/0bb"\n',
    "two comments": '# num_ytids=1\n# YTID, start_seconds\n-a0bC3dEf_g,30,40,"/m/0aa,/m/0bb"\n',
    "no comment": '-a0bC3dEf_g,30,40,"/m/0aa,/m/0bb"\n',
    "names": 'YTID,start_seconds,end_seconds,positive_labels\r\n-a0bC3dEf_g,30.0,40.0,"/m/0aa,/m/0bb"\r\n',
    "names and blanks": 'YTID, start_seconds, end_seconds, positive_labels\n-a0bC3dEf_g, 30, 40, "/m/0aa, /m/0bb"\n',
}


@pytest.mark.parametrize("head", HEADS)
def test_audioset_files_are_read_however_they_were_saved(tmp_path, cache, head):
    """With three comments, some or none, a row of names, blanks or none, the same segment comes out."""
    folder = tmp_path / "audioset"
    folder.mkdir()
    (folder / "balanced_train_segments.csv").write_bytes(HEADS[head].encode())
    (folder / "class_labels_indices.csv").symlink_to(MINIATURES / "audioset/class_labels_indices.csv")

    entry = converted("audioset", tmp_path, cache)

    (made,) = lines(entry)
    assert (entry.ledger.read, made["audio"]) == (1, "audioset/-a0bC3dEf_g_30.0-40.0.wav")
    assert made["conversations"][1]["value"] == "Kettle, whistling; Geese"


def test_ids_that_a_spreadsheet_spoilt_are_reported(cache):
    """A row whose id is `#NAME?` is bad, also right below the comments, where it looks like one."""
    for name in ("audioset", "audiocaps", "vggsound"):
        ledger = converted(name, MINIATURES, cache).ledger

        assert (list(ledger.bad.values()), next(iter(ledger.bad))[:28]) == ([1], "Expected `str` matching rege"), name


# AudioCaps


def caption(number, text, start=30, video="-a0bC3dEf_g"):
    """Make a row."""
    return audiocaps.Raw(number, video, start, text)


def test_audiocaps_captions_of_a_clip_are_told_together():
    """Ids are the captions', or the clip's where it has one record; the path has the split and a whole second."""
    five = [caption(number, f"Noise {number}") for number in range(5)]

    every, _ = convert("audiocaps", five, file="v2_val")
    (first,), skipped = convert("audiocaps", five, file="v1_test", captions="first", audio="aac_datasets")

    assert [each.conversation.id for each in every] == ["0", "1", "2", "3", "4"]
    assert {each.conversation.audio for each in every} == {"audiocaps/val/-a0bC3dEf_g_30.flac"}
    assert first.conversation.audio == "audiocaps/AUDIOCAPS/audio_32000Hz/test/-a0bC3dEf_g_30.flac"
    assert (first.conversation.id, first.labels.split) == ("-a0bC3dEf_g_30", "test")
    assert skipped == [Skip("not the caption chosen of its clip", 4)]


def test_audiocaps_clips_that_lavis_leaves_out():
    """They are kept unless asked otherwise, and then counted."""
    rows = [caption(1, "Rain", video="52RlolYyjAE"), caption(2, "Hail", video="52RlolYyjAE")]

    assert len(convert("audiocaps", rows)[0]) == 2
    assert convert("audiocaps", rows, broken="skip") == ([], [Skip("audio was broken in LAVIS's copy", 2)])


def test_audiocaps_ltu_asks_for_its_style():
    """The request of LTU names the dataset."""
    ((made,), _) = convert("audiocaps", [caption(1, "Rain")], prompt="ltu")

    assert told(made)[0] == (
        "<audio>\nClose-ended question: Write an audio caption describing the sound, in AudioCaps style."
    )


# VGG-Sound


def test_vggsound_clips_are_named_by_six_digits():
    """Heard as .wav or watched as .mp4, asked for in lmms-eval's words, the label as it is spelt."""
    row = vggsound.Row("-a0bC3dEf_g", 2480, "eletric blender, on", "train", "home")

    ((heard,), _) = convert("vggsound", row)
    ((seen,), _) = convert("vggsound", row, medium="video")

    asked = "What is the main sound event in this clip?\nAnswer with the sound class label only."
    assert told(heard) == (f"<audio>\n{asked}", "eletric blender, on")
    assert told(seen) == (f"<video>\n{asked}", "eletric blender, on")
    assert (heard.conversation.id, heard.conversation.audio) == (
        "-a0bC3dEf_g_002480",
        "vggsound/-a0bC3dEf_g_002480.wav",
    )
    assert (seen.conversation.audio, seen.conversation.video) == (None, "vggsound/-a0bC3dEf_g_002480.mp4")
    assert heard.labels == Labels("home", "train")


def test_vggsound_files_of_a_split_name_the_clip():
    """Their first column is the file's name; the same clip comes out as from the file of all."""
    row = vggsound.Row("-a0bC3dEf_g", 7, "geese", "test")
    clip = vggsound.Clip("-a0bC3dEf_g_000007.mp4", "geese", "test")

    assert convert("vggsound", row, splits=("test",)) == convert("vggsound", clip, file="test")
    assert convert("vggsound", row) == ([], [Skip("of another split")])
    assert convert("vggsound", clip, file="AStest")[0]


def test_vggsound_categories_label_records(cache):
    """From stat.csv, where a label has one."""
    index = converted("vggsound", MINIATURES, cache, subset="category").index(["id", "subset", "split"])

    assert dict(index.select("id", "subset").iter_rows()) == {
        "---kettle_1_000030": "home",
        "-GooseYard-_002480": "animals",
        "Blender_001_000000": None,
        "ShortSaw__1_000185": "tools",
    }


@pytest.mark.parametrize(
    ("raw", "row"), [(vggsound.Clip, ["x.mp4", "a"]), (vggsound.Row, ["-a0bC3dEf_g", "7", "a", "all"])]
)
def test_vggsound_rows_of_another_kind_are_bad(raw, row):
    """Names that are no clip's, and splits that are none."""
    named = dict(zip((field.encode_name for field in msgspec.structs.fields(raw)), row, strict=False))

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(named, raw, strict=False)


# Clotho


def sound(*captions, name="A &amp; B #1 .wav", **more):
    """Make a sound with captions."""
    return clotho.Raw(name, *[*captions, "", "", "", "", ""][:5], **more)


def test_clotho_names_stay_to_the_letter():
    """Blanks and entities are part of names; only the ending goes from ids."""
    made, _ = convert("clotho", sound("Rain.", " Hail ", name=" A &amp; B #1 .wav"))

    assert [each.conversation.id for each in made] == [" A &amp; B #1 _1", " A &amp; B #1 _2"]
    assert {each.conversation.audio for each in made} == {"clotho/development/ A &amp; B #1 .wav"}
    assert [told(each)[1] for each in made] == ["Rain.", "Hail"]


def test_clotho_keywords_are_labels():
    """They are another task; without them, or without metadata, a sound is skipped."""
    (made,), _ = convert("clotho", sound("Rain.", keywords="rain;tin-roof"), form="keywords", split="validation")

    assert told(made) == ("<audio>\nWhich keywords describe this sound?", "rain; tin-roof")
    assert made.labels == Labels(split="validation", task="classification")
    assert convert("clotho", sound("Rain."), form="keywords") == ([], [Skip("no keywords")])


@pytest.mark.parametrize("option", ["captions=one", "prompt=ltu"])
def test_clotho_keywords_are_asked_for_in_one_way(option):
    """Which caption and whose request for it are refused, as they would do nothing."""
    with pytest.raises(UsageError, match="captions and prompt: of form=captions only"):
        sources.parse_options(sources.get("clotho"), ["form=keywords", option])


def test_clotho_licences_label_records(cache):
    """By the name of the sound, whose letters beyond ASCII the metadata write otherwise; some are not there."""
    index = converted("clotho", MINIATURES, cache, subset="licence", captions="one").index(["id", "subset"])

    found = {id: licence and licence.split("/")[4] for id, licence in index.iter_rows()}
    assert found == {
        "Kettle &amp; Lid": "by",
        " harbour at night": "by-nc",
        "Café Door, #2 (loud) ": "zero",
        "Tom&#39;s Drill": "sampling+",
        "No Partner": None,
    }


# VGG-SS


def frame(*boxes):
    """Make a record."""
    return vggss.Raw("-a0bC3dEf_g_000030", "geese, honking", list(boxes))


def test_vggss_boxes_stay_fractions():
    """Class and boxes with two decimals, the frame before the sound; or the boxes or the class alone."""
    raw = frame((0.121875, 0.0, 1.0, 0.853125), (0.5, 0.25, 0.625, 0.75))

    ((located,), _) = convert("vggss", raw)
    ((boxes,), _) = convert("vggss", raw, form="boxes", media="image")
    ((label,), _) = convert("vggss", raw, form="label")

    assert told(located) == (
        "<image>\n<audio>\nLocate the object that makes the sound.",
        "geese, honking: [0.12, 0.0, 1.0, 0.85], [0.5, 0.25, 0.62, 0.75]",
    )
    assert (located.conversation.image, located.conversation.audio) == (
        "vggss/frames/-a0bC3dEf_g_000030.jpg",
        "vggss/audio/-a0bC3dEf_g_000030.wav",
    )
    assert told(boxes)[1] == "[0.12, 0.0, 1.0, 0.85], [0.5, 0.25, 0.62, 0.75]"
    assert boxes.conversation.audio is None
    assert (told(label)[1], label.labels) == ("geese, honking", Labels(split="test", task="classification"))


@pytest.mark.parametrize(
    "box",
    [
        (0.5, 0.25, OVERFLOW, 0.75),
        (0.5, 0.25, 0.75, OVERFLOW),
        (0.5, 0.25, 0.5, 0.75),
        (0.25, 1.0, 0.75, 1.0),
        (-0.1, 0.25, 0.5, 0.75),
        (0.5, 0.25, 1.1, 0.75),
    ],
)
def test_vggss_defective_boxes_are_counted(box):
    """One among others goes alone; a record without another goes whole."""
    reason = "box without area, or outside the frame"

    (made,), skipped = convert("vggss", frame(box, (0.0, 0.0, 1.0, 1.0), box))

    assert (made.items, skipped) == (1, [Skip(reason, 2)])
    assert told(made)[1] == "geese, honking: [0.0, 0.0, 1.0, 1.0]"
    assert convert("vggss", frame(box)) == ([], [Skip(reason, 1)])


def test_vggss_is_no_training_data():
    """It says so itself, and the recipe for hearing does without."""
    assert "evaluation set" in sources.get("vggss").note
    assert "vggss" not in {leaf.name for leaf in load_recipe(RECIPES / "audio.yaml").leaves()}


def test_options_are_closed():
    """An option of another set is refused, with those that there are."""
    with pytest.raises(UsageError, match="medium"):
        sources.parse_options(sources.get("vggss"), ["medium=audio"])
