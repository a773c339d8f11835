r"""Your own dialogues as OpenAI's messages, in any container.

Page: https://platform.openai.com/docs/guides/supervised-fine-tuning

Raw: {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "kitchen/7.jpg"}},
     {"type": "text", "text": "What is boiling?"}]}, {"role": "assistant", "content": "Two eggs."}]}
     {"messages": [{"role": "user", "content": "<image>What is boiling?"}, ...], "images": ["kitchen/7.jpg"]}
     [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]

A record may be the list itself. Texts are kept as they are. Of images, videos and audio:
- A part that is a medium becomes a placeholder where it stands, on a line of its own. It may hold a path, a `data:` URL,
  bytes, base64, or nothing: then it stands for the next file of `images`, `videos` or `audios`, and a record that has
  none left is bad. Its shape may be that of OpenAI (`image_url`, a map or a text), Qwen, TRL and Axolotl (`image`),
  Anthropic (`source`), LLaMA-Factory (`value`) or XTuner, whose placeholder `<IMG_CONTEXT>` in the text is its place.
- A placeholder `<image>`, `<video>` or `<audio>` in a question stands for the next file. Files that have no place come
  before the first question. Other numbers of files and places make a record bad.
- Links to the web are no paths: `media: {strip: https://example.com/images}` makes those that you fetched paths.

A first system turn stays, or else the text of `system`; an empty one is none, and a later one is a fault. Dialogues that call tools, or list any in
`tools`, are skipped; with `tools: turns` a call is a reply and a result is a question, both as they stand, calls of the
API as JSON, several results a line each, and the list of tools ends the system turn. Records with `label: false` are
skipped. A record of several videos is, too, since conversations hold one. Weights of turns are ignored.

`own_sharegpt` reads the same under its own names.
"""

from typing import Literal

from pydantic import Field

from mixer.shared import own_rows, own_turns
from mixer.sources import Source

Column = Literal[
    "id", "image", "video", "audio", "subset", "split", "task", "language", "messages", "role", "content", "system", "tools"
]  # fmt: skip


class MessagesOptions(own_turns.TurnOptions):
    """How the user's messages differ from OpenAI's."""

    columns: dict[Column, str] = Field(default_factory=dict, description=own_rows.COLUMNS)


SOURCE = Source(
    title="Messages (your own, any container)",
    homepage="https://platform.openai.com/docs/guides/supervised-fine-tuning",
    licence="yours",
    terms=(),
    modality="image+text",
    task="chat",
    language="en",
    files=own_rows.files("records.jsonl"),
    options=MessagesOptions,
    own_path=True,
    convert=own_turns.convert,
)
