"""Near-duplicates: what is alike, and what of it stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixer.commands import options
from mixer.commands.dedup_text import text

if TYPE_CHECKING:
    from mixer.embedding.brought import Vectors
    from mixer.near.images import By, Images

BY = ("embeddings", "perceptual", "content")


@click.group()
def dedup() -> None:
    """Find what is nearly the same, keep one of each, and write the file by which a recipe leaves out the others."""


@dedup.command(short_help="Find images that are nearly the same.")
@click.argument("given", metavar="[RECIPE|SOURCE|MIX]", required=False)
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Folder that `mixer embed` wrote, or a .parquet or .npy of your own. Alone, without a recipe, source or mix, "
    "it says which images there are.",
)
@click.option(
    "--names", type=click.Path(path_type=Path), metavar="FILE", help="Whose embeddings the rows of a .npy are."
)
@click.option(
    "--by",
    type=click.Choice(BY),
    help="What is compared: embeddings by cosine, perceptual hashes, or equal content. Default: embeddings if given, "
    "else perceptual.",
)
@click.option(
    "--threshold",
    "thresholds",
    type=click.FloatRange(min=0.01, max=1),
    multiple=True,
    metavar="SCORE",
    help="From which score on two images are alike; may be repeated. Default: 0.7, 0.8 and 0.9 of embeddings, 0.875 "
    "and 0.9375 (8 and 4 of 64 bits) of perceptual hashes.",
)
@click.option(
    "--within/--across", default=True, show_default=True, help="Compare images of the same folder only, or all of them."
)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most pairs to keep for recipes, about 250 bytes of memory each. Default: 10000000.",
)
@click.option(
    "--approximate", is_flag=True, help="Search faster with faiss, and miss some pairs; how many is measured and told."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder of results.")
@options.of_source
@options.together(options.data, options.media, options.cache, options.workers, options.json, options.quiet)
def images(
    given: str | None, embeddings: Path | None, names: Path | None, by: By | None, thresholds: tuple[float, ...],
    within: bool, pairs: int | None, approximate: bool, out: Path, source_options: tuple[str, ...], path: Path | None,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Find images that are nearly the same, print how many stay, and write who stays and who goes."""
    from mixer import caching
    from mixer.embedding import brought
    from mixer.extras import need
    from mixer.near import deduping, results
    from mixer.near.pairs import MOST_PAIRS
    from mixer.near.table import screen_width

    need("numpy", "dedup")
    by = by or ("perceptual" if embeddings is None else "embeddings")
    _check(given, by, embeddings, names)
    asked = deduping.asked(by, thresholds, within=within, most=pairs or MOST_PAIRS, approximate=approximate)
    results.refuse(out, caching.folder(cache))
    shared = options.settings(data, media, cache, workers, quiet)
    vectors = None if embeddings is None else brought.load(embeddings, names)
    found = _images(given, embeddings, by, vectors, source_options, path, shared)
    outcome = deduping.images(found, vectors, asked, out, shared["progress"])
    if as_json:
        click.echo(json.dumps({"path": str(out), **outcome.said}, indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(deduping.text(outcome, asked, out, screen_width()))


def _check(given: str | None, by: By, embeddings: Path | None, names: Path | None) -> None:
    """Refuse what does not go together. Raises UsageError."""
    from mixer.errors import UsageError

    if by == "embeddings" and embeddings is None:
        raise UsageError("--by embeddings: needs --embeddings PATH; `mixer embed` makes them")
    if by != "embeddings" and embeddings is not None:
        raise UsageError(f"--by {by}: looks at no embeddings; leave out --embeddings or --by")
    if names is not None and embeddings is None:
        raise UsageError("--names: says whose embeddings the rows of a .npy are, so it goes with --embeddings")
    if given is None and embeddings is None:
        raise UsageError("name a recipe, a source or the folder of a mix, or give --embeddings of the images")


def _images(
    given: str | None, embeddings: Path | None, by: By, vectors: Vectors | None, source_options: tuple[str, ...],
    path: Path | None, shared: dict[str, Any],
) -> Images:  # fmt: skip
    """List the images to compare."""
    from mixer import caching, collection
    from mixer.near.images import Files, of_collection, of_embeddings
    from mixer.processes import Workers

    if given is None:
        assert embeddings is not None
        assert vectors is not None
        return of_embeddings(embeddings, vectors)
    found = collection.find(given, options=source_options, path=path, **shared)
    paths_only = vectors is not None and vectors.by == "path" and shared["media"] is None
    with Workers(shared["workers"]) as workers:
        files = Files(caching.folder(shared["cache"]), workers, shared["progress"])
        return of_collection(found, by, vectors, paths_only=paths_only, files=files)


dedup.add_command(text)
