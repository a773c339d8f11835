"""Wordings that several sources share, and the pick by hash. A wording used by one source lives in that source."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import TypeVar

SHORT_ANSWER = "Answer the question using a single word or phrase."
"""LLaVA-1.5, after the first question of VQAv2, OK-VQA, GQA and OCR-VQA records."""

SHORT_ANSWER_KO = "한 단어나 짧은 구로 답하세요."
"""The same request in Korean; the wording is ours."""

OPTION_LETTER = "Answer with the option's letter from the given choices directly."
"""LLaVA-1.5, after the options of an A-OKVQA record's first question."""

MAIN_SOUND = "What is the main sound event in this clip?\nAnswer with the sound class label only."
"""lmms-eval, for the label of a VGG-Sound clip."""

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

IDENTIFY = (
    "[identify] {}",
    "[identify] what object is in this location {}",
    "[identify] identify the object present at this location {}",
    "[identify] what is it in {}",
    "[identify] describe this object in {}",
    "[identify] this {} is",
    "[identify] the object in {} is",
)
"""MiniGPT-v2's requests for the phrase of a box."""

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


ONE_SENTENCE = "Provide a one-sentence caption for the provided image."
"""LLaVA-1.5, before the OCR tokens of a TextCaps record, and in captioning tests."""

CAPTION = (
    "Briefly describe this image.",
    "Provide a concise depiction of this image.",
    "Present a short description of this image.",
    "Summarize this image in a few words.",
    "A short image caption:",
    "A short image description:",
    "A photo of ",
    "An image that shows ",
    "Write a short description for the image. ",
    "Write a description for the photo.",
    "Provide a description of what is presented in the photo.",
    "Briefly describe the content of the image.",
    "Can you briefly explain what you see in the image?",
    "Could you use a few words to describe what you perceive in the photo?",
    "Please provide a short depiction of the picture.",
    "Using language, provide a short account of the image.",
    "Use a few words to illustrate what is happening in the picture.",
)
"""MiniGPT-v2's requests for a caption, some with a blank at their end; it puts `[caption] ` before each."""

SHORT_CAPTION = tuple(wording.rstrip() for wording in CAPTION[4:])
"""InstructBLIP's requests for a caption: the last thirteen of MiniGPT-v2's, without blanks at their end."""

GROUNDED = (
    "Can you provide a description of the image and include the coordinates [x0,y0,x1,y1] for each mentioned object?",
    "Please explain what's happening in the photo and give coordinates [xmin,ymin,xmax,ymax] for the items you reference.",
    "How would you describe the contents of the image? Please provide the positions of mentioned objects in square brackets.",
)
"""Some of Shikra's requests for a caption with boxes in it, without the image's place in them."""

T = TypeVar("T")
_EIGHT = struct.Struct("<8Q")


def pick(choices: Sequence[T], *parts: str) -> T:
    """Pick a wording by a hash of what it is for (source, record, part, purpose), so that nothing else changes it."""
    return choices[_number(parts) % len(choices)]


def drawn(numbers: Sequence[int], *parts: str) -> Iterator[tuple[int, bool]]:
    """Draw things one after the other by hashes of what that is for: their places, and the flip of a coin for each.

    Things are told by their numbers, so where they stand does not matter. A draw costs little however many things there
    are: some images have hundreds of regions of which ten are wanted.
    """
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    for taken, draw in zip(range(len(order)), _draws(parts), strict=False):
        other = taken + draw % (len(order) - taken)
        order[taken], order[other] = order[other], order[taken]
        yield order[taken], draw >> 63 == 1


def _draws(parts: Iterable[str]) -> Iterator[int]:
    """Go through an endless row of numbers of 64 bits."""
    named = _named(parts)
    for block in count():
        yield from _EIGHT.unpack(hashlib.blake2b(b"%b%d" % (named, block)).digest())


def _number(parts: Iterable[str]) -> int:
    return int.from_bytes(hashlib.blake2b(_named(parts), digest_size=8).digest(), "little")


def _named(parts: Iterable[str]) -> bytes:
    return b"".join([b"%d:%b" % (len(part), part) for part in map(str.encode, parts)])
