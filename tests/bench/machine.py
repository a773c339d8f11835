"""What the figures depend on besides the code: the machine and the versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("polars", "orjson", "msgspec", "datasets", "duckdb")


def machine() -> dict[str, str]:
    """Describe this machine."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _after("/proc/cpuinfo", "model name") or platform.machine(),
        "memory": f"{int(_after('/proc/meminfo', 'MemTotal').split()[0]) / 1e6:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
    }


def versions() -> dict[str, str]:
    """List Python, mixer and what both sides use, where installed."""
    found = {"python": platform.python_version(), "mixer": version("instruction-mixer")}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _after(file: str, key: str) -> str:
    for line in Path(file).read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
