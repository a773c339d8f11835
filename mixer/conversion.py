"""One source: read, convert, validate, store; every item that gives no conversation is counted.

A file's spans are converted anywhere, in parallel, and accepted from left to right: a span counts when it starts where
the last accepted one ended. So the parts, the ledger and the order of both do not depend on who did the work.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from mixer import atomic, sources
from mixer import columns as index
from mixer.conversation import Labels, record_key
from mixer.converter import converter_hash
from mixer.converting import Lost, Receipt
from mixer.errors import DataError
from mixer.grouping import Shelf
from mixer.hashing import sha256_of
from mixer.opening import Content, Edges, expected_size, opened
from mixer.processes import Workers
from mixer.progress import Progress
from mixer.rawfiles import Hashes, RawFile, check_unchanged, find, stamp
from mixer.readers import PAST_ANY_END
from mixer.resolved import Input
from mixer.sources import Blocks
from mixer.store import Entry, Ledger, LedgerFile, Part, Store, address
from mixer.tables import size
from mixer.tasks import Bucket, Matches, Span

if TYPE_CHECKING:
    import polars as pl

SPAN = 32 << 20
"""Bytes of raw file to a task: large enough that starting one costs nothing, small enough to keep two cores busy."""
SMALL = 8 << 20
"""Bytes of raw files that one process converts sooner than a second one starts."""
BUCKET = 16 << 20
"""Bytes of raw file to a bucket of records that are grouped: its typed records take a few times as much memory."""
WAITING = 4
"""Spans a process may be ahead of the one that is accepted next."""
KEYS = 1 << 20
"""Keys of records that are compared with each other at once."""
JUDGED = 100
"""Items to be read before the share of bad ones can stop a build."""


@dataclass(frozen=True)
class Located:
    """An input with its raw files found: what a plan says of a conversion before it is done."""

    given: Input
    files: list[RawFile]
    lookups: list[RawFile]

    def size(self) -> int:
        """Count the bytes of all its raw files."""
        return sum(raw.path.stat().st_size for raw in self.files)


def locate(given: Input, root: Path | None) -> Located:
    """Find an input's raw files. Raises MissingFile."""
    return Located(given, *find(given, root))


def convert(
    located: Located,
    store: Store,
    workers: Workers,
    progress: Progress,
    *,
    max_bad: Fraction,
    told: Callable[[str], None] = lambda _line: None,
) -> Entry:
    """Give the converted source, from the store or by converting it now.

    Raises DataError when more than `max_bad` of its items are bad, DamagedFile when a file cannot be read to its end.
    """
    hashes = Hashes(store.hashes())
    every = [*located.files, *located.lookups]
    known = [hashes.remembered(raw.path) for raw in every]
    if None in known and store.has_any(located.given.source):
        # An unchanged file under a new date is found by its content; the others have to be hashed anyway.
        total = sum(raw.path.stat().st_size for raw, sha256 in zip(every, known, strict=True) if sha256 is None)
        with progress(f"hashing {located.given.source}", total) as advance:
            known = [sha256 or hashes.hash(raw.path, advance) for raw, sha256 in zip(every, known, strict=True)]
    if None not in known:
        entry = store.find(located.given.source, _address(located, [sha256 or "" for sha256 in known]))
        if entry is not None:
            check_bad(entry.ledger.source, entry.ledger.read, entry.ledger.bad, max_bad)
            return entry
    told(f"converting {located.given.source}: {size(located.size())}")
    return _Conversion(located, store, workers, progress, max_bad).run(hashes)


def check_bad(source: str, read: int, bad: dict[str, int], max_bad: Fraction) -> None:
    """Raise DataError when more of a source's items are bad than a recipe allows."""
    lost = sum(bad.values())
    if read >= JUDGED and lost > max_bad * read:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in Counter(bad).most_common(3))
        raise DataError(
            f"{source}: {lost:,} of {read:,} items read are bad, more than max_bad allows ({float(max_bad):.2%}): "
            f"{reasons}; see them with `{sources.get(source).listing}`, or raise max_bad in the recipe"
        )


def _address(located: Located, sha256s: list[str]) -> str:
    options = located.given.options.model_dump(mode="json")
    return address(located.given.source, options, _ledger_files(located, sha256s))


def _ledger_files(located: Located, sha256s: list[str]) -> list[LedgerFile]:
    every = zip([*located.files, *located.lookups], sha256s, strict=True)
    return [LedgerFile(_identity(located, raw), raw.path.stat().st_size, sha256) for raw, sha256 in every]


def _identity(located: Located, raw: RawFile) -> str:
    """Name a raw file in a ledger: by its published path; a user's own file has none, and its name changes nothing."""
    return "own" if sources.get(located.given.source).own_path else raw.published


@dataclass(frozen=True)
class _Accepted:
    """A task that is done and counts: the stem of its results, its first item's number and its receipt."""

    stem: str
    first_item: int
    receipt: Receipt


class _Conversion:
    """The conversion of one input into a folder of the store."""

    def __init__(self, located: Located, store: Store, workers: Workers, progress: Progress, max_bad: Fraction) -> None:
        self.located = located
        self.store = store
        self.workers = workers
        self.progress = progress
        self.max_bad = max_bad
        self.source = sources.get(located.given.source)
        self.options = located.given.options.model_dump(mode="json")
        self.size = sum(expected_size(raw.path) for raw in located.files)
        self.inline = self.size <= SMALL
        self.accepted: list[_Accepted] = []

    def run(self, hashes: Hashes) -> Entry:
        every = [*self.located.files, *self.located.lookups]
        with self.store.temporary(self.source.name) as folder:
            before = [stamp(raw.path) for raw in every]
            # Hashing gives up the interpreter's lock and hides behind the workers.
            with ThreadPoolExecutor(1) as thread:
                hashed = thread.submit(lambda: [hashes.hash(raw.path) for raw in every])
                try:
                    self._convert(folder)
                finally:
                    self.workers.settle()
                    sha256s = hashed.result()
            for raw, old in zip(every, before, strict=True):
                check_unchanged(raw.path, old)
            ledger = self._ledger(folder, sha256s)
            check_bad(self.source.name, ledger.read, ledger.bad, self.max_bad)
            return self.store.publish(folder, ledger)

    def _convert(self, folder: Path) -> None:
        buckets = ceil(self.size / BUCKET) if self.source.grouping else 0
        starts, shelves = [0], []
        with ExitStack() as stack, self.progress(f"converting {self.source.name}", self.located.size()) as advance:
            lookups = {}
            for number, lookup in enumerate(self.located.lookups):
                content = stack.enter_context(opened(lookup, folder / f"lookup-{number}"))
                content.wait(PAST_ANY_END)
                lookups[lookup.published] = content.path
            for number, raw in enumerate(self.located.files):
                with opened(raw, folder / f"unpacked-{number}") as content:

                    def task(
                        start: int, stop: int, stem: str, *, number: int = number, path: Path = content.path
                    ) -> Span:
                        where = (start, stop, lookups, folder / stem, buckets)
                        return Span(self.source.name, self.options, number, path, *where)

                    done = self._read(content, task, f"span-{number}", advance)
                shelves += [_shelves(folder, span, number) for span in done]
                starts.append(starts[-1] + sum(span.receipt.items for span in done))
        if buckets:
            self._group(folder, list(zip(*shelves, strict=True)), starts[:-1])

    def _read(
        self, content: Content, task: Callable[[int, int, str], Span], stem: str, advance: Callable[[int], None]
    ) -> list[_Accepted]:
        """Read one file span by span; give what was accepted, from left to right."""
        waiting: deque[tuple[Edges, str, Callable[[], Receipt]]] = deque()
        done: list[_Accepted] = []
        edge: int | None = None
        item = 0

        def read(span: Edges, name: str, wait: Callable[[], Receipt]) -> _Accepted:
            """Give a span's receipt; read it again from its true edge if it was cut elsewhere."""
            if edge is not None and span.start != edge:
                name += "-again"
                wait = self.workers.submit(task(edge, span.stop, name), inline=True)
            try:
                return _Accepted(name, item, wait())
            except DataError:
                if span.is_whole:
                    raise
            # What stands behind the last record may be longer than any record: only the whole file tells.
            content.wait(PAST_ANY_END)
            name += "-whole"
            start = span.start if edge is None else edge
            return _Accepted(name, item, self.workers.submit(task(start, span.stop, name), inline=True)())

        def accept() -> None:
            nonlocal edge, item
            span, name, wait = waiting.popleft()
            if edge is not None and span.stop <= edge and not span.is_last:
                return  # the span before it ran past this one
            done.append(read(span, name, wait))
            self._accept(done[-1])
            item += done[-1].receipt.items
            edge = done[-1].receipt.end
            advance(content.progress(edge))

        for number, span in enumerate(content.spans(SPAN)):
            name = f"{stem}-{number}"
            given = self.workers.submit(task(span.start, span.stop, name), inline=self.inline)
            waiting.append((span, name, given))
            if len(waiting) > WAITING * self.workers.count:
                accept()
        while waiting:
            accept()
        return done

    def _group(self, folder: Path, buckets: list[tuple[Shelf, ...]], starts: list[int]) -> None:
        """Convert what was set aside, bucket by bucket."""
        sizes = [sum(shelf.length for shelf in shelves) for shelves in buckets]
        with self.progress(f"grouping {self.source.name}", sum(sizes)) as advance:
            stems = [f"span-grouped-{number}" for number in range(len(buckets))]
            waiting = [
                self.workers.submit(
                    Bucket(self.source.name, self.options, shelves, tuple(starts), folder / stem), inline=self.inline
                )
                for shelves, stem in zip(buckets, stems, strict=True)
            ]
            for receipt, stem, done in zip(waiting, stems, sizes, strict=True):
                self._accept(_Accepted(stem, 0, receipt()))
                advance(done)

    def _accept(self, done: _Accepted) -> None:
        self.accepted.append(done)
        self._check_bad()

    def _check_bad(self) -> None:
        # Records that wait to be grouped are not counted as read yet; the ledger is what is judged in the end.
        read = sum(max(span.receipt.read, span.receipt.items) for span in self.accepted)
        check_bad(self.source.name, read, dict(_total(self.accepted, "bad")), self.max_bad)

    def _ledger(self, folder: Path, sha256s: list[str]) -> Ledger:
        """Index the accepted spans as parts, write what was lost, and sum up."""
        receipts = [span.receipt for span in self.accepted]
        parts = _publish_parts(folder, self.accepted)
        _separate_twins(folder, parts)
        if self.source.blocks is not None:
            _label_blocks(folder, parts, self.source.blocks, sum(receipt.items for receipt in receipts))
        _write_lost(folder, self.accepted)
        _remove_working_files(folder)
        files = _ledger_files(self.located, sha256s)
        for path in folder.iterdir():
            atomic.fsync_path(path)
        return Ledger(
            source=self.source.name,
            address=address(self.source.name, self.options, files),
            options=self.options,
            converter=converter_hash(self.source.name),
            files=files,
            read=sum(receipt.read for receipt in receipts),
            used=sum(receipt.used for receipt in receipts),
            skipped=dict(sorted(_total(self.accepted, "skipped").items())),
            bad=dict(sorted(_total(self.accepted, "bad").items())),
            made=sum(receipt.made for receipt in receipts),
            parts=[replace(part, index_sha256=sha256_of(folder / f"{part.name}.parquet")) for part in parts],
            lost_sha256=sha256_of(folder / "skipped.jsonl"),
        ).sealed()


def _shelves(folder: Path, span: _Accepted, file: int) -> list[Shelf]:
    """Say where a span set aside what belongs to each bucket."""
    lengths = span.receipt.buckets
    offsets = accumulate(lengths, initial=0)
    path = folder / f"{span.stem}.aside"
    return [Shelf(path, *place, file, span.first_item) for place in zip(offsets, lengths, strict=False)]


def _total(accepted: list[_Accepted], name: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for span in accepted:
        total.update(getattr(span.receipt, name))
    return total


def add_matches(entry: Entry, store: Store, workers: Workers, progress: Progress) -> None:
    """Make the match digests of an entry that has none yet; see matching.py."""
    missing = [part for part in entry.ledger.parts if entry.matches(part) is None]
    if not missing:
        return
    total = sum(part.bytes for part in missing)
    with (
        store.temporary(entry.ledger.source) as folder,
        progress(f"comparing {entry.ledger.source}", total) as advance,
    ):
        made = [folder / part.name for part in missing]
        waiting = [
            workers.submit(Matches(entry.data(part), path), inline=total <= SMALL)
            for part, path in zip(missing, made, strict=True)
        ]
        try:
            for part, path, receipt in zip(missing, made, waiting, strict=True):
                advance(receipt().end)
                entry.add_matches(part, path)
        finally:
            workers.settle()


def _publish_parts(folder: Path, accepted: list[_Accepted]) -> list[Part]:
    """Give the spans that made conversations the names of parts."""
    parts: list[Part] = []
    for span in accepted:
        if not span.receipt.made:
            continue
        name = f"part-{len(parts):05d}"
        for suffix in (".jsonl", ".parquet"):
            (folder / f"{span.stem}{suffix}").rename(folder / f"{name}{suffix}")
        parts.append(Part(name, span.receipt.made, span.receipt.bytes, span.first_item, index_sha256=""))
    return parts


def _separate_twins(folder: Path, parts: list[Part]) -> None:
    """Number the records that are equal in id and content, so that each has a key of its own.

    Twins are numbered by their labels, not by their place: those that share even these are the same to every rule.
    """
    import polars as pl

    if not parts:
        return
    paths = [folder / f"{part.name}.parquet" for part in parts]
    shared = _shared_keys(paths, sum(part.records for part in parts)).implode()
    who = ["id", "digest", *Labels.__dataclass_fields__]
    twins: list[tuple[Any, ...]] = []
    for number, path in enumerate(paths):
        here = pl.read_parquet(path, columns=["key"])["key"].is_in(shared)
        if here.any():
            identities = pl.read_parquet(path, columns=who).select(who).filter(here).rows()
            places = zip(here.arg_true(), identities, strict=True)
            twins += [(*identity, number, row) for row, identity in places]
    seen: Counter[tuple[str, bytes]] = Counter()
    fixed: dict[int, dict[int, int]] = {}
    for id, digest, *_, number, row in sorted(twins, key=_sortable):
        fixed.setdefault(number, {})[row] = record_key(id, digest, seen[id, digest])
        seen[id, digest] += 1
    for number, new in fixed.items():
        frame = pl.read_parquet(paths[number])
        key = frame["key"].scatter(list(new), pl.Series(list(new.values()), dtype=pl.UInt64))
        index.write_frame(frame.with_columns(key), paths[number])


def _shared_keys(paths: list[Path], records: int) -> pl.Series:
    """Find the keys that several records have, a share of all keys at a time, so that memory stays flat."""
    import polars as pl

    shares = records // KEYS + 1
    found = []
    for share in range(shares):
        frames = (pl.read_parquet(path, columns=["key"]) for path in paths)
        keys = pl.concat([frame.filter(pl.col("key") % shares == share)["key"] for frame in frames])
        found.append(keys.filter(keys.is_duplicated()).unique())
    return pl.concat(found)


def _sortable(twin: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    """Sort what may be missing before what is there."""
    return [(value is not None, value) for value in twin]


def _label_blocks(folder: Path, parts: list[Part], blocks: Blocks, items: int) -> None:
    """Tell subsets by position, where the file is the published one record by record."""
    import polars as pl

    if items != blocks.records:
        return
    frames = [
        pl.read_parquet(folder / f"{part.name}.parquet").with_columns(pl.col("item") + part.first_item)
        for part in parts
    ]
    inside = pl.lit(value=False)
    label = pl.col("subset")
    for name, (first, last) in blocks.names.items():
        here = pl.col("item").is_between(first, last, closed="left")
        inside |= here
        label = pl.when(here).then(pl.lit(name)).otherwise(label)
    misplaced = inside != (pl.col("subset") == blocks.within).fill_null(value=False)
    if any(frame.select(misplaced.any()).item() for frame in frames):
        return
    for part, frame in zip(parts, frames, strict=True):
        whole = frame.with_columns(label.alias("subset"), pl.col("item") - part.first_item)
        index.write_frame(whole, folder / f"{part.name}.parquet")


def _write_lost(folder: Path, accepted: list[_Accepted]) -> None:
    with (folder / "skipped.jsonl").open("wb") as out:
        for span in accepted:
            for lost in msgspec.msgpack.decode((folder / f"{span.stem}.lost").read_bytes(), type=list[Lost]):
                lost.item += span.first_item  # the grouped ones know their item's number in its file
                out.write(msgspec.json.encode(lost) + b"\n")


def _remove_working_files(folder: Path) -> None:
    for path in folder.glob("span-*"):
        path.unlink()
