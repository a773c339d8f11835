"""Spans that were converted ahead of a build, by processes or machines that share the store.

    <store>/spans/<key>/    what the span's task wrote, and its receipt

A span's key depends on everything its bytes depend on, but that raw files are told by size and date instead of their
hashes. A build takes the spans it finds instead of converting them; each is taken once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from mixer import atomic, embedded
from mixer.converter import converter_hash
from mixer.converting import Receipt
from mixer.stamps import stamp
from mixer.tasks import Span, run

RECEIPT = "receipt"
STEM = "span"
FOLDER = "spans"


@dataclass(frozen=True)
class Kept:
    """A span whose results are kept for a later build."""

    span: Span
    folder: Path
    """Where they will lie."""


def place(store: Path, span: Span, raw: Path, lookups: Sequence[Path]) -> Path:
    """Say where the results of a span lie; `raw` and `lookups` are the raw files behind it."""
    told = (
        span.source,
        span.options,
        converter_hash(span.source),
        (span.file, span.published, span.start, span.stop, span.buckets, span.piece),
        [(table.lookup, table.published) for table in span.tables],
        [(path_stamp.size, path_stamp.mtime_ns) for path_stamp in map(stamp, (raw, *lookups))],
    )
    return store / FOLDER / hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:32]


def any_in(store: Path) -> bool:
    """Say whether results may lie in a store at all: most builds have none, and need no keys of spans."""
    return (store / FOLDER).is_dir()


def work(kept: Kept) -> None:
    """Convert a span and keep what it gives; done by somebody else meanwhile is done. Raises as `tasks.run`."""
    if kept.folder.exists():
        return
    with atomic.working_folder(kept.folder.parent) as working:
        receipt = run(replace(kept.span, out=working / STEM))
        atomic.write_file(working / RECEIPT, msgspec.msgpack.encode(receipt))
        atomic.sync_tree(working)
        atomic.publish_once(working, kept.folder)


def take(folder: Path, out: Path) -> Receipt | None:
    """Move kept results to `out` with the suffixes a task gives them; None where there are none."""
    mine = out.with_name(f"{out.name}-kept")
    try:
        folder.rename(mine)
    except FileNotFoundError:
        return None
    receipt = _receipt((mine / RECEIPT).read_bytes())
    (mine / RECEIPT).unlink()
    for path in mine.glob(f"{STEM}.*"):
        path.rename(out.with_name(f"{out.name}{path.suffix}"))
    for path in embedded.files(mine / embedded.FOLDER):
        target = out.with_name(embedded.FOLDER) / path.relative_to(mine / embedded.FOLDER)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
    atomic.remove_folder(mine)
    return receipt


def _receipt(content: bytes) -> Receipt:
    values = msgspec.msgpack.decode(content)
    return Receipt(**{**values, "skipped": Counter(values["skipped"]), "bad": Counter(values["bad"])})
