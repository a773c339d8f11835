"""Real excerpts: every record is accounted for, and the facts that are known of them hold."""

from __future__ import annotations

import json
import re
import shutil
from fractions import Fraction

import pytest
from conftest import multiset, records

from mixer import conversion, sources
from mixer.errors import DataError
from mixer.processes import Workers
from mixer.progress import silent
from mixer.resolved import Input
from mixer.store import Store

LLAVA = {
    "llava_v1_5_mix665k": ("llava_v1_5_mix665k.json", 325),
    "svit_mix_665k": ("SVIT_mix_665K.json", 325),
    "sharegpt4v": ("sharegpt4v_mix665k_cap23k_coco-ap9k_lcs3k_sam9k_div2k.json", 325),
    "svit_core_150k": ("SVIT_core_150K.json", 78),
    "llava_instruct_150k": ("llava_instruct_150k.json", 78),
    "llava_pretrain": ("blip_laion_cc_sbu_558k.json", 200),
}
"""Source -> its excerpt and the records that its provenance counts. They are in LLaVA's format and pass through."""


def converted(name, root, cache, **options):
    """Convert an excerpt; give the entry and its conversations."""
    given = Input(name, sources.get(name).options(**options))
    with Workers(1) as workers:
        located = conversion.locate(given, root)
        entry = conversion.convert(located, Store(cache), workers, silent, max_bad=Fraction(0))
    return entry, [each for part in entry.ledger.parts for each in records(entry.data(part))]


def normal(record, prefix=""):
    """Apply the documented normalisations: ids are text, FastChat's empty `model` goes, images get their folder."""
    kept = {"id": str(record["id"])}
    if "image" in record:
        kept["image"] = prefix + record["image"]
    return {**kept, "conversations": record["conversations"]}


@pytest.mark.parametrize("name", LLAVA)
def test_records_in_llavas_format_pass_through_byte_for_byte(samples, cache, name):
    """Every text, id and path of the published file is in the conversation, and nothing else."""
    file, count = LLAVA[name]

    entry, made = converted(name, samples, cache)

    prefix = "coco/train2017/" if name == "llava_instruct_150k" else ""
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (count, count, count)
    assert not entry.ledger.skipped
    assert not entry.ledger.bad
    assert made == [normal(record, prefix) for record in records(samples / name / file)]


@pytest.mark.parametrize("caption", ["condensed", "image", "text", "both"])
def test_textocr_captions_become_one_record_an_image(samples, cache, caption):
    """Each of the 100 rows gives a record named after its file, with the caption that was asked for as it stands."""
    entry, made = converted("textocr_gpt4v", samples, cache, caption=caption)

    rows = records(samples / "textocr_gpt4v" / "train.jsonl")
    assert (entry.ledger.read, entry.ledger.made) == (100, 100)
    for row, record in zip(rows, made, strict=True):
        answers = [turn["value"] for turn in record["conversations"][1::2]]
        wanted = ["caption_image", "caption_text"] if caption == "both" else [f"caption_{caption}"]
        assert answers == [row[name] for name in wanted]
        assert record["image"] == f"textvqa/train_images/{row['filename']}"
        assert f"{record['id']}.jpg" == row["filename"]
        assert record["conversations"][0]["value"].startswith("<image>\n")


def test_blocks_of_the_mix_are_told_by_content(samples, cache):
    """The 1-in-2,000 excerpt holds every block, in the order and with the media of the published file."""
    entry, _ = converted("llava_v1_5_mix665k", samples, cache)

    index = entry.index(["subset", "media"])
    media = {
        "llava_instruct": "coco/train2017/", "vqav2_okvqa": "coco/train2017/", "aokvqa": "coco/train2017/",
        "refcoco": "coco/train2017/", "vg": "vg/VG_100K", "gqa": "gqa/images/", "ocrvqa": "ocr_vqa/images/",
        "textcaps": "textvqa/train_images/",
    }  # fmt: skip
    assert list(dict.fromkeys(index["subset"].to_list())) == [*media, "sharegpt"]
    for subset, paths in index.iter_rows():
        assert all(path.startswith(media[subset]) for path in paths), subset
        assert bool(paths) == (subset != "sharegpt")


def test_shipped_svit_recipe_gives_the_published_excerpt(samples, mixer, tmp_path):
    """On the excerpts the recipe's 325 records are the published mix's, and exactly LLaVA-Instruct's 78 went."""
    printed = json.loads(mixer("build", "svit_mix", "--data", samples, "-o", "mix", "--json").stdout)

    published = [normal(record) for record in records(samples / "svit_mix_665k/SVIT_mix_665K.json")]
    assert multiset(records(tmp_path / "mix/svit_mix.json")) == multiset(published)
    assert printed["records"] == 325
    assert printed["sources"]["llava_v1_5_mix665k"]["losses"] == {"except": 78}


SHORT = "\nAnswer the question using a single word or phrase."
_BOX = r"\[[01]\.\d{1,2}(, [01]\.\d{1,2}){3}\]"
_REGION = re.compile(
    rf"(Please provide the bounding box coordinate of the region this sentence describes: .*[^ .]\.\n{_BOX}"
    rf"|Please provide a short description for this region: {_BOX}\.\n[^a-z ].*[^ .]\.)",
)


def rounds(record):
    """Give a record's (question, answer) pairs without its image token."""
    said = [turn["value"] for turn in record["conversations"]]
    assert said[0].startswith("<image>\n")
    return list(zip([said[0].removeprefix("<image>\n"), *said[2::2]], said[1::2], strict=True))


def published(samples, subset, *kinds):
    """Give the published mix's records with images in a folder and, if given, a request in the first question."""
    mix = records(samples / "llava_v1_5_mix665k" / "llava_v1_5_mix665k.json")
    found = [each for each in mix if each.get("image", "").startswith(subset)]
    return [each for each in found if all(kind in each["conversations"][0]["value"] for kind in kinds)]


def check_short_answers(made):
    """The request ends the first question and no other, answers have a capital and no period is added."""
    for record in made:
        (first, _), *others = pairs = rounds(record)
        assert first.endswith(SHORT)
        assert not any(SHORT in question for question, _ in others)
        assert not any(answer[0].islower() for _, answer in pairs)


def test_vqav2_makes_a_record_of_each_image(samples, cache):
    """133 questions about 49 images in the order of the file, with the answers that the annotations publish."""
    entry, made = converted("vqav2", samples, cache)

    folder = samples / "vqav2"
    asked = json.loads((folder / "v2_OpenEnded_mscoco_train2014_questions.json").read_text())["questions"]
    given = json.loads((folder / "v2_mscoco_train2014_annotations.json").read_text())["annotations"]
    answers = {each["question_id"]: each["multiple_choice_answer"] for each in given}
    images = dict.fromkeys(each["image_id"] for each in asked)
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (133, 133, 49)
    assert (entry.ledger.skipped, entry.ledger.bad) == ({}, {})
    assert [record["id"] for record in made] == [f"{image:012d}" for image in images]
    assert [record["image"] for record in made] == [f"coco/train2017/{image:012d}.jpg" for image in images]
    assert rounds(made[0]) == [
        (f"What is this photo taken looking through?{SHORT}", "Net"),
        ("What position is this man playing?", "Pitcher"),
        ("What color is the players shirt?", "Orange"),
    ]
    for record, image in zip(made, images, strict=True):
        mine = [each for each in asked if each["image_id"] == image]
        assert [question.removesuffix(SHORT) for question, _ in rounds(record)] == [each["question"] for each in mine]
        assert [answer.lower() for _, answer in rounds(record)] == [answers[each["question_id"]] for each in mine]
    check_short_answers([*made, *published(samples, "coco/", SHORT)])


def test_vqav2_answers_are_sampled_from_the_ten(samples, cache):
    """Each sampled answer is one of the ten people's; a record of its own has the question's id."""
    entry, made = converted("vqav2", samples, cache, answer="sampled", merge="none")

    given = json.loads((samples / "vqav2/v2_mscoco_train2014_annotations.json").read_text())["annotations"]
    ten = {str(each["question_id"]): {answer["answer"] for answer in each["answers"]} for each in given}
    assert (entry.ledger.read, entry.ledger.made) == (133, 133)
    assert all(rounds(record)[0][1].lower() in ten[record["id"]] for record in made)


def test_vqav2_questions_without_annotations_are_counted(samples, cache, tmp_path):
    """The val excerpt has 78 questions; with no annotation for any of them, each is skipped."""
    folder = tmp_path / "data" / "vqav2"
    folder.mkdir(parents=True)
    shutil.copy(samples / "vqav2/v2_OpenEnded_mscoco_val2014_questions.json", folder)
    (folder / "v2_mscoco_val2014_annotations.json").write_text('{"annotations": []}')

    entry, made = converted("vqav2", tmp_path / "data", cache, split="val")

    assert (entry.ledger.read, entry.ledger.skipped, made) == (78, {"no answer": 78}, [])


def test_ok_vqa_under_the_names_of_vqav2_is_refused(samples, cache, tmp_path):
    """Its questions are numbered otherwise, and its annotations have no single answer: all are bad, and it stops."""
    folder = tmp_path / "data" / "vqav2"
    folder.mkdir(parents=True)
    for name in ("OpenEnded_mscoco_train2014_questions.json", "mscoco_train2014_annotations.json"):
        shutil.copy(samples / "okvqa" / name, folder / f"v2_{name}")

    with pytest.raises(DataError, match="question_id is not image_id"):
        converted("vqav2", tmp_path / "data", cache)


def test_gqa_makes_a_record_of_each_image(samples, cache):
    """Short answers by default, sentences where asked for; ids keep their zeros."""
    train, [sky] = converted("gqa", samples, cache)
    val, made = converted("gqa", samples, cache, split="val_balanced")
    _, full = converted("gqa", samples, cache, split="val_balanced", answer="full", merge="none")

    assert (train.ledger.read, train.ledger.used, sky["image"]) == (1, 1, "gqa/images/2354786.jpg")
    assert rounds(sky) == [(f"Is the sky dark?{SHORT}", "Yes")]
    assert (val.ledger.read, val.ledger.used, val.ledger.made) == (5, 5, 4)
    assert [record["id"] for record in made] == ["1159529", "2371269", "2351608", "2370134"]
    assert [answer for _, answer in rounds(made[1])] == ["Camera", "No"]
    assert [record["id"] for record in full] == ["00126851", "00137872", "00137901", "00148535", "00155957"]
    assert rounds(full[0]) == [("Are there carts near the pond?", "Yes, there is a cart near the pond.")]
    check_short_answers([sky, *made, *published(samples, "gqa/")])


def test_gqa_parts_are_read_together(samples, cache, tmp_path):
    """Records with blanks and line breaks between their members, of images that are not Visual Genome's."""
    folder = tmp_path / "data/gqa/train_all_questions"
    folder.mkdir(parents=True)
    for part in range(10):
        (folder / f"train_all_questions_{part}.json").write_text("{}")
    for part in (0, 1):
        shutil.copyfile(samples / f"gqa/question_dir/questions{part}.json", folder / f"train_all_questions_{part}.json")

    entry, made = converted("gqa", tmp_path / "data", cache, split="train_all")

    assert (entry.ledger.read, entry.ledger.used) == (2, 2)
    assert [(record["image"], rounds(record)[0][1]) for record in made] == [
        ("gqa/images/n578564.jpg", "Picture"),
        ("gqa/images/n166008.jpg", "Yes"),
    ]


@pytest.mark.parametrize(("release", "counts"), [("", (262, 256)), ("v1_0", (265,))])
def test_visual_genome_regions_look_like_the_published_block(samples, cache, tmp_path, release, counts):
    """At most ten regions to an image, the others counted; requests, boxes and phrases have the published form."""
    shutil.copytree(samples / "visual_genome" / release, tmp_path / "data" / "visual_genome")

    entry, made = converted("visual_genome", tmp_path / "data", cache)
    every, whole = converted("visual_genome", tmp_path / "data", cache, per_image=0)

    ids = ["VG_100K_2/1", "VG_100K/2"][: len(counts)]
    picked = 10 * len(counts)
    assert (entry.ledger.read, entry.ledger.used, entry.ledger.made) == (sum(counts), picked, len(counts))
    assert entry.ledger.skipped == {"more than 10 in an image": sum(counts) - picked}
    assert [record["id"] for record in made] == [record["id"] for record in whole] == ids
    assert (every.ledger.used, [len(rounds(record)) for record in whole]) == (sum(counts), list(counts))
    vg = published(samples, "vg/")
    assert len(vg) > 40
    for record in [*made, *whole, *vg]:
        assert record["image"] == f"vg/{record['id']}.jpg"
        assert not [pair for pair in rounds(record) if not _REGION.fullmatch("\n".join(pair))]


@pytest.mark.parametrize(("release", "counts", "small"), [("", (262, 256), 232), ("v1_0", (265,), 127)])
def test_visual_genome_regions_one_by_one(samples, cache, tmp_path, release, counts, small):
    """Every phrase is a caption; the regions below 16,384 pixels are referred to, the others counted."""
    shutil.copytree(samples / "visual_genome" / release, tmp_path / "data" / "visual_genome")

    captions, captioned = converted("visual_genome", tmp_path / "data", cache, form="captions")
    refer, referred = converted("visual_genome", tmp_path / "data", cache, form="refer")

    total = sum(counts)
    assert (captions.ledger.read, captions.ledger.used, captions.ledger.made) == (total, total, total)
    assert not any("\n" in answer or answer != answer.strip() for record in captioned for _, answer in rounds(record))
    assert (refer.ledger.read, refer.ledger.made) == (total, small)
    assert refer.ledger.skipped == {"region of 16,384 pixels or more": total - small}
    assert rounds(referred[0])[0][0].endswith("the clock is green in colour")
    assert rounds(referred[0])[0][1] == "{<52><9><62><32>}"


@pytest.mark.parametrize(("release", "counts"), [("", (91, 165)), ("v1_0", (91,))])
def test_visual_genome_questions(samples, cache, tmp_path, release, counts):
    """All questions of an image, or ten; the final period goes from short answers and stays in sentences."""
    shutil.copytree(samples / "visual_genome" / release, tmp_path / "data" / "visual_genome")

    some, _ = converted("visual_genome", tmp_path / "data", cache, form="qa")
    _, made = converted("visual_genome", tmp_path / "data", cache, form="qa", per_image=0)
    _, whole = converted("visual_genome", tmp_path / "data", cache, form="qa", per_image=0, answer="sentence")

    assert (some.ledger.read, some.ledger.used) == (sum(counts), 10 * len(counts))
    assert [len(rounds(record)) for record in made] == list(counts)
    assert rounds(made[0])[0] == (f"What color is the clock?{SHORT}", "Green")
    assert rounds(whole[0])[0] == ("What color is the clock?", "Green.")
    check_short_answers(made)
