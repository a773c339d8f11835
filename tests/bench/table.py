"""From runs to a table: ratios inside a round, their medians, and what was aimed for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from statistics import median
from typing import Any

from aims import Row, rows
from jobs import Job
from measure import Run

Runs = Mapping[str, list[Run]]
HEAD = ("job", "against", "median", "min", "max", "aim", "at least", "", "wall s", "CPU s", "MB")
UNITS = {"MB at peak": " MB at peak", "per record": ", both per record"}


@dataclass(frozen=True)
class Line:
    """A row with its values: one a round, and what its job took. A job that no row compares has a line without."""

    row: Row
    values: list[float]
    run: Run
    verdict: str

    @property
    def as_json(self) -> dict[str, Any]:
        """The line for programs."""
        summary = (
            {"median": median(self.values), "min": min(self.values), "max": max(self.values)} if self.values else {}
        )
        return {**asdict(self.row), **summary, "values": self.values, "verdict": self.verdict}


def lines(jobs: Mapping[str, Job], runs: Runs, scale: Fraction) -> list[Line]:
    """Give the rows whose jobs were all run, then the jobs that stand in none of them."""
    complete = [row for row in rows(scale) if row.jobs <= set(runs)]
    shown = set().union(*(row.jobs for row in complete))
    found = []
    for row in complete:
        values = _values(row, jobs, runs)
        # Aims are for the full size: below it, the start of Python decides.
        verdict = row.verdict(median(values)) if scale >= 1 else ""
        found.append(Line(row, values, typical(runs[_of(row)]), verdict))
    return found + [Line(Row(name, ""), [], typical(runs[name]), "") for name in runs if name not in shown]


def _values(row: Row, jobs: Mapping[str, Job], runs: Runs) -> list[float]:
    """Compute a row's value for each round: what ran a minute apart is not compared."""
    if row.kind == "MB at peak":
        return [run.peak / 1e6 for run in runs[row.job]]
    pairs = zip(runs[row.job], runs[row.against], strict=True)
    if row.kind == "times faster":
        return [other.wall / run.wall for run, other in pairs]
    factor = 1.0
    if row.kind == "per record":
        here, there = jobs[row.job].records, jobs[row.against].records
        assert here
        assert there
        factor = there / here
    return [factor * run.wall / other.wall for run, other in pairs]


def _of(row: Row) -> str:
    """Say whose time and memory a row shows: of two mixes, the other's, since ours stands in the rows above."""
    return row.against if row.kind in ("times faster", "per record") else row.job


def typical(runs: list[Run]) -> Run:
    """Give the medians of runs."""
    return Run(median(run.wall for run in runs), median(run.cpu for run in runs), int(median(run.peak for run in runs)))


def cells(jobs: Mapping[str, Job], line: Line) -> tuple[str, ...]:
    """Write a line out, in the order of HEAD."""
    row = line.row
    sign = "≥" if row.kind == "times faster" else "≤"
    against = f"{jobs[row.against].says if row.against else ''}{UNITS.get(row.kind, '')}".strip()
    if row.kind == "times faster":
        against = f"times faster than {jobs[row.against].says}"
    numbers = (
        [_figure(value) for value in (median(line.values), min(line.values), max(line.values))]
        if line.values
        else [""] * 3
    )
    bounds = ["" if bound is None else f"{sign} {bound:g}" for bound in (row.aim, row.least)]
    took = (f"{line.run.wall:.2f}", f"{line.run.cpu:.2f}", f"{line.run.peak / 1e6:.0f}")
    return (jobs[row.job].says, against, *numbers, *bounds, line.verdict, *took)


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def text(lines: list[tuple[str, ...]]) -> str:
    """Align a table: words to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(HEAD, *lines, strict=True)]

    def aligned(cells: tuple[str, ...]) -> str:
        pairs = zip(cells, widths, strict=True)
        return "  ".join(
            cell.ljust(width) if number in (0, 1, 7) else cell.rjust(width)
            for number, (cell, width) in enumerate(pairs)
        ).rstrip()

    return "\n".join(aligned(each) for each in (HEAD, *lines))


def markdown(lines: list[tuple[str, ...]]) -> str:
    """Write a table for a page."""
    rule = tuple("---" if number in (0, 1, 7) else "---:" for number in range(len(HEAD)))
    return "\n".join(f"| {' | '.join(each)} |" for each in (HEAD, rule, *lines))
