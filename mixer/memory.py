"""How much memory a build may count on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mixer.errors import UsageError

_UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 1 << 20, "GiB": 1 << 30}
LEAST = 64 << 20
"""Below it, what Python and polars take by themselves decides."""


def parse(text: str) -> int:
    """Read a size such as `512MB` or `4GiB`, in bytes. Raises UsageError."""
    found = re.fullmatch(r"([1-9]\d{0,8}) ?(MB|GB|MiB|GiB)", text)
    if found is None:
        raise UsageError(f"memory {text!r}: expected a whole number and MB, GB, MiB or GiB, such as 512MB")
    size = int(found[1]) * _UNITS[found[2]]
    if size < LEAST:
        raise UsageError(f"memory {text!r}: expected at least {LEAST >> 20} MiB")
    return size


def available(root: Path = Path("/")) -> int:
    """Count the bytes that this machine has left, or that the container or job we run in may have at most.

    `root` is where the system's files begin.
    """
    kilobytes = re.search(r"MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"))
    sizes = [int(kilobytes[1]) * 1024] if kilobytes else []
    sizes += [int(text) for limit in _limits(root) if (text := _text(limit).strip()).isdigit()]  # or `max`
    return min(sizes, default=1 << 62)


def _limits(root: Path) -> Iterator[Path]:
    """Go through the files of the limits that hold for this process: its control group's, and those of all above it.

    A job of a cluster is a group far below the root; a container sees its own group as the root.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            below, file = ("memory", "memory.limit_in_bytes") if controllers else ("", "memory.max")
            top = root / "sys/fs/cgroup" / below
            inner = top / group.lstrip("/")
            yield from (folder / file for folder in (inner, *inner.parents) if folder.is_relative_to(top))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
