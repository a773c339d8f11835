"""One source at a time: convert it, list what there is, print schemas."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mixer.commands import options as shared
from mixer.commands.options import settings


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.jsonl", help="Where to write them."
)
@shared.of_source
@click.option("--skipped", is_flag=True, help="List every lost item with its place and reason.")
@shared.together(shared.data, shared.media, shared.cache, shared.workers, shared.json, shared.quiet)
def convert(
    source: str, out: Path | None, source_options: tuple[str, ...], path: Path | None, skipped: bool, as_json: bool,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Convert one source to conversations, one JSON object a line, and print what became of its raw items."""
    from mixer import catalogue, reports

    converted = catalogue.convert(source, source_options, path, out, **settings(data, media, cache, workers, quiet))
    if skipped and not as_json:
        for line in reports.lost_lines(converted):
            click.echo(line)
    if as_json:
        click.echo(reports.ledger_json(converted, skipped=skipped))
    elif not quiet:
        click.echo(reports.ledger_text(converted, out), err=skipped)


@click.command("sources")
@click.argument("name", required=False)
@shared.together(shared.data, shared.json)
@click.option("--markdown", is_flag=True, help="Print the list as a page of documentation.")
def sources(name: str | None, data: str | None, as_json: bool, markdown: bool) -> None:
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


@click.command()
@click.argument("name", required=False)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write them all there."
)
def schema(name: str | None, out: Path | None) -> None:
    """Print a JSON Schema (recipe, manifest or conversation), or write all three to a folder."""
    from mixer import schemas

    if out is not None:
        schemas.write_schemas(out)
        return
    click.echo(schemas.schema_text(name or "recipe"), nl=False)
