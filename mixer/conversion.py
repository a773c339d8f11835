"""One source: read, convert, validate, store; every item that gives no conversation is counted.

A file's spans are converted anywhere, in parallel, and accepted from left to right: a span counts when it starts where
the last accepted one ended. So the parts, the ledger and the order of both do not depend on who did the work.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import accumulate
from math import ceil
from pathlib import Path
from typing import Any

import msgspec

from mixer import atomic, embedded, pictures, sources, workbench
from mixer.converter import converter_hash
from mixer.converting import Receipt
from mixer.errors import DataError, MissingFile
from mixer.finishing import (
    Accepted,
    label_blocks,
    publish_parts,
    remove_orphans,
    remove_working_files,
    separate_twins,
    write_lost,
)
from mixer.grouping import Numbered, Shelf
from mixer.hashing import sha256_of
from mixer.opening import Content, Edges, expected_size, opened
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.rawfiles import Hashes, RawFile, check_unchanged, find
from mixer.readers import PAST_ANY_END
from mixer.remote.fetching import working_copies
from mixer.resolved import Input, Part
from mixer.stamps import stamp
from mixer.store import Entry, Ledger, LedgerFile, Store, address, measured
from mixer.tables import size
from mixer.tasks import Bucket, Span, Table, read_whole
from mixer.unpacking import packing

SPAN = 32 << 20
"""Bytes of raw file to a task: large enough that starting one costs nothing, small enough to keep two cores busy."""
SMALL = 8 << 20
"""Bytes of raw files that one process converts sooner than a second one starts."""
BUCKET = 16 << 20
"""Bytes of raw file to a bucket of records that are grouped: its typed records take a few times as much memory."""
WAITING = 4
"""Spans a process may be ahead of the one that is accepted next."""
JUDGED = 100
"""Items to be read before the share of bad ones can stop a build."""


@dataclass(frozen=True)
class Located:
    """An input with its raw files found: what a plan says of a conversion before it is done."""

    given: Input
    files: list[RawFile]
    lookups: list[RawFile]
    media: Path | None = None
    """The media root, of which some sources need the sizes of images."""

    def size(self) -> int:
        """Count the bytes of all its raw files."""
        return sum(raw.path.stat().st_size for raw in self.files)


def locate(given: Input, root: Path | None, media: Path | None = None) -> Located:
    """Find an input's raw files. Raises MissingFile."""
    if media is None and sources.get(given.source).used_pictures(given.options):
        raise MissingFile(
            f"{given.source}: needs the sizes of images, which its files lack; name their root with --media"
        )
    return Located(given, *find(given, root), media)


def convert(
    located: Located,
    store: Store,
    workers: Engine,
    progress: Progress,
    *,
    max_bad: Fraction,
    told: Callable[[str], None] = lambda _line: None,
) -> Entry:
    """Give the converted source, from the store or by converting it now.

    Raises DataError when more than `max_bad` of its items are bad, DamagedFile when a file cannot be read to its end.
    """
    with _fetched(located, store, progress) as here:
        return _convert(here, store, workers, progress, max_bad, told)


@contextmanager
def _fetched(located: Located, store: Store, progress: Progress) -> Iterator[Located]:
    """Give an input whose files lie on this machine."""
    every, count, label = [*located.files, *located.lookups], len(located.files), f"fetching {located.given.source}"
    with working_copies(every, store.folder, label, progress) as here:
        yield replace(located, files=here[:count], lookups=here[count:])


def _convert(
    located: Located,
    store: Store,
    workers: Engine,
    progress: Progress,
    max_bad: Fraction,
    told: Callable[[str], None],
) -> Entry:
    hashes = Hashes(store.hashes())
    located = _with_sizes(located, store, hashes, progress)
    entry = _found(located, store, hashes, progress)
    if entry is not None:
        check_bad(entry.ledger.source, entry.ledger.read, entry.ledger.bad, max_bad)
        _judge(entry, max_bad, told)
        return entry
    told(f"converting {located.given.source}: {size(located.size())}")
    entry = _Conversion(located, store, workers, progress, max_bad).run(hashes)
    _judge(entry, max_bad, told)
    return entry


def prepare(
    located: Located, part: Part, before: int, store: Store, workers: Engine, progress: Progress
) -> tuple[int, int]:
    """Convert the spans of an input that fall to a part, and keep them for the build that puts all parts together.

    `before` counts the spans of the inputs before it. Gives how many spans it has, and how many of them were converted
    now. Packed files, which nobody can begin in the middle, and sources that are converted have none.
    """
    hashes = Hashes(store.hashes())
    with _fetched(located, store, progress) as here:
        sized = _with_sizes(here, store, hashes, progress)
        if _found(sized, store, hashes, progress) is not None:
            return 0, 0
        return _Conversion(sized, store, workers, progress, Fraction(1)).prepare(part, before)


def _found(located: Located, store: Store, hashes: Hashes, progress: Progress) -> Entry | None:
    """Give the converted source if the store has it."""
    known = _remembered(located, hashes)
    if None in known and store.has_any(located.given.source):
        # An unchanged file under a new date is found by its content; the others have to be hashed anyway.
        known = list(_hashed(located, known, hashes, progress))
    if None in known:
        return None
    return store.find(located.given.source, _address(located, [sha256 or "" for sha256 in known]))


def _judge(entry: Entry, max_bad: Fraction, told: Callable[[str], None]) -> None:
    """Tell what was recognised in a file of the user's own. Raises DataError if all its items are bad, however few."""
    ledger = entry.ledger
    source = sources.get(ledger.source)
    if source.own_path and max_bad < 1 and 0 < ledger.read == sum(ledger.bad.values()):
        reason, _ = Counter(ledger.bad).most_common(1)[0]
        raise DataError(f"{ledger.source}: no record of the file can be used: {reason}; is it the right source?")
    if source.tells_subsets:
        found = Counter(entry.index(["subset"])["subset"])
        names = ", ".join(f"{name} ({count:,})" for name, count in found.most_common())
        told(f"{ledger.source}: recognised {names or 'nothing'}")


def _remembered(located: Located, hashes: Hashes) -> list[str | None]:
    return [hashes.remembered(raw.path) for raw in (*located.files, *located.lookups)]


def _hashed(located: Located, known: list[str | None], hashes: Hashes, progress: Progress) -> list[str]:
    """Hash the raw files that are not remembered."""
    every = [(raw.path, sha256) for raw, sha256 in zip((*located.files, *located.lookups), known, strict=True)]
    total = sum(path.stat().st_size for path, sha256 in every if sha256 is None)
    with progress(f"hashing {located.given.source}", total) as advance:
        return [sha256 or hashes.hash(path, advance) for path, sha256 in every]


def _with_sizes(located: Located, store: Store, hashes: Hashes, progress: Progress) -> Located:
    """Add the table of the sizes of images to the lookups of a source that needs them."""
    source = sources.get(located.given.source)
    declared = source.used_pictures(located.given.options)
    if declared is None or located.media is None:
        return located
    known = _address(located, _hashed(located, _remembered(located, hashes), hashes, progress))
    folder = store.folder / "pictures"
    table = pictures.table(folder, known, located.media, _raw_records(located, folder, progress), declared, progress)
    if table is None:
        return located
    sizes = RawFile(pictures.NAME, table, pictures.FILE, len(source.lookups))
    return replace(located, lookups=[*located.lookups, sizes])


def _raw_records(located: Located, folder: Path, progress: Progress) -> Iterator[list[Any]]:
    """Go through the raw records of an input, one process and no lookups."""
    with (
        progress(f"images of {located.given.source}", located.size()) as advance,
        atomic.working_folder(folder) as working,
    ):
        for raw in located.files:
            with opened(raw, working / "unpacked") as content:
                content.wait(PAST_ANY_END)
                for batch in read_whole(raw.file, raw.published, content.path, located.given.options):
                    yield batch.items
                    advance(content.progress(batch.end))


def check_bad(source: str, read: int, bad: Mapping[str, int], max_bad: Fraction) -> None:
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
    every = [*located.files, *located.lookups]
    if sources.get(located.given.source).own_path:  # those have no published path, and their names change nothing
        names = ["own"] if len(every) == 1 else [f"own {number}" for number in range(1, len(every) + 1)]
    else:
        names = [raw.published for raw in every]
    return [
        LedgerFile(name, raw.path.stat().st_size, sha256)
        for name, raw, sha256 in zip(names, every, sha256s, strict=True)
    ]


class _Conversion:
    """The conversion of one input into a folder of the store."""

    def __init__(self, located: Located, store: Store, workers: Engine, progress: Progress, max_bad: Fraction) -> None:
        self.located = located
        self.store = store
        self.workers = workers
        self.progress = progress
        self.max_bad = max_bad
        self.source = sources.get(located.given.source)
        self.options = located.given.options.model_dump(mode="json")
        self.size = sum(expected_size(raw.path) for raw in located.files)
        self.inline = self.size <= SMALL
        self.accepted: list[Accepted] = []
        self.read = 0
        self.was_read_again = False
        self.kept_any = workbench.any_in(self.store.folder)
        self.bad: Counter[str] = Counter()

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

    def prepare(self, part: Part, before: int) -> tuple[int, int]:
        """Convert the spans that fall to a part; see the function of this name."""
        spans = 0
        waiting = []
        with (
            self.store.temporary(self.source.name) as folder,
            ExitStack() as stack,
            self.progress(
                f"converting {self.source.name}, part {part.number}/{part.of}", self.located.size()
            ) as advance,
        ):
            tables = tuple(self._tables(folder, stack))
            for raw in self.located.files:
                if packing(raw.path) is not None:
                    continue
                with opened(raw, folder) as content:
                    task = self._task(raw, content, tables)
                    for span in content.spans(SPAN):
                        spans += 1
                        if (before + spans) % part.of == part.number % part.of:
                            kept = self._kept(task(span.start, span.stop, folder / "span"), raw)
                            if not kept.folder.exists():
                                waiting.append((span, self.workers.call(workbench.work, kept, about=str(raw.path))))
            try:
                for span, done in waiting:
                    # A guessed edge may be wrong, and then the build reads the span again from the true one.
                    with suppress(DataError):
                        done()
                    advance(span.stop - span.start)
            finally:
                self.workers.settle()
        return spans, len(waiting)

    def _kept(self, span: Span, raw: RawFile) -> workbench.Kept:
        lookups = [lookup.path for lookup in self.located.lookups]
        return workbench.Kept(span, workbench.place(self.store.folder, span, raw.path, lookups))

    def _task(self, raw: RawFile, content: Content, tables: tuple[Table, ...]) -> Callable[..., Span]:
        """Give what makes the task of a span of a file."""
        task = partial(Span, self.source.name, self.options, raw.number, raw.published, content.path)
        return partial(task, tables=tables, buckets=self._buckets())

    def _buckets(self) -> int:
        """Say in how many buckets records are set aside to be grouped."""
        return ceil(self.size / BUCKET) if self.source.grouping else 0

    def _started(self, span: Span, raw: RawFile) -> Callable[[], Receipt]:
        """Start a span, unless its results were kept."""
        kept = self._kept(span, raw) if self.kept_any else None
        receipt = workbench.take(kept.folder, span.out) if kept else None
        return (lambda: receipt) if receipt else self.workers.submit(span, inline=self.inline)

    def _convert(self, folder: Path) -> None:
        buckets = self._buckets()
        numbered: list[Numbered] = []
        shelves: list[list[Shelf]] = []
        before = 0
        with ExitStack() as stack, self.progress(f"converting {self.source.name}", self.located.size()) as advance:
            tables = tuple(self._tables(folder, stack))
            for number, raw in enumerate(self.located.files):
                with opened(raw, folder / f"unpacked-{number}") as content:
                    task = self._task(raw, content, tables)
                    done = self._read(raw, content, task, folder / f"span-{number}", advance)
                shelves += [_shelves(folder, span, number) for span in done]
                numbered.append(Numbered(raw.published, raw.number, before))
                before += sum(span.receipt.items for span in done)
        if buckets:
            self._group(folder, list(zip(*shelves, strict=True)), tuple(numbered))

    def _tables(self, folder: Path, stack: ExitStack) -> Iterator[Table]:
        """Make the files of lookups readable until the stack is left."""
        for number, raw in enumerate(self.located.lookups):
            content = stack.enter_context(opened(raw, folder / f"lookup-{number}"))
            content.wait(PAST_ANY_END)
            yield Table(raw.number, raw.published, content.path)

    def _read(
        self, raw: RawFile, content: Content, task: Callable[..., Span], out: Path, advance: Callable[[int], None]
    ) -> list[Accepted]:
        """Read one file span by span; give what was accepted, from left to right."""
        waiting: deque[tuple[Edges, Path, Callable[[], Receipt]]] = deque()
        done: list[Accepted] = []

        def accept() -> None:
            span, path, wait = waiting.popleft()
            edge = done[-1].receipt.end if done else span.start
            if done and span.stop <= edge and not span.is_last:
                return  # the span before it ran past this one
            if span.start != edge:  # it was cut elsewhere, so it is read again from its true edge
                self.was_read_again = True
                path = path.with_name(f"{path.name}-again")
                wait = self.workers.submit(task(edge, span.stop, path), inline=True)
            try:
                receipt = wait()
            except DataError:
                if span.is_whole:
                    raise
                # What stands behind the last record may be longer than any record: only the whole file tells.
                content.wait(PAST_ANY_END)
                self.was_read_again = True
                path = path.with_name(f"{path.name}-whole")
                receipt = self.workers.submit(task(edge, span.stop, path), inline=True)()
            first = done[-1].first_item + done[-1].receipt.items if done else 0
            done.append(Accepted(path.name, first, receipt))
            self._accept(done[-1])
            advance(content.progress(receipt.end))

        for number, span in enumerate(content.spans(SPAN)):
            path = out.with_name(f"{out.name}-{number}")
            waiting.append((span, path, self._started(task(span.start, span.stop, path), raw)))
            if len(waiting) > WAITING * self.workers.count:
                accept()
        while waiting:
            accept()
        return done

    def _group(self, folder: Path, buckets: list[tuple[Shelf, ...]], files: tuple[Numbered, ...]) -> None:
        """Convert what was set aside, bucket by bucket."""
        sizes = [sum(shelf.length for shelf in shelves) for shelves in buckets]
        with self.progress(f"grouping {self.source.name}", sum(sizes)) as advance:
            stems = [f"span-grouped-{number}" for number in range(len(buckets))]
            waiting = [
                self.workers.submit(
                    Bucket(self.source.name, self.options, shelves, files, folder / stem), inline=self.inline
                )
                for shelves, stem in zip(buckets, stems, strict=True)
            ]
            for receipt, stem, done in zip(waiting, stems, sizes, strict=True):
                self._accept(Accepted(stem, 0, receipt()))
                advance(done)

    def _accept(self, done: Accepted) -> None:
        self.accepted.append(done)
        # Records that wait to be grouped are not counted as read yet; the ledger is what is judged in the end.
        self.read += max(done.receipt.read, done.receipt.items)
        self.bad += done.receipt.bad
        check_bad(self.source.name, self.read, self.bad, self.max_bad)

    def _ledger(self, folder: Path, sha256s: list[str]) -> Ledger:
        """Index the accepted spans as parts, write what was lost, and sum up."""
        receipts = [span.receipt for span in self.accepted]
        parts = publish_parts(folder, self.accepted)
        separate_twins(folder, parts)
        if self.source.blocks is not None:
            label_blocks(folder, parts, self.source.blocks, sum(receipt.items for receipt in receipts))
        write_lost(folder, self.accepted)
        remove_working_files(folder)
        if self.was_read_again:
            remove_orphans(folder, parts)
        files = _ledger_files(self.located, sha256s)
        atomic.sync_tree(folder)
        return Ledger(
            source=self.source.name,
            address=address(self.source.name, self.options, files),
            options=self.options,
            converter=converter_hash(self.source.name),
            files=files,
            read=sum(receipt.read for receipt in receipts),
            used=sum(receipt.used for receipt in receipts),
            skipped=dict(sorted(sum((receipt.skipped for receipt in receipts), Counter()).items())),
            bad=dict(sorted(self.bad.items())),
            made=sum(receipt.made for receipt in receipts),
            parts=[
                msgspec.structs.replace(part, index_sha256=sha256_of(folder / f"{part.name}.parquet")) for part in parts
            ],
            lost_sha256=sha256_of(folder / "skipped.jsonl"),
            media=measured(folder / embedded.FOLDER),
        ).sealed()


def _shelves(folder: Path, span: Accepted, file: int) -> list[Shelf]:
    """Say where a span set aside what belongs to each bucket."""
    lengths = span.receipt.buckets
    offsets = accumulate(lengths, initial=0)
    path = folder / f"{span.stem}.aside"
    return [Shelf(path, *place, file, span.first_item) for place in zip(offsets, lengths, strict=False)]
