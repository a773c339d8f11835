"""A region and the phrase that describes it, as a question and its answer: LLaVA-1.5's form and MiniGPT-v2's.

Boxes are in pixels and lie inside their image, and `size` is the image's (width, height).
"""

from __future__ import annotations

from mixer.boxes import Box, percent, show_in_square
from mixer.conversation import capitalised
from mixer.prompts import BOX_OF_PHRASE, IDENTIFY, PHRASE_OF_BOX, REFER, pick
from mixer.shared.minigpt_v2 import plain

_ASK_BOX, _ASKED_BOX = BOX_OF_PHRASE.split("{}")
_ASK_PHRASE, _ASKED_PHRASE = PHRASE_OF_BOX.split("{}")
"""What stands before and behind; joined to what is asked for, they take a third of the time of `str.format`."""


def box_or_phrase(phrase: str, box: Box, size: tuple[int, int], *, ask_box: bool) -> tuple[str, str]:
    """Ask for the box of a phrase or for the phrase of a box, as LLaVA-1.5 does; a phrase ends with one period."""
    bare, shown = phrase.rstrip(" ."), show_in_square(box, *size)
    if ask_box:
        return f"{_ASK_BOX}{bare}{_ASKED_BOX}", shown
    return f"{_ASK_PHRASE}{shown}{_ASKED_PHRASE}", f"{capitalised(bare)}."


def location(phrase: str, box: Box, size: tuple[int, int], *key: str) -> tuple[str, str]:
    """Ask for the box of a phrase as MiniGPT-v2 does: in lower case, without punctuation; `key` names the region."""
    return pick(REFER, *key, "prompt").format(plain(phrase)), percent(box, *size)


def identity(phrase: str, box: Box, size: tuple[int, int], *key: str) -> tuple[str, str]:
    """Ask for the phrase of a box as MiniGPT-v2 does, the other way round."""
    return pick(IDENTIFY, *key, "prompt").format(percent(box, *size)), plain(phrase)
