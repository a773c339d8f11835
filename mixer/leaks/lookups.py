"""The tables in which records are looked up, made of the benchmarks' lists and images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mixer.extras import need
from mixer.fingerprints import CONTENT, PERCEPTUAL
from mixer.leaks import images, same_photos
from mixer.leaks.images import Hashing
from mixer.leaks.questions import Asked
from mixer.leaks.targets import Target

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Tables:
    """What is looked up, made of the benchmarks' lists; `number` is a benchmark's, `told` what is said of a hit."""

    keys: pl.DataFrame
    """key, number, told."""
    ids: pl.DataFrame
    """id, number, told."""
    of_images: pl.DataFrame
    """key, asked (number of the questions), words, number, told: an image and a question about it."""
    content: pl.DataFrame
    """sha256, number, told."""
    perceptual: pl.DataFrame
    """phash, number, told, distance."""
    sizes: frozenset[int] | None
    """Bytes of the images whose content is known; None: any."""


def asked_questions(targets: Sequence[Target]) -> tuple[Asked, ...]:
    """Give the questions to compare with: for words in a row, and whole ones that count together with their image."""
    every = []
    for each in targets:
        told = tuple(sorted(each.questions))
        every += [Asked(each.name, each.asked.ngram, told)] if "question" in each.ways else []
        every += [Asked(each.name, 0, told)] if "image_question" in each.ways else []
    return tuple(every)


def tables(
    targets: Sequence[Target], asked: Sequence[Asked], photos: Sequence[tuple[str, ...]], hashing: Hashing
) -> Tables:
    """Make the tables; `photos` are the names of photos that have several. Hashes the benchmarks' images."""
    import polars as pl

    base = {"number": pl.UInt32, "told": pl.String}
    whole = {each.name: at for at, each in enumerate(asked) if not each.ngram}
    keyed: list[tuple[str, int, str]] = []
    about: list[tuple[str, int, str, int, str]] = []
    ids: list[tuple[str, int, str]] = []
    for number, each in enumerate(targets):
        names = {
            name: (stands, _told(name, stands)) for name, stands in same_photos.expanded(each.keys, photos).items()
        }
        keyed += [(name, number, told) for name, (_, told) in names.items() if "image" in each.ways]
        ids += [(id, number, f"id {id}") for id in sorted(each.ids) if "id" in each.ways]
        if "image_question" in each.ways:
            about += _about(each, names, whole[each.name], number)
    content, sizes = _content(targets, hashing)
    return Tables(
        pl.DataFrame(keyed, schema={"key": pl.String, **base}, orient="row"),
        pl.DataFrame(ids, schema={"id": pl.String, **base}, orient="row"),
        pl.DataFrame(about, schema={"key": pl.String, "asked": pl.UInt32, "words": pl.String, **base}, orient="row"),
        content,
        _perceptual(targets, hashing),
        sizes,
    )


def _told(name: str, stands: str) -> str:
    """Say what a hit is: the image's key, and the listed one where that is another name of the photo."""
    return name if name == stands else f"{name}, which is {stands}"


def _about(
    each: Target, names: dict[str, tuple[str, str]], asked: int, number: int
) -> Iterator[tuple[str, int, str, int, str]]:
    """Give a row for each name of an image and question about it."""
    by_key: dict[str, list[str]] = {}
    for key, words in each.of_images:
        by_key.setdefault(key, []).append(words)
    for name, (stands, told) in names.items():
        for words in sorted(by_key.get(stands, ())):
            yield name, asked, words, number, f"{told}, question: {words}"


def _content(targets: Sequence[Target], hashing: Hashing) -> tuple[pl.DataFrame, frozenset[int] | None]:
    """Give the hashes of images by bytes, and how many bytes those have, unless some are known by their hash only."""
    import polars as pl

    found = pl.DataFrame(schema={"sha256": pl.String, "number": pl.UInt32, "told": pl.String})
    sizes: set[int] = set()
    for number, each in enumerate(targets):
        at = pl.lit(number, dtype=pl.UInt32).alias("number")
        if each.hashes:
            listed = pl.DataFrame({"sha256": sorted(each.hashes)}, schema={"sha256": pl.String})
            said = pl.format("sha256 {}", pl.col("sha256").str.head(16)).alias("told")
            found = pl.concat([found, listed.select("sha256", at, said)])
        if "content" in each.ways and each.asked.images is not None:
            hashed = images.hashes(CONTENT, each.name, each.asked.images, hashing)
            sizes.update(path.stat().st_size for path in images.listed(each.asked.images))
            found = pl.concat([found, hashed.select("sha256", at, pl.format("same bytes as {}", "file").alias("told"))])
    return found, None if any(each.hashes for each in targets) else frozenset(sizes)


def _perceptual(targets: Sequence[Target], hashing: Hashing) -> pl.DataFrame:
    """Give the hashes of images by look."""
    import polars as pl

    found = pl.DataFrame(schema={"phash": pl.UInt64, "number": pl.UInt32, "told": pl.String, "distance": pl.UInt32})
    for number, each in enumerate(targets):
        if "perceptual" in each.ways and each.asked.images is not None:
            need("numpy", "dedup")
            need("PIL.Image", "dedup")
            hashed = images.hashes(PERCEPTUAL, each.name, each.asked.images, hashing)
            at = pl.lit(number, dtype=pl.UInt32).alias("number")
            distance = pl.lit(each.asked.distance, dtype=pl.UInt32).alias("distance")
            found = pl.concat([found, hashed.select("phash", at, pl.col("file").alias("told"), distance)])
    return found
