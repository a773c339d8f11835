"""What long work reports while it runs: a label, a total, and how much was done since the last word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Advance]]
"""progress(label, total bytes) opens a bar; the call it gives adds to it."""


@contextmanager
def silent(_label: str, _total: int) -> Iterator[Advance]:
    """Report nothing."""
    yield lambda _done: None


@contextmanager
def bars(label: str, total: int) -> Iterator[Advance]:
    """Draw a bar on standard error when that is a terminal."""
    if sys.stderr is None:  # closed by whoever started us
        yield lambda _done: None
        return
    from tqdm import tqdm

    with tqdm(
        total=total, desc=label, unit="B", unit_scale=True, disable=None, file=sys.stderr, mininterval=0.5, leave=False
    ) as bar:

        def advance(done: int) -> None:
            bar.update(done)

        yield advance
