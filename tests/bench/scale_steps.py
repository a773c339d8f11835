"""The steps of a mix that is made in slices, each in a process of its own that says what it took; see scale.py.

    python tests/bench/scale_steps.py STEP TIMES LENGTH FOLDER RESULT

whole     the mix from the store to the manifest, its tasks in a second process
gathered  the same mix, gathered in one process
driver    all of the driver but the index, with tasks that are told and counted, but not done
parts     (not measured) what some of the tasks told read
scatter   these tasks
pieces    (not measured) the rows of some slices, as all tasks would leave them
arrange   the tasks that put these slices in order
index     rows, index.parquet and its hash, of these slices again and again
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from array import array
from collections.abc import Iterator
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import polars as pl
import scale_store as store
from scale_meter import Engine, Meter, Stage

from mixer import building, manifest, mix_index, writers
from mixer.allocator import give_back_at_once
from mixer.hashing import sha256_of
from mixer.ordering import mix64_column
from mixer.partitioning import Partitioned
from mixer.plans import Plan
from mixer.processes import Workers
from mixer.progress import silent
from mixer.scattering import Choice, Scatter, Tally, _write_rows, paths, scatter
from mixer.slicing import Slice, arrange
from mixer.writers import Job, Written

MEMORY = 4 << 30
SHARD = 1_000_000
"""Records of a shard."""
RUNS = 5
"""Runs of parts that are scattered for real."""
SLICES = 3
"""Slices that are arranged for real."""
ROWS = 66_529_800
"""Rows of the index that are written for real: those of 100 times the mix."""

COLUMNS = mix_index.columns(tokens=False)


def _planned(folder: Path, times: Fraction) -> Plan:
    return store.planned(folder / "store", times, max(2, int(665_298 * times) // SHARD))


# --- a mix as a whole --------------------------------------------------------------------------------------------------


def whole(folder: Path, times: Fraction, meter: Meter) -> list[Stage]:
    """Make the mix as a build with an engine of other machines does."""
    entries = store.entries(folder / "store", times).values()
    made = sum(entry.ledger.made for entry in entries)
    for entry in entries:
        entry.write()
    meter.at("check the store", made)
    for entry in entries:
        for part in entry.ledger.parts:
            sha256_of(entry.folder / f"{part.name}.parquet")
    meter.at("plan", made)
    planned = _planned(folder, times)
    engine = Engine(meter)
    meter.at("choose", made)
    building._write(planned, _empty(folder / "whole"), folder / "store", MEMORY, engine, silent)
    meter.end()  # when the other process ends, its files count as this one's
    engine.close()
    return _all(engine.tasks, meter, planned)


def gathered(folder: Path, times: Fraction, meter: Meter) -> list[Stage]:
    """Make the same mix with its order in memory."""
    planned = _planned(folder, times)
    meter.at("gather", planned.records)
    with Workers(1) as engine:
        building._write(planned, _empty(folder / "gathered"), folder / "store", 1 << 40, engine, silent)
    return []


def _all(tasks: list[Stage], meter: Meter, planned: Plan) -> list[Stage]:
    """Say of the stages of which nothing else is known that they have to do with all records."""
    for stage in (*meter.stages, *tasks):
        stage.records = stage.records or planned.records
    return tasks


def _empty(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


# --- the driver --------------------------------------------------------------------------------------------------------


def driver(folder: Path, times: Fraction, meter: Meter) -> list[Stage]:
    """Plan, choose and tell all tasks. They go to files, and are answered with what they would find, about."""
    entries = store.entries(folder / "store", times).values()
    made = sum(entry.ledger.made for entry in entries)
    meter.at("make keys up", made)
    for entry in entries:
        for _ in entry.frames(["key"], 1 << 20):
            pass
    meter.at("plan", made)
    planned = _planned(folder, times)
    told, work, out = (_empty(folder / name) for name in ("told", "work", "out"))
    counts: dict[str, int] = {}

    def answer(function: Any, task: Any) -> Any:
        number = counts.setdefault(function.__name__, 0)
        counts[function.__name__] += 1
        (told / f"{function.__name__}-{number:06d}").write_bytes(pickle.dumps(task))
        if isinstance(task, Scatter):
            paths(task.out)[1].touch()
            return _tally(task, planned, number)
        if isinstance(task, Slice):
            return sum(each.stop - each.start for each in task.stretches)
        (work / task.name).touch()
        return Written(task.name, sum(each.stop - each.start for each in task.stretches), 1 << 30, "0" * 64)

    engine = Engine(meter, answer)
    meter.at("choose", made)
    partitioned = Partitioned(planned, COLUMNS, work, MEMORY, engine, silent)
    cuts = building.shards.cuts((), planned.records, planned.recipe.outputs[0].shards)
    partitioned.write("jsonl", Job("mix", out, "instruct", cuts), lambda _done: None)
    return _all([], meter, planned)


def _tally(task: Scatter, planned: Plan, number: int) -> Tally:
    """Say what a task would find in each bucket."""
    records = array("Q", bytes(8 * task.buckets))
    for choice in task.choices:
        for bucket in range(choice.lane.first, choice.lane.first + choice.lane.ranges):
            records[bucket] += _piece(task, choice, planned, number + bucket)
    return Tally(records, array("Q", (count * store.LENGTH for count in records)))


def _piece(task: Scatter, choice: Choice, planned: Plan, number: int) -> int:
    """Say how many records a task puts in a bucket, about; fractions are rounded up or down by the number."""
    leaf = planned.leaves[choice.leaf]
    parts = sum(part.records for part in task.entry.ledger.parts)
    return int(parts * leaf.count / leaf.pool.entry.ledger.made / choice.lane.ranges + number * 0.6180339887 % 1)


# --- tasks -------------------------------------------------------------------------------------------------------------


def _told(folder: Path, name: str, most: int) -> list[Any]:
    """Give some of the tasks that the driver told, from all along the mix."""
    files = sorted((folder / "told").glob(f"{name}-*"))
    some = range(min(most, len(files)))
    return [pickle.loads(files[(2 * place + 1) * len(files) // (2 * len(some))].read_bytes()) for place in some]


def parts(folder: Path, _times: Fraction, _meter: Meter) -> list[Stage]:
    """Put the parts of some runs on disk."""
    for task in _told(folder, "scatter", RUNS):
        task.entry.write()
    return []


def scatter_some(folder: Path, _times: Fraction, meter: Meter) -> list[Stage]:
    """Do these tasks."""
    for task in _told(folder, "scatter", RUNS):
        stage = meter.at("scatter")
        stage.records = sum(scatter(task).records)
    return []


def pieces(folder: Path, times: Fraction, _meter: Meter) -> list[Stage]:
    """Write the rows of some slices as all tasks would, with order keys made up."""
    planned = _planned(folder, times)
    buckets = [task.stretches[0].number for task in _told(folder, "arrange", SLICES)]
    for number, file in enumerate(sorted((folder / "told").glob("scatter-*"))):
        task: Scatter = pickle.loads(file.read_bytes())
        rows = pl.concat(
            _rows(task, choice, planned, number, bucket) for bucket in buckets for choice in task.choices
        ).with_columns(pl.int_range(pl.len(), dtype=pl.UInt32).alias("at"))
        first = task.entry.ledger.parts[0].first_item
        atlas = store.frame(task.entry.ledger.address, first, rows.height, task.columns)
        with paths(task.out)[1].open("wb") as out:
            places, _ = _write_rows(task, atlas, rows.sort("bucket", maintain_order=True), out)
        paths(task.out)[2].write_bytes(places.tobytes())
    return []


def _rows(task: Scatter, choice: Choice, planned: Plan, number: int, bucket: int) -> pl.DataFrame:
    count = _piece(task, choice, planned, number + bucket)
    width = (1 << 64) // choice.lane.ranges
    keys = mix64_column(pl.int_range(count, dtype=pl.UInt64, eager=True), number * task.buckets + bucket)
    return keys.to_frame("key").select(
        pl.lit(choice.leaf, dtype=pl.UInt16).alias("leaf"),
        pl.lit(0, dtype=pl.UInt32).alias("pass"),
        (pl.col("key") // choice.lane.ranges + pl.lit(bucket * width, dtype=pl.UInt64)).alias("order"),
        pl.lit(bucket, dtype=pl.UInt32).alias("bucket"),
    )


def arrange_some(folder: Path, _times: Fraction, meter: Meter) -> list[Stage]:
    """Put some slices in order."""
    for task in _told(folder, "arrange", SLICES):
        stage = meter.at("arrange")
        stage.records = arrange(task)
    return []


# --- the index ---------------------------------------------------------------------------------------------------------


def index(folder: Path, times: Fraction, meter: Meter) -> list[Stage]:
    """Write the index of the slices there are, again and again, as if there were all.

    Where it has no room, that of so many rows; then their files are joined again and again, and thrown away.
    """
    planned = _planned(folder, times)
    slices = [task.work.slice(task.number) for task in _told(folder, "arrange", SLICES)]
    records = min(ROWS, planned.records)
    out = _empty(folder / "index")
    stage = meter.at("index rows")
    names = [(leaf.name, "llava_json") for leaf in planned.leaves]
    frames = writers.frames("jsonl")
    assert frames is not None

    def ranges() -> Iterator[pl.DataFrame]:
        for path in cycle(slices):
            rows = pl.scan_ipc(path, glob=False).select("leaf", "pass", *COLUMNS).collect()
            rows = rows[: records - stage.records]
            stage.records += rows.height
            yield rows
            if stage.records == records:
                break
        for path in (out / "placed").iterdir() if records < planned.records else ():
            (again / path.name).hardlink_to(path)
        meter.at("index.parquet", stage.records)

    again = _empty(folder / "again")
    mix_index.write(ranges(), names, frames, (planned.records,), out)
    meter.at("index, its hash", stage.records)
    manifest.described(out / manifest.INDEX)
    files = sorted(again.iterdir())
    if files:
        count = planned.records // mix_index.RANGE
        meter.at("index.parquet of all", count * mix_index.RANGE)
        mix_index.join(list(islice(cycle(files), count)), Path(os.devnull), planned.records)
    return []


STEPS = {
    "whole": whole, "gathered": gathered, "driver": driver, "parts": parts, "scatter": scatter_some, "pieces": pieces,
    "arrange": arrange_some, "index": index,
}  # fmt: skip


def main(step: str, times: str, length: str, folder: str, result: str) -> None:
    """Do a step, and write what it took."""
    give_back_at_once()
    store.LENGTH = int(length)
    meter = Meter()
    tasks = STEPS[step](Path(folder), Fraction(times), meter)
    Path(result).write_text(json.dumps({"here": meter.done(), "tasks": [vars(task) for task in tasks]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
