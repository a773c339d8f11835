"""One source at a time: convert it, and describe what the catalogue holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mixer import atomic, caching, conversion, gathering, sources
from mixer.errors import UsageError
from mixer.listing import Listed, listed
from mixer.plans import Told
from mixer.processes import Engine, running
from mixer.progress import Progress, silent
from mixer.remote.path import is_remote
from mixer.resolved import Input
from mixer.roots import data_root, miniature_notice
from mixer.store import Entry


def convert(
    source: str,
    options: Sequence[str] = (),
    path: Path | None = None,
    out: Path | None = None,
    *,
    data: str | Path | None = None,
    media: Path | None = None,
    cache: Path | None = None,
    workers: int | Engine = 1,
    progress: Progress = silent,
    told: Told = lambda _line: None,
) -> Entry:
    """Convert one source; `options` are `key=value` texts, `path` the file of a generic source, `out` a JSON Lines file.

    Raises UsageError for an unknown source or option; otherwise as `plan` does, but bad items never stop it.
    """
    about = sources.get(source)
    if about.own_path != (path is not None):
        raise UsageError(f"{source}: {'needs the file to read: --path FILE' if about.own_path else 'takes no --path'}")
    given = Input(source, sources.parse_options(about, options), path)
    root = data_root(set() if about.own_path else {source}, data, media)
    if root.kind == "miniatures":
        told(miniature_notice(data))
    with running(workers) as pool:
        located = conversion.locate(given, root.path, root.media)
        store = caching.opened(cache, progress)
        if out is not None:
            check_target(out, located, store.folder)
        entry = conversion.convert(located, store, pool, progress, max_bad=Fraction(1), told=told)
    if out is not None:
        copy_lines(entry, out)
    return entry


def copy_lines(entry: Entry, out: Path) -> None:
    """Write a converted source's conversations to one JSON Lines file, which is seen whole or not at all."""
    target = out.resolve()
    if target.is_dir():
        raise UsageError(f"--out {out}: is a folder; name a file")
    if target.exists() and not target.is_file():  # a device or a pipe is written to, never replaced
        with target.open("wb") as file:
            _copy(entry, file.write)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing_file(target) as durable:
        _copy(entry, durable.write)


def check_target(out: Path, located: conversion.Located, store: Path) -> None:
    """Refuse to write over what is read. Raises UsageError."""
    target = out.resolve()
    if target.is_relative_to(store.resolve()):
        raise UsageError(f"--out {out}: lies in the store; name another file")
    for raw in (*located.files, *located.lookups):
        if target.exists() and not is_remote(raw.path) and target.samefile(raw.path):
            raise UsageError(f"--out {out}: is the raw file {raw.path}; name another file")


def _copy(entry: Entry, write: Callable[[bytes], object]) -> None:
    for batch in gathering.in_item_order(entry):
        write(b"\n".join([*batch, b""]))


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
