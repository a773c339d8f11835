"""When two records of different files are the same: the digests behind `except` and `only`.

Files copy records from each other and change what does not matter: ids, folders of media, CRLF, blanks at the ends, the
place of a placeholder's newline. So a record's text is compared with CRLF as LF, placeholders and the blanks beside
them removed and the ends stripped, together with the base names of its media; ids never enter.
"""

from __future__ import annotations

import hashlib
import re

from mixer.conversation import AUDIO, HUMAN, IMAGE, VIDEO, Conversation, encode

_PLACEHOLDERS = {
    name: re.compile(rf"[ \t\r\n]*{token}[ \t\r\n]*")
    for name, token in (("image", IMAGE), ("video", VIDEO), ("audio", AUDIO))
}


def match_digests(conversation: Conversation, media: list[str]) -> tuple[bytes, bytes]:
    """Give the (content, prompt) digests of a record, 16 bytes each; `media` are its paths.

    The prompt digest covers the human turns and the media only.
    """
    turns = conversation.conversations
    texts = [turn.value for turn in turns]
    if "\r" in "".join(texts):
        texts = [_lf(text) for text in texts]
    for name, pattern in _PLACEHOLDERS.items():
        if getattr(conversation, name) is not None:  # in other records the token is text
            texts = [pattern.sub("", text) if "<" in text else text for text in texts]
    said = [(turn.from_, text.strip()) for turn, text in zip(turns, texts, strict=True)]
    names = [path.rpartition("/")[2] for path in media]
    answers = [turn and _lf(turn.value).strip() for turn in (conversation.chosen, conversation.rejected)]
    content = encode((said, answers, names))
    prompt = encode(([text for role, text in said if role == HUMAN], names))
    return hashlib.blake2b(content, digest_size=16).digest(), hashlib.blake2b(prompt, digest_size=16).digest()


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n")
