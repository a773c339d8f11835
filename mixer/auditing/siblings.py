"""Where a missing medium lies under another ending: `7.gif`, `7.jpeg` or `7.JPG` for records that say `7.jpg`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath

from mixer.auditing import formats
from mixer.remote.looking import Looking


def siblings(missing: Sequence[str], roots: Sequence[Path], looking: Looking) -> Iterator[tuple[str, str, Path]]:
    """Give each missing medium that has one with its sibling, as a media path and as a file. `missing` is sorted.

    A folder is listed once; of several siblings, one named as the same format comes first, then one whose stem is
    written the same. Endings that are of no known format are no siblings.
    """
    for folder, group in groupby(missing, key=lambda path: path.rpartition("/")[0]):
        wanted = list(group)
        stems = {PurePosixPath(path).stem.casefold() for path in wanted}
        for root in roots:
            found = _listed(root / folder, stems, looking)
            for path in wanted:
                name = PurePosixPath(path)
                others = found.get(name.stem.casefold(), []) if formats.said(name.name) else []
                if others:
                    best = min(others, key=lambda other: _rank(other, name))
                    yield path, f"{folder}/{best}" if folder else best, root / folder / best
            wanted = [path for path in wanted if PurePosixPath(path).stem.casefold() not in found]


def _rank(other: str, name: PurePosixPath) -> tuple[bool, bool, str]:
    return (formats.said(other) != formats.said(name.name), PurePosixPath(other).stem != name.stem, other)


def _listed(folder: Path, stems: set[str], looking: Looking) -> dict[str, list[str]]:
    """List a folder's media of some stems, by stem."""
    found: dict[str, list[str]] = {}
    try:
        for entry in looking.entries(folder):
            stem = entry.stem.casefold()
            if stem in stems and formats.said(entry.name) and looking.is_file(entry):
                found.setdefault(stem, []).append(entry.name)
    except OSError:  # no such folder: nothing lies there
        return {}
    return found
