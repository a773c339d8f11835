"""Everything through S3, spoken by a server on this machine: build, share, publish, die on the way, check over there."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import recipe

from mixer import verify
from mixer.progress import silent
from mixer.remote import fetching, objects
from mixer.remote.path import RemotePath
from mixer.roots import MINIATURES
from mixer.stamps import stamp

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytest.importorskip("flask")
server = pytest.importorskip("moto.server")
RAW = ("vqav2/*.json", "gqa/*.json", "the_cauldron/ai2d/*", "the_cauldron/clevr/*")
SECRET = "never-to-be-seen"
DYING = """
import os, signal, sys
from mixer import cli
from mixer.remote import objects
LAST, done = int(sys.argv.pop(1)), 0

def mortal(function):
    def call(*arguments):
        global done
        done += 1
        if done == LAST:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return call

for name in ("upload", "put", "remove"):
    setattr(objects, name, mortal(getattr(objects, name)))
cli.main()
"""
"""Runs the command line, and kills it before its n-th change of the object store."""


@pytest.fixture(scope="module")
def address():
    """Give the address of a server that speaks S3."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    objects._system.cache_clear()
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()
    objects._system.cache_clear()


@pytest.fixture
def s3(address, monkeypatch, tmp_path):
    """Give the file system of a new bucket that holds raw files; credentials and address are in the environment."""
    settings = {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "XDG_CACHE_HOME": str(tmp_path / "caches"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MIXER_CACHE", raising=False)
    system = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    bucket = f"b{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]}"
    system.mkdir(bucket)
    for path in (path for pattern in RAW for path in MINIATURES.glob(pattern)):
        system.put_file(str(path), f"{bucket}/raw/{path.relative_to(MINIATURES).as_posix()}")
    return Store(system, bucket)


class Store:
    """A bucket, and what a test asks of it."""

    def __init__(self, system, bucket):
        self.system = system
        self.url = f"s3://{bucket}"

    def names(self, below):
        """List the objects below a folder, by their names from there."""
        root = f"{self.url}/{below}/".removeprefix("s3://")
        return {name.removeprefix(root) for name in self.system.find(f"s3://{root}")}

    def get(self, name):
        """Read an object."""
        return self.system.cat_file(f"{self.url}/{name}")

    def put(self, name, content):
        """Write an object."""
        self.system.pipe_file(f"{self.url}/{name}", content)


@pytest.fixture
def mix(tmp_path):
    """Give a recipe with files, a pattern and embedded images."""
    leaves = {"vqav2": {}, "gqa": {}, "the_cauldron": {"options": {"configs": ["ai2d", "clevr"]}}}
    return recipe(tmp_path, output={"for": "jsonl"}, sources=leaves)


READING_NOTHING = """
from mixer import cli
from mixer.remote import objects

def refuse(*arguments):
    raise SystemExit(f"was read: {arguments}")

objects.read = objects.beginning = refuse
cli.main()
"""
"""Runs the command line, but for what is read of objects."""


def run(folder, *arguments, code=0, dying=None, reading=True, **environment):
    """Run the command line; give the finished process."""
    command = ["-m", "mixer.cli"] if reading else ["-c", READING_NOTHING]
    command = command if dying is None else ["-c", DYING, str(dying)]
    done = subprocess.run(
        [sys.executable, *command, *map(str, arguments)],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done


def content(folder):
    """Read all files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()
    }


def test_build_share_publish_and_check(tmp_path, s3, mix):
    far = ["--data", f"{s3.url}/raw", "--cache", f"{s3.url}/cache", "--out", f"{s3.url}/mixes/mix"]
    first = run(tmp_path, "build", mix, *far)
    assert first.stderr.count("converting") == 3
    entries = s3.names("cache")

    # Another machine, which has nothing, converts nothing, and sends nothing.
    second = run(tmp_path, "build", mix, *far, XDG_CACHE_HOME=str(tmp_path / "elsewhere"))
    assert "converting" not in second.stderr
    assert s3.names("cache") == entries

    run(tmp_path, "build", mix, "--data", MINIATURES, "--cache", tmp_path / "store", "--out", tmp_path / "out")
    local = content(tmp_path / "out")
    id = json.loads(local["manifest.json"])["mix_id"]
    assert s3.names("mixes/mix") == {"latest.json", *(f"{id}/{name}" for name in local)}
    for name, expected in local.items():
        assert s3.get(f"mixes/mix/{id}/{name}") == expected
        assert s3.url.removeprefix("s3://").encode() not in expected
    assert json.loads(s3.get("mixes/mix/latest.json"))["path"] == id

    # Over there it is whole, until a byte of it is not.
    assert f"{s3.url}/mixes/mix: " in run(tmp_path, "verify", f"{s3.url}/mixes/mix").stdout
    run(tmp_path, "verify", f"{s3.url}/mixes/mix/{id}", "-q")
    data = f"mixes/mix/{id}/mix.jsonl"
    spoilt = bytearray(local["mix.jsonl"])
    spoilt[len(spoilt) // 2] ^= 1
    s3.put(data, bytes(spoilt))
    damaged = run(tmp_path, "verify", f"{s3.url}/mixes/mix", code=1)
    assert f"{s3.url}/{data}: expected sha256" in damaged.stderr
    assert f"{s3.url}/{data}: record " in damaged.stderr
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def test_a_build_that_is_killed_while_it_sends_is_finished_by_the_next(tmp_path, s3):
    small = recipe(tmp_path, sources={"gqa": {}, "vqav2": {}})
    build = ["build", small, "--data", MINIATURES, "--cache", tmp_path / "store", "--out", f"{s3.url}/mixes", "-q"]
    run(tmp_path, *build, "--seed", "1")
    old = s3.get("mixes/latest.json")
    for step in (
        1,
        2,
        2,
        2,
        2,
    ):  # the mark, two files, the manifest, the mark again: nothing that arrived is sent twice
        run(tmp_path, *build, dying=step, code=-signal.SIGKILL)
        assert s3.get("mixes/latest.json") == old
        assert not verify(f"{s3.url}/mixes").problems
    run(tmp_path, *build)
    assert s3.get("mixes/latest.json") != old
    run(tmp_path, "build", small, "--data", MINIATURES, "--cache", tmp_path / "store", "--out", tmp_path / "out", "-q")
    local = content(tmp_path / "out")
    id = json.loads(local["manifest.json"])["mix_id"]
    assert {name: s3.get(f"mixes/{id}/{name}") for name in s3.names(f"mixes/{id}")} == local


def test_large_files_go_in_parts_and_come_in_ranges(tmp_path, s3):
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(1 << 20) * 101)
    target = RemotePath(f"{s3.url}/large.bin")
    objects.upload(large, target)
    assert "-" in s3.system.info(str(target))["ETag"]  # S3's mark of an object that came in parts
    (copy,) = fetching.fetch([target], tmp_path / "store", "fetching", silent)
    assert copy.read_bytes() == large.read_bytes()


def test_what_goes_wrong_is_one_line(tmp_path, s3, mix):
    far = ["--data", f"{s3.url}/raw", "--out", f"{s3.url}/mixes"]
    nowhere = run(tmp_path, "build", mix, *far, code=1, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert nowhere.stderr.startswith("error: ")
    assert nowhere.stderr.count("\n") == 1
    anybody = run(
        tmp_path, "build", mix, *far, code=1, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_CONFIG_FILE="/"
    )
    assert "are address and credentials right, in the environment?" in anybody.stderr
    missing = run(tmp_path, "build", mix, "--data", f"{s3.url}/raw/gqa", "--out", f"{s3.url}/mixes", code=1)
    assert f"put it at {s3.url}/raw/gqa/vqav2/v2_mscoco_train2014_annotations.json" in missing.stderr
    media = run(tmp_path, "check", mix, "--media", f"{s3.url}/media", code=1)
    assert media.stderr == f"error: {s3.url}/media: no such folder, which --media names\n"
    media = run(tmp_path, "check", mix, "--media", f"{s3.url}/raw", code=1, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert media.stderr.startswith(f"error: {s3.url}/raw: cannot be looked at: ")
    assert media.stderr.count("\n") == 1


def picture(number, format_, size=(60, 40)):
    """Invent a picture of noise, which does not pack."""
    image_module = pytest.importorskip("PIL.Image")
    out = io.BytesIO()
    pixels = random.Random(number).randbytes(size[0] * size[1] * 3)
    image_module.frombytes("RGB", size, pixels).save(out, format_)
    return out.getvalue()


@pytest.fixture
def media(tmp_path, s3):
    """Give a media root on both sides, and a recipe of records that name what is there, and more."""
    files = {f"a/{number:02}.jpg": picture(number, "JPEG") for number in range(30)}
    files |= {
        "a/again.jpg": files["a/07.jpg"],
        "ü b/#1 [x].png": picture(40, "PNG"),
        "large.png": picture(41, "PNG", (700, 500)),
    }
    files |= {"a/cut.jpg": files["a/03.jpg"][:-20], "a/empty.jpg": b"", "b/one.gif": picture(42, "GIF")}
    for name, content in files.items():
        (tmp_path / "media" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "media" / name).write_bytes(content)
        s3.put(f"media/{name}", content)
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A kite."}]
    said = [{"id": name, "image": name, "conversations": turns} for name in [*files, "b/one.jpg"]]
    (tmp_path / "own.json").write_text(json.dumps(said))
    (tmp_path / "good.json").write_text(json.dumps(said[:33]))
    for name in ("own", "good"):
        leaf = {"use": "llava_json", "path": f"{name}.json"}
        recipe(tmp_path, name, output={"for": "webdataset", "shards": 3}, sources={"mine": leaf})
    return {"local": tmp_path / "media", "remote": f"{s3.url}/media"}


def both(folder, media, *arguments, code=0, **more):
    """Run a command with each root; give what it prints with the one there."""
    told = [
        run(
            folder,
            *arguments,
            "-o",
            f"{arguments[0]}-{side}",
            "--media",
            root,
            code=code,
            MIXER_CACHE=str(folder / side),
            **more,
        )
        for side, root in media.items()
    ]
    local, far = (done.stdout.replace(side, "SIDE") for done, side in zip(told, media, strict=True))
    assert local == far
    return far


@pytest.mark.parametrize("workers", ["1", "2"])
def test_media_are_looked_at_and_packed_where_they_are(tmp_path, s3, media, workers):
    checks = [
        run(tmp_path, "check", "own.yaml", "--json", "--decode", "--media", root, code=1, MIXER_CACHE=str(tmp_path / side), MIXER_WORKERS=workers)
        for side, root in media.items()
    ]  # fmt: skip
    findings = json.loads(checks[1].stdout)["media"]["leaves"]["mine"]["findings"]
    assert checks[0].stdout == checks[1].stdout
    assert findings.keys() == {"undecodable", "empty", "missing"}
    assert "b/one.gif" in checks[1].stdout

    again = run(
        tmp_path, "check", "own.yaml", "--json", "--decode", "--media", media["remote"], code=1, reading=False,
        MIXER_CACHE=str(tmp_path / "remote"), MIXER_WORKERS="1",
    )  # fmt: skip
    assert again.stdout == checks[1].stdout

    build = ["build", "good.yaml", "-q"]
    for side, root in media.items():
        run(
            tmp_path,
            *build,
            "--out",
            f"mix-{side}",
            "--media",
            root,
            MIXER_CACHE=str(tmp_path / side),
            MIXER_WORKERS=workers,
        )
    local, far = content(tmp_path / "mix-local"), content(tmp_path / "mix-remote")
    assert local == far
    assert not [name for name, each in far.items() if s3.url.removeprefix("s3://").encode() in each]
    assert "large.png" in both(tmp_path, media, "media", "mix-local", "--json")
    both(tmp_path, media, "dedup", "images", "good.yaml", "-q", MIXER_WORKERS=workers)
    assert content(tmp_path / "dedup-local") == content(tmp_path / "dedup-remote")
    both(tmp_path, media, "report", "mix-local", "-q")
    assert (tmp_path / "report-local").read_bytes() == (tmp_path / "report-remote").read_bytes()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()


def test_single_objects_and_lists_tell_the_same_version(tmp_path, s3):
    system, folder = s3.system, RemotePath(f"{s3.url}/media")
    system.call_s3("put_bucket_versioning", Bucket=s3.url[5:], VersioningConfiguration={"Status": "Enabled"})
    (tmp_path / "parts").write_bytes(bytes(101 << 20))
    objects.upload(tmp_path / "parts", folder / "parts")
    for name in ("a", "b/c", "empty", "[x] #1.jpg"):
        s3.put(f"media/{name}", b"" if name == "empty" else b"123")
    there = objects.entries(folder)
    assert list(there) == ["[x] #1.jpg", "a", "b", "empty", "parts"]
    for name, status in there.items():
        assert (folder / name).stat() == status
    s3.put("media/a", b"124")
    assert (folder / "a").stat() != there["a"]
    assert [(folder / name).read_bytes() for name in ("a", "empty", "[x] #1.jpg")] == [b"124", b"", b"123"]
    assert stamp(folder / "a").settled()
