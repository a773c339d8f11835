"""Reads one JSON object as one record, which says where each of its values stands: `{"LA_IMG_7": "iVBORw0K...", ...}`.

`of(name)` gives the reader, `of(name, "data")` that of an object in a member; `name` makes ids of the keys, and of
equal ones the first counts. The raw type is made of the `Places`, which give a value as its JSON text. Memory is
bounded by the ids, so the values may be larger than memory together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mixer.readers import Batch
from mixer.readers.envelope import Envelope
from mixer.readers.mapping import mapped
from mixer.readers.places import Part, Places, Slice, file_bytes


@dataclass(frozen=True)
class Located:
    """The reader; see the module's docstring."""

    name: Callable[[str], str]
    names: tuple[str, ...]

    def cut(self, path: Path, place: int) -> int:
        """Give the file's start or its end: nothing between is an edge."""
        return 0 if place <= 0 else path.stat().st_size

    def read(self, path: Path, start: int, stop: int, raw: type, piece: int) -> Iterator[Batch]:  # noqa: ARG002 - the face
        """Find every value of the object, if the span holds it."""
        if start or not stop:
            return
        slices: dict[str, Slice] = {}
        with mapped(path) as view:
            for key, at, end in Envelope(path, view, self.names).members():
                slices.setdefault(self.name(key), (at, end - at))
            yield Batch([raw(Places(Part(partial(file_bytes, path), slices)))], len(view))


def of(name: Callable[[str], str], *names: str) -> Located:
    """Make the reader of an object; with names, of that in the member which these keys lead to."""
    return Located(name, names)
