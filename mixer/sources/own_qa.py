r"""Your own questions about images, in any container, with or without options.

Page: https://github.com/haotian-liu/LLaVA/blob/main/docs/Evaluation.md

Raw: image,question,answer
     {"image": "kitchen/7.jpg", "question": "How many eggs?", "answers": ["2", "two", "2"]}
     {"image": "kitchen/7.jpg", "question": "What boils?", "choices": ["Tea", "Eggs"], "answer": 1}
     index,image,question,A,B,C,D,answer

The question is asked as it stands; `prompt: short` adds LLaVA-1.5's request for a short answer. Options follow the
question behind their letters, with LLaVA-1.5's request for a letter, which is the answer. What `answer` says is told
by itself, or by `answer_is` where an option's text is another one's letter. Options are a list, a map by letter, or the
columns A, B ... up to the last one that is filled; any other text or map makes a record bad. Of several answers the most common counts, of equals the first. A record
without an image is one of text. The image's column may be called `image_path`, `filepath`, `file_name` ..., too.
"""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from mixer.shared import own_rows, own_tables
from mixer.sources.own_messages import SOURCE as MESSAGES

Column = Literal[
    "id", "image", "video", "audio", "subset", "split", "task", "language", "question", "answer", "options"
]  # fmt: skip


class OwnQaOptions(own_tables.QaOptions):
    """How the user's questions differ from this."""

    columns: dict[Column, str] = Field(default_factory=dict, description=own_rows.COLUMNS)


SOURCE = replace(
    MESSAGES,
    title="Questions and answers (your own, any container)",
    homepage="https://github.com/haotian-liu/LLaVA/blob/main/docs/Evaluation.md",
    task="vqa",
    files=own_rows.files("records.tsv"),
    options=OwnQaOptions,
    convert=own_tables.qa,
)
