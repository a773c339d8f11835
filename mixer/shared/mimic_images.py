"""Ids of MIMIC-IT's images, whose spelling differs between its files and generations: one spelling for each."""

from __future__ import annotations

import re

from mixer.shared import coco_images

COCO = ("LA", "CGD")
"""Subsets whose images are COCO's photos of train2017."""

_NUMBER = re.compile(r"(?:^|_)(\d{12,16})(?:_\d+)?$")
_GENERATION = re.compile(r"_\d\d_IMG_")
_TWICE = re.compile(r"_IMG_(.+)_\1_(\d+)$")
_SCAN = re.compile(r"(scene\d{4})_00_color")


def image_id(folder: str, id: str) -> str:
    """Spell the id of a subset's image as the present generation does, `DC_IMG_v_Qx7_0003`.

    What goes: the two digits of the first generation (`DC_04_IMG_`), TVC's clip named twice, the scan of SN's scenes,
    and before COCO's numbers any other prefix, padding to 16 digits and a round's number behind them.
    """
    if folder in COCO and (number := _NUMBER.search(id)):
        return f"{folder}_IMG_{int(number[1]):012d}"
    id = _GENERATION.sub("_IMG_", id, count=1)
    if folder == "TVC":
        return _TWICE.sub(r"_IMG_\1_\2", id)
    return _SCAN.sub(r"\1_color", id) if folder == "SN" else id


def path(folder: str, id: str) -> str:
    """Name the file of an image whose id is spelt so: COCO's photo, or the one taken out of the images file."""
    if folder in COCO and (number := _NUMBER.search(id)):
        return coco_images.path(int(number[1]), "train2017")
    return f"mimic_it/{folder}/{id}.jpg"
