"""Embeddings of images by a local model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mixer.commands import options as shared

if TYPE_CHECKING:
    from mixer.embedding.embedder import Summary


@click.command()
@click.argument("given", metavar="RECIPE|SOURCE|MIX")
@click.option(
    "--model",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the model: model.onnx, or config.json and model.safetensors; with its preprocessor_config.json.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of the embeddings; one that holds some goes on. Default: embeddings/<name of the model's folder>.",
)
@click.option(
    "--batch", type=click.IntRange(1, 4096), default=32, show_default=True, metavar="N",
    help="Images the model sees at once.",
)  # fmt: skip
@click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="What runs the model."
)
@click.option(
    "--tensor", metavar="NAME", help="Which output is the embedding. Default: the only one, or the usual one."
)
@shared.of_source
@shared.together(shared.data, shared.media, shared.cache, shared.workers, shared.json, shared.quiet)
def embed(
    given: str, model: Path, out: Path | None, batch: int, device: Literal["cpu", "cuda"], tensor: str | None,
    source_options: tuple[str, ...], path: Path | None, as_json: bool,
    data: str | None, media: Path | None, cache: Path | None, workers: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Compute an embedding for each distinct image of a recipe, a source or a mix, by its content.

    A run that was stopped goes on where it was. Images that cannot be embedded are told and listed in problems.jsonl.
    """
    from mixer import caching, collection
    from mixer.embedding import embedder, models

    choice = models.choose(model, tensor, device)
    settings = shared.settings(data, media, cache, workers, quiet)
    found = collection.find(given, options=source_options, path=path, **settings)
    target = out or Path("embeddings") / model.resolve().name
    try:
        summary = embedder.embed(
            found,
            choice,
            target,
            store=caching.folder(cache),
            batch=batch,
            workers=settings["workers"],
            progress=settings["progress"],
            told=settings["told"],
        )
    except KeyboardInterrupt as stopped:
        shared.complain(f"stopped; {target} keeps what was embedded, and the same command goes on there")
        click.get_current_context().exit(stopped.args[0] if stopped.args else 130)
    if as_json:
        click.echo(json.dumps(_values(summary), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(_text(summary))


def _values(summary: Summary) -> dict[str, object]:
    return {**vars(summary), "out": str(summary.out), "images_per_second": round(summary.speed, 2)}


def _text(summary: Summary) -> str:
    from mixer.tables import number, table

    lost = sum(summary.problems.values())
    counts = (summary.images, summary.contents, summary.known, summary.embedded, lost)
    lines = [
        table(["image paths", "contents", "known", "embedded", "without"], [list(map(number, counts))], left=0),
        *(f"{count:,} {reason}" for reason, count in summary.problems.items()),
        f"{summary.tensor}, width {summary.width}; {summary.speed:,.1f} images/s in {summary.seconds:,.1f} s",
        f"embeddings: {summary.out}",
    ]
    return "\n".join(lines)
