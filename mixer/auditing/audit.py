"""The audit of a collection's media: is every file that its records name there, whole, and what its name says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.auditing.faults import faults
from mixer.auditing.files import PICTURES, Looker
from mixer.auditing.findings import FINDINGS
from mixer.auditing.formats import FOLDER, FORMATS
from mixer.auditing.naming import affected, named
from mixer.auditing.results import COLUMNS, Audit, LeafAudit
from mixer.collection import Collection, Records
from mixer.columns import types_of
from mixer.errors import UsageError
from mixer.extras import need
from mixer.processes import Engine
from mixer.progress import Progress

if TYPE_CHECKING:
    import polars as pl

IMAGES = tuple(name for name, format_ in FORMATS.items() if format_.holds == "image")


def audit(collection: Collection, *, decode: bool, store: Path, workers: Engine, progress: Progress) -> Audit:
    """Look at every medium that a collection's leaves name, and at its records.

    Each distinct file is looked at once, however many leaves name it. `decode`: decode images whole (takes Pillow),
    instead of reading headers and end marks only. `store` is the folder of the store, where findings are remembered.
    Raises UsageError where media are named and there is no media root.
    """
    import polars as pl

    if decode:
        need("PIL.Image", "dedup")
    media = [named(records) for records in collection.leaves]
    looked, bad = [], [pl.DataFrame(schema=types_of(COLUMNS))]
    leaves: dict[int, LeafAudit] = {}
    for roots, places in _by_roots(collection.leaves).items():
        distinct = pl.concat([media[place]["media"] for place in places]).unique().sort()
        if distinct.len() and not roots:
            raise UsageError(f"{collection.name}: names {distinct.len():,} media; name their root with --media DIR")
        found = Looker(roots, store, workers, progress).look(distinct, decode=decode)
        looked.append(found.select("format", "bytes", "problem"))
        for place in places:
            records = collection.leaves[place]
            bad.append(_judged(media[place].join(found, on="media"), records.name))
            leaves[place] = _leaf(records, media[place], found, bad[-1], progress)
    every = pl.concat([pl.DataFrame(schema={"format": pl.String, "bytes": pl.Int64, "problem": pl.String}), *looked])
    return Audit(
        collection.name,
        tuple(leaf for _, leaf in sorted(leaves.items())),
        every.height,
        int(every["bytes"].sum()),
        _undecoded(every) if decode else None,
        pl.concat(bad).sort("leaf", "media", "role"),
    )


def _by_roots(leaves: Sequence[Records]) -> dict[tuple[Path, ...], list[int]]:
    """Put leaves together that look for media in the same places."""
    together: dict[tuple[Path, ...], list[int]] = {}
    for place, records in enumerate(leaves):
        together.setdefault(tuple(records.media), []).append(place)
    return together


def _judged(frame: pl.DataFrame, leaf: str) -> pl.DataFrame:
    """Give the bad media of a leaf, see COLUMNS: what is wrong may depend on what records say a medium is."""
    import polars as pl

    got, image = pl.col("format"), pl.col("role") == "image"
    other = (got.is_in(IMAGES) != image) & (got != FOLDER)
    by_role = (
        pl.when((got == FOLDER) & (pl.col("role") != "video"))
        .then(pl.lit("folder"))
        .when(other)
        .then(pl.lit("misplaced"))
        .when(image & got.is_null())
        .then(pl.lit("unknown"))
    )
    words = got.replace_strict({name: each.words for name, each in FORMATS.items()}, default=None)
    by_role_detail = pl.when(other).then(pl.format("is {}, its records say {}", words, "role"))
    # Of a medium that its records take for another kind, it matters little how it is named.
    role_decides = pl.col("problem").is_null() | ((pl.col("problem") == "mislabelled") & by_role.is_not_null())
    return (
        frame.with_columns(
            pl.when(role_decides).then(by_role).otherwise("problem").alias("finding"),
            pl.when(role_decides).then(by_role_detail).otherwise("detail").alias("detail"),
            pl.lit(leaf).alias("leaf"),
        )
        .filter(pl.col("finding").is_not_null())
        .select(list(COLUMNS))
    )


def _leaf(
    records: Records, media: pl.DataFrame, found: pl.DataFrame, bad: pl.DataFrame, progress: Progress
) -> LeafAudit:
    files = media.select("media").unique()
    counts = dict(bad.sort("media", "role").unique("media", keep="first")["finding"].value_counts().iter_rows())
    return LeafAudit(
        records.name,
        records.source,
        len(records),
        files.height,
        int(found.join(files, on="media", how="semi")["bytes"].sum()),
        {finding: counts[finding] for finding in FINDINGS if finding in counts},
        affected(records, bad),
        *faults(records, progress),
    )


def _undecoded(found: pl.DataFrame) -> int:
    """Count the good media that decoding was not tried on."""
    import polars as pl

    return found.filter(pl.col("problem").is_null() & ~pl.col("format").is_in(PICTURES).fill_null(value=False)).height
