"""How much memory a build may count on."""

from __future__ import annotations

import re
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


def available() -> int:
    """Count the bytes that this machine, or the container we run in, has left."""
    kilobytes = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    sizes = [int(kilobytes[1]) * 1024] if kilobytes else []
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            sizes.append(int(Path(limit).read_text()))
        except (OSError, ValueError):  # no such limit, or `max`
            continue
    return min(sizes, default=1 << 62)
