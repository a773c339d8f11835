"""Derived columns of a converted source, made by tasks where it has none yet."""

from __future__ import annotations

from mixer.conversion import SMALL
from mixer.derived import Derived
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.store import Entry, Store
from mixer.tasks import Columns


def derive(entry: Entry, derived: Derived, label: str, store: Store, workers: Engine, progress: Progress) -> Entry:
    """Give an entry with derived columns among those of its index, making them where it has none yet.

    `label` says in the progress bar what is done to the source.
    """
    knowing = entry.with_derived(derived)
    missing = [part for part in entry.ledger.parts if entry.derived_file(part, derived) is None]
    if not missing:
        return knowing
    total = sum(part.bytes for part in missing)
    with (
        store.temporary(entry.ledger.source) as folder,
        progress(f"{label} {entry.ledger.source}", total) as advance,
    ):
        made = [folder / part.name for part in missing]
        waiting = [
            workers.submit(
                Columns(entry.data(part), path, derived.maker, dict(derived.settings)), inline=total <= SMALL
            )
            for part, path in zip(missing, made, strict=True)
        ]
        try:
            for part, path, receipt in zip(missing, made, waiting, strict=True):
                advance(receipt().end)
                entry.add_derived(part, derived, path)
        finally:
            workers.settle()
    return knowing
