"""What must be known before a run: are the media there and whole, does a benchmark leak, may the sources be used."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mixer.commands import options


@click.command()
@click.argument("given", metavar="RECIPE|MIX|SOURCE")
@click.option("--decode", is_flag=True, help="Decode images whole, instead of reading headers and end marks.")
@click.option(
    "--benchmark",
    "benchmarks",
    multiple=True,
    metavar="NAME[:KEY]=PATH",
    help="A benchmark whose leaks are looked for, and a list or a folder of images of it; may be repeated. "
    "KEY says what the entries of a list of your own are, such as coco. "
    "Those that a recipe names are looked for by themselves.",
)
@click.option(
    "--image-data",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Visual Genome's image_data.json: which of its images are of COCO and Flickr.",
)
@click.option(
    "--repairs",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.jsonl",
    help="Write the repair list there, for `mixer repair` or a recipe's `exclude`.",
)
@click.option("--only-drop", is_flag=True, help="Let the repair list drop what could also be renamed or re-encoded.")
@options.of_source
@options.together(options.data, options.media, options.cache, options.workers, options.json, options.quiet)
def check(
    given: str, decode: bool, benchmarks: tuple[str, ...], image_data: Path | None, repairs: Path | None,
    only_drop: bool, source_options: tuple[str, ...], path: Path | None, as_json: bool,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Check the media, leaks and licences of a recipe, a mix or a source. Nothing is changed.

    Exit code 0: nothing is wrong, 1: something is.
    """
    from mixer import checking
    from mixer.errors import MissingFile

    if repairs is not None and not repairs.parent.is_dir():
        raise MissingFile(f"--repairs {repairs}: no such folder: {repairs.parent}")
    settings = options.settings(data, media, cache, workers, quiet)
    checked = checking.check(
        given, benchmarks, image_data, decode=decode, options=source_options, path=path, **settings
    )
    if repairs is not None:
        checked.write_repairs(repairs, only_drop=only_drop)
    if as_json:
        click.echo(json.dumps(checked.values(), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(checked.text())
    sys.exit(1 if checked.problems else 0)
