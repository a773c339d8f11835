"""The report of a mix, as a page."""

from __future__ import annotations

from pathlib import Path

import click

from mixer.commands import options


@click.command()
@click.argument("mix", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE", default="report.html", show_default=True,
    help="The page.",
)  # fmt: skip
@click.option(
    "--media", type=click.Path(file_okay=False, path_type=Path), callback=options.anywhere, metavar="DIR|URL",
    envvar="MIXER_MEDIA", show_envvar=True,
    help="Root of the media that records name: small copies of their pictures become part of the page.",
)  # fmt: skip
@click.option(
    "--records", type=click.IntRange(0, 5000), default=200, show_default=True, metavar="N",
    help="Records to show, spread evenly over the sources.",
)  # fmt: skip
@click.option(
    "--images", type=click.IntRange(min=0), default=150, show_default=True, metavar="N",
    help="Pictures to show, at most; each takes up to 24 kB of the page.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
    help="Another number shows other records.",
)  # fmt: skip
@options.quiet
def report(mix: Path, out: Path, media: Path | None, records: int, images: int, seed: int, quiet: bool) -> None:
    """Tell what is in a mix on one page that works offline: sources, amounts, losses, lengths, licences, records."""
    from mixer import reporting, tables
    from mixer.progress import bars, silent

    reporting.check(out, mix)
    made = reporting.report(
        mix, media=media, records=records, images=images, seed=seed, progress=silent if quiet else bars
    )
    reporting.write(made, out, mix)
    for note in made.notes:
        options.complain(note)
    if not quiet:
        click.echo(f"{out}: {made.records:,} records shown, {tables.size(len(made.html))}")
