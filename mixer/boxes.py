"""Box formats: corners x1, y1, x2, y2 as fractions of the image, or of the square that the image is padded to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

Box = tuple[float, float, float, float]
_shown = {number / 100: repr(number / 100) for number in range(1, 101)}.get
"""Printing a float takes longer than finding how it is printed."""
_BRACKETED = re.compile(r"\[([^\[\]]*)\]")
_WHOLE = re.compile(r"\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]")
LARGEST = 999
"""Of AS-V2's whole numbers: the right or lower edge."""


def parse(text: str) -> Box | None:
    """Read four numbers of 0 to 1 with commas between them. Anything else is no box: None."""
    try:
        x1, y1, x2, y2 = map(float, text.split(","))
    except ValueError:
        return None
    return (x1, y1, x2, y2) if all(0 <= number <= 1 for number in (x1, y1, x2, y2)) else None


def parse_whole(text: str) -> list[Box] | None:
    """Read boxes as AS-V2 writes them, in whole numbers of 0 to 999: `[[200, 251, 447, 963], ...]`, or `[]` for none.

    Anything else is no list of boxes: None.
    """
    found = [
        (int(x1) / LARGEST, int(y1) / LARGEST, int(x2) / LARGEST, int(y2) / LARGEST)
        for x1, y1, x2, y2 in _WHOLE.findall(text)
    ]
    outside = any(number > 1 for box in found for number in box)
    return None if outside or _WHOLE.sub("", text).strip("[], \n") else found


def inside(corners: Iterable[float]) -> Box:
    """Cut a box in fractions to its image."""
    x1, y1, x2, y2 = (min(max(number, 0.0), 1.0) for number in corners)
    return x1, y1, x2, y2


def pad_to_square(box: Box, width: int, height: int) -> Box:
    """Move a box of a width x height image to the square around it, the image centred along its shorter side."""
    side = max(width, height)
    x1, y1, x2, y2 = box
    return _pad(x1, width, side), _pad(y1, height, side), _pad(x2, width, side), _pad(y2, height, side)


def _pad(number: float, length: int, side: int) -> float:
    return number if length == side else (number * length + (side - length) / 2) / side


def from_pixels(x: float, y: float, width: float, height: float) -> Box:
    """Give the corners of a box that is published as its left, top, width and height."""
    return x, y, x + width, y + height


def clamp(box: Box, width: int, height: int) -> Box | None:
    """Cut a box in pixels to its image. None is left when it has no area there."""
    x1, y1, x2, y2 = box
    if x1 < 0 or y1 < 0 or x2 > width or y2 > height:
        x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def in_square(box: Box, width: int, height: int) -> Box:
    """Move a box in pixels to the square around its image, in fractions, by whole pixels as LLaVA-1.5 does."""
    side, right, down = _square(width, height)
    x1, y1, x2, y2 = box
    return (x1 + right) / side, (y1 + down) / side, (x2 + right) / side, (y2 + down) / side


@lru_cache(maxsize=1 << 10)  # asked for each box of an image
def _square(width: int, height: int) -> tuple[int, int, int]:
    """Give the side of the square around an image, and how far right and down the image lies in it."""
    side = max(width, height)
    return side, (side - width) // 2, (side - height) // 2


def percent(box: Box, width: int, height: int) -> str:
    """Print a box in pixels as MiniGPT-v2 does: whole hundredths of width and height, cut off, `{<12><34><56><78>}`."""
    x1, y1, x2, y2 = (int(number / size * 100) for number, size in zip(box, (width, height) * 2, strict=True))
    return f"{{<{x1}><{y1}><{x2}><{y2}>}}"


def show(box: Box, decimals: int) -> str:
    """Print a box as LLaVA's data do: Python floats of at most so many decimals, `[0.172, 0.61, 0.832, 1.0]`."""
    x1, y1, x2, y2 = box
    x1, y1, x2, y2 = round(x1, decimals), round(y1, decimals), round(x2, decimals), round(y2, decimals)
    return f"[{_shown(x1) or x1}, {_shown(y1) or y1}, {_shown(x2) or x2}, {_shown(y2) or y2}]"


def show_in_square(box: Box, width: int, height: int) -> str:
    """Print a box in pixels as `show(in_square(box, width, height), 2)` does; one of whole pixels in half the time."""
    x1, y1, x2, y2 = box
    if type(x1) is not int:
        return show(in_square(box, width, height), 2)
    side, right, down = _square(width, height)
    return (
        f"[{_hundredths(x1 + right, side)}, {_hundredths(y1 + down, side)}, "
        f"{_hundredths(x2 + right, side)}, {_hundredths(y2 + down, side)}]"
    )


@lru_cache(maxsize=1 << 14)  # rounding is what takes the time, and images of a data set share a few sizes
def _hundredths(number: float, side: int) -> str:
    return repr(round(number / side, 2))


def show_all(boxes: Iterable[Box], decimals: int) -> str:
    """Print the boxes of one thing as LLaVA's data would: one behind the other, each in its brackets."""
    return " ".join(show(box, decimals) for box in boxes)


def show_joined(boxes: Iterable[Sequence[float]]) -> str:
    """Print the boxes of one thing, or points, as Shikra does: `[0.172,0.610,0.832,1.000;0.000,0.250,0.500,0.750]`."""
    return "[" + ";".join(",".join(f"{number:.3f}" for number in box) for box in boxes) + "]"


def text_in_square(text: str, width: int, height: int, decimals: int) -> str:
    """Move every bracketed box in a text to the padded square; other bracketed groups stay as they are."""

    def moved(group: re.Match[str]) -> str:
        box = parse(group[1])
        return group[0] if box is None else show(pad_to_square(box, width, height), decimals)

    return _BRACKETED.sub(moved, text)
