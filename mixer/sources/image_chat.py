r"""Image-Chat: two people chat about a photo in up to three turns, each in a style that was given to them.

Page: https://parl.ai/projects/image_chat/
Raw (train, valid, test): [{"image_hash": "a9c41d70be2", "dialog": [["Sweet", "Look at these cubs."], ["Dull", "So what"],
     ["Sweet", "You will love them."]], "candidates": [{"100": ["So what", ...], "1000": [...]}, ...]}, ...]
Raw (personalities.json): {"positive": ["Sweet", ...], "neutral": [...], "negative": ["Dull", ...]}

Licence: not stated; the photos are YFCC100M's and many have gone. As ParlAI trains generation, a dialogue is a record of
each speaker: the first comments on the photo and answers the second's reply, the second replies to the first's comment.
What follows a record's last answer is left out. No prompt is published: the requests for a style are our own wording;
`prompt=style` gives the style's name alone, as ParlAI does. Quirks:
- Most dialogues of the train split have one or two turns: then there is no reply, or no answer to it.
- A speaker keeps its style; where the first one does not, the new one is asked for, too.
- `image_hash` has a varying number of digits. The file for validation is valid.json, not val.json.
- The record's subset is the kind of its style, positive, neutral or negative; negative ones are rude on purpose. Styles
  that personalities.json lacks have none (ParlAI knows two such, Crude and Earnest).
- Texts are kept as people typed them, with blanks at their ends, doubled blanks and capitals.
- Candidates, which only valid and test have, are not read.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, dialogue
from mixer.readers import json_array, json_whole
from mixer.sources import File, Lookup, Options, Source

COMMENT = "Comment on the photo in this style: {}."
REPLY = "Reply to the comment in this style: {}."
RECORDS = {"train": 186_782, "valid": 5_000, "test": 9_997}
STYLES = "personalities.json"


class Styles(msgspec.Struct):
    """What personalities.json holds: kind -> styles."""

    kinds: dict[Literal["positive", "neutral", "negative"], list[str]]


class Raw(msgspec.Struct):
    """A dialogue: pairs of style and text, by speakers A, B and A."""

    image_hash: str
    dialog: Annotated[list[tuple[str, str]], msgspec.Meta(min_length=1, max_length=3)]
    kinds: Mapping[str, str] = {}
    """Style -> kind, for all styles: each record has the same table."""
    styles: ClassVar = STYLES


class ImageChatOptions(Options):
    """Which dialogues, who of them answers, and how the style is asked for."""

    split: Literal["train", "valid", "test"] = Field(default="train", description="Which published file.")
    speaker: Literal["both", "a", "b"] = Field(
        default="both", description="Whose turns are answers: a record of each, or only the first's or the second's."
    )
    prompt: Literal["sentence", "style"] = Field(
        default="sentence", description="A request in a sentence, which is our wording, or the style's name alone."
    )


SOURCE = Source(
    title="Image-Chat",
    homepage="https://parl.ai/projects/image_chat/",
    licence="not stated",
    terms=("unknown",),
    modality="image",
    task="chat",
    language="en",
    files=tuple(
        File(f"{split}.json", json_array, Raw, records=records, when={"split": split})
        for split, records in RECORDS.items()
    ),
    options=ImageChatOptions,
    lookups=(
        Lookup(
            File(STYLES, json_whole.of("kinds"), Styles),
            key=lambda _all: STYLES,
            row=lambda all_: {style: kind for kind, styles in all_.kinds.items() for style in styles},
            match="styles",
            field="kinds",
        ),
    ),
    media=("yfcc_images",),
    records=RECORDS["train"],
)


def convert(raw: Raw, options: ImageChatOptions) -> Iterator[Labelled | Skip]:
    """Make a record of each speaker who is asked for."""
    styles = [style for style, _ in raw.dialog]
    texts = [text for _, text in raw.dialog]
    comment, reply = ("{}", "{}") if options.prompt == "style" else (COMMENT, REPLY)
    if options.speaker != "b":
        asked = [comment.format(styles[0]), *texts[1:2]]
        if len(styles) > 2 and styles[2] != styles[0]:
            asked[1] = f"{reply.format(styles[2])}\n{asked[1]}"
        yield _record(raw, "a", list(zip(asked, texts[::2], strict=False)), options)
    if options.speaker != "a" and len(texts) > 1:
        yield _record(raw, "b", [(f"{reply.format(styles[1])}\n{texts[0]}", texts[1])], options)
    elif options.speaker == "b":
        yield Skip("no turn of speaker B")


def _record(raw: Raw, speaker: str, rounds: list[tuple[str, str]], options: ImageChatOptions) -> Labelled:
    """Make the record of a speaker, whose first turn has the style."""
    style, _ = raw.dialog[speaker == "b"]
    image = f"yfcc_images/{raw.image_hash}.jpg"
    record = dialogue(id=f"{raw.image_hash}-{speaker}", rounds=rounds, image=image)
    return Labelled(record, Labels(subset=raw.kinds.get(style), split=options.split))
