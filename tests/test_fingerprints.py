"""What images are the same: hashes of their bytes and of how they look, and the images that records name."""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import zlib

import numpy as np
import polars as pl
import pytest
from conftest import recipe
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from mixer import collection, fingerprints
from mixer.building import build
from mixer.fingerprints import CONTENT, FLAT, PERCEPTUAL, distinct_images, perceptual_hash
from mixer.processes import Workers
from mixer.progress import silent
from mixer.recipe import load_recipe
from mixer.remembered import remember

VECTORS = {
    "rising": (np.add.outer(np.arange(32) * 5, np.arange(32) * 3), 0x0),
    "waves": ((np.outer(np.arange(32), np.arange(32)) * 7 + 11) % 256, 0x7E6E5B76687A1000),
    "falling": (255 - np.add.outer(np.arange(32) * 5, np.arange(32) * 3), 0x800080008000D5),
    "dark": (np.full((32, 32), 15), 0xAAAAAAAAAAAA0000),
    "light": (np.full((32, 32), 239), 0xAAAAAAAAAAAA3FFF),
    "corner": (np.pad(np.full((9, 20), 200), ((0, 23), (12, 0)), constant_values=30), 0x636363631C9C9C9C),
}
"""Grey levels and their hashes, which may never change."""


def drawing(number, size=(400, 300)):
    """Draw a picture of coloured shapes, another for each number."""
    pick = random.Random(number)
    picture = Image.new("RGB", size, tuple(pick.randrange(256) for _ in range(3)))
    pen = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, width, height = pick.randrange(size[0]), pick.randrange(size[1]), pick.randrange(20, 200), 90
        shape = pen.ellipse if pick.random() < 0.5 else pen.rectangle
        shape((x, y, x + width, y + height), fill=tuple(pick.randrange(256) for _ in range(3)))
    return picture


def found(path):
    """Give the perceptual hash of a file that has one."""
    hash_, problem = PERCEPTUAL.find(path)
    assert problem is None
    return hash_


def apart(first, second):
    """Count the bits in which hashes differ."""
    return (first ^ second).bit_count()


@pytest.mark.parametrize("name", VECTORS)
def test_the_hash_of_grey_levels_never_changes(name):
    """Fixed grey levels have the hashes that are written down here."""
    levels, expected = VECTORS[name]

    assert perceptual_hash(levels) == expected, hex(perceptual_hash(levels))


@given(st.integers(0, 2**32 - 1))
def test_the_hash_is_the_told_transform(noise):
    """The whole-number transform gives the bits that the textbook's DCT-II in floats gives."""
    levels = np.random.default_rng(noise).integers(0, 256, (32, 32))
    rows = np.arange(8)[:, None]
    cosines = np.cos(np.pi * rows * (2 * np.arange(32)[None] + 1) / 64)
    waves = (cosines @ levels @ cosines.T).ravel()[1:]

    hash_ = perceptual_hash(levels)

    near = np.abs(waves - np.median(waves)) < 2  # rounded cosines may decide these otherwise
    for bit in np.flatnonzero(~near):
        assert hash_ >> int(bit) & 1 == (waves[bit] > np.median(waves))
    assert hash_.bit_count() == 31


@pytest.mark.parametrize("number", range(8))
def test_a_picture_made_over_keeps_nearly_its_hash(tmp_path, number):
    """Another encoding, size or brightness changes few bits."""
    picture = drawing(number)
    picture.save(tmp_path / "a.png")
    made_over = {
        "weak.jpg": picture,
        "small.jpg": picture.resize((100, 75)),
        "large.png": picture.resize((1200, 900)),
        "bright.png": ImageEnhance.Brightness(picture).enhance(1.1),
        "dark.png": ImageEnhance.Brightness(picture).enhance(0.7),
        "grey.webp": picture.convert("L"),
        "alpha.png": picture.convert("RGBA"),
        "palette.gif": picture,
    }

    for name, changed in made_over.items():
        changed.save(tmp_path / name, quality=50)
        assert apart(found(tmp_path / name), found(tmp_path / "a.png")) <= 8, name


def test_other_pictures_have_other_hashes(tmp_path):
    """Any two of forty drawings differ in more bits than one made over does."""
    hashes = []
    for number in range(40):
        drawing(number).save(tmp_path / "a.png")
        hashes.append(found(tmp_path / "a.png"))

    assert min(apart(first, second) for at, first in enumerate(hashes) for second in hashes[:at]) > 12


def test_flat_pictures_are_near_those_about_as_bright_only(tmp_path):
    """Pictures of one colour begin alike and end in their brightness; they are far from any that shows something."""
    hashes = {}
    for level in (0, 100, 110, 255):
        Image.new("RGB", (50, 40), (level,) * 3).save(tmp_path / f"{level}.png")
        hashes[level] = found(tmp_path / f"{level}.png")
    drawing(1).save(tmp_path / "a.png")
    rising, _ = VECTORS["rising"]

    assert [hash_ & FLAT for hash_ in hashes.values()] == [FLAT] * 4
    assert apart(hashes[0], hashes[255]) == 16
    assert apart(hashes[100], hashes[110]) <= 1
    for other in (found(tmp_path / "a.png"), perceptual_hash(rising)):
        assert min(apart(other, hash_) for hash_ in hashes.values()) > 16


def test_grain_too_fine_to_see_is_flat():
    """Grey levels that waver by one hold nothing to tell."""
    levels = 100 + np.random.default_rng(3).integers(0, 2, (32, 32))

    assert perceptual_hash(levels) & FLAT == FLAT


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "PA", "CMYK", "I;16", "I", "F", "YCbCr", "RGBX"])
def test_how_pixels_are_kept_does_not_matter(tmp_path, mode):
    """A black and white picture has one hash in every mode, those of more than 8 bits among them."""
    picture = drawing(3).convert("1")
    picture.save(tmp_path / "a.png")
    grey = picture.convert("L")
    if mode in ("I", "I;16", "F"):
        changed = grey.convert("I").point(lambda value: value * 100).convert(mode)
    else:
        changed = {"1": picture, "PA": grey.convert("P").convert("PA")}.get(mode) or grey.convert("RGB").convert(mode)
    changed.save(tmp_path / "a.tif")

    assert apart(found(tmp_path / "a.tif"), found(tmp_path / "a.png")) <= 2


def test_what_is_transparent_is_white(tmp_path):
    """Colours below full transparency do not show."""
    hidden = drawing(4).convert("RGBA")
    hidden.putalpha(Image.new("L", hidden.size, 0))
    hidden.save(tmp_path / "a.png")
    Image.new("L", (9, 9), 255).save(tmp_path / "white.png")

    assert found(tmp_path / "a.png") == found(tmp_path / "white.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_lies_as_its_exif_says(tmp_path, orientation):
    """A picture stored on its side with the orientation said has the hash of the upright one."""
    back = [None, *Image.Transpose][[0, 0, 1, 4, 2, 6, 3, 7, 5][orientation]]  # undoes what the number asks for
    drawing(5).save(tmp_path / "a.png")
    lying = drawing(5) if back is None else drawing(5).transpose(back)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying.save(tmp_path / "b.png", exif=exif)

    assert apart(found(tmp_path / "b.png"), found(tmp_path / "a.png")) <= 2


def test_the_first_frame_of_an_animation_counts(tmp_path):
    """An animation has the hash of its first frame."""
    drawing(6).save(tmp_path / "a.gif", save_all=True, append_images=[drawing(7), drawing(8)])
    drawing(6).save(tmp_path / "one.gif")

    assert found(tmp_path / "a.gif") == found(tmp_path / "one.gif")


def bomb(side):
    """Make a small PNG of very many pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(picture, **more):
    """Give a picture as the bytes of a JPEG."""
    made = io.BytesIO()
    picture.save(made, "JPEG", **more)
    return made.getvalue()


BAD = {
    "text.jpg": (b"<html>not found</html>", "does not decode: no image format that is known"),
    "cut.jpg": (jpeg(drawing(9))[:3000], "does not decode: image file is truncated"),
    "head.png": (b"\x89PNG\r\n\x1a\n", "does not decode:"),
    "bomb.png": (bomb(16000), "does not decode: Image size (256000000 pixels) exceeds limit"),
    "empty.jpg": (b"", "empty"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_a_finding(tmp_path, name):
    """What is wrong with a file is said in one line; nothing is raised."""
    content, expected = BAD[name]
    (tmp_path / name).write_bytes(content)

    hash_, problem = PERCEPTUAL.find(tmp_path / name)

    assert hash_ is None
    assert problem.startswith(expected)
    assert "\n" not in problem
    assert str(tmp_path) not in problem


def test_no_picture_runs_a_program(tmp_path, monkeypatch):
    """Pillow hands PostScript to Ghostscript, whatever the file is called: it is no picture here."""
    bin_, told = tmp_path / "bin", tmp_path / "ran"
    bin_.mkdir()
    (bin_ / "gs").write_text(f"#!/bin/sh\ntouch {told}\nexit 1\n")
    (bin_ / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    (tmp_path / "a.jpg").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    )

    assert PERCEPTUAL.find(tmp_path / "a.jpg") == (None, "does not decode: no image format that is known")
    assert not told.exists()


@pytest.mark.parametrize("kind", [CONTENT, PERCEPTUAL], ids=lambda kind: kind.name)
def test_what_is_no_file_is_a_finding(tmp_path, kind):
    """Missing and empty files, folders and what lies below a file are told apart."""
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    told = {"empty.jpg": "empty", "pipe.jpg": "is no file", "none.jpg": "missing", ".": "is no file"}

    assert {name: kind.find(tmp_path / name) for name in told} == {name: (None, said) for name, said in told.items()}
    assert kind.find(tmp_path / "empty.jpg" / "a.jpg") == (None, "missing")
    assert kind.find(tmp_path / ("a" * 300)) == (None, "cannot be read: File name too long")


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path, monkeypatch):
    """A file that goes bad while it is hashed is a finding."""
    (tmp_path / "a.jpg").write_bytes(b"a")

    def fail(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(fingerprints, "sha256_of", fail)

    assert CONTENT.find(tmp_path / "a.jpg") == (None, "cannot be read: Permission denied")


def test_large_and_odd_pictures_do_not_warn(tmp_path):
    """Pillow's warnings (of large pictures, of damaged EXIF) stay inside; the pictures decode."""
    (tmp_path / "large.png").write_bytes(bomb(10000))
    (tmp_path / "exif.jpg").write_bytes(jpeg(drawing(2), exif=b"Exif\0\0II*\0\x08\0\0\0\xff\x00\x12\x01"))
    (tmp_path / "exif2.jpg").write_bytes(jpeg(drawing(2), exif=b"Exif\0\0XXXX"))
    drawing(2).save(tmp_path / "exif.png", exif=b"XXXX")
    drawing(2).save(tmp_path / "a.png")

    assert found(tmp_path / "large.png") == FLAT
    assert found(tmp_path / "exif.png") == found(tmp_path / "a.png")
    assert apart(found(tmp_path / "exif.jpg"), found(tmp_path / "a.png")) <= 4
    assert apart(found(tmp_path / "exif2.jpg"), found(tmp_path / "a.png")) <= 4


def test_pixels_that_are_no_numbers_are_a_finding(tmp_path):
    """A picture of floats may hold none that is infinite."""
    Image.fromarray(np.full((40, 40), np.inf, np.float32)).save(tmp_path / "a.tif")

    assert PERCEPTUAL.find(tmp_path / "a.tif") == (None, "does not decode: pixels that are no numbers")


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_damage_never_raises(tmp_path_factory, noise, at):
    """Whatever bytes stand in a file, there is a hash or a problem."""
    path = tmp_path_factory.getbasetemp() / "noise.jpg"
    whole = jpeg(drawing(1, (60, 40)), exif=Image.Exif())
    path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])

    hash_, problem = PERCEPTUAL.find(path)

    assert (hash_ is None) != (problem is None)


@pytest.mark.parametrize("workers", [1, 2])
def test_both_kinds_are_remembered(tmp_path, workers):
    """Findings come as columns, in the order of the files, whatever the workers."""
    files = [tmp_path / f"{number}.png" for number in range(130)]
    for number, file in enumerate(files[:-1]):
        Image.new("L", (8, 8), number).save(file)
    with Workers(workers) as pool:
        content = remember(CONTENT, files, tmp_path / "store", pool, silent, "hash")
        looks = remember(PERCEPTUAL, files, tmp_path / "store", pool, silent, "look")

    assert content["sha256"][0] == hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert content["problem"].to_list() == looks["problem"].to_list() == [None] * 129 + ["missing"]
    assert looks.schema == {"phash": pl.UInt64, "problem": pl.String}
    assert looks["phash"][0] == FLAT


def named(folder, *images):
    """Write a recipe of two leaves whose records name images: a list of images a record."""
    import json

    rows = [
        {
            "id": str(number),
            **({"image": names if len(names) > 1 else names[0]} if names else {}),
            "conversations": [
                {"from": "human", "value": "<image>\n" * len(names) + "What is it?"},
                {"from": "gpt", "value": f"It is {number}."},
            ],
        }
        for number, names in enumerate(images)
    ]
    (folder / "data.json").write_text(json.dumps(rows))
    leaf = {"use": "llava_json", "path": "data.json"}
    return recipe(folder, output={"for": "jsonl"}, sources={"b": leaf, "a": {**leaf, "count": 2}})


def test_distinct_images_of_a_recipe_and_of_its_mix(tmp_path, cache):
    """Each leaf's images come once, with the number of records that name them and where they lie."""
    media = tmp_path / "media"
    (media / "x/y").mkdir(parents=True)
    (media / "x/y/2.jpg").touch()
    path = named(tmp_path, ["x/1.jpg"], ["x/y/2.jpg", "x/1.jpg", "x/1.jpg"], [], ["3.jpg"])
    settings = {"data": tmp_path, "media": media, "cache": cache}
    one_leaf = pl.DataFrame(
        {
            "image": ["3.jpg", "x/1.jpg", "x/y/2.jpg"],
            "folder": ["", "x", "x/y"],
            "records": [1, 2, 1],
            "file": [None, None, str(media / "x/y/2.jpg")],
        },
        schema_overrides={"records": pl.UInt32},
    )

    frame = distinct_images(collection.find(str(path), **settings))

    assert frame.columns == ["image", "folder", "leaf", "records", "file"]
    assert frame["leaf"].to_list() == ["a"] * 3 + ["b"] * 3
    assert frame.filter(leaf="b").drop("leaf").equals(one_leaf)
    mix = build(load_recipe(path), tmp_path / "mix", **settings)
    shown = distinct_images(collection.find(str(mix.path), media=media))
    assert shown.filter(leaf="b").drop("leaf").equals(one_leaf)


def test_a_collection_without_images_has_none(tmp_path, cache):
    """Records of text alone name no image."""
    path = named(tmp_path, [], [])

    frame = distinct_images(collection.find(str(path), data=tmp_path, cache=cache))

    assert frame.height == 0
    assert frame.schema["file"] == pl.String
