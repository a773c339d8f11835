"""Shikra's marks: `<ph_st>a kite<ph_ed>` is a phrase whose boxes are told by number in a list beside the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from mixer.boxes import Box, in_square, inside, show_all, show_joined

Style = Literal["shikra", "llava"]
START, END = "<ph_st>", "<ph_ed>"
_TWO_BLANKS = re.compile(r" {2,}")
_BEFORE_STOP = re.compile(r" +(?=[,.;:?!])")


def on_square(boxes: Iterable[Box], size: tuple[int, int]) -> list[Box]:
    """Move boxes in pixels to the square around their image, in fractions."""
    return [inside(in_square(box, *size)) for box in boxes]


def fits(text: str, numbers: Sequence[list[int]]) -> bool:
    """Say whether there is a list of numbers for each mark."""
    return text.count(END) == len(numbers)


def marked(text: str, numbers: Sequence[list[int]], boxes: Sequence[Box], style: Style) -> str:
    """Write the boxes of each mark at its place, as Shikra does or as LLaVA's data would.

    Raises ValueError for a number without a box.
    """
    written, *others = text.replace(START, "").split(END)
    for some, following in zip(numbers, others, strict=True):
        if not all(0 <= number < len(boxes) for number in some):
            raise ValueError("a mark names a box that is not there")
        named = [boxes[number] for number in some]
        if named and style == "shikra":
            written += show_joined(named)
        elif named:
            written += ("" if written.endswith(" ") or not written else " ") + show_all(named, 2)
        written += following
    return _TWO_BLANKS.sub(" ", written)


def unmarked(text: str) -> str:
    """Take the marks from a text, and the blanks that they leave."""
    plain = _TWO_BLANKS.sub(" ", text.replace(START, "").replace(END, ""))
    return _BEFORE_STOP.sub("", plain) if END in text else plain
