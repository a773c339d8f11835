"""The mistakes of a recipe, gathered over all its files, so that all are shown at once."""

from __future__ import annotations

from collections.abc import Iterable

from mixer.errors import Problem

MAX_SHOWN = 100
"""More mistakes than this are counted, not shown."""


class Mistakes(list[Problem]):
    """Mistakes in the order in which they were found."""

    def __init__(self) -> None:
        super().__init__()
        self._refused: list[Problem] = []

    def refuse(self, problems: Iterable[Problem]) -> None:
        """Note what YAML itself was refused for. What is found later at the same places follows from it."""
        self._refused += problems

    def __bool__(self) -> bool:
        return bool(self._refused) or len(self) > 0

    def shown(self, file: str) -> list[Problem]:
        """List each mistake once, by file, the recipe's own first, and place."""
        refused = {_place(problem) for problem in self._refused}
        rest = [problem for problem in self if _place(problem) not in refused]
        distinct = dict.fromkeys([*self._refused, *rest])
        problems = sorted(distinct, key=lambda problem: (problem.file != file, *_place(problem)))
        hidden = len(problems) - MAX_SHOWN
        if hidden > 0:
            last = problems[MAX_SHOWN]
            problems[MAX_SHOWN:] = [Problem(last.file, last.line, last.column, f"this and {hidden - 1} more mistakes")]
        return problems


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.file, problem.line, problem.column
