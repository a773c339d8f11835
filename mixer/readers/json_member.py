"""Reads the records that a member of a JSON object holds: `{"info": {...}, "questions": [{...}, ...], "license": {...}}`.

`of("questions")` gives the reader; `of("data", "dialogs")` that of a member of a member. The member is an array, or an
object of records by id, as json_object.py reads it. What stands before and after it may be of any length, and counts:
a file that is cut short behind the records is damaged, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixer.readers import Batch
from mixer.readers.envelope import Envelope
from mixer.readers.mapping import mapped

_found: dict[tuple[Path, tuple[str, ...]], int] = {}
"""First edges by file and names, so that what stands before them is not gone through again for each cut."""
_REMEMBERED = 64


@dataclass(frozen=True)
class Member:
    """The reader of one member, named by the keys that lead to it; see the package's docstring."""

    names: tuple[str, ...]

    def cut(self, path: Path, place: int) -> int:
        """Guess the first edge at or after a place."""
        with mapped(path) as view:
            if place >= len(view) > 0:
                return len(view)
            envelope = Envelope(path, view, self.names)
            first = _found.get((path, self.names), 0) if place > 0 else 0
            if not envelope.begins(first):  # it was not looked for yet, or the file is another one by now
                first = envelope.first()
                if len(_found) >= _REMEMBERED:
                    _found.clear()
                _found[path, self.names] = first
            # Not loosely: behind the member, other records look like its own.
            return envelope.records(first).cut(place, strictly=True)

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:
        """Read the records of a span."""
        with mapped(path) as view:
            envelope = Envelope(path, view, self.names)
            records = envelope.records(start or envelope.first())
            records.closer = envelope.likely_closer(records.shape)
            yield from records.read(start, stop, raw, piece)


def of(*names: str) -> Member:
    """Make the reader of the member that these keys lead to, the outermost first."""
    if not names:
        raise ValueError("a member has a name")
    return Member(names)
