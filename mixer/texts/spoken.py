"""What a record says, so that copies that differ in what does not matter are equal.

Of each turn: its role and its text without the placeholders of the record's own media, in canonical caseless form
(Unicode's NFC of the case-folded text), each run of blanks and line ends one blank, ends stripped. Punctuation stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import normalize

from mixer.conversation import AUDIO, HUMAN, IMAGE, VIDEO, Conversation, media

CHOSEN, REJECTED = "chosen", "rejected"
"""The roles of a preference record's two answers."""
_PLACEHOLDERS = (("image", IMAGE), ("video", VIDEO), ("audio", AUDIO))


def spoken(record: Conversation, *, only_informative: bool = False) -> list[tuple[str, str]]:
    """Give (role, text) of every turn that says something, in order; a pair's two answers come last.

    `only_informative`: without requests for the form of an answer, see `mixer.texts.informative`.
    """
    tokens = [token for name, token in _PLACEHOLDERS if getattr(record, name) is not None]
    turns = [(turn.from_, turn.value) for turn in record.conversations]
    for role, answer in ((CHOSEN, record.chosen), (REJECTED, record.rejected)):
        if answer is not None:
            turns.append((role, answer.value))
    told = ((role, _without(text, tokens)) for role, text in turns)
    if only_informative:
        from mixer.texts.informative import informative  # loads the sources whose wordings it knows

        told = ((role, informative(text) if role == HUMAN else text) for role, text in told)
    normal = ((role, normalised(text)) for role, text in told)
    return [(role, text) for role, text in normal if text]


def normalised(text: str) -> str:
    """Give a text in the form in which texts are compared."""
    folded = text.lower() if text.isascii() else normalize("NFC", normalize("NFD", text).casefold())
    return " ".join(folded.split())


def media_names(record: Conversation) -> list[str]:
    """List the base names of a record's media: copies of a record keep them in other folders."""
    return list(map(base_name, media(record)))


def base_name(path: str) -> str:
    """Give a medium's name without its folders."""
    return path[path.rfind("/") + 1 :]


def _without(text: str, tokens: Iterable[str]) -> str:
    """Take placeholders out. In a record without such a medium the same token is text, and stays."""
    for token in tokens:
        text = text.replace(token, " ")
    return text
