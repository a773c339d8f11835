"""Work on many files, of which those of an object store are mostly waited for: several of them at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mixer.remote import objects
from mixer.remote.path import is_remote

R = TypeVar("R")


def over(function: Callable[[Path], R], paths: Sequence[Path]) -> list[R]:
    """Apply a function to each path; results in their order, and so is the first error."""
    if not any(map(is_remote, paths)):
        return [function(path) for path in paths]
    # Which warnings are shown is one setting of all threads, which functions change and set back: it is the same for
    # all of them as long as they run.
    with warnings.catch_warnings(), objects.streams() as pool:
        warnings.simplefilter("ignore")
        return list(pool.map(function, paths))
