"""Targets whose records are shaped unlike a conversation: each is decoded, reshaped and encoded, in a folder of its own.

Also what such targets share: reasons why a record cannot be written, a video's placeholder where readers look for it,
media in plural lists, files that describe others, and the data card that tells a reader of JSON Lines their types.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from mixer import atomic
from mixer.conversation import VIDEO, Conversation, Turn, encode
from mixer.progress import Advance
from mixer.resolved import Kind
from mixer.writers import Job, Written
from mixer.writers.framing import Frame

if TYPE_CHECKING:
    import polars as pl

ARRAY = Frame(suffix=".json", head=b"[\n", join=b",\n", tail=b"\n]\n")
LINES = Frame(suffix=".jsonl", head=b"", join=b"\n", tail=b"\n")

MEDIA = ("images", "videos", "audios")
"""Keys of media in plural lists."""

Reshape = Callable[[Conversation], Any]
"""Gives what is written for a record, which it may change; None: the record as it is."""

_decode = msgspec.json.Decoder(Conversation).decode


def write(
    target: str, frame: Frame, job: Job, batches: Iterable[list[memoryview]], advance: Advance, reshape: Reshape | None
) -> list[Written]:
    """Write all records to the target's folder, which is made, one file a shard; no `reshape`: as they are.

    `advance` is told the bytes of conversations that were read.
    """
    folder = job.folder / target
    folder.mkdir()
    shaped = _reshaped(batches, reshape, advance)
    written = frame.write(replace(job, folder=folder), shaped, lambda _written: None)
    return [replace(file, path=f"{target}/{file.path}") for file in written]


def _reshaped(
    batches: Iterable[list[memoryview]], reshape: Reshape | None, advance: Advance
) -> Iterator[list[memoryview]]:
    for batch in batches:
        advance(sum(map(len, batch)))
        yield batch if reshape is None else [_line(line, reshape) for line in batch]


def _line(line: memoryview, reshape: Reshape) -> memoryview:
    shaped = reshape(_decode(line))
    return line if shaped is None else memoryview(encode(shaped))


def describe(target: str, job: Job, name: str, content: bytes) -> Written:
    """Write a file of the target's folder that only describes others."""
    atomic.write_file(job.folder / target / name, content)
    return Written(f"{target}/{name}", 0, len(content), hashlib.sha256(content).hexdigest())


def pretty(value: object) -> bytes:
    """Give JSON for people to read and edit."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


# --- what cannot be written ------------------------------------------------------------------------------------------


def first_reason(reasons: Mapping[str, pl.Expr]) -> pl.Expr:
    """Give the first reason whose condition holds for a record, or null."""
    import polars as pl

    return pl.coalesce([pl.when(holds).then(pl.lit(reason)) for reason, holds in reasons.items()])


def has_system(kind: Kind) -> pl.Expr:
    """Say whether records begin with a system message: rounds are pairs, and those of preference end with a question."""
    import polars as pl

    return pl.col("turns") % 2 == (1 if kind == "instruct" else 0)


# --- the shape of a record -------------------------------------------------------------------------------------------


def show_video_first(turns: list[Turn]) -> None:
    """Put the placeholder of a video in the first turn, where readers expect it, if it stands in a later one."""
    first, *later = turns
    for turn in later:
        before, found, after = turn.value.partition(VIDEO)
        if found:
            turn.value = before + (after.removeprefix("\n") if before[-1:] in ("", "\n") else after)
            first.value = f"{VIDEO}\n{first.value}"


def plural(record: Conversation) -> dict[str, list[str]]:
    """Give a record's media as the lists `images`, `videos` and `audios`, which are there even when they are empty."""
    given = {"images": record.image, "videos": record.video, "audios": record.audio}
    return {name: [] if path is None else [path] if isinstance(path, str) else path for name, path in given.items()}


# --- types of columns ------------------------------------------------------------------------------------------------

_TEXT = {"dtype": "string"}


def texts(*keys: str) -> list[dict[str, Any]]:
    """Declare an object of texts, or a list's items."""
    return [{"name": key, **_TEXT} for key in keys]


def data_card(columns: Mapping[str, Mapping[str, Any]], written: Iterable[Written]) -> bytes:
    """Give the README.md that makes a folder of JSON Lines a dataset of known types, read in the order of its shards.

    The library `datasets` takes types from the first 10 MB of a file. Where all of its records have an empty list
    there, it fails at the first path. `columns` are those that come besides `id` and the media's lists.
    """
    features: dict[str, Mapping[str, Any]] = {
        "id": _TEXT,
        **columns,
        **{name: {"sequence": "string"} for name in MEDIA},
    }
    files = [file.path.rsplit("/", 1)[1] for file in written]
    front = {
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": files}]}],
        "dataset_info": {"features": [{"name": name, **declared} for name, declared in features.items()]},
    }
    return b"---\n" + pretty(front) + b"---\n\nTypes and order of the files beside this one, for readers of datasets.\n"
