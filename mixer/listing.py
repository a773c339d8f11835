"""The catalogue as a user sees it: each source with its files, whether they are there, its options and an example."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mixer import sources
from mixer.rawfiles import found_files
from mixer.sources import Options


@dataclass(frozen=True)
class Listed:
    """One source of the catalogue."""

    name: str
    title: str
    modality: str
    task: str
    language: str
    licence: str
    homepage: str
    records: int | None
    files: dict[str, bool]
    """Published path -> whether the data root has it."""
    media: tuple[str, ...]
    options: dict[str, str]
    """Option -> its type, default and meaning."""
    example: dict[str, Any] | None

    @property
    def found(self) -> str:
        """Say how many of its files are there."""
        if not self.files:
            return "your own file"
        return f"{sum(self.files.values())} of {len(self.files)} files"

    def as_json(self) -> dict[str, Any]:
        """Give the entry as plain JSON values."""
        names = ("name", "title", "modality", "task", "language", "licence", "homepage", "records")
        return {
            **{name: getattr(self, name) for name in names},
            "files": list(self.files),
            "found": [path for path, there in self.files.items() if there],
            "missing": [path for path, there in self.files.items() if not there],
            "media": list(self.media),
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
        homepage=source.homepage,
        records=source.records,
        files={} if source.own_path else found_files(source, root),
        media=source.media,
        options=describe_options(source.options),
        example=example,
    )


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
