"""Files sent to an object store, several at a time; each arrives whole or not at all, and its size is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mixer.progress import Progress
from mixer.remote import objects
from mixer.remote.path import RemotePath


def send(files: Mapping[str, Path], folder: RemotePath, label: str, progress: Progress, *, keep: bool) -> None:
    """Put files below a folder, by their paths from there.

    `keep`: objects of the right size are left as they are, since they are known to be of the same bytes. Raises
    DataError.
    """
    there = objects.below(folder) if keep else {}
    waiting = {name: path for name, path in files.items() if there.get(name) != path.stat().st_size}
    with progress(label, sum(path.stat().st_size for path in waiting.values())) as advance, objects.streams() as pool:
        sent = [pool.submit(objects.upload, path, folder / name) for name, path in waiting.items()]
        for future, path in zip(sent, waiting.values(), strict=True):
            future.result()
            advance(path.stat().st_size)
