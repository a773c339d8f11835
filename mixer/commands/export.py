"""Handing a finished mix to a trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from mixer.commands import options

_target = click.option("--for", "target", required=True, metavar="TARGET", help="The trainer or format.")


def _here(_context: click.Context, _parameter: click.Parameter, folder: Path | None) -> Path | None:
    from mixer.errors import UsageError
    from mixer.remote.path import is_remote, parsed

    if folder is not None and is_remote(parsed(folder)):
        raise UsageError(
            f"{parsed(folder)}: lies in an object store; copy the mix here, and send what is written after"
        )
    return folder


_mix = click.argument("mix", type=click.Path(path_type=Path, file_okay=False), callback=_here)


@click.command()
@_mix
@_target
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    callback=_here,
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
@click.option(
    "--separators",
    type=click.Choice(["refuse", "keep"]),
    default="refuse",
    show_default=True,
    help="Texts that hold what LLaVA's template parts turns by: beyond it, or written as they are.",
)
@click.option("--shards", type=click.IntRange(min=1), metavar="N", help="Cut its records into so many files.")
@click.option("--shard-records", type=click.IntRange(min=1), metavar="N", help="Or: so many records a file.")
@click.option("--shard-bytes", type=click.IntRange(min=1), metavar="N", help="Or: so many bytes of records a file.")
@click.option("--croissant", is_flag=True, help="Describe the files in croissant.json, too.")
@options.together(options.media, options.json, options.quiet)
def export(
    mix: Path, target: str, out: Path | None, inexpressible: Literal["error", "drop"],
    separators: Literal["refuse", "keep"], shards: int | None,
    shard_records: int | None, shard_bytes: int | None, croissant: bool,
    media: Path | None, as_json: bool, quiet: bool,
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
    beside = mix.resolve() if mix.name in ("", "..") else mix  # `.` has no place beside it
    made = write(
        mix,
        target,
        out or beside.with_name(f"{mix.resolve().name}-{target}"),
        inexpressible=inexpressible,
        separators=separators,
        cut=asked[0] if asked else None,
        media=media,
        described=croissant,
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
