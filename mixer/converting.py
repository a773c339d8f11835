"""Conversations in the making: raw records converted, checked and written, batch by batch; every loss is counted.

Whoever brings the records, span by span or group by group, numbers their items and says where an item lies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from mixer import embedded
from mixer.columns import NO_LABELS, Columns
from mixer.conversation import Conversation, Labelled, Labels, Skip, encode_lines, media
from mixer.readers import Bad
from mixer.sources import Options, Source
from mixer.validate import Fault, check_all

FORESEEN = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What a converter raises at a value it did not foresee: that record's fault, and its neighbours are fine."""

_ONE = (Conversation, Labelled, Skip)
"""What a converter gives that is not several; a union of types takes longer to make than to ask."""

Place = Callable[[int], tuple[str, int]]
"""An item's number -> the published path of its file and its number there, from 0."""


class Lost(msgspec.Struct, omit_defaults=True):
    """Raw items that gave no conversation together: one, unless they were grouped."""

    file: str
    item: int
    """The first item's number in its file, from 0."""
    kind: str
    """`skipped` by the converter, or `bad`."""
    reason: str
    where: str | None = None
    """Path inside the record."""
    at: int | None = None
    """Byte position in the file, where it is known."""
    also: list[str] = []
    """Further problems of the same record; the ledger counts it once, by its first."""
    items: int = 1


@dataclass
class Receipt:
    """What became of a task: how far it came and the counts of its items."""

    end: int
    """True edge behind what it read."""
    items: int = 0
    """Raw records seen; the ledger counts `read`, which splits those that hold several."""
    read: int = 0
    used: int = 0
    made: int = 0
    bytes: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=list)
    """Of records set aside to be grouped: bytes in each bucket."""


class Losses:
    """What a task lost, counted in its receipt."""

    def __init__(self, receipt: Receipt) -> None:
        self._receipt = receipt
        self._lost: list[tuple[int, Lost]] = []

    def add(self, number: int, lost: Lost) -> None:
        """Count a loss; `number` is its place among the task's."""
        self._receipt.read += lost.items
        (self._receipt.skipped if lost.kind == "skipped" else self._receipt.bad)[lost.reason] += lost.items
        self._lost.append((number, lost))

    def write(self, path: Path) -> None:
        """Write them, in order of their numbers: a batch's records are converted first and checked then."""
        self._lost.sort(key=lambda numbered: numbered[0])
        path.write_bytes(msgspec.msgpack.encode([lost for _, lost in self._lost]))


@dataclass
class _Made:
    """What converters gave and nobody has checked yet: each conversation with its item, items it holds and labels."""

    numbers: list[int] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    records: list[Conversation] = field(default_factory=list)
    labels: list[Labels] = field(default_factory=list)
    embedded: dict[int, Mapping[str, bytes]] = field(default_factory=dict)
    """By the item's number."""

    def remove(self, place: int) -> None:
        """Take one out."""
        del self.numbers[place], self.items[place], self.records[place], self.labels[place]

    def halves(self) -> Iterator[_Made]:
        """Cut it in two."""
        middle = len(self.records) // 2
        for part in (slice(middle), slice(middle, None)):
            yield _Made(self.numbers[part], self.items[part], self.records[part], self.labels[part], self.embedded)


class Making:
    """The conversations of one task, on their way to `out` with the suffixes .jsonl, .parquet and .lost."""

    def __init__(self, source: Source, options: Options, out: Path, place: Place, receipt: Receipt) -> None:
        assert source.convert is not None, "the registry binds it"
        self._convert = source.convert
        self._options = options
        self._is_grouped = source.grouping is not None
        self._place = place
        self._out = out
        self._media = out.with_name(embedded.FOLDER)
        self._columns = Columns()
        self._losses = Losses(receipt)
        self.receipt = receipt

    def __enter__(self) -> Self:
        self._lines = self._out.with_suffix(".jsonl").open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lines.close()
        if error is None:
            if self._columns:
                self._columns.write(self._out.with_suffix(".parquet"))
            self._losses.write(self._out.with_suffix(".lost"))

    def batch(self, raws: list[Any], numbers: Sequence[int]) -> None:
        """Convert raw records, or groups of them, whose (first) items have these numbers."""
        made = self._converted(raws, numbers)
        if made is None:
            made = _Made()
            for number, raw in zip(numbers, raws, strict=True):
                self._take(number, raw, made)
        self._keep(made)
        self.receipt.items += len(raws)

    def _converted(self, raws: list[Any], numbers: Sequence[int]) -> _Made | None:
        """Convert records that all become one conversation of one item each, or give None: they are taken singly."""
        if self._is_grouped or Bad in set(map(type, raws)):
            return None
        convert, options = self._convert, self._options
        try:
            given: list[Any] = [convert(raw, options) for raw in raws]
        except (msgspec.ValidationError, *FORESEEN):
            return None
        kinds = set(map(type, given))
        if kinds == {Conversation}:
            return _Made(list(numbers), [1] * len(given), given, [NO_LABELS] * len(given))
        if kinds == {Labelled}:
            records, labels = [each.conversation for each in given], [each.labels for each in given]
            embedded = {n: each.embedded for n, each in zip(numbers, given, strict=True) if each.embedded is not None}
            return _Made(list(numbers), [1] * len(given), records, labels, embedded)
        return None

    def lose(self, number: int, kind: str, reason: str, where: str | None = "$", **more: Any) -> None:
        """Count an item that gives no conversation; `more` is as in Lost."""
        self._losses.add(number, Lost(*self._place(number), kind, reason, where, **more))

    def _take(self, number: int, raw: Any, made: _Made) -> None:
        """Convert one raw record, which holds one item of the ledger unless its converter gives several."""
        if type(raw) is Bad:
            self.lose(number, "bad", raw.reason, raw.where, at=raw.at)
            return
        try:
            given = self._convert(raw, self._options)
            parts: Sequence[Any] = (
                (given,) if isinstance(given, _ONE) else list(given) or (Skip("holds no conversation"),)
            )
            if self._is_grouped:
                _check_items(raw, parts)
        except msgspec.ValidationError as error:  # its words say what is wrong and where
            self.lose(number, "bad", str(error), items=len(raw) if self._is_grouped else 1)
            return
        except FORESEEN as error:
            self.lose(number, "bad", _said(error), items=len(raw) if self._is_grouped else 1)
            return
        for part in parts:
            self._add(number, part, made)

    def _add(self, number: int, part: Any, made: _Made) -> None:
        if type(part) is Conversation:
            record, labels, items = part, NO_LABELS, 1
        elif type(part) is Labelled:
            record, labels, items = part.conversation, part.labels, part.items
            if part.embedded is not None:
                made.embedded[number] = {**made.embedded.get(number, {}), **part.embedded}
        elif type(part) is Skip:
            self.lose(number, "skipped", part.reason, None, items=part.items)
            return
        else:
            given = type(part).__name__
            self.lose(number, "bad", f"converter: gives Conversation, Labelled or Skip, not {given}")
            return
        made.numbers.append(number)
        made.items.append(items)
        made.records.append(record)
        made.labels.append(labels)

    def _keep(self, made: _Made) -> None:
        """Check and write what converters gave, all at once; half by half where a record cannot even be looked at."""
        if not made.records:
            return
        try:
            checks = check_all(made.records)
            for place in sorted(checks.faults, reverse=True):
                self._lose_faulty(made.numbers[place], made.items[place], checks.faults[place])
                made.remove(place)
                checks.remove(place)
            text = encode_lines(made.records)
        except FORESEEN as error:
            if len(made.records) > 1:
                for half in made.halves():
                    self._keep(half)
                return
            reason = "lone surrogate in text" if isinstance(error, UnicodeEncodeError) else _said(error)
            self.lose(made.numbers[0], "bad", reason, items=made.items[0])
            return
        if made.embedded:
            named = {path for record in made.records for path in media(record)}
            for brought in made.embedded.values():
                embedded.write(self._media, {path: content for path, content in brought.items() if path in named})
        lines = text.split(b"\n")[:-1]
        self._columns.add(made.numbers, made.records, lines, checks, made.labels)
        self.receipt.bytes += self._lines.write(text)
        self.receipt.read += sum(made.items)
        self.receipt.used += sum(made.items)
        self.receipt.made += len(lines)

    def _lose_faulty(self, number: int, items: int, faults: list[Fault]) -> None:
        first, *others = faults
        also = [f"{each.reason} at {each.where}" for each in others]
        self.lose(number, "bad", first.reason, first.where, also=also, items=items)


def _said(error: Exception) -> str:
    """Say why a record is bad: a converter's own words, or what it ran into."""
    return str(error) if type(error) is ValueError else f"converter: {type(error).__name__}: {error}"


def _check_items(group: list[Any], parts: Sequence[Any]) -> None:
    """Raise ValueError when a converter does not account for every item of a group."""
    items = sum(getattr(part, "items", 1) for part in parts)
    if items != len(group):
        raise ValueError(f"accounts for {items} of {len(group)} items")
