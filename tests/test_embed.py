"""Embeddings of images: made by a small model built here, resumed, repeated; and those the user brings."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import polars as pl
import pytest
from click.testing import CliRunner
from conftest import recipe
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageDraw

from mixer import collection
from mixer.commands.embed import embed as command
from mixer.embedding import brought, embedder, models, preprocessing, vectors_folder
from mixer.embedding import onnx_model as onnx_module
from mixer.errors import DataError, MissingFile, MixerError, UsageError

CLIP = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 32},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "do_convert_rgb": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}


def onnx_model(folder, *, weights=1, two=False, batch="images", type_=TensorProto.FLOAT, side=32):
    """Build a model: 4 x 4 averages of each colour, projected to 16; with `two`, the averages as tokens besides."""
    projection = np.random.default_rng(weights).normal(size=(48, 16))
    dtype = np.float16 if type_ == TensorProto.FLOAT16 else np.float32
    nodes = [
        helper.make_node(
            "AveragePool", ["pixel_values"], ["pooled"], kernel_shape=[side // 4] * 2, strides=[side // 4] * 2
        ),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "projection"], ["image_embeds"]),
    ]
    outputs = [helper.make_tensor_value_info("image_embeds", type_, [batch, 16])]
    if two:
        nodes.append(helper.make_node("Reshape", ["pooled", "shape"], ["last_hidden_state"]))
        outputs.append(helper.make_tensor_value_info("last_hidden_state", type_, [batch, 3, 16]))
    pixels = helper.make_tensor_value_info("pixel_values", type_, [batch, 3, side, side])
    given = [
        numpy_helper.from_array(projection.astype(dtype), "projection"),
        numpy_helper.from_array(np.array([-1, 3, 16]), "shape"),
    ]
    graph = helper.make_graph(nodes, "averages", [pixels], outputs, given)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "model.onnx"
    )
    (folder / preprocessing.NAME).write_text(json.dumps(CLIP))
    return folder


def drawing(number, size=(60, 40)):
    """Draw a picture of coloured shapes, another for each number."""
    pick = random.Random(number)
    picture = Image.new("RGB", size, tuple(pick.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(picture)
    for _ in range(5):
        x, y = pick.randrange(size[0]), pick.randrange(size[1])
        pen.ellipse((x, y, x + 20, y + 15), fill=tuple(pick.randrange(256) for _ in range(3)))
    return picture


def paths(count):
    """Name images in two folders."""
    return [f"{'coco' if number % 3 else 'vg/VG_100K'}/{number:04}.png" for number in range(count)]


def naming(folder, images):
    """Write a recipe whose records name images."""
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A shape."}]
    rows = [{"id": str(number), "image": image, "conversations": turns} for number, image in enumerate(images)]
    (folder / "data.json").write_text(json.dumps(rows))
    return recipe(folder, sources={"own": {"use": "llava_json", "path": "data.json"}})


class Place:
    """A folder with images, a recipe that names them, and a model."""

    def __init__(self, folder, count, size=(60, 40)):
        self.folder, self.media, self.out = folder, folder / "media", folder / "made"
        self.images = paths(count)
        for number, image in enumerate(self.images):
            path = self.media / image
            path.parent.mkdir(parents=True, exist_ok=True)
            drawing(number, size).save(path)
        self.recipe = naming(folder, self.images)
        self.model = onnx_model(folder / "tiny")

    def embed(self, out=None, *, told=None, media=None, tensor=None, **more):
        """Embed the recipe's images."""
        found = collection.find(
            str(self.recipe), data=self.folder, media=media or self.media, cache=self.folder / "store"
        )
        choice = models.choose(self.model, tensor)
        told = [] if told is None else told
        settings = {"batch": 8, "store": self.folder / "store", "told": told.append, **more}
        return embedder.embed(found, choice, out or self.out, **settings)

    def run(self, *arguments, code=0):
        """Run the command."""
        fixed = ["--model", self.model, "--data", self.folder, "--media", self.media, "--cache", self.folder / "store"]
        done = CliRunner().invoke(command, [str(each) for each in (self.recipe, *fixed, *arguments)])
        if code == 0 and done.exception:
            raise done.exception
        assert done.exit_code == code
        return done


@pytest.fixture
def place(tmp_path):
    """Give thirty images in two folders, a recipe and a model."""
    return Place(tmp_path, 30)


def expected(path, folder):
    """Embed an image in the plainest way, in float64."""
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    scale = 32 / min(width, height)
    picture = picture.resize((int(width * scale), int(height * scale)), Image.Resampling.BICUBIC)
    left, top = (picture.width - 32) // 2, (picture.height - 32) // 2
    levels = np.asarray(picture, dtype=np.float64)[top : top + 32, left : left + 32] / 255
    even = (levels - CLIP["image_mean"]) / CLIP["image_std"]
    pooled = even.reshape(4, 8, 4, 8, 3).mean((1, 3)).transpose(2, 0, 1).ravel()
    return pooled @ numpy_helper.to_array(onnx.load(folder / "model.onnx").graph.initializer[0]).astype(np.float64)


def content_of(folder):
    """Give what a folder of embeddings holds, whatever its parts."""
    vectors = brought.load(folder)
    rest = {name: (folder / name).read_bytes() for name in ("problems.jsonl", "model.json")}
    return vectors.keys, vectors.matrix.tobytes(), pl.read_parquet(folder / "images.parquet").rows(), rest


def test_each_content_has_the_embedding_of_its_pixels(place):
    """Embeddings are the model's, by the sha256 of the file; copies share one."""
    copy = place.media / place.images[1]
    (place.media / place.images[2]).write_bytes(copy.read_bytes())

    summary = place.embed()

    vectors = brought.load(place.out)
    assert (vectors.by, vectors.matrix.shape, vectors.matrix.dtype) == ("sha256", (29, 16), np.float32)
    assert (summary.images, summary.contents, summary.known, summary.embedded, summary.problems) == (30, 29, 0, 29, {})
    for image in place.images:
        file = place.media / image
        at = vectors.keys.index(hashlib.sha256(file.read_bytes()).hexdigest())
        np.testing.assert_allclose(vectors.matrix[at], expected(file, place.model), rtol=1e-4, atol=1e-5)
    images = pl.read_parquet(place.out / "images.parquet")
    assert images["path"].to_list() == sorted(place.images)
    assert set(images["folder"]) == {"coco", "vg/VG_100K"}
    assert images.filter(path=place.images[1])["sha256"][0] == images.filter(path=place.images[2])["sha256"][0]


def test_the_folder_says_what_made_it(place):
    """model.json names the files by hash, the tensor, the width, the preprocessing and the libraries."""
    place.embed()

    told = json.loads((place.out / "model.json").read_text())

    assert (told["kind"], told["tensor"], told["width"]) == ("onnx", "image_embeds", 16)
    assert told["files"]["model.onnx"] == hashlib.sha256((place.model / "model.onnx").read_bytes()).hexdigest()
    assert set(told["files"]) == {"model.onnx", "preprocessor_config.json"}
    assert told["preprocessing"]["resample"] == 3
    (made,) = told["made_with"]
    assert (made["batch"], made["device"]) == (8, "cpu")
    assert set(made["libraries"]) == {"numpy", "onnxruntime", "pillow"}
    assert str(place.folder) not in (place.out / "model.json").read_text()


def test_workers_and_order_change_nothing(place):
    """Two processes and records the other way round give the same bytes."""
    place.embed()
    place.recipe = naming(place.folder, place.images[::-1])
    place.embed(place.folder / "other", workers=2)

    assert sorted(path.name for path in place.out.iterdir()) == sorted(
        path.name for path in (place.folder / "other").iterdir()
    )
    for path in place.out.iterdir():
        assert path.read_bytes() == (place.folder / "other" / path.name).read_bytes(), path.name


def damaged(place):
    """Damage images in every way there is; give their problems."""
    drawing(3, (200, 200)).save(place.media / "whole.jpg")
    whole = (place.media / "whole.jpg").read_bytes()
    (place.media / place.images[3]).write_bytes(whole[: len(whole) // 2])
    (place.media / place.images[4]).write_bytes(b"")
    (place.media / place.images[6]).unlink()
    (place.media / place.images[7]).write_bytes(b"<html>")
    reasons = ["does not decode: image file is truncated (8 bytes not processed)", "empty", "missing"]
    reasons.append("does not decode: no image format that is known")
    return sorted(zip([place.images[number] for number in (3, 4, 6, 7)], reasons, strict=True))


def test_bad_images_are_told_and_listed_and_the_rest_goes_on(place):
    """Missing, empty and damaged files have no embedding, and a line that says why."""
    bad = damaged(place)
    told = []

    summary = place.embed(told=told)

    listed = vectors_folder.read_problems(place.out)
    assert [path for path, _ in listed] == [path for path, _ in bad]
    for (path, said), (_, reason) in zip(listed, bad, strict=True):
        assert said.split(" (")[0] == reason.split(" (")[0], path
    assert told == [f"{path}: {reason}" for path, reason in listed]
    assert summary.embedded == 26
    assert sum(summary.problems.values()) == 4
    assert len(brought.load(place.out).keys) == 26
    assert set(pl.read_parquet(place.out / "images.parquet")["path"]) == set(place.images) - {path for path, _ in bad}


def test_many_bad_images_are_not_told_one_by_one(place):
    """Ten are told; the list has all."""
    for image in place.images[:20]:
        (place.media / image).unlink()
    told = []

    place.embed(told=told)

    assert len(told) == 11
    assert told[-1] == f"and 10 more, see {place.out / 'problems.jsonl'}"


def test_a_repaired_image_leaves_the_list(place):
    """Who runs again embeds what can be by now; the list says what still cannot, and keeps what was not asked."""
    damaged(place)
    place.embed()
    vectors_folder.finish(
        place.out, pl.read_parquet(place.out / "images.parquet"), [("z/1.jpg", "missing")], {"z/1.jpg"}
    )
    drawing(3).save(place.media / place.images[3])

    summary = place.embed()

    assert (summary.known, summary.embedded) == (26, 1)
    assert [path for path, _ in vectors_folder.read_problems(place.out)] == sorted(
        [place.images[4], place.images[6], place.images[7], "z/1.jpg"]
    )
    assert len(list(place.out.glob("part-*"))) == 2


def test_none_that_can_be_embedded_is_an_error(place):
    """A wrong media folder gives an error, and the list."""
    with pytest.raises(DataError, match=r"none of its 30 images could be embedded, see .*problems\.jsonl"):
        place.embed(media=place.folder)

    assert len(vectors_folder.read_problems(place.out)) == 30


def test_records_without_images_are_an_error(place):
    """There is nothing to embed in text."""
    rows = [{"id": "1", "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}]
    (place.folder / "data.json").write_text(json.dumps(rows))

    with pytest.raises(DataError, match="names no image"):
        place.embed()


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_an_error_on_the_way_loses_nothing_that_was_done(place, monkeypatch, stop):
    """A run that fails at a batch and is run again ends with what one run gives."""
    damaged(place)
    place.embed(place.folder / "whole")
    run, done = models.embed, []

    def failing(batch):
        if len(batch.levels) > 1:
            done.append(1)
            if len(done) > stop:
                raise DataError("the power went")
        return run(batch)

    with monkeypatch.context() as patched:
        patched.setattr(models, "embed", failing)
        with pytest.raises(DataError, match="the power went"):
            place.embed()
    kept = len(vectors_folder.known(place.out))

    summary = place.embed()

    assert kept == summary.known == stop * 8
    assert content_of(place.out) == content_of(place.folder / "whole")


@pytest.mark.slow
def test_a_killed_run_goes_on(tmp_path):
    """After kill -9 at any moment the same command ends with what one run gives, and no content comes twice."""
    place = Place(tmp_path, 200, (200, 150))
    place.embed(tmp_path / "whole", batch=4, workers=2)
    script = (
        "import sys; from mixer.embedding import embedder; embedder.ROWS = 8\n"
        "from mixer.commands.embed import embed; embed(sys.argv[1:])"
    )
    fixed = ["--model", place.model, "--data", tmp_path, "--media", place.media, "--cache", tmp_path / "store"]
    arguments = [place.recipe, *fixed, "-o", place.out, "--batch", 4, "--workers", 2, "-q"]
    command_line = [sys.executable, "-c", script, *map(str, arguments)]
    for parts in (1, 9):
        running = subprocess.Popen(command_line, start_new_session=True)
        while running.poll() is None and len(list(place.out.glob("part-*"))) < parts:
            time.sleep(0.005)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()

    subprocess.run(command_line, check=True)

    contents = [name for part in vectors_folder.parts(place.out) for name in pl.read_parquet(part)["sha256"]]
    assert len(contents) == len(set(contents)) == 200
    assert content_of(place.out) == content_of(tmp_path / "whole")
    assert not [path for path in place.out.iterdir() if path.name.startswith(".")]


def test_a_folder_of_another_model_is_refused(place):
    """Other weights, another tensor or other preprocessing do not go on with a folder."""
    place.embed()
    onnx_model(place.model, weights=2)
    with pytest.raises(UsageError, match=r"are of another model's files: expected .*, got .*name another folder"):
        place.embed()
    place.model = onnx_model(place.folder / "two", two=True)
    place.embed(place.folder / "tokens", tensor="image_embeds")
    with pytest.raises(UsageError, match="another tensor"):
        place.embed(place.folder / "tokens", tensor="last_hidden_state[:, 0]")


def test_another_batch_goes_on_and_is_told(place):
    """What may change the last digits is told and recorded."""
    place.embed()
    told = []
    drawing(99).save(place.media / place.images[0])

    place.embed(batch=4, told=told)

    assert "was begun with" in told[0]
    assert [each["batch"] for each in json.loads((place.out / "model.json").read_text())["made_with"]] == [8, 4]


def test_a_folder_of_something_else_is_refused(place):
    """What is no folder of embeddings is left alone; an empty one is fine."""
    (place.folder / "letters").mkdir()
    (place.folder / "letters/a.txt").touch()
    with pytest.raises(UsageError, match="is no folder of embeddings"):
        place.embed(place.folder / "letters")
    with pytest.raises(UsageError, match="is no folder of embeddings"):
        place.embed(place.folder / "data.json")
    (place.folder / "empty").mkdir()
    (place.folder / "empty/.embedding-in-writing").touch()  # of a run that was killed as it began

    place.embed(place.folder / "empty")

    assert not (place.folder / "empty/.embedding-in-writing").exists()


def test_images_that_came_inside_of_annotations_are_found(tmp_path):
    """Images that raw records held lie below the converted source's own media, and are embedded like any other."""
    fixed = ["the_cauldron", "--data", "miniatures", "--cache", tmp_path / "store", "-o", tmp_path / "made", "--json"]
    model = onnx_model(tmp_path / "tiny")

    done = CliRunner().invoke(command, [str(each) for each in (*fixed, "--model", model, "--workers", 1)])

    summary = json.loads(done.stdout)
    assert summary["embedded"] == summary["images"] > 0
    images = pl.read_parquet(tmp_path / "made/images.parquet")
    assert all(sha256 in path for path, sha256 in images.select("path", "sha256").iter_rows())


class Leaf:
    """Records that name one image each."""

    def __init__(self, name, media, images):
        self.name = self.source = name
        self.media, self.images = media, images

    def frames(self, columns):
        """Give all at once."""
        yield pl.DataFrame({"media": [[image] for image in self.images], "images": [1] * len(self.images)}).select(
            columns
        )


def test_one_path_may_be_two_images(tmp_path):
    """Two leaves may hold different images under one path: both are embedded."""
    for number, name in enumerate(("first", "second")):
        (tmp_path / name).mkdir()
        drawing(number).save(tmp_path / name / "a.png")
    leaves = tuple(Leaf(name, (tmp_path / name,), ["a.png"]) for name in ("first", "second"))
    choice = models.choose(onnx_model(tmp_path / "tiny"))

    summary = embedder.embed(
        collection.Collection("two", "recipe", leaves), choice, tmp_path / "made", store=tmp_path / "store"
    )

    assert (summary.images, summary.contents, summary.embedded) == (1, 2, 2)
    assert pl.read_parquet(tmp_path / "made/images.parquet")["path"].to_list() == ["a.png", "a.png"]


def test_the_command_says_what_it_did(place):
    """The summary has the counts, the speed, the tensor and where the embeddings lie; as JSON too."""
    damaged(place)

    done = place.run("-o", place.out, "--workers", 1)
    again = json.loads(place.run("-o", place.out, "--workers", 1, "--json").stdout)

    assert "image_embeds, width 16" in done.stdout
    assert "images/s" in done.stdout
    assert "1 missing" in done.stdout
    assert "1 does not decode: image file is truncated (N bytes not processed)" in done.stdout
    assert (again["known"], again["embedded"], again["problems"]["missing"]) == (26, 0, 1)
    assert again["images_per_second"] == 0
    assert f"{place.images[4]}: empty" in done.stderr
    assert place.run("-o", place.out, "-q").output == ""


def test_a_stopped_run_says_that_its_work_stays(place, monkeypatch):
    """Its exit code is that of the signal; the same command goes on."""
    run, done = models.embed, []

    def stopping(batch):
        done.append(1)
        if len(done) == 4:
            raise KeyboardInterrupt
        return run(batch)

    with monkeypatch.context() as patched:
        patched.setattr(models, "embed", stopping)
        stopped = place.run("-o", place.out, "--workers", 1, "--batch", 8, code=130)

    assert f"stopped; {place.out} keeps what was embedded" in stopped.stderr
    assert json.loads(place.run("-o", place.out, "--workers", 1, "--batch", 8, "--json").stdout)["known"] == 16


def test_embeddings_lie_in_a_folder_of_the_models_name(place, monkeypatch):
    """Without --out they go to embeddings/<name of the model's folder>."""
    monkeypatch.chdir(place.folder)

    place.run("-q", "--workers", 1)

    assert len(brought.load(place.folder / "embeddings/tiny").keys) == 30


# Models


def test_a_tensor_must_be_named_where_there_are_several(place):
    """Of several outputs one is named; of tokens the first is meant."""
    place.model = onnx_model(place.folder / "two", two=True)
    with pytest.raises(UsageError, match=r"name one with --tensor: 'image_embeds', 'last_hidden_state\[:, 0\]'"):
        place.embed()
    with pytest.raises(UsageError, match=r"did you mean 'image_embeds'"):
        place.embed(tensor="image_embed")

    summary = place.embed(tensor="last_hidden_state[:, 0]")

    assert (summary.tensor, summary.width) == ("last_hidden_state[:, 0]", 16)


def test_a_model_in_half_precision_gives_floats(place):
    """Weights and pixels of 16 bits give embeddings of 32, near those of the whole model."""
    place.embed(place.folder / "whole")
    onnx_model(place.model, type_=TensorProto.FLOAT16)

    place.embed()

    np.testing.assert_allclose(
        brought.load(place.out).matrix, brought.load(place.folder / "whole").matrix, rtol=0.02, atol=0.02
    )


def test_a_model_of_a_fixed_batch_takes_that_one(place):
    """A batch that the model fixes must be asked for."""
    onnx_model(place.model, batch=4)
    with pytest.raises(UsageError, match="--batch 8: tiny takes batches of 4 only"):
        place.embed()

    assert place.embed(batch=4).embedded == 30


def test_a_folder_without_a_model_is_refused(tmp_path):
    """What is missing of a model is told."""
    with pytest.raises(MissingFile, match="no such folder"):
        models.choose(tmp_path / "none")
    with pytest.raises(UsageError, match=r"expected a folder with model\.onnx, or with config\.json"):
        models.choose(tmp_path)
    onnx_model(tmp_path)
    (tmp_path / preprocessing.NAME).unlink()
    with pytest.raises(MissingFile, match="says how images are prepared"):
        models.choose(tmp_path)


def test_a_damaged_or_unlike_model_is_refused(tmp_path):
    """What is no model, or no model of these pixels, is told with its file."""
    onnx_model(tmp_path / "large", side=64)
    with pytest.raises(DataError, match=r"model\.onnx: expected pixels \(images, 3, 32, 32\)"):
        models.describe(models.choose(tmp_path / "large"), 8)
    (tmp_path / "large/model.onnx").write_bytes(b"no model")
    with pytest.raises(DataError, match=r"model\.onnx: cannot be loaded"):
        models.describe(models.choose(tmp_path / "large"), 8)
    words = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, 7])
    out = helper.make_tensor_value_info("out", TensorProto.INT64, [1, 7])
    graph = helper.make_graph([helper.make_node("Identity", ["input_ids"], ["out"])], "words", [words], [out])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, tmp_path / "large/model.onnx")
    with pytest.raises(DataError, match=r"expected one input of pixels.*got input_ids tensor\(int64\)"):
        models.describe(models.choose(tmp_path / "large"), 8)


def test_a_model_that_fails_on_its_pixels_is_an_error(tmp_path):
    """What onnxruntime says when it runs is told with the model's file."""
    onnx_model(tmp_path)
    made = onnx.load(tmp_path / "model.onnx")
    for dimension in made.graph.input[0].type.tensor_type.shape.dim:
        dimension.dim_param = "any"
    onnx.save(made, tmp_path / "model.onnx")
    (tmp_path / preprocessing.NAME).write_text(json.dumps({**CLIP, "size": 64, "crop_size": 64}))

    with pytest.raises(DataError, match=r"model\.onnx: failed on \(1, 3, 64, 64\): "):
        models.describe(models.choose(tmp_path), 8)


def test_a_device_that_does_not_start_is_told(tmp_path, monkeypatch):
    """Onnxruntime falls back on the CPU where CUDA's libraries are missing; mixer does not."""
    session = SimpleNamespace(get_providers=lambda: ["CPUExecutionProvider"])
    runtime = SimpleNamespace(
        get_available_providers=lambda: ["CUDAExecutionProvider"],
        SessionOptions=SimpleNamespace,
        InferenceSession=lambda *_, **__: session,
    )
    monkeypatch.setattr(onnx_module, "need", lambda *_: runtime)

    with pytest.raises(UsageError, match="--device cuda: CUDAExecutionProvider cannot be started here"):
        models.describe(models.choose(onnx_model(tmp_path), device="cuda"), 8)


def test_an_output_that_is_no_vector_is_refused(tmp_path):
    """A map of features is no embedding."""
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["images", 3, 32, 32])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["images", 3, 32, 32])
    graph = helper.make_graph([helper.make_node("Relu", ["pixels"], ["out"])], "maps", [pixels], [out])
    onnx_model(tmp_path)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, tmp_path / "model.onnx")

    with pytest.raises(DataError, match=r"expected a tensor of \(1, width\), got \(1, 3, 32, 32\)"):
        models.describe(models.choose(tmp_path), 8)


def test_an_embedding_of_nothing_is_a_problem(place):
    """Zero and infinite embeddings are no embeddings: the image is listed."""
    onnx_model(place.model, weights=1)
    made = onnx.load(place.model / "model.onnx")
    first = numpy_helper.to_array(made.graph.initializer[0]) * 0
    made.graph.initializer[0].CopyFrom(numpy_helper.from_array(first, "projection"))
    onnx.save(made, place.model / "model.onnx")

    with pytest.raises(DataError, match="none of its 30 images"):
        place.embed()

    assert {reason for _, reason in vectors_folder.read_problems(place.out)} == {"its embedding is zero or not finite"}


def test_cuda_that_is_not_there_is_told(tmp_path):
    """A device that the library lacks is a mistake on the command line."""
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")

    with pytest.raises(UsageError, match="--device cuda: this onnxruntime has no CUDAExecutionProvider"):
        models.describe(models.choose(onnx_model(tmp_path), device="cuda"), 8)


# Preprocessing

UNKNOWN = {
    "an array": ([], "expected an object"),
    "no JSON": (None, "is no JSON"),
    "padding": ({**CLIP, "do_pad": True}, "asks for do_pad"),
    "no resizing": ({**CLIP, "do_resize": False}, "leaves pictures in their size"),
    "a filter": ({**CLIP, "resample": 9}, "has resample 9"),
    "a size": ({**CLIP, "size": {"longest_edge": 3}}, "has size"),
    "no height": ({**CLIP, "size": {"width": 3}}, "has no 'height'"),
    "a huge size": ({**CLIP, "size": 10**6}, "has a size of 1000000 x 1000000"),
    "a large crop": ({**CLIP, "crop_size": 64}, "cuts 64 x 64 out of 32 x 32"),
    "a crop of squares": ({**CLIP, "size": {"height": 64, "width": 64}}, "has size height and width, and cuts"),
    "no crop": ({**CLIP, "do_center_crop": False}, "cuts nothing out"),
    "deviation": ({**CLIP, "image_std": [0, 1, 1]}, "has a rescale_factor, image_mean or image_std that"),
    "two means": ({**CLIP, "image_mean": [0, 1]}, "not enough values"),
    "another kind": ({"image_processor_type": "OddProcessor"}, "has no 'do_resize'"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_preprocessing_that_is_not_done_here_is_refused(tmp_path, name):
    """A configuration that cannot be followed exactly is an error that says what of it."""
    value, said = UNKNOWN[name]
    (tmp_path / preprocessing.NAME).write_text("{" if value is None else json.dumps(value))

    with pytest.raises(DataError, match=f"{preprocessing.NAME}: {said}"):
        preprocessing.read(tmp_path)


def test_what_a_configuration_leaves_out_is_as_in_transformers(tmp_path):
    """Old and short configurations mean the defaults of their kind."""
    (tmp_path / preprocessing.NAME).write_text(
        json.dumps({"feature_extractor_type": "CLIPFeatureExtractor", "size": 224})
    )
    clip = preprocessing.read(tmp_path)
    (tmp_path / preprocessing.NAME).write_text(json.dumps({"image_processor_type": "ViTImageProcessor"}))
    vit = preprocessing.read(tmp_path)

    assert (clip.shortest, clip.height, clip.width, clip.resample, clip.mean[0]) == (224, 224, 224, 3, 0.48145466)
    assert (vit.shortest, vit.height, vit.width, vit.resample, vit.mean) == (None, 224, 224, 2, (0.5, 0.5, 0.5))


def test_squares_are_made_by_stretching(tmp_path):
    """With a height and width pictures lose their proportions and nothing else."""
    values = {**CLIP, "size": {"height": 32, "width": 16}, "do_center_crop": False, "resample": 2}
    (tmp_path / preprocessing.NAME).write_text(json.dumps(values))
    drawing(1).save(tmp_path / "a.png")

    (levels,) = preprocessing.prepared((preprocessing.read(tmp_path), [tmp_path / "a.png"]))

    assert (levels == np.asarray(drawing(1).resize((16, 32), Image.Resampling.BILINEAR))).all()


def test_a_file_that_goes_meanwhile_is_a_problem(tmp_path):
    """A file that is no more there when it is to be decoded is told like any other."""
    (tmp_path / preprocessing.NAME).write_text(json.dumps(CLIP))

    assert preprocessing.prepared((preprocessing.read(tmp_path), [tmp_path / "a.png"])) == ["missing"]


def test_levels_may_be_left_as_they_are(tmp_path):
    """Without rescaling and normalising the model sees 0 to 255."""
    (tmp_path / preprocessing.NAME).write_text(json.dumps({**CLIP, "do_rescale": False, "do_normalize": False}))
    levels = np.arange(2 * 3 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 3)

    made = preprocessing.normalised(levels, preprocessing.read(tmp_path))

    assert (made == levels.transpose(0, 3, 1, 2)).all()
    assert made.dtype == np.float32


def test_a_long_strip_takes_no_more_memory(tmp_path):
    """Of a strip whose resized form would be huge only the middle is made; it is nearly what the whole gives."""
    (tmp_path / preprocessing.NAME).write_text(json.dumps(CLIP))
    how = preprocessing.read(tmp_path)
    for size, name in (((3, 60000), "high"), ((900, 3), "wide")):
        noise = np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{name}.png")

    (high,) = preprocessing.prepared((how, [tmp_path / "high.png"]))
    (whole,) = preprocessing.prepared((how, [tmp_path / "wide.png"]))
    limit, preprocessing.LARGEST = preprocessing.LARGEST, 1
    (middle,) = preprocessing.prepared((how, [tmp_path / "wide.png"]))
    preprocessing.LARGEST = limit

    assert high.shape == (32, 32, 3)
    assert np.abs(middle.astype(int) - whole).max() <= 1


def test_preprocessing_and_vectors_are_those_of_transformers(tmp_path):
    """A small CLIP vision model, saved and loaded from disk: pixels and both tensors equal transformers' own."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(3)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.CLIPVisionConfig(**sizes, image_size=32, patch_size=8)
    transformers.CLIPVisionModel(config).save_pretrained(tmp_path)
    (tmp_path / preprocessing.NAME).write_text(json.dumps(CLIP))
    files = [tmp_path / f"{number}.png" for number in range(20)]
    for number, file in enumerate(files):
        drawing(number, (20 + 13 * number, 300 - 11 * number)).save(file)
    processor = CLIPImageProcessorPil.from_pretrained(tmp_path, local_files_only=True)
    theirs = processor([Image.open(file).convert("RGB") for file in files], return_tensors="np")["pixel_values"]
    choice = models.choose(tmp_path)

    levels = np.stack(preprocessing.prepared((choice.how, files)))
    ours = preprocessing.normalised(levels, choice.how)

    assert np.abs(ours - theirs).max() < 1e-6
    model = transformers.CLIPVisionModel.from_pretrained(tmp_path, attn_implementation="eager").eval()
    with torch.inference_mode():
        found = model(pixel_values=torch.from_numpy(theirs))
    for tensor, value in (
        ("pooler_output", found.pooler_output),
        ("last_hidden_state[:, 0]", found.last_hidden_state[:, 0]),
    ):
        vectors = models.embed(models.Batch(models.choose(tmp_path, tensor), 32, levels))
        np.testing.assert_allclose(vectors, value.numpy(), rtol=1e-4, atol=1e-5)
    about = models.describe(choice, 32)
    assert (about.model["kind"], about.model["tensor"], about.model["width"]) == ("transformers", "pooler_output", 32)
    assert set(about.model["files"]) == {"config.json", "model.safetensors", "preprocessor_config.json"}


def test_transformers_models_that_do_not_fit_are_refused(tmp_path):
    """Other types, other sizes, lacking weights and pickles are errors."""
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    vit = transformers.ViTForImageClassification(transformers.ViTConfig(**sizes, image_size=32, patch_size=8))
    vit.save_pretrained(tmp_path)
    how = {**CLIP, "image_processor_type": "ViTImageProcessor"}
    (tmp_path / preprocessing.NAME).write_text(json.dumps(how))

    assert models.describe(models.choose(tmp_path), 4).model["tensor"] == "last_hidden_state[:, 0]"
    with pytest.raises(DataError, match=r"its weights lack 2, such as pooler\.dense\.bias"):
        models.describe(models.choose(tmp_path, "pooler_output"), 4)
    with pytest.raises(UsageError, match="--tensor pooled: unknown"):
        models.describe(models.choose(tmp_path, "pooled"), 4)
    (tmp_path / preprocessing.NAME).write_text(json.dumps({**how, "size": 64, "crop_size": 64}))
    with pytest.raises(DataError, match="looks at"):
        models.describe(models.choose(tmp_path), 4)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(DataError, match="cannot be loaded"):
        models.describe(models.choose(tmp_path), 4)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(DataError, match="is a model of type bert"):
        models.describe(models.choose(tmp_path), 4)


def test_transformers_that_is_not_there_is_told(tmp_path):
    """Without torch the command says what to install."""
    try:
        import torch  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("torch is here")
    onnx_model(tmp_path)
    (tmp_path / "model.onnx").unlink()
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(UsageError, match=r"this needs: pip install 'instruction-mixer\[embed-torch\]'"):
        models.describe(models.choose(tmp_path), 4)


# Embeddings that the user brings


def rows(count=5, width=4):
    """Invent embeddings."""
    return np.random.default_rng(7).normal(size=(count, width))


def keys(count=5):
    """Name them, not in order."""
    return [f"coco/{number}.jpg" for number in range(count)][::-1]


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4", "float64"])
@pytest.mark.parametrize("names", ["names.txt", "names.json"])
def test_npy_with_names(tmp_path, dtype, names):
    """A .npy with names is read whatever its floats and their order in memory; keys come sorted."""
    made = rows().astype(dtype)
    np.save(tmp_path / "a.npy", np.asfortranarray(made))
    text = json.dumps(keys()) if names.endswith("json") else "\r\n".join(keys()) + "\r\n"
    (tmp_path / names).write_text(text, newline="")

    vectors = brought.load(tmp_path / "a.npy", tmp_path / names)

    assert vectors.keys == sorted(keys())
    assert vectors.by == "path"
    assert vectors.model is None
    assert vectors.matrix.flags.c_contiguous
    np.testing.assert_array_equal(vectors.matrix, made[::-1].astype(np.float32))


@pytest.mark.parametrize(
    "type_", [pl.List(pl.Float32), pl.List(pl.Float64), pl.Array(pl.Float32, 4), pl.Array(pl.Float64, 4)]
)
def test_parquet_of_lists_and_arrays(tmp_path, monkeypatch, type_):
    """Parquet of lists or arrays is read piece by piece, whatever other columns it has."""
    monkeypatch.setattr(brought, "ROWS", 2)
    frame = pl.DataFrame(
        {"path": keys(), "embedding": pl.Series(rows().tolist(), dtype=type_), "n": [1] * 5, "boxes": [[0.5]] * 5}
    )
    frame.write_parquet(tmp_path / "a.parquet")

    vectors = brought.load(tmp_path / "a.parquet")

    assert (vectors.keys, vectors.by) == (sorted(keys()), "path")
    np.testing.assert_array_equal(vectors.matrix, rows()[::-1].astype(np.float32))


def test_names_that_are_hashes_are_of_contents(tmp_path):
    """A column sha256, or names that all look like hashes, name contents."""
    hashes = [hashlib.sha256(key.encode()).hexdigest() for key in keys()]
    for name in ("sha256", "name"):
        pl.DataFrame({name: hashes, "v": rows().tolist()}).write_parquet(tmp_path / "a.parquet")

        assert brought.load(tmp_path / "a.parquet").by == "sha256"


@given(st.lists(st.integers(0, 8), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_order_and_copies_change_nothing(tmp_path_factory, numbers, order):
    """Equal rows of one name count once, and the order of rows does not matter."""
    path = tmp_path_factory.getbasetemp() / "copies.parquet"
    table = rows(9)
    shuffled = list(numbers)
    order.shuffle(shuffled)
    found = []
    for each in (numbers, shuffled):
        pl.DataFrame(
            {"item": [f"{number}" for number in each], "v": [table[number].tolist() for number in each]}
        ).write_parquet(path)
        found.append(brought.load(path))

    assert found[0].keys == found[1].keys == sorted({f"{number}" for number in numbers})
    assert (found[0].matrix == found[1].matrix).all()
    assert (found[0].matrix == table[sorted(set(numbers))].astype(np.float32)).all()


def bad_parquet(**columns):
    """Give what writes a Parquet file."""
    return lambda path: pl.DataFrame(columns).write_parquet(path)


BAD = {
    "not finite": (
        bad_parquet(path=["a", "b", "c"], v=[[1.0, 2], [1.0, float("nan")], [float("inf"), 1.0]]),
        "the embedding of b has NaN or infinite values in float32, and 1 near it do too",
    ),
    "too large": (bad_parquet(path=["a"], v=[[1e300, 1.0]]), "the embedding of a has NaN or infinite"),
    "a missing value": (bad_parquet(path=["a"], v=[[1.0, None]]), "the embedding of a has NaN"),
    "zero": (bad_parquet(path=["a", "b"], v=[[1.0, 2], [0.0, 0]]), "the embedding of b has nothing but zeros"),
    "ragged": (bad_parquet(path=["a", "b"], v=[[1.0, 2], [1.0]]), "the embedding of b has width 1, others have 2"),
    "missing": (bad_parquet(path=["a", "b"], v=[[1.0, 2], None]), "the embedding of b has width 0, others have 2"),
    "first missing": (bad_parquet(path=["a", "b"], v=[None, [1.0]]), "a has no embedding"),
    "copies that differ": (bad_parquet(path=["a", "b", "a"], v=[[1.0], [2.0], [3.0]]), "a has several embeddings"),
    "no name": (bad_parquet(path=["a", None], v=[[1.0], [2.0]]), "row 2 has no path"),
    "no names": (
        bad_parquet(who=["a"], v=[[1.0]]),
        r"expected a column of names \(sha256, .*got who \(String\), v \(List",
    ),
    "no vectors": (bad_parquet(path=["a"], v=[1.0]), "expected one column of lists of floats.*got none"),
    "two vectors": (bad_parquet(path=["a"], v=[[1.0]], w=[[1.0]]), "expected one column of lists of floats.*got v, w"),
    "no hash": (bad_parquet(sha256=["a"], v=[[1.0]]), "'a' in column sha256 is none"),
    "no Parquet": (lambda path: path.write_bytes(b"PAR1 and more"), "cannot be read as Parquet"),
}


@pytest.mark.parametrize("name", BAD)
def test_rows_that_cannot_be_used_are_named(tmp_path, name):
    """What is wrong with brought embeddings is said with the file and the name."""
    write, said = BAD[name]
    write(tmp_path / "a.parquet")

    with pytest.raises(DataError, match=rf"a\.parquet: {said}"):
        brought.load(tmp_path / "a.parquet")


def test_parquet_with_damaged_pages_is_refused(tmp_path):
    """A file whose footer is whole and whose data are not is told."""
    path = tmp_path / "a.parquet"
    pl.DataFrame({"path": keys(500), "v": rows(500).tolist()}).write_parquet(path, compression="zstd")
    whole = bytearray(path.read_bytes())
    whole[4000:8000] = bytes(4000)
    path.write_bytes(whole)

    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as Parquet"):
        brought.load(path)


NPY = {
    "objects": (np.array([[{}]], dtype=object), "cannot be read as .npy: .*objects"),
    "integers": (
        np.ones((5, 4), dtype=int),
        r"expected floats of shape \(images, width\), got int64 of shape \(5, 4\)",
    ),
    "one vector": (np.ones(5), r"got float64 of shape \(5,\)"),
    "no width": (np.ones((5, 0)), r"got float64 of shape \(5, 0\)"),
    "too many": (np.ones((6, 4)), "names.txt: expected 6 names, one for each row of .*, got 5"),
    "text": (b"no numbers", "is no .npy file"),
    "nothing": (b"", "is no .npy file"),
    "cut": (b"cut", "cannot be read as .npy"),
}


@pytest.mark.parametrize("name", NPY)
def test_npy_that_cannot_be_used_is_refused(tmp_path, name):
    """Objects, other shapes, other counts and damaged files are errors; nothing is unpickled."""
    value, said = NPY[name]
    (tmp_path / "names.txt").write_text("\n".join(keys()))
    np.save(tmp_path / "a.npy", rows() if isinstance(value, bytes) else value, allow_pickle=True)
    if isinstance(value, bytes):
        whole = (tmp_path / "a.npy").read_bytes()
        (tmp_path / "a.npy").write_bytes(whole[:-9] if value == b"cut" else value)

    with pytest.raises(DataError, match=said):
        brought.load(tmp_path / "a.npy", tmp_path / "names.txt")


@pytest.mark.parametrize("name", ["empty line", "number", "object", "no UTF-8", "surrogate", "no JSON"])
def test_names_that_cannot_be_used_are_refused(tmp_path, name):
    """Names are texts, one a row."""
    np.save(tmp_path / "a.npy", rows(2))
    file, content, said = {
        "empty line": ("a.txt", b"a\n\n", 'name 2 is ""'),
        "number": ("a.json", b'["a", 1]', "name 2 is 1"),
        "object": ("a.json", b"{}", "expected an array"),
        "no UTF-8": ("a.txt", b"\xff\n", "cannot be read"),
        "surrogate": ("a.json", b'["a", "\\ud800"]', "name 2 is"),
        "no JSON": ("a.json", b"[", "cannot be read"),
    }[name]
    (tmp_path / file).write_bytes(content)

    with pytest.raises(DataError, match=f"{file}: {said}"):
        brought.load(tmp_path / "a.npy", tmp_path / file)


def test_files_that_are_none_are_refused(tmp_path):
    """Missing files, names without need or needed, and folders of something else are errors."""
    np.save(tmp_path / "a.npy", rows())
    bad_parquet(path=["a"], v=[[1.0]])(tmp_path / "a.parquet")
    for path, names, error, said in (
        ("none.parquet", None, MissingFile, "no such file of embeddings"),
        ("a.npy", None, UsageError, "needs the file of its rows' names"),
        ("a.npy", "none.txt", MissingFile, "no such file of names"),
        ("a.parquet", "a.npy", UsageError, "names go with a .npy only"),
        (".", None, UsageError, "is no folder of embeddings"),
    ):
        with pytest.raises(error, match=said):
            brought.load(tmp_path / path, names and tmp_path / names)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"width": "1"}', '{"width": 3}'])
def test_a_damaged_model_json_is_an_error(tmp_path, text):
    """What a folder says of its model must be readable."""
    (tmp_path / "model.json").write_text(text)

    with pytest.raises(DataError, match=r"model\.json: .*embed anew"):
        brought.load(tmp_path)


def test_damaged_folders_are_errors(place):
    """A part of another width, a part that is cut and a list that is none are told with their file."""
    place.embed()
    part = place.out / "part-00000.parquet"
    whole = part.read_bytes()
    pl.DataFrame({"sha256": ["a" * 64], "embedding": [[1.0]]}).write_parquet(place.out / "part-00001.parquet")
    with pytest.raises(DataError, match=r"a part's embeddings have width 1, its model\.json says 16"):
        brought.load(place.out)
    (place.out / "part-00001.parquet").unlink()
    part.write_bytes(whole[:-9])
    with pytest.raises(DataError, match=r"part-00000\.parquet: cannot be read"):
        brought.load(place.out)
    with pytest.raises(MixerError, match=r"part-00000\.parquet: cannot be read"):
        place.embed()
    part.write_bytes(whole)
    (place.out / "problems.jsonl").write_text("[]\n")
    with pytest.raises(DataError, match=r"problems\.jsonl: cannot be read"):
        place.embed()
    assert Path(place.out / "model.json").is_file()
