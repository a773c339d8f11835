"""Several answers to one prompt, each with a score: which of them make a pair, and which is the best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from operator import attrgetter
from typing import Literal, NamedTuple

from pydantic import Field

from mixer.conversation import Labelled, Labels, Skip, qa
from mixer.shared.pairs import PairOptions, pair


class ScoredOptions(PairOptions):
    """Which answers make a pair."""

    pairs: Literal["all", "best_worst"] = Field(
        default="all", description="Each two answers of different scores, or the best and the worst one."
    )


class Answer(NamedTuple):
    """An answer, its score if it has one, and its kind if the data tell."""

    text: str
    score: float | None
    kind: str | None = None


def records(
    answers: Sequence[Answer], options: ScoredOptions, *, id: str, prompt: str, image: str, subset: str | None = None
) -> Iterator[Labelled | Skip]:
    """Make the pairs of a prompt, each an item, or, for instructions, the one record of its best answer.

    Ids of all pairs end with the places of the two answers. Of equal scores the first answer is the best, or the worst.
    A pair is labelled with the score of its better answer, and with the kind of its worse one where that is told.
    """
    if options.kind == "instruct" or options.pairs == "best_worst":
        yield _extremes(answers, options, id=id, prompt=prompt, image=image, subset=subset)
        return
    if len(answers) < 2:
        yield Skip("fewer than two answers")
    for first, second in combinations(range(len(answers)), 2):
        scores = answers[first].score, answers[second].score
        if scores[0] is None or scores[1] is None:
            yield Skip("an answer without a score")
        elif scores[0] == scores[1]:
            yield Skip("equal scores")
        else:
            better, worse = (first, second) if scores[0] > scores[1] else (second, first)
            name = f"{id}-{better}-{worse}"
            yield _pair(answers[better], answers[worse], options, id=name, prompt=prompt, image=image, subset=subset)


def _extremes(
    answers: Sequence[Answer], options: ScoredOptions, *, id: str, prompt: str, image: str, subset: str | None
) -> Labelled | Skip:
    rated = [each for each in answers if each.score is not None]
    if not rated:
        return Skip("no answer with a score")
    best, worst = max(rated, key=attrgetter("score")), min(rated, key=attrgetter("score"))
    if options.kind == "instruct":
        if not best.text.strip():
            return Skip("no chosen answer")
        made = qa(id=id, question=prompt, answer=best.text, image=image)
        return Labelled(made, Labels(subset=subset or best.kind, rating=best.score))
    if best.score == worst.score:
        return Skip("equal scores" if len(rated) > 1 else "fewer than two answers with a score")
    return _pair(best, worst, options, id=id, prompt=prompt, image=image, subset=subset)


def _pair(
    better: Answer, worse: Answer, options: ScoredOptions, *, id: str, prompt: str, image: str, subset: str | None
) -> Labelled | Skip:
    made = pair(options, id=id, prompt=prompt, chosen=better.text, rejected=worse.text, image=image)
    return made if isinstance(made, Skip) else Labelled(made, Labels(subset=subset or worse.kind, rating=better.score))
