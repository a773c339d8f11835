"""How two mixes differ, in words: a summary, a table, a sentence for each source that changed, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mixer.tables import number, table

if TYPE_CHECKING:
    from mixer.comparing import Difference, LeafDifference

CAUSES = 4
"""Causes that a sentence names; the JSON has all."""
REASONS = 60
"""Lines of what differs in what the mixes were made of."""


def text(difference: Difference) -> str:
    """Print a difference for people."""
    lines = summary(difference)
    if not difference.same:
        lines += ["", _table(difference), "", *(sentence(leaf) for leaf in difference.leaves if leaf.state != "same")]
    why = [f"why: {reason}" for reason in difference.reasons]
    over = len(why) - REASONS
    return "\n".join([*lines, *why[:REASONS], *([f"why: {over:,} things more; see --json"] if over > 0 else [])])


def summary(difference: Difference) -> list[str]:
    """Say it in a few sentences."""
    if difference.same:
        said = f"the same records in the same order: mix {difference.a[:16]}"
        return [said, *(["they were made differently all the same:"] if difference.reasons else [])]
    old, new = difference.records_a, difference.records_b
    return [
        f"mix {difference.a[:16]} (a) and mix {difference.b[:16]} (b) differ",
        f"b holds {_compared(old, new)}; {number(difference.common)} are in both, {_order(difference)}",
        f"of {len(difference.leaves):,} sources {_states(difference.leaves)}",
    ]


def _compared(old: int, new: int) -> str:
    if old == new:
        return f"as many records as a: {number(new)}"
    return f"{_more(old, new)} than a ({number(old)} -> {number(new)})"


def _more(old: int, new: int) -> str:
    return f"{_records(abs(new - old))} {'more' if new > old else 'fewer'}"


def _records(count: int) -> str:
    return f"{number(count)} {'record' if count == 1 else 'records'}"


def _order(difference: Difference) -> str:
    if not difference.order_changed:
        return "in the same order"
    return f"in another order: at least {number(difference.moved)} of them stand elsewhere"


_STATES = {"added": "new", "removed": "gone", "changed": "changed", "same": "as before"}


def _states(leaves: Sequence[LeafDifference]) -> str:
    counts = {said: sum(leaf.state == state for leaf in leaves) for state, said in _STATES.items()}
    return ", ".join(f"{count:,} {'is' if count == 1 else 'are'} {said}" for said, count in counts.items() if count)


def _table(difference: Difference) -> str:
    rows = [
        [
            leaf.leaf,
            *("" if ideal is None else number(ideal) for ideal in (leaf.ideal_a, leaf.ideal_b)),
            *map(number, (leaf.count_a, leaf.count_b, leaf.only_a, leaf.only_b)),
        ]
        for leaf in difference.leaves
    ]
    header = ["leaf", "ideal a", "ideal b", "records a", "records b", "only a", "only b"]
    totals = [
        sum(getattr(leaf, name) for leaf in difference.leaves) for name in ("count_a", "count_b", "only_a", "only_b")
    ]
    return table(header, rows, total=["total", "", "", *map(number, totals)])


def sentence(leaf: LeafDifference) -> str:
    """Say what became of a source, and what is behind it."""
    return f"{leaf.leaf}: {''.join(_said(leaf))}"


def _said(leaf: LeafDifference) -> Iterator[str]:
    if leaf.state == "added":
        yield f"new, with {_records(leaf.count_b)}"
    elif leaf.state == "removed":
        yield f"gone, with its {_records(leaf.count_a)}"
    elif leaf.state == "same":
        yield f"the same {_records(leaf.count_a)}"
    elif leaf.count_a == leaf.count_b:
        yield f"{number(leaf.only_a)} of its {_records(leaf.count_a)} {'is another' if leaf.only_a == 1 else 'are others'}"
    else:
        yield f"{_more(leaf.count_a, leaf.count_b)} ({number(leaf.count_a)} -> {number(leaf.count_b)})"
        if leaf.only_a and leaf.only_b:
            yield f", {number(leaf.only_b)} are new and {number(leaf.only_a)} gone"
    if leaf.because:
        over = len(leaf.because) - CAUSES
        yield f", because {'; '.join(leaf.because[:CAUSES])}{f'; and {over:,} things more' if over > 0 else ''}"
