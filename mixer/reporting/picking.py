"""Which records a report shows, and their text: as many of every leaf as there is room for, chosen by a keyed hash.

What is shown hangs on the records and a number only, not on their order: a leaf's sample grows when there is more room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mixer import manifest
from mixer.conversation import Conversation
from mixer.data_files import Lines
from mixer.errors import IntegrityError
from mixer.ordering import mix64_column, salt

if TYPE_CHECKING:
    import polars as pl

_PLACE = ["shard", "offset", "length"]


_Row = tuple[int, int, int, int, int]
"""Place in the mix, pass, shard, offset and length."""


@dataclass(frozen=True)
class Picked:
    """A record that is shown."""

    leaf: str
    rank: int
    """From 0, among those of its leaf: those of low rank come first where not all can have pictures."""
    at: int
    """Where it is in the mix, from 0."""
    pass_: int
    conversation: Conversation


def room(available: Mapping[str, int], records: int) -> dict[str, int]:
    """Share `records` out evenly over leaves, none more than it has; what is left over goes to the first.

    >>> room({"a": 100, "b": 2, "c": 100}, 11)
    {'a': 5, 'b': 2, 'c': 4}
    """
    given = dict.fromkeys(available, 0)
    left = min(records, sum(available.values()))
    while left:
        hungry = [name for name, most in available.items() if given[name] < most]
        each = left // len(hungry)
        for name in hungry if each else hungry[:left]:
            more = min(each or 1, available[name] - given[name])
            given[name] += more
            left -= more
    return given


def pick(mix: Path, known: manifest.Manifest, records: int, seed: int) -> list[Picked]:
    """Choose about `records` different records and read them, leaf by leaf, each leaf's in mix order.

    Raises IntegrityError where the data file does not hold them.
    """
    import polars as pl

    frame = manifest.read_index(mix, ["leaf", "key", "pass", *_PLACE]).with_row_index("at")
    rows = {
        name: _drawn(frame.filter(pl.col("leaf") == name), salt(name, seed, "report", 0), records)
        for name in known.sources
    }
    shares = room({name: len(drawn) for name, drawn in rows.items()}, records)
    wanted = [
        (name, rank, row)
        for name, drawn in rows.items()
        for rank, row in sorted(enumerate(drawn[: shares[name]]), key=lambda ranked: ranked[1][0])
    ]
    with Lines(mix, known) as lines:
        return [Picked(name, rank, row[0], row[1], _decoded(lines, mix, row)) for name, rank, row in wanted]


def _drawn(rows: pl.DataFrame, salted: int, most: int) -> list[_Row]:
    """Describe a leaf's first records by hash; one that is shown again counts once."""
    first = rows.unique("key", keep="first", maintain_order=True)
    hashed = first.with_columns(mix64_column(first["key"], salted).alias("hash"))
    return hashed.sort("hash").head(most).select("at", "pass", *_PLACE).rows()


def _decoded(lines: Lines, mix: Path, row: _Row) -> Conversation:
    at, _pass, shard, offset, length = row
    try:
        return msgspec.json.decode(lines.at(shard, offset, length), type=Conversation)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntegrityError(
            f"{mix}: record {at + 1:,} is not a conversation: {error}; see `mixer verify {mix}`"
        ) from error
