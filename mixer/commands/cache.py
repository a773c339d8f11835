"""The store of converted sources."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mixer.commands import options


@click.group()
def cache() -> None:
    """Look after the store of converted sources."""


@cache.command("ls")
@options.together(options.cache, options.json)
def cache_ls(cache: Path | None, as_json: bool) -> None:
    """List what is in the store, with sizes."""
    from mixer import caching, reports

    listed = caching.contents(cache)
    click.echo(reports.cache_json(listed) if as_json else reports.cache_text(listed))


@cache.command("prune")
@options.cache
@click.option("--source", "only", multiple=True, metavar="NAME", help="Only entries of this source; may be repeated.")
@click.option("--damaged", is_flag=True, help="Only entries that do not verify.")
@click.option("--outdated", is_flag=True, help="Only entries of converters that have changed since.")
def cache_prune(cache: Path | None, only: tuple[str, ...], damaged: bool, outdated: bool) -> None:
    """Delete converted sources and what killed runs left; they are made again when needed.

    Without a condition also what was found out about media, and working copies of remote files. Builds that are under
    way may miss what is deleted, and then have to be started again.
    """
    from mixer import caching, tables

    removed, freed = caching.prune(cache, set(only), damaged=damaged, outdated=outdated)
    click.echo(f"removed {removed:,} entries, {tables.size(freed)}")


@cache.command("verify")
@options.cache
def cache_verify(cache: Path | None) -> None:
    """Check every converted source record by record."""
    from mixer import caching

    problems = caching.verify(cache)
    for problem in problems:
        options.complain(f"{click.style('error:', fg='red')} {problem}")
    if not problems:
        click.echo("every entry is whole")
    sys.exit(1 if problems else 0)
