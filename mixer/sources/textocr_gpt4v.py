r"""TextOCR-GPT4V: GPT-4V's captions of TextOCR's training images, with the text in them.

Page: https://huggingface.co/datasets/jimmycarter/textocr-gpt4v
Raw: {"filename": "0c41d2ab90e7735f.jpg", "caption": "DESCRIPTION\nA tin sign on a shed.\n\nTEXT\nThe sign says \"EGGS\".",
     "caption_image": "A tin sign on a shed.", "caption_text": "The sign says \"EGGS\".",
     "caption_condensed": "A tin sign that says \"EGGS\" hangs on a shed."}

Licence: CC-BY-NC-4.0. The data have no prompts. Captions get the five that DataOptim uses for this set; the request to
read the text is our own wording. Both are picked by a hash of the file name. Quirks:
- `caption` joins the two sections under the words DESCRIPTION and TEXT; it is not used, so that they stay out of answers.
- Texts keep their line breaks and lists. About 1 in 100 says that there is no legible text: a true answer, kept.
- The images are TextVQA's and TextCaps' training images.
"""

from typing import Literal

import msgspec
from pydantic import Field

from mixer.conversation import Conversation, dialogue
from mixer.prompts import pick
from mixer.readers import json_lines
from mixer.sources import File, Options, Source

DESCRIBE = (
    "Describe the image as simply as possible with a sentence or phrase.",
    "Give a brief summary of what you see.",
    "Provide a short description of the image.",
    "Write a short description for the image.",
    "Briefly describe the content of the image.",
)
READ = (
    "What text can be read in the image, and where is it?",
    "Read the text in the image.",
    "Write down all text that is legible in the image and say where it stands.",
)


class Raw(msgspec.Struct):
    """A line of train.jsonl."""

    filename: str
    caption_image: str
    caption_text: str
    caption_condensed: str


class TextOcrOptions(Options):
    """Which of the captions to answer with."""

    caption: Literal["condensed", "image", "text", "both"] = Field(
        default="condensed",
        description="Scene and text in one paragraph, the scene alone, the text alone, or scene then text as two rounds.",
    )


SOURCE = Source(
    title="TextOCR-GPT4V",
    homepage="https://huggingface.co/datasets/jimmycarter/textocr-gpt4v",
    licence="CC-BY-NC-4.0",
    terms=("CC-BY-NC-4.0",),
    modality="image",
    task="caption",
    language="en",
    files=(File("train.jsonl", json_lines, Raw, records=25_114),),
    options=TextOcrOptions,
    media=("textvqa/train_images",),
    records=25_114,
)


def convert(raw: Raw, options: TextOcrOptions) -> Conversation:
    """Ask for the chosen captions of an image."""
    describe = pick(DESCRIBE, "textocr_gpt4v", raw.filename, "describe")
    read = pick(READ, "textocr_gpt4v", raw.filename, "read")
    rounds = {
        "condensed": [(describe, raw.caption_condensed)],
        "image": [(describe, raw.caption_image)],
        "text": [(read, raw.caption_text)],
        "both": [(describe, raw.caption_image), (read, raw.caption_text)],
    }[options.caption]
    return dialogue(id=raw.filename.removesuffix(".jpg"), rounds=rounds, image=f"textvqa/train_images/{raw.filename}")
