"""Do what a plan says: download, check, place, take from archives, and record each file once it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from mixer import atomic
from mixer.errors import MixerError
from mixer.fetching.downloading import download
from mixer.fetching.lock import Lock
from mixer.fetching.members import take
from mixer.fetching.part import Part
from mixer.fetching.planning import Item, Plan, fetched
from mixer.fetching.published import Known
from mixer.progress import Progress


def pin(plan: Plan, lock: Lock) -> None:
    """Record what is to be fetched before anything is, so that a fetch that is cut gives the same bytes when it goes on."""
    for folder, published in plan.renewed:
        for target in lock.of(folder, published):
            del lock.files[target]
    hub = {target: record for target, record in plan.records.items() if record.repo}
    if hub or plan.renewed:
        lock.files |= hub
        lock.write()


def run(
    plan: Plan, root: Path, lock: Lock, progress: Progress, pause: Callable[[float], None] = time.sleep
) -> list[str]:
    """Fetch what is due; give the targets that are in place now. What fails is noted in the plan."""
    placed = []
    for item in plan.to_fetch:
        try:
            placed += _fetch(item, plan, root, lock, progress, pause)
        except MixerError as error:
            plan.failed.append(f"{item.target}: {error}")
    return placed


def missing(plan: Plan, root: Path) -> int:
    """Count the bytes that are still to come, of files whose size is known."""
    return sum(max(0, (item.remote.size or 0) - Part(root / item.target).size) for item in plan.to_fetch)


def _fetch(
    item: Item, plan: Plan, root: Path, lock: Lock, progress: Progress, pause: Callable[[float], None]
) -> list[str]:
    path = root / item.target
    with progress(path.name, item.remote.size or 0) as advance:
        sha256 = download(item.remote, path, advance, pause)
    size = path.stat().st_size
    if not item.members:
        lock.files[item.target] = fetched(plan.records[item.target], size, sha256)
        lock.write()
        return [item.target]
    archive = Known(size=size, sha256=sha256)
    targets = {record.published: target for target, record in item.members.items()}
    try:
        for name, length, digest in take(path, {name: root / target for name, target in targets.items()}):
            target = targets[name]
            lock.files[target] = fetched(item.members[target], length, digest, archive)
    finally:
        path.unlink()
        lock.write()
    return list(targets.values())


def ensure_space(plan: Plan, root: Path) -> None:
    """Refuse to begin what cannot fit. Raises MixerError with both figures."""
    atomic.ensure_space(root, missing(plan, root))
