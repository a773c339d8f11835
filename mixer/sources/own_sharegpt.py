r"""Your own dialogues in ShareGPT's format, in any container; LLaVA's records are such, too.

Page: https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md

Raw: {"conversations": [{"from": "human", "value": "<image>What is boiling?"}, {"from": "gpt", "value": "Two eggs."}],
     "images": ["kitchen/7.jpg"], "system": "You are a cook."}
     {"system": "You are a cook.", "conversation": [{"human": "What is boiling?", "assistant": "Two eggs."}]}
     {"conversation": [{"system": "You are a cook.", "input": "What is boiling?", "output": "Two eggs."}]}

Roles are human or user, gpt, assistant or bot, system; `observation`, `function_call` and their kin are a tool's. A turn
may be a whole round, as in ms-swift (`human`, `assistant`) and in XTuner's older files (`input`, `output`). All else,
media, system turns and tools, is as `own_messages` has it: the two differ in the names of their columns only.
"""

from dataclasses import replace
from functools import partial
from typing import Literal

from pydantic import Field

from mixer.shared import own_rows, own_turns
from mixer.sources.own_messages import SOURCE as MESSAGES

Column = Literal[
    "id", "image", "video", "audio", "subset", "split", "task", "language", "conversations", "from", "value", "system",
    "tools",
]  # fmt: skip


class ShareGptOptions(own_turns.TurnOptions):
    """How the user's dialogues differ from ShareGPT's."""

    columns: dict[Column, str] = Field(default_factory=dict, description=own_rows.COLUMNS)


SOURCE = replace(
    MESSAGES,
    title="ShareGPT dialogues (your own, any container)",
    homepage="https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md",
    options=ShareGptOptions,
    convert=partial(own_turns.convert, names=own_turns.SHAREGPT),
)
