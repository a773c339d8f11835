"""The user's own preference pairs: two answers to one prompt, of which one is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle
from typing import Any

import msgspec

from mixer.conversation import GPT, HUMAN, Labelled, Skip
from mixer.shared.own_rows import Row, plain, rounds
from mixer.shared.own_turns import CALL, MESSAGES, SHAREGPT, Said, TurnOptions, made, text_of, turns, uses_tools
from mixer.shared.pairs import PairOptions, with_pair

_CHOSEN = ("chosen", "chosen_messages")
_REJECTED = ("rejected", "rejected_messages", "rejected_response")
_OTHER_MEDIA = ("rejected_images", "rejected_videos", "rejected_audios")


class OwnPairOptions(PairOptions, TurnOptions):
    """How the user's pairs differ from what is expected."""


def convert(raw: Mapping[str, Any], options: OwnPairOptions) -> Labelled | Skip:
    """Make a pair of a record whose answers stand alone or at the ends of two dialogues."""
    row = Row(raw, options)
    if any(name in row for name in _OTHER_MEDIA):
        raise row.unknown("a pair whose media differ, which no record holds")
    prompt = _prompt(row, options)
    if MESSAGES.turns in row and not any(name in row for name in _CHOSEN):  # ms-swift's: it ends with the better answer
        prompt, better = prompt[:-1], prompt[-1:]
    else:
        better = _side(row, _CHOSEN, options)
    worse = _side(row, _REJECTED, options)
    if not better or not worse:
        return Skip(f"no {'rejected' if better else 'chosen'} answer")
    asked = better[:-1] or prompt
    if worse[:-1] not in ([], asked):
        raise msgspec.ValidationError("the two answers belong to different dialogues")
    if prompt and better[:-1] and not _ends_with(better[:-1], prompt):
        raise msgspec.ValidationError("the answers belong to another dialogue than the prompt")
    if options.tools == "skip" and uses_tools(*worse[-1]):
        return Skip("uses tools")
    if worse[-1][0] not in (GPT, CALL):
        raise msgspec.ValidationError("expected answers to a question")
    rejected = text_of(worse[-1][1])
    made_of = made(row, [*asked, better[-1]], options)
    if isinstance(made_of, Skip):
        return made_of
    return _paired(made_of, rejected, options)


def _paired(better: Labelled, rejected: str, options: OwnPairOptions) -> Labelled | Skip:
    spoken = better.conversation.conversations
    if [turn.from_ for turn in spoken[-2:]] != [HUMAN, GPT]:
        raise msgspec.ValidationError("expected answers to a question")
    chosen = spoken[-1].value
    if not chosen.strip() or not rejected.strip():
        return Skip(f"no {'rejected' if chosen.strip() else 'chosen'} answer")
    if chosen.strip() == rejected.strip():
        return Skip("both answers are equal")
    return replace(better, conversation=with_pair(options, better.conversation, rejected=rejected))


def _prompt(row: Row, options: OwnPairOptions) -> list[Said]:
    """Give the turns before the answers: a dialogue's, or a prompt with its history and, on the next line, its input."""
    for names in (MESSAGES, SHAREGPT):
        if names.turns in row:
            return list(turns(row.listed(names.turns), names, options))
    prompt = row.value("prompt")
    if isinstance(prompt, list):
        return list(turns(prompt, MESSAGES, options))
    if not prompt:
        return []
    said = zip(cycle((HUMAN, GPT)), (text for each in rounds(row.listed("history")) for text in each))
    return [*said, (HUMAN, "\n".join(filter(None, (plain(prompt, "prompt"), row.text("input")))))]


def _ends_with(dialogue: list[Said], prompt: list[Said]) -> bool:
    """Say whether a dialogue's last turns are those of the prompt, but for blanks around them."""
    given, wanted = (
        [(role, said.strip() if isinstance(said, str) else said) for role, said in each]
        for each in (dialogue[-len(prompt) :], prompt)
    )
    return given == wanted


def _side(row: Row, names: tuple[str, ...], options: OwnPairOptions) -> list[Said]:
    """Give the turns of one side: an answer alone, or behind the dialogue before it."""
    if not any(name in row for name in names):
        raise row.unknown(f"no column for {names[0]!r}")
    held = next(row.value(name) for name in names if name in row)
    if held is None or isinstance(held, str):
        return [(GPT, held)] if held else []
    return list(turns(held if isinstance(held, list) else [held], MESSAGES, options))
