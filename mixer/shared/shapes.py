"""Stock raw shapes: a raw record type and its converter, for sources that need no code of their own."""

from __future__ import annotations

import msgspec

from mixer.conversation import Conversation, Turn


class LlavaRecord(msgspec.Struct):
    """A record in LLaVA's own format. Other keys, such as the `model` left by FastChat's splitter, are ignored."""

    id: str | int
    conversations: list[Turn]
    image: str | None = None


def llava(raw: LlavaRecord, _options: object = None) -> Conversation:
    """Pass a LLaVA record through: ids become text, everything else is kept byte for byte."""
    return Conversation(id=str(raw.id), image=raw.image, conversations=raw.conversations)
