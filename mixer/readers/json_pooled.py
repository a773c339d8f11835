"""Reads records that name their texts by number, together with the pools of texts that stand beside them.

`of("data", "dialogs", pools=("questions", "answers"))` reads `{"data": {"questions": ["Is it lit", ...], "answers":
["yes", ...], "dialogs": [{"question": 0}, ...]}}`: the records as json_member.py does, each with every pool of its own
file set on the attribute of that name. A worker holds the pools once, not the records' other members.

It needs the whole file, since a pool may stand behind the records; places are bytes all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from mixer.readers import Bad, Batch, json_member
from mixer.readers.depth import Unbalanced, container_end
from mixer.readers.envelope import Envelope
from mixer.readers.faults import CHECK, FAULTS, damaged
from mixer.readers.mapping import mapped
from mixer.stamps import Stamp, stamp


@dataclass(frozen=True)
class Pooled:
    """The reader of one member and of the pools beside it; see the package's docstring."""

    names: tuple[str, ...]
    pools: tuple[str, ...]
    unit = "bytes of a whole file"

    def cut(self, path: Path, place: int) -> int:
        """Guess the first edge at or after a place."""
        return json_member.of(*self.names).cut(path, place)

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read the records of a span, each with the pools."""
        version = stamp(path)
        pools = {name: _texts(path, version, (*self.names[:-1], name)) for name in self.pools}
        for batch in json_member.of(*self.names).read(path, start, stop, raw, piece):
            for item in batch.items:
                if type(item) is not Bad:
                    for name, texts in pools.items():
                        setattr(item, name, texts)
            yield batch


def of(*names: str, pools: tuple[str, ...]) -> Pooled:
    """Make the reader of the member that these keys lead to, the outermost first; the pools are the last one's siblings."""
    return Pooled(names, pools)


@lru_cache(maxsize=4)  # the two pools of two files
def _texts(path: Path, _version: Stamp, names: tuple[str, ...]) -> list[str]:
    """Read a pool. Raises DataError where it is no array of texts, or the file ends in it."""
    with mapped(path) as view:
        start = Envelope(path, view, names).first() - 1
        expected = f"an array of texts in the member `{names[-1]}`"
        try:
            end = container_end(view, start, start + 1)
        except Unbalanced as fault:
            raise damaged(path, fault.at, f"{fault.expected} in the member `{names[-1]}`", fault.got) from None
        try:
            return msgspec.json.decode(view[start:end], type=list[str])
        except FAULTS as error:
            raise damaged(path, start, expected, str(error), CHECK) from None
