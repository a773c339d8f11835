"""Captions that people wrote about a sound: all or one of a clip, and how a caption is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.prompts import pick
from mixer.sources import Options

Prompt = Literal["salmonn", "salmonn_v2", "lavis", "ltu"]
REQUESTS: Mapping[Prompt, Sequence[str]] = {
    "salmonn": (
        "Listen to this audio clip and provide its caption.",
        "Describe the following audio in a caption.",
        "Based on the sound you hear, create a caption for this audio.",
        "Can you describe the scene or event depicted in this audio?",
        "Could you summarise what's happening in this audio?",
        "What does this audio describe?",
        "Please describe the audio.",
    ),
    "salmonn_v2": ("Please write down what your hear in the audio.",),  # the typo is the published one
    "lavis": (
        "A short caption:",
        "A short description:",
        "An audio of",
        "An audio that shows",
        "Write a short description.",
        "Write a description for the audio.",
        "Provide a description of what is presented in the audio.",
        "Briefly describe the content of the audio.",
        "Can you briefly explain what you hear in the audio?",
        "Could you use a few words to describe what you perceive in the audio?",
        "Please provide a short description of the audio.",
        "Using language, provide a short account of the audio.",
        "Use a few words to illustrate what is happening in the audio.",
        "Describe briefly the contents of the audio.",
        "Please provide a brief summary of the audio.",
        "What does the audio contain?",
        "What can you hear in the audio?",
        "What sounds are present in the audio?",
        "Summarize the audio in a few words.",
        "Write a brief summary of the audio content.",
        "Could you provide a concise explanation of the audio's contents?",
        "Describe what the audio represents.",
        "What is the audio depicting?",
        "In a few words, describe what you hear in the audio.",
    ),
}
"""As published by each project, without the sound's place in them; LTU has one for each dataset."""


class AudioCaptionOptions(Options):
    """Which captions of a clip, and how they are asked for."""

    captions: Literal["all", "one", "first"] = Field(
        default="all",
        description="A record of each caption, or of each clip with one, picked by hash, or with its first.",
    )
    prompt: Prompt = Field(
        default="salmonn",
        description="SALMONN's seven requests for a caption, that of its second version, the twenty-four of "
        "X-InstructBLIP, which is part of LAVIS, or LTU's for this dataset.",
    )


class Caption(NamedTuple):
    """A caption, and the id of its own record."""

    id: str
    text: str


def records(
    captions: Sequence[Caption],
    options: AudioCaptionOptions,
    *,
    source: str,
    clip: str,
    audio: str,
    ltu: str,
    labels: Labels,
    items: int,
) -> Iterator[Labelled | Skip]:
    """Make the records of a clip; `ltu` is LTU's request, and `items` how many raw items its captions were.

    Either each caption was one or all of them are one, whose further records hold none. Captions lose the blanks around
    them and nothing else.
    """
    told = [each for each in captions if each.text.strip()]
    apart = items == len(captions)
    if not told:
        yield Skip("no caption", items)
        return
    if apart and len(told) < items:
        yield Skip("no caption", items - len(told))
    chosen = told
    if options.captions != "all":
        first = options.captions == "first"
        chosen = [Caption(clip, (told[0] if first else pick(told, source, clip, "caption")).text)]
        if apart and len(told) > 1:
            yield Skip("not the caption chosen of its clip", len(told) - 1)
    for number, each in enumerate(chosen):
        request = ltu if options.prompt == "ltu" else pick(REQUESTS[options.prompt], source, each.id, "prompt")
        made = dialogue(id=each.id, rounds=[(request, each.text.strip())], audio=audio)
        yield Labelled(made, labels, 1 if apart or not number else 0)
