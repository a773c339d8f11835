"""RefCOCO, RefCOCO+ and RefCOCOg: three forms, three packagings, and the images that are held out."""

import msgspec
import pytest

from mixer import sources
from mixer.conversation import Labelled, Skip
from mixer.prompts import IDENTIFY, REFER
from mixer.readers import parquet_rows, pickle_rows
from mixer.shared.referred import Line, Ref, Row, Sentence
from mixer.shared.regions import identity
from mixer.sources.refcoco import SETS

WHERE = "Please provide the bounding box coordinate of the region this sentence describes: "
WHAT = "Please provide a short description for this region: "
HELD = "the image is held out by a validation or test split"


def convert(*raws, **options):
    """Convert the refs of an image; give what was made and {reason: items} of what was skipped."""
    source = sources.get("refcoco")
    made, skipped = [], {}
    for each in source.convert(list(raws), source.options(**options)):
        if type(each) is Labelled:
            made.append(each)
        else:
            assert type(each) is Skip
            skipped[each.reason] = skipped.get(each.reason, 0) + each.items
    assert sum(each.items for each in made) + sum(skipped.values()) == len(raws)
    return made, skipped


def ref(*phrases, dataset="refcoco", split="train", box=(80, 60, 240, 180), size=(800, 600), first=0):
    """Give a ref whose expressions are numbered from `first`."""
    sentences = [Sentence(phrase, number, phrase.upper()) for number, phrase in enumerate(phrases, first)]
    return Ref(72, 5021, split, sentences, dataset, box, size)


def rounds(made):
    """List the (question, answer) pairs of a record without its image token."""
    values = [turn.value for turn in made.conversation.conversations]
    assert values[0].startswith("<image>\n")
    assert sum("<image>" in value for value in values) == 1
    return list(zip([values[0].removeprefix("<image>\n"), *values[2::2]], values[1::2], strict=True))


def test_expressions_are_asked_for_both_ways():
    """As LLaVA-1.5: the request as published, the box on the padded square, one period, a capital in answers only."""
    made, _ = convert(ref(*(f"jar {number}." for number in range(60))), max_turns=0)

    pairs = rounds(made[0])
    assert {(WHERE, WHAT)[question.startswith(WHAT)] for question, _ in pairs} == {WHERE, WHAT}
    for question, answer in pairs:
        if question.startswith(WHERE):
            assert question.removeprefix(WHERE).startswith("jar ")
            assert question.endswith(".")
            assert not question.endswith("..")
            assert answer == "[0.1, 0.2, 0.3, 0.35]"  # 100 rows of padding above: (60 + 100) / 800
        else:
            assert question == f"{WHAT}[0.1, 0.2, 0.3, 0.35]."
            assert answer.startswith("Jar ")


@pytest.mark.parametrize(
    ("count", "options", "sizes"),
    [
        (10, {}, [10]),
        (11, {}, [5, 6]),
        (28, {}, [9, 9, 10]),
        (28, {"max_turns": 0}, [28]),
        (5, {"max_turns": 2}, [1, 2, 2]),
        (1, {}, [1]),
    ],
)
def test_an_image_is_dealt_out_evenly(count, options, sizes):
    """To records of at most ten rounds, whose ids end with their number; a ref counts where its first expression is."""
    made, _ = convert(ref(*(f"jar {number}" for number in range(count))), **options)

    assert [len(rounds(each)) for each in made] == sizes
    assert [each.items for each in made] == [1] + [0] * (len(sizes) - 1)
    ids = [each.conversation.id for each in made]
    assert ids == (["000000000072"] if len(sizes) == 1 else [f"000000000072-{part}" for part in range(len(sizes))])
    asked = [text for each in made for pair in rounds(each) for text in pair]
    assert all(sum(f"ar {number}." in text for text in asked) == 1 for number in range(count))


def test_all_sets_share_a_record_and_order_does_not_matter():
    """An image's expressions of all sets are mixed by their numbers, wherever they stand."""
    given = [ref(f"{name} a", f"{name} b", dataset=name) for name in SETS]
    [made], _ = convert(*given)
    [backwards], _ = convert(*given[::-1])
    [one], _ = convert(given[0])

    assert rounds(made) == rounds(backwards)
    assert len(rounds(made)) == 6
    assert (made.labels.subset, one.labels.subset) == (None, "refcoco")
    assert (made.labels.task, made.labels.split) == ("grounding", "train")
    assert made.conversation.image == "coco/train2017/000000000072.jpg"


@pytest.mark.parametrize("split", ["val", "testA", "testB", "test"])
@pytest.mark.parametrize("dataset", SETS)
def test_images_that_any_set_holds_out_are_dropped(dataset, split):
    """By the validation or test split of any of the three, unless they are to be kept."""
    given = [ref("left jar"), ref("jar", dataset="refcoco+"), ref("a jar", dataset=dataset, split=split)]

    assert convert(*given) == ([], {HELD: 2, f"split {split}": 1})
    [made], skipped = convert(*given, held_out="keep")
    assert (made.items, skipped) == (2, {f"split {split}": 1})
    [made], skipped = convert(*given, split=split)
    assert (made.items, skipped, made.labels.split) == (1, {"split train": 2}, split)


def test_sets_that_are_not_asked_for_still_hold_out():
    """Their refs are read for that, and counted."""
    given = [ref("left jar"), ref("a jar", dataset="refcocog", split="val")]

    assert convert(*given, sets=("refcoco",)) == ([], {HELD: 1, "of a set that is not asked for": 1})
    source = sources.get("refcoco")
    names = {
        held: [file.path for file in source.used_files(source.options(sets=("refcoco+",), held_out=held))]
        for held in ("drop", "keep")
    }
    assert names == {
        "drop": ["refcoco/refs(unc).p", "refcoco+/refs(unc).p", "refcocog/refs(umd).p"],
        "keep": ["refcoco+/refs(unc).p"],
    }
    lookups = source.used_lookups(source.options(sets=("refcoco+",)))
    assert {lookup.file.path for _, lookup in lookups} == {"refcoco+/instances.json"}


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"refcoco_by": "google", "refcocog_by": "google"}, ["refcoco/refs(google).p", "refcocog/refs(google).p"]),
        ({"packaging": "hub"}, ["refcoco/data/*.parquet", "refcocog/data/*.parquet"]),
        ({"packaging": "shikra"}, ["REC_ref3_train.jsonl"]),
    ],
)
def test_splits_and_packagings_are_other_files(options, paths):
    """Whose split is the file's name; repackagings need no instances.json."""
    source = sources.get("refcoco")
    given = source.options(sets=("refcoco", "refcocog"), held_out="keep", **options)

    assert [file.path for file in source.used_files(given)] == paths
    assert bool(source.used_lookups(given)) == ("refcoco_by" in options)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (ref("jar", size=None), "image not in instances.json"),
        (ref("jar", box=None), "annotation not in instances.json"),
        (ref("jar", box=(800, 10, 820, 30)), "box without area in its image"),
        (ref("", "...", " "), "no expression with a word"),
        (ref("jar", dataset="refclef"), "of an unknown set"),
    ],
)
def test_refs_that_are_of_no_use_are_skipped(raw, reason):
    """With the reason."""
    assert convert(raw) == ([], {reason: 1})


def test_boxes_are_cut_to_their_image():
    """Rounding may put an edge outside."""
    [made], _ = convert(ref("jar", box=(400, 0, 800.4, 600.3)), form="refer")

    assert rounds(made)[0][1] == "{<50><0><100><100>}"


def test_expressions_without_words_are_left_out():
    """The others of the object stay."""
    [made], skipped = convert(ref("", "left jar", "?"))

    assert len(rounds(made)) == 1
    assert skipped == {}


@pytest.mark.parametrize(("form", "pool", "place"), [("refer", REFER, 1), ("identify", IDENTIFY, 0)])
def test_expressions_one_by_one(form, pool, place):
    """As MiniGPT-v2: what was typed, in lower case and without punctuation, and the box in hundredths."""
    raw = ref("jar (blue)!", "lid", dataset="refcoco+", first=40)

    made, _ = convert(raw, form=form)

    assert [each.conversation.id for each in made] == ["refcoco+-40", "refcoco+-41"]
    assert [each.items for each in made] == [1, 0]
    box = "{<10><10><30><30>}"
    for each, phrase in zip(made, ("jar blue", "lid"), strict=True):
        [pair] = rounds(each)
        asked, answer = (phrase, box) if form == "refer" else (box, phrase)
        assert pair[0] in {wording.format(asked) for wording in pool}
        assert pair[1] == answer
        assert each.labels.subset == "refcoco+"


def test_what_was_typed_counts_where_it_says_anything():
    """Some typed expressions hold no word, and repackagings may lack them."""
    raw = Ref(72, 1, "train", [Sentence("left w", 1, "LEFT W!"), Sentence("right", 2, "..."), Sentence("top", 3)])
    raw.dataset, raw.box, raw.size = "refcoco", (1, 1, 5, 5), (10, 10)

    made, _ = convert(raw, form="identify")

    assert [rounds(each)[0][1] for each in made] == ["left w", "right", "top"]


def test_identities_are_asked_for_in_seven_ways():
    """The wording depends on the expression's key alone."""
    asked = {identity("A jar.", (0, 0, 5, 10), (10, 10), "test", f"{number}") for number in range(100)}

    assert asked == {(wording.format("{<0><0><50><100>}"), "a jar") for wording in IDENTIFY}


@pytest.mark.parametrize("form", ["llava", "refer", "identify"])
def test_the_hubs_tables_give_the_same(form):
    """Corners and sizes are in the row; what is made of it does not depend on the packaging."""
    raw = ref("left jar", "jar")
    row = Row(72, "train", raw.sentences, raw.box, '{"width": 800, "height": 600, "id": 72, "license": 3}', "refcoco")

    assert convert(row, form=form, packaging="hub") == convert(raw, form=form)


@pytest.mark.parametrize("text", ["", "{'width': 800}", '{"width": 800}', "null"])
def test_a_row_without_a_size_is_bad(text):
    """The JSON in its cell has to hold one."""
    row = {"image_id": 72, "split": "train", "sentences": [], "bbox": [1.0, 2, 3, 4], "raw_image_info": text}

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(row, Row)


def test_shikras_lines_are_expressions():
    """Their ids come from the content, since they have no numbers; nothing says which images are held out."""
    line = {
        "img_path": "train2014/COCO_train2014_000000000072.jpg",
        "bbox": [80.0, 60, 240, 180],
        "width": 800,
        "height": 600,
    }
    given = [
        msgspec.convert({**line, "expression": f"jar of {name}", "dataset_name": name}, Line)
        for name in ("refcoco", "refcoco+_unc")
    ]

    [made], skipped = convert(*given, packaging="shikra")
    singles, _ = convert(*given, packaging="shikra", form="refer")
    only, others = convert(*given, packaging="shikra", sets=("refcoco+",))

    assert (made.items, len(rounds(made)), skipped) == (2, 2, {})
    assert len({each.conversation.id for each in singles}) == 2
    assert all(each.conversation.id.startswith("000000000072-") for each in singles)
    assert (len(only), others) == (1, {"of a set that is not asked for": 1})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bbox": [0.1, 0.2, 0.9, 1.0]}, "not in pixels"),
        ({"img_path": "jar.jpg"}, "ends with no number"),
        ({"bbox": [1.0, 2.0, 3.0]}, "length"),
    ],
)
def test_lines_of_other_files_are_bad(change, said):
    """Boxes in fractions would all become points."""
    line = {"img_path": "COCO_train2014_000000000072.jpg", "expression": "jar", "width": 800, "height": 600}

    with pytest.raises(msgspec.ValidationError, match=said):
        msgspec.convert({**line, "bbox": [8.0, 6, 24, 18], "dataset_name": "refcoco", **change}, Line)


def test_readers_fit_the_packagings():
    """Pickles are never unpickled."""
    readers = {file.path.rpartition(".")[2]: file.reader for file in sources.get("refcoco").files}

    assert readers["p"] is pickle_rows
    assert readers["parquet"] is parquet_rows
