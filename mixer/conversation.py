r"""The conversation: one LLaVA-style record, its bytes, its identity, and the builders that converters use.

    {"id": "7", "image": "coco/train2017/000000000007.jpg",
     "conversations": [{"from": "human", "value": "<image>\nWhat is this?"}, {"from": "gpt", "value": "A kite."}]}

Keys keep this order and are absent, never null, when they do not apply. Preference records add `chosen` and
`rejected`, and their `conversations` end with the human turn.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b, sha256

import msgspec

IMAGE, VIDEO, AUDIO = "<image>", "<video>", "<audio>"
HUMAN, GPT, SYSTEM = "human", "gpt", "system"
_DIGEST = 16
"""Bytes of a content digest."""


class Turn(msgspec.Struct, gc=False):
    """One message of a conversation."""

    from_: str = msgspec.field(name="from")
    value: str


class Conversation(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """One record as a trainer reads it. Media paths are relative to one media root."""

    id: str
    image: str | list[str] | None = None
    video: str | None = None
    audio: str | list[str] | None = None
    conversations: list[Turn]
    chosen: Turn | None = None
    rejected: Turn | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """Index columns of a record that are not in its JSON."""

    subset: str | None = None
    split: str | None = None
    task: str | None = None
    language: str | None = None
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class Labelled:
    """A conversation together with its labels: what a converter returns when it has any."""

    conversation: Conversation
    labels: Labels
    items: int = 1
    """Raw items it holds, where a converter is given groups of them."""
    embedded: Mapping[str, bytes] | None = None
    """Media that the raw record held: path under the media root (see `mixer.embedded`) -> the file's bytes."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A converter's word that a raw item gives no conversation, and why. Expected, and counted."""

    reason: str
    items: int = 1
    """Raw items that are lost for this reason, where a record or a group holds several."""


_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""The canonical bytes of a conversation: compact JSON, UTF-8, no newline."""


encode_lines = _encoder.encode_lines
"""The same of many, each with a newline behind it; JSON holds none itself."""


def digest(line: bytes, id: str) -> bytes:
    """Digest a record's canonical bytes without its id (16 bytes): equal content, equal digest."""
    return digests([line], [id])[0]


def digests(lines: Iterable[bytes], ids: Iterable[str]) -> list[bytes]:
    """Digest many records' canonical bytes; see `digest`.

    The first half of their sha256, which takes 0.7 of blake2b's time where the processor has instructions for it.
    """
    # A record starts {"id":"...", so its content starts after the id, the 6 bytes before it and the comma after it.
    return [sha256(line[7 + len(id) :]).digest()[:_DIGEST] for line, id in zip(lines, map(encode, ids), strict=True)]


def starts_with_id(line: bytes, id: str) -> bool:
    """Say whether a record's canonical bytes begin with this id."""
    return line.startswith(b'{"id":' + encode(id) + b",")


def record_key(id: str, digest: bytes, ordinal: int) -> int:
    """Give a record's 64-bit identity; `ordinal` counts records of equal id and digest from 0."""
    return record_keys([id], [digest], ordinal)[0]


def record_keys(ids: Iterable[str], digests: Iterable[bytes], ordinal: int = 0) -> list[int]:
    """Give the identities of many records of the same ordinal; see `record_key`."""
    last = ordinal.to_bytes(8, "little")
    keys = [
        blake2b(len(name).to_bytes(8, "little") + name + digest + last, digest_size=8).digest()
        for name, digest in zip(map(str.encode, ids), digests, strict=True)
    ]
    return list(struct.unpack(f"<{len(keys)}Q", b"".join(keys)))


def content_id(owner: str, conversation: Conversation, part: int | None = None) -> str:
    """Make the id of a record that has none: its owner (image, dialogue ...), its content, its index in the raw record.

    A position in a file never enters, so that reordering a file changes no id.
    """
    content = digest(encode(conversation), conversation.id).hex()[:12]
    return f"{owner}-{content}" if part is None else f"{owner}-{content}-{part}"


def media(conversation: Conversation) -> list[str]:
    """List the media paths of a record: images, then video, then audio."""
    paths: list[str] = []
    for given in (conversation.image, conversation.video, conversation.audio):
        if given is not None:
            paths += [given] if isinstance(given, str) else given
    return paths


def qa(*, id: str, question: str, answer: str, image: str | None = None) -> Conversation:
    """Build a record of one question and its answer; `<image>` and a newline start the question of an image."""
    return dialogue(id=id, rounds=[(question, answer)], image=image)


def dialogue(
    *,
    id: str,
    rounds: Iterable[tuple[str, str]],
    image: str | Sequence[str] | None = None,
    video: str | None = None,
    audio: str | Sequence[str] | None = None,
) -> Conversation:
    """Build a record of (human, gpt) rounds; a placeholder and a newline for each medium start the first question.

    Images come first, then the video, then audio. One file in a list is written as one, none as no medium.
    """
    turns: list[Turn] = []
    for question, answer in rounds:
        turns += Turn(HUMAN, question), Turn(GPT, answer)
    if type(image) is str and video is None and audio is None:  # by far the most common
        turns[0].value = f"{IMAGE}\n{turns[0].value}"
        return Conversation(id=id, image=image, conversations=turns)
    images, audios = ([each] if isinstance(each, str) else list(each or ()) for each in (image, audio))
    placeholders = [IMAGE] * len(images) + [VIDEO] * (video is not None) + [AUDIO] * len(audios)
    turns[0].value = "".join(f"{placeholder}\n" for placeholder in placeholders) + turns[0].value
    return Conversation(id=id, image=_one_or_all(images), video=video, audio=_one_or_all(audios), conversations=turns)


def _one_or_all(paths: list[str]) -> str | list[str] | None:
    return paths if len(paths) > 1 else next(iter(paths), None)


def capitalised(text: str) -> str:
    """Write the first letter in upper case and leave the rest, as LLaVA-1.5's mix does with short answers."""
    return text[:1].upper() + text[1:]
