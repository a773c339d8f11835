"""Sizes of images that annotations lack: read from headers, remembered, and part of what a conversion depends on."""

from __future__ import annotations

import json
import os
import struct
import zlib

import msgspec
import pytest
from conftest import INVENTED, records

from mixer import pictures
from mixer.catalogue import convert
from mixer.conversation import Skip, qa
from mixer.errors import MissingFile
from mixer.readers import json_lines
from mixer.sources import File, Grouping, Options, Picture, Pictures


class Raw(msgspec.Struct):
    """A question about an image that may lie in either of two folders."""

    id: str
    name: str
    picture: Picture | None = None

    @property
    def paths(self) -> list[str]:
        """List where it may be."""
        return [f"train/{self.name}", f"val/{self.name}"]


class Choice(Options):
    """Whether sizes are wanted."""

    sizes: str = "yes"


def one(raw, options):
    """Answer with the size."""
    if options.sizes == "no":
        return qa(id=raw.id, question="Where?", answer="Here")
    if raw.picture is None:
        return Skip("image file is missing")
    path, width, height = raw.picture
    return qa(id=raw.id, image=path, question="How large?", answer=f"{width} x {height}")


def png(width, height):
    """Make the smallest file that says it is a PNG of this size."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def turned():
    """Make the head of a JPEG of 40 x 30 whose EXIF says that it lies on its side."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    frame = struct.pack(">BHHB", 8, 30, 40, 1) + b"\x01\x11\0"
    segments = [(0xE1, exif), (0xC0, frame)]
    return b"\xff\xd8" + b"".join(
        b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body for kind, body in segments
    )


@pytest.fixture(params=[None, Grouping(by="name")], ids=["single", "grouped"])
def data(request, invented, tmp_path):
    """Write a data root with images in two folders, one missing, one no image, one in both, and a path that leaves."""
    grouping = request.param
    convert_ = one if grouping is None else lambda raws, options: [one(raw, options) for raw in raws]
    declared = Pictures(match="paths", field="picture", when={"sizes": "yes"})
    files = (File("q.jsonl", json_lines, Raw),)
    invented(convert_, files, options=Choice, pictures=declared, grouping=grouping)
    names = ["a.png", "b.png", "c.png", "d.jpg", "e.png", "../../x.png"]
    rows = [{"id": f"{n}", "name": name} for n, name in enumerate(names)]
    root = tmp_path / "data"
    (root / INVENTED).mkdir(parents=True)
    (root / INVENTED / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for folder in ("train", "val"):
        (root / "media" / folder).mkdir(parents=True)
    (root / "media/train/a.png").write_bytes(png(640, 480))
    (root / "media/val/a.png").write_bytes(png(1, 1))
    (root / "media/val/b.png").write_bytes(png(3, 100000))
    (root / "media/val/d.jpg").write_bytes(turned())
    (root / "media/train/e.png").write_bytes(b"no image")
    (root.parent / "x.png").write_bytes(png(5, 5))
    return root


def made(data, tmp_path, **more):
    """Convert; give answers by id, and the entry."""
    out = tmp_path / "out.jsonl"
    entry = convert(INVENTED, out=out, data=data, cache=tmp_path / "store", **more)
    return {row["id"]: (row.get("image"), row["conversations"][1]["value"]) for row in records(out)}, entry


EXPECTED = {
    "0": ("train/a.png", "640 x 480"),
    "1": ("val/b.png", "3 x 100000"),
    "3": ("val/d.jpg", "40 x 30"),
}


def test_sizes_come_from_headers_as_they_are_stored(data, tmp_path):
    """The first candidate that is there counts; EXIF turns nothing; what is missing or no image is skipped."""
    got, entry = made(data, tmp_path)

    assert got == EXPECTED
    assert entry.ledger.skipped == {"image file is missing": 3}
    assert [file.path for file in entry.ledger.files] == ["q.jsonl", pictures.NAME]


def test_headers_are_read_once(data, tmp_path, monkeypatch):
    """A second conversion finds the first one; only a changed image is read again, and makes another entry."""
    _, before = made(data, tmp_path)
    read = []
    size = pictures._size
    monkeypatch.setattr(pictures, "_size", lambda path: (read.append(path.name), size(path))[1])

    _, same = made(data, tmp_path)
    assert (same.ledger.address, read) == (before.ledger.address, [])

    os.utime(data / "media/train/a.png")
    _, touched = made(data, tmp_path)
    assert (touched.ledger.address, read) == (before.ledger.address, ["a.png"])

    (data / "media/train/a.png").write_bytes(png(64, 48))
    (data / "media/train/c.png").write_bytes(png(7, 8))
    got, after = made(data, tmp_path)
    assert got == {**EXPECTED, "0": ("train/a.png", "64 x 48"), "2": ("train/c.png", "7 x 8")}
    assert after.ledger.address != before.ledger.address


def test_images_may_be_elsewhere_or_not_wanted(data, tmp_path):
    """The media root is as named; without one the error says how to name it; options may need none."""
    (data / "media").rename(tmp_path / "images")

    with pytest.raises(MissingFile, match=f"{INVENTED}: needs the sizes of images.*--media"):
        made(data, tmp_path)
    with pytest.raises(MissingFile, match="nowhere: no such folder, which --media names"):
        made(data, tmp_path, media=tmp_path / "nowhere")
    assert made(data, tmp_path, media=tmp_path / "images")[0] == EXPECTED
    assert len(made(data, tmp_path, options=["sizes=no"])[0]) == 6


def test_no_image_at_all(data, tmp_path):
    """Every record is skipped, and nothing else goes wrong."""
    (tmp_path / "empty").mkdir()

    got, entry = made(data, tmp_path, media=tmp_path / "empty")

    assert got == {}
    assert entry.ledger.skipped == {"image file is missing": 6}
