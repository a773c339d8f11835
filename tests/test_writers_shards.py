"""Targets that are shards: tars with the media inside, for webdataset and Energon, and the MDS of Streaming.

No trainer's library is needed: the readers here follow the rules of the published ones, each in a few lines.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import re
import shutil
import sqlite3
import struct
import tarfile
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
import yaml
from conftest import recipe, records
from hypothesis import given
from hypothesis import strategies as st

from mixer import build, load_recipe, verify, writers
from mixer.conversation import Conversation, Turn, encode
from mixer.embedded import name as named
from mixer.errors import DataError, MissingFile, RecipeError, UsageError
from mixer.readers.tar_samples import read as read_samples
from mixer.writers import energon, streaming, tars

TARGETS = ("webdataset", "energon", "streaming")
TARS = ("webdataset", "energon")
LONG = "ordner/" + "ä" * 100 + "/" + "n" * 200 + ".JPeG"


def asked(number, *values, **more):
    """Give a record whose human and assistant say these in turn."""
    turns = [Turn(role, value) for role, value in zip(itertools.cycle(("human", "gpt")), values, strict=False)]
    return Conversation(id=f"id {number}", conversations=turns, **more)


MADE = {
    "instruct": [
        asked(0, "<image>\nWhat?", "Two eggs.", image="kitchen/7.jpg"),
        asked(1, "Why <image>?", "A word \u2028 é 🍳."),
        asked(2, "<image><image> Same?", "No.", image=["kitchen/7.jpg", "kitchen/8.v2.PNG"]),
        asked(3, "<video>Who sings?", "A cat.", video="clips/c.mp4"),
        asked(4, "<audio> or <audio>?", "Rain.", audio=["a.wav", "b.flac"]),
        asked(5, "<image>Look.", "Long.", image=LONG),
        asked(6, "<image>Look.", "Nameless.", image="odd/no_suffix"),
        asked(7, "<image> and <audio>?", "Both.", "Sure?", "Yes.", image="kitchen/7.jpg", audio="a.wav"),
        Conversation(id="8", conversations=[Turn("system", "Be brief."), Turn("human", "Hi."), Turn("gpt", "Hi.")]),
    ],
    "preference": [
        asked(
            number, *(["Hello.", "Hi.", "<image>What?"] if number % 2 else ["What?"]),
            image="kitchen/7.jpg" if number % 2 else None, chosen=Turn("gpt", "Good."), rejected=Turn("gpt", "Bad."),
        )
        for number in range(5)
    ],
}  # fmt: skip
PATHS = ("kitchen/7.jpg", "kitchen/8.v2.PNG", "clips/c.mp4", "a.wav", "b.flac", LONG, "odd/no_suffix")
FIELDS = [
    ["image0.jpg"],
    [],
    ["image0.jpg", "image1.png"],
    ["video0.mp4"],
    ["audio0.wav", "audio1.flac"],
    ["image0.jpeg"],
    ["image0.bin"],
    ["image0.jpg", "audio0.wav"],
    [],
]
"""Of MADE's instructions: the members behind the record."""


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """Give a media root; the clip is larger than a block."""
    root = tmp_path_factory.mktemp("media")
    for number, path in enumerate(PATHS):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%d" % number * (3 * tars.BLOCK // 2 if path.endswith("mp4") else 10 * number))
    return root


def write(target, folder, kind="instruct", cuts=None, roots=(), made=None, name="mix", compression=None):
    """Write records as the target; give what was written."""
    made = MADE[kind] if made is None else made
    lines = [memoryview(encode(record)) for record in made]
    batches = [lines[start : start + 2] for start in range(0, len(lines), 2)]
    told = []
    folder.mkdir(exist_ok=True)
    job = writers.Job(name, folder, kind, tuple(cuts or (len(made),)), tuple(roots), compression)
    written = writers.get(target).write(job, batches, told.append)
    assert sum(told) == sum(map(len, lines))
    for file in written:
        content = (folder / file.path).read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (file.bytes, file.sha256)
    files = {path.relative_to(folder).as_posix() for path in (folder / target).rglob("*") if path.is_file()}
    assert files == {file.path for file in written}
    assert sum(file.records for file in written) == len(made)
    return written


def contents(folder):
    """Give every file below a folder with its bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# --- tars ------------------------------------------------------------------------------------------------------------


def grouped(*paths):
    """Read tars as webdataset does: members in a row whose names agree up to the base name's first dot are a sample."""
    samples = []
    for path in paths:
        key = None
        with tarfile.open(path) as tar:
            for member in tar:
                assert member.isreg()
                assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
                assert member.mode == 0o644
                prefix, suffix = re.fullmatch(r"((?:.*/|)[^.]+)[.]([^/]*)", member.name).groups()
                if prefix != key:
                    key = prefix
                    samples.append({"__key__": key})
                assert suffix == suffix.lower()
                assert suffix not in samples[-1]
                samples[-1][suffix] = tar.extractfile(member).read()
    return samples


def tar_files(folder, written):
    return [folder / file.path for file in written if file.path.endswith(".tar")]


@pytest.mark.parametrize("target", TARS)
@pytest.mark.parametrize("cuts", [None, (3, 4, 9)])
def test_a_sample_is_the_record_and_its_media(tmp_path, media, target, cuts):
    """The JSON is the mix's to the byte; the media follow in the order of the record; keys count through all shards."""
    written = write(target, tmp_path, cuts=cuts, roots=(media,))

    files = tar_files(tmp_path, written)
    samples = grouped(*files)
    assert [sample["__key__"] for sample in samples] == [f"{number:09}" for number in range(len(MADE["instruct"]))]
    for record, sample, fields in zip(MADE["instruct"], samples, FIELDS, strict=True):
        assert list(sample) == ["__key__", "json", *fields]
        assert sample["json"] == encode(record)
        paths = itertools.chain.from_iterable(
            [each] if isinstance(each, str) else each or [] for each in (record.image, record.video, record.audio)
        )
        assert [sample[field] for field in fields] == [(media / path).read_bytes() for path in paths]
    names = [file.name for file in files]
    assert names == (["mix.tar"] if cuts is None else [f"mix-0000{number}-of-00003.tar" for number in range(3)])
    assert [file.records for file in written if file.records] == ([9] if cuts is None else [3, 1, 5])


@pytest.mark.parametrize("target", TARGETS)
def test_pairs_are_kept(tmp_path, media, target):
    """What is chosen and rejected is there, and the conversation ends with the question."""
    written = write(target, tmp_path, "preference", roots=(media,))

    wanted = [json.loads(encode(record)) for record in MADE["preference"]]
    if target in TARS:
        assert [json.loads(sample["json"]) for sample in grouped(*tar_files(tmp_path, written))] == wanted
    else:
        for sample, record in zip(read_mds(tmp_path / target), wanted, strict=True):
            assert {name: sample[name] for name in ("id", "conversations", "chosen", "rejected")} == {
                name: record[name] for name in ("id", "conversations", "chosen", "rejected")
            }


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_of_the_files_but_their_content_enters(tmp_path, media, target):
    """Copies made in another order, with other times and modes, in another place, give the same bytes."""
    other = tmp_path / "elsewhere"
    for path in random.Random(3).sample(PATHS, len(PATHS)):
        file = other / path
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(media / path, file)
        file.chmod(0o600)
        os.utime(file, (1_000_000_000, 1_000_000_000))

    first = write(target, tmp_path / "a", cuts=(4, 9), roots=(media,))
    second = write(target, tmp_path / "b", cuts=(4, 9), roots=(other,))

    assert first == second
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_the_first_root_that_holds_a_medium_counts(tmp_path, media):
    """So media that came with the annotations go before the user's; roots that are not there are passed over."""
    own = tmp_path / "own"
    (own / "kitchen").mkdir(parents=True)
    (own / "kitchen" / "7.jpg").write_bytes(b"mine")

    written = write("webdataset", tmp_path / "mix", roots=(tmp_path / "none", own, media))

    samples = grouped(*tar_files(tmp_path / "mix", written))
    assert samples[0]["image0.jpg"] == samples[2]["image0.jpg"] == b"mine"
    assert samples[2]["image1.png"] == (media / "kitchen/8.v2.PNG").read_bytes()


@pytest.mark.parametrize("path", ["../secret.jpg", "a/../../secret.jpg", "SECRET"])
def test_only_media_below_a_root_are_read(tmp_path, media, path):
    """The records of a mix that somebody else made may name any file of this machine."""
    secret = media.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    made = [asked(1, "<image>Where?", "Here.", image=path.replace("SECRET", str(secret)))]

    with pytest.raises(DataError, match=r"is absolute|leaves the media root"):
        write("webdataset", tmp_path / "out", roots=(media,), made=made)


def test_a_missing_medium_is_named(tmp_path, media):
    """With its record, its place and what to do; so it is where there is no root at all, or a folder in its place."""
    made = [*MADE["instruct"][:2], asked("no. 3", "<image>Where?", "Gone.", image="gone/9.jpg")]
    (media / "folder.jpg").mkdir(exist_ok=True)

    with pytest.raises(
        MissingFile, match=r"record 'id no\. 3' \(at 000000002 of the mix\): 'gone/9\.jpg' is no file below none of: "
    ) as told:
        write("webdataset", tmp_path / "a", roots=(media,), made=made)
    with pytest.raises(MissingFile, match="no root of media is given"):
        write("energon", tmp_path / "b", made=made)
    with pytest.raises(MissingFile, match=r"folder\.jpg"):
        write("webdataset", tmp_path / "c", roots=(media,), made=[asked(1, "<image>", "?", image="folder.jpg")])
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        write("webdataset", tmp_path / "d", roots=(media,), made=[asked(1, "<image>", "?", image="n" * 300)])

    assert "--media" in str(told.value)
    assert "mixer check" in str(told.value)


@pytest.mark.parametrize("size", [9, 11])
def test_a_medium_that_changes_while_it_is_read_is_an_error(size):
    """A header that promised another size would shift all that follows."""
    file = io.BytesIO(bytes(10))
    file.name = "a.jpg"

    with pytest.raises(DataError, match=rf"a\.jpg: changed while it was read: expected {size} bytes"):
        list(tars._blocks(file, size))


def test_a_tar_holds_a_member_beyond_8_gib():
    """Its size stands before its header, as PAX has it; places still add up."""

    class File:
        def __init__(self):
            self.blocks = []

        def write(self, block):
            self.blocks.append(block)

    file = File()
    tar = tars._Tar(file)

    place = tar.add("000000000.video0.mp4", 9 << 30, [])
    tar._flush()

    written = b"".join(file.blocks)
    member = tarfile.TarFile(fileobj=io.BytesIO(written + bytes(1024))).next()
    assert (member.name, member.size, member.offset_data) == ("000000000.video0.mp4", 9 << 30, place)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=60))
def test_fields_have_a_plain_type(path):
    """Whatever a path is, the member's name is of letters, digits and two dots, and short."""
    record = tars._Record(id="7", image=[path, path], video=path, audio=path)

    fields = [field for field, _ in tars.fields(record)]

    assert all(re.fullmatch(r"(image0|image1|video0|audio0)[.][a-z0-9]{1,16}", field) for field in fields)
    assert len(set(fields)) == 4


def test_our_own_reader_reads_the_tars(tmp_path, media):
    """Samples come back as they were written, places included."""
    written = write("webdataset", tmp_path, roots=(media,))

    (file,) = tar_files(tmp_path, written)
    batches = read_samples(file, 0, file.stat().st_size, dict, 1 << 20)

    samples = [dict(sample) for batch in batches for sample in batch.items]
    assert samples == grouped(file)


# --- Energon ---------------------------------------------------------------------------------------------------------


def test_energon_finds_what_it_prepares(tmp_path, media):
    """Each sample and member lies where the indexes say; splits, counts and the metadataset name the shards."""
    written = write("energon", tmp_path, cuts=(3, 4, 9), roots=(media,))

    folder = tmp_path / "energon"
    files = tar_files(tmp_path, written)
    names = [file.name for file in files]
    meta = folder / ".nv-meta"
    counts = {"shard_counts": dict(zip(names, [3, 1, 5], strict=True))}
    assert json.loads((meta / ".info.json").read_text()) == yaml.safe_load((meta / ".info.yaml").read_text()) == counts
    assert yaml.safe_load((meta / "split.yaml").read_text()) == {"split_parts": {"train": names}, "exclude": []}
    assert yaml.safe_load((meta / "dataset.yaml").read_text()) == {
        "__module__": "megatron.energon",
        "__class__": "CrudeWebdataset",
    }
    metadataset = yaml.safe_load((folder / "metadataset.yaml").read_text())
    assert (folder / metadataset["splits"]["train"]["path"]).samefile(folder)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid_of(folder))
    with sqlite3.connect(meta / "index.sqlite") as database:
        for number, file in enumerate(files):
            content = file.read_bytes()
            starts = struct.unpack(f"<{counts['shard_counts'][file.name] + 1}Q", Path(f"{file}.idx").read_bytes())
            rows = database.execute(
                "SELECT sample_key, byte_offset, byte_size FROM samples WHERE tar_file_id = ? ORDER BY sample_index",
                (number,),
            ).fetchall()
            assert [start for _, start, _ in rows] == [*starts[:-1]]
            assert content[starts[-1] :].count(0) == len(content) - starts[-1] >= 1024
            for row, (sample, (key, start, size)) in enumerate(zip(grouped(file), rows, strict=True)):
                assert start + size == starts[row + 1]
                assert key == sample.pop("__key__")
                assert [(each["__key__"], each["json"]) for each in cut_out(content[start : start + size])] == [
                    (key, sample["json"])
                ]
                members = database.execute(
                    "SELECT part_name, content_byte_offset, content_byte_size FROM sample_parts "
                    "WHERE tar_file_id = ? AND sample_index = ? ORDER BY content_byte_offset",
                    (number, row),
                )
                assert {part: content[at : at + length] for part, at, length in members} == sample
    database.close()


def uuid_of(folder):
    return (folder / ".nv-meta" / "index.uuid").read_text()


def cut_out(content):
    """Read a piece of a tar as one of its own."""
    return grouped_bytes(content + bytes(1024))


def grouped_bytes(content):
    samples = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar:
            key, field = member.name.split(".", 1)
            samples.setdefault(key, {"__key__": key})[field] = tar.extractfile(member).read()
    return list(samples.values())


def test_another_mix_has_another_uuid(tmp_path):
    """Joins are told by it that the index is of other data."""
    write("energon", tmp_path / "a", made=MADE["instruct"][1:2])
    write("energon", tmp_path / "b", made=MADE["instruct"][8:])

    assert uuid_of(tmp_path / "a" / "energon") != uuid_of(tmp_path / "b" / "energon")


def test_the_index_of_many_samples_is_the_same_each_time(tmp_path, monkeypatch):
    """Rows are written as they gather; the release of SQLite does not stand in the file."""
    made = [asked(number, f"What is {number}?", "A number.") for number in range(3000)]
    first = write("energon", tmp_path / "a", made=made, cuts=(1000, 3000))
    second = write("energon", tmp_path / "b", made=made, cuts=(1000, 3000))
    monkeypatch.setattr(energon, "ROWS", 7)
    write("energon", tmp_path / "c", made=made, cuts=(1000, 3000))

    assert first == second
    path = Path("energon/.nv-meta/index.sqlite")
    assert (tmp_path / "a" / path).read_bytes()[96:100] == energon._VERSION
    rows = [list(sqlite3.connect(tmp_path / each / path).execute("SELECT * FROM samples")) for each in "ac"]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 3000


# --- Streaming -------------------------------------------------------------------------------------------------------


def read_mds(folder):
    """Read MDS as its published reader does, and check all that the index says."""
    index = json.loads((folder / "index.json").read_bytes())
    assert index["version"] == 2
    samples = []
    for number, shard in enumerate(index["shards"]):
        assert shard["raw_data"]["basename"] == f"shard.{number:05}.mds"
        content = unpacked(folder, shard)
        assert len(content) == shard["raw_data"]["bytes"]
        assert sha256(content).hexdigest() == shard["raw_data"]["hashes"]["sha256"]
        (count,) = struct.unpack_from("<I", content)
        assert count == shard["samples"]
        places = struct.unpack_from(f"<{count + 1}I", content, 4)
        assert places[-1] == len(content)
        said = json.loads(content[4 * (count + 2) : places[0]])
        assert said == {name: value for name, value in shard.items() if name not in ("samples", "raw_data", "zip_data")}
        samples += [decoded(content[start:end], shard) for start, end in itertools.pairwise(places)]
    return samples


def unpacked(folder, shard):
    if not shard["zip_data"]:
        return (folder / shard["raw_data"]["basename"]).read_bytes()
    import zstandard

    content = (folder / shard["zip_data"]["basename"]).read_bytes()
    assert len(content) == shard["zip_data"]["bytes"]
    assert sha256(content).hexdigest() == shard["zip_data"]["hashes"]["sha256"]
    assert zstandard.frame_content_size(content) == shard["raw_data"]["bytes"]  # the published reader asks for it
    return zstandard.decompress(content)


def decoded(content, shard):
    names = shard["column_names"]
    assert names == sorted(names)
    assert shard["column_sizes"] == [None] * len(names)
    sizes = struct.unpack_from(f"<{len(names)}I", content)
    at, sample = 4 * len(names), {}
    for name, encoding, size in zip(names, shard["column_encodings"], sizes, strict=True):
        text = content[at : at + size].decode()
        sample[name] = text if encoding == "str" else json.loads(text)
        at += size
    assert at == len(content)
    return sample


def plain(record):
    """Give a record of the mix as MDS has it."""
    said = json.loads(encode(record))
    given = {f"{name}s": said.pop(name, []) for name in ("image", "video", "audio")}
    return {**said, **{name: [paths] if isinstance(paths, str) else paths for name, paths in given.items()}}


@pytest.mark.parametrize("zstd", [False, True])
@pytest.mark.parametrize("cuts", [None, (3, 4, 9)])
def test_mds_holds_the_records(tmp_path, zstd, cuts):
    """All of them, in order; media are lists of paths; nobody looks for the files."""
    written = write("streaming", tmp_path, cuts=cuts, compression="zstd" if zstd else None)

    assert read_mds(tmp_path / "streaming") == [plain(record) for record in MADE["instruct"]]
    assert [file.records for file in written] == ([9, 0] if cuts is None else [3, 1, 5, 0])


def test_mds_shards_are_small_where_nothing_is_said(tmp_path, monkeypatch):
    """They hold as much as the format's own writer puts in one; a larger record has one of its own."""
    monkeypatch.setattr(streaming, "USUAL", 2000)
    made = [asked(number, "What?", "x" * (3000 if number == 4 else 300)) for number in range(9)]

    written = write("streaming", tmp_path / "a", made=made)
    asked_for = write("streaming", tmp_path / "b", made=made, cuts=(5, 9))

    sizes = [file.bytes for file in written[:-1]]
    assert [file.records for file in written] == [4, 1, 4, 0]
    assert max(sizes[0], sizes[2]) <= 2000 < sizes[1]
    assert [file.records for file in asked_for] == [5, 4, 0]
    assert read_mds(tmp_path / "a" / "streaming") == read_mds(tmp_path / "b" / "streaming") == list(map(plain, made))


def test_mds_shards_never_outgrow_their_places(tmp_path, monkeypatch):
    """What a recipe asks for is cut further where 32 bits could not tell it."""
    monkeypatch.setattr(streaming, "MOST", 1200)
    made = [asked(number, "What?", "x" * 300) for number in range(6)]

    written = write("streaming", tmp_path, made=made, cuts=(5, 6))

    assert [file.records for file in written] == [2, 2, 1, 1, 0]
    assert read_mds(tmp_path / "streaming") == list(map(plain, made))


def test_zstd_is_an_extra(tmp_path, monkeypatch):
    """Without it there is one line that says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)

    with pytest.raises(UsageError, match=r"pip install 'instruction-mixer\[zstd\]'"):
        write("streaming", tmp_path, compression="zstd")


texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)


@given(st.lists(st.tuples(texts, texts, st.lists(texts, max_size=3)), min_size=1, max_size=12), st.integers(300, 3000))
def test_mds_round_trip(tmp_path_factory, given, most):
    """Whatever texts and however small the shards."""
    made = [asked(one, one, two, image=paths or None) for one, two, paths in given]
    folder = tmp_path_factory.mktemp("mds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "USUAL", most)
        write("streaming", folder, made=made)

    assert read_mds(folder / "streaming") == list(map(plain, made))
    shutil.rmtree(folder)


# --- of a build ------------------------------------------------------------------------------------------------------


def test_everything_can_be_written():
    """These targets keep records as they are, so none has a reason against it."""
    frame = pl.DataFrame({"images": [2, 0], "videos": [1, 0], "audios": [1, 0], "turns": [3, 2]})

    for target, kind in itertools.product(TARGETS, ("instruct", "preference")):
        assert frame.select(writers.get(target).inexpressible(kind).alias("why"))["why"].to_list() == [None]


@pytest.mark.parametrize("kind", ["instruct", "preference"])
@pytest.mark.parametrize("target", TARGETS)
def test_handoff_is_code(target, kind):
    """What is to be pasted is Python, names the files, and tells of both answers where there are two."""
    told = writers.get(target).handoff("mix", kind)

    compile(told.replace(", ...)", ")"), target, "exec")
    assert f"MIX/{target}" in told
    assert ("rejected" in told) == (kind == "preference")


@pytest.fixture
def own(tmp_path):
    """Give a recipe of one's own tars, which hold their images, and of records whose image lies in a media root."""
    png = b"\x89PNG\r\n\x1a\n"
    with tarfile.open(tmp_path / "own.tar", "w") as tar:
        for number in range(6):
            for name, content in (("png", png + b"%d" % (number // 2)), ("txt", b"Pet %d." % number)):
                member = tarfile.TarInfo(f"{number}.{name}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    lines = [
        {"id": "k1", "image": "kitchen/7.jpg", "conversations": turns("<image>\nWhat?", "Two eggs.")},
        {"id": "k2", "conversations": turns("Why?", "So.")},
    ]
    (tmp_path / "own.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    sources = {
        "tars": {"use": "own_webdataset", "path": "own.tar"},
        "lines": {"use": "llava_jsonl", "path": "own.jsonl"},
    }

    def write(*output):
        return recipe(tmp_path, sources=sources, output=list(output))

    return write


def turns(*values):
    return [{"from": role, "value": value} for role, value in zip(("human", "gpt"), values, strict=True)]


@pytest.mark.parametrize("target", TARGETS)
def test_a_mix_is_whole_with_media_of_both_roots(tmp_path, cache, media, own, target):
    """Media that came inside of annotations and the user's are both in the tars; the mix verifies; a rebuild is equal."""
    path = own({"for": "jsonl"}, {"for": target, "shards": 3})
    mix = build(path, tmp_path / "a", cache=cache, media=media)
    again = build(path, tmp_path / "b", cache=cache, media=media, memory=1)

    assert mix.manifest == again.manifest
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert not verify(mix.path).problems
    wanted = records(mix.path / "mix.jsonl")
    if target == "streaming":
        assert [sample["id"] for sample in read_mds(mix.path / target)] == [record["id"] for record in wanted]
        return
    samples = grouped(*sorted((mix.path / target).glob("*.tar")))
    assert [json.loads(sample["json"]) for sample in samples] == wanted
    images = {record["image"]: sample for sample, record in zip(samples, wanted, strict=True) if "image" in record}
    assert images.pop("kitchen/7.jpg")["image0.jpg"] == (media / "kitchen/7.jpg").read_bytes()
    assert [named("own", sample["image0.png"]) for sample in images.values()] == list(images)
    assert len(images) == 3


def test_a_build_without_its_media_leaves_nothing(tmp_path, cache, own):
    """The error names the record; the old mix, here none, is what it was."""
    with pytest.raises(MissingFile, match="record 'k1'"):
        build(own({"for": "webdataset"}), tmp_path / "mix", cache=cache, media=tmp_path)

    assert not (tmp_path / "mix").exists()


def test_a_mix_can_be_converted_from_its_tars(tmp_path, cache, own, media):
    """Records of one image and of none come out as they went in, but for the place of the image."""
    mix = build(own({"for": "webdataset"}), tmp_path / "mix", cache=cache, media=media)
    back = recipe(
        tmp_path, "back", sources={"tars": {"use": "own_webdataset", "path": "mix/webdataset/mix.tar"}},
        output={"for": "jsonl"}, order="blocks",
    )  # fmt: skip

    again = build(back, tmp_path / "back", cache=cache)

    wanted = {record["id"]: record for record in records(mix.path / "mix.jsonl")}
    got = {record["id"]: record for record in records(again.path / "back.jsonl")}
    assert {id: record["conversations"] for id, record in got.items()} == {
        id: record["conversations"] for id, record in wanted.items()
    }


def test_a_recipe_asks_for_packed_shards(tmp_path, cache):
    """For the one target that has them; for others it is a mistake."""
    asked = {"for": "streaming", "compression": "zstd"}
    path = recipe(tmp_path, "mix", sources={"llava_v1_5_mix665k": {}}, output=asked)

    mix = build(path, tmp_path / "mix", data="miniatures", cache=cache)

    assert next(file.path for file in mix.manifest.outputs if file.target == "streaming").endswith(".mds.zstd")
    assert mix.manifest.recipe["output"] == [{"for": "streaming", "inexpressible": "error", "compression": "zstd"}]
    (tmp_path / "wrong.yaml").write_text(
        "mixer: 1\nname: wrong\nsources: {gqa: {}}\noutput: {for: jsonl, compression: zstd}\n"
    )
    with pytest.raises(RecipeError, match=r"wrong\.yaml:4:22: only streaming can be packed"):
        load_recipe(tmp_path / "wrong.yaml")
