"""What a fetch will do: each file with where it is from, how large it is, and whether it is there and right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from mixer import sources
from mixer.errors import DataError, IntegrityError, MixerError
from mixer.fetching import addresses
from mixer.fetching.downloading import Remote, difference
from mixer.fetching.hub import HUB, Hub
from mixer.fetching.lock import NAME, Fetched, Lock, is_safe
from mixer.fetching.published import AtUrl, ByHand, Known, OnHub, Publication, archives, publications
from mixer.fetching.wanted import Wanted, is_filled
from mixer.progress import Progress
from mixer.rawfiles import found_files
from mixer.roots import MEDIA

State = Literal["there", "unchecked", "fetch"]


@dataclass(frozen=True)
class Item:
    """One download and the files it gives."""

    remote: Remote
    target: str
    """Where the download is put, below the data root."""
    state: State
    members: dict[str, Fetched] = field(default_factory=dict)
    """The files that are taken from it, by where they are put; then the download itself is not kept."""


@dataclass
class Plan:
    """All that a fetch does, and what is left to others."""

    items: list[Item] = field(default_factory=list)
    records: dict[str, Fetched] = field(default_factory=dict)
    """What fetched.json is to say of files, by where they are put."""
    renewed: list[tuple[str, str]] = field(default_factory=list)
    """Folders and published paths of which fetched.json is to say nothing else."""
    there: list[str] = field(default_factory=list)
    """Files that lie in another of the places where they are looked for, so that nothing is known to check them by."""
    by_hand: list[str] = field(default_factory=list)
    """What is left to do by hand, a line each."""
    failed: list[str] = field(default_factory=list)
    """What got no answer or a wrong one, a line each."""
    commits: dict[str, str] = field(default_factory=dict)
    """Repository -> the commit that was taken because none was known."""
    unpack: list[str] = field(default_factory=list)
    """Archives of media, and where to unpack them."""

    @property
    def to_fetch(self) -> list[Item]:
        """List the downloads that are due."""
        return [item for item in self.items if item.state == "fetch"]


@dataclass(frozen=True)
class Rules:
    """What the user said of files that are recorded, or there and different."""

    locked: bool = False
    """Take nothing that fetched.json does not have."""
    update: bool = False
    """Take what is published now instead of what fetched.json has."""
    force: bool = False
    """Replace files that are there and differ."""


class Planner:
    """Makes the plan for one data root. What fails is noted, so that the other files are fetched."""

    def __init__(self, root: Path, lock: Lock, hub: Hub, rules: Rules, progress: Progress) -> None:
        self.root, self.lock, self.hub, self.rules, self.progress = root, lock, hub, rules, progress
        self.plan = Plan()
        self._found = cache(lambda name: found_files(sources.get(name), root))

    def add_files(self, wanted: Sequence[Wanted]) -> None:
        """Plan the published files of sources."""
        for source, entry, paths in _grouped(wanted):
            missing = [path for path in paths if not self._lies_elsewhere(source, path, entry)]
            if not missing:
                continue
            if isinstance(entry, AtUrl):
                self._noting(f"{source}/{entry.name}", self._add_url, source, missing, entry)
            elif isinstance(entry, ByHand):
                self._add_by_hand(source, missing, entry)
            else:
                for path in missing:
                    self._noting(f"{source}/{path}", self._add_hub, source, path, entry)

    def add_media(self, folders: Sequence[str]) -> None:
        """Plan the archives of folders of media; folders that hold something are taken for whole."""
        named, lost = archives([folder for folder in folders if not is_filled(self.root / MEDIA / folder)])
        self.plan.by_hand += [f"{MEDIA}/{folder}: no open archive of these media is known to us" for folder in lost]
        done: list[tuple[object, str]] = []
        for folder, entry in named.items():
            into = getattr(entry, "place", None) or PurePosixPath(folder).parent
            place = str(PurePosixPath(MEDIA, into))
            if (entry, place) in done:
                continue
            done.append((entry, place))
            before = len(self.plan.items)
            if isinstance(entry, AtUrl):
                self._noting(f"{MEDIA}/{folder}", self._add_one, f"{place}/{entry.name}", entry)
            elif isinstance(entry, OnHub):
                for path in entry.files:
                    self._noting(f"{MEDIA}/{folder}", self._add_hub, place, path, entry)
            self.plan.unpack += [f"{item.target}: unpack it in {place}" for item in self.plan.items[before:]]

    def _noting(self, what: str, add: object, *arguments: object) -> None:
        assert callable(add)
        try:
            add(*arguments)
        except MixerError as error:
            if error.exit_code != 1:  # the command line's fault: no other file would fare better
                raise
            self.plan.failed.append(f"{what}: {error}")

    def _lies_elsewhere(self, source: str, path: str, entry: Publication) -> bool:
        """Say whether the user has put a file in a place where it is looked for, but we would not put it."""
        own = (entry.kept_as if isinstance(entry, AtUrl) else None) or path
        if not isinstance(entry, ByHand) and ("*" in path or (self.root / source / own).exists()):
            return False
        if not self._found(source)[path]:
            return False
        self.plan.there.append(f"{source}/{path}")
        return True

    def _add_by_hand(self, source: str, paths: Sequence[str], entry: ByHand) -> None:
        folder = self.root / source
        place = f"it at {folder / paths[0]}" if len(paths) == 1 else f"them below {folder}"
        page = sources.get(source).homepage
        self.plan.by_hand.append(f"{source}: {', '.join(paths)}: {entry.manual} ({page}); put {place}")

    def _add_hub(self, folder: str, path: str, entry: OnHub) -> None:
        """Plan the files of one published path or pattern."""
        before = self.lock.of(folder, path)
        records = {
            target: each for target, each in before.items() if each.repo == entry.hub and each.revision and each.path
        }
        if self.rules.update or not records:  # what is recorded may be of where it was published before
            self._refuse_unlocked(f"{folder}/{path}")
            records = self._resolved(folder, path, entry, before)
            self.plan.renewed.append((folder, path))
        self.plan.records |= records
        for target, record in records.items():
            self._noting(target, self._add_hub_file, target, record, entry)

    def _add_hub_file(self, target: str, record: Fetched, entry: OnHub) -> None:
        state = self._state(target, record)
        remote = Remote(record.url, record.known, page=entry.page)
        if state == "fetch":
            assert record.revision is not None
            assert record.path is not None
            remote = self.hub.remote(entry, record.revision, record.path, record.known)
        self.plan.items.append(Item(remote, target, state))

    def _resolved(self, folder: str, path: str, entry: OnHub, before: dict[str, Fetched]) -> dict[str, Fetched]:
        """Ask the hub for the files of a published path or pattern, and say where each is put."""
        commit = self.hub.commit(entry)
        if entry.revision is None:
            self.plan.commits[entry.hub] = commit
        records: dict[str, Fetched] = {}
        for found in self.hub.files(entry, commit, entry.files[path]):
            is_media = PurePosixPath(folder).parts[0] == MEDIA
            kept = (
                found.path if entry.files[path] == path else f"{PurePosixPath(path).parent}/{found.path.split('/')[-1]}"
            )
            target = str(PurePosixPath(folder, found.path.split("/")[-1] if is_media else kept))
            if not is_safe(found.path) or target in records:
                raise DataError(f"{entry.hub}: has a file {found.path!r} that cannot be put below {folder}")
            known = _agreed(found.path, found.known, entry)
            was = before[target].sha256 if target in before else None
            records[target] = Fetched(
                published=path,
                url=f"{HUB}/datasets/{entry.hub}/resolve/{commit}/{found.path}",
                repo=entry.hub, revision=commit, path=found.path,
                size=known.size, sha256=known.sha256, git=known.git, was=was,
            )  # fmt: skip
        return records

    def _add_url(self, source: str, paths: Sequence[str], entry: AtUrl) -> None:
        """Plan one file at an address of its own, or an archive: kept, or with the files that are taken from it."""
        if not entry.unpack:
            self._add_one(f"{source}/{entry.kept_as or paths[0]}", entry)
            return
        members = {f"{source}/{path}": self._record(f"{source}/{path}", path, entry) for path in paths}
        states = {self._state(target, record) for target, record in members.items()}
        archive = next((record.archive for record in members.values() if record.archive), Known())
        state: State = "fetch" if "fetch" in states else "unchecked" if "unchecked" in states else "there"
        remote = Remote(entry.url, _merged(entry, archive))
        self.plan.items.append(Item(remote, f"{source}/{entry.name}", state, members))

    def _add_one(self, target: str, entry: AtUrl) -> None:
        record = self._record(target, PurePosixPath(target).name, entry)
        known = _merged(entry, record.known)
        state = self._state(target, record, known)
        self.plan.records[target] = record
        self.plan.items.append(Item(Remote(entry.url, known), target, state))

    def _record(self, target: str, published: str, entry: AtUrl) -> Fetched:
        """Give what is recorded of a file of an address, or a new record."""
        before = self.lock.files.get(target)
        if before and before.url == entry.url and not self.rules.update:
            return before
        self._refuse_unlocked(target)
        return Fetched(published=published, url=entry.url, was=before.sha256 if before else None)

    def _refuse_unlocked(self, what: str) -> None:
        if self.rules.locked:
            raise DataError(f"{NAME} has no record of {what}, and --locked takes nothing else")

    def _state(self, target: str, record: Fetched, known: Known | None = None) -> State:
        """Judge a file that may be there. Raises IntegrityError for one that differs and is not ours to replace."""
        known = known or record.known
        path = self.root / target
        if not path.exists():
            return "fetch"
        if not path.is_file():
            raise DataError(f"{path}: expected a file or nothing; move it away")
        wrong = None
        with self.progress(f"checking {path.name}", path.stat().st_size) as advance:
            if known.size is not None or known.is_hash:
                wrong = difference(path, known, advance=advance)
                if wrong is None:
                    return "there"
            if self.rules.force or (record.was and difference(path, Known(sha256=record.was)) is None):
                return "fetch"
        if wrong is None:
            return "unchecked"
        raise IntegrityError(f"{path}: {wrong}; it was changed or is another version; --force replaces it")


def _grouped(wanted: Sequence[Wanted]) -> list[tuple[str, Publication, list[str]]]:
    """Join published paths that one publication gives."""
    groups: list[tuple[str, Publication, list[str]]] = []
    for each in wanted:
        entry = next((entry for entry in publications(each.source) if each.path in entry.files), None)
        assert entry is not None, f"{each}: the table has every published file"
        at = next((paths for source, other, paths in groups if source == each.source and other == entry), None)
        if at is None:
            groups.append((each.source, entry, [each.path]))
        else:
            at.append(each.path)
    return groups


def _merged(entry: AtUrl, recorded: Known) -> Known:
    """Give all that is known of what an address has: what was recorded of it, else what the table states."""
    return Known(
        size=entry.size if recorded.size is None else recorded.size,
        sha256=recorded.sha256 or entry.sha256,
        md5=None if recorded.sha256 else entry.md5,
    )


def _agreed(path: str, found: Known, entry: OnHub) -> Known:
    """Give what the hub says of a file, which must be what the table states."""
    for name, stated, got in (("bytes", entry.size, found.size), ("sha256", entry.sha256, found.sha256)):
        if stated is not None and got is not None and stated != got:
            raise IntegrityError(f"{entry.hub}: {path}: published with {name} {stated}, the hub has {got}")
    return found.model_copy(update={"sha256": found.sha256 or entry.sha256})


def sized(item: Item) -> Item:
    """Ask the server how large a download is, if nobody has said so yet."""
    if item.state != "fetch" or item.remote.size is not None:
        return item
    return replace(item, remote=replace(item.remote, told=addresses.size_of(item.remote.url, item.remote.token)))


def fetched(record: Fetched, size: int, sha256: str, archive: Known | None = None) -> Fetched:
    """Give the record of a file that is in its place now."""
    return msgspec.structs.replace(record, size=size, sha256=sha256, git=None, was=None, archive=archive)
