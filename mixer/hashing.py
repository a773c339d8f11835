"""The sha256 of a file, the one hash that anyone can check with a tool of the system."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mixer.progress import Advance


def sha256_of(path: Path, advance: Advance = lambda _done: None) -> str:
    """Hash a file; `advance` is told the bytes read."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(1 << 18))
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
            advance(size)
    return digest.hexdigest()
