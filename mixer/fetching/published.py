"""Where the files of each source are openly published: the table published.yaml, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter

from mixer import sources
from mixer.sources import Source

TABLE = Path(__file__).parent / "published.yaml"

Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


def _same_path(files: Any) -> Any:
    return {path: path for path in files} if isinstance(files, list) else files


Files = Annotated[dict[str, str], BeforeValidator(_same_path)]
"""Published path -> path where it is published, or the same for both in a list."""


class _Entry(BaseModel):
    """What all kinds of publication have: the published paths that they give."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    files: Files = Field(default_factory=dict)
    """Empty in the table: all paths of the source that no other entry gives."""
    place: str | None = Field(default=None, alias="in")
    """Of media: the folder below the media root in which the archive is to be unpacked."""


class Known(BaseModel):
    """What is known of a file's bytes before they are fetched."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    size: Annotated[int, Field(ge=0)] | None = None
    sha256: Sha256 | None = None
    md5: Md5 | None = None
    git: str | None = None
    """The id that git gives its content."""

    @property
    def is_hash(self) -> bool:
        """Say whether the bytes can be told from all others."""
        return bool(self.sha256 or self.md5 or self.git)


class OnHub(_Entry, Known):
    """Files of a dataset repository of the Hugging Face hub."""

    hub: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Commit | None
    """None: no commit is known, so the current one is taken once and recorded."""
    branch: str | None = None

    @property
    def page(self) -> str:
        """Give the page where its terms are accepted."""
        return f"https://huggingface.co/datasets/{self.hub}"


class AtUrl(_Entry, Known):
    """One file at an address of its own."""

    url: str
    kept_as: str | None = Field(default=None, alias="as")
    unpack: bool = False

    @property
    def name(self) -> str:
        """Give the last part of the address."""
        return PurePosixPath(self.url.partition("?")[0]).name


class ByHand(_Entry):
    """Files that no program can get."""

    manual: str


class Inside(_Entry):
    """Media that come with the annotations."""

    inside: Literal[True]


Publication = OnHub | AtUrl | ByHand
Archive = OnHub | AtUrl | Inside


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    sources: dict[str, list[Publication]]
    media: dict[str, Archive]


@cache
def _table() -> _Table:
    return TypeAdapter(_Table).validate_python(yaml.safe_load(TABLE.read_text(encoding="utf-8")))


def every_path(source: Source) -> list[str]:
    """List the published paths of a source that it publishes itself, in declared order, each once."""
    joined = [join.file for join in source.grouping.joins] if source.grouping else []
    looked = [lookup.file for lookup in source.lookups if lookup.source in (None, source.name)]
    return list(dict.fromkeys(file.path for file in (*source.files, *joined, *looked)))


def publications(name: str) -> list[Publication]:
    """List where the files of a source are published, each publication with all the published paths it gives."""
    entries = _table().sources.get(name, [])
    told = {path for entry in entries for path in entry.files}
    rest = _same_path([path for path in every_path(sources.get(name)) if path not in told])
    return [entry if entry.files else entry.model_copy(update={"files": rest}) for entry in entries]


def listed() -> tuple[Mapping[str, list[Publication]], Mapping[str, Archive]]:
    """Give the table as it is written: the publications of each source, and the archives of each media folder."""
    return _table().sources, _table().media


def archives(folders: Iterable[str]) -> tuple[dict[str, Archive], list[str]]:
    """Give the archives of folders of media by the folder in which each is unpacked; and the folders that have none."""
    found: dict[str, Archive] = {}
    lost = []
    for folder in folders:
        named = [(key, entry) for key, entry in _table().media.items() if fnmatchcase(folder, key)]
        if not named:
            lost.append(folder)
        for _, entry in named:
            found.setdefault(folder, entry)
    return found, lost
