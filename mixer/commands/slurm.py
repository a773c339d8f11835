"""A build as jobs of Slurm."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from mixer.commands import options


@click.command()
@options.recipe
@click.option("--parts", type=click.IntRange(1, 10_000), default=16, show_default=True, help="Jobs of the array.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the mix. Default: out/<name>."
)
@click.option("--cpus", type=click.IntRange(min=1), default=8, show_default=True, help="Cores of each job.")
@click.option(
    "--memory", default="16G", show_default=True, metavar="SIZE", help="Memory of each job, as Slurm writes it."
)
@click.option("--time", default="04:00:00", show_default=True, metavar="LIMIT", help="Time limit of each job.")
@click.option("--sbatch", "more", multiple=True, metavar="OPTION", help="Option of sbatch, such as --partition=cpu.")
@options.together(options.data, options.media, options.cache, options.seed, options.size)
def slurm(
    recipe: str, parts: int, out: Path | None, cpus: int, memory: str, time: str, more: tuple[str, ...],
    data: str | None, media: Path | None, cache: Path | None, seed: int | None, size: int | None,
) -> None:  # fmt: skip
    """Print a script that submits a build to Slurm: an array of jobs that convert, and one that puts all together.

    Run it with bash. The nodes must see the raw files, the store (--cache) and the folder of the mix at the same paths.
    """
    from mixer.errors import UsageError
    from mixer.recipe import load_recipe
    from mixer.remote.path import is_remote, parsed
    from mixer.roots import find_recipe

    if cache is None or is_remote(cache):
        raise UsageError("slurm: the jobs share a store: name a folder that every node sees with --cache DIR")
    found = find_recipe(recipe)
    load_recipe(found, seed=seed, size=size)
    shared = {
        "--data": data if data in (None, "miniatures") else parsed(data).absolute(),
        "--media": media and media.absolute(),
        "--cache": cache.absolute(),
        "--seed": seed,
        "--size": size,
    }
    build: list[object] = ["mixer", "build", found.absolute()]
    build += [word for name, value in shared.items() if value is not None for word in (name, value)]
    target = ["--out", parsed(out).absolute()] if out else []
    ask = [
        "sbatch",
        "--parsable",
        "--export=ALL",
        f"--cpus-per-task={cpus}",
        f"--mem={memory}",
        f"--time={time}",
        *more,
    ]
    convert = f"{_line(build)} --workers {cpus} --part $SLURM_ARRAY_TASK_ID/{parts} --quiet"
    merge = f"{_line([*build, *target])} --workers {cpus} --merge"
    click.echo(
        "\n".join(
            [
                "#!/usr/bin/env bash",
                "# Submits a build: run it with bash. A job that fails may be submitted again: what is done stays done.",
                "set -euo pipefail",
                f"array=$({_line(ask)} --job-name=mixer-convert --array=1-{parts} --wrap {shlex.quote(convert)})",
                f'{_line(ask)} --job-name=mixer-merge --dependency="afterok:${{array%%;*}}" --wrap {shlex.quote(merge)}',
            ]
        )
    )


def _line(words: Sequence[object]) -> str:
    return shlex.join(map(str, words))
