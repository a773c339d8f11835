"""The one YAML loader: plain values, and where each of them was written.

YAML reads `no` as False, `010` as 8 and `12:30` as 750, keeps the last of two equal keys without a word, and lets a
file name code. Here only maps, lists and scalars are left; the only scalars that are not text are an empty value,
`null`, `~`, `true`, `false` and decimal numbers; everything else that YAML would turn into something is refused with
a hint. All mistakes of a file are found at once, as far as its syntax lets it be read.

The events of the parser are used, not its nodes: nodes have forgotten their anchors, and composing them recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from mixer.errors import Problem, RecipeError
from mixer.recipe.yaml_scalars import plain

MAX_BYTES = 4 << 20
"""The largest text that is read: some ten thousand times a recipe, and still nothing to a machine."""
MAX_DEPTH = 32
"""The deepest nesting of maps and lists; a recipe needs 6."""

Key = str | int
PathKey = tuple[Key, ...]


@dataclass(frozen=True)
class Place:
    """Where a key or value stands. `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    text_column: int | None = None
    """Where a value's first character stands, if its characters stand there one by one, in one line."""

    def problem(self, message: str) -> Problem:
        """Make a problem at this place."""
        return Problem(self.file, self.line, self.column, _one_line(message))

    def problem_inside(self, message: str, offset: int) -> Problem:
        """Make a problem at a character of the text that stands here, or at its start where that cannot be told."""
        column = self.column if self.text_column is None else self.text_column + offset
        return Problem(self.file, self.line, column, _one_line(message))


def _one_line(message: str) -> str:
    """Show line ends and the like as escapes: what a message quotes may hold some."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in message)


@dataclass
class Tree:
    """The values of one text, or of several merged ones, and the places of all keys and values by their path."""

    file: str
    value: dict[str, Any] = field(default_factory=dict)
    places: dict[PathKey, Place] = field(default_factory=dict)
    keys: dict[PathKey, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def at(self, path: PathKey) -> Any:
        """Give the value at a path."""
        value: Any = self.value
        for step in path:
            value = value[step]
        return value


def load_yaml(path: str) -> Tree:
    """Read a file as `parse_yaml` does. Raises OSError where it cannot be read, RecipeError where it is no YAML map."""
    with open(path, "rb") as file:  # noqa: PTH123 - shown and opened as the user gave it
        data = file.read(MAX_BYTES + 1)
    return parse_yaml(data, path)


def parse_yaml(data: bytes, file: str) -> Tree:
    """Parse a text whose top is a map.

    Mistakes that leave the rest readable are in the tree's `problems`; raises RecipeError for those that do not.
    """
    text = _decode(data, file)
    builder = _Builder(Tree(file), text)
    try:
        builder.document()
    except yaml.MarkedYAMLError as error:
        raise RecipeError([*builder.tree.problems, _syntax_problem(error, file)]) from None
    return builder.tree


def _syntax_problem(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark, begun = error.problem_mark, error.context_mark
    since = f" {error.context} that begins in line {begun.line + 1}" if error.context and begun else ""
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Problem(file, line, column, f"this is not YAML: {error.problem}{since}; see the line and the one above it")


# --- bytes to text ---------------------------------------------------------------------------------------------------

# Control characters, the invisible line ends of Unicode (YAML would count them as lines), and the byte order mark.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def _decode(data: bytes, file: str) -> str:
    """Give the text of a file, or raise a located RecipeError that says why it is none."""
    if len(data) > MAX_BYTES:
        raise RecipeError([Problem(file, 1, 1, f"the file is larger than {MAX_BYTES >> 20} MiB: this is no recipe")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise RecipeError([_at(file, before, message)]) from None
    if text.startswith("\ufeff"):
        raise RecipeError([Problem(file, 1, 1, "the file starts with a byte order mark; save it as UTF-8 without BOM")])
    odd = _UNPRINTABLE.search(text)
    if odd:
        message = f"character U+{ord(odd[0]):04X} cannot stand in a recipe; remove it"
        raise RecipeError([_at(file, text[: odd.start()], message)])
    return text


def _at(file: str, before: str, message: str) -> Problem:
    lines = re.split("\r\n|\r|\n", before)
    return Problem(file, len(lines), len(lines[-1]) + 1, message)


# --- events to values ------------------------------------------------------------------------------------------------


class _Builder:
    """Builds the tree of one text from its parsing events."""

    def __init__(self, tree: Tree, text: str) -> None:
        self.tree = tree
        self.text = text
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)

    def document(self) -> None:
        """Read the one document of the text."""
        next(self.events)  # the stream's start
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            raise RecipeError([Problem(self.tree.file, 1, 1, "the file is empty; a recipe starts with `mixer: 1`")])
        if start.version or start.tags:
            self.refuse(start, "directives (%YAML, %TAG) are not allowed; remove the line")
        top = next(self.events)
        value = self.node(top, ())
        next(self.events)  # the document's end
        more = next(self.events)
        if not isinstance(more, yaml.StreamEndEvent):
            self.refuse(more, "a second document starts here; a file holds one recipe")
        if not isinstance(value, dict):
            self.refuse(top, "expected a map at the top, such as `mixer: 1` and further `key: value` lines")
            raise RecipeError(self.tree.problems)
        self.tree.value = value

    def node(self, event: Any, path: PathKey) -> Any:
        """Read the value that starts with this event."""
        self.tree.places[path] = self.place(event)
        if len(path) > MAX_DEPTH:
            self.refuse(event, f"maps and lists are nested more than {MAX_DEPTH} deep here")
            raise RecipeError(self.tree.problems)
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, f"alias *{event.anchor} is not allowed; write the value out, or use `extends`")
            return None
        if event.anchor is not None:
            self.refuse(event, f"anchor &{event.anchor} is not allowed; remove it")
        if event.tag is not None:
            self.refuse(event, f"tag {_shown_tag(event.tag)} is not allowed; remove it")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.scalar(event)

    def mapping(self, path: PathKey) -> dict[str, Any]:
        """Read a map's keys and values; of two equal keys the first stays."""
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, path)
            here = (*path, key)
            if key in found:
                self.refuse(event, f"key {key!r} is given twice, first in line {self.tree.keys[here].line}; keep one")
                here = (*path, f"{key} ")  # its value is still read for its own mistakes, but kept nowhere
            elif not key:
                self.node(next(self.events), here)
                continue
            value = self.node(next(self.events), here)
            if key not in found:
                self.tree.keys[here] = self.place(event)
                found[key] = value
        return found

    def key(self, event: Any, path: PathKey) -> str:
        """Read a key; a refused one is reported and read as ''."""
        key = self.node(event, (*path, ""))
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and not event.style:
            self.refuse(event, "merge keys (<<) are not allowed; write the keys out, or use `extends`")
        elif type(key) is not str or not key:
            self.refuse(event, f"a key is text, got {_shown_key(key)}: quote it if you mean text")
        else:
            return key
        return ""

    def sequence(self, path: PathKey) -> list[Any]:
        """Read a list's items."""
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, (*path, len(items))))
        return items

    def scalar(self, event: Any) -> Any:
        """Read a scalar: quoted and block scalars are text, plain ones as the module says."""
        text: str = event.value
        odd = _UNPRINTABLE.search(text)
        if odd:
            self.refuse(event, f"the text holds the control character U+{ord(odd[0]):04X}; remove it")
            text = _UNPRINTABLE.sub("?", text)  # it may yet be opened as a path before all mistakes are told
        if event.style:
            return text
        try:
            return plain(text)
        except ValueError as error:
            self.refuse(event, str(error))
            return text

    def place(self, event: Any) -> Place:
        """Give the place of an event."""
        first, end = event.start_mark, event.end_mark
        line, column = first.line + 1, first.column + 1
        if not isinstance(event, yaml.ScalarEvent) or "\n" in event.value:
            return Place(self.tree.file, line, column)
        quotes = 1 if event.style in ("'", '"') else 0
        # Escapes, tags and block scalars make the text unlike its value: then no character of it can be pointed at.
        verbatim = self.text[first.index + quotes : end.index - quotes] == event.value
        return Place(self.tree.file, line, column, column + quotes if verbatim else None)

    def refuse(self, event: Any, message: str) -> None:
        """Note a mistake at an event."""
        place = self.place(event)
        self.tree.problems.append(place.problem(message))


def _shown_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _shown_key(key: object) -> str:
    names = {dict: "a map", list: "a list", type(None): "nothing", bool: str(key).lower(), str: "empty text"}
    return names.get(type(key), str(key))
