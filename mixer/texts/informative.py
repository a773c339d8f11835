"""The informative part of a question: what is left without requests for the form of an answer.

Thousands of records ask for a caption in the same eleven sentences, or end in the same request for a short answer. Such
wordings make unlike records alike, so records may be compared without them. They are the wordings that converters use,
taken from where they are written; see `mixer.texts.wordings`.
"""

from __future__ import annotations

from mixer.texts.wordings import FRAMES, LINES, REQUESTS


def informative(text: str) -> str:
    """Give a human turn without its format prompts; nothing may be left. Placeholders must be out of it already.

    A turn that is a request goes as a whole. An instruction goes at the start or at the end, where a blank or a line end
    sets it off. Of a template what was put into it stays. A line that begins as those with an image's OCR tokens do goes.
    """
    left = "\n".join(line for line in text.replace("\r\n", "\n").split("\n") if not line.lstrip().startswith(LINES))
    while True:
        before, left = left, _without_one(left.strip())
        if left == before:
            return left


def _without_one(text: str) -> str:
    """Take one wording out of a text, the longest that fits."""
    if text in REQUESTS:
        return ""
    for start, end, apart in FRAMES:
        if text.startswith(start) and text.endswith(end) and len(text) >= len(start) + len(end):
            left = text[len(start) : len(text) - len(end)]
            beside = left[:1] if start else left[-1:]
            if not apart or not beside.strip():
                return left.strip()
    return text
