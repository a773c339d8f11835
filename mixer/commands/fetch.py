"""Published files, fetched into the data root."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from mixer.commands import options

if TYPE_CHECKING:
    from mixer.fetching import Plan

LARGE = 10_000_000_000
"""Bytes from which even annotations are not fetched without a word: such files hold the media, too."""


@click.command()
@click.argument("given", metavar="RECIPE|SOURCE...", nargs=-1, required=True)
@click.option(
    "--option", "given_options", multiple=True, metavar="KEY=VALUE", help="An option of the sources; may be repeated."
)
@click.option("--media", "with_media", is_flag=True, help="Fetch the archives of images, videos and sounds, too.")
@click.option("--yes", is_flag=True, help="Do not ask before large downloads.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and change nothing.")
@click.option("--locked", is_flag=True, help="Take nothing that fetched.json does not have.")
@click.option("--update", is_flag=True, help="Take what is published now, not what fetched.json has.")
@click.option("--force", is_flag=True, help="Replace files that are there and differ.")
@click.option(
    "--data", metavar="DIR", envvar="MIXER_DATA", show_envvar=True, help="Folder to fetch into. Default: ./data."
)
@options.together(options.json, options.quiet)
def fetch(
    given: tuple[str, ...], given_options: tuple[str, ...], with_media: bool, yes: bool, dry_run: bool, locked: bool,
    update: bool, force: bool, data: str | None, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Download the annotation files that recipes or sources need, where they are openly published.

    They are checked, put where mixer looks for them, and recorded in fetched.json, so that the next fetch gets the same
    bytes. Exit code 1 if something is left to do by hand or could not be fetched.
    """
    from mixer import fetching
    from mixer.errors import UsageError
    from mixer.progress import bars, silent

    if locked and update:
        raise UsageError("--locked takes what fetched.json has and --update what it has not; choose one")
    root = fetching.root_for(data)
    say = options.say(quiet)
    with nullcontext() if dry_run else fetching.fetching(root, say):
        fetch = fetching.Fetch(root, silent if quiet else bars)
        rules = fetching.Rules(locked=locked, update=update, force=force)
        plan = fetch.plan(given, given_options, rules, with_media=with_media)
        _announce(plan, say if not as_json else options.say(quiet=True))
        placed: list[str] = []
        if not dry_run and plan.to_fetch:
            _ask(plan, with_media=with_media, yes=yes)
            placed = fetch.run(plan)
    if as_json:
        click.echo(json.dumps(_values(plan, placed), indent=2, ensure_ascii=False))
    elif not quiet:
        _tell(plan, placed, dry_run=dry_run)
    for line in plan.failed:
        options.complain(f"{click.style('error:', fg='red')} {line}")
    sys.exit(1 if plan.failed or plan.by_hand else 0)


def _announce(plan: Plan, say: Any) -> None:
    """Say what is due and how large it is, before any of it is fetched."""
    from mixer.tables import size, table

    for repo, commit in sorted(plan.commits.items()):
        say(f"{repo}: no commit is pinned; taking {commit}")
    due = plan.to_fetch
    if not due:
        return
    rows = [[item.target, "?" if item.remote.size is None else size(item.remote.size), item.remote.url] for item in due]
    unknown = sum(item.remote.size is None for item in due)
    total = size(sum(item.remote.size or 0 for item in due)) + (f" and {unknown} of unknown size" if unknown else "")
    say(table(["file", "size", "<from"], rows, total=[f"{len(due)} to fetch", total, ""]))


def _ask(plan: Plan, *, with_media: bool, yes: bool) -> None:
    """Ask before media and other large downloads. Raises UsageError where nobody can be asked."""
    from mixer.errors import UsageError
    from mixer.tables import size

    total = sum(item.remote.size or 0 for item in plan.to_fetch)
    if yes or not (with_media or total >= LARGE):
        return
    question = f"fetch {len(plan.to_fetch)} files, {size(total)}"
    if not _is_answered():
        raise UsageError(f"{question}: say --yes to do so")
    if not click.confirm(f"{question}?", err=True):
        raise UsageError("nothing was fetched")


def _is_answered() -> bool:
    """Say whether somebody can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def _tell(plan: Plan, placed: list[str], *, dry_run: bool) -> None:
    there = sum(item.state == "there" for item in plan.items)
    unchecked = len(plan.there) + sum(item.state == "unchecked" for item in plan.items)
    done = f"{len(plan.to_fetch)} to fetch" if dry_run else f"{len(placed)} fetched"
    click.echo(
        f"{done}, {there} there and right"
        + (f", {unchecked} there, which nothing is known to check by" if unchecked else "")
    )
    for title, lines in (("to unpack:", plan.unpack), ("to do by hand:", plan.by_hand)):
        if lines:
            click.echo("\n".join([title, *(f"- {line}" for line in lines)]))


def _values(plan: Plan, placed: list[str]) -> dict[str, Any]:
    return {
        "files": [
            {
                "path": item.target,
                "state": item.state,
                "url": item.remote.url,
                "size": item.remote.size,
                "sha256": item.remote.known.sha256,
                "gives": list(item.members) or [item.target],
            }
            for item in plan.items
        ],
        "fetched": placed,
        "elsewhere": plan.there,
        "by_hand": plan.by_hand,
        "unpack": plan.unpack,
        "commits": dict(sorted(plan.commits.items())),
        "failed": plan.failed,
    }
