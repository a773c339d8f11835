"""Real excerpts of AudioSet, AudioCaps, VGG-Sound, Clotho and VGG-SS: every row is accounted for, and known facts hold."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter

import pytest
from test_samples import converted

from mixer.errors import DataError


def told(made):
    """Give (id, audio, answer) of records of one round that begin with the sound."""
    for record in made:
        assert record["conversations"][0]["value"].startswith("<audio>\n")
        assert len(record["conversations"]) == 2
    return [(record["id"], record["audio"], record["conversations"][1]["value"]) for record in made]


def table(path, **how):
    """Read a table with names of columns."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, **how))


def bare(path):
    """Read the rows of a table without names of columns."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(csv.reader((line for line in lines if not line.startswith("# ")), skipinitialspace=True))


def counts(entry):
    """Give what the ledger says."""
    ledger = entry.ledger
    return ledger.read, ledger.used, sum(ledger.skipped.values()), sum(ledger.bad.values()), ledger.made


@pytest.mark.parametrize(
    ("copy", "split", "segments"),
    [("as_published", "balanced_train", 4), ("resaved", "balanced_train", 150), ("resaved", "eval", 100)],
)
def test_audioset_segments_are_named(samples, cache, tmp_path, copy, split, segments):
    """Each segment has the names of its labels, in their order, whether the copy is as published or saved anew."""
    shutil.copytree(samples / "audioset" / copy, tmp_path / "audioset")
    shutil.copy(samples / "audioset/class_labels_indices.csv", tmp_path / "audioset")
    names = {row["mid"]: row["display_name"] for row in table(samples / "audioset/class_labels_indices.csv")}
    rows = bare(tmp_path / f"audioset/{split}_segments.csv")

    entry, made = converted("audioset", tmp_path, cache, split=split)

    assert counts(entry) == (segments, segments, 0, 0, segments)
    assert len(names) == 527
    assert told(made) == [
        (
            f"{id}_{float(start):g}",
            f"audioset/{id}_{float(start):.1f}-{float(end):.1f}.wav",
            "; ".join(names[mid] for mid in mids.split(",")),
        )
        for id, start, end, mids in rows
    ]


def test_audioset_as_published_and_saved_anew_agree(samples, cache, tmp_path):
    """The four rows that are quoted from the official file are the first four of the copy."""
    made = []
    for copy in ("as_published", "resaved"):
        shutil.copytree(samples / "audioset" / copy, tmp_path / copy / "audioset")
        shutil.copy(samples / "audioset/class_labels_indices.csv", tmp_path / copy / "audioset")
        made.append(converted("audioset", tmp_path / copy, cache)[1])

    assert made[0] == made[1][:4]
    assert told(made[0])[:2] == [
        ("--PJHxphWEs_30", "audioset/--PJHxphWEs_30.0-40.0.wav", "Speech; Gush"),
        ("--ZhevVpy1s_50", "audioset/--ZhevVpy1s_50.0-60.0.wav", "Toothbrush"),
    ]


def test_audioset_labels_have_their_place_in_the_ontology(samples, cache, tmp_path):
    """Of 80 classes of 632, which are the sounds of people: other labels are not among them."""
    shutil.copytree(samples / "audioset/resaved", tmp_path / "audioset")
    shutil.copy(samples / "audioset/ontology.json", tmp_path / "audioset")

    entry, made = converted("audioset", tmp_path, cache, form="paths")

    assert counts(entry)[:2] == (150, len(made))
    assert set(entry.ledger.skipped) == {"label not among the classes"}
    paths = {path for _, _, answer in told(made) for path in answer.split("; ")}
    assert "Human sounds > Human voice > Speech" in paths
    known = {each["id"]: each["name"] for each in json.loads((samples / "audioset/ontology.json").read_text())}
    for path in paths:
        assert set(path.split(" > ")) <= set(known.values())


AUDIOCAPS = {
    "v1_train": ("dataset/train.csv", "train", 150, 150),
    "v1_val": ("dataset/val.csv", "val", 100, 94),
    "v1_test": ("dataset/test.csv", "test", 150, 140),
    "v2_val": ("dataset2.0/val.csv", "val", 100, 94),
    "v2_test": ("dataset2.0/test.csv", "test", 150, 146),
}


@pytest.mark.parametrize("file", AUDIOCAPS)
def test_audiocaps_captions_are_records(samples, cache, file):
    """Every caption as it stands, under its own id; or the first of each clip, the others counted."""
    path, split, captions, clips = AUDIOCAPS[file]
    rows = table(samples / "audiocaps" / path)

    every, made = converted("audiocaps", samples, cache, file=file)
    first, firsts = converted("audiocaps", samples, cache, file=file, captions="first")

    assert counts(every) == (captions, captions, 0, 0, captions)
    assert counts(first) == (captions, clips, captions - clips, 0, clips)
    assert {id: (audio, text) for id, audio, text in told(made)} == {
        row["audiocap_id"]: (f"audiocaps/{split}/{row['youtube_id']}_{row['start_time']}.flac", row["caption"])
        for row in rows
    }
    assert not any("\r" in text for _, _, text in told(made))
    seen = {}
    for row in rows:
        seen.setdefault(f"{row['youtube_id']}_{row['start_time']}", row["caption"])
    assert [(id, text) for id, _, text in told(firsts)] == list(seen.items())


def test_audiocaps_versions_differ_in_case(samples, cache):
    """Captions that both excerpts have are the same in version 2.0 but for case, and for one that was mended."""
    one, two = (
        {id: text for id, _, text in told(converted("audiocaps", samples, cache, file=file)[1])}
        for file in ("v1_val", "v2_val")
    )

    shared = one.keys() & two.keys()
    assert len(shared) == 33
    assert sum(one[id].lower() == two[id] for id in shared) == 32
    assert sum(text == text.lower() for text in two.values()) == 98


def test_audiocaps_torn_captions_are_mended(samples, cache):
    """The three records of version 2.0 that older downloads have with a line break in their caption."""
    entry, made = converted("audiocaps", samples, cache, file="v2_train")

    physical = (samples / "audiocaps/dataset2.0/train.csv").read_text().splitlines()[1:]
    halves = [(head.split(",", 3), tail) for head, tail in zip(physical[::2], physical[1::2], strict=True)]
    assert counts(entry) == (3, 3, 0, 0, 3)
    assert told(made) == [
        (head[0], f"audiocaps/train/{head[1]}_{head[2]}.flac", f"{head[3]} {tail}") for head, tail in halves
    ]
    assert [id for id, _, _ in told(made)] == ["39899", "7994", "48170"]


def test_audiocaps_of_another_layout_are_refused(samples, cache, tmp_path):
    """Clotho's table of captions under the name of AudioCaps' lacks its columns."""
    (tmp_path / "audiocaps/dataset").mkdir(parents=True)
    shutil.copy(samples / "clotho/clotho_captions_validation.csv", tmp_path / "audiocaps/dataset/train.csv")

    with pytest.raises(DataError, match="expected columns `audiocap_id`, `youtube_id`, `start_time`, `caption`"):
        converted("audiocaps", tmp_path, cache)


def test_vggsound_clips_of_both_splits(samples, cache):
    """All 54 rows, also the first, whose label stands at the end of a name with a comma or not."""
    rows = bare(samples / "vggsound/data/vggsound.csv")
    test = sum(row[3] == "test" for row in rows)

    entry, made = converted("vggsound", samples, cache, splits=("train", "test"), subset="category")
    train, _ = converted("vggsound", samples, cache)

    assert counts(entry) == (54, 54, 0, 0, 54)
    assert counts(train) == (54, 54 - test, test, 0, 54 - test)
    assert told(made) == [
        (f"{id}_{int(start):06d}", f"vggsound/{id}_{int(start):06d}.wav", label) for id, start, label, _ in rows
    ]
    assert made[0]["id"] == "---g-f_I2yQ_000001"
    assert any("," in label for _, _, label in told(made))
    categories = entry.index(["subset"])["subset"]
    assert categories.null_count() == 0
    assert set(categories) <= {"animals", "home", "music", "nature", "others", "people", "sports", "tools", "vehicle"}


def test_vggsound_test_clips_are_watched(samples, cache):
    """150 clips of the test split, whose classes are all in stat.csv."""
    rows = bare(samples / "vggsound/data/test.csv")
    stats = bare(samples / "vggsound/data/stat.csv")

    entry, made = converted("vggsound", samples, cache, file="test", medium="video", subset="category")

    assert counts(entry) == (150, 150, 0, 0, 150)
    assert [(record["video"], record["conversations"][1]["value"]) for record in made] == [
        (f"vggsound/{name}", label) for name, label in rows
    ]
    assert (len(stats), sum(int(row[1]) for row in stats)) == (309, 199_176)
    assert entry.index(["subset"])["subset"].null_count() == 0


@pytest.mark.parametrize(
    ("split", "sounds", "with_blanks"), [("development", 112, 10), ("validation", 41, 0), ("evaluation", 44, 4)]
)
def test_clotho_has_five_records_a_sound(samples, cache, split, sounds, with_blanks):
    """Captions lose the blanks around them, names keep theirs."""
    rows = table(samples / f"clotho/clotho_captions_{split}.csv")

    entry, made = converted("clotho", samples, cache, split=split)
    _, picked = converted("clotho", samples, cache, split=split, captions="one")

    assert counts(entry) == (sounds, sounds, 0, 0, 5 * sounds)
    published = {
        (f"{row['file_name'][:-4]}_{n}", f"clotho/{split}/{row['file_name']}", row[f"caption_{n}"])
        for row in rows
        for n in range(1, 6)
    }
    assert {(id, audio, text.strip()) for id, audio, text in published} == set(told(made))
    assert sum(text != text.strip() for _, _, text in published) == with_blanks
    assert len(picked) == sounds
    assert {(audio, text) for _, audio, text in told(picked)} <= {(audio, text) for _, audio, text in told(made)}


def test_clotho_names_have_blanks_and_entities(samples, cache):
    """As they are in the published files, and in the metadata."""
    _, made = converted("clotho", samples, cache, captions="first")

    names = [record["audio"].rpartition("/")[2] for record in made]
    assert [name for name in names if name.startswith(" ")] == [
        " typical neighborhood in Porto.wav",
        " Ambience Birds.wav",
    ]
    assert sum("&" in name and ";" in name for name in names) > 0


@pytest.mark.parametrize("split", ["development", "evaluation"])
def test_clotho_metadata_are_joined_by_name(samples, cache, split):
    """Keywords and licences of the sounds that both excerpts have; the others are counted."""
    captions = table(samples / f"clotho/clotho_captions_{split}.csv")
    known = {row["file_name"]: row for row in table(samples / f"clotho/clotho_metadata_{split}.csv")}
    both = [row["file_name"] for row in captions if row["file_name"] in known]

    entry, made = converted("clotho", samples, cache, split=split, form="keywords", subset="licence")

    assert counts(entry) == (len(captions), len(both), len(captions) - len(both), 0, len(both))
    assert [text for _, _, text in told(made)] == [known[name]["keywords"].replace(";", "; ") for name in both]
    assert entry.index(["subset"])["subset"].to_list() == [known[name]["license"] for name in both]


def test_vggss_defective_boxes_go(samples, cache):
    """18 boxes of 214 have no area or overflowed; two records have no other."""
    rows = json.loads((samples / "vggss/metadata/vggss.json").read_text())

    entry, made = converted("vggss", samples, cache)

    assert counts(entry) == (214, 196, 18, 0, 143)
    assert entry.ledger.skipped == {"box without area, or outside the frame": 18}
    assert {row["file"] for row in rows} - {record["id"] for record in made} == {
        "M1P1xla8rg0_000000",
        "MKC9LvRivTM_000030",
    }
    labels = {row["file"]: row["class"] for row in rows}
    for record in made:
        asked, said = (turn["value"] for turn in record["conversations"])
        label, boxes = said.removeprefix(f"{labels[record['id']]}: "), said.count("[")
        assert asked == "<image>\n<audio>\nLocate the object that makes the sound."
        for x1, y1, x2, y2 in json.loads(f"[{label}]"):
            assert 0 <= x1 < x2 <= 1
            assert 0 <= y1 < y2 <= 1
        assert boxes >= 1
    spread = Counter(len(row["bbox"]) for row in rows)
    assert (spread[1], max(spread)) == (112, 7)
    names = (samples / "vggss/metadata/vggss_test.csv").read_text().split()
    assert names == [row["file"] for row in rows]


def test_vggss_clips_are_named_as_in_vggsound(samples, cache):
    """Whatever clip both excerpts have, it has the same label."""
    _, frames = converted("vggss", samples, cache, form="label")
    _, clips = converted("vggsound", samples, cache, file="test")

    heard = {record["id"]: record["conversations"][1]["value"] for record in clips}
    for record in frames:
        assert heard.get(record["id"]) in {None, record["conversations"][1]["value"]}
