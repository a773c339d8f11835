"""Wordings that several sources share, and the pick by hash. A wording used by one source lives in that source."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

SHORT_ANSWER = "Answer the question using a single word or phrase."
"""LLaVA-1.5, after the first question of VQAv2, OK-VQA, GQA and OCR-VQA records."""

OPTION_LETTER = "Answer with the option's letter from the given choices directly."
"""LLaVA-1.5, after the options of an A-OKVQA record's first question."""

BOX_OF_PHRASE = "Please provide the bounding box coordinate of the region this sentence describes: {}."
PHRASE_OF_BOX = "Please provide a short description for this region: {}."
"""LLaVA-1.5, the two directions of a region and its phrase."""

REFER = (
    "[refer] {}",
    "[refer] give me the location of {}",
    "[refer] where is {} ?",
    "[refer] from this image, tell me the location of {}",
    "[refer] the location of {} is",
    "[refer] could you tell me the location for {} ?",
    "[refer] where can I locate the {} ?",
)
"""MiniGPT-v2's requests for the box of a phrase."""

BRIEF = (
    "Describe the image concisely.",
    "Provide a brief description of the given image.",
    "Give a brief description of the image.",
    "Render a clear and concise summary of the photo.",
    "Give a short and clear explanation of the subsequent image.",
    "Share a concise interpretation of the image provided.",
    "What is this?",
    "Present a compact description of the photo's key features.",
    "Summarize the visual content of the image.",
    "What is in the photo?",
    "Write a terse but informative summary of the picture.",
)
"""LLaVA's requests for a one-line caption, as in LLaVA-Pretrain."""

DETAIL = (
    "Describe the following image.",
    "What do you see happening in this image?",
    "What is this photo about'?",  # the apostrophe is the published one
    "Write a detailed description of the given image.",
    "Analyze the image in a comprehensive and detailed manner.",
    "Explain the visual content of the image in great detail.",
    "What are the key elements in this picture?",
    "Can you describe the main features of this image for me?",
    "Can you elaborate on the elements of the picture provided?",
    "What's happening in the scene?",
    "What do you think is going on in this snapshot?",
)
"""LLaVA's requests for a long description, as in LLaVA-Instruct and ShareGPT4V."""


T = TypeVar("T")


def pick(choices: Sequence[T], *parts: str) -> T:
    """Pick a wording by a hash of what it is for (source, record, part, purpose), so that nothing else changes it."""
    return choices[_number(parts) % len(choices)]


def pick_some(choices: Sequence[T], most: int, name: Callable[[T], str], *parts: str) -> list[T]:
    """Pick at most so many things by hashes of their names and of what they are for; their order stays."""
    if len(choices) <= most:
        return list(choices)
    ranked = sorted(range(len(choices)), key=lambda place: _number((*parts, name(choices[place]))))
    return [choices[place] for place in sorted(ranked[:most])]


def _number(parts: Iterable[str]) -> int:
    named = b"".join(b"%d:%b" % (len(part), part) for part in map(str.encode, parts))
    return int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "little")
