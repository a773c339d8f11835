"""Records that a trainer would stumble over, such as those whose placeholders are not as many as their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec

from mixer.collection import Records
from mixer.conversation import Conversation
from mixer.progress import Progress
from mixer.validate import check_all

BATCH = 1024
"""Records checked at once."""
SHOWN = 3
"""Examples of each fault that are kept."""
UNREADABLE = "is no conversation"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with some records."""

    reason: str
    records: int
    examples: tuple[str, ...]
    """Ids of the first of them, or their numbers where they have none."""


def faults(records: Records, progress: Progress) -> tuple[int, tuple[Fault, ...]]:
    """Check a leaf's records as conversions do: placeholders against files, roles, paths.

    Gives how many are faulty, and with what, the most frequent fault first.
    """
    faulty = 0
    counts: dict[str, int] = {}
    examples: dict[str, list[str]] = {}
    lines = enumerate(records.lines(), start=1)
    with progress(f"{records.name}: records", len(records), "records") as advance:
        while batch := list(islice(lines, BATCH)):
            for name, reasons in _faulty(batch):
                faulty += 1
                for reason in reasons:
                    counts[reason] = counts.get(reason, 0) + 1
                    if len(shown := examples.setdefault(reason, [])) < SHOWN:
                        shown.append(name)
            advance(len(batch))
    order = sorted(counts, key=lambda reason: (-counts[reason], reason))
    return faulty, tuple(Fault(reason, counts[reason], tuple(examples[reason])) for reason in order)


_decoder = msgspec.json.Decoder(Conversation)


def _faulty(batch: list[tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """Give each faulty record of some, with each reason that speaks against it once."""
    read = []
    for number, line in batch:
        try:
            read.append(_decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):  # a ValidationError is a DecodeError
            yield f"record {number:,}", [UNREADABLE]
    for place, found in check_all(read).faults.items():
        yield read[place].id, list(dict.fromkeys(fault.reason for fault in found))
