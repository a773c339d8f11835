"""What was once found out about files, such as an image's hash, remembered as long as the files stay as they are.

    <store>/files/<kind>/<id>.parquet    rows of: file, size, mtime_ns, ctime_ns, inode, and the kind's columns

Work is done in tasks of a few files each and written down every few seconds, so that a stopped run goes on where it
was. What is known of a file that has changed since counts for nothing.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mixer import atomic
from mixer.columns import read_columns, types_of
from mixer.errors import IntegrityError
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.remote.looking import Looking
from mixer.remote.path import asking
from mixer.remote.waiting import over
from mixer.stamps import Stamp, stamp

if TYPE_CHECKING:
    import polars as pl

FILES = 64
"""Files to a task."""
WAITING = 4
"""Tasks a process may be ahead of the one that is waited for."""
SAVED = 10.0
"""Seconds after which results are written down."""
AT_ONCE = 1 << 16
"""Files whose stamps are taken together."""
SEGMENTS = 32
"""So many files of a kind are joined to one."""
_STAMP = {"size": "Int64", "mtime_ns": "Int64", "ctime_ns": "Int64", "inode": "UInt64"}

Values = tuple[Any, ...]
Asked = tuple[Path, Stamp | None]
"""A file, and its stamp before it is read; None: it has none."""


@dataclass(frozen=True)
class Kind:
    """What is found out about a file."""

    name: str
    """Of its folder: a new version of `find` needs a new name."""
    columns: Mapping[str, str]
    """Name -> name of the polars type; other names than those of the stamp."""
    find: Callable[[Path], Values]
    """A function of a module. It gives the columns' values and raises nothing for a bad or missing file: one of the
    columns says what is wrong with it."""


def remember(
    kind: Kind,
    files: Sequence[Path],
    store: Path,
    workers: Engine,
    progress: Progress,
    label: str,
    looking: Looking | None = None,
) -> pl.DataFrame:
    """Find out about files: one row each, in their order, with the kind's columns. Work is done only where it is new.

    `store` is the store's folder, `label` what the progress bar says; `looking` is for who asks of many files in pieces.
    Raises DataError where an object store does not answer.
    """
    import polars as pl

    assert not {"file", *_STAMP} & {*kind.columns}, "a kind's columns have names of their own"
    folder = store / "files" / kind.name
    names = [os.fspath(path.absolute()) for path in files]
    work = list(_asked(files, looking or Looking()))
    asked = pl.DataFrame(
        {"file": names, **_columns([seen for _, seen in work])}, schema={"file": pl.String, **types_of(_STAMP)}
    )
    keys = ["file", *_STAMP]
    known = _known(kind, folder).unique(keys, keep="any")  # equal stamps, equal findings
    found = asked.with_row_index("at").join(known, on=keys, how="inner").sort("at")
    new = sorted(set(range(len(files))) - set(found["at"].to_list()))
    distinct = {names[at]: at for at in reversed(new)}
    todo = [work[at] for at in sorted(distinct.values())]
    rows = dict(_work(kind, todo, folder, workers, progress, label))
    made = pl.DataFrame(
        [rows[names[at]] for at in new],
        schema=types_of(kind.columns),
        orient="row",
    ).with_columns(pl.Series("at", new, dtype=found.schema["at"]))
    return pl.concat([found.select("at", *kind.columns), made.select("at", *kind.columns)]).sort("at").drop("at")


def _work(
    kind: Kind, files: list[Asked], folder: Path, workers: Engine, progress: Progress, label: str
) -> Iterator[tuple[str, Values]]:
    """Find out about files that nothing is remembered of; write it down now and then."""
    if not files:
        return
    waiting: deque[tuple[list[Asked], Callable[[], list[tuple[Stamp | None, Values]]]]] = deque()
    unsaved: list[tuple[str, Stamp, Values]] = []
    saved = time.monotonic()
    pieces = deque(files[start : start + FILES] for start in range(0, len(files), FILES))
    inline = len(pieces) == 1
    with progress(label, len(files), "files") as advance:
        try:
            while pieces or waiting:
                while pieces and len(waiting) < WAITING * workers.count:
                    piece = pieces.popleft()
                    waiting.append(
                        (piece, workers.call(partial(_find, kind.find), piece, about=str(piece[0][0]), inline=inline))
                    )
                piece, results = waiting.popleft()
                for (path, _), (seen, values) in zip(piece, results(), strict=True):
                    name = os.fspath(path.absolute())
                    yield name, values
                    if seen is not None:
                        unsaved.append((name, seen, values))
                advance(len(piece))
                if time.monotonic() - saved > SAVED:
                    _save(kind, folder, unsaved)
                    unsaved, saved = [], time.monotonic()
        finally:
            workers.settle()
            _save(kind, folder, unsaved)


def _find(find: Callable[[Path], Values], files: list[Asked]) -> list[tuple[Stamp | None, Values]]:
    """Do a task: a stamp comes with what may be remembered."""
    old = {path: before for path, before in files if before is not None and before.settled()}
    values = over(find, [path for path, _ in files])
    now = dict(zip(old, over(_stamp_now, list(old)), strict=True))
    stay = {path: before for path, before in old.items() if before == now[path]}
    return [(stay.get(path), found) for (path, _), found in zip(files, values, strict=True)]


def _asked(files: Sequence[Path], looking: Looking) -> Iterator[Asked]:
    for start in range(0, len(files), AT_ONCE):
        piece = files[start : start + AT_ONCE]
        looking.expect(piece)
        yield from ((path, _stamp(path)) for path in map(looking.seen, piece))


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp(path)
    except OSError:
        return None


def _stamp_now(path: Path) -> Stamp | None:
    return _stamp(asking(path))


def _columns(stamps: Sequence[Stamp | None]) -> dict[str, list[int | None]]:
    return {name: [None if each is None else getattr(each, name) for each in stamps] for name in _STAMP}


def _save(kind: Kind, folder: Path, rows: list[tuple[str, Stamp, Values]]) -> None:
    """Write results down as a segment; many segments become one."""
    import polars as pl

    if not rows:
        return
    names, stamps, values = zip(*rows, strict=True)
    types = types_of(kind.columns)
    told = pl.DataFrame(list(values), schema=types, orient="row")
    frame = pl.DataFrame({"file": names, **_columns(stamps)}, schema={"file": pl.String, **types_of(_STAMP)}).hstack(
        told
    )
    folder.mkdir(parents=True, exist_ok=True)
    old = sorted(folder.glob("*.parquet"))
    if len(old) >= SEGMENTS:
        frame = pl.concat([*(each for path in old if (each := _segment(kind, path)) is not None), frame])
    _write(frame, folder)
    for path in old if len(old) >= SEGMENTS else ():
        path.unlink(missing_ok=True)


def _write(frame: pl.DataFrame, folder: Path) -> None:
    with atomic.working_folder(folder) as working:
        made = working / "segment"
        frame.write_parquet(made)
        atomic.move_file(made, folder / f"{uuid4().hex}.parquet")


def _known(kind: Kind, folder: Path) -> pl.DataFrame:
    import polars as pl

    nothing = pl.DataFrame(schema={"file": pl.String, **types_of(_STAMP), **types_of(kind.columns)})
    segments = (_segment(kind, path) for path in sorted(folder.glob("*.parquet")))
    return pl.concat([nothing, *(segment for segment in segments if segment is not None)])


def _segment(kind: Kind, path: Path) -> pl.DataFrame | None:
    """Read a segment; a damaged one is forgotten, since what it says can be found out again."""
    wanted = {"file": "String", **_STAMP, **kind.columns}
    try:
        frame = read_columns(path, list(wanted))
    except IntegrityError:
        return None
    return frame if [str(type_) for type_ in frame.dtypes] == list(wanted.values()) else None
