"""What the steps of a mix made in slices take at N times the 665,298 records of the 665K mix; index only.

    python tests/bench/scale.py [--times 1] [--length 15] [--folder DIR] [--json FILE]

Sources are made up (scale_store.py): index columns as long as real ones, records of `--length` bytes, where real ones
have 1,356, and parts of as many records as real parts have. Every step runs the code of a build in a process of its own (scale_steps.py).

Up to `WHOLE` times, the mix is made as a whole, in slices and gathered, and the files of both must be the same. At any
size it is also measured step by step: all of the driver, with tasks that are told but not done; some of these tasks,
done; the index of the slices so made, again and again up to 66.5 million rows, and beyond that only its last step, the
Parquet file, thrown away. At 1000 times that takes 8 GB of disk, where the whole would take 300. Left out then: reading
keys from a disk, tasks beside the sampled ones, and the writing of shards.

A process is killed that takes more than `MEMORY`, or leaves less than `DISK` on the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from generate import scale
from measure import Failed, private_memory

from mixer.tables import size, table

STEPS = ("driver", "parts", "scatter", "pieces", "arrange", "index")
LENGTH = 15
"""Bytes of a record: the index is what counts."""
WHOLE = 10
"""Times the mix, up to which it is made as a whole."""
MEMORY = 6 << 30
"""Bytes of private memory of a step and its children."""
DISK = 3 << 30
"""Bytes of free disk."""
INTERVAL = 0.05
"""Seconds between two looks."""


def main() -> None:
    """Run all steps, print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=scale, default=Fraction(1))
    parser.add_argument("--length", type=int, default=LENGTH, help="bytes of a record")
    parser.add_argument("--folder", type=Path, help="for files; a folder in it is made and removed")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        found = measured(Path(folder), given.times, given.length)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))
    print("\n\n".join(report(found)))


def measured(folder: Path, times: Fraction, length: int = LENGTH) -> dict[str, Any]:
    """Run the steps of a size; give what each stage took, and what is the same."""
    found: dict[str, Any] = {"times": float(times), "length": length, "steps": {}, "same files": None}
    if times <= WHOLE:
        at = folder / "whole"
        found["steps"] |= {step: run(step, times, at, length) for step in ("whole", "gathered")}
        made, expected = digests(at / "whole"), digests(at / "gathered")
        if made != expected:
            raise Failed(f"a mix made in slices is not the gathered one: {sorted(made.items() ^ expected.items())}")
        found["same files"] = len(made)
        shutil.rmtree(at)
    for step in STEPS:
        found["steps"][step] = run(step, times, folder / "steps", length)
    return found


def digests(mix: Path) -> dict[str, str]:
    """Hash the files of a mix."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(mix.iterdir())}


def run(step: str, times: Fraction, folder: Path, length: int = LENGTH) -> dict[str, Any]:
    """Run a step in a process of its own; give its stages. Raises Failed when it ends with an error or had to be ended."""
    folder.mkdir(exist_ok=True)
    result, said = folder / f"{step}.json", folder / f"{step}.log"
    program = Path(__file__).with_name("scale_steps.py")
    command = [str(each) for each in (sys.executable, program, step, times, length, folder, result)]
    with said.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            peak = watch(process, folder)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode:
        raise Failed(f"{step} at {float(times):g} times ended with {process.returncode}:\n{said.read_text()[-2000:]}")
    return {"peak": peak, **json.loads(result.read_text())}


def watch(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait for a process, and give its peak memory with that of its children. Raises Failed when it takes too much."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, private_memory(process.pid))
        if peak > MEMORY:
            raise Failed(f"{process.args}: took more than {size(MEMORY)} of memory")
        if shutil.disk_usage(folder).free < DISK:
            raise Failed(f"{process.args}: left less than {size(DISK)} of disk")
        time.sleep(INTERVAL)
    return peak


def report(found: dict[str, Any]) -> Iterator[str]:
    """Say what was found."""
    times = found["times"]
    yield f"{times:g} times the 665K mix, records of {found['length']:,} bytes"
    if found["same files"]:
        yield f"As a whole: in slices and gathered, {found['same files']} files of the same bytes."
        yield stages(found, ("whole", "gathered"))
    yield "Step by step: the driver's tasks are told and answered, but not done; then some of them are."
    yield stages(found, STEPS)


HEADER = [
    "step: stage", "<where", "records", "wall s", "CPU s", "CPU us each", "peak", "read each", "written each", "messages",
    "sent", "answered",
]  # fmt: skip
"""`each` is of a record; peak is of the process's private memory in this stage."""


def stages(found: dict[str, Any], steps: tuple[str, ...]) -> str:
    """Tell the stages of some steps, one a row."""
    rows = []
    for step in steps:
        for where in ("here", "tasks"):
            for took in merged(found["steps"][step][where]):
                apart = where == "tasks" or step in ("scatter", "arrange")
                rows.append([f"{step}: {took['name']}", "task" if apart else "driver", *cells(took)])
    return table(HEADER, rows)


def merged(took: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add up stages of the same name; of their memory the most counts."""
    by_name: dict[str, dict[str, Any]] = {}
    for stage in took:
        known = by_name.setdefault(stage["name"], dict.fromkeys(stage, 0))
        for key, value in stage.items():
            known[key] = value if key == "name" else max(known[key], value) if key == "peak" else known[key] + value
    return list(by_name.values())


def cells(took: dict[str, Any]) -> list[str]:
    """Write the figures of a stage."""
    records = max(1, took["records"])
    told = [f"{took['messages']:,}", size(took["sent"]), size(took["answered"])] if took["messages"] else ["", "", ""]
    return [
        f"{took['records']:,}",
        f"{took['wall']:.1f}",
        f"{took['cpu']:.1f}",
        f"{took['cpu'] / records * 1e6:.3f}",
        size(took["peak"]),
        f"{took['read'] / records:.1f}",
        f"{took['written'] / records:.1f}",
        *told,
    ]


if __name__ == "__main__":
    main()
