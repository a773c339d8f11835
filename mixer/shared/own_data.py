"""The user's own records in LLaVA's format: what may be absent, called otherwise or absolute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from pydantic import Field

from mixer.conversation import AUDIO, HUMAN, IMAGE, VIDEO, Conversation, Labelled, Labels, Turn, content_id, media
from mixer.sources import Options

Column = Literal[
    "id", "image", "video", "audio", "conversations", "from", "value", "subset", "split", "task", "language"
]
_OPTIONAL: tuple[Column, ...] = ("id", "image", "video", "audio")
_MEDIA: dict[Column, str] = {"image": IMAGE, "video": VIDEO, "audio": AUDIO}
_LABELS = ("subset", "split", "task", "language")


class OwnOptions(Options):
    """How the user's records differ from LLaVA's."""

    columns: dict[Column, str] = Field(
        default_factory=dict, description="What our columns are called in the file. Those not named keep their name."
    )
    media_strip: str = Field(default="", description="Folder cut from the front of media paths, for absolute ones.")


class OwnRecord(msgspec.Struct):
    """A LLaVA record of which only `conversations` must be there. Other keys are ignored."""

    conversations: list[Turn]
    id: str | int | None = None
    image: str | list[str] | None = None
    video: str | None = None
    audio: str | list[str] | None = None
    chosen: Any = None
    """Of a preference pair as mixer writes them: the better answer, which is its reply here."""


class _Mapped(OwnRecord):
    subset: str | None = None
    split: str | None = None
    task: str | None = None
    language: str | None = None


def raw_type(options: OwnOptions) -> type:
    """Say how records are decoded: typed at once, or as plain JSON where columns have other names."""
    return dict if options.columns else OwnRecord


def convert(raw: OwnRecord | dict[str, Any], options: OwnOptions) -> Conversation | Labelled:
    """Pass a record through, its columns and media paths as the options say. Raises ValidationError: it is bad."""
    if isinstance(raw, OwnRecord):
        return _conversation(raw, options.media_strip)
    mapped = _mapped(raw, options.columns)
    labels = Labels(mapped.subset, mapped.split, mapped.task, mapped.language)
    return Labelled(_conversation(mapped, options.media_strip), labels)


def _conversation(raw: OwnRecord, strip: str) -> Conversation:
    if raw.chosen is not None and raw.conversations and raw.conversations[-1].from_ == HUMAN:
        raw.conversations = [*raw.conversations, msgspec.convert(raw.chosen, Turn)]
    record = Conversation(
        id="" if raw.id is None else str(raw.id),
        image=_paths(raw.image, strip),
        video=raw.video and path_below(raw.video, strip),
        audio=_paths(raw.audio, strip),
        conversations=raw.conversations,
    )
    if raw.id is None:
        record.id = content_id(next(iter(media(record)), "text"), record)
    return record


def _paths(given: str | list[str] | None, strip: str) -> str | list[str] | None:
    """An empty list means no medium, a list of one means that one."""
    if not strip and not isinstance(given, list):  # by far the most common
        return given
    if not isinstance(given, list):
        return given and path_below(given, strip)
    paths = [path_below(path, strip) for path in given]
    return paths if len(paths) > 1 else next(iter(paths), None)


def path_below(path: str, strip: str) -> str:
    """Cut a folder from the front of a path, if it is there."""
    folder = strip.rstrip("/") + "/"
    return path[len(folder) :].lstrip("/") if strip and path.startswith(folder) else path


def _mapped(raw: Mapping[str, Any], columns: Mapping[Column, str]) -> _Mapped:
    turns = msgspec.convert(_column(raw, columns, "conversations"), list[dict[str, Any]])
    fields: dict[str, Any] = {
        "conversations": [
            {"from": _column(turn, columns, "from"), "value": _column(turn, columns, "value")} for turn in turns
        ]
    }
    for name in _OPTIONAL:
        fields[name] = raw.get(columns.get(name, name))
    for name in columns:
        if name in ("id", *_LABELS):
            fields[name] = _column(raw, columns, name)
    record = msgspec.convert(fields, _Mapped)
    text = "".join(turn.value for turn in record.conversations)
    for name, token in _MEDIA.items():
        if name in columns and token in text:  # a text record of a mixed file has neither the column nor a placeholder
            _column(raw, columns, name)
    return record


def _column(found: Mapping[str, Any], columns: Mapping[Column, str], name: Column) -> Any:
    given = columns.get(name, name)
    if given not in found:
        raise msgspec.ValidationError(f"no column {given!r} for {name!r}; columns found: {', '.join(found)}")
    return found[given]
