"""Raw files, converted sources and mixes in an object store: fetched and sent whole, never replaced, checked there."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from conftest import recipe
from hypothesis import given
from hypothesis import strategies as st

from mixer import building, caching, cli, errors, plans, verify
from mixer.recipe import load_recipe
from mixer.remote import blocks, fetching, objects, verifying
from mixer.remote.path import RemotePath, is_remote, parsed
from mixer.roots import MINIATURES, data_root

fsspec = pytest.importorskip("fsspec")
SOURCES = ("vqav2", "gqa", "the_cauldron")
TURNS = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A kite."}]


class Bucket:
    """A bucket in memory: what a test looks at and spoils."""

    url = "memory://bucket"

    def __init__(self):
        self.system = fsspec.filesystem("memory")
        self.empty()

    def empty(self):
        """Delete all objects."""
        self.system.store.clear()
        self.system.pseudo_dirs[:] = [""]

    def put(self, name, content):
        """Write an object."""
        self.system.pipe_file(f"{self.url}/{name}", content)

    def get(self, name):
        """Read an object."""
        return self.system.cat_file(f"{self.url}/{name}")

    def names(self, below=""):
        """List the objects below a folder, by their names from there."""
        root = f"/bucket/{below}"
        return sorted(name.removeprefix(root) for name in self.system.store if name.startswith(root))

    def flip(self, name, at=-2):
        """Change one bit of an object."""
        content = bytearray(self.get(name))
        content[at] ^= 1
        self.put(name, bytes(content))

    def mixes(self):
        """Give the files of all mixes."""
        return {name: self.get(f"mixes/{name}") for name in self.names("mixes/")}


@pytest.fixture
def bucket():
    """Give a bucket with the miniatures of a few sources as raw files."""
    made = Bucket()
    for source in SOURCES:
        for path in (MINIATURES / source).rglob("*"):
            if path.is_file():
                made.put(f"raw/{path.relative_to(MINIATURES).as_posix()}", path.read_bytes())
    yield made
    made.empty()


@pytest.fixture
def mix(tmp_path, bucket):
    """Give a recipe of published files, a pattern with embedded images, and a file of the user's own; all remote."""
    own = [{"id": str(number), "image": f"a/{number}.jpg", "conversations": TURNS} for number in range(40)]
    bucket.put("own/a.json", json.dumps(own).encode())
    (tmp_path / "a.json").write_bytes(bucket.get("own/a.json"))
    sources = leaves(f"{bucket.url}/own/a.json")
    return recipe(tmp_path, output={"for": "jsonl"}, croissant=True, sources=sources)


def leaves(own):
    """Give the leaves of a recipe."""
    cauldron = {"options": {"configs": ["ai2d"]}}
    return {"vqav2": {}, "gqa": {}, "the_cauldron": cauldron, "own": {"use": "llava_json", "path": own}}


@pytest.fixture
def build(tmp_path, bucket, mix):
    """Build the recipe with a store of its own; give the mix and what was told."""

    def run(out="out", store="store", data=f"{bucket.url}/raw", given=mix, seed=17, **more):
        told, given = [], load_recipe(given, seed=seed)
        out = parsed(out) if "://" in str(out) else tmp_path / out
        made = building.build(given, out, data=data, cache=tmp_path / store, told=told.append, **more)
        return made, told

    return run


def through(tmp_path, given, monkeypatch, local="local", **more):
    """Build with the bucket's shared store behind a local one; give the mix and what was told."""
    monkeypatch.setenv("MIXER_CACHE", str(tmp_path / local))
    told = []
    made = building.build(
        given,
        tmp_path / "out",
        data="memory://bucket/raw",
        cache=Path("memory://bucket/cache"),
        told=told.append,
        **more,
    )
    return made, told


def content(folder):
    """Read all files of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failing(monkeypatch, name, at, error=KeyboardInterrupt):
    """Let the n-th call of a function of objects.py fail; give what counts them."""
    whole, calls = getattr(objects, name), []

    def call(*arguments, **named):
        calls.append(arguments)
        if len(calls) == at:
            raise error
        return whole(*arguments, **named)

    monkeypatch.setattr(objects, name, call)
    return calls


# Paths


@pytest.mark.parametrize("written", ["s3://bucket/a/b", "s3:/bucket/a/b", "S3://bucket/a//b/", Path("s3://bucket/a/b")])
def test_a_url_is_a_path_that_prints_as_its_url(written):
    path = parsed(written)
    assert is_remote(path)
    assert str(path) == "s3://bucket/a/b"
    assert str(path / "c.json") == "s3://bucket/a/b/c.json"
    assert str(path.parent) == "s3://bucket/a"
    assert (path / "c.json").name == "c.json"
    assert str(path.relative_to(parsed("s3://bucket"))) == "a/b"
    assert parsed(path) == path


@pytest.mark.parametrize("written", ["raw", "./s3", "/a/s3:/b", "C:/x", "file:///a/b", "a b/c"])
def test_what_is_on_this_machine_is_a_plain_path(written):
    assert not is_remote(parsed(written))
    assert str(parsed("file:///a/b")) == "/a/b"


@pytest.mark.parametrize("written", ["s3://key:secret@bucket/raw", "https://host/a.json?X-Amz-Signature=secret"])
def test_credentials_in_a_url_are_refused_and_not_repeated(written, tmp_path):
    with pytest.raises(errors.UsageError, match="in the environment") as refused:
        parsed(written)
    assert "secret" not in str(refused.value)
    with pytest.raises(errors.RecipeError, match=r"mix\.yaml:1:\d+: https?|s3://") as refused:
        load_recipe(recipe(tmp_path, sources=leaves(written)))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("written", ["s3://", "s3:///", "s3://bucket/../other"])
def test_a_url_names_a_bucket_and_goes_downwards(written):
    with pytest.raises(errors.UsageError, match="expected a URL such as s3://bucket/folder"):
        parsed(written)


def test_without_the_extra_one_line_says_what_to_install(monkeypatch, bucket):
    objects._system.cache_clear()
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(errors.UsageError, match=r"^this needs: pip install 'instruction-mixer\[remote\]'"):
        data_root({"vqav2"}, f"{bucket.url}/raw")
    objects._system.cache_clear()


def test_an_unknown_scheme_is_told():
    with pytest.raises(errors.UsageError, match="nope://: is no scheme"):
        data_root({"vqav2"}, "nope://bucket/raw")


def test_errors_of_a_store_hold_no_secret(monkeypatch, bucket):
    monkeypatch.setenv("SOME_SECRET_KEY", "hunter2hunter2")

    def refuse(*_, **__):
        raise PermissionError("hunter2hunter2 may not do that\nat all")

    monkeypatch.setattr(type(bucket.system), "info", refuse)
    with pytest.raises(errors.DataError) as refused:
        objects.look(RemotePath("memory://bucket/raw"))
    assert str(refused.value).startswith("memory://bucket/raw: cannot be looked at: *** may not do that;")


# Raw files


def test_a_mix_of_remote_files_is_that_of_local_ones(tmp_path, build):
    far, _ = build()
    (tmp_path / "here").mkdir()
    shutil.copy(tmp_path / "a.json", tmp_path / "here")
    same = recipe(tmp_path / "here", output={"for": "jsonl"}, croissant=True, sources=leaves("a.json"))
    local, _ = build("local", "other", MINIATURES, same)
    assert content(far.path) == content(local.path)
    assert not any(b"bucket" in each or b"memory:" in each for each in content(far.path).values())


def test_the_second_run_fetches_and_converts_nothing(build, monkeypatch):
    build()
    read = failing(monkeypatch, "read", 0)
    _, told = build()
    assert not read
    assert not [line for line in told if line.startswith("converting")]


def test_files_of_the_recipes_own_map_may_be_remote(tmp_path, bucket, build):
    name = "train_balanced_questions.json"
    bucket.put("else/where.json", (MINIATURES / "gqa" / name).read_bytes())
    moved = recipe(tmp_path, "moved", sources={"gqa": {"files": {name: f"{bucket.url}/else/where.json"}}})
    made, _ = build(given=moved, data=None)
    assert made.manifest.sources["gqa"].files[0].path == name


def test_own_files_that_match_a_pattern_are_listed(tmp_path, bucket, build):
    for name in ("b1", "b2", "c"):
        bucket.put(f"own/{name}.json", bucket.get("own/a.json").replace(b'"id": "', f'"id": "{name}'.encode()))
    many = recipe(tmp_path, "many", sources={"own": {"use": "llava_json", "path": f"{bucket.url}/own/b*.json"}})
    made, _ = build(given=many, data=None)
    assert made.manifest.records == 80


def test_a_missing_object_is_told_like_a_missing_file(bucket, build):
    bucket.system.rm_file(f"{bucket.url}/raw/gqa/train_balanced_questions.json")
    with pytest.raises(errors.MissingFile) as far:
        build()
    assert f"put it at {bucket.url}/raw/gqa/train_balanced_questions.json" in str(far.value)
    with pytest.raises(errors.MissingFile, match="no such folder, which --data names"):
        build(data=f"{bucket.url}/nowhere")


def fetched(bucket, store, **more):
    """Fetch the user's own file; give its working copy."""
    more = {"label": "fetching", "progress": plans.silent, **more}
    return fetching.fetch([RemotePath(f"{bucket.url}/own/a.json")], store, **more)[0]


@pytest.mark.parametrize("stop", [1, 2, 9])
def test_a_fetch_goes_on_where_it_was_stopped(tmp_path, bucket, mix, monkeypatch, stop):
    monkeypatch.setattr(blocks, "BLOCK", 500)
    with monkeypatch.context() as context:
        failing(context, "read", stop)
        with pytest.raises(KeyboardInterrupt):
            fetched(bucket, tmp_path)
    kept = sum(len(journal.read_text().split()) for journal in tmp_path.rglob("*.blocks"))
    assert not list(tmp_path.rglob("remote/*/a.json"))
    read = failing(monkeypatch, "read", 0)
    copy = fetched(bucket, tmp_path)
    assert copy.read_bytes() == bucket.get("own/a.json")
    assert len(read) == -(-copy.stat().st_size // 500) - kept
    assert {path.name for path in copy.parent.iterdir()} == {"a.json", "a.json.stamp"}


def test_a_torn_line_of_the_journal_counts_for_nothing(tmp_path, bucket, mix, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 500)
    with monkeypatch.context() as context:
        failing(context, "read", 6)
        with pytest.raises(KeyboardInterrupt):
            fetched(bucket, tmp_path)
    (journal,) = tmp_path.rglob("*.blocks")
    journal.write_text(journal.read_text() + "500")
    assert fetched(bucket, tmp_path).read_bytes() == bucket.get("own/a.json")


def test_an_object_that_changes_while_it_is_read_is_an_error(tmp_path, bucket, mix, monkeypatch):
    whole = objects.read

    def read(path, start, stop):
        bucket.put("own/a.json", bucket.get("own/a.json").replace(b"kite", b"boat"))
        return whole(path, start, stop)

    monkeypatch.setattr(objects, "read", read)
    with pytest.raises(errors.DataError, match=f"^{bucket.url}/own/a.json: changed while it was read"):
        fetched(bucket, tmp_path)
    monkeypatch.undo()
    assert fetched(bucket, tmp_path).read_bytes() == bucket.get("own/a.json")


def test_an_object_that_shrinks_while_it_is_read_is_an_error(tmp_path, bucket, mix, monkeypatch):
    monkeypatch.setattr(objects, "read", lambda *_: b"short")
    with pytest.raises(errors.DataError, match=r"a\.json: expected 5,\d+ bytes at byte 0, got 5"):
        fetched(bucket, tmp_path)


def test_a_changed_object_is_fetched_again(tmp_path, bucket, mix):
    first = fetched(bucket, tmp_path)
    bucket.put("own/a.json", first.read_bytes().replace(b"kite", b"boat"))
    assert b"boat" in fetched(bucket, tmp_path).read_bytes()


def test_a_working_copy_that_was_touched_is_fetched_again(tmp_path, bucket, mix):
    first = fetched(bucket, tmp_path)
    first.write_bytes(first.read_bytes().replace(b"kite", b"boat"))
    assert b"kite" in fetched(bucket, tmp_path).read_bytes()


def test_space_is_looked_at_before_anything_is_fetched(tmp_path, bucket, mix, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=100))
    read = failing(monkeypatch, "read", 0)
    with pytest.raises(errors.MixerError, match=r"5,\d+ bytes are needed and 100 are free"):
        fetched(bucket, tmp_path)
    assert not read


def test_an_empty_object_is_an_empty_file(tmp_path, bucket, mix):
    bucket.put("own/a.json", b"")
    assert fetched(bucket, tmp_path).read_bytes() == b""


def test_a_damaged_object_is_told_by_its_url(tmp_path, bucket, mix, build):
    bucket.put("own/a.json", bucket.get("own/a.json")[:-30])
    with pytest.raises(errors.DataError) as told:
        build()
    assert f"{bucket.url}/own/a.json" in str(told.value)
    assert str(tmp_path / "store") not in str(told.value)


def test_the_parts_of_a_build_fetch_by_themselves(bucket, mix, tmp_path):
    options = {"data": f"{bucket.url}/raw", "cache": tmp_path / "store"}
    spans, made = plans.prepare(mix, plans.Part(1, 1), **options)
    assert spans == made > 0


# The shared store


def test_a_second_machine_converts_nothing(tmp_path, bucket, mix, monkeypatch):
    first, told = through(tmp_path, mix, monkeypatch, "first")
    assert sum(line.startswith("converting") for line in told) == 4
    was, before = content(first.path), bucket.names("cache/")
    second, told = through(tmp_path, mix, monkeypatch, "second")
    assert not [line for line in told if line.startswith("converting")]
    assert content(second.path) == was
    assert bucket.names("cache/") == before
    assert not caching.verify(tmp_path / "second")


def test_what_was_converted_before_is_shared_too(tmp_path, bucket, mix, monkeypatch, build):
    build(store="local")
    assert not bucket.names("cache/")
    through(tmp_path, mix, monkeypatch)
    assert sum(name.endswith("ledger.json") for name in bucket.names("cache/")) == 4


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_an_entry_that_was_not_sent_whole_is_none_until_it_is(tmp_path, bucket, mix, monkeypatch, at):
    with monkeypatch.context() as context:
        failing(context, "upload", at)
        with pytest.raises(KeyboardInterrupt):
            through(tmp_path, mix, context)
    left = [name for name in bucket.names("cache/") if name.endswith("ledger.json")]
    assert not left
    through(tmp_path, mix, monkeypatch)
    _, told = through(tmp_path, mix, monkeypatch, "second")
    assert not [line for line in told if line.startswith("converting")]


def entry_files(bucket, source="vqav2"):
    """List the objects of the one entry of a source, by what they end with."""
    names = [name for name in bucket.names("cache/") if name.startswith(f"sources/{source}/")]
    return {name.rpartition("/")[2]: f"cache/{name}" for name in names}


@pytest.mark.parametrize("name", ["part-00000.jsonl", "part-00000.parquet", "skipped.jsonl", "ledger.json"])
def test_a_damaged_entry_is_found_and_never_used(tmp_path, bucket, mix, monkeypatch, name):
    through(tmp_path, mix, monkeypatch, "first")
    spoilt = entry_files(bucket)[name]
    if bucket.get(spoilt):
        bucket.flip(spoilt, 40 if name == "ledger.json" else -2)
    else:
        bucket.put(spoilt, b"{}\n")
    with pytest.raises(
        errors.IntegrityError, match=rf"{bucket.url}/{spoilt.rpartition('/')[0]}.*; delete .* and build again"
    ):
        through(tmp_path, mix, monkeypatch, "second")
    assert not list((tmp_path / "second").glob("sources/vqav2/*"))


def test_a_name_that_leads_out_of_the_store_is_refused(tmp_path, bucket, mix, monkeypatch):
    through(tmp_path, mix, monkeypatch, "first")
    folder = entry_files(bucket)["ledger.json"].rpartition("/")[0]
    bucket.system.store[f"/bucket/{folder}/.hidden/x"] = bucket.system.store[f"/bucket/{folder}/ledger.json"]
    with pytest.raises(errors.IntegrityError, match=r"\.hidden/x: no file of a converted source is called so"):
        through(tmp_path, mix, monkeypatch, "second")


def test_entries_of_two_ledgers_stand_side_by_side(tmp_path, bucket, mix, monkeypatch):
    through(tmp_path, mix, monkeypatch, "first")
    ledger = entry_files(bucket)["ledger.json"]
    address = ledger.rpartition("/")[0].rpartition("/")[0]
    for name, path in entry_files(bucket).items():
        if name != "ledger.json":  # another machine is on its way
            bucket.put(f"{address}/{'0' * 64}/{name}", bucket.get(path)[:5])
    _, told = through(tmp_path, mix, monkeypatch, "second")
    assert not [line for line in told if line.startswith("converting")]


def test_the_commands_that_look_after_stores_leave_a_remote_one_alone(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("MIXER_CACHE", str(tmp_path))
    for call in (
        caching.contents,
        caching.verify,
        lambda given: caching.prune(given, set(), damaged=False, outdated=False),
    ):
        with pytest.raises(errors.UsageError, match=f"--cache {bucket.url}/cache: is an object store"):
            call(Path(f"{bucket.url}/cache"))


def test_pruning_all_takes_the_working_copies_along(build, tmp_path):
    build()
    caching.prune(tmp_path / "store", {"gqa"}, damaged=False, outdated=False)
    assert list((tmp_path / "store" / "remote").iterdir())
    _, freed = caching.prune(tmp_path / "store", set(), damaged=False, outdated=False)
    assert freed > 10_000
    assert not list((tmp_path / "store" / "remote").iterdir())


# Mixes


@pytest.fixture
def out(bucket):
    """Give the place that mixes are sent to."""
    return f"{bucket.url}/mixes"


def test_a_mix_is_sent_as_it_is_built_here(tmp_path, bucket, build, out):
    local, _ = build()
    far, _ = build(out)
    id = local.manifest.mix_id
    assert str(far.path) == f"{out}/{id}"
    files = {f"{id}/{name}": each for name, each in content(local.path).items()}
    pointer = {"mix_id": id, "manifest_sha256": hashlib.sha256(files[f"{id}/manifest.json"]).hexdigest(), "path": id}
    sent = bucket.mixes()
    assert json.loads(sent.pop("latest.json")) == pointer
    assert sent == files
    assert not verify(out).problems
    assert not verify(far.path).problems
    assert not list((tmp_path / "store" / "mixes").glob("*"))


def test_the_same_mix_again_sends_nothing(bucket, build, out, monkeypatch):
    build(out)
    before = bucket.mixes()
    sent, put = failing(monkeypatch, "upload", 0), failing(monkeypatch, "put", 0)
    build(out)
    assert not sent
    assert not put
    assert bucket.mixes() == before


def test_another_mix_stands_beside_and_the_pointer_moves(bucket, build, out):
    first, _ = build(out)
    second, _ = build(out, seed=5)
    assert first.path != second.path
    assert json.loads(bucket.get("mixes/latest.json"))["mix_id"] == second.manifest.mix_id
    assert not verify(first.path).problems
    assert verify(out).mix_id == second.manifest.mix_id


def test_the_same_records_written_otherwise_are_refused(tmp_path, bucket, build, out):
    build(out)
    before = bucket.mixes()
    other = recipe(
        tmp_path, output={"for": "jsonl", "shards": 2}, croissant=True, sources=leaves(f"{bucket.url}/own/a.json")
    )
    with pytest.raises(errors.IntegrityError, match="holds the same records with other outputs, and is never replaced"):
        build(out, given=other)
    assert bucket.mixes() == before


def test_a_mix_that_lost_a_file_is_not_taken_for_done(bucket, build, out):
    made, _ = build(out)
    bucket.system.rm_file(f"{out}/{made.manifest.mix_id}/mix.jsonl")
    with pytest.raises(
        errors.IntegrityError, match=r"mix\.jsonl: expected [0-9,]+ bytes, got no object; delete .* and build again"
    ):
        build(out)


@pytest.mark.parametrize(
    ("function", "at"), [*(("upload", at) for at in (1, 2, 3, 4, 5)), ("put", 1), ("put", 2), ("remove", 1)]
)
def test_an_upload_that_was_cut_short_is_finished_by_the_next_run(bucket, build, out, monkeypatch, function, at):
    before, _ = build(out, seed=5)
    old = bucket.get("mixes/latest.json")
    with monkeypatch.context() as context:
        failing(context, function, at)
        with pytest.raises(KeyboardInterrupt):
            build(out)
    assert bucket.get("mixes/latest.json") == old
    assert not verify(out).problems
    arrived = [name for name in bucket.mixes() if before.manifest.mix_id not in name and "uploading" not in name]
    sent = failing(monkeypatch, "upload", 0)
    made, _ = build(out)
    assert len(sent) + len(arrived) - 1 == 5  # the pointer is put
    assert verify(out).mix_id == made.manifest.mix_id
    assert not verify(out).problems


def test_what_another_manifest_left_unfinished_is_replaced(bucket, build, out):
    local, _ = build()
    folder = f"mixes/{local.manifest.mix_id}"
    bucket.put(f"{folder}/uploading.json", b'{"manifest_sha256":"0"}')
    bucket.put(f"{folder}/mix.jsonl", bytes(len((local.path / "mix.jsonl").read_bytes())))
    bucket.put(f"{folder}/other.json", b"[]")
    build(out)
    sent = {name.partition("/")[2]: each for name, each in bucket.mixes().items() if "/" in name}
    assert sent == content(local.path)


def test_two_uploads_of_other_files_to_one_place_are_told(bucket, build, out, monkeypatch):
    whole = objects.upload

    def upload(file, path):
        whole(file, path)
        bucket.put(str(path.parent / "uploading.json").removeprefix(f"{bucket.url}/"), b"{}")

    monkeypatch.setattr(objects, "upload", upload)
    with pytest.raises(errors.IntegrityError, match="another build sends other files there"):
        build(out)


def test_who_may_not_delete_can_still_publish(bucket, build, out, monkeypatch):
    failing(monkeypatch, "remove", 1, errors.DataError("no"))
    made, _ = build(out)
    assert not verify(made.path).problems


def test_an_object_that_does_not_arrive_whole_is_told(bucket, build, out, monkeypatch):
    monkeypatch.setattr(type(bucket.system), "put_file", lambda self, _file, path: self.pipe_file(path, b"x"))
    with pytest.raises(errors.DataError, match=r"expected [0-9,]+ bytes to arrive, got 1"):
        build(out)
    assert "mixes/latest.json" not in bucket.names()


def test_a_mix_itself_takes_no_mixes(bucket, build, out):
    made, _ = build(out)
    with pytest.raises(errors.UsageError, match="is a mix itself; name the folder above it"):
        build(str(made.path))


def test_locked_compares_with_the_newest_mix(bucket, build, out):
    build(out)
    build(out, locked=True)
    bucket.put("own/a.json", bucket.get("own/a.json").replace(b"kite", b"boat"))
    with pytest.raises(errors.IntegrityError, match="--locked: raw files of own changed"):
        build(out, locked=True)


# Checking on the far side


def told(mix):
    """Say what is wrong with a mix, whether it can be read or not."""
    try:
        return verify(mix).problems
    except errors.IntegrityError as error:
        return (str(error),)


def test_every_flipped_byte_is_found(bucket, build, out):
    build(out)
    for name in bucket.names("mixes/"):
        before = bucket.get(f"mixes/{name}")
        bucket.flip(f"mixes/{name}", len(before) // 2)
        problems = told(out)
        assert problems
        assert all(problem.startswith(out) for problem in problems)
        bucket.put(f"mixes/{name}", before)
    assert not verify(out).problems


def test_a_flipped_byte_names_its_record(bucket, build, out):
    made, _ = build(out)
    name = f"mixes/{made.manifest.mix_id}/mix.jsonl"
    bucket.put(name, bucket.get(name).replace(b"kite", b"bite", 1))
    problems = verify(made.path).problems
    assert len(problems) == 2
    assert f"{made.path}/mix.jsonl: expected sha256" in problems[0]
    assert "expected digest" in problems[1]


def test_a_missing_object_and_a_cut_one_are_found(bucket, build, out):
    made, _ = build(out)
    folder = f"mixes/{made.manifest.mix_id}"
    bucket.system.rm_file(f"{bucket.url}/{folder}/mix.jsonl")
    assert "mix.jsonl: expected" in verify(out).problems[0]
    bucket.put(f"{folder}/mix.jsonl", b"")
    assert "bytes, got 0" in verify(out).problems[0]
    medium = next(name for name in bucket.names("mixes/") if "/media/" in name)
    bucket.system.rm_file(f"{out}/{medium}")
    assert "/media: expected" in verify(out).problems[-1]


@pytest.mark.parametrize("pointer", [b"", b"[]", b'{"mix_id":"a","manifest_sha256":"b","path":"../x"}'])
def test_a_damaged_pointer_is_told(bucket, build, out, pointer):
    bucket.put("mixes/latest.json", pointer)
    with pytest.raises(errors.IntegrityError, match=rf"^{out}/latest\.json: "):
        verify(out)


def test_what_is_no_mix_is_told(bucket, out):
    with pytest.raises(errors.UsageError, match=f"{out}: is not a mix: it has neither"):
        verify(out)


def test_the_command_verifies_and_prints_urls(bucket, build, out):
    made, _ = build(out)
    done = CliRunner().invoke(cli.main, ["verify", out])
    assert (done.exit_code, done.output) == (
        0,
        f"{out}: {made.manifest.records} records verified, mix {made.manifest.mix_id[:16]}\n",
    )
    bucket.flip(f"mixes/{made.manifest.mix_id}/mix.jsonl")
    done = CliRunner().invoke(cli.main, ["verify", str(made.path), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output)["mix"] == str(made.path)


@given(
    st.binary(max_size=2000),
    st.lists(st.tuples(st.integers(0, 2100), st.integers(0, 900)), max_size=8),
    st.integers(1, 700),
)
def test_a_stream_gives_slices_in_order_and_the_hash_of_all(content, places, block):
    system = fsspec.filesystem("memory")
    system.pipe_file("memory://stream/x", content)
    before, verifying.BLOCK = verifying.BLOCK, block
    try:
        with verifying.Stream(RemotePath("memory://stream/x"), len(content), lambda _done: None) as stream:
            for start, length in sorted(places):
                assert stream[start : start + length] == content[start : start + length]
            assert stream.sha256() == hashlib.sha256(content).hexdigest()
    finally:
        verifying.BLOCK = before


def test_a_stream_gives_nothing_of_what_was_passed(bucket, monkeypatch):
    monkeypatch.setattr(verifying, "BLOCK", 1)
    bucket.put("x", b"0123456789")
    with verifying.Stream(RemotePath(f"{bucket.url}/x"), 10, lambda _done: None) as stream:
        assert stream[4:6] == b"45"
        assert stream[0:2] == b""
        assert stream[2 : verifying.LONGEST + 3] == b""
