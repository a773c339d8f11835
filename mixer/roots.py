"""Where a command finds what the user means: the data root, and the recipes that ship with mixer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mixer.errors import MissingFile

MINIATURES = Path(__file__).parent / "miniatures"
"""The tiny invented copies of every source's raw files, which a build without data uses."""


@dataclass(frozen=True)
class DataRoot:
    """The folder that holds the raw files, and whether the user gave it."""

    path: Path | None
    kind: Literal["given", "miniatures"]


def find_recipe(given: str) -> Path:
    """Give the file of a recipe: the path as given, else the shipped recipe of that name."""
    path = Path(given)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    for folder in (Path(__file__).parent / "recipes", Path(__file__).parents[1] / "recipes"):
        shipped = folder / f"{given}.yaml"
        if shipped.is_file():
            return shipped
    return path


def data_root(wanted: set[str], data: str | Path | None) -> DataRoot:
    """Choose the data root for the sources a recipe wants: as given, else ./data if it holds one, else the miniatures."""
    if str(data) == "miniatures":
        return DataRoot(MINIATURES, "miniatures")
    if data is not None:
        path = Path(data)
        if not path.is_dir():
            raise MissingFile(
                f"{path}: no such folder, which --data names; make it, or leave --data out for miniatures"
            )
        return DataRoot(path, "given")
    if not wanted:
        return DataRoot(None, "given")
    here = Path("data")
    if any((here / name).is_dir() for name in wanted):
        return DataRoot(here, "given")
    return DataRoot(MINIATURES, "miniatures")


def miniature_notice(data: str | Path | None) -> str:
    """Say that a command uses the miniatures, and how to name data if that was not asked for."""
    asked = data is not None
    return f"using the built-in miniatures{'' if asked else ': there is no data root (name yours with --data DIR)'}"
