r"""Your own instructions in Alpaca's format, in any container.

Page: https://github.com/tatsu-lab/stanford_alpaca

Raw: {"instruction": "Name the dish.", "input": "Two eggs in a pan.", "output": "Fried eggs.", "system": "Be brief.",
     "history": [["Hi.", "Hello."]], "images": ["kitchen/7.jpg"]}
     system,instruction,input,output

The question is the instruction and, on the next line, the input; empty cells are absent. The rounds of `history` come
first; a cell of a table may hold them as JSON or as Python prints them. Cells are texts: `3.3` and `007` stay so. Media
and system texts are as `own_messages` has them.
"""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from mixer.shared import own_rows, own_tables, own_turns
from mixer.sources.own_messages import SOURCE as MESSAGES

Column = Literal[
    "id", "image", "video", "audio", "subset", "split", "task", "language", "instruction", "input", "output", "system",
    "history",
]  # fmt: skip


class AlpacaOptions(own_turns.TurnOptions):
    """How the user's instructions differ from Alpaca's."""

    columns: dict[Column, str] = Field(default_factory=dict, description=own_rows.COLUMNS)


SOURCE = replace(
    MESSAGES,
    title="Alpaca instructions (your own, any container)",
    homepage="https://github.com/tatsu-lab/stanford_alpaca",
    task="instruction",
    files=own_rows.files("records.csv"),
    options=AlpacaOptions,
    convert=own_tables.alpaca,
)
