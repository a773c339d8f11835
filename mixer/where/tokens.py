"""The tokens of a `where`: keywords, names, constants, signs, each with its position."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_DIGITS = 18
"""The most digits of a number: whole ones then fit 64 bits."""

_KEYWORDS = frozenset(["AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "IS", "NULL", "TRUE", "FALSE"])
_SIGNS = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<text>'(?:[^']|'')*')
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.]))
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><>|<=|>=|!=|<|>|=(?!=))
      | (?P<mark>[(),])""",
    re.VERBOSE,
)
_HINTS = {
    "'": "a text without its closing quote; a quote inside a text is written ''",
    '"': "texts stand in single quotes ('like this'), columns in none",
    "=": "write = for equality",
    "&": "write AND",
    "|": "write OR",
    "!": "write NOT, or != between two values",
}


class WhereError(ValueError):
    """A condition that cannot be read; `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Token(NamedTuple):
    """A token: its kind (keyword, word, text, number, sign, mark, end), what it says, where, and how to show it."""

    kind: str
    value: str
    position: int
    shown: str


def tokens(text: str) -> list[Token]:
    """Cut a condition into its tokens; the last one has the kind `end`."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            rest = text[position]
            odd = "a number is written in decimal digits" if rest.isdigit() or rest == "-" else "it has no meaning here"
            raise WhereError(f"unexpected {rest!r}: {_HINTS.get(rest, odd)}", position)
        if match.lastgroup != "blank":
            found.append(_token(str(match.lastgroup), match[0], position))
        position = match.end()
    return [*found, Token("end", "", position, "the end")]


def _token(kind: str, shown: str, position: int) -> Token:
    if kind == "word" and shown.isascii() and shown.upper() in _KEYWORDS:
        return Token("keyword", shown.upper(), position, shown.upper())
    if kind == "text":
        return Token(kind, shown[1:-1].replace("''", "'"), position, shown)
    if kind == "number" and len(shown.strip("-").replace(".", "")) > MAX_DIGITS:
        raise WhereError(f"expected a number of at most {MAX_DIGITS} digits", position)
    return Token(kind, _SIGNS.get(shown, shown), position, shown)
