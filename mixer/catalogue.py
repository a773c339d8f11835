"""One source at a time: convert it, and describe what the catalogue holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mixer import atomic, caching, conversion, sources
from mixer.errors import UsageError
from mixer.listing import Listed, listed
from mixer.plans import Told
from mixer.processes import Workers
from mixer.progress import Progress, silent
from mixer.resolved import Input
from mixer.roots import data_root, miniature_notice
from mixer.store import Entry, Store


def convert(
    source: str,
    options: Sequence[str] = (),
    path: Path | None = None,
    *,
    data: str | Path | None = None,
    cache: Path | None = None,
    workers: int = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> Entry:
    """Convert one source; `options` are `key=value` texts, `path` the file of a generic source.

    Raises UsageError for an unknown source or option; otherwise as `plan` does, but bad items never stop it.
    """
    about = sources.get(source)
    if about.own_path != (path is not None):
        raise UsageError(f"{source}: {'needs the file to read: --path FILE' if about.own_path else 'takes no --path'}")
    given = Input(source, sources.parse_options(about, options), path)
    root = data_root(set() if about.own_path else {source}, data)
    if root.kind == "miniatures":
        told(miniature_notice(data))
    with Workers(workers) as pool:
        located = conversion.locate(given, root.path)
        store = Store(caching.folder(cache))
        return conversion.convert(located, store, pool, progress, max_bad=Fraction(1), told=told)


def copy_lines(entry: Entry, out: Path) -> None:
    """Write a converted source's conversations to one JSON Lines file, which is seen whole or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing_file(out) as file:
        for part in entry.ledger.parts:
            with entry.data(part).open("rb") as lines:
                while block := lines.read(1 << 20):
                    file.write(block)


def list_sources(name: str | None = None, *, data: str | Path | None = None) -> list[Listed]:
    """Describe all sources, or one, with which of their files the data root has."""
    wanted = (name,) if name else sources.names()
    root = data_root(set(sources.names()), data)
    here = root.path if root.kind == "given" or data is not None else None
    return [listed(each, here, _example(each) if name else None) for each in wanted]


def _example(name: str) -> dict[str, Any] | None:
    """Give the first conversation of a source's miniature."""
    source = sources.get(name)
    if source.own_path:
        return None
    with TemporaryDirectory() as scratch:
        entry = convert(name, data="miniatures", cache=Path(scratch))
        for part in entry.ledger.parts[:1]:
            with entry.data(part).open("rb") as lines:
                first: dict[str, Any] = json.loads(lines.readline())
                return first
    return None
