"""When two records of different files are the same: the digests behind `except` and `only`.

Files copy records from each other and change what does not matter: ids, folders of media, CRLF, blanks at the ends, the
place of a placeholder's newline. So a record's text is compared with CRLF as LF, placeholders and the blanks beside
them removed and the ends stripped, together with the base names of its media; ids never enter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from mixer.columns import write_frame
from mixer.conversation import AUDIO, IMAGE, SYSTEM, VIDEO, Conversation, encode, media

_PLACEHOLDERS = {
    name: re.compile(rf"\s*{token}\s*") for name, token in (("image", IMAGE), ("video", VIDEO), ("audio", AUDIO))
}


def match_digests(record: Conversation) -> tuple[bytes, bytes]:
    """Give the (content, prompt) digests of a valid record, 16 bytes each.

    The prompt digest covers the human turns and the media only, the content digest everything that is said.
    """
    texts = [_lf(turn.value).strip() for turn in record.conversations]
    paths = media(record)
    if paths:  # in a record without media a placeholder is text
        texts = _without_placeholders(record, texts)
    names = [path[path.rfind("/") + 1 :] for path in paths]
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


def write_digests(lines: Path, out: Path, _settings: Mapping[str, Any]) -> None:
    """Write the digests of a part's conversations, one a line, as a Parquet file with the columns content and prompt."""
    import polars as pl

    decode = msgspec.json.Decoder(Conversation).decode
    with lines.open("rb") as file:
        digests = [match_digests(decode(line)) for line in file]
    write_frame(pl.DataFrame(digests, schema=dict.fromkeys(("content", "prompt"), pl.Binary), orient="row"), out)
