"""The records of a sample, read one at a time where the index says they lie, and their texts made fit for the eye."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mixer.conversation import GPT, HUMAN, SYSTEM, Conversation, media
from mixer.data_files import Lines
from mixer.errors import IntegrityError
from mixer.manifest import SLICE, Manifest

if TYPE_CHECKING:
    import polars as pl

SPEAKERS = {HUMAN: "Human", GPT: "GPT", SYSTEM: "System"}
_CONTROLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    **{code: f"<U+{code:04X}>" for code in (*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))},
    **{code: f"<U+{code:04X}>" for code in (0x061C, 0x200E, 0x200F, 0xFEFF, 0xFFFE, 0xFFFF)},
}
"""Characters that screens obey, that XML cannot hold or that turn the direction of reading -> what is shown of them."""


@dataclass(frozen=True)
class About:
    """What is said of a whole sample."""

    name: str
    mix_id: str
    how: str
    taken: int
    records: int
    """Those it was taken from."""
    leaves: Mapping[str, int]
    """Leaf -> how many of its records were taken."""
    media: tuple[Path, ...]
    """Roots below which media may lie."""

    @property
    def said(self) -> str:
        """Say it in a line."""
        return f"{self.taken:,} of {self.records:,} records, {self.how}"


@dataclass(frozen=True)
class Shown:
    """One record of a sample."""

    position: int
    """In the mix, from 1."""
    leaf: str
    source: str
    line: bytes
    """The record's very bytes."""
    record: Conversation


def read(mix: Path, known: Manifest, rows: pl.DataFrame) -> Iterator[Shown]:
    """Read records: `at`, leaf, shard, offset and length of each. Raises IntegrityError where they are not there."""
    decode = msgspec.json.Decoder(Conversation).decode
    with Lines(mix, known) as lines:
        for at, leaf, *place in (row for some in rows.iter_slices(SLICE) for row in some.iter_rows()):
            line = lines.at(*place)
            try:
                record = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise IntegrityError(
                    f"{mix}: what should be record {at + 1:,} is no conversation: {error}; see `mixer verify {mix}`"
                ) from error
            yield Shown(at + 1, leaf, known.sources[leaf].source, line, record)


def visible(text: str) -> str:
    """Show control characters as what they are; line ends become one newline."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def turns(record: Conversation) -> list[tuple[str, str]]:
    """List who says what, as text to show."""
    return [(SPEAKERS.get(turn.from_, turn.from_), visible(turn.value)) for turn in record.conversations]


def answers(record: Conversation) -> list[tuple[str, str]]:
    """List the two answers of a preference record, as text to show."""
    pair = (("Chosen", record.chosen), ("Rejected", record.rejected))
    return [(name, visible(answer.value)) for name, answer in pair if answer is not None]


def conversation(said: Sequence[tuple[str, str]]) -> str:
    """Write turns as one readable text."""
    return "\n\n".join(f"{who}: {text}" for who, text in said)


def plain(shown: Shown, about: About) -> str:
    """Write a record as text for a screen."""
    head = f"record {shown.position:,} of {about.name}: {shown.leaf}, id {visible(shown.record.id)}"
    files = [f"media: {visible(path)}" for path in media(shown.record)]
    body = conversation([*turns(shown.record), *answers(shown.record)])
    return "\n".join([head, "-" * min(len(head), 100), *files, *([""] if files else []), body, ""])
