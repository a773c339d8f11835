"""The end of a conversion: what its tasks wrote becomes the parts of an entry, in the order of the items.

Tasks know nothing of each other, so what needs all records is done here: names of parts, keys of twins, blocks told by
position, the list of what was lost.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixer import columns as index
from mixer import embedded
from mixer.conversation import Labels, record_key
from mixer.converting import Lost, Receipt
from mixer.garbage import collector_off
from mixer.sources import Blocks
from mixer.store import Part

if TYPE_CHECKING:
    import polars as pl

KEYS = 1 << 20
"""Keys of records that are compared with each other at once."""
SHARES = 32
"""Of a large source more are: all its keys are read once for each of so many shares of them."""


@dataclass(frozen=True)
class Accepted:
    """A task that is done and counts: the stem of its results, its first item's number and its receipt."""

    stem: str
    first_item: int
    receipt: Receipt


def publish_parts(folder: Path, accepted: list[Accepted]) -> list[Part]:
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


def separate_twins(folder: Path, parts: list[Part]) -> None:
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
        here = pl.read_parquet(path, columns=["key"], glob=False)["key"].is_in(shared)
        if here.any():
            identities = pl.read_parquet(path, columns=who, glob=False).select(who).filter(here).rows()
            places = zip(here.arg_true(), identities, strict=True)
            twins += [(*identity, number, row) for row, identity in places]
    seen: Counter[tuple[str, bytes]] = Counter()
    fixed: dict[int, dict[int, int]] = {}
    for id, digest, *_, number, row in sorted(twins, key=_sortable):
        fixed.setdefault(number, {})[row] = record_key(id, digest, seen[id, digest])
        seen[id, digest] += 1
    for number, new in fixed.items():
        frame = pl.read_parquet(paths[number], glob=False)
        key = frame["key"].scatter(list(new), pl.Series(list(new.values()), dtype=pl.UInt64))
        index.write_frame(frame.with_columns(key), paths[number])


def _shared_keys(paths: list[Path], records: int) -> pl.Series:
    """Find the keys that several records have, a share of all keys at a time, so that memory stays flat."""
    import polars as pl

    shares = min(records // KEYS, SHARES) + 1
    found = []
    for share in range(shares):
        frames = (pl.read_parquet(path, columns=["key"], glob=False) for path in paths)
        keys = pl.concat([frame.filter(pl.col("key") % shares == share)["key"] for frame in frames]).sort()
        found.append(keys.filter((keys == keys.shift()).fill_null(value=False)).unique())
    return pl.concat(found)


def _sortable(twin: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    """Sort what may be missing before what is there."""
    return [(value is not None, value) for value in twin]


def label_blocks(folder: Path, parts: list[Part], blocks: Blocks, items: int) -> None:
    """Tell subsets by position, where the file is the published one record by record."""
    import polars as pl

    if items != blocks.records:
        return
    frames = [
        pl.read_parquet(folder / f"{part.name}.parquet", glob=False).with_columns(pl.col("item") + part.first_item)
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


def write_lost(folder: Path, accepted: list[Accepted]) -> None:
    """Write what gave no conversation, item by item in the order of the files."""
    with collector_off(), (folder / "skipped.jsonl").open("wb") as out:
        for span in accepted:
            for lost in msgspec.msgpack.decode((folder / f"{span.stem}.lost").read_bytes(), type=list[Lost]):
                lost.item += span.first_item  # the grouped ones know their item's number in its file
                out.write(msgspec.json.encode(lost) + b"\n")


def remove_orphans(folder: Path, parts: list[Part]) -> None:
    """Remove media that only a span brought which was read again from another edge."""
    import polars as pl

    media = folder / embedded.FOLDER
    orphans = {path.relative_to(media).as_posix() for path in embedded.files(media)}
    for part in parts if orphans else ():
        paths = pl.read_parquet(folder / f"{part.name}.parquet", columns=["paths"], glob=False)["paths"]
        orphans.difference_update(path for joined in paths for path in joined.split("\0"))
    for path in orphans:
        (media / path).unlink()


def remove_working_files(folder: Path) -> None:
    """Remove what only the conversion needed."""
    for path in folder.glob("span-*"):
        path.unlink()
