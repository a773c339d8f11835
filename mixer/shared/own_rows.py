"""A record of the user's own, whatever container it came in: its columns under our names, its texts and its media."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from math import isnan
from typing import Any, Literal

import msgspec
from pydantic import Field

from mixer import embedded
from mixer.conversation import AUDIO, IMAGE, VIDEO, Labels
from mixer.readers import own_records
from mixer.readers.tar_samples import KEY
from mixer.shared import python_literals
from mixer.shared.json_text import parsed
from mixer.shared.own_data import path_below
from mixer.sources import File, Options

Medium = embedded.Medium
FOLDER = "own"
"""Where embedded media lie below the media root."""
TOKENS: Mapping[Medium, str] = {"image": IMAGE, "video": VIDEO, "audio": AUDIO}
LABELS = ("subset", "split", "task", "language")
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "id": ("question_id", KEY),
    "image": ("images",),
    "video": ("videos",),
    "audio": ("audios",),
    "conversations": ("conversation",),
    "system": ("system_prompt",),
    "query": ("prompt", "input", "instruction", "question", "problem"),
    "prompt": ("question", "query", "instruction"),
    "response": (
        "answer", "output", "targets", "target", "answer_key", "answers", "solution", "text", "completion", "content",
    ),
    "answer": ("answers",),
    "options": ("choices",),
    "caption": ("captions", "text", "title", "txt"),
}  # fmt: skip
"""Names that files give to what we call so. They count where ours holds nothing and no two of them hold something."""
PATHS = ("image_path", "img_path", "filepath", "file_name", "filename")
"""Names of columns that hold an image's path in tables about images, of which the first counts."""
_SUFFIXES: Mapping[Medium, tuple[str, ...]] = {
    "image": ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff"),
    "video": ("mp4", "webm", "mkv", "avi", "mov"),
    "audio": ("wav", "flac", "mp3", "ogg", "m4a"),
}
_TEXTS = ("txt", "text", "caption", "transcript", "cls")
_SHOWN, _LONGEST = 30, 60
"""How many names, and how many characters of each, a message shows."""


COLUMNS = "What our columns are called in the file. Those not named keep their name."


def raw_type(_options: object) -> Any:
    """Say what records are: maps, or the bare lists of messages that lines may hold."""
    return dict[str, Any] | list[Any]


def files(name: str) -> tuple[File, File]:
    """Declare the user's file, with and without a header row; `name` is that of the miniature."""
    return (
        File(name, own_records.of(), raw_type, when={"header": "first_row"}),
        File(name, own_records.of(header=False), raw_type, when={"header": "none"}),
    )


class RowOptions(Options):
    """How the user's records differ from what is expected. Each shape says which columns it has."""

    columns: Mapping[Any, str] = Field(default_factory=dict, description=COLUMNS)
    media_strip: str = Field(default="", description="Folder cut from the front of media paths, for absolute ones.")
    header: Literal["first_row", "none"] = Field(
        default="first_row",
        description="Whether a table of text names its columns in its first row; else they are called 1, 2, 3.",
    )


class Row:
    """One record."""

    def __init__(self, record: Mapping[str, Any], options: RowOptions, paths: tuple[str, ...] = ()) -> None:
        """`paths` are further names of the image's column."""
        self._synonyms = {**SYNONYMS, "image": (*SYNONYMS["image"], *paths)}
        self._record = _sample(record, set(options.columns.values())) if KEY in record else record
        self._columns = options.columns
        self._strip = options.media_strip
        self.embedded: dict[str, bytes] = {}
        """Media that the record holds, by the paths that `media` gave them."""

    def __contains__(self, name: str) -> bool:
        return self.column(name) is not None

    def value(self, name: str, *, required: bool = False) -> Any:
        """Give what a column holds, None for nothing. Raises ValidationError, which lists the columns found."""
        found = self.column(name)
        if found is None:
            if required or (name in self._columns and name not in TOKENS):
                raise self._missing(name)
            return None
        value = self._record[found]
        is_empty = not isinstance(value, list) and _is_nothing(value)
        if required and is_empty:
            raise msgspec.ValidationError(f"column {found!r} is empty")
        return None if is_empty else value

    def text(self, name: str, *, required: bool = False) -> str:
        """Give a text, or the empty one. Numbers are written out."""
        return plain(self.value(name, required=required), name)

    def listed(self, name: str) -> list[Any]:
        """Give a list, which a cell of a table may hold as JSON or as Python prints it; one value is a list of it."""
        return listed(self.value(name))

    def hold(self, name: str, value: Any) -> None:
        """Give the record what a column would have held."""
        self._record = {**self._record, self._columns.get(name, name): value}

    def id(self) -> str | None:
        """Give the record's own id, if it has one."""
        value = self.value("id")
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise msgspec.ValidationError(f"an id is text or a whole number, not {type(value).__name__}")
        return None if value is None else str(value)

    def labels(self) -> Labels:
        """Give the labels that columns name."""
        subset, split, task, language = (self.text(name) if name in self._columns else "" for name in LABELS)
        return Labels(subset or None, split or None, task or None, language or None)

    def media(self, medium: Medium) -> list[str]:
        """Give the paths of a record's media of a kind; those that it holds are named by their content."""
        return [path for value in self.listed(medium) for path in [self.path(value, medium)] if path]

    def path(self, value: Any, medium: Medium) -> str:
        """Give the path of a medium: a path, a data URL, bytes, or a map of such; the empty text for none."""
        if isinstance(value, Mapping):
            return self._path_of_map(value, medium)
        if isinstance(value, str) and value.startswith("data:"):
            value = embedded.from_base64(value.partition(",")[2])
        if isinstance(value, bytes):
            path = embedded.name(FOLDER, value, medium)
            self.embedded[path] = value
            return path
        if value is None or isinstance(value, str):
            path = path_below(value or "", self._strip)
            return path.rstrip("/") if medium == "video" else path  # a folder of frames
        raise msgspec.ValidationError(f"{medium}: expected a path or the file's bytes, got {type(value).__name__}")

    def _path_of_map(self, value: Mapping[str, Any], medium: Medium) -> str:
        text = value.get("base64") or value.get("data")
        if isinstance(text, str):
            return self.path(embedded.from_base64(text), medium)
        found = next((value[key] for key in ("bytes", "path", "url") if value.get(key)), None)
        return "" if isinstance(found, Mapping) else self.path(found, medium)

    def check_media(self, text: str) -> None:
        """Raise ValidationError when `columns` names a medium that a record lacks although its text has its place."""
        for medium, token in TOKENS.items():
            if medium in self._columns and medium not in self and token in text:
                raise self._missing(medium)

    def unknown(self, wanted: str) -> msgspec.ValidationError:
        """Make the error of a record that is not what is wanted."""
        return msgspec.ValidationError(f"{wanted}; columns found: {keys(self._record)}")

    def _missing(self, name: str) -> msgspec.ValidationError:
        return self.unknown(f"no column {self._columns.get(name, name)!r} for {name!r}")

    def column(self, name: str) -> str | None:
        """Name the column in the file: ours, or else the one synonym, that holds something; or one that is there."""
        if name in self._columns:
            return self._columns[name] if self._columns[name] in self._record else None
        taken = self._columns.values()
        others = [each for each in self._synonyms.get(name, ()) if each in self._record and each not in taken]
        if name in self._record and (not others or not _is_nothing(self._record[name])):
            if name in TOKENS and others and self._differ(name, others[0]):
                raise _ambiguous(name, [name, others[0]])
            return name
        held = [each for each in others if not _is_nothing(self._record[each])]
        if len(held) > 1 and name not in ("id", *TOKENS):
            raise _ambiguous(name, held)
        return next(iter([*held, *([name] if name in self._record else others)]), None)

    def _differ(self, medium: str, other: str) -> bool:
        """Say whether the lists of one kind of medium, in the singular and in the plural, hold different files."""
        several = listed(self._record[other])
        return other in SYNONYMS[medium] and bool(several) and listed(self._record[medium]) != several


def plain(value: Any, name: str) -> str:
    """Write a value as text. Raises ValidationError for what is none."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise msgspec.ValidationError(f"{name}: expected text, got {type(value).__name__}")


def listed(value: Any) -> list[Any]:
    """Give a list, which may be a text that holds it as JSON or as Python prints it; one value is a list of it."""
    if isinstance(value, str) and value.startswith("["):
        value = _parsed_list(value)
    return value if isinstance(value, list) else [] if _is_nothing(value) else [value]


def keys(found: Iterable[str]) -> str:
    """List the names that were found, on one line."""
    given = list(found)
    shown = [msgspec.json.encode(name).decode()[1:-1][:_LONGEST] for name in given[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(given) - _SHOWN} more" if len(given) > _SHOWN else "")


def _is_nothing(value: Any) -> bool:
    return value is None or value in ("", []) or (isinstance(value, float) and isnan(value))


def _ambiguous(name: str, found: list[str]) -> msgspec.ValidationError:
    return msgspec.ValidationError(f"columns {', '.join(found)} may all be {name!r}; say which with `columns`")


def _parsed_list(text: str) -> Any:
    """Read a list as JSON or else as Python's; a text that is neither stays as it is."""
    for read in (partial(parsed, kind=list[Any]), python_literals.parse):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _sample(record: Mapping[str, Any], chosen: set[str]) -> dict[str, Any]:
    """Give a tar's sample as a record: what its JSON says, its texts, and its one medium of each kind, or the chosen."""
    row: dict[str, Any] = parsed(_decoded(record["json"]), dict[str, Any]) if "json" in record else {}
    for name, content in record.items():
        if name in _TEXTS:
            row[name] = _decoded(content)
        elif name != "json":
            row[name] = content
    for medium, suffixes in _SUFFIXES.items():
        found = [name for name in record if name in suffixes]
        if len(found) > 1 and chosen.isdisjoint(found):
            said = f"members {', '.join(found)} may all be the {medium}; say which with `columns`"
            raise msgspec.ValidationError(said)
        if len(found) == 1:
            row[medium] = row[found[0]]
            row.pop(SYNONYMS[medium][0], None)
    return row


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("a text that is not valid UTF-8") from None


def rounds(pairs: list[Any]) -> Iterator[tuple[str, str]]:
    """Go through the rounds of a history: pairs of a question and its answer."""
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise msgspec.ValidationError("history: expected pairs of a question and its answer")
        yield plain(pair[0], "history"), plain(pair[1], "history")
