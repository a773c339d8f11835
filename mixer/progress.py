"""What long work reports while it runs: a label, a total, and how much was done since the last word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """progress(label, total) opens a bar; the call it gives adds to it. The unit is bytes unless it is named."""

    def __call__(self, label: str, total: int, unit: str = "B", /) -> AbstractContextManager[Advance]:
        """Open a bar."""
        ...


@contextmanager
def silent(_label: str, _total: int, _unit: str = "B") -> Iterator[Advance]:
    """Report nothing."""
    yield lambda _done: None


@contextmanager
def bars(label: str, total: int, unit: str = "B") -> Iterator[Advance]:
    """Draw a bar on standard error when that is a terminal."""
    if sys.stderr is None:  # closed by whoever started us
        yield lambda _done: None
        return
    from tqdm import tqdm

    with tqdm(
        total=total,
        desc=label,
        unit=unit if unit == "B" else f" {unit}",
        unit_scale=True,
        disable=None,
        file=sys.stderr,
        mininterval=0.5,
        leave=False,
    ) as bar:

        def advance(done: int) -> None:
            bar.update(done)

        yield advance
