"""A sample of a mix to read by eye: every N-th record, or N chosen by a keyed hash, in the form that suits the reader.

choosing.py   which rows of the index
records.py    their records, one at a time, and their texts made fit to be looked at
workbook.py, page.py, markdown.py, lines.py     one form a file, the same signature
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from mixer import manifest
from mixer.errors import UsageError
from mixer.roots import media_root
from mixer.sampling.choosing import EVERY, PLACE, Choice, chosen, leaves_of, of_leaves
from mixer.sampling.records import About, Shown, plain, read

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EVERY", "FORMS", "Choice", "Sample", "check", "take", "text", "write"]

FORMS = {".xlsx": "workbook", ".jsonl": "lines", ".html": "page", ".md": "markdown"}
"""Suffix of a file -> the module that writes it."""


@dataclass(frozen=True)
class Sample:
    """Some records of a mix: what is said of them all, and where they lie."""

    about: About
    mix: Path
    rows: pl.DataFrame
    """Their `at` (from 0), leaf and place in the data files, in mix order."""

    def records(self) -> Iterator[Shown]:
        """Go through the records. Raises IntegrityError where the data file does not hold one."""
        return read(self.mix, manifest.load(self.mix), self.rows)


def take(mix: Path, choice: Choice, media: Path | None = None) -> Sample:
    """Choose records of a mix. Raises UsageError for a folder that is none or a leaf that it has not, IntegrityError.

    `media` is a root below which its images may lie, besides those that came inside of annotations; MissingFile where
    there is no such folder.
    """
    media = media_root(media)
    known = manifest.load_sealed(mix)
    sources = {name: leaf.source for name, leaf in known.sources.items()}
    index = of_leaves(manifest.read_index(mix, choice.columns), leaves_of(sources, choice.leaves))
    rows = chosen(index, choice)
    counts = dict(rows["leaf"].value_counts().iter_rows())
    about = About(
        name=known.name,
        mix_id=known.mix_id,
        how=choice.said,
        taken=rows.height,
        records=index.height,
        leaves={name: counts[name] for name in known.sources if name in counts},
        media=tuple(root for root in (mix / manifest.MEDIA, media) if root is not None and root.is_dir()),
    )
    return Sample(about, mix, rows.select("at", "leaf", *PLACE))


def check(out: Path, mix: Path) -> None:
    """Refuse a file that cannot be written. Raises UsageError."""
    if out.suffix.lower() not in FORMS:
        raise UsageError(f"-o {out}: expected a name that ends in {', '.join(FORMS)}, or - for the screen")
    if out.is_dir():
        raise UsageError(f"-o {out}: is a folder; name a file")
    if out.absolute().resolve().is_relative_to(mix.resolve()):
        raise UsageError(f"-o {out}: lies in the folder of the mix, which no build would replace then; name another")


def write(sample: Sample, out: Path) -> list[str]:
    """Write a sample in the form that the file's suffix names; give what a reader should be told. Raises as `check`."""
    check(out, sample.mix)
    out.parent.mkdir(parents=True, exist_ok=True)
    form = import_module(f"mixer.sampling.{FORMS[out.suffix.lower()]}")
    notes: list[str] = form.write(out, sample.about, sample.records())
    return notes


def text(sample: Sample, most: int | None = None) -> Iterator[str]:
    """Go through a sample as text for a screen, a record at a time; no more than the `most` first."""
    for number, shown in enumerate(sample.records()):
        if most is not None and number == most:
            break
        yield plain(shown, sample.about)
