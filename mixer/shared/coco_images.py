"""COCO's photos: a photo keeps its number in every release, and its name follows from number and release."""

from __future__ import annotations


def path(number: int, release: str) -> str:
    """Give a photo's path under the media root: `coco/train2017/000000000021.jpg`.

    Releases before 2017 have their name in the file's: `coco/val2014/COCO_val2014_000000000021.jpg`. The
    photos of train2014 are all in train2017, and LLaVA's mixes name them so; of val2014's, 5,000 are in val2017 instead.
    """
    start = "" if release.endswith("2017") else f"COCO_{release}_"
    return f"coco/{release}/{start}{number:012d}.jpg"


def number(name: str) -> int:
    """Tell a photo's number by its file's name or path in any release. Raises ValueError where that holds none."""
    digits = name.rpartition("/")[2].removesuffix(".jpg").rpartition("_")[2]
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError("the name of the image ends with no number, as in COCO")
    return int(digits)
