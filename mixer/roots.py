"""Where a command finds what the user means: the data root, and the recipes that ship with mixer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mixer.errors import MissingFile
from mixer.remote.path import parsed

MINIATURES = Path(__file__).parent / "miniatures"
"""The tiny invented copies of every source's raw files, which a build without data uses."""


MEDIA = "media"
"""Folder of a data root that holds the media, unless another one is named."""


@dataclass(frozen=True)
class DataRoot:
    """The folder that holds the raw files, and whether the user gave it."""

    path: Path | None
    kind: Literal["given", "miniatures"]
    media: Path | None = None
    """The media root, if there is one."""


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


def data_root(wanted: set[str], data: str | Path | None, media: Path | None = None) -> DataRoot:
    """Choose the data root for the sources a recipe wants: as given, else ./data if it holds one, else the miniatures.

    The media root is as given, else the folder `media` of the data root. Raises MissingFile for a folder that is none.
    """
    media = media_root(media)
    root = _data_root(wanted, data)
    if media is None and root.path is not None and (root.path / MEDIA).is_dir():
        media = root.path / MEDIA
    return replace(root, media=media)


def media_root(media: str | Path | None) -> Path | None:
    """Give a media root, here or in an object store, as the user names it. Raises MissingFile for one that is none."""
    return None if media is None else _folder(media, "--media names")


def _data_root(wanted: set[str], data: str | Path | None) -> DataRoot:
    if str(data) == "miniatures":
        return DataRoot(MINIATURES, "miniatures")
    if data is not None:
        return DataRoot(_folder(data, "--data names; make it, or leave --data out for miniatures"), "given")
    if not wanted:
        return DataRoot(None, "given")
    here = Path("data")
    if any((here / name).is_dir() for name in wanted):
        return DataRoot(here, "given")
    return DataRoot(MINIATURES, "miniatures")


def _folder(given: str | Path, named: str) -> Path:
    """Give a folder of this machine or of an object store. Raises MissingFile for one that is none."""
    path = parsed(given)
    if not path.is_dir():
        raise MissingFile(f"{path}: no such folder, which {named}")
    return path


def miniature_notice(data: str | Path | None) -> str:
    """Say that a command uses the miniatures, and how to name data if that was not asked for."""
    asked = data is not None
    return f"using the built-in miniatures{'' if asked else ': there is no data root (name yours with --data DIR)'}"
