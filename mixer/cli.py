"""The command line: parse, call, print, exit code. Everything else is elsewhere.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done (`diff`: the same), 1 data,
shortage or integrity (`diff`: different), 2 command line or recipe text, 130 Ctrl-C.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mixer import __version__
from mixer.errors import MixerError

F = TypeVar("F", bound=Callable[..., Any])


class _Commands(click.Group):
    """Turns our errors into one line and an exit code, whatever command raised them."""

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        # One core gathers records; polars' threads would only take turns with it.
        os.environ.setdefault("POLARS_MAX_THREADS", str(max(1, len(os.sched_getaffinity(0)) - 1)))
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        try:
            return super().invoke(ctx)
        except MixerError as error:
            for line in str(error).splitlines():
                _complain(f"{click.style('error:', fg='red')} {line}")
            ctx.exit(error.exit_code)
        except OSError as error:  # a full disk, a folder that may not be written: the system's word on the user's files
            said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            _complain(f"{click.style('error:', fg='red')} {said}")
            ctx.exit(1)
        except KeyboardInterrupt as stopped:
            _complain("stopped; nothing was changed")
            ctx.exit(stopped.args[0] if stopped.args else 130)


def _complain(line: str) -> None:
    """Print to standard error, unless whoever started us closed it."""
    if sys.stderr is not None:
        click.echo(line, err=True)


def _stop(number: int, _frame: object) -> None:
    """End on a signal as on Ctrl-C: workers settle, nothing stays behind."""
    raise KeyboardInterrupt(128 + number)


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(cls=_Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="mixer")
def main() -> None:
    """Turn published vision-language datasets into one reproducible training mix."""


def _option(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, **settings)


_data = _option(
    "--data",
    metavar="DIR",
    envvar="MIXER_DATA",
    show_envvar=True,
    help="Folder of the raw files, or `miniatures`. Default: ./data, else the built-in miniatures.",
)
_media = _option(
    "--media",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    envvar="MIXER_MEDIA",
    show_envvar=True,
    help="Root of images, of which some sources need the sizes. Default: `media` in the folder of raw files.",
)
_cache = _option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    envvar="MIXER_CACHE",
    show_envvar=True,
    help="Store of converted sources. Default: the user's cache folder.",
)
_workers = _option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    envvar="MIXER_WORKERS",
    show_envvar=True,
    help="Processes that convert. Default: the cores of this machine. Changes no byte.",
)
_seed = _option("--seed", type=click.IntRange(min=0), metavar="N", help="Use this seed instead of the recipe's.")
_size = _option("--size", type=click.IntRange(min=1), metavar="N", help="Use this size instead of the recipe's.")
_json = _option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
_quiet = _option("-q", "--quiet", is_flag=True, help="No progress, no summary.")


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def apply(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


_planning = _all(_data, _media, _cache, _workers, _seed, _size, _json, _quiet)
_recipe = click.argument("recipe", metavar="RECIPE")


def _say(quiet: bool) -> Callable[[str], None]:
    return (lambda _line: None) if quiet else _complain


def _settings(
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
        "told": _say(quiet),
    }


@main.command()
@_recipe
@_option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    envvar="MIXER_OUT",
    show_envvar=True,
    help="Folder of the mix. Default: out/<name>.",
)
@_planning
@_option(
    "--memory",
    metavar="SIZE",
    envvar="MIXER_MEMORY",
    show_envvar=True,
    help="Memory to count on, such as 8GB: larger sources are mixed through buckets on disk. Changes no byte. "
    "Default: what is left.",
)
@_option("--dry-run", is_flag=True, help="Only plan: the same as `mixer plan`.")
@_option("--locked", is_flag=True, help="Refuse raw files or a recipe other than those of the mix at --out.")
def build(
    recipe: str, out: Path | None, seed: int | None, size: int | None, as_json: bool, memory: str | None,
    dry_run: bool, locked: bool, data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Build the mix of a recipe: data, index and manifest, in one folder.

    RECIPE is a file, or the name of a recipe that ships with mixer, such as svit_mix.
    """
    from mixer import building, plans, reports
    from mixer.allocator import give_back_at_once
    from mixer.memory import parse
    from mixer.recipe import load_recipe
    from mixer.roots import find_recipe

    limit = None if memory is None else parse(memory)
    if limit is not None:
        give_back_at_once()
    loaded = load_recipe(find_recipe(recipe), seed=seed, size=size)
    settings = _settings(data, media, cache, workers, quiet)
    if dry_run:
        planned = plans.plan(loaded, **settings)
        click.echo(reports.plan_json(planned) if as_json else reports.plan_text(planned))
        return
    mix = building.build(loaded, out, memory=limit, locked=locked, **settings)
    if as_json:
        click.echo(reports.mix_json(mix))
    elif not quiet:
        click.echo(reports.mix_text(mix))


@main.command()
@_recipe
@_planning
def plan(
    recipe: str, seed: int | None, size: int | None, as_json: bool,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Say exactly what a build would put in: per source what is read, lost and taken. Writes nothing but the store."""
    from mixer import plans, reports
    from mixer.recipe import load_recipe
    from mixer.roots import find_recipe

    loaded = load_recipe(find_recipe(recipe), seed=seed, size=size)
    planned = plans.plan(loaded, **_settings(data, media, cache, workers, quiet))
    click.echo(reports.plan_json(planned) if as_json else reports.plan_text(planned))


@main.command()
@click.argument("mix", type=click.Path(path_type=Path))
@_json
@_quiet
def verify(mix: Path, as_json: bool, quiet: bool) -> None:
    """Check a mix against its manifest: every file's hash, every record, every count."""
    from mixer.progress import bars, silent
    from mixer.verifying import verify as check

    verified = check(mix, progress=silent if quiet else bars)
    if as_json:
        click.echo(
            json.dumps({"mix": str(mix), "mix_id": verified.mix_id, "problems": list(verified.problems)}, indent=2)
        )
    elif not verified.problems and not quiet:
        click.echo(f"{mix}: {verified.records:,} records verified, mix {verified.mix_id[:16]}")
    if verified.problems and not as_json:
        for problem in verified.problems:
            _complain(f"{click.style('error:', fg='red')} {problem}")
    sys.exit(1 if verified.problems else 0)


@main.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@_json
def diff(a: Path, b: Path, as_json: bool) -> None:
    """Explain how two mixes differ: sources, amounts, records, order, and why. Exit code 0: the same, 1: different."""
    from mixer import reports
    from mixer.comparing import diff as compare

    difference = compare(a, b)
    click.echo(reports.diff_json(difference) if as_json else reports.diff_text(difference))
    sys.exit(0 if difference.same else 1)


@main.command()
@click.argument("source", metavar="SOURCE")
@_option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.jsonl", help="Where to write them."
)
@_option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the source; may be repeated.")
@_option("--path", type=click.Path(path_type=Path, dir_okay=False), help="The file, for a generic source.")
@_option("--skipped", is_flag=True, help="List every lost item with its place and reason.")
@_all(_data, _media, _cache, _workers, _json, _quiet)
def convert(
    source: str, out: Path | None, options: tuple[str, ...], path: Path | None, skipped: bool, as_json: bool,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Convert one source to conversations, one JSON object a line, and print what became of its raw items."""
    from mixer import catalogue, reports

    converted = catalogue.convert(source, options, path, out, **_settings(data, media, cache, workers, quiet))
    if skipped and not as_json:
        for line in reports.lost_lines(converted):
            click.echo(line)
    if as_json:
        click.echo(reports.ledger_json(converted, skipped=skipped))
    elif not quiet:
        click.echo(reports.ledger_text(converted, out), err=skipped)


@main.command("sources")
@click.argument("name", required=False)
@_all(_data, _json)
@_option("--markdown", is_flag=True, help="Print the list as a page of documentation.")
def sources_(name: str | None, data: str | None, as_json: bool, markdown: bool) -> None:
    """List the sources mixer converts, or show one: its files, options, licence and an example."""
    from mixer import catalogue, reports

    listed = catalogue.list_sources(name, data=data)
    if as_json:
        click.echo(json.dumps([source.as_json() for source in listed], indent=2, ensure_ascii=False))
    elif markdown:
        click.echo(reports.sources_markdown(listed))
    elif name:
        click.echo(reports.source_text(listed[0]))
    else:
        click.echo(reports.sources_text(listed))


@main.command()
@click.argument("name", required=False)
@_option("-o", "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write them all there.")
def schema(name: str | None, out: Path | None) -> None:
    """Print a JSON Schema (recipe, manifest or conversation), or write all three to a folder."""
    from mixer import schemas

    if out is not None:
        schemas.write_schemas(out)
        return
    click.echo(schemas.schema_text(name or "recipe"), nl=False)


@main.group()
def cache() -> None:
    """Look after the store of converted sources."""


@cache.command("ls")
@_all(_cache, _json)
def cache_ls(cache: Path | None, as_json: bool) -> None:
    """List what is in the store, with sizes."""
    from mixer import caching, reports

    listed = caching.contents(cache)
    click.echo(reports.cache_json(listed) if as_json else reports.cache_text(listed))


@cache.command("prune")
@_cache
@_option("--source", "only", multiple=True, metavar="NAME", help="Only entries of this source; may be repeated.")
@_option("--damaged", is_flag=True, help="Only entries that do not verify.")
@_option("--outdated", is_flag=True, help="Only entries of converters that have changed since.")
def cache_prune(cache: Path | None, only: tuple[str, ...], damaged: bool, outdated: bool) -> None:
    """Delete converted sources and what killed runs left; they are made again when needed."""
    from mixer import caching, tables

    removed, freed = caching.prune(cache, set(only), damaged=damaged, outdated=outdated)
    click.echo(f"removed {removed:,} entries, {tables.size(freed)}")


@cache.command("verify")
@_cache
def cache_verify(cache: Path | None) -> None:
    """Check every converted source record by record."""
    from mixer import caching

    problems = caching.verify(cache)
    for problem in problems:
        _complain(f"{click.style('error:', fg='red')} {problem}")
    if not problems:
        click.echo("every entry is whole")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
