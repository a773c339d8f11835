"""Box formats: corners x1, y1, x2, y2 as fractions of the image, or of the square that the image is padded to."""

from __future__ import annotations

import re

Box = tuple[float, float, float, float]
_BRACKETED = re.compile(r"\[([^\[\]]*)\]")


def parse(text: str) -> Box | None:
    """Read four numbers of 0 to 1 with commas between them. Anything else is no box: None."""
    try:
        x1, y1, x2, y2 = map(float, text.split(","))
    except ValueError:
        return None
    return (x1, y1, x2, y2) if all(0 <= number <= 1 for number in (x1, y1, x2, y2)) else None


def pad_to_square(box: Box, width: int, height: int) -> Box:
    """Move a box of a width x height image to the square around it, the image centred along its shorter side."""
    side = max(width, height)
    x1, y1, x2, y2 = box
    return _pad(x1, width, side), _pad(y1, height, side), _pad(x2, width, side), _pad(y2, height, side)


def _pad(number: float, length: int, side: int) -> float:
    return number if length == side else (number * length + (side - length) / 2) / side


def show(box: Box, decimals: int) -> str:
    """Print a box as LLaVA's data do: Python floats of at most so many decimals, `[0.172, 0.61, 0.832, 1.0]`."""
    return str([round(number, decimals) for number in box])


def text_in_square(text: str, width: int, height: int, decimals: int) -> str:
    """Move every bracketed box in a text to the padded square; other bracketed groups stay as they are."""

    def moved(group: re.Match[str]) -> str:
        box = parse(group[1])
        return group[0] if box is None else show(pad_to_square(box, width, height), decimals)

    return _BRACKETED.sub(moved, text)
