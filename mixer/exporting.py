"""A finished mix written for another trainer, without building it again: the same records in the same order.

<out>/<target>/...     the target's files, as a build with `output: {for: TARGET}` writes them
<out>/export.json      which mix it is of, and every file with its hash
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mixer import atomic, manifest, writers
from mixer.data_files import Lines
from mixer.errors import DataError, UsageError
from mixer.gathering import BATCH
from mixer.manifest import Manifest, OutputFile
from mixer.progress import Progress, silent
from mixer.resolved import Kind, Shards
from mixer.writers import shards

if TYPE_CHECKING:
    import polars as pl

NAME = "export.json"
_LOOKED_AT = ["images", "videos", "audios", "turns", "literal_tokens", "shard", "offset", "length"]


class Export(BaseModel):
    """What export.json says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mixer: Literal[1] = 1
    mix: str = Field(description="name of the mix")
    mix_id: str
    kind: Kind
    target: str
    records: Annotated[int, Field(ge=0)]
    dropped: dict[str, int] = Field(description="records that the target cannot express, by reason")
    files: list[OutputFile]


@dataclass(frozen=True)
class Exported:
    """A finished export."""

    path: Path
    export: Export


def export(
    mix: Path,
    target: str,
    out: Path,
    *,
    inexpressible: Literal["error", "drop"] = "error",
    cut: Shards | None = None,
    media: Path | None = None,
    progress: Progress = silent,
) -> Exported:
    """Write a mix for a target into a folder, which it replaces in one step. `media` is the root of its media.

    Raises UsageError for an unknown target or a folder that is no export, DataError for records that the target cannot
    express, IntegrityError for a damaged mix.
    """
    known = manifest.load_sealed(mix)
    writer = writers.get(target)
    out = Path(os.path.normpath(out))
    atomic.refuse_foreign(out, _foreign)
    atomic.refuse_overlap(out, mix)
    kind = _kind(known)
    rows = manifest.read_index(mix, _LOOKED_AT)
    rows, dropped = _expressible(rows, target, kind, inexpressible)
    if not rows.height:
        raise DataError(f"{mix}: none of its {known.records:,} records can be written for {target}")
    lengths = (piece["length"] for piece in rows.iter_slices(manifest.SLICE))
    ends = shards.cuts(lengths, rows.height, cut)
    roots = tuple(root for root in (mix / manifest.MEDIA, media) if root is not None)
    about = {name: leaf.model_dump(mode="json") for name, leaf in known.sources.items()}
    total = int(rows["length"].cast(int).sum())
    with atomic.replacing(out, check=lambda: atomic.refuse_foreign(out, _foreign)) as folder:
        job = writers.Job(known.name, folder, kind, ends, roots, about=about)
        with progress(f"writing {target}", total) as advance, Lines(mix, known) as lines:
            written = writer.write(job, _batches(rows, lines), advance)
        files = [OutputFile(target=target, **vars(each)) for each in written]
        made = Export(
            mix=known.name,
            mix_id=known.mix_id,
            kind=kind,
            target=target,
            records=rows.height,
            dropped=dropped,
            files=files,
        )
        encoded = msgspec.json.encode(made.model_dump(mode="json"))
        atomic.write_file(folder / NAME, msgspec.json.format(encoded, indent=2) + b"\n")
    return Exported(out, made)


def _expressible(
    rows: pl.DataFrame, target: str, kind: Kind, inexpressible: Literal["error", "drop"]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Give the rows that a target can express, and count the others by reason. Raises DataError if there may be none."""
    reasons = rows.with_columns(writers.get(target).inexpressible(kind).alias("reason"))["reason"]
    dropped = dict(sorted(reasons.drop_nulls().value_counts().iter_rows()))
    if dropped and inexpressible == "error":
        said = ", ".join(f"{count:,} with {reason}" for reason, count in dropped.items())
        raise DataError(
            f"{sum(dropped.values()):,} records cannot be written for {target}: {said}; leave them out with "
            "--inexpressible drop, or name another target"
        )
    return rows.filter(reasons.is_null()), dropped


def _batches(rows: pl.DataFrame, lines: Lines) -> Iterator[list[memoryview]]:
    places = rows.select("shard", "offset", "length")
    for piece in places.iter_slices(BATCH):
        yield [memoryview(lines.at(*row)) for row in piece.iter_rows()]


def _foreign(target: Path) -> str | None:
    """Say why a folder is not an export that may be replaced, or None."""
    try:
        known = Export.model_validate_json((target / NAME).read_bytes())
    except FileNotFoundError:
        return f"is not an export (it has no {NAME}) and is not empty"
    except ValidationError:
        return f"holds an {NAME} that mixer did not write"
    ours = {NAME, *(file.path.split("/")[0] for file in known.files)}
    others = sorted(path.name for path in target.iterdir() if path.name not in ours)
    return f"holds files that are not of the export: {', '.join(others[:3])}" if others else None


def handoff(mix: Path, target: str, media: Path | None = None) -> str:
    """Say what to give a trainer to train on a mix that was built or exported for it. `media` is the root of its media.

    Raises UsageError where the mix, or the export, is not written for the target.
    """
    if (mix / NAME).is_file():
        made = Export.model_validate_json((mix / NAME).read_bytes())
        targets, name, kind = [made.target], made.mix, made.kind
    else:
        known = manifest.load_sealed(mix)
        targets = list(dict.fromkeys(output.target for output in known.outputs))
        name, kind = known.name, _kind(known)
    if target not in targets:
        writers.get(target)
        raise UsageError(
            f"{mix}: is written for {', '.join(targets)}, not for {target}; run `mixer export {mix} --for {target}` first"
        )
    root = media.absolute() if media else "MEDIA"
    said = writers.get(target).handoff(name, kind)
    return said.replace("MIX", str(mix.absolute())).replace("MEDIA", str(root))


def _kind(known: Manifest) -> Kind:
    return cast("Kind", known.recipe.get("kind", "instruct"))
