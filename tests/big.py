"""A mix of the size of LLaVA-1.5's against the script everyone writes: wall time and peak private memory, in one run.

    python tests/big.py [--records 665298] [--rounds 3] [--folder DIR]

Generates deterministic data in a folder outside the project, checks that our output is the same every time, and prints
medians and ratios. Times of different machines do not compare; the ratios of one run do.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = [
    "a",
    "kite",
    "over",
    "the",
    "wide",
    "green",
    "hill",
    "near",
    "two",
    "small",
    "boats",
    "on",
    "calm",
    "water",
    "under",
    "grey",
    "clouds",
    "at",
    "noon",
]
NAIVE = """
import json, random, sys
records = json.load(open(sys.argv[1]))
random.seed(17)
random.shuffle(records)
json.dump(records, open(sys.argv[2], "w"))
"""


def record(number: int) -> dict[str, object]:
    """Make one record: a LLaVA-like conversation about an image, or every 16th a text-only one; about 1.5 kB."""
    seed = hashlib.blake2b(str(number).encode(), digest_size=32).digest()

    def text(start: int, length: int) -> str:
        return " ".join(WORDS[(seed[(start + at) % 32] + at) % len(WORDS)] for at in range(length)).capitalize()

    rounds = 1 + seed[0] % 6
    turns = []
    for turn in range(rounds):
        turns.append({"from": "human", "value": f"{text(turn, 8 + seed[1] % 12)}?"})
        turns.append({"from": "gpt", "value": f"{text(turn + 7, 20 + seed[2] % 50)} ({number})."})
    if number % 16 == 0:
        return {"id": f"t{number}_0", "model": "", "conversations": turns}
    turns[0]["value"] = f"<image>\n{turns[0]['value']}"
    return {"id": f"{number:012d}", "image": f"coco/train2017/{number % 90000:012d}.jpg", "conversations": turns}


def generate(path: Path, records: int) -> None:
    """Write the array with the separators of `json.dump`, as published files have them."""
    with path.open("w") as file:
        file.write("[")
        for number in range(records):
            file.write((", " if number else "") + json.dumps(record(number)))
        file.write("]")


def private_memory(process: int) -> int:
    """Add up the private memory of a process and its children, in bytes."""
    total = 0
    waiting = [process]
    while waiting:
        each = waiting.pop()
        try:
            for line in Path(f"/proc/{each}/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    total += int(line.split()[1]) * 1024
            for thread in Path(f"/proc/{each}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
    return total


def measure(command: list[str], env: dict[str, str]) -> tuple[float, int]:
    """Run a command; give its wall seconds and the peak private memory of its processes."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, private_memory(process.pid))
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{command[:3]} failed with {process.returncode}")
    return time.perf_counter() - start, peak


def main() -> None:
    """Generate, run each way in turn, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=665_298)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="mixer-big-"))
    folder.mkdir(exist_ok=True)
    raw, recipe, mix = folder / f"raw-{given.records}.json", folder / "big.yaml", folder / "mix"
    if not raw.exists():
        generate(raw, given.records)
    recipe.write_text(f"mixer: 1\nname: big\nseed: 17\nsources:\n  own: {{use: llava_json, path: {raw.name}}}\n")
    ours = [sys.executable, "-m", "mixer.cli", "build", str(recipe), "-o", str(mix), "-q"]
    naive = [sys.executable, "-c", NAIVE, str(raw), str(folder / "naive.json")]
    copy = ["cp", str(mix / "big.json"), str(folder / "copy.json")]
    env = {**os.environ, "MIXER_CACHE": str(folder / "store")}
    times: dict[str, list[tuple[float, int]]] = {"cold": [], "warm": [], "cp": [], "naive": []}
    seen = set()
    for _ in range(given.rounds):
        shutil.rmtree(folder / "store", ignore_errors=True)
        for name, command in (("cold", ours), ("warm", ours), ("cp", copy), ("naive", naive)):
            if command is ours:
                shutil.rmtree(mix, ignore_errors=True)
            times[name].append(measure(command, env))
            if command is ours:
                with (mix / "big.json").open("rb") as file:
                    seen.add(hashlib.file_digest(file, "sha256").hexdigest())
    assert len(seen) == 1, "our output changed between runs"
    print(f"{given.records:,} records, {raw.stat().st_size / 1e9:.2f} GB, {given.rounds} rounds, medians")
    base = statistics.median(time for time, _ in times["naive"])
    for name, runs in times.items():
        wall = statistics.median(time for time, _ in runs)
        peak = statistics.median(peak for _, peak in runs)
        print(f"{name:6} {wall:8.2f} s   naive / this {base / wall:6.1f}   peak private memory {peak / 1e6:8.0f} MB")
    if given.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
