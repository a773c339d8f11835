"""Clips of YouTube videos: their ids, and how files of them are named."""

from __future__ import annotations

from typing import Annotated

import msgspec

VideoId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{11}\Z")]
"""Eleven characters, often with a hyphen first, of which spreadsheets make `#NAME?`: such a record is bad."""
Seconds = Annotated[float, msgspec.Meta(ge=0)]


def padded(video: str, start: int) -> str:
    """Name a clip as VGG's downloaders do, by its video and its first second, `abcdefghijk_000030`."""
    return f"{video}_{start:06d}"
