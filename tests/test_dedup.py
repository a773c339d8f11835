"""`mixer dedup images`: pictures, some planted near others, through to the table, the lists and the file for recipes."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from conftest import recipe
from PIL import Image

from mixer import build
from mixer.commands.dedup import dedup
from mixer.errors import MissingFile
from mixer.near import deduping, near_file, pairs, results, table

WIDTH = 48


def picture(seed):
    """Invent a picture: soft blobs of colour."""
    numbers = np.random.default_rng(seed)
    small = Image.fromarray(numbers.integers(0, 256, (6, 6, 3), np.uint8))
    return small.resize((96, 96), Image.Resampling.BICUBIC)


def planted(kind, seed):
    """Give a near copy of a picture."""
    whole = picture(seed)
    if kind == "crop":
        return whole.crop((3, 3, 95, 94)).resize((96, 96))
    if kind == "bright":
        return whole.point(lambda level: min(255, int(level * 1.1) + 6))
    return whole  # saved anew, as JPEG of another quality


@lru_cache(maxsize=1)
def projection():
    """Give the model: a random projection of the picture, brought to 12 x 12 pixels."""
    return np.random.default_rng(7).standard_normal((12 * 12 * 3, WIDTH)).astype(np.float32)


def embedding(path):
    """Embed a picture."""
    with Image.open(path) as image:
        levels = np.asarray(image.convert("RGB").resize((12, 12), Image.Resampling.BOX), np.float32)
    return (levels.ravel() - 128) @ projection()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Give a folder of pictures in three folders, records that name them, and their embeddings."""
    folder = tmp_path_factory.mktemp("data")
    media, records = folder / "media", []
    kinds = ("crop", "bright", "again")
    for number in range(60):
        path = f"coco/{'ab'[number % 2]}/{number:03}.png"
        (media / path).parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(media / path)
        records += [path] * (1 + number % 3)
        if number % 4 == 0:
            near = f"{'coco/a' if number % 8 else 'vg'}/near{number:03}.jpg"
            (media / near).parent.mkdir(parents=True, exist_ok=True)
            planted(kinds[number // 4 % 3], number).save(media / near, quality=60 + number % 30)
            records.append(near)
    (media / "coco/a/copy.png").write_bytes((media / "coco/a/000.png").read_bytes())
    (media / "coco/a/broken.png").write_bytes(b"no picture")
    records += ["coco/a/copy.png", "coco/a/broken.png", "coco/b/absent.png"]
    lines = [
        {"id": str(at), "image": path, "conversations": [
            {"from": "human", "value": f"<image>\nWhat is in picture {at}?"}, {"from": "gpt", "value": "A blob."}]}
        for at, path in enumerate(records)
    ]  # fmt: skip
    lines.append({"id": "text", "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}]})
    (folder / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "back.jsonl").write_text("".join(json.dumps(line) + "\n" for line in reversed(lines)))
    paths = sorted({path for path in records if (media / path).is_file() and "broken" not in path})
    matrix = np.stack([embedding(media / path) for path in paths])
    for name, order in (("own", slice(None)), ("back", slice(None, None, -1))):
        np.save(folder / f"{name}.npy", matrix[order])
        (folder / f"{name}.txt").write_text("".join(f"{path}\n" for path in paths[order]))
    return folder


@pytest.fixture
def run(data, tmp_path):
    """Run the command on the data; give what it printed, or its error."""

    def run(*words, out="out", code=0, given="own", embeddings=None, workers=1):
        shared = ["--media", data / "media", "--cache", tmp_path / "store", "--workers", workers, "-o", tmp_path / out]
        if given:
            shared += ["--path", data / f"{given}.jsonl", "llava_jsonl"]
        if embeddings:
            shared += ["--embeddings", data / f"{embeddings}.npy", "--names", data / f"{embeddings}.txt"]
        done = CliRunner().invoke(dedup, ["images", *map(str, (*shared, *words))])
        if code:
            assert done.exception is not None
            return str(done.exception) + done.output
        assert done.exception is None, done.exception
        return done.output

    return run


def files(folder):
    """Read a folder of results, name by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def gone(folder, threshold):
    """Read what goes at a threshold."""
    return [json.loads(line) for line in (folder / f"dropped-{threshold}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("within", [True, False])
def test_the_table_adds_up_and_no_two_that_stay_are_alike(run, data, tmp_path, within):
    """Similar + kept = distinct in every row; what stays and goes is what a float64 reference says."""
    printed = run("--within" if within else "--across", embeddings="own")
    out = tmp_path / "out"
    said = json.loads((out / "table.json").read_text())

    assert [row["folder"] for row in said["rows"]] == ["coco/a", "coco/b", "vg"]
    assert said["thresholds"] == [0.7, 0.8, 0.9]
    for row in (*said["rows"], said["total"]):
        for at in row["at"]:
            assert at["similar"] + at["kept"] == row["distinct"]
            assert at["percent"] == round(100 * at["kept"] / row["distinct"], 1)
    for name in ("records", "distinct", "not_compared"):
        assert said["total"][name] == sum(row[name] for row in said["rows"])
    assert said["total"]["records"] == len((data / "own.jsonl").read_text().splitlines()) - 1
    assert said["total"]["not_compared"] == 2
    assert f"{said['total']['distinct']}" in printed

    paths = (data / "own.txt").read_text().splitlines()
    matrix = np.load(data / "own.npy").astype(np.float64)
    matrix /= np.linalg.norm(matrix, axis=1)[:, None]
    cosines = dict(zip(paths, matrix, strict=True))
    for threshold in (0.7, 0.8, 0.9):
        kept = (out / f"kept-{threshold}.txt").read_text().splitlines()
        lost = gone(out, threshold)
        assert sorted([*kept, *(each["image"] for each in lost)]) == paths
        for at, one in enumerate(kept):
            for other in kept[:at]:
                if not within or one.rsplit("/", 1)[0] == other.rsplit("/", 1)[0]:
                    assert cosines[one] @ cosines[other] < threshold
        for each in lost:
            assert each["twin"] in kept
            assert each["score"] == pytest.approx(cosines[each["image"]] @ cosines[each["twin"]], abs=1e-12)
            assert each["score"] >= threshold
            assert not within or each["twin"].startswith(each["folder"] + "/")
    assert {"coco/a/000.png", "coco/a/copy.png"} & {each["image"] for each in gone(out, 0.9)}


def test_planted_twins_are_found(run, tmp_path):
    """Crops, re-encoded and brightened pictures lose their twins, and few others go."""
    run("--across", "--threshold", "0.9", embeddings="own")
    lost = gone(tmp_path / "out", 0.9)
    number = lambda path: path.rsplit("/", 1)[1].removeprefix("near")[:3]  # noqa: E731

    planted_ = {f"{at:03}" for at in range(0, 60, 4)}
    found = {number(each["image"]) for each in lost if number(each["image"]) == number(each["twin"])}
    assert planted_ <= found


def test_neither_order_nor_workers_nor_blocks_change_a_byte(run, tmp_path, monkeypatch):
    """Records and embeddings from back to front, two processes, another block: the same files."""
    run("--across", embeddings="own")
    run("--across", embeddings="back", given="back", out="back", workers=2)
    monkeypatch.setattr(deduping, "Cosine", lambda *given: cosine(*given, block=7))
    run("--across", embeddings="own", out="blocks")

    assert files(tmp_path / "out") == files(tmp_path / "back") == files(tmp_path / "blocks")


cosine = deduping.Cosine


def test_what_cannot_be_compared_is_listed(run, tmp_path):
    """Missing, damaged, without an embedding: counted in the table, listed with why, and in no other list."""
    printed = run(embeddings="own")
    assert "2 images could not be compared" in printed
    listed = [json.loads(line) for line in (tmp_path / "out/problems.jsonl").read_text().splitlines()]
    assert listed == [
        {"image": "coco/a/broken.png", "folder": "coco/a", "problem": "has no embedding"},
        {"image": "coco/b/absent.png", "folder": "coco/b", "problem": "in none of the media folders"},
    ]
    run("--by", "perceptual")
    problems = [json.loads(line) for line in (tmp_path / "out/problems.jsonl").read_text().splitlines()]
    assert problems[0]["problem"].startswith("does not decode")
    assert "broken" not in (tmp_path / "out/near.parquet").read_bytes().decode(errors="ignore")


def test_perceptual_hashes_need_no_model(run, tmp_path):
    """Re-encoded pictures are found; the scores are bits."""
    run("--across")
    said = json.loads((tmp_path / "out/table.json").read_text())

    assert (said["method"], said["thresholds"], said["model"]) == ("perceptual", [0.875, 0.9375], None)
    lost = gone(tmp_path / "out", 0.9375)
    assert {each["score"] * 64 % 1 for each in lost} == {0}
    assert "near008" in "".join(each["image"] + each["twin"] for each in lost)


def test_flat_pictures_are_alike_by_content_only(tmp_path):
    """White pages look the same whatever little is on them."""
    names = ("white", "nearly", "copy")
    for name, level in zip(names, (255, 254, 255), strict=True):
        Image.new("L", (64, 64), level).save(tmp_path / f"{name}.png")
    lines = [
        {
            "id": name,
            "image": f"{name}.png",
            "conversations": [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A page."}],
        }
        for name in names
    ]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = CliRunner().invoke(dedup, ["images", "llava_jsonl", *map(str, (
        "--path", tmp_path / "own.jsonl", "--media", tmp_path, "--cache", tmp_path / "store", "-o", tmp_path / "out",
        "--workers", 1))])  # fmt: skip

    assert done.exception is None, done.exception
    assert [(each["image"], each["twin"]) for each in gone(tmp_path / "out", 0.9375)] == [("white.png", "copy.png")]


def test_equal_content_is_the_cheapest(run, tmp_path):
    """Only copies go, for the first of them."""
    run("--by", "content", "--across")

    assert gone(tmp_path / "out", 1.0) == [
        {"image": "coco/a/copy.png", "folder": "coco/a", "twin": "coco/a/000.png", "score": 1.0}
    ]
    assert near_file.about(tmp_path / "out/near.parquet").method == "content"


def test_embeddings_alone_say_which_images_there_are(run, data, tmp_path):
    """Without records an image counts as one."""
    said = json.loads(run("--json", given=None, embeddings="own"))

    assert said["total"]["records"] == said["total"]["distinct"] == len((data / "own.txt").read_text().splitlines())
    assert said["path"] == str(tmp_path / "out")
    table = json.loads((tmp_path / "out/table.json").read_text())
    assert {key: value for key, value in said.items() if key != "path"} == table


def test_without_media_paths_tell_images_apart(data, tmp_path):
    """Embeddings named by path need no file; a copy is then a twin of score 1 like any other."""
    done = CliRunner().invoke(dedup, ["images", "llava_jsonl", *map(str, (
        "--path", data / "own.jsonl", "--cache", tmp_path / "store", "-o", tmp_path / "out", "--across",
        "--embeddings", data / "own.npy", "--names", data / "own.txt", "--workers", 1))])  # fmt: skip

    assert done.exception is None, done.exception
    near = near_file.read(tmp_path / "out/near.parquet")
    assert near.items["item"].to_list() == near.items["content"].to_list()
    lost = {each["image"]: each["score"] for each in gone(tmp_path / "out", 0.9)}
    assert lost["coco/a/copy.png"] == 1.0


def test_hashes_name_embeddings_too(run, data, tmp_path):
    """A Parquet file of hashes and vectors gives the same as one by paths."""
    import hashlib

    run(embeddings="own")
    names = (data / "own.txt").read_text().splitlines()
    hashes = [hashlib.sha256((data / "media" / name).read_bytes()).hexdigest() for name in names]
    frame = pl.DataFrame({"sha256": hashes, "embedding": pl.Series(np.load(data / "own.npy"))})
    frame.write_parquet(tmp_path / "own.parquet")
    run("--embeddings", tmp_path / "own.parquet", out="hashes")

    assert files(tmp_path / "out") == files(tmp_path / "hashes")


def test_a_folder_of_mixer_embed_is_enough(data, tmp_path):
    """Its list of images stands for records; its problems are told; its model is in the file."""
    from mixer.embedding import vectors_folder

    folder = tmp_path / "embeddings"
    model = {"kind": "onnx", "files": [], "tensor": "pooled", "width": WIDTH, "preprocessing": {}}
    vectors_folder.begin(folder, model, {"runtime": "1"}, lambda _line: None)
    contents = [f"{at:064x}" for at in range(4)]
    vectors_folder.add_part(folder, contents, np.eye(4, WIDTH, dtype=np.float32) + np.float32(0.5))
    images = pl.DataFrame(
        {
            "path": [f"a/{at}.jpg" for at in range(4)] + ["b/0.jpg"],
            "folder": list("aaaab"),
            "sha256": [*contents, contents[0]],
        }
    )
    vectors_folder.finish(folder, images, [("b/9.jpg", "missing")], {"b/9.jpg"})

    done = CliRunner().invoke(
        dedup, ["images", "--embeddings", str(folder), "-o", str(tmp_path / "out"), "--across", "--json"]
    )

    assert done.exception is None, done.exception
    said = json.loads(done.output)
    assert said["model"] == model
    assert said["total"]["not_compared"] == 1
    assert said["total"]["at"][2] == {"threshold": 0.9, "similar": 4, "kept": 1, "percent": 20.0}


def test_a_folder_of_unfinished_embeddings_is_refused(tmp_path):
    """Which images it is of is not known before its end."""
    from mixer.embedding import vectors_folder

    model = {"kind": "onnx", "files": [], "tensor": "pooled", "width": WIDTH, "preprocessing": {}}
    vectors_folder.begin(tmp_path / "half", model, {"runtime": "1"}, lambda _line: None)
    vectors_folder.add_part(tmp_path / "half", ["0" * 64], np.ones((1, WIDTH), np.float32))
    done = CliRunner().invoke(dedup, ["images", "--embeddings", str(tmp_path / "half"), "-o", str(tmp_path / "out")])

    assert "run `mixer embed` to its end" in str(done.exception)


@pytest.mark.skipif(deduping.large.find_spec("faiss") is None, reason="faiss is not installed")
def test_the_approximate_search_is_asked_for_and_told(run, tmp_path):
    """The share it missed stands in the table's file and under the table."""
    printed = run("--approximate", "--across", embeddings="own")

    said = json.loads((tmp_path / "out/table.json").read_text())["approximate"]
    assert [each["threshold"] for each in said] == [0.7, 0.8, 0.9]
    assert all(each["missed"] == 0 for each in said), "so few are searched exactly"
    assert "the approximate search missed 0 of" in printed


def test_more_pairs_than_fit_are_told(run, tmp_path):
    """The file begins higher, the table does not, and what is printed says so."""
    asked = ("--across", "--threshold", "0.2", "--threshold", "0.9")
    run(*asked, embeddings="own")
    whole = json.loads((tmp_path / "out/table.json").read_text())
    fits = int((near_file.read(tmp_path / "out/near.parquet").pairs.score >= 0.9).sum())
    printed = run(*asked, "--pairs", fits, embeddings="own")
    few = json.loads((tmp_path / "out/table.json").read_text())

    assert "near.parquet holds those of 0.9 or more" in printed
    assert (few["least"], few["pairs"], few["rows"]) == (0.9, fits, whole["rows"])
    assert near_file.about(tmp_path / "out/near.parquet").least == 0.9


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        ((), {"given": None}, "give --embeddings"),
        (("--by", "embeddings"), {}, "needs --embeddings"),
        (("--by", "content"), {"embeddings": "own"}, "looks at no embeddings"),
        (("--names", "x"), {}, "goes with --embeddings"),
        (("--by", "content", "--threshold", "0.9"), {}, "equal content is 1"),
        (("--threshold", "0.7"), {}, "the least is 0.84375"),
        (("--approximate",), {}, "goes with embeddings only"),
        (("--threshold", "2"), {"embeddings": "own"}, "--threshold"),
        (("--threshold", "nan"), {"embeddings": "own"}, "--threshold"),
    ],
)
def test_mistakes_are_told_before_any_work(run, tmp_path, words, options, said):
    """What does not go together is one line."""
    assert said in run(*words, code=2, **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(run, tmp_path):
    """Results replace results, and nothing else."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/diary.txt").write_text("mine")

    assert "diary.txt" in run(embeddings="own", code=2)
    assert (tmp_path / "out/diary.txt").read_text() == "mine"


def test_a_media_folder_that_is_not_there_is_told(tmp_path, cache):
    """Of a mix too: else all of its images would seem to be missing."""
    made = build(recipe(tmp_path, sources={"vqav2": {}}), tmp_path / "mix", data="miniatures", cache=cache).path
    words = ["images", made, "--media", tmp_path / "nowhere", "-o", tmp_path / "out", "--cache", cache]

    done = CliRunner().invoke(dedup, [str(word) for word in words])

    assert isinstance(done.exception, MissingFile)
    assert "nowhere: no such folder, which --media names" in str(done.exception)


def test_nothing_to_compare_is_no_result(run, data, tmp_path):
    """Where no image is found, or none has an embedding, that is said: an empty table would pass for no twins."""
    (tmp_path / "elsewhere").mkdir()
    np.save(data / "others.npy", np.ones((1, 4), np.float32))
    (data / "others.txt").write_text("nowhere/x.jpg\n")
    (data / "words.jsonl").write_text((data / "own.jsonl").read_text().splitlines()[-1] + "\n")

    assert "in none of the media folders; is --media the folder" in run("--media", tmp_path / "elsewhere", code=1)
    assert "has no embedding; are these of other images?" in run(embeddings="others", code=1)
    assert "there is no image to compare" in run(given="words", code=1)
    assert not (tmp_path / "out").exists()


def test_a_table_that_is_wider_than_the_screen_is_cut_by_threshold():
    """No line is broken: a table a threshold, long names without their beginning; the counts are the same."""
    rows = (
        table.Row("a/folder/of/a/very/long/name/that/no/screen/has/room/for", 1200, 900, 3, (80, 9)),
        table.Row("b", 1, 1, 0, (0, 0)),
    )
    told = table.Table("folder", "images", (0.8, 0.9), rows)

    whole, narrow = table.text(told, 200), table.text(told, 70)

    assert whole == table.text(told) == table.text(told, max(map(len, whole.splitlines())))
    assert max(map(len, narrow.splitlines())) <= 70
    assert narrow.splitlines()[0].split() == ["folder", "records", "distinct", "similar", "0.8", "kept", "0.8", "%"]
    first, second = (part.splitlines() for part in narrow.split("\n\n"))
    assert first[2].startswith("…")
    assert first[2].split()[0].endswith("/room/for")
    assert [line.split()[1:] for line in (first[2], second[2])] == [
        ["1,200", "900", "80", "820", "91.1"], ["1,200", "900", "9", "891", "99.0"],
    ]  # fmt: skip
    assert second[-1].split() == ["total", "1,201", "901", "9", "892", "99.0"]


def test_nothing_is_printed_quietly(run, tmp_path, monkeypatch):
    """And lists of any length are written."""
    run(embeddings="own")
    monkeypatch.setattr(results, "BATCH", 3)

    assert run("-q", embeddings="own", out="quiet") == ""
    assert files(tmp_path / "out") == files(tmp_path / "quiet")


def test_markdown_is_the_same_table(run, tmp_path):
    """One line a folder, and the total."""
    run(embeddings="own")
    lines = (tmp_path / "out/table.md").read_text().splitlines()

    assert lines[0].startswith("| folder | records | distinct images | not compared | similar 0.7 | kept 0.7 | % |")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| coco/a", "| coco/b", "| vg", "| total"]


def test_the_limit_has_a_reason():
    """Ten millions of pairs are held, unless more are allowed."""
    assert pairs.MOST_PAIRS == 10_000_000


def test_a_recipe_leaves_out_what_the_file_says(run, data, tmp_path):
    """The plan's loss is the records of the images that go; a damaged image's record stays."""
    from mixer import plan

    run(embeddings="own")
    (tmp_path / "recipe.yaml").write_text(json.dumps({
        "mixer": 1, "name": "lean", "sources": {"own": {"use": "llava_jsonl", "path": str(data / "own.jsonl")}},
        "dedup": {"images": {"file": "out/near.parquet", "threshold": 0.9}},
    }))  # fmt: skip
    planned = plan(tmp_path / "recipe.yaml", cache=tmp_path / "store", media=data / "media")

    lost = {each["image"] for each in gone(tmp_path / "out", 0.9)}
    records = [json.loads(line).get("image") for line in (data / "own.jsonl").read_text().splitlines()]
    pool = planned.leaves[0].pool
    assert dict(pool.losses)["dedup_images"] == sum(image in lost for image in records) > 0
    assert pool.records == len(records) - sum(image in lost for image in records)
