"""Measures mixer against the limits of the machine, against the least Python can do, and against other tools.

    make bench [SCALE=0.1] [ROUNDS=3]
    python tests/bench [--scale S] [--rounds N] [--folder DIR] [--only NAME,...] [--json FILE] [--write | --no-write]

Scale 1 is LLaVA-1.5's size: 665,298 records. It wants 10 GB of disk and, with every peer, 10 GB of memory and half an
hour; scale 10 wants 60 GB, so name jobs there (`--only warm,cp,warm-tenth`). Data is generated once into the folder
(--folder, else BENCH_FOLDER, else `mixer-bench` in the system's temporary folder) and used again; see generate.py.

The table is printed. A whole run at scale 1 also writes it to docs/benchmarks.md; `--write` does so at any scale, in a
section of its own, and `--no-write` never. Outputs are checked before anything is measured and after every run: the exit
code is 1 if one of ours is wrong, whatever the times are.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path
from statistics import median

import amounts
import generate
import results
import table
from checks import Checks, Wrong, digest_of
from jobs import MIXER, Job, Places, jobs
from measure import Failed, Run, measure, touch_free_memory

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def main() -> None:
    """Generate, check, measure, print."""
    given = _arguments()
    for name in [name for name in os.environ if name.startswith("MIXER_")]:
        del os.environ[name]  # what the user set for mixes of their own
    places = Places(given.folder.resolve(), given.scale)
    every = jobs(places)
    chosen, skipped = _choose(every, given.only, given.scale)
    places.folder.mkdir(parents=True, exist_ok=True)
    with (places.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"error: {places.folder}: another benchmark works here, and two at once measure each other")
        runs, checks = _run(places, chosen, given.rounds)
    results.report(given, every, runs, checks, skipped)


def _run(places: Places, chosen: dict[str, Job], rounds: int) -> tuple[dict[str, list[Run]], Checks]:
    """Generate, check and measure; leave only the data behind."""
    checks = Checks()
    shutil.rmtree(places.work, ignore_errors=True)
    try:
        _prepare_data(places, chosen)
        _prepare(places, chosen, checks)
        _check(chosen, checks)
        return _measure(chosen, checks, rounds, places.scale), checks
    except (Wrong, Failed) as error:
        sys.exit(f"error: {error}")
    finally:
        for each in (places, _tenth(places)):
            shutil.rmtree(each.work, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scale", type=generate.scale, default=Fraction("0.1"), help="1 is LLaVA-1.5's size (default 0.1)"
    )
    parser.add_argument("--rounds", type=int, help="default 5, below scale 1 3")
    parser.add_argument("--folder", type=Path, default=generate.default_folder(), help="of data and outputs")
    parser.add_argument("--only", type=lambda text: text.split(","), help="names of jobs; an unknown one lists them")
    parser.add_argument("--json", type=Path, help="write the figures of every round to this file")
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, help="write docs/benchmarks.md")
    parser.add_argument("--page", type=Path, default=PAGE, help="write another page")
    given = parser.parse_args()
    if given.rounds is None:
        given.rounds = 3 if given.scale < 1 else 5
    if given.write is None:
        given.write = given.scale == 1 and not given.only
    return given


def _choose(every: dict[str, Job], only: list[str] | None, scale: Fraction) -> tuple[dict[str, Job], dict[str, str]]:
    """Give the jobs to run, and why others that were wanted are not."""
    unknown = [name for name in only or [] if name not in every]
    if unknown:
        sys.exit(f"error: unknown job {', '.join(unknown)}; there are {', '.join(every)}")
    # A tenth is compared at scale 10, where aims name it; elsewhere it would say how long Python starts.
    wanted = only or [name for name in every if name != "warm-tenth" or scale >= 10]
    skipped = {name: every[name].missing for name in every if name in wanted and every[name].missing}
    return {name: job for name, job in every.items() if name in wanted and not job.missing}, skipped


def _tenth(places: Places) -> Places:
    return Places(places.folder, places.scale / 10)


def _prepare_data(places: Places, chosen: dict[str, Job]) -> None:
    """Generate what the jobs read, and read it once, so that it is in the page cache."""
    units = tuple(dict.fromkeys(unit for job in chosen.values() for unit in job.units))
    generate.ensure(places.folder, places.scale, units)
    files = generate.inputs(places.folder, places.scale, units)
    if "warm-tenth" in chosen:
        generate.ensure(places.folder, places.scale / 10, ("llava",))
    for path in files:
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass


def _prepare(places: Places, chosen: dict[str, Job], checks: Checks) -> None:
    """Fill the store and make the re-mix that is copied, both verified and counted."""
    places.work.mkdir(parents=True)
    if any("llava" in job.units for job in chosen.values()):
        _verified(places, "mix", "first", checks)
        checks.known("store", digest_of(sorted(places.store.glob("sources/*/*/part-*.jsonl"))))
        shutil.rmtree(places.work / "first")
        _verified(places, "remix", "reference", checks)
    if "warm-tenth" in chosen:
        tenth = _tenth(places)
        shutil.rmtree(tenth.work, ignore_errors=True)
        tenth.work.mkdir()
        measure(tenth.build("remix", "first", "--cache", str(tenth.store)))


def _verified(places: Places, recipe: str, out: str, checks: Checks) -> None:
    """Build a recipe; its manifest must be true, and hold as many records as were asked for."""
    _say(f"preparing {recipe}")
    measure(places.build(recipe, out, "--cache", str(places.store)))
    measure((*MIXER, "verify", str(places.work / out), "-q"))
    holds, expected = json.loads((places.work / out / "manifest.json").read_text()), amounts.total(recipe, places.scale)
    if holds["records"] != expected:
        raise Wrong(f"{recipe}: expected {expected:,} records, its manifest says {holds['records']:,}")
    checks.known(recipe, digest_of([places.work / out / f"{recipe}.json"]))


def _check(chosen: dict[str, Job], checks: Checks) -> None:
    """Run every job that leaves something once, to look at it; what it took does not count."""
    for name, job in chosen.items():
        if job.result is not None:
            _say(f"checking {name}")
            _once(name, job, checks, first=True)


def _measure(chosen: dict[str, Job], checks: Checks, rounds: int, scale: Fraction) -> dict[str, list[Run]]:
    """Run all jobs in turn, round after round."""
    runs: dict[str, list[Run]] = {name: [] for name in chosen}
    for number in range(rounds):
        for name, job in chosen.items():
            tries = []
            for _ in range(job.times):
                if job.units:  # the others take a moment and write nothing
                    touch_free_memory(float(scale))
                tries.append(_once(name, job, checks))
            runs[name].append(table.typical(tries))
            _say(f"round {number + 1} of {rounds}: {name} {median(run.wall for run in tries):.2f} s")
    return runs


def _once(name: str, job: Job, checks: Checks, *, first: bool = False) -> Run:
    """Run a job in a clean place, look at what it left, and remove that, so that no later run writes it out."""
    _remove(job)
    run = measure(job.command, job.env)
    if first:
        checks.content(name, job)
    checks.steady(name, job)
    _remove(job)
    return run


def _remove(job: Job) -> None:
    for path in job.makes:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
