"""Near-duplicate texts: `mixer dedup text`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixer.commands import options

if TYPE_CHECKING:
    from mixer.texts.deduplicating import By

BY = ("exact", "minhash", "embeddings")


@click.command(short_help="Find records that say nearly the same.")
@click.argument("given", metavar="RECIPE|SOURCE|MIX")
@click.option(
    "--by",
    type=click.Choice(BY),
    help="What is compared: all that is said, sets of shingles, or embeddings by cosine. Default: embeddings if given, "
    "else minhash.",
)
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A .parquet or .npy of your own: a vector for each record, named by its id or key.",
)
@click.option(
    "--names", type=click.Path(path_type=Path), metavar="FILE", help="Whose embeddings the rows of a .npy are."
)
@click.option(
    "--threshold",
    "thresholds",
    type=click.FloatRange(min=0.01, max=1),
    multiple=True,
    metavar="SCORE",
    help="From which score on two records are alike; may be repeated. Default: 0.8, 0.85 and 0.9.",
)
@click.option("--informative", is_flag=True, help="Leave out requests for the form of an answer, such as for one word.")
@click.option(
    "--media-aware/--text-only",
    "media_aware",
    default=True,
    show_default=True,
    help="Only records of the same images, videos and audios are alike, or all that say the same.",
)
@click.option(
    "--within/--across",
    default=True,
    show_default=True,
    help="Compare records of the same source only, or all of them.",
)
@click.option("--ngram", type=click.IntRange(min=1, max=100), metavar="N", help="Words to a shingle. Default: 3.")
@click.option(
    "--permutations", type=click.IntRange(min=16, max=4096), metavar="N", help="Of a MinHash signature. Default: 128."
)
@click.option(
    "--exhaustive", is_flag=True, help="Miss no pair: look for them without MinHash, in more memory; for small sets."
)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most pairs to hold, about 250 bytes of memory each. Default: 10000000.",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder of results.")
@options.of_source
@options.together(options.data, options.media, options.cache, options.workers, options.json, options.quiet)
def text(
    given: str, by: By | None, embeddings: Path | None, names: Path | None, thresholds: tuple[float, ...],
    informative: bool, media_aware: bool, within: bool, ngram: int | None, permutations: int | None, exhaustive: bool,
    pairs: int | None, out: Path, source_options: tuple[str, ...], path: Path | None,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Find records that say nearly the same, print how many stay, and write who stays and who goes."""
    from mixer import atomic, caching, collection
    from mixer.embedding import brought
    from mixer.near import results
    from mixer.near.table import screen_width
    from mixer.processes import Workers
    from mixer.texts import deduplicating, reporting

    asked = deduplicating.asked(
        by, embeddings, names, thresholds,
        within=within, media=media_aware, informative=informative, ngram=ngram, permutations=permutations,
        exhaustive=exhaustive, most=pairs,
    )  # fmt: skip
    results.refuse(out, caching.folder(cache))
    shared: dict[str, Any] = options.settings(data, media, cache, workers, quiet)
    vectors = None if embeddings is None else brought.load(embeddings, names)
    found = collection.find(given, options=source_options, path=path, **shared)
    with (
        Workers(shared["workers"]) as processes,
        atomic.working_folder(caching.folder(cache) / deduplicating.SCRATCH) as scratch,
    ):
        made = deduplicating.dedup(found, asked, vectors, scratch, processes, shared["progress"])
    table, said = results.write(out, made)
    if as_json:
        click.echo(json.dumps({"path": str(out), **said}, indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(reporting.text(table, said, out, screen_width()))
