"""Published files fetched into the data root, checked and recorded. `Fetch` plans and runs; docs/fetch.md has the rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mixer import atomic
from mixer.errors import UsageError
from mixer.fetching import running
from mixer.fetching.hub import Hub
from mixer.fetching.lock import Lock
from mixer.fetching.planning import Plan, Planner, Rules, sized
from mixer.fetching.wanted import inputs, media, wanted
from mixer.progress import Progress, silent
from mixer.remote.path import is_remote, parsed

__all__ = ["Fetch", "Plan", "Rules", "fetching", "root_for"]

HELD = ".fetching"
"""The file that keeps a second fetch off a data root."""


class Fetch:
    """A fetch into one data root: `plan` it, then `run` it."""

    def __init__(self, root: Path, progress: Progress = silent, pause: Callable[[float], None] = time.sleep) -> None:
        self.root, self._progress, self._pause = root, progress, pause
        self._lock = Lock(root)

    def plan(
        self, given: Sequence[str], options: Sequence[str] = (), rules: Rules | None = None, *, with_media: bool = False
    ) -> Plan:
        """Say what recipes and sources need, where it is from, how large it is and what of it is there.

        Raises UsageError for a name that is neither a recipe's nor a source's, and RecipeError.
        """
        found = inputs(given, options)
        planner = Planner(self.root, self._lock, Hub(self._pause), rules or Rules(), self._progress)
        planner.add_files(wanted(found))
        if with_media:
            planner.add_media(media(found))
        planner.plan.items = [sized(item) for item in planner.plan.items]
        return planner.plan

    def run(self, plan: Plan) -> list[str]:
        """Fetch what is due; give the files that are in place now. What fails is noted in the plan.

        Raises MixerError when what is due does not fit on the disk.
        """
        running.ensure_space(plan, self.root)
        running.pin(plan, self._lock)
        return running.run(plan, self.root, self._lock, self._progress, self._pause)


def root_for(data: str | Path | None) -> Path:
    """Give the folder to fetch into, which may not be there yet: as named, else ./data.

    Raises UsageError for the miniatures, which are part of mixer, and for an object store.
    """
    if data is not None and is_remote(parsed(data)):
        raise UsageError(f"--data {data}: files are fetched into a folder of this machine; name one")
    if str(data) == "miniatures":
        raise UsageError("--data miniatures: they are part of mixer; name a folder of your own")
    return Path("data" if data is None else data)


@contextmanager
def fetching(root: Path, told: Callable[[str], None] = lambda _line: None) -> Iterator[None]:
    """Hold a data root, made if need be, for one fetch at a time."""
    root.mkdir(parents=True, exist_ok=True)
    with atomic.lock(root / HELD, wait=lambda: told(f"{root}: another fetch is at work there; waiting for it")):
        yield
