"""Which shape a record of the user's own has: the columns that are there tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from pydantic import Field

from mixer.conversation import Labelled, Skip
from mixer.shared import own_tables, own_turns
from mixer.shared.own_rows import COLUMNS, Row

Shape = Literal["messages", "sharegpt", "alpaca", "qa", "query_response", "captions"]
SHAPES: Mapping[Shape, tuple[tuple[str, ...], Any]] = {
    "messages": (("messages",), own_turns.convert),
    "sharegpt": (("conversations",), partial(own_turns.convert, names=own_turns.SHAREGPT)),
    "alpaca": (("instruction", "output"), own_tables.alpaca),
    "qa": (("question", "answer"), own_tables.qa),
    "query_response": (("query", "response"), own_tables.query_response),
    "captions": (("caption",), own_tables.captions),
}
"""Shape -> the columns that tell it, and its converter. The first shape counts all of whose columns are there."""

Column = Literal[
    "id", "image", "video", "audio", "split", "task", "language", "messages", "role", "content", "conversations", "from",
    "value", "instruction", "input", "output", "question", "answer", "options", "query", "response", "caption", "system",
    "history", "tools",
]  # fmt: skip


class AutoOptions(own_turns.TurnOptions, own_tables.QaOptions, own_tables.CaptionOptions):
    """What all shapes offer."""

    columns: dict[Column, str] = Field(default_factory=dict, description=COLUMNS)


def convert(raw: Mapping[str, Any] | list[Any], options: AutoOptions) -> Iterator[Labelled | Skip]:
    """Make what a record's shape makes of it. The shape is the subset. Raises ValidationError for an unknown one."""
    row = Row({options.columns.get("messages", "messages"): raw} if isinstance(raw, list) else raw, options)
    own_turns.refuse_pair(row)
    for shape, (columns, make) in SHAPES.items():
        if all(name in row for name in columns):
            made = make(raw, options)
            for each in (made,) if isinstance(made, Labelled | Skip) else made:
                yield _labelled(each, shape)
            return
    raise row.unknown("no shape has these columns; name a shape with `use`, and say with `columns` what they are")


def _labelled(made: Labelled | Skip, shape: Shape) -> Labelled | Skip:
    return made if isinstance(made, Skip) else replace(made, labels=replace(made.labels, subset=shape))
