"""The catalogue as a user sees it: each source with its files, whether they are there, its options and an example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixer import sources
from mixer.rawfiles import found_files
from mixer.sources import Options, Source


@dataclass(frozen=True)
class Listed:
    """One source of the catalogue."""

    name: str
    title: str
    modality: str
    task: str
    language: str
    licence: str
    terms: tuple[str, ...]
    homepage: str
    note: str
    records: int | None
    files: dict[str, bool]
    """Published path -> whether the data root has it."""
    default: frozenset[str]
    """Those that the default options read."""
    media: tuple[str, ...]
    pictures: str
    """When it needs the sizes of images from the media root: `always`, or the options that ask for them; else empty."""
    options: dict[str, str]
    """Option -> its type, default and meaning."""
    example: dict[str, Any] | None

    @property
    def found(self) -> str:
        """Say how many of the files that the default options read are there."""
        if not self.files:
            return "your own file"
        have = sum(self.files[path] for path in self.default)
        others = sum(self.files.values()) - have
        if have == len(self.default):
            return "all files"
        return f"{others} of other options" if others and not have else f"{have} of {len(self.default)} files"

    def as_json(self) -> dict[str, Any]:
        """Give the entry as plain JSON values."""
        names = ("name", "title", "modality", "task", "language", "licence", "homepage", "note", "records")
        return {
            **{name: getattr(self, name) for name in names},
            "terms": list(self.terms),
            "files": list(self.files),
            "default_files": sorted(self.default),
            "found": [path for path, there in self.files.items() if there],
            "missing": [path for path, there in self.files.items() if not there],
            "media": list(self.media),
            "sizes_of_images": self.pictures,
            "options": self.options,
        }


def listed(name: str, root: Path | None, example: dict[str, Any] | None = None) -> Listed:
    """Describe one source. Raises UsageError for an unknown name."""
    source = sources.get(name)
    return Listed(
        name=name,
        title=source.title,
        modality=source.modality,
        task=source.task,
        language=source.language,
        licence=source.licence,
        terms=source.terms,
        homepage=source.homepage,
        note=source.note,
        records=source.records,
        files={} if source.own_path else found_files(source, root),
        default=frozenset(_default_files(source)),
        media=source.media,
        pictures=_pictures(source),
        options=describe_options(source.options),
        example=example,
    )


def _default_files(source: Source) -> Iterator[str]:
    options = source.options()
    yield from (file.path for file in source.every_file(options))
    yield from (lookup.file.path for _, lookup in source.used_lookups(options))


def _pictures(source: Source) -> str:
    if source.pictures is None:
        return ""
    return ", ".join(f"{name}={value}" for name, value in source.pictures.when.items()) or "always"


def describe_options(model: type[Options]) -> dict[str, str]:
    """Say of each option what it takes, what it is by default, and what it means."""
    described = {}
    for name, about in model.model_json_schema().get("properties", {}).items():
        choices = about.get("enum") or about.get("items", {}).get("enum")
        takes = " | ".join(map(str, choices)) if choices else about.get("type", "any")
        default = about.get("default")
        shown = ", ".join(map(str, default)) if isinstance(default, list) else default
        described[name] = f"{takes} (default {shown}) {about.get('description', '')}".rstrip()
    return described
