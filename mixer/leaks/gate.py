"""The gate: which records of a mix leak a benchmark, and by what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mixer.derived import Derived
from mixer.errors import DataError, UsageError
from mixer.fingerprints import CONTENT, PERCEPTUAL
from mixer.leaks import images, keys, questions, same_photos
from mixer.leaks.images import Hashing
from mixer.leaks.lookups import Tables, asked_questions, tables
from mixer.leaks.registry import WAYS, Way
from mixer.leaks.targets import Target, doubled, target
from mixer.locating import located
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.remembered import Kind
from mixer.resolved import Decontaminate
from mixer.ruling import Ruling

if TYPE_CHECKING:
    import polars as pl

FOLDER = "leaks"
"""Of the store, for the questions that workers compare with."""


@dataclass(frozen=True)
class Found:
    """What the gate found out about some records."""

    hits: pl.DataFrame
    """One row a record, benchmark and way: `row`, `number`, `way` (of WAYS), `told`. Sorted by these."""
    unkeyed: int
    """Records with images none of which has a key."""
    missing: tuple[str, ...]
    """Images that could not be looked at, each with why."""


@dataclass(frozen=True)
class Gate:
    """A rule (see ruling.py) that finds leaks."""

    targets: tuple[Target, ...]
    tables: Tables
    asked: tuple[questions.Asked, ...]
    hashing: Hashing
    of_questions: Derived | None

    @property
    def columns(self) -> frozenset[str]:
        """Name the index columns it looks at."""
        ways = {way for each in self.targets for way in each.ways}
        named = {"media", "images"}
        named |= {"id"} if "id" in ways else set()
        return frozenset(named | ({questions.COLUMN} if self.asked else set()))

    @property
    def derived(self) -> tuple[Derived, ...]:
        """List the derived columns that must be made before."""
        return (self.of_questions,) if self.of_questions else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what is remarkable about the lists, one line each."""
        return tuple(note for each in self.targets for note in each.notes())

    def holds(self, number: int) -> dict[Way, int]:
        """Count what a benchmark's records are compared with, by way."""
        import polars as pl

        each = self.targets[number]
        counts: dict[Way, int] = {
            "id": len(each.ids),
            "image": len(each.keys),
            "image_question": len(each.of_images),
            "content": self.tables.content.filter(pl.col("number") == number).height,
            "perceptual": self.tables.perceptual.filter(pl.col("number") == number).height,
            "question": len(each.questions),
        }
        return {way: counts[way] for way in each.ways}

    def judge(self, frame: pl.DataFrame, source: str, media: Sequence[Path]) -> Ruling:
        """Say which records must go. Raises DataError for images that cannot be looked at, though they would have to."""
        import polars as pl

        found = self.find(frame, source, media)
        if found.missing:
            raise DataError(
                f"{source}: {len(found.missing):,} images cannot be compared with those of benchmarks, such as "
                f"{found.missing[0]}; name their root with --media, leave them out with `exclude`, or match by "
                "other ways than content and perceptual"
            )
        hits = found.hits.unique(["row", "number"], keep="first", maintain_order=True)
        names = pl.DataFrame({"name": [each.name for each in self.targets]}, schema={"name": pl.String})
        names = names.with_row_index("number")
        told = hits.join(names, on="number", how="left", maintain_order="left")
        why = told.group_by("row", maintain_order=True).agg(
            pl.format("{}: {}", "name", "told").str.join("; ").alias("why")
        )
        rows = pl.DataFrame({"row": pl.int_range(frame.height, dtype=pl.UInt32, eager=True)})
        counts = {each.name: hits.filter(pl.col("number") == at).height for at, each in enumerate(self.targets)}
        return Ruling(rows.join(why, on="row", how="left", maintain_order="left")["why"], counts)

    def find(self, frame: pl.DataFrame, source: str, media: Sequence[Path]) -> Found:
        """Find what speaks against records, by every way; images that cannot be looked at are only listed."""
        import polars as pl

        rows = frame.with_row_index("row")
        shown = rows.filter(pl.col("images") > 0).select(
            "row", pl.col("media").list.head(pl.col("images")).alias("path")
        )
        shown = shown.explode("path").unique()
        paths = shown["path"].unique().sort()
        named = keys.of_paths(paths, source)
        hits = [_matched(shown.join(named, on="path"), "key", self.tables.keys, "image")]
        if any(key.startswith(f"{keys.STEM}:") for each in self.targets for key in each.keys):
            stems = keys.stems_of(paths)
            hits.append(_matched(shown.join(stems, on="path"), "key", self.tables.keys, "image"))
        if "id" in self.columns:
            hits.append(_matched(rows, "id", self.tables.ids, "id"))
        if questions.COLUMN in self.columns:
            hits += self._by_question(rows, shown.join(named, on="path"))
        looks, missing = self._by_look(paths, media)
        hits += [_matched(shown, "path", look, way) for way, look in looks]
        every = pl.concat(hits).unique(["row", "number", "way"], keep="first", maintain_order=True)
        keyed = shown.join(named.filter(pl.col("key").is_not_null()), on="path", how="semi")["row"].n_unique()
        return Found(every.sort("row", "number", "way"), shown["row"].n_unique() - keyed, missing)

    def _by_question(self, rows: pl.DataFrame, shown: pl.DataFrame) -> list[pl.DataFrame]:
        """Match by questions, alone and together with an image that they are about."""
        import polars as pl

        split = pl.col(questions.COLUMN).str.split("\n")
        told = rows.select("row", split.alias("shared")).drop_nulls().explode("shared")
        parts = pl.col("shared").str.splitn("\t", 2).struct.rename_fields(["asked", "words"])
        told = told.select("row", parts.alias("parts")).unnest("parts").with_columns(pl.col("asked").cast(pl.UInt32))
        numbers = {each.name: number for number, each in enumerate(self.targets)}
        alone = [(at, numbers[each.name]) for at, each in enumerate(self.asked) if each.ngram]
        known = pl.DataFrame(alone, schema={"asked": pl.UInt32, "number": pl.UInt32}, orient="row")
        by_words = told.join(known, on="asked").with_columns(pl.format("question: {}", "words").alias("told"))
        about = told.join(shown.select("row", "key"), on="row").unique()
        about = about.join(self.tables.of_images, on=["asked", "words", "key"])
        return [_hits(by_words, "question"), _hits(about, "image_question")]

    def _by_look(
        self, paths: pl.Series, media: Sequence[Path]
    ) -> tuple[list[tuple[Way, pl.DataFrame]], tuple[str, ...]]:
        """Match images by content and look: per way a table of path, number, told; and what could not be looked at."""
        import polars as pl

        ways = {way for each in self.targets for way in each.ways}
        if not ways & {"content", "perceptual"}:
            return [], ()
        found = list(zip(paths, located(paths, media), strict=True))
        there = [(path, place[0], place[1].st_size) for path, place in found if place and place[1].st_size]
        missing = [f"{path} (missing)" for path, place in found if place is None]
        missing += [f"{path} (empty)" for path, place in found if place and not place[1].st_size]
        looks: list[tuple[Way, pl.DataFrame]] = []
        if "content" in ways:
            alike = [each for each in there if self.tables.sizes is None or each[2] in self.tables.sizes]
            hashed, problems = self._hashed(CONTENT, alike)
            missing += problems
            looks.append(("content", hashed.join(self.tables.content, on="sha256")))
        if "perceptual" in ways:
            hashed, problems = self._hashed(PERCEPTUAL, there)
            missing += problems
            near = images.perceptual(self.tables.perceptual, hashed["phash"])
            said = pl.format("looks like {} ({} bits apart)", "told", "bits").alias("told")
            looks.append(("perceptual", hashed.join(near.with_columns(said), on="phash")))
        return looks, tuple(sorted(set(missing)))

    def _hashed(self, kind: Kind, found: Sequence[tuple[str, Path, int]]) -> tuple[pl.DataFrame, list[str]]:
        import polars as pl

        hashed = self.hashing.find(kind, [file for _, file, _ in found], "hashing images of the mix")
        hashed = hashed.insert_column(0, pl.Series("path", [path for path, _, _ in found], dtype=pl.String))
        bad = hashed.filter(pl.col("problem").is_not_null()).select("path", "problem")
        return hashed.filter(pl.col("problem").is_null()).drop("problem"), [
            f"{path} ({said})" for path, said in bad.iter_rows()
        ]


def _matched(ours: pl.DataFrame, on: str, theirs: pl.DataFrame, way: Way) -> pl.DataFrame:
    """Look rows up in a table of what no record may have."""
    return _hits(ours.join(theirs, on=on), way)


def _hits(found: pl.DataFrame, way: Way) -> pl.DataFrame:
    import polars as pl

    told = found.group_by("row", "number").agg(pl.col("told").min())
    number = pl.lit(WAYS.index(way), dtype=pl.UInt8).alias("way")
    return told.select(pl.col("row").cast(pl.UInt32), pl.col("number").cast(pl.UInt32), number, "told")


def gate(asked: Decontaminate, store: Path, workers: Engine, progress: Progress) -> Gate:
    """Read the benchmarks' lists and hash their images; `store` is the store's folder.

    Raises UsageError for what cannot be asked, MissingFile and DataError for lists that cannot be read.
    """
    twice = doubled([each.name for each in asked.benchmarks])
    if twice:
        raise UsageError(f"decontaminate: {', '.join(twice)}: named twice; give a benchmark all its lists at once")
    targets = tuple(target(each) for each in asked.benchmarks)
    photos = same_photos.read(asked.image_data) if asked.image_data else []
    hashing = Hashing(store, workers, progress)
    of_questions = asked_questions(targets)
    derived = questions.derived(of_questions, store / FOLDER) if of_questions else None
    return Gate(targets, tables(targets, of_questions, photos, hashing), of_questions, hashing, derived)


def inputs(asked: Decontaminate) -> list[tuple[str, Path]]:
    """List every file that is read, with what it is to the gate; a folder of images stands for all its images."""
    read = [("image_data", asked.image_data)] if asked.image_data else []
    for each in asked.benchmarks:
        read += [(f"benchmark {each.name}", path) for path in each.files]
        read += [(f"images of benchmark {each.name}", each.images)] if each.images else []
    return read
