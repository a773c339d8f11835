"""A finished mix written for another trainer, without building it again: the same records in the same order.

<out>/<target>/...     the target's files, as a build with `output: {for: TARGET}` writes them
<out>/export.json      which mix it is of, and every file with its hash
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mixer import atomic, croissant, handing_off, manifest, writers
from mixer.data_files import Lines, data_files
from mixer.errors import DataError, IntegrityError, UsageError
from mixer.gathering import BATCH
from mixer.manifest import Manifest, OutputFile
from mixer.progress import Progress, silent
from mixer.recipe.language import NAME_PATTERN
from mixer.remote.path import parsed
from mixer.resolved import Kind, Output, Shards
from mixer.verifying import file_problem
from mixer.writers import shards

if TYPE_CHECKING:
    import polars as pl

NAME = "export.json"
_LOOKED_AT = ["images", "videos", "audios", "turns", "literal_tokens", "separators", "shard", "offset", "length"]


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
    separators: Literal["refuse", "keep"] = "refuse",
    cut: Shards | None = None,
    media: Path | None = None,
    described: bool = False,
    progress: Progress = silent,
) -> Exported:
    """Write a mix for a target into a folder, which it replaces in one step.

    `media` is the root of its media; `described` adds croissant.json.

    Raises UsageError for an unknown target or a folder that is no export, DataError for records that the target cannot
    express, IntegrityError for a damaged mix.
    """
    known = manifest.load_sealed(mix)
    writer = writers.get(target)
    out = Path(os.path.normpath(out))
    atomic.refuse_foreign(out, _foreign)
    atomic.refuse_overlap(out, mix)
    kind = _kind(known)
    _check(mix, known, progress)
    rows = manifest.read_index(mix, _LOOKED_AT)
    rows, dropped = _expressible(rows, target, kind, inexpressible, separators)
    if not rows.height:
        raise DataError(f"{mix}: none of its {known.records:,} records can be written for {target}: {_said(dropped)}")
    lengths = (piece["length"] for piece in rows.iter_slices(manifest.SLICE))
    ends = shards.cuts(lengths, rows.height, cut)
    roots = tuple(root for root in (mix / manifest.MEDIA, media and parsed(media)) if root is not None)
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
        if described:
            content = croissant.croissant(
                known.model_copy(update={"records": rows.height}), files, croissant.media_in(mix)
            )
            atomic.write_file(folder / manifest.CROISSANT, content)
        atomic.write_file(folder / NAME, msgspec.json.format(encoded, indent=2) + b"\n")
    return Exported(out, made)


def _check(mix: Path, known: Manifest, progress: Progress) -> None:
    """Refuse a mix whose records are not those that its manifest names, since copies of them would be found right.

    Its name becomes that of files. Raises IntegrityError.
    """
    if not re.fullmatch(NAME_PATTERN, known.name):
        raise IntegrityError(f"{mix / manifest.NAME}: $.name: {known.name!r} is no name of a mix")
    for file in data_files(known):
        if file_problem(mix, file, progress):
            raise IntegrityError(
                f"{mix / file.path}: is not the file that the manifest names; see `mixer verify {mix}`"
            )


def _expressible(
    rows: pl.DataFrame,
    target: str,
    kind: Kind,
    inexpressible: Literal["error", "drop"],
    separators: Literal["refuse", "keep"],
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Give the rows that a target can express, and count the others by reason. Raises DataError if there may be none."""
    reasons = writers.reasons(rows, Output(target, separators=separators), kind)
    dropped = dict(sorted(reasons.drop_nulls().value_counts().iter_rows()))
    if dropped and inexpressible == "error":
        raise DataError(
            f"{sum(dropped.values()):,} records cannot be written for {target}: {_said(dropped)}; leave them out with "
            "--inexpressible drop, or name another target"
        )
    return rows.filter(reasons.is_null()), dropped


def _said(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} with {reason}" for reason, count in dropped.items())


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
    ours = {NAME, manifest.CROISSANT, *(file.path.split("/")[0] for file in known.files)}
    others = sorted(path.name for path in target.iterdir() if path.name not in ours)
    return f"holds files that are not of the export: {', '.join(others[:3])}" if others else None


def handoff(mix: Path, target: str, media: Path | None = None) -> str:
    """Say what to give a trainer to train on a mix that was built or exported for it. `media` is the root of its media.

    Raises UsageError where the mix, or the export, is not written for the target, or in more files than its trainer
    reads.
    """
    if (mix / NAME).is_file():
        try:
            made = Export.model_validate_json((mix / NAME).read_bytes())
        except ValidationError:
            raise IntegrityError(f"{mix / NAME}: was edited or damaged; export the mix again") from None
        files, name, kind = made.files, made.mix, made.kind
        advice = f"export the mix {name} for it first"
    else:
        known = manifest.load_sealed(mix)
        files, name, kind = known.outputs, known.name, _kind(known)
        advice = f"run `mixer export {mix} --for {target}` first"
    targets = list(dict.fromkeys(file.target for file in files))
    writer = writers.get(target)
    if target not in targets:
        raise UsageError(f"{mix}: is written for {', '.join(targets)}, not for {target}; {advice}")
    count = sum(file.target == target and file.records > 0 for file in files)
    if count > 1 and getattr(writer, "ONE_FILE", False):
        raise UsageError(f"{mix}: is cut into {count:,} files, and the trainer of {target} reads one; {advice}")
    places = {
        "MIX": str(mix.absolute()),
        "MEDIA": str(parsed(media).absolute()) if media else "MEDIA",
        handing_off.NAME: name,
    }
    return handing_off.filled(writer.handoff(handing_off.NAME, kind), places)


def _kind(known: Manifest) -> Kind:
    return cast("Kind", known.recipe.get("kind", "instruct"))
