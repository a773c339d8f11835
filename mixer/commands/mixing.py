"""The main job: build, plan, verify, diff."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mixer.commands import options

if TYPE_CHECKING:
    from mixer.processes import Engine
    from mixer.resolved import Part


class _Part(click.ParamType):  # type: ignore[type-arg]
    """A part, such as 2/5."""

    name = "part"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Part:
        from mixer.resolved import Part

        number, _, of = str(value).partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            self.fail(f"expected a part such as 2/5, got {value!r}", param, ctx)
        return Part(int(number), int(of))


@click.command()
@options.recipe
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    callback=options.anywhere,
    metavar="DIR|URL",
    envvar="MIXER_OUT",
    show_envvar=True,
    help="Folder of the mix; one in an object store takes many, each in a folder of its id. Default: out/<name>.",
)
@options.planning
@click.option(
    "--memory",
    metavar="SIZE",
    envvar="MIXER_MEMORY",
    show_envvar=True,
    help="Memory to count on, such as 8GB: larger sources are mixed through buckets on disk. Changes no byte. "
    "Default: what is left.",
)
@click.option("--dry-run", is_flag=True, help="Only plan: the same as `mixer plan`.")
@click.option(
    "--part",
    type=_Part(),
    metavar="I/N",
    help="Only convert this share of the raw files, for a build that puts all together; the parts share the store.",
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="What runs the work: processes of this machine, or a Ray cluster that shares raw files and store. "
    "Changes no byte.",
)
@click.option("--address", metavar="HOST:PORT", help="Of the Ray cluster. Default: Ray on this machine.")
@click.option("--merge", is_flag=True, help="Build of what the parts converted; what none has is converted now.")
@click.option("--locked", is_flag=True, help="Refuse raw files or a recipe other than those of the mix at --out.")
def build(
    recipe: str, out: Path | None, seed: int | None, size: int | None, as_json: bool, memory: str | None,
    dry_run: bool, locked: bool, part: Part | None, merge: bool,
    engine: str, address: str | None, data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
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
    settings = options.settings(data, media, cache, workers, quiet)
    if part is not None and merge:
        raise click.UsageError("--part converts a share, and --merge builds of all: name one of them")
    if address is not None and engine != "ray":
        raise click.UsageError("--address is of a Ray cluster: say --engine ray, too")
    if part is not None:
        spans, made = plans.prepare(loaded, part, **settings)
        if not quiet:
            click.echo(
                f"part {part.number}/{part.of}: converted {made:,} of {spans:,} spans; put all parts together with --merge"
            )
        return
    if dry_run:
        planned = plans.plan(loaded, **settings)
        click.echo(reports.plan_json(planned) if as_json else reports.plan_text(planned))
        return
    with _engine(engine, address, settings["workers"]) as running:
        mix = building.build(loaded, out, memory=limit, locked=locked, **{**settings, "workers": running})
    if as_json:
        click.echo(reports.mix_json(mix))
    elif not quiet:
        click.echo(reports.mix_text(mix))


@contextmanager
def _engine(name: str, address: str | None, workers: int) -> Iterator[int | Engine]:
    """Give what runs the work: so many processes, or a cluster that is left again."""
    if name == "processes":
        yield workers
        return
    from mixer.ray_engine import RayEngine

    with RayEngine(address) as engine:
        yield engine


@click.command()
@options.recipe
@options.planning
def plan(
    recipe: str, seed: int | None, size: int | None, as_json: bool,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Say exactly what a build would put in: per source what is read, lost and taken. Writes nothing but the store."""
    from mixer import plans, reports
    from mixer.recipe import load_recipe
    from mixer.roots import find_recipe

    loaded = load_recipe(find_recipe(recipe), seed=seed, size=size)
    planned = plans.plan(loaded, **options.settings(data, media, cache, workers, quiet))
    click.echo(reports.plan_json(planned) if as_json else reports.plan_text(planned))


@click.command()
@click.argument("mix", type=click.Path(path_type=Path))
@options.json
@options.quiet
def verify(mix: Path, as_json: bool, quiet: bool) -> None:
    """Check a mix against its manifest: every file's hash, every record, every count.

    MIX is a folder, or a URL such as s3://bucket/mixes/name: of the newest mix there, or of one mix.
    """
    from mixer.progress import bars, silent
    from mixer.remote.path import parsed
    from mixer.verifying import verify as check

    mix = parsed(mix)
    verified = check(mix, progress=silent if quiet else bars)
    if as_json:
        click.echo(
            json.dumps({"mix": str(mix), "mix_id": verified.mix_id, "problems": list(verified.problems)}, indent=2)
        )
    elif not verified.problems and not quiet:
        click.echo(f"{mix}: {verified.records:,} records verified, mix {verified.mix_id[:16]}")
    if verified.problems and not as_json:
        for problem in verified.problems:
            options.complain(f"{click.style('error:', fg='red')} {problem}")
    sys.exit(1 if verified.problems else 0)


@click.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@options.json
def diff(a: Path, b: Path, as_json: bool) -> None:
    """Explain how two mixes differ: sources, amounts, records, order, and why. Exit code 0: the same, 1: different."""
    from mixer import comparing_text, reports
    from mixer.comparing import diff as compare

    difference = compare(a, b)
    click.echo(reports.diff_json(difference) if as_json else comparing_text.text(difference))
    sys.exit(0 if difference.same else 1)
