"""When two records of different files are the same: the digests behind `except` and `only`.

Files copy records from each other and change what does not matter: ids, folders of media, CRLF, blanks at the ends, the
place of a placeholder's newline. So a record's text is compared with CRLF as LF, placeholders and the blanks beside
them removed and the ends stripped, together with the base names of its media; ids never enter.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from mixer.conversation import AUDIO, IMAGE, SYSTEM, VIDEO, Conversation, encode
from mixer.validate import Checked

_PLACEHOLDERS = {
    name: re.compile(rf"\s*{token}\s*") for name, token in (("image", IMAGE), ("video", VIDEO), ("audio", AUDIO))
}


def match_digests(record: Conversation, media: list[str], checked: Checked) -> tuple[bytes, bytes]:
    """Give the (content, prompt) digests of a valid record, 16 bytes each; `media` are its paths.

    The prompt digest covers the human turns and the media only, the content digest everything that is said.
    """
    texts = [_lf(text) if "\r" in text else text for text in checked.stripped]
    if media:  # in a record without media a placeholder is text
        texts = _without_placeholders(record, texts)
    names = [path[path.rfind("/") + 1 :] for path in media]
    # Roles alternate, so the human turns and the answers, each in order, are the whole conversation.
    system = texts.pop(0) if record.conversations[0].from_ == SYSTEM else None
    asked, answers = texts[::2], texts[1::2]
    if record.chosen is not None:
        answers += [_lf(turn.value).strip() for turn in (record.chosen, record.rejected) if turn]
    prompt = blake2b(encode((asked, names)), digest_size=16).digest()
    return blake2b(prompt + encode((answers, system)), digest_size=16).digest(), prompt


def _without_placeholders(record: Conversation, texts: list[str]) -> list[str]:
    if type(record.image) is str and record.video is None and record.audio is None:
        # The common record: one image, whose placeholder starts or ends the first human turn.
        first = texts[0]
        if first.startswith(IMAGE):
            return [first[len(IMAGE) :].strip(), *texts[1:]]
        if first.endswith(IMAGE):
            return [first[: -len(IMAGE)].strip(), *texts[1:]]
    for name, pattern in _PLACEHOLDERS.items():
        if getattr(record, name) is not None:
            texts = [pattern.sub("", each).strip() if "<" in each else each for each in texts]
    return texts


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n")
