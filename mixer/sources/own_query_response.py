r"""Your own queries and responses, in any container.

Page: https://github.com/modelscope/ms-swift/blob/main/docs/source_en/Customization/Custom-dataset.md

Raw: {"query": "What is boiling?", "response": "Two eggs.", "system": "Be brief.", "history": [["Hi.", "Hello."]],
     "images": ["kitchen/7.jpg"]}
     {"query": "<img>kitchen/7.jpg</img>What is boiling?", "response": ["Two eggs.", "Eggs."]}

Other names that ms-swift knows are told by themselves (`prompt`, `question` ...; `answer`, `output`, `completion` ...),
unless two of them are there: then `columns` has to say which. Of a list of responses the first one counts. Images may
stand in the text as Qwen-VL has them. All else is as `own_alpaca` and `own_messages` have it.
"""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from mixer.shared import own_rows, own_tables, own_turns
from mixer.sources.own_messages import SOURCE as MESSAGES

Column = Literal[
    "id", "image", "video", "audio", "subset", "split", "task", "language", "query", "response", "system", "history"
]  # fmt: skip


class QueryOptions(own_turns.TurnOptions):
    """How the user's queries differ from ms-swift's."""

    columns: dict[Column, str] = Field(default_factory=dict, description=own_rows.COLUMNS)


SOURCE = replace(
    MESSAGES,
    title="Queries and responses (your own, any container)",
    homepage="https://github.com/modelscope/ms-swift/blob/main/docs/source_en/Customization/Custom-dataset.md",
    task="instruction",
    options=QueryOptions,
    convert=own_tables.query_response,
)
