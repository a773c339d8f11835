"""Options that several commands share, and what commands say on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def complain(line: str) -> None:
    """Print to standard error, unless whoever started us closed it."""
    if sys.stderr is not None:
        click.echo(line, err=True)


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Join options to one decorator, in the order in which help lists them."""

    def apply(command: F) -> F:
        for add in reversed(options):
            command = add(command)
        return command

    return apply


def anywhere(_context: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """Read the path of an option that may lie in an object store, too."""
    from mixer.remote.path import parsed

    return None if path is None else parsed(path)


data = click.option(
    "--data",
    metavar="DIR|URL",
    envvar="MIXER_DATA",
    show_envvar=True,
    help="Folder of the raw files, here or in an object store (s3://bucket/raw), or `miniatures`. Default: ./data, else the built-in miniatures.",
)
media = click.option(
    "--media",
    type=click.Path(file_okay=False, path_type=Path),
    callback=anywhere,
    metavar="DIR|URL",
    envvar="MIXER_MEDIA",
    show_envvar=True,
    help="Root of the media that records name, here or in an object store. Default: `media` in the folder of raw files.",
)
cache = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    callback=anywhere,
    metavar="DIR|URL",
    envvar="MIXER_CACHE",
    show_envvar=True,
    help="Store of converted sources. One in an object store is shared by machines, and stands behind the one here. "
    "Default: the user's cache folder.",
)
workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    envvar="MIXER_WORKERS",
    show_envvar=True,
    help="Processes that work. Default: the cores of this machine. Changes no byte.",
)
of_source = together(
    click.option(
        "--option",
        "source_options",
        multiple=True,
        metavar="KEY=VALUE",
        help="An option of the source; may be repeated.",
    ),
    click.option("--path", type=click.Path(path_type=Path, dir_okay=False), help="The file, for a generic source."),
)
seed = click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Use this seed instead of the recipe's.")
size = click.option("--size", type=click.IntRange(min=1), metavar="N", help="Use this size instead of the recipe's.")
json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress, no summary.")


planning = together(data, media, cache, workers, seed, size, json, quiet)
recipe = click.argument("recipe", metavar="RECIPE")


def say(quiet: bool) -> Callable[[str], None]:
    """Give the call that takes notices."""
    return (lambda _line: None) if quiet else complain


def settings(
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool
) -> dict[str, Any]:
    """Give what every command that converts hands on to the API."""
    from mixer.processes import available_cores
    from mixer.progress import bars, silent

    return {
        "data": data,
        "media": media,
        "cache": cache,
        "workers": workers or available_cores(),
        "progress": silent if quiet else bars,
        "told": say(quiet),
    }
