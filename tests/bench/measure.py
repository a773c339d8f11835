"""Runs a command as a fresh process: wall time, CPU time and peak private memory of the process and all its children."""

from __future__ import annotations

import mmap
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.01
"""Seconds between two looks at the memory."""


TOUCHED = 4 << 30
"""Bytes of free memory that are touched before a run of scale 1 or more, if there are four times as many."""


class Failed(Exception):
    """A command ended with an error."""


@dataclass(frozen=True)
class Run:
    """What one run took: seconds, seconds of all cores, bytes."""

    wall: float
    cpu: float
    peak: int


def touch_free_memory(scale: float = 1.0) -> None:
    """Have the system's free memory backed by real pages before something is measured.

    A virtual machine's host takes free pages away and gives them back slowly: without this the same `cp` of a gigabyte
    takes 0.2 s after one run and 2 s after another.
    """
    available = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    size = max(mmap.PAGESIZE, min(int(TOUCHED * min(1.0, scale)), int(available.split()[1]) * 1024 // 4))
    mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE).close()


def measure(command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Run:
    """Run a command to its end. Raises Failed when it ends with an error.

    CPU is the kernel's sum over the process and every child that was waited for. Memory is looked at from a thread, so
    that the end of the command is not noticed late.
    """
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env={**os.environ, **(env or {})}, cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors
        )
        watch = _Watch(process.pid)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            watch.stop()
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-2000:]
            raise Failed(f"{' '.join(command[:6])} ... ended with {process.returncode}:\n{said}")
    return Run(wall, usage.ru_utime + usage.ru_stime, watch.peak)


class _Watch:
    """Keeps the highest private memory of a process and its children, from a thread of its own."""

    def __init__(self, process: int) -> None:
        self.peak = 0
        self._process = process
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.peak = max(self.peak, private_memory(self._process))
            if self._stopped.wait(INTERVAL):
                return


def private_memory(process: int) -> int:
    """Add up the private memory of a process and all below it, in bytes: RssAnon, which the kernel cannot drop."""
    total = 0
    waiting = [process]
    while waiting:
        each = waiting.pop()
        try:
            for line in Path(f"/proc/{each}/status").read_bytes().splitlines():
                if line.startswith(b"RssAnon"):
                    total += int(line.split()[1]) * 1024
            for thread in Path(f"/proc/{each}/task").iterdir():
                waiting += map(int, (thread / "children").read_bytes().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    return total
