"""Goes through the records of a collection and takes down of each what it is compared by, never its text.

A record takes about 1 kB of memory at most, its name, digest and bands with what the comparison makes of them. Shingles
lie in a file while they are needed, 8 bytes each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mixer.collection import Collection, Records
from mixer.conversation import Conversation, encode
from mixer.extras import need
from mixer.processes import Workers
from mixer.progress import Progress
from mixer.texts.candidates import PERMUTATIONS, Banding, band_hashes
from mixer.texts.shingles import NGRAM, Shingles, joined, shingled, words
from mixer.texts.spoken import media_names, spoken

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

TOGETHER = 2_000
"""Records to a task: some MB of lines."""
AHEAD = 2
"""Tasks a process may be ahead of the one that is waited for."""


@dataclass(frozen=True)
class Way:
    """What of a record is compared."""

    informative: bool = False
    """Without requests for the form of an answer."""
    media: bool = True
    """Only records of the same media, by base names, are alike."""
    shingles: bool = False
    """Take down shingles, else only a digest of what is said."""
    ngram: int = NGRAM
    permutations: int = PERMUTATIONS
    banding: Banding | None = None
    """How to cut signatures; without it none are made."""


class Told(NamedTuple):
    """What was taken down of some records."""

    contents: list[str]
    """Digests of what is compared, 32 hex digits: equal in copies."""
    groups: NDArray[np.uint64]
    """Records of different numbers are never alike."""
    shingles: Shingles | None
    bands: NDArray[np.uint64] | None
    """Records x bands."""


@dataclass(frozen=True)
class Read:
    """What was taken down of all records, one after the other."""

    rows: pl.DataFrame
    """item, content, folder (the source); and group (UInt64)."""
    shingles: Shingles | None
    bands: NDArray[np.uint64] | None


def items_of(source: str, keys: pl.Series) -> pl.Series:
    """Name records in a file of near-duplicates, by source and key: `svit/00c0ffee00c0ffee`.

    A record that is in several sources has the same key in each, and is an item in each.
    """
    import polars as pl

    return pl.Series("item", [f"{source}/{key:016x}" for key in keys.to_list()], dtype=pl.String)


def read(collection: Collection, way: Way, scratch: Path, workers: Workers, progress: Progress) -> Read:
    """Read all records; of several leaves that hold the same record of a source the first counts.

    `scratch` is an empty folder in which the shingles lie for as long as they are looked at.
    """
    import numpy as np
    import polars as pl

    need("numpy", "dedup")
    rows, bands, sizes = [_nothing()], [], [np.zeros(0, np.int64)]
    with (
        (scratch / "shingles").open("wb") as file,
        progress("reading", sum(map(len, collection.leaves)), "records") as advance,
    ):
        for records in collection.leaves:
            contents: list[str] = []
            groups = [np.zeros(0, np.uint64)]
            for told in _pieces(records, way, workers):
                contents += told.contents
                groups.append(told.groups)
                if told.shingles is not None:
                    sizes.append(told.shingles.sizes)
                    told.shingles.hashes.tofile(file)
                if told.bands is not None:
                    bands.append(told.bands)
                advance(len(told.contents))
            rows.append(_rows(records, contents, np.concatenate(groups)))
    every = joined(_mapped(scratch / "shingles"), np.concatenate(sizes)) if way.shingles else None
    return _distinct(Read(pl.concat(rows), every, np.concatenate(bands) if bands else None))


def _nothing() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema={"item": pl.String, "content": pl.String, "folder": pl.String, "group": pl.UInt64})


def _rows(records: Records, contents: list[str], groups: NDArray[np.uint64]) -> pl.DataFrame:
    import polars as pl

    keys = pl.concat([frame["key"] for frame in records.frames(["key"])])
    return pl.DataFrame(
        {"item": items_of(records.source, keys), "content": contents, "folder": records.source, "group": groups},
        schema=_nothing().schema,
    )


def _mapped(path: Path) -> NDArray[np.uint64]:
    import numpy as np

    # As a plain array: slices of a memmap take several times as long.
    return np.asarray(np.memmap(path, np.uint64, "r")) if path.stat().st_size else np.zeros(0, np.uint64)


def _distinct(read: Read) -> Read:
    """Leave each item once."""
    first = read.rows["item"].is_first_distinct()
    if first.all():
        return read
    at = first.arg_true().to_numpy()
    shingles = None if read.shingles is None else read.shingles.of(at)
    return Read(read.rows.filter(first), shingles, None if read.bands is None else read.bands[at])


def _pieces(records: Records, way: Way, workers: Workers) -> Iterator[Told]:
    """Take down the records of a leaf some at a time, in their order, on all processes."""
    lines = records.lines()
    waiting: deque[Callable[[], Told]] = deque()
    try:
        while True:
            while len(waiting) < AHEAD * workers.count and (piece := list(islice(lines, TOGETHER))):
                waiting.append(workers.call(partial(take_down, way), piece, about=records.name))
            if not waiting:
                return
            yield waiting.popleft()()
    finally:
        workers.settle()


def take_down(way: Way, lines: Sequence[bytes]) -> Told:
    """Take down what is compared of some records, given as canonical JSON."""
    import numpy as np

    decode = msgspec.json.Decoder(Conversation).decode
    records = [decode(line) for line in lines]
    said = [spoken(record, only_informative=way.informative) for record in records]
    names = [encode(media_names(record)) if way.media else b"" for record in records]
    groups = np.array(list(map(group_of, names)), np.uint64)
    if not way.shingles:
        contents = [digest_of(name, encode(turns)) for name, turns in zip(names, said, strict=True)]
        return Told(contents, groups, None, None)
    shingles = shingled([words(turns) for turns in said], way.ngram)
    contents = [digest_of(name, shingles.set_of(row).tobytes()) for row, name in enumerate(names)]
    bands = None if way.banding is None else band_hashes(shingles, way.permutations, way.banding)
    return Told(contents, groups, shingles, bands)


def digest_of(media: bytes, told: bytes) -> str:
    """Digest what is compared of a record, its media and what it says, to 32 hex digits."""
    return blake2b(b"%d:%b%b" % (len(media), media, told), digest_size=16).hexdigest()


def group_of(name: bytes) -> int:
    """Give the 64-bit number of what only equals are compared in."""
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little")
