"""What a benchmark hands out: the printed table, figures for programs, the page."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

import amounts
import page
import table
from checks import Checks
from jobs import Job
from machine import machine, versions
from measure import Run


def report(
    given: argparse.Namespace,
    every: dict[str, Job],
    runs: dict[str, list[Run]],
    checks: Checks,
    skipped: dict[str, str],
) -> None:
    """Print the table, and write what was asked for: figures for programs, the page."""
    scale = f"{float(given.scale):g}"
    lines = table.lines(every, runs, given.scale)
    cells = [table.cells(every, line) for line in lines]
    records = amounts.total("remix", given.scale)
    about = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "scale": scale,
        "rounds": given.rounds,
        "records": records,
        "machine": machine(),
        "versions": versions(),
    }
    where = ", ".join([f"{about['machine']['cores']} cores", *list(about["machine"].values())[1:]])
    with_ = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    rounds = f"{given.rounds} round{'s' * (given.rounds != 1)}"
    head = f"Scale {scale}: {records:,} records, {rounds}, {about['date']}. {where}. {with_}."
    notes = _notes(every, checks, skipped)
    print(f"{head}\n\n{table.text(cells)}\n\n{notes}".rstrip())
    if given.scale < 1:
        print("Aims are for scale 1: below it, the start of Python decides.")
    if given.json:
        took = {
            name: [{"wall": run.wall, "cpu": run.cpu, "peak": run.peak} for run in each] for name, each in runs.items()
        }
        rest = {"rows": [line.as_json for line in lines], "jobs": took, "faults": checks.faults, "skipped": skipped}
        given.json.write_text(json.dumps({**about, **rest}, indent=1))
    if given.write:
        page.write(given.page, scale, f"## Scale {scale}\n\n{head}\n\n{table.markdown(cells)}\n\n{notes}")


def _notes(every: dict[str, Job], checks: Checks, skipped: dict[str, str]) -> str:
    """Say what other tools get wrong, and what was not run."""
    said = []
    if checks.faults:
        said.append("Other tools write no manifest of what is in a mix. Besides:")
        said += [
            f"- {every[name].says}: {'; '.join(faults) if faults else 'as asked for'}"
            for name, faults in checks.faults.items()
        ]
    if skipped:
        said += [*([""] if said else []), "Not run:"]
        said += [f"- {every[name].says}: {why}" for name, why in skipped.items()]
    return "\n".join(said) + "\n"
