"""VCR's questions: texts as lists of words and of numbers of objects, asked about the boxes as ViP-LLaVA asks them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mixer.boxes import Box
from mixer.prompts import pick
from mixer.shared.choices import letter

ASK = (
    "Based on the provided source image, please answer this question: ",
    "In the context of the source image, can you answer: ",
    "With reference to the source image, please respond to the following query: ",
    "Considering the source image, what's your answer to: ",
    "Please provide an answer for the subsequent question, keeping the source image in mind: ",
    "Taking into account the source image, please answer: ",
    "After observing the source image, could you please answer the following: ",
    "Upon examining the source image, what would your answer be to: ",
    "Using the source image as a reference, please respond to: ",
    "In light of the source image, could you please answer: ",
)
CHOOSE = (
    "Available choices are as follows: ",
    "Select from the options below: ",
    "You may choose from the following: ",
    "Your choices include: ",
    "Here are your options: ",
    "Please pick one from the given possibilities: ",
    "The following options are available: ",
    "You have the following selections: ",
    "Which among these would you choose: ",
    "You can select from these alternatives: ",
)
WHY = (
    "why?",
    "What's the rationale for your decision?",
    "What led you to that conclusion?",
    "Why do you believe that to be true?",
    "Can you explain the basis for your thinking?",
    "How did you arrive at that perspective?",
    "What evidence supports your viewpoint?",
    "What makes you think that way?",
    "Why do you think that?",
    "What's your reasoning?",
)
"""Of the authors' 39."""
CHOSEN = ("({})", "The correct answer is ({})", "({}): {}", "Answer ({}): {}")
"""Of the authors' seven, with the plainest of their words and signs."""

Tokens = list[str | list[int]]
"""A text: words, and lists of objects by number."""
_STOPS = frozenset(".,?!:;")
"""Words that no blank stands before."""


class Choices(NamedTuple):
    """Texts of which one is right, by its place."""

    texts: Sequence[Tokens]
    right: int


class Question(NamedTuple):
    """A question, its answers and the reasons for the right one; `names` are the objects' classes."""

    names: Sequence[str]
    text: Tokens
    answers: Choices
    reasons: Choices


def boxes(all_boxes: Sequence[Sequence[float]], question: Question) -> dict[int, list[Box]]:
    """Give the box of each object that a question names. A fifth number of a box, its score, is dropped."""
    texts = [question.text, *question.answers.texts, *question.reasons.texts]
    named = sorted({number for text in texts for word in text if not isinstance(word, str) for number in word})
    if not all(0 <= number < min(len(all_boxes), len(question.names)) for number in named):
        raise ValueError("an object that has no box or no name")
    return {number: [_corners(all_boxes[number])] for number in named}


def _corners(numbers: Sequence[float]) -> Box:
    x1, y1, x2, y2 = numbers[:4]
    return x1, y1, x2, y2


def rounds(question: Question, shown: Mapping[int, str], *key: str) -> list[tuple[str, str]]:
    """Ask a question and then why: each with choices or without, by a hash of `key`."""

    def written(text: Tokens) -> str:
        return "".join(_words(text, question.names, shown))

    def choices(of: Choices, purpose: str) -> tuple[str, str]:
        right = written(of.texts[of.right])
        if not pick((True, False), *key, purpose, "choices"):
            return "", right
        every = " ".join(f"({letter(place)}) {written(text)}" for place, text in enumerate(of.texts))
        reply = pick(CHOSEN, *key, purpose, "reply").format(letter(of.right), right[:1].lower() + right[1:])
        return f" {pick(CHOOSE, *key, purpose, 'choose')}{every}", reply

    options, answer = choices(question.answers, "answer")
    reasons, reason = choices(question.reasons, "reason")
    asked = f"{pick(ASK, *key, 'ask')}{written(question.text)}{options}"
    return [(asked, answer), (f"{pick(WHY, *key, 'why')}{reasons}", reason)]


def _words(text: Tokens, names: Sequence[str], shown: Mapping[int, str]) -> Iterator[str]:
    """Write a text piece by piece: objects as `the person [0.1, 0.2, 0.3, 0.4]`, several joined by `and`."""
    for place, word in enumerate(text):
        if isinstance(word, str):
            yield word
        else:
            objects = " and ".join(f"the {names[number]} {shown[number]}" for number in word)
            yield objects if place else objects[:1].upper() + objects[1:]
        following = text[place + 1] if place + 1 < len(text) else "."
        if not (isinstance(following, str) and following in _STOPS):
            yield " "
