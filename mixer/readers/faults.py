"""What is said of faults: reasons of bad records, and of files that cannot be read at all or not past a byte.

A reason holds no index, position or value, so that equal faults count as one; the place is told beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mixer.errors import DamagedFile, DataError
from mixer.readers import Bad
from mixer.readers.depth import shown

FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)
"""All that decoding a record may raise; bad UTF-8 is a ValueError, deep nesting a RecursionError."""

ARRAY, OBJECT, LINES = "a JSON array", "a JSON object of records by id", "JSON Lines"
_ONE_OBJECT = "one JSON object"
CHECK = "check that this is the published file of this name"
DOWNLOAD_AGAIN = "the file is cut short or damaged: download it again"

_HINTS = {
    ARRAY: "use a source that reads arrays, such as `own_auto`",
    LINES: "use a source that reads JSON Lines, such as `own_auto`",
    _ONE_OBJECT: "take the list of records out of it, and use a source that reads arrays, such as `own_auto`",
}
# What people have in place of the file, most often.
_OTHER_FORMATS = {
    b"version https://git-lfs": ("a Git LFS pointer", "fetch the file itself with `git lfs pull`"),
    b"\x1f\x8b": ("gzip data", "unpack it with `gunzip`"),
    b"PK\x03\x04": ("a zip archive", "unpack it with `unzip`"),
    b"PAR1": ("a Parquet file", "use a source that reads Parquet, such as `own_auto`"),
    b"\xff\xfe": ("UTF-16 text", "convert it to UTF-8"),
    b"\xfe\xff": ("UTF-16 text", "convert it to UTF-8"),
    b"<!": ("a web page", "download the file itself"),
    b"<html": ("a web page", "download the file itself"),
    b"<?xml": ("an XML answer", "download the file itself"),
}
_JSON_LINES = re.compile(rb"\{[^\n]*\}[ \t\r]*+\n[ \t\r\n]*+\{")
_SNIFFED = 16 << 20

_LISTED, _SHOWN = 12, 60
"""How many names, and how many characters of each, a message holds."""

_POSITION = re.compile(r" \(byte (\d+)\)$")
_INDEX = re.compile(r"\[\d+\]")
_QUOTED = re.compile(r"'.*'", re.DOTALL)
_WRAPPER = re.compile(r"\$\[(?:0|\.\.\.)\]")
_NOT_A_NUMBER = re.compile(rb"-?(NaN|Infinity)")
# The parser names these faults differently where it keeps a string and where it skips one.
_SAME_FAULTS = {
    "hex escape": "lone surrogate escape",
    "surrogate": "lone surrogate escape",
    "escape": "invalid escape in a string",
}


def damaged(path: Path, at: int, expected: str, got: str, hint: str = DOWNLOAD_AGAIN) -> DamagedFile:
    """Make the error that stops a file."""
    return DamagedFile(f"{path}: byte {at}: expected {expected}, got {got}; {hint}")


def listed(names: Iterable[str], count: int | None = None) -> str:
    """Name things on one line, of which there are `count` if they are not all given."""
    names = list(names)
    more = (count or len(names)) - _LISTED
    return ", ".join(map(_quoted, names[:_LISTED])) + (f" and {more:,} more" if more > 0 else "")


def _quoted(name: str) -> str:
    text = msgspec.json.encode(name).decode()[1:-1]  # line breaks are escaped
    return f"`{text[:_SHOWN]}...`" if len(text) > _SHOWN else f"`{text}`"


def wrong_start(path: Path, view: memoryview, at: int, expected: str) -> DataError:
    """Say what a file is whose first character, at `at`, is not that of what it should be."""
    if at >= len(view):
        return damaged(path, at, expected, "an empty file", "download it again")
    if magic := _magic(view, at):
        got, hint = _OTHER_FORMATS[magic]
    elif view[at] in b"[{":
        got = ARRAY if view[at] == ord("[") else LINES if is_json_lines(view, at) else _ONE_OBJECT
        hint = _HINTS[got]
    else:
        return damaged(path, at, expected, shown(view, at))
    return DataError(f"{path}: expected {expected}, got {got}; {hint}")


def is_other_format(view: memoryview, at: int) -> bool:
    """Say whether what starts here is known to be no JSON."""
    return _magic(view, at) is not None


def _magic(view: memoryview, at: int) -> bytes | None:
    start = bytes(view[at : at + 32])
    return next((magic for magic in _OTHER_FORMATS if start.startswith(magic)), None)


def is_json_lines(view: memoryview, at: int) -> bool:
    """Say whether the line at `at` holds an object and another object starts the next one: never true in one document."""
    return _JSON_LINES.match(view, at, at + _SNIFFED) is not None


def bad(error: Exception, text: bytes, at: int, wrapped: int = 0) -> Bad:
    """Judge a record that did not decode. `wrapped`: how many bytes were put around it on either side to decode it."""
    if isinstance(error, msgspec.ValidationError):
        return _wrong_type(str(error), at, wrapped)
    if isinstance(error, UnicodeDecodeError):
        return Bad("not valid UTF-8", f"byte {_first_bad_byte(error, text) - wrapped}", at)
    if isinstance(error, RecursionError):
        return Bad("nested too deep", "$", at)
    return _malformed(str(error), text, at, wrapped)


def _wrong_type(message: str, at: int, wrapped: int) -> Bad:
    reason, _, place = message.partition(" - at ")
    reason, where = _QUOTED.sub("...", reason), place.replace("`", "")
    if wrapped:
        where = _WRAPPER.sub("$", where, count=1)
    if where in ("", "$"):
        return Bad(reason, "$", at)
    return Bad(f"{reason} at {_INDEX.sub('[...]', where)}", where, at)


def _first_bad_byte(error: UnicodeDecodeError, text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as of_text:
        error = of_text  # the given one counts from the start of a string inside
    return error.start


def _malformed(message: str, text: bytes, at: int, wrapped: int) -> Bad:
    position = _POSITION.search(message) or _POSITION.search(_complaint(message, text, wrapped))
    if position is None:
        return Bad("the record is cut short", f"byte {len(text) - 2 * wrapped}", at)
    byte, reason = int(position[1]), position.string[: position.start()]
    number = _NOT_A_NUMBER.match(text, byte) or _NOT_A_NUMBER.match(text, max(0, byte - 1))
    if number is not None:
        reason = f"{number[1].decode()} is not JSON"
    reason = next((name for part, name in _SAME_FAULTS.items() if part in reason), reason)
    return Bad(reason, f"byte {byte - wrapped}", at)


def _complaint(message: str, text: bytes, wrapped: int) -> str:
    """Ask the parser again, with blanks after the record: near the end it takes an escape it dislikes for truncation."""
    end = len(text) - wrapped
    try:
        msgspec.json.decode(text[:end] + b" " * 16 + text[end:], type=msgspec.Raw)
    except FAULTS as error:
        message = str(error)
    return message
