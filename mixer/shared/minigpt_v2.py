"""What MiniGPT-v2 does with the texts of all its sources, and how it asks for short answers."""

from __future__ import annotations

from mixer.prompts import pick

VQA = ("[vqa] {}", "[vqa] Based on the image, respond to this question with a short answer: {}")
LONGEST = 50
"""Words that are left of a text."""
_PUNCTUATION = str.maketrans(dict.fromkeys('.!"()*#:;~', " "))


def plain(text: str) -> str:
    """Write a text in lower case, without some punctuation and doubled blanks, and not too long."""
    return " ".join(text.lower().translate(_PUNCTUATION).split()[:LONGEST])


def question(text: str, *key: str) -> str:
    """Ask for a short answer; `key` names the question."""
    return pick(VQA, *key, "prompt").format(plain(text))
