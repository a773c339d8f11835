"""Questions that a record shares with a benchmark.

Texts are compared word by word, in lower case, without placeholders, format prompts ("Answer the question using a single
word or phrase.") and punctuation. A record shares a question when N words in a row of one of its human turns are in the
question; a question of fewer words must be the whole turn, or a line of it, as where options follow. Mere requests such
as "Describe this image." are format prompts: what is left of them is nothing, and nothing is never shared.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from mixer import atomic
from mixer.columns import write_frame
from mixer.conversation import AUDIO, HUMAN, IMAGE, VIDEO, Conversation
from mixer.derived import Derived

COLUMN = "leak_questions"
VERSION = 1
"""Of how texts are compared."""

YES_OR_NO = ("please answer yes or no", "answer yes or no", "please answer with yes or no", "answer with yes or no")
"""How benchmarks ask for the form of an answer, beyond the wordings of training data."""
REQUESTS = frozenset(
    f"{please}describe {what} image{how}"
    for please in ("", "please ")
    for what in ("this", "the")
    for how in ("", " in detail", " briefly")
)
"""How benchmarks ask for a description: whole turns that say nothing of an image."""

_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese characters: no blanks stand between their words, so each counts as one."""
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+")
_PLACEHOLDER = re.compile(f"{IMAGE}|{VIDEO}|{AUDIO}")
_SEEN = 1 << 16
"""Texts of which is remembered what is found: sets of questions repeat themselves."""


class Asked(msgspec.Struct, frozen=True):
    """Questions of a benchmark, and what it takes to share one: so many words in a row, or a whole one (0)."""

    name: str
    ngram: int
    questions: tuple[str, ...]
    """As `words` gives them, joined by blanks; sorted."""


@lru_cache(_SEEN)
def words(text: str) -> str:
    """Give what is compared of a text: its words in lower case, joined by blanks."""
    from mixer.texts.informative import informative  # loads the sources whose wordings it knows

    told = informative(_PLACEHOLDER.sub(" ", text).strip())
    found = " ".join(_WORD.findall(told.casefold()))
    if found in REQUESTS or found in YES_OR_NO:
        return ""
    for end in YES_OR_NO:
        found = found.removesuffix(f" {end}")
    return found


def runs(text: str, ngram: int) -> Iterator[str]:
    """Go through the runs of so many words of a text that `words` gave."""
    split = text.split(" ")
    for start in range(len(split) - ngram + 1):
        yield " ".join(split[start : start + ngram])


class Matcher:
    """Finds the questions that a text shares with benchmarks."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._asked = asked
        self._whole: dict[str, list[int]] = {}
        self._runs: dict[int, dict[str, list[int]]] = {}
        for number, each in enumerate(asked):
            for question in each.questions:
                if each.ngram and question.count(" ") + 1 >= each.ngram:
                    by_run = self._runs.setdefault(each.ngram, {})
                    for run in runs(question, each.ngram):
                        _note(by_run, run, number)
                else:
                    _note(self._whole, question, number)
        self._of_turn = lru_cache(_SEEN)(self._find)

    def find(self, turns: Iterable[str]) -> list[tuple[int, str]]:
        """Give (number of the benchmark's questions, words shared), sorted.

        Of benchmarks matched by words in a row the first ones shared, of the others every question.
        """
        found: dict[int, list[str]] = {}
        for turn in turns:
            for number, shared in self._of_turn(turn):
                told = found.setdefault(number, [])
                if shared not in told and (not told or not self._asked[number].ngram):
                    told.append(shared)
        return [(number, shared) for number in sorted(found) for shared in sorted(found[number])]

    def _find(self, turn: str) -> tuple[tuple[int, str], ...]:
        text = words(turn)
        lines = turn.split("\n") if "\n" in turn else []
        whole = dict.fromkeys((text, *map(words, lines)))
        found = [(number, each) for each in whole for number in self._whole.get(each, ())]
        for ngram, by_run in self._runs.items():
            found += [(number, run) for run in runs(text, ngram) for number in by_run.get(run, ())]
        return tuple(dict.fromkeys(found))


def _note(by_text: dict[str, list[int]], text: str, number: int) -> None:
    numbers = by_text.setdefault(text, [])
    if number not in numbers[-1:]:
        numbers.append(number)


def human_turns(line: bytes) -> list[str]:
    """Give the human turns of a record's canonical bytes."""
    return [turn.value for turn in _decode(line).conversations if turn.from_ == HUMAN]


_decode = msgspec.json.Decoder(Conversation).decode


def told(found: Sequence[tuple[int, str]]) -> str | None:
    """Write what a matcher found as the column holds it: a line a match, number and words between tabs; null: nothing."""
    return "\n".join(f"{number}\t{shared}" for number, shared in found) or None


def derived(asked: Sequence[Asked], folder: Path) -> Derived:
    """Give the column that says what each record shares with benchmarks; `folder`, of the store, gets their questions."""
    content = msgspec.json.encode(asked)
    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / f"{sha256}.json"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        atomic.replace_file(path, content)
    settings = {"version": VERSION, "wordings": _wordings(), "questions": sha256, "path": str(path)}
    return Derived("leaks", {COLUMN: "String"}, "leaks.questions:write", settings)


def _wordings() -> str:
    """Hash the format prompts that are left out."""
    from mixer.texts import wordings

    every = (
        sorted(wordings.REQUESTS),
        wordings.INSTRUCTIONS,
        wordings.TEMPLATES,
        wordings.LINES,
        YES_OR_NO,
        sorted(REQUESTS),
    )
    return hashlib.sha256(msgspec.json.encode(every)).hexdigest()


@lru_cache(maxsize=2)
def _matcher(path: Path) -> Matcher:
    return Matcher(msgspec.json.decode(path.read_bytes(), type=list[Asked]))


def write(lines: Path, out: Path, settings: Mapping[str, Any]) -> None:
    """Write what each of a part's records shares, one a line; called in workers."""
    import polars as pl

    matcher = _matcher(Path(settings["path"]))
    with lines.open("rb") as file:
        column = [told(matcher.find(human_turns(line))) for line in file]
    write_frame(pl.DataFrame({COLUMN: column}, schema={COLUMN: pl.String}), out)
