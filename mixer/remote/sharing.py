"""Converted sources in an object store: a second level behind the local store, which many machines share.

    <store>/sources/<source>/<address>/<seal>/    the files of an entry, its ledger.json put last

The seal is that of the entry's ledger, which names the hash of every file, so whoever puts a file there puts the same
bytes: nothing is ever replaced, and two machines that convert the same source at once cannot hurt each other.
"""

from __future__ import annotations

from pathlib import Path

from mixer import atomic, embedded, store
from mixer.errors import IntegrityError
from mixer.progress import Progress
from mixer.remote import blocks, objects, sending
from mixer.remote.path import RemotePath

LEDGER = "ledger.json"


def has_any(shared: RemotePath, source: str) -> bool:
    """Say whether anything of a source was ever put there."""
    return bool(objects.names(shared / "sources" / source))


def pull(shared: RemotePath, source: str, address: str, folder: Path, progress: Progress) -> bool:
    """Copy an entry into the local folder of its source's entries; False when it is not there.

    It is checked record by record first. Raises IntegrityError when it is damaged.
    """
    place = _found(shared / "sources" / source / address)
    if place is None:
        return False
    sizes = objects.below(place)
    _check_names(place, sizes)
    with atomic.working_folder(folder) as working:
        entry = working / source / address  # a ledger is one of an entry that is called so
        entry.mkdir(parents=True)
        atomic.ensure_space(working, sum(sizes.values()))
        with progress(f"copying {source} from the shared store", sum(sizes.values())) as advance:
            for names in (sizes.keys() - {LEDGER}, {LEDGER}):
                wanted = [(name, entry / name) for name in sorted(names)]
                for _, target in wanted:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.touch()
                cut = (block for name, target in wanted for block in blocks.cut(place / name, sizes[name], target))
                blocks.fetch(cut, lambda block: advance(block.size))
        problems = store.verify(entry)
        if problems:
            told = problems[0].replace(str(entry), str(place))
            raise IntegrityError(f"{told}; delete {place}/ and build again")
        atomic.sync_tree(entry)
        atomic.publish_once(entry, folder / address)
    return True


def push(shared: RemotePath, entry: store.Entry, progress: Progress) -> None:
    """Put an entry there unless it is; its ledger, which makes it one, last."""
    ledger = entry.ledger
    place = shared / "sources" / ledger.source / ledger.address
    if _found(place) is not None:
        return
    # Derived columns may be added at any time, and their names hold their hashes.
    names = [path.relative_to(entry.folder).as_posix() for path in embedded.files(entry.folder)]
    files = {name: entry.folder / name for name in sorted(names) if name != LEDGER}
    sending.send(files, place / ledger.seal, f"copying {ledger.source} to the shared store", progress, keep=True)
    objects.upload(entry.folder / LEDGER, place / ledger.seal / LEDGER)


def _found(place: RemotePath) -> RemotePath | None:
    """Find a whole entry among those at an address: those of other versions of polars have other indexes."""
    for name in objects.names(place):
        if objects.look(place / name / LEDGER) is not None:
            return place / name
    return None


def _check_names(place: RemotePath, names: dict[str, int]) -> None:
    """Refuse names that would lead out of a folder, or that no file can have here."""
    for name in names:
        parts = name.split("/")
        if any(part in ("", ".", "..") or part.startswith(".") or "\0" in part for part in parts):
            raise IntegrityError(f"{place}/{name}: no file of a converted source is called so; delete it")
