"""Reading a mix by eye."""

from __future__ import annotations

from pathlib import Path

import click

from mixer.commands import options

FIRST = 10
"""Records that are printed where no file is named."""


@click.command()
@click.argument("mix", type=click.Path(path_type=Path))
@click.option(
    "--every", type=click.IntRange(min=1), metavar="N", help="Take the first of every N records. Default: 500."
)
@click.option("--n", "n", type=click.IntRange(min=1), metavar="N", help="Take N records, chosen by a hash, instead.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="With --n: choose other records. Default: 0.")
@click.option(
    "--source", "leaves", multiple=True, metavar="LEAF", help="Only records of this leaf or source; may be repeated."
)
@click.option(
    "-o",
    "--out",
    metavar="FILE",
    help=f"A .xlsx, .jsonl, .html or .md file; - prints all. Default: the first {FIRST} are printed.",
)
@click.option(
    "--media",
    type=click.Path(file_okay=False, path_type=Path),
    callback=options.anywhere,
    metavar="DIR|URL",
    envvar="MIXER_MEDIA",
    show_envvar=True,
    help="Root of images, of which .html shows small copies.",
)
@options.quiet
def sample(
    mix: Path, every: int | None, n: int | None, seed: int | None, leaves: tuple[str, ...], out: str | None,
    media: Path | None, quiet: bool,
) -> None:  # fmt: skip
    """Read a mix by eye: every 500th record of MIX, or some chosen by hash, as a workbook, a page, text or JSON Lines."""
    from mixer import sampling
    from mixer.errors import UsageError

    if every is not None and n is not None:
        raise UsageError("--every and --n: name one of them")
    if seed is not None and n is None:
        raise UsageError("--seed: chooses among --n records; name how many, or leave it out")
    to_screen = out is None or out == "-"
    if not to_screen:
        sampling.check(Path(str(out)), mix)
    choice = sampling.Choice(every or sampling.EVERY, n, seed or 0, leaves)
    taken = sampling.take(mix, choice, media)
    if to_screen:
        for text in sampling.text(taken, FIRST if out is None else None):
            click.echo(text)
        notes = [f"{taken.about.said}"]
        if out is None and taken.about.taken > FIRST:
            notes.append(f"these are the first {FIRST}; all of them: -o FILE, or -o -")
    else:
        notes = [f"{out}: {taken.about.said}", *sampling.write(taken, Path(str(out)))]
    for note in () if quiet else notes:
        click.echo(note, err=to_screen)
