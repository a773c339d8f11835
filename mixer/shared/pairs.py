"""Preference pairs: a better and a worse answer to the same prompt, or, for instruction mixes, the better one alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from mixer.conversation import GPT, HUMAN, IMAGE, Conversation, Skip, Turn, dialogue
from mixer.sources import Options

Kind = Literal["preference", "instruct"]


class PairOptions(Options):
    """What becomes of pairs. A source of pairs adds its own options; in a recipe, the recipe's `kind` decides."""

    kind: Kind = Field(
        default="preference",
        description="Both answers, or the better one as the reply. In a recipe its own `kind` says.",
    )


def pair(
    options: PairOptions,
    *,
    id: str,
    prompt: str,
    chosen: str,
    rejected: str,
    history: Iterable[tuple[str, str]] = (),
    image: str | Sequence[str] | None = None,
    video: str | None = None,
) -> Conversation | Skip:
    """Build the record of a pair; `history` are the rounds before the prompt. Placeholders start the first question.

    A side that is missing, and two answers that are equal but for blanks around them, are skipped.
    """
    return unusable(chosen, rejected) or with_pair(
        options, dialogue(id=id, rounds=[*history, (prompt, chosen)], image=image, video=video), rejected=rejected
    )


def unusable(chosen: str, rejected: str) -> Skip | None:
    """Say why two answers are no pair, if they are none."""
    if not chosen.strip() or not rejected.strip():
        return Skip(f"no {'rejected' if chosen.strip() else 'chosen'} answer")
    return Skip("both answers are equal") if chosen.strip() == rejected.strip() else None


def with_pair(options: PairOptions, better: Conversation, *, rejected: str) -> Conversation:
    """Make the record of a pair of a dialogue whose last reply is the better answer."""
    if options.kind == "instruct":
        return better
    *turns, chosen = better.conversations
    assert chosen.from_ == GPT, "a dialogue ends with a reply"
    assert turns[-1].from_ == HUMAN, "which answers somebody"
    better.conversations, better.chosen, better.rejected = turns, chosen, Turn(GPT, rejected)
    return better


def unplaced(prompt: str, token: str = IMAGE) -> str:
    """Take a placeholder out of a prompt, and then the blanks around it, as trainers do before they put it first."""
    return prompt.replace(token, "").strip() if token in prompt else prompt
