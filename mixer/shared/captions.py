"""Captions that people wrote about an image: one of them or a record of each, and how a caption is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from mixer.conversation import Conversation, Labelled, Labels, Skip, content_id, qa
from mixer.prompts import CAPTION, ONE_SENTENCE, SHORT_CAPTION, pick
from mixer.shared import minigpt_v2
from mixer.sources import Options

Prompt = Literal["llava", "minigpt_v2", "instructblip", "swift", "parlai"]
REQUESTS: Mapping[Prompt, Sequence[str]] = {
    "llava": (ONE_SENTENCE,),
    "minigpt_v2": tuple(f"[caption] {wording}" for wording in CAPTION),
    "instructblip": SHORT_CAPTION,
    "swift": ("please describe the image.",),
    "parlai": ("Describe the above picture in a sentence.",),
}
"""As published by each project; of several one is picked by hash."""


class PromptOptions(Options):
    """How a caption is asked for."""

    prompt: Prompt = Field(
        default="llava",
        description="LLaVA's request for one sentence, InstructBLIP's thirteen, ms-swift's, ParlAI's, or MiniGPT-v2's "
        "seventeen, which come with captions in lower case and without punctuation.",
    )


class CaptionOptions(PromptOptions):
    """Which captions of an image, and how they are asked for."""

    captions: Literal["one", "all"] = Field(
        default="one",
        description="A record of each image with one of its captions, picked by hash, or of each caption.",
    )


class Caption(NamedTuple):
    """A caption, and its own id if it has one."""

    text: str
    id: str = ""


def records(
    captions: Sequence[Caption],
    options: CaptionOptions,
    *,
    source: str,
    id: str,
    image: str,
    labels: Labels,
    items: int,
) -> Iterator[Labelled | Skip]:
    """Make the records of an image, which is told by `id`; `items` is how many raw items its captions were.

    Either each caption was one or all of them are one, whose further records hold none. Captions lose the blanks around
    them and nothing else. A record of each caption has the caption's id or, without one, an id of its content.
    """
    told = [each for each in captions if said(each.text, options)]
    apart = items == len(captions)
    if not told:
        yield Skip("no caption", items)
        return
    if apart and len(told) < len(captions):
        yield Skip("no caption", len(captions) - len(told))
    if not apart and items > 1:
        yield Skip("image that came before", items - 1)
    if options.captions == "one":
        chosen = pick(told, source, id, "caption")
        if apart and len(told) > 1:
            yield Skip("not the caption picked of its image", len(told) - 1)
        yield Labelled(record(chosen.text, options, source=source, id=id, image=image), labels)
        return
    for number, each in enumerate(told):
        made = record(each.text, options, source=source, id=each.id or f"{id} {each.text}", image=image)
        made.id = each.id or content_id(id, made)
        yield Labelled(made, labels, 1 if apart or not number else 0)


def record(caption: str, options: PromptOptions, *, source: str, id: str, image: str) -> Conversation:
    """Ask for a caption; `id` chooses the wording."""
    request = pick(REQUESTS[options.prompt], source, id, "prompt")
    return qa(id=id, question=request, answer=said(caption, options), image=image)


def said(caption: str, options: PromptOptions) -> str:
    """Write a caption as it is answered; it may be empty."""
    return minigpt_v2.plain(caption) if options.prompt == "minigpt_v2" else caption.strip()
