"""The rows of the table: which jobs are compared, what is aimed for, and what must be reached at least."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Kind = Literal["ratio", "times faster", "MB at peak", "per record"]


@dataclass(frozen=True)
class Row:
    """A comparison of two jobs, or one job's memory.

    `ratio`: wall time of `job` to that of `against`. `times faster`: the other way round, so that more is better.
    `MB at peak`: private memory of `job` alone. `per record`: wall time a record of `job` to that of `against`.
    """

    job: str
    against: str
    kind: Kind = "ratio"
    aim: float | None = None
    least: float | None = None

    @property
    def jobs(self) -> set[str]:
        """The jobs it needs."""
        return {self.job, self.against} - {""}

    def verdict(self, value: float) -> str:
        """Say whether a value is good."""
        if self.aim is None or self.least is None:
            return ""
        if self.kind == "times faster":
            return "aim met" if value >= self.aim else "reached" if value >= self.least else "MISSED"
        return "aim met" if value <= self.aim else "reached" if value <= self.least else "MISSED"


def rows(scale: Fraction) -> list[Row]:
    """List the rows, with the aims of a scale: memory may grow with the records, but not with the bytes."""
    large = scale > 1
    return [
        Row("sha256", "cp"),
        Row("cp-synced", "cp"),
        Row("warm", "cp", aim=3.0, least=4.5),
        Row("warm", "cp-synced", aim=2.0, least=3.0),
        Row("bounded", "cp"),
        Row("warm", "naive-json", "times faster", 40, 30),
        Row("warm", "naive-orjson", "times faster"),
        Row("warm", "hf-warm", "times faster", 25, 20),
        Row("warm", "hf-cold", "times faster"),
        Row("warm", "polars-lines", "times faster", 3, 2),
        Row("warm", "duckdb-lines", "times faster"),
        Row("warm", "shuf", "times faster"),
        Row("warm", "mds", "times faster"),
        Row("conversion", "lines", aim=0.8, least=1.1),
        Row("cold", "lines"),
        Row("vqav2-1", "vqav2-orjson", aim=0.6, least=1.0),
        Row("vqav2-2", "vqav2-orjson"),
        Row("gqa-1", "gqa-orjson", aim=0.4, least=1.0),
        Row("gqa-2", "gqa-orjson"),
        Row("visual_genome-1", "visual_genome-orjson", aim=0.9, least=1.0),
        Row("visual_genome-2", "visual_genome-orjson"),
        Row("plan", "columns", aim=1, least=3),
        Row("help", "click", aim=2, least=3),
        Row("warm", "warm-tenth", "per record", 1.3, 1.6),
        Row("warm", "", "MB at peak", *((400, 1000) if large else (150, 256))),
        Row("cold", "", "MB at peak", 256, 300),
        Row("bounded", "", "MB at peak", 256, 512),
    ]
