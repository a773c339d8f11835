"""Media in an object store: every command that looks at them finds what it finds below a local root, to the byte."""

from __future__ import annotations

import io
import json
import os
import pickle
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from conftest import INVENTED, recipe
from hypothesis import given
from hypothesis import strategies as st

from mixer import building, cli, collection, errors, locating, pictures, visual_tokens
from mixer.auditing import looking, repairing
from mixer.auditing.audit import audit
from mixer.catalogue import convert
from mixer.conversation import qa
from mixer.fingerprints import find_content, find_perceptual
from mixer.processes import Workers
from mixer.progress import silent
from mixer.readers import json_lines
from mixer.remote import objects, reading
from mixer.remote.looking import FEW, Looking
from mixer.remote.path import RemotePath, asking, parsed
from mixer.remote.reading import FIRST
from mixer.remote.waiting import over
from mixer.roots import data_root
from mixer.sources import File, Picture, Pictures
from mixer.writers import tars

fsspec = pytest.importorskip("fsspec")
np = pytest.importorskip("numpy")
Image = pytest.importorskip("PIL.Image")
SECRET = "never-to-be-seen"
OLD = datetime(2020, 1, 1, tzinfo=UTC)
URL = "memory://bucket"
MEDIA = f"{URL}/media"


class Bucket:
    """A bucket in memory, and how often it was asked."""

    def __init__(self, monkeypatch):
        self.system = fsspec.filesystem("memory")
        self.asked = {"read": 0, "look": 0, "list": 0}
        for request, name in (("read", "cat_file"), ("look", "info"), ("list", "ls")):
            monkeypatch.setattr(type(self.system), name, self.counting(request, getattr(type(self.system), name)))

    def counting(self, request, whole):
        """Give a method that counts its calls from outside."""

        def call(system, *arguments, **named):
            if str(arguments[0]).startswith("memory://"):  # else it is one of its own
                self.asked[request] += 1
            return whole(system, *arguments, **named)

        return call

    def put(self, name, content, written=OLD):
        """Write an object, as if long ago: what was just written is not remembered."""
        self.system.pipe_file(f"{URL}/{name}", content)
        self.system.store[f"/bucket/{name}"].created = written

    def take(self, folder, name):
        """Write all files of a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{name}/{path.relative_to(folder).as_posix()}".lstrip("/"), path.read_bytes())


@pytest.fixture
def bucket(monkeypatch):
    """Give an empty bucket."""
    made = Bucket(monkeypatch)
    yield made
    made.system.store.clear()
    made.system.pseudo_dirs[:] = [""]


def picture(number, format_, size=(60, 40), **settings):
    """Invent a picture: soft blobs of colour; noise where it is large, so that it does not pack."""
    pick = np.random.default_rng(number)
    shape = (6, 6) if size[0] < 300 else (size[1], size[0])
    out = io.BytesIO()
    Image.fromarray(pick.integers(0, 256, (*shape, 3), np.uint8)).resize(size).save(out, format_, **settings)
    return out.getvalue()


JPEG = picture(1, "JPEG")
LARGE = picture(2, "PNG", (500, 500))
FILES = {
    "coco/1.jpg": JPEG, "coco/2.png": picture(2, "PNG"), "coco/3.webp": picture(3, "WEBP"), "coco/4.bmp": picture(4, "BMP"),
    "coco/cut.jpg": JPEG[:-40], "coco/cut.bmp": picture(5, "BMP")[:-99], "coco/empty.jpg": b"", "coco/ü #[1]*.jpg": picture(6, "JPEG"),
    "coco/other.jpg": picture(7, "GIF"), "coco/page.jpg": b"<html>gone</html>", "coco/again.png": picture(1, "PNG"),
    "vg/large.png": LARGE, "vg/large_cut.png": LARGE[:-20], "vg/long.png": LARGE + bytes(FIRST), "vg/gone.gif": picture(8, "GIF"),
    "vg/large.jpg": picture(9, "JPEG", (900, 700), quality=99), "vg/large_cut.jpg": picture(9, "JPEG", (900, 700), quality=99)[:-9],
    "vg/page.tif": picture(10, "TIFF", (400, 300)), "frames/1/a.jpg": JPEG, "frames/1/b.jpg": JPEG,
}  # fmt: skip
IMAGES = [
    *(name for name in FILES if not name.startswith("frames/")),
    "coco/missing.jpg",
    "vg/gone.jpg",
    "vg/large.png",
]
GOOD = ["coco/1.jpg", "coco/2.png", "coco/ü #[1]*.jpg", "vg/large.png", "vg/large.jpg", "vg/page.tif", "coco/1.jpg"]


def records(images, video=None):
    """Invent a record for each image, and one about a video."""
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A kite."}]
    said = [{"id": f"r{number}", "image": image, "conversations": turns} for number, image in enumerate(images)]
    turns = [{"from": "human", "value": "<video>\nWhat?"}, {"from": "gpt", "value": "A kite."}]
    return [*said, *([{"id": "v", "video": video, "conversations": turns}] if video else [])]


class Place:
    """The same media in a folder and in a bucket, a recipe that names them, and one of those that are whole."""

    def __init__(self, folder, bucket):
        self.folder, self.here, self.bucket = folder, folder / "media", bucket
        for name, content in FILES.items():
            (self.here / name).parent.mkdir(parents=True, exist_ok=True)
            (self.here / name).write_bytes(content)
            os.utime(self.here / name, (0, 0))
        bucket.take(self.here, "media")
        for name, said in (("all", records(IMAGES, "frames/1")), ("good", records(GOOD))):
            (folder / f"{name}.json").write_text(json.dumps(said))
        self.all = recipe(folder, "every", sources={"own": {"use": "llava_json", "path": "all.json"}})
        good = {"own": {"use": "llava_json", "path": "good.json"}}
        self.good = recipe(folder, "whole", output={"for": "webdataset", "shards": 2}, sources=good)

    def run(self, *arguments, media=MEDIA, store="store", code=0):
        """Run a command with one process; give what it printed."""
        os.environ["MIXER_CACHE"] = str(self.folder / store)
        shared = ["--media", media]
        done = CliRunner().invoke(cli.main, [*map(str, arguments), *map(str, shared)])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.stdout.replace(str(media), "ROOT")

    def error(self, *arguments, code=1, **more):
        """Run a command that fails; give the one line that it says."""
        os.environ["MIXER_CACHE"] = str(self.folder / "store")
        told = CliRunner().invoke(cli.main, [*map(str, arguments), "--media", more.get("media", MEDIA)])
        assert (told.exit_code, told.stderr.count("\n")) == (code, 1), told.output
        return told.stderr

    def both(self, *arguments, code=0):
        """Run a command with each root; give what is the same of both."""
        here, far = (
            self.run(
                *(each.format(name) if isinstance(each, str) else each for each in arguments),
                media=media,
                store=name,
                code=code,
            )
            for name, media in (("local", self.here), ("remote", MEDIA))
        )
        assert here.replace("local", "SIDE") == far.replace("remote", "SIDE")
        return here


@pytest.fixture
def place(tmp_path, bucket, monkeypatch):
    """Give media on both sides, in an empty folder."""
    monkeypatch.setenv("MIXER_CACHE", "none")
    monkeypatch.setenv("MIXER_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, bucket)


def content(folder):
    """Read all files of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Commands


@pytest.mark.parametrize("decode", [[], ["--decode"]])
def test_a_check_finds_the_same(place, decode):
    told = json.loads(place.both("check", place.all, "--json", *decode, "--repairs", "{}.jsonl", code=1))
    found = told["media"]["leaves"]["own"]["findings"]
    assert found.keys() == {"missing", "empty", "mislabelled", "page", "undecodable" if decode else "cut"}
    assert (place.folder / "local.jsonl").read_bytes() == (place.folder / "remote.jsonl").read_bytes()
    assert b'"from":"vg/gone.gif"' in (place.folder / "remote.jsonl").read_bytes()


def test_leaks_by_content_and_look_are_found(place):
    (place.folder / "bench").mkdir()
    (place.folder / "bench/x.png").write_bytes(FILES["coco/again.png"])
    (place.folder / "bench/y.jpg").write_bytes(picture(6, "JPEG", quality=60))
    told = json.loads(place.both("check", place.good, "--json", "--benchmark", f"mine={place.folder}/bench", code=1))
    assert told["leaks"]["leaked"] == 3


def test_the_list_of_files_is_the_same(place):
    lines = place.both("media", place.all, "-q", code=1).splitlines()
    assert lines == sorted({*IMAGES, "frames/1"})
    told = json.loads(place.both("media", place.all, "--json", code=1))
    assert (told["missing"], told["folders"]) == (2, 1)
    assert told["bytes"] == sum(map(len, FILES.values())) - len(FILES["vg/gone.gif"]) - 2 * len(JPEG) + len(
        FILES["vg/gone.gif"]
    )


@pytest.mark.parametrize("by", ["content", "perceptual"])
def test_near_images_are_the_same(place, by):
    place.both("dedup", "images", place.all, "--by", by, "-o", "near-{}", "-q")
    local, far = content(place.folder / "near-local"), content(place.folder / "near-remote")
    assert local == far
    assert local


def test_embeddings_are_the_same(place):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from test_embed import onnx_model

    model = onnx_model(place.folder / "tiny")
    place.both("embed", place.all, "--model", model, "-o", "made-{}", "-q")
    local, far = content(place.folder / "made-local"), content(place.folder / "made-remote")
    assert local == far
    assert "part-00000.parquet" in local


@pytest.mark.parametrize("target", ["webdataset", "energon"])
def test_a_mix_with_media_inside_is_the_same(place, target):
    loaded = recipe(
        place.folder, "m", output={"for": target}, sources={"own": {"use": "llava_json", "path": "good.json"}}
    )
    place.both("build", loaded, "--out", "mix-{}", "-q")
    local, far = content(place.folder / "mix-local"), content(place.folder / "mix-remote")
    assert local == far
    assert LARGE in far[f"{target}/m.tar"]
    assert not [name for name, each in far.items() if b"bucket" in each or b"memory:" in each]
    place.both("export", place.folder / "mix-local", "--for", target, "-o", "export-{}", "-q")
    assert content(place.folder / "export-local") == content(place.folder / "export-remote")


def test_pages_with_pictures_are_the_same(place):
    mix = recipe(place.folder, "m", output={"for": "jsonl"}, sources={"own": {"use": "llava_json", "path": "all.json"}})
    place.run("build", mix, "--out", "mix", "-q")
    place.both("report", "mix", "-o", "report-{}.html", "-q")
    place.both("sample", "mix", "--every", "1", "-o", "sample-{}.html", "-q")
    for page in ("report", "sample"):
        local = (place.folder / f"{page}-local.html").read_bytes()
        assert local == (place.folder / f"{page}-remote.html").read_bytes()
        assert local.count(b"data:image/jpeg") > 8


def test_sizes_of_images_are_the_same(place):
    declared = Pictures(match="path", field="picture")
    named = [[type("Raw", (), {"path": name})() for name in IMAGES]]
    made = [
        pictures.table(place.folder / name, "x", root, named, declared, silent)
        for name, root in (("a", place.here), ("b", parsed(MEDIA)))
    ]
    assert made[0].name == made[1].name
    assert made[0].read_bytes() == made[1].read_bytes()
    before = dict(place.bucket.asked)
    assert pictures.table(place.folder / "b", "x", parsed(MEDIA), [], declared, silent) == made[1]
    assert place.bucket.asked["read"] == before["read"]
    place.bucket.put("media/coco/2.png", picture(2, "PNG", (7, 9)))
    changed = pictures.table(place.folder / "b", "x", parsed(MEDIA), [], declared, silent)
    assert b'{"path":"coco/2.png","width":7,"height":9}' in changed.read_bytes()


class Raw(msgspec.Struct):
    """A question about an image whose size its file does not tell."""

    path: str
    picture: Picture | None = None


def sized(raw, _options):
    """Answer with the size."""
    return qa(id=raw.path, question="How large?", answer=str(raw.picture and raw.picture[1:]))


def test_a_source_gets_the_sizes_of_images_from_its_data_root(place, invented):
    rows = "".join(json.dumps({"path": name}) + "\n" for name in IMAGES).encode()
    (place.folder / INVENTED).mkdir()
    (place.folder / INVENTED / "q.jsonl").write_bytes(rows)
    place.bucket.put(f"{INVENTED}/q.jsonl", rows)
    invented(sized, (File("q.jsonl", json_lines, Raw),), pictures=Pictures(match="path", field="picture"))
    for name, root in (("here", place.folder), ("far", URL)):
        convert(INVENTED, out=place.folder / name, data=root, cache=place.folder / f"{name}-store")
    assert b"(60, 40)" in (place.folder / "far").read_bytes()
    assert (place.folder / "here").read_bytes() == (place.folder / "far").read_bytes()


def test_visual_tokens_are_the_same(place):
    entry = convert("llava_json", (), place.folder / "good.json", cache=place.folder / "store")
    with Workers(1) as pool:
        local, far = (
            visual_tokens.table("qwen2_vl", entry, [root], place.folder / name, pool, silent)
            for name, root in (("a", place.here), ("b", parsed(MEDIA)))
        )
    assert local.name == far.name


def test_a_handoff_names_the_root(place):
    place.run("build", place.good, "--out", "mix", "-q")
    place.run("export", "mix", "--for", "llava", "-o", "out", "-q")
    assert "ROOT" in place.run("handoff", "out", "--for", "llava")
    assert f"--media {MEDIA}" in CliRunner().invoke(
        cli.main, ["slurm", str(place.good), "--media", MEDIA, "--cache", "store"]
    ).output  # fmt: skip


def test_nothing_is_repaired_there(place):
    place.run("check", place.all, "-q", "--repairs", "list.jsonl", code=1)
    with pytest.raises(
        errors.UsageError, match=f"--media {MEDIA}: nothing is replaced in an object store; .*`exclude`"
    ):
        repairing.run([], Path(MEDIA), None, dry_run=True)
    assert "nothing is replaced" in place.error("repair", "list.jsonl", "--dry-run", code=2)


# Roots


def test_the_folder_media_of_a_remote_data_root_is_the_media_root(place):
    assert data_root({"gqa"}, URL).media == RemotePath("memory:/bucket/media")
    assert data_root({"gqa"}, f"{URL}/media").media is None
    found = json.loads(CliRunner().invoke(cli.main, ["check", str(place.good), "--data", URL, "--json"]).stdout)
    assert found["media"]["leaves"]["own"]["files"] == 6


def test_a_root_that_is_none_is_told(place):
    place.run("build", place.good, "--out", "mix", "-q")
    nowhere = f"{URL}/nowhere"
    for arguments in (["check", place.good], ["media", "mix"], ["report", "mix"], ["sample", "mix"]):
        assert place.error(*arguments, media=nowhere) == f"error: {nowhere}: no such folder, which --media names\n"
    refused = place.error("check", place.good, media="s3://key:secret@bucket/media", code=2)
    assert "credentials do not belong" in refused
    assert "secret" not in refused


def test_a_missing_medium_ends_a_build_by_name(place):
    place.bucket.system.rm_file(f"{MEDIA}/vg/large.png")
    told = place.error("build", place.good, "--out", "mix", "-q")
    assert "record 'r3'" in told
    assert f"'vg/large.png' is no file below none of: {MEDIA}; name the root" in told
    assert not (place.folder / "mix").exists()


@pytest.mark.parametrize(("ahead", "first"), [(0, 1 << 10), (1, 1 << 12), (500, 1 << 20)])
def test_tars_do_not_depend_on_how_objects_are_read(place, monkeypatch, ahead, first):
    place.run("build", place.good, "--out", "local", "-q", media=place.here)
    monkeypatch.setattr(tars, "AHEAD", ahead)
    monkeypatch.setattr(reading, "FIRST", first)
    monkeypatch.setattr(objects, "BLOCK", 2 * first)
    place.run("build", place.good, "--out", "far", "-q")
    assert content(place.folder / "local") == content(place.folder / "far")


def test_an_object_that_changes_while_it_is_packed_ends_the_build(place, monkeypatch):
    whole = objects.read

    def read(path, start, stop):
        got = whole(path, start, stop)
        if path.name == "large.png" and start:
            place.bucket.put("media/vg/large.png", LARGE[::-1], datetime.now(UTC))
        return got

    monkeypatch.setattr(objects, "read", read)
    told = place.error("build", place.good, "--out", "mix", "-q")
    assert told == f"error: {MEDIA}/vg/large.png: changed while it was read; run again when nothing writes to it\n"
    assert not (place.folder / "mix").exists()


def test_media_may_lie_at_the_top_of_a_bucket(place):
    lines = place.run("media", place.good, "-q", media=URL, code=1).splitlines()
    assert lines == sorted(set(GOOD))
    place.bucket.take(place.here, "")
    assert place.run("media", place.good, "-q", media=URL).splitlines() == lines


# What is remembered


def test_a_second_check_reads_no_object(place):
    first = place.run("check", place.all, "--json", "--decode", code=1)
    before = dict(place.bucket.asked)
    assert place.run("check", place.all, "--json", "--decode", code=1) == first
    assert place.bucket.asked["read"] == before["read"]
    assert place.bucket.asked["look"] - before["look"] < 25  # of files: those of folders with a few


def test_a_changed_object_is_looked_at_anew(place):
    place.run("check", place.good, "-q")
    before = place.bucket.asked["read"]
    place.bucket.put("media/coco/1.jpg", JPEG[:-40])
    told = json.loads(place.run("check", place.good, "--json", code=1))
    assert list(told["media"]["leaves"]["own"]["findings"]) == ["cut"]
    place.bucket.put("media/coco/1.jpg", JPEG, datetime(2021, 1, 1, tzinfo=UTC))
    place.run("check", place.good, "-q")
    assert place.bucket.asked["read"] == before + 2


def test_an_object_that_was_just_written_is_not_remembered(place):
    place.bucket.put("media/coco/1.jpg", JPEG, datetime.now(UTC))
    place.run("check", place.good, "-q")
    before = place.bucket.asked["read"]
    place.run("check", place.good, "-q")
    assert place.bucket.asked["read"] == before + 1


def test_an_object_is_read_by_one_request_and_looked_at_again_by_one(place):
    """What is not there takes none, but for the list of its folder."""
    names = [f"many/{number}.jpg" for number in range(30)]
    for name in names[:20]:
        place.bucket.put(f"media/{name}", JPEG)
    (place.folder / "good.json").write_text(json.dumps(records(names)))
    before = dict(place.bucket.asked)
    told = json.loads(place.run("check", place.good, "--json", code=1))
    assert told["media"]["leaves"]["own"]["present"] == 20
    made = {request: place.bucket.asked[request] - count for request, count in before.items()}
    folders = 3  # it is asked whether they are any: the root, twice, and that of the files
    assert made == {"read": 20, "look": 20 + folders, "list": 1}


def test_a_path_tells_what_was_seen_of_it(bucket):
    bucket.put("a/b.jpg", b"123")
    bucket.put("a/c/d.jpg", b"123")
    folder, looking = parsed(f"{URL}/a"), Looking()
    seen = [looking.seen(folder / name) for name in ("b.jpg", "c", "x")] + [looking.seen(Path("here"))]
    bucket.put("a/x", b"1")
    bucket.system.rm_file(f"{URL}/a/b.jpg")
    again = pickle.loads(pickle.dumps(seen))
    before = dict(bucket.asked)
    for paths in (seen, again):
        assert paths == [folder / "b.jpg", folder / "c", folder / "x", Path("here")]
        assert [path.exists() for path in paths] == [True, True, False, False]
        assert paths[0].stat().st_size == 3
    assert bucket.asked == before
    assert [asking(path).exists() for path in again] == [False, True, True, False]
    assert [path.read_bytes() for path in again[1].iterdir() if path.is_file()] == [b"123"]


def test_a_thousand_objects_are_looked_at_by_one_list(bucket):
    for number in range(1000):
        bucket.put(f"many/{number}.jpg", b"1234567")
    root = parsed(f"{URL}/many")
    names = [f"{number}.jpg" for number in range(1001)]
    import polars as pl

    sizes = [place and place[1].st_size for place in locating.located(pl.Series(names), [root])]
    assert sizes == [7] * 1000 + [None]
    assert bucket.asked == {"read": 0, "look": 1, "list": 1}
    assert set(locating.located(pl.Series(names), [root / "nowhere"])) == {None}
    assert bucket.asked == {"read": 0, "look": 2, "list": 1}


def test_a_few_objects_are_looked_at_one_by_one(bucket):
    for number in range(100):
        bucket.put(f"many/{number}.jpg", b"1234567")
    looking = Looking()
    paths = [parsed(f"{URL}/many/{number}.jpg") for number in range(FEW)]
    looking.expect([*paths, Path("here.jpg")])
    assert all(map(looking.is_file, paths))
    assert bucket.asked == {"read": 0, "look": FEW, "list": 0}
    looking.expect([])
    assert looking.stat(paths[0]) == objects.entries(paths[0].parent)["0.jpg"]


def test_who_may_not_list_may_still_look(bucket, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError("no")

    monkeypatch.setattr(type(bucket.system), "ls", refuse)
    for number in range(30):
        bucket.put(f"many/{number}.jpg", b"1234567")
    paths = [parsed(f"{URL}/many/{number}.jpg") for number in range(31)]
    looking = Looking()
    looking.expect(paths)
    assert [looking.is_file(path) for path in paths] == [True] * 30 + [False]


# A store that fails


FINDERS = [looking.find_header, looking.find_decoded, find_content, find_perceptual, visual_tokens._size]


@pytest.mark.parametrize("find", FINDERS)
@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["vg/large.png", "vg/page.tif", "coco/1.jpg"])
def test_what_a_store_does_wrong_is_not_said_of_the_file(place, monkeypatch, find, at, name):
    """Its error is told, whoever reads, and by whatever decoder; it is never a finding."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    path, whole, calls = parsed(f"{MEDIA}/{name}"), type(place.bucket.system).cat_file, []
    expected = find(path)

    def refuse(*arguments, **named):
        calls.append(arguments)
        if len(calls) >= at:
            raise ConnectionError(f"{SECRET} broke the connection")
        return whole(*arguments, **named)

    monkeypatch.setattr(type(place.bucket.system), "cat_file", refuse)
    with suppress(errors.DataError):
        assert find(path) == expected
        assert len(calls) < at
        return
    with pytest.raises(errors.DataError, match=rf"^{path}: cannot be read: \*\*\* broke the connection;"):
        find(path)


def test_a_store_that_fails_ends_a_command_in_one_line_and_the_next_goes_on(place, monkeypatch):
    whole = type(place.bucket.system).cat_file

    def refuse(system, path, **named):
        if path.endswith("2.png"):
            raise ConnectionError("gone")
        return whole(system, path, **named)

    with monkeypatch.context() as context:
        context.setattr(type(place.bucket.system), "cat_file", refuse)
        for command in (
            ["check", place.good],
            ["dedup", "images", place.good, "-o", "near"],
            ["build", place.good, "--out", "x"],
        ):
            assert place.error(*command, "-q").startswith(
                f"error: {MEDIA}/coco/2.png: cannot be read: gone; are address"
            )
    place.run("check", place.good, "-q")


def test_findings_of_other_tasks_stay_when_a_store_fails(place, monkeypatch):
    from mixer import remembered

    monkeypatch.setattr(remembered, "FILES", 1)
    whole = type(place.bucket.system).cat_file

    def refuse(system, path, **named):
        if path.endswith("page.tif"):  # the last
            raise ConnectionError("gone")
        return whole(system, path, **named)

    with monkeypatch.context() as context:
        context.setattr(type(place.bucket.system), "cat_file", refuse)
        place.error("check", place.good, "-q")
    before = place.bucket.asked["read"]
    place.run("check", place.good, "-q")
    assert place.bucket.asked["read"] == before + 2  # it is of two blocks


# Reading


@pytest.fixture
def small(monkeypatch):
    """Let blocks be of a few bytes."""
    monkeypatch.setattr(reading, "FIRST", 16)
    monkeypatch.setattr(objects, "BLOCK", 40)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 90)),
        st.tuples(st.just("seek"), st.integers(0, 220), st.just(0)),
        st.tuples(st.just("seek"), st.integers(0, 50), st.just(1)),
        st.tuples(st.just("seek"), st.integers(0, 50), st.just(2)),
    ),
    max_size=12,
)


@given(st.binary(max_size=200), ACTIONS, st.booleans(), st.integers(1, 64))
def test_an_object_is_read_like_a_file(content, actions, raw, first):
    system = fsspec.filesystem("memory")
    system.pipe_file("memory://read/x", content)
    before = reading.FIRST, objects.BLOCK
    reading.FIRST, objects.BLOCK = first, 2 * first
    expected = io.BytesIO(content)
    try:
        with RemotePath("memory:/read/x").open("rb", buffering=0 if raw else -1) as file:
            for action, *arguments in actions:
                got, wanted = getattr(file, action)(*arguments), getattr(expected, action)(*arguments)
                if raw and action == "read":  # one request may give less
                    assert wanted.startswith(got)
                    assert bool(got) == bool(wanted)
                    expected.seek(file.tell())
                else:
                    assert got == wanted
                assert file.tell() == expected.tell()
            file.seek(0)
            assert file.read() == content
    finally:
        reading.FIRST, objects.BLOCK = before


def test_a_small_object_is_one_request_and_blocks_of_a_large_one_grow(bucket):
    bucket.put("small", bytes(FIRST - 1))
    bucket.put("large", bytes(40 << 20))
    assert len(parsed(f"{URL}/small").read_bytes()) == FIRST - 1
    assert bucket.asked == {"read": 1, "look": 0, "list": 0}
    assert len(parsed(f"{URL}/large").read_bytes()) == 40 << 20
    assert bucket.asked["read"] < 14


@pytest.mark.parametrize(
    ("content", "said"), [(bytes(100), "changed"), (bytes(90), "expected|changed"), (bytes(120), "changed")]
)
def test_a_large_object_that_changes_while_it_is_read_is_told(bucket, small, content, said):
    bucket.put("x", b"\1" * 100)
    with pytest.raises(errors.DataError, match=f"^{URL}/x: {said}"):  # noqa: SIM117, PT012
        with parsed(f"{URL}/x").open("rb", buffering=0) as file:
            assert file.read(16) == b"\1" * 16
            bucket.put("x", content, datetime.now(UTC))
            while file.read(16):
                pass


def test_an_object_that_is_gone_while_it_is_read_is_told(bucket, small):
    bucket.put("x", bytes(100))
    with pytest.raises(errors.DataError, match=f"^{URL}/x: went away while it was read"):  # noqa: SIM117, PT012
        with parsed(f"{URL}/x").open("rb") as file:
            bucket.system.rm_file(f"{URL}/x")
            file.read()


def test_what_a_reader_swallows_is_told_when_it_is_closed(bucket, small, monkeypatch):
    bucket.put("x", bytes(100))
    file = parsed(f"{URL}/x").open("rb")
    monkeypatch.setattr(objects, "read", lambda *_: b"")
    with pytest.raises(errors.DataError, match="expected 32 bytes at byte 16"):
        file.read()
    with pytest.raises(errors.DataError, match="expected 32 bytes at byte 16"):
        file.close()
    file.close()


def test_an_object_without_a_byte_has_no_range(bucket, monkeypatch):
    """S3 refuses to give one."""
    whole = type(bucket.system).cat_file

    def ranged(system, path, start=None, end=None):
        if start is not None and start >= len(whole(system, path)):
            raise OSError(22, "The requested range is not satisfiable")
        return whole(system, path, start=start, end=end)

    monkeypatch.setattr(type(bucket.system), "cat_file", ranged)
    bucket.put("empty", b"")
    bucket.put("full", bytes(FIRST))
    assert parsed(f"{URL}/empty").read_bytes() == b""
    assert parsed(f"{URL}/full").read_bytes() == bytes(FIRST)


def test_a_server_without_ranges_is_told(bucket, monkeypatch):
    bucket.put("x", bytes(FIRST + 1))
    whole = type(bucket.system).cat_file
    monkeypatch.setattr(type(bucket.system), "cat_file", lambda system, path, **_: whole(system, path))
    with pytest.raises(errors.DataError, match="its server gives no ranges; copy it to a folder and name that"):
        parsed(f"{URL}/x").open("rb")


def test_a_remote_path_answers_like_a_path(bucket, tmp_path):
    bucket.put("a/b.jpg", b"123")
    bucket.put("a/c/d.jpg", b"")
    folder = parsed(f"{URL}/a")
    assert [path.name for path in folder.iterdir()] == ["b.jpg", "c"]
    there = {path: (path.exists(), path.is_file(), path.is_dir()) for path in (folder, folder / "b.jpg", folder / "x")}
    assert list(there.values()) == [(True, False, True), (True, True, False), (False, False, False)]
    assert (folder / "b.jpg").stat().st_size == 3
    with pytest.raises(FileNotFoundError, match="No such file or directory: 'memory://bucket/a/x'"):
        (folder / "x").stat()
    for missing in (folder / "x", folder / "c"):
        with pytest.raises(FileNotFoundError):
            missing.open("rb")
    with pytest.raises(ValueError, match="opened to be read"):
        (folder / "b.jpg").open("w")
    with (folder / "b.jpg").open("rb") as file, pytest.raises(OSError, match="before the beginning"):
        file.raw.seek(-1)
    assert (folder / "c/d.jpg").read_bytes() == b""
    for path in (folder / "b.jpg", folder / "c"):
        assert objects.entries(folder)[path.name] == path.stat()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (
            {"ETag": '"a"', "LastModified": OLD},
            {"ETag": '"a"', "LastModified": datetime.now(UTC), "VersionId": "v"},
            True,
        ),
        ({"ETag": '"a"', "LastModified": OLD}, {"ETag": '"b"', "LastModified": OLD}, False),
        ({"created": OLD}, {"created": OLD.timestamp()}, True),
        ({"mtime": 5.0}, {"mtime": 6.0}, False),
        ({"Last-Modified": "yesterday"}, {"Last-Modified": "today"}, False),
    ],
)
def test_versions_are_told_by_marks_else_by_dates(one, other, same):
    path = RemotePath("s3:/bucket/x")
    left, right = (objects._object(path, {"size": 1, **about}) for about in (one, other))
    assert (left.version == right.version) is same
    assert (left.status == right.status) is same
    assert (left.written == objects._NEVER) is ("Last-Modified" in one)


def test_work_on_local_files_needs_no_threads():
    assert over(str, [Path("a"), Path("b")]) == ["a", "b"]


def test_an_api_takes_urls_as_paths(place):
    found = collection.find(str(place.all), media=Path(MEDIA), cache=place.folder / "store")
    with Workers(1) as pool:
        told = audit(found, decode=False, store=place.folder / "store", workers=pool, progress=silent)
    assert told.leaves[0].files == len({*IMAGES, "frames/1"})
    made = building.build(place.good, place.folder / "out", media=Path(MEDIA), cache=place.folder / "store")
    assert made.manifest.records == len(GOOD)


def test_a_folder_in_one_root_hides_no_file_in_the_next(tmp_path):
    import polars as pl

    (tmp_path / "own" / "1.jpg").mkdir(parents=True)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "1.jpg").write_bytes(JPEG)

    found = locating.files(pl.Series(["1.jpg", "2.jpg"]), [tmp_path / "own", tmp_path / "given"])

    assert list(found) == [tmp_path / "given" / "1.jpg", None]


def test_an_object_counts_that_has_the_name_of_a_folder(bucket, monkeypatch):
    """A store may hold `coco/1.jpg` and `coco/1.jpg/a`: however many are asked for, there is a file."""
    root = RemotePath(f"{URL}/coco")
    both = [
        {"name": f"/bucket/coco/{n}.jpg", "size": 3, "type": type_}
        for n in range(12)
        for type_ in ("file", "directory")
    ]
    bucket.put("coco/0.jpg", b"abc")
    monkeypatch.setattr(type(bucket.system), "ls", lambda *_, **__: both)
    looking = Looking()
    looking.expect([root / f"{n}.jpg" for n in range(12)])

    assert all(looking.is_file(root / f"{n}.jpg") for n in range(12))
