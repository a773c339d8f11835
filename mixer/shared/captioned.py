"""Dialogues about a captioned image: what becomes of the caption that the speakers knew."""

from __future__ import annotations

from mixer.prompts import BRIEF, pick

CONTEXT, TURN = "context", "turn"
"""Two of the ways; in any other the caption is left out."""


def rounds(caption: str, asked: list[tuple[str, str]], way: str, *owner: str) -> list[tuple[str, str]]:
    """Put the caption of an image into the rounds of a dialogue about it.

    As `context` it stands on a line of its own before the first question, where ParlAI has it. As `turn` it is the
    answer of a first round, asked for in one of LLaVA's wordings, picked by a hash of `owner`.
    """
    if way == TURN:
        return [(pick(BRIEF, *owner, "prompt"), caption), *asked]
    if way == CONTEXT:
        (question, answer), *others = asked
        return [(f"{caption}\n{question}", answer), *others]
    return asked
