"""The folder that embeddings are written to, part by part, so that a stopped run goes on where it was.

    <out>/
        model.json            what made them: hashes of the model's files, the tensor, its width, preprocessing, versions
        part-00000.parquet    sha256 of an image's bytes, its embedding; no content comes twice
        images.parquet        image path as in records, its folder, the sha256 of its content
        problems.jsonl        image paths without an embedding, and why

A part is written whole and never changed. Who runs again adds parts; what else the folder holds is brought up to date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer import atomic
from mixer.columns import read_columns, write_frame
from mixer.errors import DataError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

MODEL = "model.json"
IMAGES = "images.parquet"
PROBLEMS = "problems.jsonl"
_WRITING = ".embedding-in-writing"
"""A file on its way; whoever embeds holds a lock, so one name is enough, and what a kill left is written over."""
SAME = ("kind", "files", "tensor", "width", "preprocessing")
"""What must be the same of models whose embeddings lie in one folder."""
_PART = re.compile(r"part-\d{5,}\.parquet")


def parts(folder: Path) -> list[Path]:
    """List the parts in the order in which they were written."""
    found = [path for path in folder.iterdir() if _PART.fullmatch(path.name)]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def known(folder: Path) -> set[str]:
    """List the contents that have an embedding. Raises IntegrityError for a part that cannot be read."""
    return {content for part in parts(folder) for content in read_columns(part, ["sha256"])["sha256"]}


def model_of(folder: Path) -> dict[str, Any]:
    """Read what made the embeddings of a folder. Raises UsageError where it holds none, DataError where it is damaged."""
    path = folder / MODEL
    try:
        found = json.loads(path.read_bytes())
        widths = isinstance(found["width"], int) and all(name in found for name in SAME)
    except FileNotFoundError:
        raise UsageError(f"{folder}: is no folder of embeddings, since it has no {MODEL}") from None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}; embed anew into another folder") from error
    if not widths:
        raise DataError(f"{path}: expected {', '.join(SAME)}; embed anew into another folder")
    return dict(found)


def begin(folder: Path, model: Mapping[str, Any], settings: Mapping[str, Any], told: Callable[[str], None]) -> None:
    """Make the folder, or go on with one of the same model; `settings` are what may differ in the last digits.

    Raises UsageError where it holds something else, or another model's embeddings.
    """
    if folder.is_dir():
        (folder / _WRITING).unlink(missing_ok=True)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not folder.is_dir() or not (folder / MODEL).is_file():
            raise UsageError(f"--out {folder}: is no folder of embeddings; name another folder with --out")
        found = model_of(folder)
        for name in SAME:
            if found[name] != model[name]:
                raise UsageError(
                    f"--out {folder}: its embeddings are of another {_WORDS.get(name, name)}: "
                    f"expected {_short(model[name])}, got {_short(found[name])}; name another folder with --out"
                )
        made = list(found.get("made_with", []))
        if settings not in made and made:
            told(f"{folder}: was begun with {_short(made[-1])}: embeddings may differ from those in the last digits")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        made = []
    made += [dict(settings)] if settings not in made else []
    text = json.dumps({**{name: model[name] for name in SAME}, "made_with": made}, indent=1, ensure_ascii=False)
    _put(folder, MODEL, lambda path: path.write_bytes(text.encode() + b"\n"))


_WORDS = {"kind": "kind of model", "files": "model's files"}


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"


def add_part(folder: Path, contents: list[str], vectors: np.ndarray) -> None:
    """Write a part of (contents, width) float32."""
    import polars as pl

    last = parts(folder)
    number = int(last[-1].stem.removeprefix("part-")) + 1 if last else 0
    frame = pl.DataFrame([pl.Series("sha256", contents, dtype=pl.String), pl.Series("embedding", vectors)])
    _put(folder, f"part-{number:05}.parquet", partial(write_frame, frame))


def _put(folder: Path, name: str, write: Callable[[Path], object]) -> None:
    """Write a file so that it is seen whole or not at all."""
    write(folder / _WRITING)
    atomic.move_file(folder / _WRITING, folder / name)


def finish(folder: Path, images: pl.DataFrame, problems: Iterable[tuple[str, str]], asked: set[str]) -> None:
    """Write down the images (`path`, `folder`, `sha256`) and problems (path, reason) of a run.

    What the folder says of paths that were not `asked` for stays.
    """
    import polars as pl

    old = folder / IMAGES
    if old.is_file():
        before = read_columns(old, images.columns)
        images = pl.concat([before.filter(~pl.col("path").is_in(list(asked))), images])
    _put(folder, IMAGES, partial(write_frame, images.unique().sort(images.columns)))
    kept = [each for each in read_problems(folder) if each[0] not in asked]
    lines = [
        json.dumps({"path": path, "reason": reason}, ensure_ascii=False) + "\n"
        for path, reason in sorted({*kept, *problems})
    ]
    _put(folder, PROBLEMS, lambda path: path.write_bytes("".join(lines).encode()))


def read_problems(folder: Path) -> list[tuple[str, str]]:
    """List image paths that have no embedding, and why. Raises DataError for a list that cannot be read."""
    path = folder / PROBLEMS
    if not path.is_file():
        return []
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        return [(str(row["path"]), str(row["reason"])) for row in rows]
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path}: cannot be read: {error}; remove it") from error
