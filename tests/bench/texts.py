"""Numbers and texts that depend on nothing but a name and a number: blake2b, no random number generator.

Texts are put together from phrases and sentences that are made once, so that a gigabyte takes seconds, not hours.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from struct import unpack

_WORDS = (
    "a an the one two three some old small large red green grey wooden open empty round tall quiet bright kite boat hill "
    "field river bridge window kettle table lamp bicycle horse market street wall garden ladder basket bottle blanket "
    "station harbour cloud tower fence orange paper child woman man sailor farmer baker stands lies hangs leans waits "
    "walks reads holds carries looks rests turns shines faces on under over near beside behind between above along across "
    "from with without towards into and while where at noon in winter before dawn after rain by candlelight left right"
)
WORDS = tuple(_WORDS.split())

PHRASES = 4096
"""Enough that few texts are alike, few enough to be made at once."""

ODD = (
    'A sign above the door reads "Café Zoë, 5 °C".',
    "She said: “it’s late” — and left…",
    "標識に「駅」と書いてある。",
    "네, 두 사람이 보입니다. 🙂",
    "In short:\n1. two cups\n2. a plate\n\nThe rest is hidden.",
    "The path C:\\photos\\new\tis printed on the label.",
)
"""Sentences with what JSON escapes, and with what it may escape."""


class Numbers:
    """An endless supply of numbers for one thing, such as the record `number` of the source `name`."""

    def __init__(self, name: str, number: int) -> None:
        self._key = f"{name}/{number}"
        self._block = 0
        self._values: list[int] = []

    def below(self, limit: int) -> int:
        """Give the next number from 0 to `limit` - 1; `limit` is at most 65536."""
        if not self._values:
            self._values = list(unpack("<32H", blake2b(f"{self._key}/{self._block}".encode()).digest()))
            self._block += 1
        return self._values.pop() * limit >> 16

    def one_of(self, choices):
        """Give one of a sequence."""
        return choices[self.below(len(choices))]


@cache
def phrases() -> tuple[str, ...]:
    """Give phrases of three to six words."""
    made = []
    for number in range(PHRASES):
        numbers = Numbers("phrase", number)
        made.append(" ".join(numbers.one_of(WORDS) for _ in range(3 + numbers.below(4))))
    return tuple(made)


@cache
def sentences() -> tuple[str, ...]:
    """Give sentences of two to five phrases; every 64th is an odd one."""
    made = []
    for number in range(PHRASES):
        numbers = Numbers("sentence", number)
        said = ", ".join(numbers.one_of(phrases()) for _ in range(2 + numbers.below(4)))
        made.append(ODD[number // 64 % len(ODD)] if number % 64 == 0 else f"{said.capitalize()}.")
    return tuple(made)


def answer(numbers: Numbers, count: int) -> str:
    """Give so many sentences."""
    return " ".join(numbers.one_of(sentences()) for _ in range(count))


def question(numbers: Numbers) -> str:
    """Give a short question."""
    return f"{numbers.one_of(STARTS)} {numbers.one_of(phrases())}?"


STARTS = ("What is", "Is there", "What color is", "How many are", "Who is", "Which side is", "Where is", "Are they")
WORDS_SAID = ("Yes", "No", "2", "Brown", "Left", "Table", "Kitchen table", "White", "Skateboarding", "On right")
"""Short answers as LLaVA gives them: the first letter upper case, no period."""
