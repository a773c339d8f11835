"""Reads the lists of benchmarks, in whatever form they are published; the content tells the form, not the name.

One id a line, columns between tabs (or a CSV file's), JSON Lines, a JSON array of records or of ids, a JSON object that
holds records in a member, by id, or ids by split, Parquet, and pickles of plain values. What a record says is found
under names (`Fields`); a column of a table without a header is called by its number, from 1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from mixer.errors import DataError, MissingFile
from mixer.readers import (
    PAST_ANY_END,
    Bad,
    Reader,
    csv_rows,
    json_array,
    json_member,
    json_object,
    parquet_rows,
    pickle_rows,
    text_lines,
)
from mixer.readers.envelope import Envelope
from mixer.readers.faults import is_json_lines, listed
from mixer.readers.mapping import BOM, after_mark, mapped, skip_blanks, text_start

FORMS = (
    "one id a line, columns between tabs, JSON Lines, a JSON array, a JSON object of records or ids, CSV, Parquet or a "
    "pickle of plain records"
)
"""What a list may be."""
Row = dict[str, Any]
KEY = "@key"
"""The name under which a record's own key in a JSON object is asked for."""

_ALONE = "@alone"
"""Where an id stands that is all that a record is: it is whatever is asked for."""
_PIECE = 1 << 20
_MEMBERS = 64
"""So many members of an object are looked at for one that holds records; an envelope has few."""
_FIRST_LINE = 1 << 20
_NUMBER = re.compile(r"[1-9][0-9]?")


@dataclass(frozen=True)
class Fields:
    """Where a list says what: of several names, the first that a record has."""

    image: tuple[str, ...] = (
        "image", "image_id", "img_id", "imageId", "image_path", "img_path", "file_name", "filename", "cocoid", "coco_id",
        "img",
    )  # fmt: skip
    question: tuple[str, ...] = ("question", "questions", "text", "query", "instruction", "prompt")
    id: tuple[str, ...] = ("id", "question_id", "questionId", KEY)
    members: tuple[str, ...] = ("questions", "data", "images", "annotations")
    """Of a JSON object, one of which holds the records."""
    split: str | None = None
    """What names a record's split; of a JSON object of ids by split its keys do."""
    held_out: tuple[str, ...] = ()
    """Splits that count where a list names splits; none: all."""

    @property
    def names(self) -> tuple[str, ...]:
        """List the names of all that is read of a record."""
        every = (*self.image, *self.question, *self.id, *([self.split] if self.split else []))
        return tuple(name for name in dict.fromkeys(every) if name != KEY)


class Entry(NamedTuple):
    """What a list says in one place."""

    place: str
    """`:7`, a line, or `: record 7`."""
    images: tuple[str, ...]
    questions: tuple[str, ...]
    id: str | None
    alone: bool
    """Whether it is one text or number and nothing else, so that it is whatever is asked for."""


def read(path: Path, fields: Fields) -> Iterator[Entry]:
    """Go through a list. Raises MissingFile, and DataError with the place of what cannot be read."""
    if not path.is_file():
        raise MissingFile(f"{path}: no such file, which is named as a list of a benchmark")
    for place, row in _rows(path, fields):
        split = row.get(fields.split) if fields.split else None
        if split is None or not fields.held_out or str(split) in fields.held_out:
            yield Entry(
                place,
                _texts(_first(row, fields.image)),
                _texts(_first(row, fields.question)),
                next(iter(_texts(_first(row, fields.id))), None),
                _ALONE in row,
            )


def _first(row: Row, names: tuple[str, ...]) -> Any:
    return next((row[name] for name in (*names, _ALONE) if row.get(name) is not None), None)


def _texts(value: Any) -> tuple[str, ...]:
    """Give a text or number, or several, as texts; anything else says nothing."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(each) for each in values if isinstance(each, str | int) and not isinstance(each, bool))


def _rows(path: Path, fields: Fields) -> Iterator[tuple[str, Row]]:
    """Give each record as a dict of the fields it has, with its place."""
    with mapped(path) as view:
        start, mark = text_start(view), bytes(view[:4])
        first = bytes(view[start : start + 1])
        is_lines = first == b"{" and (path.suffix == ".jsonl" or is_json_lines(view, start))
        of_ids = first == b"[" and bytes(view[skip_blanks(view, start + 1) :][:1]) not in b"{]"
        header = bytes(view[after_mark(view) :][:_FIRST_LINE]).partition(b"\n")[0].decode(errors="replace")
    if mark == b"PAR1":
        return _records(path, parquet_rows, fields)
    if path.suffix in (".p", ".pkl", ".pickle") or mark[:1] == b"\x80":
        return _records(path, pickle_rows, fields)
    if is_lines:
        return _json_lines(path, fields)
    if first == b"[":
        return _plain(path) if of_ids else _records(path, json_array, fields)
    if first == b"{":
        return _object(path, fields)
    return _text(path, header, fields)


# Documents of JSON.


@lru_cache
def _type(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """Make the type of a record of which only some members are wanted; `key` is its key in an object."""
    members: list[tuple[str, Any, Any]] = [(f"of_{number}", Any, None) for number in range(len(names))]
    renamed = {f"of_{number}": name for number, name in enumerate(names)}
    return msgspec.defstruct("Row", [*members, ("key", str, "")], rename={**renamed, "key": KEY})


def _dict(record: Any, names: tuple[str, ...]) -> Row:
    row = {name: getattr(record, f"of_{number}") for number, name in enumerate(names)}
    return {**row, KEY: record.key} if record.key else row


def _records(path: Path, reader: Reader | ModuleType, fields: Fields) -> Iterator[tuple[str, Row]]:
    for number, record in enumerate(_items(path, reader, _type(fields.names)), 1):
        yield f": record {number:,}", _dict(record, fields.names)


def _items(path: Path, reader: Reader | ModuleType, raw: type) -> Iterator[Any]:
    """Read all records of a file. Raises DataError for a bad one."""
    start, stop = reader.cut(path, 0), reader.cut(path, PAST_ANY_END)
    for batch in reader.read(path, start, stop, raw, _PIECE):
        for item in batch.items:
            if isinstance(item, Bad):
                raise DataError(f"{path}:{_line(path, item.at or 0)}: {item.reason}; {_accepted()}")
            yield item


def _line(path: Path, at: int) -> int:
    with path.open("rb") as file:
        return file.read(at).count(b"\n") + 1


def _accepted() -> str:
    return f"a list is {FORMS}"


def _plain(path: Path) -> Iterator[tuple[str, Row]]:
    """Read an array of ids."""
    for number, item in enumerate(_items(path, json_array, msgspec.Raw), 1):
        value, place = msgspec.json.decode(item), f": record {number:,}"
        if isinstance(value, list) or not _texts(value):
            raise DataError(f"{path}{place}: expected a text or a whole number, got {value!r:.60}; {_accepted()}")
        yield place, {_ALONE: value}


def _object(path: Path, fields: Fields) -> Iterator[tuple[str, Row]]:
    """Read an object: of which a member holds the records, of records by id, or of ids by split."""
    names: list[str] = []
    sorts: list[bytes] = []
    with mapped(path) as view:
        envelope, at = Envelope(path, view, ()), text_start(view) + 1
        while len(names) < _MEMBERS and (member := envelope.member(at, first=not names)) is not None:
            sort = bytes(view[member.value : member.value + 1])
            if member.key in fields.members and sort in b"[{":
                return _records(path, json_member.of(member.key), fields)
            names.append(member.key)
            sorts.append(sort)
            at = envelope.end_of(member)
    if not names:
        return iter(())
    if set(sorts) == {b"{"}:
        return _records(path, json_object, fields)
    if set(sorts) == {b"["}:
        return _by_split(path, fields)
    if {*names} & {*fields.image, *fields.question}:
        return _single(path, fields)
    raise DataError(
        f"{path}: an object with {listed(names)} holds no records: expected one of the members "
        f"{listed(fields.members)}, records by id, or lists of ids by split; {_accepted()}"
    )


def _single(path: Path, fields: Fields) -> Iterator[tuple[str, Row]]:
    """Read an object that is itself the one record."""
    record = msgspec.json.decode(path.read_bytes().removeprefix(BOM), type=_type(fields.names))
    yield ": record 1", _dict(record, fields.names)


def _by_split(path: Path, fields: Fields) -> Iterator[tuple[str, Row]]:
    try:
        lists = msgspec.json.decode(path.read_bytes().removeprefix(BOM), type=dict[str, list[str | int]])
    except (msgspec.MsgspecError, ValueError) as error:
        raise DataError(f"{path}: expected lists of ids by split: {error}; {_accepted()}") from None
    chosen = [name for name in lists if name in fields.held_out] or list(lists)
    for name in chosen:
        for number, value in enumerate(lists[name], 1):
            yield f": {name} {number:,}", {_ALONE: value}


# Lines and tables.


class _Line(msgspec.Struct):
    text: str
    line: int


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for each in _items(path, text_lines, _Line):
        if each.text.strip():
            yield f":{each.line + 1}", each.text


def _json_lines(path: Path, fields: Fields) -> Iterator[tuple[str, Row]]:
    decode: Callable[[str], Any] = msgspec.json.Decoder(_type(fields.names)).decode
    for place, text in _lines(path):
        try:
            yield place, _dict(decode(text), fields.names)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise DataError(f"{path}{place}: {error}; {_accepted()}") from None


def _text(path: Path, header: str, fields: Fields) -> Iterator[tuple[str, Row]]:
    """Read ids or columns; a first line that holds one of the fields' names is a header."""
    delimiter = "," if path.suffix == ".csv" else "\t"
    if {cell.strip('" ') for cell in header.split(delimiter)} & {*fields.names}:
        for number, row in enumerate(_items(path, csv_rows.of(delimiter), dict), 1):
            yield f": row {number:,}", row
        return
    for place, text in _lines(path):
        cells = [cell.strip() for cell in text.split(delimiter)]
        yield place, _columns(cells, fields)


def _columns(cells: list[str], fields: Fields) -> Row:
    """Call columns by their numbers; where none is asked for, images stand in the first and questions in the second."""
    if len(cells) == 1:
        return {_ALONE: cells[0]}
    row: Row = {str(number): cell for number, cell in enumerate(cells, 1)}
    for names, usual in ((fields.image, "1"), (fields.question, "2"), (fields.id, "1")):
        if names and not any(_NUMBER.fullmatch(name) for name in names):
            row[names[0]] = row[usual]
    return row
