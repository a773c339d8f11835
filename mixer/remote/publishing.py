"""Mixes in an object store: a folder for each, which nobody changes once it is whole, and one pointer to the newest.

    <out>/<mix id>/...              the files of the mix; manifest.json is put last, and makes it one
    <out>/<mix id>/uploading.json   while it is sent: of which manifest the objects are
    <out>/latest.json               which mix is the newest: {"mix_id", "manifest_sha256", "path"}

A mix is built on this machine first. An upload that was cut short is finished by the next run, which sends only what is
missing. Readers that follow the pointer see the old mix or the new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from mixer import atomic, embedded, manifest
from mixer.errors import DataError, IntegrityError, UsageError
from mixer.manifest import IndexFile, Manifest, Removed
from mixer.progress import Progress
from mixer.remote import objects, sending
from mixer.remote.path import RemotePath

POINTER = "latest.json"
UPLOADING = "uploading.json"
_FOLDER = "mixes"
"""Of a store: where mixes are built that are sent elsewhere."""
_ID = frozenset("0123456789abcdef")


class Pointer(msgspec.Struct, frozen=True):
    """What `latest.json` holds."""

    mix_id: str
    manifest_sha256: str
    path: str
    """Of the mix's folder, beside the pointer."""


@contextmanager
def sending_to(target: RemotePath, store: Path, progress: Progress) -> Iterator[Path]:
    """Give an empty folder to build a mix in; on leaving without an error it is sent to its place below `target`."""
    with atomic.working_folder(store / _FOLDER) as folder:
        yield folder
        publish(folder, target, progress)


def refuse_mix(target: RemotePath) -> None:
    """Refuse a target that cannot take mixes, before any work. Raises UsageError, or DataError where nobody answers."""
    if objects.look(target / manifest.NAME) is not None:
        raise UsageError(f"--out {target}: is a mix itself; name the folder above it")


def publish(mix: Path, target: RemotePath, progress: Progress) -> RemotePath:
    """Send a finished mix, then point to it; give its folder there.

    A mix of the same id that is there is left as it is when it holds the same files. Raises IntegrityError when it does
    not, or when objects of it are missing, and DataError when something cannot be sent.
    """
    ours, content = manifest.load(mix), (mix / manifest.NAME).read_bytes()
    folder = target / ours.mix_id
    known = objects.content(folder / manifest.NAME)
    if known is None:
        _send(mix, content, folder, progress)
    else:
        _check_same(ours, manifest.parsed(known, folder / manifest.NAME), folder)
        content = known
    _point(target, Pointer(ours.mix_id, _sha256(content), ours.mix_id))
    return folder


def _send(mix: Path, content: bytes, folder: RemotePath, progress: Progress) -> None:
    names = [path.relative_to(mix).as_posix() for path in embedded.files(mix)]
    files = {name: mix / name for name in sorted(names) if name != manifest.NAME}
    mine = msgspec.json.encode({"manifest_sha256": _sha256(content)})
    # Objects of another manifest may have the size of ours, and are sent again.
    begun = objects.content(folder / UPLOADING) == mine
    if not begun:
        objects.put(folder / UPLOADING, mine)
        for name in objects.below(folder).keys() - files.keys() - {UPLOADING}:
            objects.remove(folder / name)
    sending.send(files, folder, f"sending {len(files):,} files", progress, keep=begun)
    if objects.content(folder / UPLOADING) != mine:
        raise IntegrityError(f"{folder}: another build sends other files there; wait for it and run again")
    objects.upload(mix / manifest.NAME, folder / manifest.NAME)
    with suppress(DataError):  # who may write need not be allowed to delete, and the manifest says that it is whole
        objects.remove(folder / UPLOADING)


def _check_same(ours: Manifest, theirs: Manifest, folder: RemotePath) -> None:
    """Raise IntegrityError unless a mix that is there holds what ours does; its index may be of another polars."""
    for name in ("outputs", "removed", "media"):
        if getattr(ours, name) != getattr(theirs, name):
            raise IntegrityError(
                f"{folder}: holds the same records with other {name}, and is never replaced; name another --out"
            )
    if (ours.croissant is None) != (theirs.croissant is None):
        raise IntegrityError(
            f"{folder}: holds the same records, with or without croissant.json, and is never replaced; name another --out"
        )
    problem = next(size_problems(theirs, folder), None)
    if problem:
        raise IntegrityError(f"{problem}; delete {folder}/ and build again")


def describing(known: Manifest) -> list[IndexFile | Removed]:
    """List the files that describe a mix beside its manifest."""
    return [file for file in (known.index, known.croissant, known.removed) if file is not None]


def size_problems(known: Manifest, folder: RemotePath) -> Iterator[str]:
    """Say which files of a mix are not there or not of their size, one line each."""
    there = objects.below(folder)
    for file in (*known.outputs, *describing(known)):
        got = there.get(file.path)
        if got != file.bytes:
            yield f"{folder / file.path}: expected {file.bytes:,} bytes, got {'no object' if got is None else f'{got:,}'}"
    media = [size for name, size in there.items() if name.startswith(f"{manifest.MEDIA}/")]
    expected = (known.media.files, known.media.bytes) if known.media else (0, 0)
    if (len(media), sum(media)) != expected:
        count, size = expected
        yield (
            f"{folder / manifest.MEDIA}: expected {count:,} files of {size:,} bytes, "
            f"got {len(media):,} of {sum(media):,}"
        )


def _point(target: RemotePath, pointer: Pointer) -> None:
    encoded = msgspec.json.encode(pointer)
    if objects.content(target / POINTER) != encoded:
        objects.put(target / POINTER, encoded)


def newest(target: RemotePath) -> tuple[RemotePath, Manifest]:
    """Give the folder of a mix, and its manifest: `target` itself, or what its pointer names.

    Raises UsageError when there is neither, IntegrityError when one of them is damaged.
    """
    content = objects.content(target / manifest.NAME)
    if content is not None:
        return target, manifest.parsed(content, target / manifest.NAME)
    pointed = objects.content(target / POINTER)
    if pointed is None:
        raise UsageError(f"{target}: is not a mix: it has neither {manifest.NAME} nor {POINTER}")
    try:
        pointer = msgspec.json.decode(pointed, type=Pointer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntegrityError(f"{target / POINTER}: {error}; build again, or name the mix's own folder") from None
    if not pointer.path or not _ID.issuperset(pointer.path):
        raise IntegrityError(f"{target / POINTER}: points to {pointer.path!r}, which is no mix's folder")
    folder = target / pointer.path
    content = objects.content(folder / manifest.NAME)
    if content is None or _sha256(content) != pointer.manifest_sha256:
        got = "no object" if content is None else _sha256(content)
        raise IntegrityError(
            f"{folder / manifest.NAME}: expected sha256 {pointer.manifest_sha256}, as {POINTER} says, got {got}"
        )
    return folder, manifest.parsed(content, folder / manifest.NAME)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
