"""The audit of media: what is found in a file, in a leaf and in records; repairs; lists to exclude."""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import imagesize
import polars as pl
import pytest
from click.testing import CliRunner
from conftest import recipe
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mixer import build, collection
from mixer.auditing import containers, exclude, files, known, looking, repairing, repairs
from mixer.auditing.audit import audit
from mixer.auditing.containers import TAIL
from mixer.auditing.findings import FINDINGS
from mixer.auditing.formats import FORMATS
from mixer.auditing.looking import find_decoded, find_header
from mixer.commands.media import repair as repair_command
from mixer.errors import DataError, MissingFile, UsageError
from mixer.processes import Workers
from mixer.progress import silent


def picture(format_, size=(24, 16), mode="RGB", **settings):
    """Give the bytes of an invented picture."""
    colours = bytes((7 * at * at + at // 5) % 256 for at in range(size[0] * size[1] * 3))
    out = io.BytesIO()
    Image.frombytes("RGB", size, colours).convert(mode).save(out, format_, **settings)
    return out.getvalue()


def box(name, content=b""):
    """Give a box of MPEG-4."""
    return struct.pack(">I", 8 + len(content)) + name + content


def sound():
    """Give a short WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(400))
    return out.getvalue()


MP4 = box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", bytes(40)) + box(b"mdat", bytes(100))
FLAC = b"fLaC" + b"\x80\0\0\x22" + bytes(34) + bytes(200)
OGG = b"OggS\0\x02" + bytes(20) + b"\x02\x10\x20" + bytes(48)
MP3 = b"ID3\x04\0\0\0\0\0\x10" + bytes(16) + b"\xff\xfb\x90\0" + bytes(100)
WEBM = b"\x1aE\xdf\xa3" + bytes(60)
GOOD = {
    "a.jpg": picture("JPEG"), "p.jpeg": picture("JPEG", progressive=True), "a.png": picture("PNG"), "a.gif": picture("GIF"),
    "a.webp": picture("WEBP"), "a.bmp": picture("BMP"), "a.tiff": picture("TIFF"), "a.wav": sound(), "a.mp4": MP4, "a.mov": MP4,
    "a.flac": FLAC, "a.ogg": OGG, "a.mp3": MP3, "a.webm": WEBM, "UPPER.JPG": picture("JPEG"), "noending": picture("PNG"),
}  # fmt: skip
JPEG = GOOD["a.jpg"]


def page(length, size):
    """Give a JPEG's segment of some length, such as a thumbnail lies in."""
    return JPEG[:2] + b"\xff\xe1" + struct.pack(">H", length + 2) + size.ljust(length, b"\0") + JPEG[2:]


@pytest.mark.parametrize("name", GOOD)
def test_whole_files_have_no_finding(tmp_path, name):
    """What is what its name says, or says nothing by its name, passes; so does what has bytes behind its end."""
    file = tmp_path / name
    file.write_bytes(GOOD[name])

    assert find_header(file)[4:] == (None, None)
    assert find_decoded(file) == (None, None)
    file.write_bytes(GOOD[name] + b"\0" * 100)
    assert find_header(file)[4] is None or name.endswith("gif")


@pytest.mark.parametrize(
    ("name", "content", "finding", "detail"),
    [
        ("gif.jpg", GOOD["a.gif"], "mislabelled", "is GIF, named as JPEG"),
        ("png.jpg", GOOD["a.png"], "mislabelled", "is PNG, named as JPEG"),
        ("webp.jpg", GOOD["a.webp"], "mislabelled", "is WebP, named as JPEG"),
        ("jpg.PNG", JPEG, "mislabelled", "is JPEG, named as PNG"),
        ("wav.mp3", GOOD["a.wav"], "mislabelled", "is WAV, named as MP3"),
        ("film.jpg", MP4, "mislabelled", "is MPEG-4, named as JPEG"),
        ("none.jpg", b"", "empty", None),
        ("error.jpg", b"\xef\xbb\xbf\n <!DOCTYPE HTML><html>Not Found", "page", "is an HTML page"),
        ("error.png", b'<?xml version="1.0"?><Error><Code>AccessDenied', "page", "is an XML text"),
        ("drawing.png", b'<?xml version="1.0"?>\n<svg xmlns="http://', "page", "is an SVG drawing"),
        ("error.mp4", b'{"error": {"code": 404}}', "page", "is a JSON text"),
        ("error.jpeg", b"BMW is not here: rate limit exceeded", "page", "is a plain text"),
        ("lfs.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "pointer", None),
        ("zeros.jpg", bytes(2000), "unknown", None),
        ("half.jpg", JPEG[:-50], "cut", "has no end mark"),
        ("head.jpg", JPEG[:30], "cut", "ends within its header"),
        ("half.png", GOOD["a.png"][:-20], "cut", "has no end mark"),
        ("half.gif", GOOD["a.gif"][:-30], "cut", "ends within a picture"),
        ("half.webp", GOOD["a.webp"][:-4], "cut", None),
        ("half.bmp", GOOD["a.bmp"][:-4], "cut", None),
        ("half.wav", GOOD["a.wav"][:-4], "cut", "its header says 444 bytes, it has 440"),
        ("half.mp4", MP4[:-4], "cut", None),
        ("nomoov.mp4", box(b"ftyp", b"isom\0\0\0\0") + box(b"mdat", bytes(9)), "cut", "has no `moov` box"),
        ("half.flac", FLAC[:30], "cut", "ends before its sound"),
        ("half.ogg", OGG[:-4], "cut", None),
        ("half.mp3", MP3[:20], "cut", "ends before its sound"),
        ("gif.half.jpg", GOOD["a.gif"][:-30], "cut", "ends within a picture"),
        ("dot.png", picture("PNG", (1, 1)), "blank", None),
        ("huge.png", GOOD["a.png"][:16] + struct.pack(">II", 40_000, 30_000) + GOOD["a.png"][24:], "huge", "40,000 x 30,000 pixels"),
        ("size.png", GOOD["a.png"][:16] + bytes(8) + GOOD["a.png"][24:], "damaged", "its header tells no size"),
        ("none.xyz", b"whatever this is", None, None),
        ("latin.jpg", "é à ü nicht gefunden, leider".encode("latin-1"), "unknown", None),
        ("tags.tif", b"II*\0\xff\xff\xff\xff" + bytes(20), "damaged", None),
        ("size.avif", box(b"ftyp", b"avif\0\0\0\0") + box(b"meta", bytes(4)), "damaged", None),
        ("half.avif", box(b"ftyp", b"avif\0\0\0\0") + box(b"meta", bytes(40))[:20], "cut", None),
        ("half.heic", box(b"ftyp", b"heic\0\0\0\0"), "cut", "has no `meta` box"),
        ("one.aac", b"\xff\xf1\x50\x80" + bytes(30), None, None),
        ("page.ogg", OGG[:27], "cut", "ends within a page"),
        ("nopage.ogg", b"OggS" + bytes(300_000), None, None),
        ("packed.bmp", GOOD["a.bmp"][:30] + b"\1" + GOOD["a.bmp"][31:-9], None, None),
        ("bare.mp3", MP3[26:], None, None),
    ],
)  # fmt: skip
def test_a_bad_file_is_found_by_its_header(tmp_path, name, content, finding, detail):
    """Each finding in plain words, without Pillow."""
    file = tmp_path / name
    file.write_bytes(content)

    size, *_, problem, said = find_header(file)

    assert (size, problem) == (len(content), finding)
    assert finding is None or finding in FINDINGS
    if detail:
        assert said == detail


def test_things_that_are_no_files(tmp_path):
    """A missing file, a link to nothing, a pipe, which is never opened, folders."""
    (tmp_path / "link.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "1.jpg").write_bytes(JPEG)

    assert [find_header(tmp_path / name)[4] for name in ("gone.jpg", "link.jpg", "frames/1.jpg/2.jpg")] == [
        "missing"
    ] * 3
    assert find_header(tmp_path / "pipe.jpg")[4] == "unreadable"
    assert find_header(tmp_path / "empty")[1:5:3] == ("folder", "empty")
    assert find_header(tmp_path / "frames")[1:5:3] == ("folder", None)


def test_a_header_that_no_reader_bears_is_damaged(tmp_path, monkeypatch):
    """Whatever the reader of sizes raises."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    monkeypatch.setattr(imagesize, "get", lambda *_, **__: struct.unpack("<I", b""))

    assert find_header(tmp_path / "a.jpg")[4] == "damaged"


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    """The system's word is the detail."""
    file = tmp_path / "a.jpg"
    file.write_bytes(JPEG)

    def refuse(self, *_):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)

    assert find_header(file)[4:] == ("unreadable", "Permission denied")


def test_the_end_mark_of_a_thumbnail_is_not_the_pictures(tmp_path):
    """A mark in the header counts for nothing, one far before the end of the file does."""
    (tmp_path / "thumb.jpg").write_bytes(page(300, b"\xff\xd8..\xff\xd9")[:-2])
    (tmp_path / "motion.jpg").write_bytes(JPEG + bytes(3 * TAIL))
    (tmp_path / "cut.jpg").write_bytes(page(300, b"\xff\xd9")[:-2] + bytes(3 * TAIL))

    assert [find_header(tmp_path / f"{name}.jpg")[4] for name in ("thumb", "motion", "cut")] == ["cut", None, "cut"]


def test_more_of_containers(tmp_path):
    """Lengths of 64 bits, boxes to the end, streamed lengths, fill bytes, extensions of GIFs."""
    wide = box(b"ftyp", b"isom\0\0\0\0") + box(b"moov") + struct.pack(">I4sQ", 1, b"mdat", 26) + bytes(10)
    open_ = box(b"ftyp", b"isom\0\0\0\0") + box(b"moov") + struct.pack(">I", 0) + b"mdat" + bytes(50)
    streamed = GOOD["a.wav"][:4] + b"\xff" * 4 + GOOD["a.wav"][8:]
    loop = io.BytesIO()
    frames = [Image.new("P", (9, 9), colour) for colour in (1, 2, 3)]
    frames[0].save(loop, "GIF", save_all=True, append_images=frames[1:], loop=0)
    cases = {
        "wide.mp4": wide, "open.mp4": open_, "streamed.wav": streamed, "filled.jpg": JPEG[:2] + b"\xff\xff" + JPEG[2:],
        "lost.jpg": JPEG[:20] + b"\0" + JPEG[20:], "loop.gif": loop.getvalue() + b"\0", "two.flac": b"fLaC" + b"\0\0\0\x22" + bytes(34) + FLAC[4:],
    }  # fmt: skip
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        assert find_header(tmp_path / name)[4:] == (None, None), name
    (tmp_path / "wide.mp4").write_bytes(wide[:-1])
    assert find_header(tmp_path / "wide.mp4")[4] == "cut"


def test_files_of_endless_parts_are_not_gone_through(monkeypatch):
    """Time is bounded whatever a file holds; what has so many parts is not judged."""
    monkeypatch.setattr(containers, "MOST", 3)
    cases = {
        "jpg": JPEG[:2] + b"\xff\xe1\0\2" * 5 + JPEG[2:], "flac": b"fLaC" + b"\1\0\0\0" * 5 + FLAC[4:],
        "gif": GOOD["a.gif"][:-1] + b"!\xfe\0" * 5, "mp4": box(b"ftyp", b"isom\0\0\0\0") + box(b"free") * 5,
    }  # fmt: skip
    for format_, content in cases.items():
        assert containers.cut(io.BytesIO(content), len(content), format_) is None, format_
    monkeypatch.undo()
    assert containers.cut(io.BytesIO(cases["mp4"]), len(cases["mp4"]), "mp4") == "has no `mdat` box"


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_nothing_breaks_the_look(tmp_path_factory, name, data):
    """Whatever bytes are lost or changed, a file gives findings of the vocabulary and no error."""
    content = bytearray(GOOD[name])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("bad") / name
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    assert find_header(file)[4] in {None, *FINDINGS}
    assert find_decoded(file)[0] in {None, "undecodable", "huge"}


@given(st.sampled_from(["a.jpg", "p.jpeg", "a.png", "a.webp", "a.wav", "a.mp4"]), st.floats(0, 1, exclude_max=True))
def test_a_file_that_lost_its_end_is_found(tmp_path_factory, name, share):
    """Wherever it was cut, the header check finds it."""
    file = tmp_path_factory.mktemp("cut") / name
    file.write_bytes(GOOD[name][: int(share * len(GOOD[name]))])

    assert find_header(file)[4] is not None


def test_decoding_finds_what_headers_cannot(tmp_path, monkeypatch):
    """A broken scan, a checksum, a bomb; formats that Pillow would run programs for are never tried."""
    broken = bytearray(GOOD["a.png"])
    broken[60] ^= 255
    (tmp_path / "sum.png").write_bytes(broken)
    (tmp_path / "cut.jpg").write_bytes(JPEG[:-50])
    (tmp_path / "page.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "a.jpg").write_bytes(JPEG)

    assert find_header(tmp_path / "sum.png")[4] is None
    assert find_decoded(tmp_path / "sum.png")[0] == "undecodable"
    assert find_decoded(tmp_path / "cut.jpg")[1].startswith("does not decode: ")
    assert find_decoded(tmp_path / "page.jpg") == (None, None)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert find_decoded(tmp_path / "a.jpg")[0] == "huge"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)  # only worth a warning
    assert find_decoded(tmp_path / "a.jpg")[0] is None


@dataclass
class Leaf:
    """A leaf of invented records."""

    rows: list
    media: tuple = ()
    name: str = "leaf"
    source: str = "invented"

    def __len__(self):
        return len(self.rows)

    def lines(self):
        """Give the records' JSON."""
        return iter([row if isinstance(row, bytes) else json.dumps(row).encode() for row in self.rows])

    def frames(self, columns):
        """Give the index in two pieces."""
        every = {"id": [], "media": [], "images": [], "videos": []}
        for row in self.rows:
            lists = [row.get(key) or [] for key in ("image", "video", "audio")]
            lists = [each if isinstance(each, list) else [each] for each in lists]
            every["id"].append(row["id"])
            every["media"].append([path for each in lists for path in each])
            every["images"].append(len(lists[0]))
            every["videos"].append(len(lists[1]))
        types = {"id": pl.String, "media": pl.List(pl.String), "images": pl.UInt32, "videos": pl.UInt32}
        frame = pl.DataFrame(every, schema=types).select(columns)
        yield frame[: len(self.rows) // 2]
        yield frame[len(self.rows) // 2 :]


def record(id, question="<image>\nWhat?", answer="A kite.", **media):
    """Give a record."""
    turns = [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"id": id, **media, "conversations": turns}


def audited(store, *leaves, decode=False, workers=1, progress=silent):
    """Audit leaves."""
    of = collection.Collection("invented", "mix", leaves)
    with Workers(workers) as pool:
        return audit(of, decode=decode, store=store, workers=pool, progress=progress)


@pytest.fixture
def media(tmp_path):
    """Give a media root with good and bad files."""
    root = tmp_path / "media"
    broken = bytearray(GOOD["a.png"])
    broken[60] ^= 255
    contents = {
        **GOOD, "ocr_vqa/images/1.jpg": GOOD["a.gif"], "ocr_vqa/images/2.gif": GOOD["a.gif"], "x.JPG": JPEG, "bad.png": broken,
        "empty.jpg": b"", "cut.jpg": JPEG[:-50], "frames/1/0001.jpg": JPEG, "nothing": b"\0nothing",
    }  # fmt: skip
    for path, content in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


PATHS = [
    "a.jpg", "ocr_vqa/images/1.jpg", "ocr_vqa/images/2.jpg", "x.jpg", "empty.jpg", "cut.jpg", "gone/7.jpg", "gone/8.jpg",
    "a.mp4", "frames/1", "bad.png", "nothing",
]  # fmt: skip
FOUND = {
    "ocr_vqa/images/1.jpg": ("mislabelled", "reencode", None),
    "ocr_vqa/images/2.jpg": ("missing", "reencode", "ocr_vqa/images/2.gif"),
    "x.jpg": ("missing", "rename", "x.JPG"),
    "empty.jpg": ("empty", "drop", None),
    "cut.jpg": ("cut", "drop", None),
    "gone/7.jpg": ("missing", "drop", None),
    "gone/8.jpg": ("missing", "drop", None),
    "a.mp4": ("misplaced", "drop", None),
    "frames/1": ("folder", "drop", None),
    "nothing": ("unknown", "drop", None),
}
"""Of PATHS as images, without decoding."""


def test_an_audit_finds_all_of_a_leaf(tmp_path, media):
    """Each file once, whatever many records name it; records by whether they name a bad one."""
    rows = [record(str(at), image=path) for at, path in enumerate(PATHS)]
    rows += [record("two", "<image><image>", image=["a.jpg", "gone/7.jpg"]), record("text", "Hm?")]
    rows += [record("twice", "<image><image>", image=["gone/7.jpg", "gone/7.jpg"]), record("good", image="a.jpg")]

    found = audited(tmp_path / "store", Leaf(rows, (media,)))

    (leaf,) = found.leaves
    assert (leaf.records, leaf.files, leaf.present, leaf.affected, leaf.faulty) == (16, 12, 8, 12, 0)
    assert leaf.found == {
        "missing": 4, "empty": 1, "folder": 1, "unknown": 1, "misplaced": 1, "cut": 1, "mislabelled": 1,
    }  # fmt: skip
    assert leaf.bytes == found.bytes == sum((media / path).stat().st_size for path in PATHS if (media / path).is_file())
    assert {each.media: (each.finding, each.repair, each.from_) for each in found.repairs()} == FOUND
    assert {each.media: each.records for each in found.repairs()}["gone/7.jpg"] == 3
    assert {each.repair for each in found.repairs(only_drop=True)} == {"drop"}
    assert len(found.problems) == 7


def test_roles_decide(tmp_path, media):
    """A folder of frames is a video, a film is no image, an image no sound; one file may be both good and bad."""
    rows = [
        record("1", "<video>", video="frames/1"), record("2", "<video>", video="a.mp4"), record("3", "<audio>", audio="a.wav"),
        record("4", "<audio>", audio="a.jpg"), record("5", image="a.jpg"), record("6", "<audio>", audio="nothing"),
    ]  # fmt: skip
    found = audited(tmp_path / "store", Leaf(rows, (media,)))

    assert found.bad.select("media", "role", "finding", "detail").rows() == [
        ("a.jpg", "audio", "misplaced", "is JPEG, its records say audio")
    ]
    assert (found.leaves[0].affected, found.leaves[0].files) == (1, 5)


def test_decoding_has_the_last_word(tmp_path, media):
    """It finds what headers cannot; wrong names stay a finding, and others are counted as not decoded."""
    rows = [record(str(at), image=path) for at, path in enumerate(PATHS)]
    rows += [record("film", "<video>", video="a.mov")]

    found = audited(tmp_path / "store", Leaf(rows, (media,)), decode=True)

    assert {each.media: each.finding for each in found.repairs()} == {
        **{path: finding for path, (finding, _, _) in FOUND.items()}, "cut.jpg": "undecodable", "bad.png": "undecodable",
    }  # fmt: skip
    assert found.undecoded == 4
    assert "only the containers" in found.text()


def test_an_end_mark_alone_may_be_missing(tmp_path, monkeypatch):
    """Where the decoder is content, so are we."""
    (tmp_path / "a.jpg").write_bytes(JPEG[:-2])
    monkeypatch.setattr(
        files, "DECODED", looking.Kind("decoded-1", looking.DECODED.columns, lambda _path: (None, None))
    )

    assert audited(tmp_path / "s", Leaf([record("1", image="a.jpg")], (tmp_path,))).leaves[0].found == {"cut": 1}
    assert not audited(tmp_path / "s", Leaf([record("1", image="a.jpg")], (tmp_path,)), decode=True).problems


def test_records_are_checked_like_conversions(tmp_path):
    """Placeholders against files, and whatever else makes a record invalid, by reason and with examples."""
    (tmp_path / "a.jpg").write_bytes(JPEG)
    rows = [record(str(at), "<image><image>", image="a.jpg") for at in range(5)]
    rows += [record("bad", "What?", "", image="a.jpg"), record("good", image="a.jpg"), record("text", "A <image>?")]

    leaf = audited(tmp_path / "store", Leaf(rows, (tmp_path,))).leaves[0]

    assert leaf.faulty == 6
    assert [(each.reason, each.records, each.examples) for each in leaf.faults] == [
        ("number of <image> placeholders is not the number of files", 6, ("0", "1", "2")),
        ("empty text", 1, ("bad",)),
    ]


def test_a_line_that_is_no_conversation_is_a_fault(tmp_path):
    """Not an error of ours."""

    class Broken(Leaf):
        def lines(self):
            return iter([b'{"id": 7}', json.dumps(record("1", "Hm?")).encode(), b"\xff{"])

    found = audited(tmp_path / "store", Broken([record("1", "Hm?")]))

    assert [(each.reason, each.records, each.examples) for each in found.leaves[0].faults] == [
        ("is no conversation", 2, ("record 1", "record 3"))
    ]
    assert "record 1, record 3" in found.text()


def test_leaves_look_where_their_own_media_are(tmp_path, media):
    """A path may lie in a leaf's own folder and for another in the shared root; a shared file counts once."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "gone.jpg").write_bytes(JPEG)
    named = [record("1", image="gone.jpg"), record("2", image="a.jpg")]

    found = audited(
        tmp_path / "store",
        Leaf(named, (media,), "first"), Leaf(named, (own, media), "second"), Leaf(named, (media,), "third"),
    )  # fmt: skip

    assert [leaf.found for leaf in found.leaves] == [{"missing": 1}, {}, {"missing": 1}]
    assert [leaf.name for leaf in found.leaves] == ["first", "second", "third"]
    assert "none of its files is there" not in found.text()
    assert "none of its files is there" in audited(tmp_path / "s", Leaf(named[:1], (media,))).text()
    assert found.files == 4
    (entry,) = found.repairs()
    assert (entry.leaves, entry.records) == (("first", "third"), 2)


def test_without_a_root_there_is_nothing_to_look_at(tmp_path):
    """Media without a root are a mistake of the command line, texts need none."""
    with pytest.raises(UsageError, match="names 1 media; name their root with --media"):
        audited(tmp_path / "store", Leaf([record("1", image="a.jpg")]))
    found = audited(tmp_path / "store", Leaf([record("1", "Hm?")]))
    assert (found.problems, found.files) == ((), 0)
    assert not audited(tmp_path / "store").problems


def test_what_was_found_is_remembered(tmp_path, media, monkeypatch):
    """A second audit looks at nothing old; a changed file is looked at again; the bar counts all files in both."""
    past = 1_600_000_000
    for path in media.rglob("*"):
        os.utime(path, (past, past))
    looked = []

    def find(path):
        looked.append(path.name)
        return find_header(path)

    monkeypatch.setattr(files, "HEADER", looking.Kind("header-test", looking.HEADER.columns, find))
    monkeypatch.setattr(files, "AT_ONCE", 3)
    leaf = Leaf([record(str(at), image=path) for at, path in enumerate(PATHS)], (media,))
    bars = []

    class Bar:
        def __init__(self, label, total, unit="B"):
            bars.append([label, total, 0])

        def __enter__(self):
            return lambda done: bars[-1].__setitem__(2, bars[-1][2] + done)

        def __exit__(self, *_):
            return None

    first = audited(tmp_path / "store", leaf, progress=Bar)
    before, looked[:] = list(looked), []
    second = audited(tmp_path / "store", leaf, progress=Bar)
    missing = ["2.jpg", "7.jpg", "8.jpg", "x.jpg"]

    assert len(before) == len(PATHS) + 2  # and the two siblings
    assert sorted(set(looked)) == missing
    assert first.values() == second.values()
    assert [bar for bar in bars if bar[0] == "headers"] == [["headers", 12, 12]] * 2
    (media / "a.jpg").write_bytes(GOOD["a.gif"])
    assert audited(tmp_path / "store", leaf).leaves[0].found["mislabelled"] == 2


def test_workers_change_nothing(tmp_path, media):
    """One process or two, the same audit."""
    many = [record(str(at), image=path) for at, path in enumerate(PATHS)]
    many += [record(f"more{at}", image=f"more/{at}.jpg") for at in range(100)]

    one, two = (audited(tmp_path / str(n), Leaf(many, (media,)), decode=True, workers=n) for n in (1, 2))

    assert one.values() == two.values()
    assert list(one.repairs()) == list(two.repairs())


def test_headers_need_no_pillow(tmp_path, media, monkeypatch):
    """Only decoding does, and says what to install."""
    for name in [name for name in sys.modules if name.split(".")[0] == "PIL"]:
        monkeypatch.setitem(sys.modules, name, None)
    leaf = Leaf([record(str(at), image=path) for at, path in enumerate(PATHS)], (media,))

    assert audited(tmp_path / "store", leaf).problems
    with pytest.raises(UsageError, match=r"instruction-mixer\[dedup\]"):
        audited(tmp_path / "store", leaf, decode=True)


def test_the_text_tells_findings_examples_and_what_is_known(tmp_path, media):
    """A table, then each finding with some of its files, the folders they lie in, and the known cause."""
    rows = [record(str(at), image=path) for at, path in enumerate(PATHS)]
    rows.append(record("odd", image="gone/new\nline.jpg"))

    found = audited(tmp_path / "store", Leaf(rows, (media,)), Leaf([record("1", image="a.jpg")], (media,), "other"))

    text = found.text()
    assert "leaf: 5 missing: is in none of the media roots" in text
    assert "'gone/new\\nline.jpg'" in text
    assert "3 in gone, 1 in the root, 1 in ocr_vqa/images" in text
    assert "ocr_vqa/images/1.jpg: is GIF, named as JPEG" in text
    assert "known of 1: about 900 of the 207,572 covers are GIFs" in text
    assert text.splitlines()[5].split()[:5] == ["distinct", "14", "11", "0", "13"]
    values = json.loads(json.dumps(found.values()))
    assert values["leaves"]["leaf"]["findings"]["mislabelled"]["known"][0]["files"] == 1
    assert values["leaves"]["other"]["findings"] == {}
    assert values["problems"] == list(found.problems)


def test_an_audit_of_a_mix_and_of_a_source(tmp_path, cache):
    """The media that came with annotations are found in the mix's own folder and in the store."""
    path = recipe(tmp_path, sources={"the_cauldron": {}, "vqav2": {"count": 3}}, output={"for": "jsonl"})
    mix = build(path, tmp_path / "mix", data="miniatures", cache=cache)

    of_mix = collection.find(str(mix.path))
    of_source = collection.find("the_cauldron", data="miniatures", cache=cache)
    with Workers(1) as workers:
        first = audit(of_mix, decode=True, store=cache, workers=workers, progress=silent)
        second = audit(of_source, decode=True, store=cache, workers=workers, progress=silent)

    assert [set(leaf.found) for leaf in first.leaves] == [{"blank"}, {"missing"}]  # miniatures are single pixels
    assert first.leaves[0].files == first.leaves[0].found["blank"] > 0
    assert [set(leaf.found) for leaf in second.leaves] == [{"blank"}]


REPAIRABLE = {path: each for path, each in FOUND.items() if each[1] != "drop"}


def listed(tmp_path, media, **more):
    """Audit PATHS and write the repair list; give its file."""
    found = audited(tmp_path / "store", Leaf([record(str(at), image=path) for at, path in enumerate(PATHS)], (media,)))
    repairs.write(found.repairs(**more), tmp_path / "repairs.jsonl")
    return tmp_path / "repairs.jsonl"


def test_repairs_make_files_what_their_names_say(tmp_path, media):
    """The originals are kept, a second run finds nothing to do, and the audit is content."""
    entries = list(repairs.read(listed(tmp_path, media)))
    backup = tmp_path / "backup"
    original = (media / "ocr_vqa/images/1.jpg").read_bytes()

    (backup / "ocr_vqa/images").mkdir(parents=True)
    (backup / "ocr_vqa/images/1.jpg").write_bytes(original)  # of a run that was stopped right then
    dry = repairing.run(entries, media, None, dry_run=True)
    assert not (media / "x.jpg").exists()
    done = repairing.run(entries, media, backup, dry_run=False)
    again = repairing.run(entries, media, backup, dry_run=False)

    assert (dry.renamed, dry.reencoded, dry.right, dry.dropped, dry.failed) == (1, 2, 0, 7, [])
    assert vars(done) == vars(dry)
    assert (again.renamed, again.reencoded, again.right, again.dropped) == (0, 0, 3, 7)
    assert (backup / "ocr_vqa/images/1.jpg").read_bytes() == original
    assert [path.name for path in backup.rglob("*") if path.is_file()] == ["1.jpg"]
    assert (media / "x.JPG").read_bytes() == (media / "x.jpg").read_bytes() == JPEG
    assert (media / "ocr_vqa/images/2.gif").exists()
    with Image.open(media / "ocr_vqa/images/2.jpg") as made, Image.open(media / "ocr_vqa/images/2.gif") as given:
        assert (made.format, made.mode, made.size) == ("JPEG", "RGB", given.size)
    left = audited(tmp_path / "store", Leaf([record("1", image=path) for path in REPAIRABLE], (media,)), decode=True)
    assert not left.problems


@pytest.mark.parametrize("said", [name for name, each in FORMATS.items() if each.pillow])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
def test_any_image_can_be_encoded_as_any_format(tmp_path, said, mode):
    """Colours, greys, palettes and transparency; size stays."""
    image = Image.new("L", (9, 7), 128).convert("I").convert("I;16") if mode == "I;16" else Image.new(mode, (9, 7))
    image.save(tmp_path / "a.tif")

    content = repairing.reencoded(tmp_path / "a.tif", "tif", said)

    (tmp_path / f"b.{said}").write_bytes(content)
    assert find_header(tmp_path / f"b.{said}")[1:] == (said, 9, 7, None, None)
    assert find_decoded(tmp_path / f"b.{said}") == (None, None)


def test_profiles_and_orientation_stay(tmp_path):
    """A picture is shown as before."""
    image = Image.new("RGB", (9, 7))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.png", exif=exif, icc_profile=b"profile")

    with Image.open(io.BytesIO(repairing.reencoded(tmp_path / "a.png", "png", "jpg"))) as made:
        assert made.getexif()[0x0112] == 6
        assert made.info["icc_profile"] == b"profile"


def test_nothing_is_written_through_a_link_or_outside(tmp_path, media):
    """A link below the root is refused, be it of a file or of a folder; a root that is a link itself is fine."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "9.jpg").write_bytes(GOOD["a.gif"])
    (media / "linked").symlink_to(elsewhere)
    (media / "9.jpg").symlink_to(elsewhere / "9.jpg")
    (tmp_path / "root").symlink_to(media)
    entries = [
        repairs.Entry(media=path, finding="mislabelled", repair="reencode")
        for path in ("linked/9.jpg", "9.jpg", "ocr_vqa/images/1.jpg", "a.jpg/9.jpg")
    ]

    done = repairing.run(entries, tmp_path / "root", tmp_path / "backup", dry_run=False)

    assert (done.reencoded, len(done.failed)) == (1, 3)
    assert ["is a link" in line for line in done.failed] == [True, True, False]
    assert (elsewhere / "9.jpg").read_bytes() == GOOD["a.gif"]
    assert sorted(path.name for path in elsewhere.iterdir()) == ["9.jpg"]


@pytest.mark.parametrize(
    ("path", "repair", "from_", "said"),
    [
        ("cut.jpg", "reencode", None, "no good image"),
        ("gone.jpg", "reencode", None, "no good image"),
        ("bad.jpg", "reencode", "bad.png", "does not decode"),
        ("empty.jpg", "rename", "a.jpg", "something else lies there"),
        ("empty.jpg", "reencode", "a.png", "something else lies there"),
        ("gone.jpg", "rename", "a.gif", "no good JPEG"),
        ("gone.jpg", "rename", None, "nothing is no good JPEG"),
        ("gone.mp4", "reencode", "a.jpg", "JPEG cannot be made MPEG-4"),
        ("noending", "reencode", None, "says no format"),
    ],
)
def test_what_cannot_be_repaired_is_said(tmp_path, media, path, repair, from_, said):
    """And nothing is changed."""
    before = {file: file.read_bytes() for file in media.rglob("*") if file.is_file()}
    entry = repairs.Entry(media=path, finding="missing", repair=repair, from_=from_)

    done = repairing.run([entry], media, tmp_path / "backup", dry_run=False)

    assert said in done.failed[0]
    assert {file: file.read_bytes() for file in media.rglob("*") if file.is_file()} == before


def test_an_original_is_never_written_over(tmp_path, media):
    """Not in the backup folder either; the media root is no backup folder."""
    entries = [repairs.Entry(media="ocr_vqa/images/1.jpg", finding="mislabelled", repair="reencode")]
    (tmp_path / "backup/ocr_vqa/images").mkdir(parents=True)
    (tmp_path / "backup/ocr_vqa/images/1.jpg").write_bytes(b"another")

    done = repairing.run(entries, media, tmp_path / "backup", dry_run=False)

    assert "keeps another original" in done.failed[0]
    assert (media / "ocr_vqa/images/1.jpg").read_bytes() == GOOD["a.gif"]
    for backup, said in ((None, "--backup DIR"), (media, "is the media root")):
        with pytest.raises(UsageError, match=said):
            repairing.run(entries, media, backup, dry_run=False)
    with pytest.raises(MissingFile, match="--media"):
        repairing.run(entries, tmp_path / "nowhere", tmp_path / "backup", dry_run=False)


def test_a_file_system_without_links_gets_a_copy(tmp_path, media, monkeypatch):
    """The right name is what counts."""

    def refuse(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    entry = repairs.Entry(media="x.jpg", finding="missing", repair="rename", from_="x.JPG")

    assert repairing.run([entry], media, tmp_path / "backup", dry_run=False).renamed == 1
    assert (media / "x.jpg").read_bytes() == JPEG


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"media": "../a.jpg", "finding": "x", "repair": "reencode"}', "leaves the media root"),
        ('{"media": "a.jpg", "finding": "x", "repair": "rename", "from": "/etc/passwd"}', "is absolute"),
        ('{"media": "a.jpg", "finding": "x", "repair": "burn"}', "burn"),
        ('{"media": "a.jpg"', "expected an entry"),
        ('{"media": 7, "finding": "x", "repair": "drop"}', "expected an entry"),
    ],
)
def test_a_damaged_repair_list_is_refused_before_any_work(tmp_path, line, said):
    """With the line that is wrong."""
    path = tmp_path / "repairs.jsonl"
    path.write_text('{"media": "a.jpg", "finding": "x", "repair": "drop"}\n\n' + line)

    with pytest.raises(DataError, match=rf"repairs\.jsonl:3: .*{said}"):
        list(repairs.read(path))
    with pytest.raises(MissingFile):
        list(repairs.read(tmp_path / "absent"))


def test_the_repair_command(tmp_path, media):
    """Says what it did; exit code 1 if something could not be done."""
    path = listed(tmp_path, media)
    base = [str(path), "--media", str(media)]

    dry = CliRunner().invoke(repair_command, [*base, "--dry-run"])
    done = CliRunner().invoke(repair_command, [*base, "--backup", str(tmp_path / "b")])
    told = CliRunner().invoke(repair_command, [*base, "--backup", str(tmp_path / "b"), "--json"])
    (media / "x.jpg").unlink()
    (media / "x.jpg").write_bytes(b"")
    failed = CliRunner().invoke(repair_command, [*base, "--backup", str(tmp_path / "b"), "-q"])

    assert dry.exit_code == done.exit_code == told.exit_code == 0
    assert dry.output.startswith("would be done:")
    assert "2 encoded again" in done.output
    assert "7 to be dropped" in done.output
    assert json.loads(told.output)["right"] == 3
    assert failed.exit_code == 1
    assert "'x.jpg': a file that is something else lies there" in failed.output


def test_a_large_repair_list_is_written_in_blocks(tmp_path, monkeypatch):
    """Every line, whatever the block."""
    monkeypatch.setattr(repairs, "BLOCK", 200)
    entries = [repairs.Entry(media=f"é\n{at}.jpg", finding="missing", repair="drop") for at in range(50)]

    repairs.write(iter(entries), tmp_path / "list.jsonl")

    assert list(repairs.read(tmp_path / "list.jsonl")) == entries


def judged(rule, *rows):
    """Judge records; give why by id, and the counts."""
    (frame,) = [pl.concat(Leaf(list(rows)).frames(["id", "media"]))]
    assert rule.columns <= {*frame.columns}
    assert rule.derived == ()
    ruling = rule.judge(frame, "invented", ())
    assert ruling.why.dtype == pl.String
    return dict(zip(frame["id"], ruling.why, strict=True)), dict(ruling.counts)


ROWS = [
    record("1", image="a.jpg"), record("2", image=["a.jpg", "b.jpg"]), record("3", image="c.jpg"), record("4"),
    record("5", image="ocr_vqa/images/1437717772.jpg"), record("6", video="v/ü é.mp4"),
]  # fmt: skip


def test_a_repair_list_drops_what_only_can_be_dropped(tmp_path, media):
    """Entries of other repairs stay, unless the list was written to drop all."""
    rows = [record(path, image=path) for path in PATHS]

    why, counts = judged(exclude.rule((listed(tmp_path, media),)), *rows)
    every, _ = judged(exclude.rule((listed(tmp_path, media, only_drop=True),)), *rows)

    dropped = {path: f"exclude repairs.jsonl: {found[0]}" for path, found in FOUND.items() if found[1] == "drop"}
    assert why == {path: dropped.get(path) for path in PATHS}
    assert counts == {"repairs.jsonl": 7}
    assert {path for path, reason in every.items() if reason} == set(FOUND)


def test_plain_lists_and_json_lines(tmp_path):
    """Paths or ids; a byte order mark, CRLF and blank lines count for nothing; the first list gives the reason."""
    (tmp_path / "plain.txt").write_bytes("\ufeff./b.jpg\r\n\r\n4\nv/ü é.mp4\nabsent".encode())
    (tmp_path / "more.jsonl").write_text(
        '{"id": "4", "image": "a.jpg"}\n\n{"image": ["c.jpg", "x.jpg"], "finding": "ugly"}\n{"media": "b.jpg", "id": "1"}\n'
    )
    (tmp_path / "nothing.txt").write_text("zebra\n")
    (tmp_path / "empty.txt").write_text("")
    names = ("plain.txt", "more.jsonl", "nothing.txt", "empty.txt")

    why, counts = judged(exclude.rule(tuple(tmp_path / name for name in names)), *ROWS)

    plain = "exclude plain.txt: listed"
    assert why == {"1": None, "2": plain, "3": "exclude more.jsonl: ugly", "4": plain, "5": None, "6": plain}
    assert counts == {"plain.txt": 3, "more.jsonl": 3, "nothing.txt": 0, "empty.txt": 0}


def test_the_first_line_tells_json_lines_of_any_name(tmp_path):
    """Read as plain text they would name nothing, and the build would go on."""
    (tmp_path / "lines.json").write_text('\n{"media": "c.jpg"}\n{"id": "4"}\n')
    (tmp_path / "LINES.JSONL").write_text('{"media": "c.jpg"}\n')
    (tmp_path / "braces.txt").write_text("{c}.jpg\nc.jpg\n")
    (tmp_path / "array.json").write_text('["c.jpg"]\n')
    (tmp_path / "array.txt").write_text('[\n"c.jpg"\n]\n')

    _, counts = judged(
        exclude.rule(tuple(tmp_path / name for name in ("lines.json", "LINES.JSONL", "braces.txt"))), *ROWS
    )

    assert counts == {"lines.json": 2, "LINES.JSONL": 1, "braces.txt": 1}
    for name in ("array.json", "array.txt"):
        with pytest.raises(DataError, match=rf"{name}: is a JSON document; a list is JSON Lines"):
            exclude.rule((tmp_path / name,))


def test_lists_of_the_same_name_are_told_apart(tmp_path):
    """Counts are by list."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "list.txt").write_text("4")

    _, counts = judged(exclude.rule((tmp_path / "a/list.txt", tmp_path / "b/list.txt")), *ROWS)

    assert counts == {"list.txt": 1, "list.txt (2)": 1}


def test_shipped_lists_go_by_name(tmp_path):
    """What they know to be bad goes, what they only explain stays."""
    why, counts = judged(exclude.rule((tmp_path / "ocrvqa", tmp_path / "audiocaps")), *ROWS)

    assert {id: reason for id, reason in why.items() if reason} == {"5": "exclude ocrvqa: known to be bad"}
    assert counts == {"ocrvqa": 1, "audiocaps": 0}
    clip = record("7", audio="audiocaps/train/966jA2-z0mQ_30.flac")
    assert judged(exclude.rule((Path("audiocaps"),)), clip, record("8", audio="audiocaps/train/b_1.flac"))[1] == {
        "audiocaps": 1
    }
    with pytest.raises(MissingFile, match="did you mean 'ocrvqa'"):
        exclude.rule((tmp_path / "ocr_vqa",))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"picture": "a.jpg"}', "expected one of the keys"),
        ('{"id": 7}', "expected text, got 7"),
        ('{"media": "a", "repair": "burn"}', "burn"),
        ("[1]", "expected a JSON object"),
        ("a.jpg", "expected a JSON object"),
        pytest.param('{"media": ' + "[" * 10**5 + "]" * 10**5 + "}", "expected a JSON object", id="deep"),
    ],
)
def test_a_list_that_cannot_be_read_names_its_line(tmp_path, line, said):
    """A list must not pass by mistake."""
    (tmp_path / "bad.jsonl").write_text(f'{{"id": "1"}}\n{line}\n')

    with pytest.raises(DataError, match=rf"bad\.jsonl:2: .*{said}"):
        exclude.rule((tmp_path / "bad.jsonl",))
    (tmp_path / "bad.txt").write_bytes(b"a\n\xff\n")
    with pytest.raises(DataError, match=r"bad\.txt:2: is not UTF-8"):
        exclude.rule((tmp_path / "bad.txt",))


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "*", "a*"]), max_size=3)), st.sets(st.sampled_from("abc*")))
def test_exclude_equals_going_through_the_records(tmp_path_factory, media, bad):
    """A record goes if and only if it names a listed medium, whichever lists say it, and `*` is a character."""
    path = tmp_path_factory.mktemp("lists") / "list.txt"
    path.write_text("".join(f"{each}\n" for each in sorted(bad)))
    rows = [record(f"id{at}", image=each) for at, each in enumerate(media)]

    why, counts = judged(exclude.rule((path,)), *rows)

    expected = {row["id"] for row in rows if bad & set(row["image"])}
    assert {id for id, reason in why.items() if reason} == expected
    assert counts == {"list.txt": len(expected)}


def test_what_is_known_ships_in_good_order():
    """Each entry explains findings that exist, and only concrete files are dropped."""
    assert "ocrvqa" in known.names()
    for name, entry in known.load():
        assert set(entry.findings) <= set(FINDINGS), name
        assert all((entry.findings, entry.says, entry.evidence)), name
        assert entry.repair in (None, "reencode", "drop"), name
        if entry.repair == "drop":
            assert not entry.media.endswith(("/*", "*.jpg")), name
    odd = pl.Series(["a (1)+[x]&b.jpg"])
    assert odd.str.contains(known.pattern("a (1)+[x]&*.jpg")).all()
    assert not odd.str.contains(known.pattern("a (1)+[x]&*.jp")).any()
