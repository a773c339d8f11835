"""Handing a finished mix to a trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from mixer.commands import options

_target = click.option("--for", "target", required=True, metavar="TARGET", help="The trainer or format.")
_mix = click.argument("mix", type=click.Path(path_type=Path, file_okay=False))


@click.command()
@_mix
@_target
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the export. Default: beside the mix, its name and the target's.",
)
@click.option(
    "--inexpressible",
    type=click.Choice(["error", "drop"]),
    default="error",
    show_default=True,
    help="What to do with records that the target cannot hold.",
)
@click.option("--shards", type=click.IntRange(min=1), metavar="N", help="Cut its records into so many files.")
@click.option("--shard-records", type=click.IntRange(min=1), metavar="N", help="Or: so many records a file.")
@click.option("--shard-bytes", type=click.IntRange(min=1), metavar="N", help="Or: so many bytes of records a file.")
@options.together(options.media, options.json, options.quiet)
def export(
    mix: Path, target: str, out: Path | None, inexpressible: Literal["error", "drop"], shards: int | None,
    shard_records: int | None, shard_bytes: int | None, media: Path | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Write a finished mix for another trainer: the same records in the same order, nothing is built again."""
    from mixer.exporting import export as write
    from mixer.progress import bars, silent
    from mixer.resolved import Shards
    from mixer.tables import size

    ways: dict[Literal["shards", "records", "bytes"], int | None] = {
        "shards": shards, "records": shard_records, "bytes": shard_bytes
    }  # fmt: skip
    asked = [Shards(by, value) for by, value in ways.items() if value is not None]
    if len(asked) > 1:
        raise click.UsageError("records are cut in one way: name one of --shards, --shard-records, --shard-bytes")
    made = write(
        mix,
        target,
        out or mix.with_name(f"{mix.resolve().name}-{target}"),
        inexpressible=inexpressible,
        cut=asked[0] if asked else None,
        media=media,
        progress=silent if quiet else bars,
    )
    if as_json:
        click.echo(json.dumps({"path": str(made.path), **made.export.model_dump(mode="json")}, indent=2))
    elif not quiet:
        for file in made.export.files:
            records = f"{file.records:,} records, " if file.records else ""
            click.echo(f"{records}{size(file.bytes)}: {made.path / file.path}")
        for reason, count in made.export.dropped.items():
            click.echo(f"dropped {count:,}: {reason}")
        click.echo(f"what to give the trainer: mixer handoff {made.path} --for {target}")


@click.command()
@_mix
@_target
@options.media
def handoff(mix: Path, target: str, media: Path | None) -> None:
    """Print what to paste into a trainer's flags or configuration, for a mix that was built or exported for it."""
    from mixer.exporting import handoff as said

    click.echo(said(mix, target, media), nl=False)
