"""The report of a mix: one page that tells what is in it, made of its folder alone. See docs/report.md.

    manifest, index -> measures -> sections -> page
    index, data     -> picked records (-> small pictures) -> gallery -> page

Every number of the manifest stands in the page with its place there (`data-key`, a JSON Pointer) and its exact value.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mixer import atomic, manifest
from mixer.errors import UsageError
from mixer.progress import Advance, Progress, silent
from mixer.reporting import composition, curated, gallery, lengths, losses, order, overview, thumbnails
from mixer.reporting.measures import measure
from mixer.reporting.page import page
from mixer.reporting.picking import pick
from mixer.roots import media_root

RECORDS = 200
IMAGES = 150
MOST_RECORDS = 5000
"""A browser has to lay them all out."""


@dataclass(frozen=True)
class Report:
    """A finished page."""

    html: bytes
    records: int
    """Records that it shows."""
    notes: tuple[str, ...]
    """What it could not show."""


def report(
    mix: Path | str,
    *,
    media: Path | None = None,
    records: int = RECORDS,
    images: int = IMAGES,
    seed: int = 0,
    progress: Progress = silent,
) -> Report:
    """Make the report of a mix folder: about `records` of its records, `images` of their pictures at most.

    Pictures come from `media` and from the mix's own media; `seed` chooses other records. Equal mixes and media give
    equal pages, as far as pillow's version is the same. Raises UsageError, MissingFile or IntegrityError.
    """
    folder = Path(mix)
    media = media_root(media)
    known = manifest.load_sealed(folder)
    values = known.model_dump(mode="json")
    measures = measure(folder, known)
    picked = pick(folder, known, min(records, MOST_RECORDS), seed)
    roots = [root for root in (folder / manifest.MEDIA, media) if root is not None and root.is_dir()]
    wanting = thumbnails.missing_library() if roots and images else None
    notes = (f"Pictures are not shown: {wanting}.",) if wanting else ()
    said = notes if roots else ("No media folder was named, so pictures are shown by their names.",)
    drawn = bool(roots and images and not wanting)
    with (progress if drawn else silent)("pictures", images, "files") as advance:
        draw = _drawing(roots, advance) if drawn else None
        records_section = gallery.gallery(picked, images, draw, known.records, said)
    sections = [
        overview.summary(values, measures),
        composition.composition(values, measures),
        composition.amounts(values),
        losses.losses(values),
        curated.curation(values),
        lengths.lengths(measures),
        order.order(values, measures),
        composition.licences(values),
        losses.notes(values),
        overview.inputs(values),
        records_section,
    ]
    return Report(page(values, sections), len(picked), notes)


def _drawing(roots: list[Path], advance: Advance) -> gallery.Picture:
    def draw(path: str) -> thumbnails.Small:
        made = thumbnails.small(thumbnails.find(roots, path))
        advance(1)
        return made

    return draw


def check(out: Path, mix: Path) -> None:
    """Refuse a place where no file of its own can stand. Raises UsageError."""
    if out.is_dir():
        raise UsageError(f"-o {out}: is a folder; name the file of the report")
    if not out.parent.is_dir():
        raise UsageError(f"-o {out}: there is no folder {out.parent}; make it")
    if out.resolve().is_relative_to(mix.resolve()):
        raise UsageError(f"-o {out}: lies in the folder of the mix, which holds nothing else; name another place")


def write(made: Report, out: Path, mix: Path) -> None:
    """Write a report, whole or not at all. Raises as `check`."""
    check(out, mix)
    atomic.replace_file(out, made.html)
