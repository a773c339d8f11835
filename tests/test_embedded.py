"""Media that raw records hold: written once, named by content, linked into the mix, and checked."""

from __future__ import annotations

import base64
import json
import shutil
from hashlib import sha256

import msgspec
import pytest
from conftest import INVENTED, recipe, records

from mixer import build, conversion, embedded, linking, store, verify
from mixer.catalogue import convert
from mixer.conversation import Labelled, Labels, Skip, qa
from mixer.readers import json_array
from mixer.sources import File

PNG = b"\x89PNG\r\n\x1a\n"


class Raw(msgspec.Struct):
    """A question with its image in it."""

    id: str
    image: str
    answer: str


def one(raw, _options):
    """Ask about the image; an empty answer is not valid."""
    if raw.answer == "skip":
        return Skip("told to")
    content = embedded.from_base64(raw.image)
    path = embedded.name("pets", content)
    return Labelled(qa(id=raw.id, question="What?", answer=raw.answer, image=path), Labels(), embedded={path: content})


@pytest.fixture(autouse=True)
def source(invented):
    """Have a source whose records hold images."""
    invented(one, (File("pets.json", json_array, Raw),))


def rows(count):
    """Invent records; each image is in two of them."""
    return [
        {"id": f"{n}", "image": base64.b64encode(PNG + b"%d" % (n // 2)).decode(), "answer": f"Pet {n}."}
        for n in range(count)
    ]


@pytest.fixture
def data(tmp_path):
    """Give what writes the raw file and gives its data root."""

    def write(values):
        folder = tmp_path / "data" / INVENTED
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "pets.json").write_text(json.dumps(values))
        return tmp_path / "data"

    return write


def stored(folder):
    """Give the media below a folder: path -> content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in embedded.files(folder)}


def test_media_are_written_once_and_named_by_content(data, tmp_path, cache):
    """Equal images are one file; the name is the sha256, and the ending tells what the bytes are."""
    entry = convert(INVENTED, data=data(rows(6)), cache=cache)

    contents = [PNG + b"%d" % n for n in range(3)]
    expected = {f"pets/{sha256(each).hexdigest()[:2]}/{sha256(each).hexdigest()}.png": each for each in contents}
    assert stored(entry.media) == expected
    assert (entry.ledger.media.files, entry.ledger.media.bytes) == (3, sum(map(len, contents)))
    assert [lost["reason"] for lost in entry.lost()] == []


def test_only_records_that_are_kept_bring_media(data, cache):
    """A skipped record, a bad one, and bytes that are no image leave nothing behind; each is counted."""
    values = rows(2)
    values[0]["answer"] = "skip"
    values[1]["answer"] = " "
    values += [{"id": "x", "image": "AAAA", "answer": "A"}, {"id": "y", "image": "A", "answer": "A"}]

    entry = convert(INVENTED, data=data(values), cache=cache)

    assert stored(entry.media) == {}
    assert entry.ledger.skipped == {"told to": 1}
    reasons = " | ".join(entry.ledger.bad)
    assert "begins like no image" in reasons
    assert "no base64" in reasons
    assert "empty text" in reasons


def test_spans_change_nothing(data, tmp_path, monkeypatch):
    """Several tasks that bring the same image, some of them thrown away, leave what one task leaves."""
    nested = [{"id": f"n{n}", "image": base64.b64encode(PNG + b"n").decode(), "answer": "A"} for n in range(3)]
    values = [{**row, "also": nested} for row in rows(200)]
    root = data(values)
    whole = convert(INVENTED, data=root, cache=tmp_path / "whole")
    monkeypatch.setattr(conversion, "SPAN", 700)
    monkeypatch.setattr(conversion, "SMALL", 0)

    cut = convert(INVENTED, data=root, cache=tmp_path / "cut")

    assert stored(cut.media) == stored(whole.media)
    assert len(stored(cut.media)) == 100
    assert cut.ledger.media == whole.ledger.media


def test_a_mix_holds_the_media_of_its_records(data, tmp_path, cache, monkeypatch):
    """Those it names and no others, also where the store is on another file system."""
    path = recipe(tmp_path, sources={INVENTED: {"count": 3}, "again": {"use": INVENTED, "count": 2}})
    root = data(rows(40))

    linked = build(path, tmp_path / "linked", data=root, cache=cache)
    monkeypatch.setattr(linking.os, "link", lambda *_: (_ for _ in ()).throw(OSError(18, "Invalid cross-device link")))
    copied = build(path, tmp_path / "copied", data=root, cache=cache)

    named = {record["image"] for record in records(linked.path / "mix.json")}
    assert set(stored(linked.path / "media")) == named
    assert stored(copied.path / "media") == stored(linked.path / "media")
    assert linked.manifest == copied.manifest
    assert linked.manifest.media.files == len(named)
    assert not verify(linked.path).problems
    assert build(path, tmp_path / "linked", data=root, cache=cache).manifest == linked.manifest, "a mix may be replaced"


@pytest.mark.parametrize("damage", ["changed", "missing", "added"])
def test_damaged_media_are_found(data, tmp_path, cache, damage):
    """In the mix and in the store; the words name the file or the numbers."""
    mix = build(recipe(tmp_path, sources={INVENTED: {}}), tmp_path / "mix", data=data(rows(4)), cache=cache).path
    entry = convert(INVENTED, data=tmp_path / "data", cache=cache)
    shutil.copytree(mix / "media", mix / "copy")
    shutil.rmtree(mix / "media")
    (mix / "copy").rename(mix / "media")

    for folder, found in (
        (mix / "media", lambda: verify(mix).problems),
        (entry.media, lambda: store.verify(entry.folder)),
    ):
        victim = min(embedded.files(folder))
        if damage == "changed":
            victim.write_bytes(victim.read_bytes()[:-1] + b"x")
        elif damage == "missing":
            victim.unlink()
        else:
            victim.with_name(f"{sha256(b'x').hexdigest()}.png").write_bytes(b"x")
        [problem] = found()
        assert (str(victim) if damage == "changed" else "expected 2 files") in problem


def test_base64_of_either_alphabet_with_or_without_padding():
    """As published files have it."""
    content = bytes(range(250, 256)) + b"?"
    plain, other = base64.b64encode(content).decode(), base64.urlsafe_b64encode(content).decode()

    assert [embedded.from_base64(text) for text in (plain, other, plain.rstrip("="), f" {other}\n")] == [content] * 4


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "jpg"),
        (PNG, "png"),
        (b"GIF89a", "gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp"),
        (b"BM\0\0", "bmp"),
        (b"II*\0", "tif"),
    ],
)
def test_names_end_as_the_bytes_begin(content, kind):
    """Whatever the record calls it."""
    assert embedded.name("a", content) == f"a/{sha256(content).hexdigest()[:2]}/{sha256(content).hexdigest()}.{kind}"
