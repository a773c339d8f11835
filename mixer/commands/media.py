"""Media: the list of files that a training run needs, and running a repair list."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixer.commands import options

if TYPE_CHECKING:
    from mixer.auditing.transfer import Needed


@click.command()
@click.argument("given", metavar="MIX|RECIPE|SOURCE")
@click.option("-0", "--null", is_flag=True, help="End each path with NUL instead of a newline, as rsync --from0 reads.")
@click.option(
    "--embedded",
    is_flag=True,
    help="List the media that came with the annotations instead; they lie in the mix's own folder `media`.",
)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the list there."
)
@options.of_source
@options.together(options.data, options.media, options.cache, options.workers, options.json, options.quiet)
def media(
    given: str, null: bool, embedded: bool, out: Path | None, source_options: tuple[str, ...], path: Path | None,
    as_json: bool, data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """List the media files that a mix names, sorted, one a line, relative to the media root.

    For `rsync -r --files-from=LIST MEDIA/ HOST:MEDIA/`. How many and how large they are is said on standard error. Exit
    code 1 if some are missing below the folder that --media names.
    """
    from mixer import collection
    from mixer.auditing import transfer
    from mixer.roots import media_root

    media_root(media)
    settings = options.settings(data, media, cache, workers, quiet)
    found = collection.find(given, options=source_options, path=path, **settings)
    outside, inside = transfer.needed(found)
    chosen = inside if embedded else outside
    if as_json:
        click.echo(json.dumps(_values(outside, inside, chosen), indent=2, ensure_ascii=False))
    else:
        _write(transfer.blocks(chosen.paths, null=null), out)
        _tell(outside, inside, options.say(quiet))
    sys.exit(1 if media is not None and outside.missing else 0)


def _write(blocks: Iterable[bytes], out: Path | None) -> None:
    if out is None:
        for block in blocks:
            click.echo(block, nl=False)
        return
    from mixer import atomic

    with atomic.replacing_file(out) as file:
        for block in blocks:
            file.write(block)


def _values(outside: Needed, inside: Needed, chosen: Needed) -> dict[str, Any]:
    return {
        "files": outside.paths.len(),
        "bytes": outside.bytes if outside.looked else None,
        "missing": outside.missing if outside.looked else None,
        "folders": outside.folders if outside.looked else None,
        "embedded": {"files": inside.paths.len(), "bytes": inside.bytes},
        "paths": chosen.paths.to_list(),
    }


def _tell(outside: Needed, inside: Needed, say: Callable[[str], None]) -> None:
    from mixer.tables import size

    about = f"{size(outside.bytes)}" if outside.looked else "of unknown size: name their root with --media DIR"
    say(f"{outside.paths.len():,} media files, {about}")
    if outside.missing:
        say(f"{outside.missing:,} of them are missing; see `mixer check`")
    if outside.folders:
        say(f"{outside.folders:,} of them are folders: rsync needs -r")
    if inside.paths.len():
        say(
            f"{inside.paths.len():,} more, {size(inside.bytes)}, came with the annotations: copy the folder `media` too"
        )


@click.command()
@click.argument("repairs", metavar="LIST", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--media",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    envvar="MIXER_MEDIA",
    show_envvar=True,
    required=True,
    help="Root of the media, on this machine; nothing outside of it is touched.",
)
@click.option(
    "--backup",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the originals of what is encoded again are kept. Needed unless --dry-run.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@options.together(options.json, options.quiet)
def repair(repairs: Path, media: Path, backup: Path | None, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Run a repair list that `mixer check` wrote: rename and re-encode media so that they are what their names say.

    Nothing is deleted: for what can only be dropped, give the list to a recipe's `exclude`. Exit code 1 if something
    could not be done.
    """
    from mixer.auditing import repairing
    from mixer.auditing.repairs import read
    from mixer.progress import bars, silent

    entries = list(read(repairs))
    with (silent if quiet else bars)("repairing", len(entries), "files") as advance:
        done = repairing.run(entries, media, backup, dry_run=dry_run, advance=advance)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **vars(done)}, indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo("would be done:" if dry_run else "done:")
        for count, words in (
            (done.renamed, "got the name that records use"),
            (done.reencoded, "encoded again as what their names say"),
            (done.right, "right already"),
            (done.dropped, "to be dropped: give the list to a recipe's `exclude`"),
        ):
            click.echo(f"  {count:,} {words}")
    for line in done.failed if not as_json else ():
        options.complain(f"{click.style('error:', fg='red')} {line}")
    sys.exit(1 if done.failed else 0)
