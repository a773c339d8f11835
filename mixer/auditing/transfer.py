"""Which media files a training run needs below its media root: the list that `rsync --files-from` takes.

Media that came inside of annotations lie in a folder of the mix or of the store and travel with that, not from the media
root: they are listed by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR
from typing import TYPE_CHECKING

from mixer import manifest
from mixer.auditing.naming import named
from mixer.collection import Collection
from mixer.errors import UsageError
from mixer.locating import located
from mixer.remote.path import is_remote

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 1 << 16
"""Paths to a block of the list."""


@dataclass(frozen=True)
class Needed:
    """The media of a collection below the media root, or those that came with the annotations."""

    paths: pl.Series
    """Distinct media paths, sorted by their bytes."""
    bytes: int
    """Of those that are there."""
    missing: int
    folders: int
    """Folders among them, such as those of videos' frames: rsync goes into them with -r only."""
    looked: bool
    """Whether there is a root to look in; without one nothing is known of bytes and absence."""


def needed(collection: Collection) -> tuple[Needed, Needed]:
    """List what a collection needs: what lies below the media root, and what came with the annotations."""
    import polars as pl

    outside, inside = [pl.Series("media", [], pl.String)], [pl.Series("media", [], pl.String)]
    bytes_ = 0
    roots: list[Path] = []
    for records in collection.leaves:
        media = named(records).select("media").unique().sort("media")["media"]
        own = [root for root in records.media if came_with_annotations(root)]
        there = pl.Series("size", list(_sizes(media, own)), pl.Int64) if own else None
        if there is not None:
            inside.append(media.filter(there.is_not_null()))
            bytes_ += int(there.sum())
            media = media.filter(there.is_null())
        outside.append(media)
        roots += [root for root in records.media if root not in own and root not in roots]
    return _below(pl.concat(outside).unique().sort(), roots), _own(pl.concat(inside).unique().sort(), bytes_)


def came_with_annotations(root: Path) -> bool:
    """Say whether a media root is the folder of a mix or of a converted source."""
    return not is_remote(root) and any((root.parent / name).is_file() for name in (manifest.NAME, "ledger.json"))


def _own(paths: pl.Series, bytes_: int) -> Needed:
    return Needed(paths, bytes_, 0, 0, looked=True)


def _below(paths: pl.Series, roots: Sequence[Path]) -> Needed:
    if not roots:
        return Needed(paths, 0, 0, 0, looked=False)
    size = missing = folders = 0
    for found in _sizes(paths, roots):
        missing += found is None
        folders += found == FOLDER
        size += max(found or 0, 0)
    return Needed(paths, size, missing, folders, looked=True)


FOLDER = -1
"""In a size's place: it is a folder."""


def _sizes(paths: pl.Series, roots: Sequence[Path]) -> Iterator[int | None]:
    """Give the size of each file, None where it is in none of the roots."""
    for place in located(paths, roots):
        yield place and (FOLDER if S_ISDIR(place[1].st_mode) else place[1].st_size)


def blocks(paths: pl.Series, *, null: bool) -> Iterator[bytes]:
    """Write paths as `rsync --files-from` reads them, with `null` for its `--from0`.

    Raises UsageError for a path that holds a line break, unless `null`.
    """
    for piece in paths.to_frame().iter_slices(AT_ONCE):
        yield "".join(_ended(piece.to_series(), null=null)).encode()


def _ended(paths: Iterable[str], *, null: bool) -> Iterator[str]:
    end = "\0" if null else "\n"
    for path in paths:
        if not null and ("\n" in path or "\r" in path):
            raise UsageError(f"{path!r}: holds a line break; end paths with NUL: -0, and rsync's --from0")
        # rsync takes these for comments, whatever ends them.
        yield f"./{path}{end}" if path.startswith(("#", ";")) else f"{path}{end}"
