"""Copies of preference data in trainers' own formats, with the images inside: LLaMA-Factory's rows and TRL's.

Each is about one image, or none. Its placeholder comes to the front of the first question, on a line of its own, as in
records of the data itself.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from mixer.conversation import GPT, HUMAN, IMAGE, Labelled, Labels, Skip, Turn, content_id, dialogue
from mixer.shared.cells import ImageCell
from mixer.shared.pairs import PairOptions, unplaced, unusable, with_pair
from mixer.shared.rlhf_pairs import stem

_SPEAKERS = {"user": HUMAN, "assistant": GPT}


class Ranked(msgspec.Struct):
    """A row for LLaMA-Factory; the placeholders stand in the texts already."""

    conversations: list[Turn]
    chosen: Turn
    rejected: Turn
    images: list[ImageCell]

    def turns(self) -> list[list[Turn]]:
        """Give the prompt's turns, the chosen answer's and the rejected one's."""
        return [self.conversations, [self.chosen], [self.rejected]]


class Part(msgspec.Struct):
    """An image, or a text."""

    type: Literal["image", "text"]
    text: str | None = None


class Message(msgspec.Struct):
    """What somebody says, in parts."""

    role: Literal["user", "assistant"]
    content: list[Part]

    def turn(self) -> Turn:
        """Write it as a turn, a part a line."""
        texts = [IMAGE if part.type == "image" else part.text or "" for part in self.content]
        return Turn(_SPEAKERS[self.role], "\n".join(texts))


class Typed(msgspec.Struct):
    """A row for TRL; placeholders are parts of messages."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    images: list[ImageCell]

    def turns(self) -> list[list[Turn]]:
        """Give the prompt's turns, the chosen answer's and the rejected one's."""
        return [[message.turn() for message in each] for each in (self.prompt, self.chosen, self.rejected)]


def record(row: Ranked | Typed, options: PairOptions, folder: str) -> Labelled | Skip:
    """Make the record of a row, whose id is of its first image and its content."""
    prompt, chosen, rejected = row.turns()
    for name, turns in (("chosen", chosen), ("rejected", rejected)):
        if [turn.from_ for turn in turns] != [GPT]:
            raise msgspec.ValidationError(f"`{name}` is not one answer")
    roles = [turn.from_ for turn in prompt]
    if roles != [HUMAN, GPT] * (len(roles) // 2) + [HUMAN]:
        raise msgspec.ValidationError("the prompt does not alternate and end with a question")
    if len(row.images) > 1:
        raise msgspec.ValidationError("more than one image")
    if prompt[0].value.count(IMAGE) != len(row.images):
        raise msgspec.ValidationError("the first question has not one placeholder for each image")
    (good,), (bad,) = chosen, rejected
    loss = unusable(good.value, bad.value)
    if loss:
        return loss
    files = [(cell.name(folder), cell.content) for cell in row.images]
    texts = [unplaced(prompt[0].value), *(turn.value for turn in prompt[1:]), good.value]
    rounds = zip(texts[::2], texts[1::2], strict=True)
    better = dialogue(id="", rounds=rounds, image=[path for path, _ in files])
    better.id = content_id(stem(files[0][0])[:12] if files else "text", better)
    return Labelled(with_pair(options, better, rejected=bad.value), Labels(), embedded=dict(files))
