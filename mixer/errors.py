"""The one tree of errors, and the words they share.

MixerError                     exit 1
├── DataError                  raw input is missing, damaged or mostly bad
│   ├── MissingFile            a published file is not where it is looked for
│   └── DamagedFile            a file cannot be read past a byte position
├── ShortageError              an amount asks for more than its pool holds
├── IntegrityError             bytes on disk are not what a manifest or ledger says
└── UserError                  exit 2
    ├── UsageError             the command line
    └── RecipeError            the text of a recipe: one line per problem

Every message says what is wrong, where, what was expected and got, and what to do next, in one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class MixerError(Exception):
    """Anything that mixer reports instead of a traceback."""

    exit_code = 1


class DataError(MixerError):
    """Raw input that cannot be used."""


class MissingFile(DataError):
    """A published file that is not where it is looked for."""


class DamagedFile(DataError):
    """A file that cannot be read past a byte position."""


class ShortageError(MixerError):
    """An amount that its pool cannot give."""


class IntegrityError(MixerError):
    """Bytes on disk that differ from what was recorded of them."""


class UserError(MixerError):
    """A mistake in what the user wrote."""

    exit_code = 2


class UsageError(UserError):
    """A mistake on the command line."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a recipe. `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class RecipeError(UserError):
    """Mistakes in the text of a recipe, one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give the hint that ends an unknown-name message, starting with a blank, or nothing to suggest: the list."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else ""
