r"""Your own preference pairs, in any container.

Page: https://huggingface.co/docs/trl/dataset_formats

Raw: {"prompt": "What boils?", "chosen": "Two eggs.", "rejected": "A cat.", "images": ["kitchen/7.jpg"]}
     {"conversations": [{"from": "human", "value": "<image>What boils?"}], "chosen": {"from": "gpt", "value": "Two eggs."},
     "rejected": {"from": "gpt", "value": "A cat."}, "images": ["kitchen/7.jpg"]}
     {"chosen": [{"role": "user", "content": "What boils?"}, {"role": "assistant", "content": "Two eggs."}], "rejected":
     [{"role": "user", "content": "What boils?"}, {"role": "assistant", "content": "A cat."}]}
     {"messages": [{"role": "user", "content": "What boils?"}, {"role": "assistant", "content": "Two eggs."}],
     "rejected_response": "A cat."}

A prompt is a text (`prompt`, `question`, `query` or `instruction`, with an `input` on the next line, behind the rounds
of `history`), a dialogue, or what stands before both answers. An answer is a text, a turn or a dialogue that ends with
it; LLaMA-Factory's `chosen_messages` and `rejected_messages` are such. `messages` without a chosen side end with it.
Two sides with different dialogues before the answer, or with another one than the prompt, or with media of their own,
are bad records. A missing answer and two equal ones are skipped. All else is as `own_messages` has it.
"""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from mixer.shared import own_pairs, own_rows
from mixer.sources.own_messages import SOURCE as MESSAGES

Column = Literal[
    "id", "image", "video", "audio", "subset", "split", "task", "language", "prompt", "input", "chosen", "rejected",
    "messages", "conversations", "role", "content", "from", "value", "system", "history", "tools",
]  # fmt: skip


class OwnPairsOptions(own_pairs.OwnPairOptions):
    """How the user's pairs differ from this."""

    columns: dict[Column, str] = Field(default_factory=dict, description=own_rows.COLUMNS)


SOURCE = replace(
    MESSAGES,
    title="Preference pairs (your own, any container)",
    homepage="https://huggingface.co/docs/trl/dataset_formats",
    task="preference",
    options=OwnPairsOptions,
    convert=own_pairs.convert,
)
