"""Every job of the benchmark: a command, what it makes, and which data it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import generate
from amounts import lines_of, total
from llava_sources import SOURCES

HERE = Path(__file__).parent
MIXER = (sys.executable, "-m", "mixer.cli")
RAW = ("vqav2", "gqa", "visual_genome")
QUICK = 5
"""How often a job of a few hundredths of a second is run a round; the median counts."""


@dataclass(frozen=True)
class Result:
    """The files that a job leaves: one, or those of a folder that match a pattern."""

    path: Path
    pattern: str = ""

    def files(self) -> list[Path]:
        """List them."""
        return sorted(self.path.glob(self.pattern)) if self.pattern else [self.path]


@dataclass(frozen=True)
class Job:
    """One thing to measure."""

    says: str
    command: tuple[str, ...]
    makes: tuple[Path, ...] = ()
    """Removed before and after each run."""
    result: Result | None = None
    same: str = ""
    """Results of jobs that share this word are the same bytes, in every run."""
    records: int | None = None
    """How many conversations the result holds."""
    peer: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    units: tuple[str, ...] = ("llava",)
    missing: str = ""
    """Why it cannot be run here."""


@dataclass(frozen=True)
class Places:
    """Where a scale's data lies, and where jobs work."""

    folder: Path
    scale: Fraction

    @property
    def llava(self) -> Path:
        """The five sources."""
        return generate.data_folder(self.folder, self.scale) / "llava"

    @property
    def raw(self) -> Path:
        """The data root of raw sources."""
        return generate.data_folder(self.folder, self.scale) / "raw"

    @property
    def work(self) -> Path:
        """What jobs make; removed in the end."""
        return self.folder / f"work-{float(self.scale):g}"

    @property
    def store(self) -> Path:
        """The store that holds the five sources converted."""
        return self.work / "store"

    @property
    def reference(self) -> Path:
        """The re-mix that is made once, for `cp`."""
        return self.work / "reference" / "remix.json"

    def build(self, recipe: str, out: str, *more: str) -> tuple[str, ...]:
        """Give the command that builds a recipe into a folder of ours."""
        return (*MIXER, "build", str(self.llava / f"{recipe}.yaml"), "-o", str(self.work / out), "-q", *more)


def jobs(places: Places) -> dict[str, Job]:
    """List all jobs by name, in the order in which a round runs them."""
    return {**_limits(places), **_mixing(places), **_peers(places), **_cold(places), **_small(places), **_raw(places)}


def _limits(places: Places) -> dict[str, Job]:
    """List what no mix can undercut; on a file system that shares blocks between copies, `cp` says nothing."""
    copy, synced = places.work / "cp.json", places.work / "cp-synced.json"
    source = str(places.reference)
    return {
        "cp": Job("cp of the mix", ("cp", source, str(copy)), (copy,), Result(copy), "remix"),
        "cp-synced": Job(
            "cp of the mix, and fsync",
            ("sh", "-c", 'cp "$1" "$2" && sync "$2"', "sh", source, str(synced)),
            (synced,),
            Result(synced),
            "remix",
        ),
        "sha256": Job("sha256 of the mix", (sys.executable, str(HERE / "yardsticks.py"), "sha256", source)),
    }


def _mixing(places: Places) -> dict[str, Job]:
    warm, bounded = places.work / "warm", places.work / "bounded"
    store = ("--cache", str(places.store))
    records = total("remix", places.scale)
    found = {
        "warm": Job(
            "warm re-mix", places.build("remix", "warm", *store), (warm,), Result(warm / "remix.json"), "remix", records
        ),
        "bounded": Job(
            "warm re-mix within 256 MB",
            places.build("remix", "bounded", *store, "--memory", "256MB"),
            (bounded,),
            Result(bounded / "remix.json"),
            "remix",
            records,
            missing="" if "--memory" in _help("build") else "`mixer build` has no --memory",
        ),
    }
    tenth = Places(places.folder, places.scale / 10)
    out = tenth.work / "warm"
    found["warm-tenth"] = Job(
        "warm re-mix of a tenth",
        tenth.build("remix", "warm", "--cache", str(tenth.store)),
        (out,),
        Result(out / "remix.json"),
        "tenth",
        total("remix", tenth.scale),
    )
    return found


def _cold(places: Places) -> dict[str, Job]:
    store, out = places.work / "cold-store", places.work / "cold"
    cold = ("--cache", str(store), "--workers", "2")
    recipe = str(places.llava / "mix.yaml")
    lines = [str(lines_of(places.llava, source)) for source in SOURCES]
    return {
        "lines": Job("orjson loads and dumps, a line a time", _yardstick("lines", *lines)),
        "conversion": Job(
            "cold conversion on 2 workers",
            (*MIXER, "plan", recipe, "-q", *cold),
            (store,),
            Result(store, "sources/*/*/part-*.jsonl"),
            "store",
        ),
        "cold": Job(
            "cold build on 2 workers",
            places.build("mix", "cold", *cold),
            (store, out),
            Result(out / "mix.json"),
            "mix",
            total("mix", places.scale),
        ),
    }


def _small(places: Places) -> dict[str, Job]:
    plan = (*MIXER, "plan", str(places.llava / "remix.yaml"), "-q", "--cache", str(places.store))
    return {
        "columns": Job("polars reads the index", _yardstick("columns", str(places.store)), times=QUICK),
        "plan": Job("mixer plan, converted before", plan, times=QUICK),
        "click": Job("python -c 'import click'", (sys.executable, "-c", "import click"), times=QUICK, units=()),
        "help": Job("mixer --help", (*MIXER, "--help"), times=QUICK, units=()),
    }


def _raw(places: Places) -> dict[str, Job]:
    known = {source["name"] for source in json.loads(_output("sources", "--json"))}
    found = {}
    for source in RAW:
        out = places.work / f"{source}.jsonl"
        found[f"{source}-orjson"] = Job(
            f"{source}: orjson in pieces and a loop",
            (sys.executable, str(HERE / "converters.py"), source, str(places.raw / source), str(out)),
            (out,),
            Result(out),
            f"{source}-orjson",
            units=(source,),
        )
        for workers in ("1", "2"):
            store = places.work / f"{source}-{workers}"
            found[f"{source}-{workers}"] = Job(
                f"{source}: converted on {workers} worker{'s' * (workers != '1')}",
                (
                    *MIXER,
                    "convert",
                    source,
                    "--data",
                    str(places.raw),
                    "--cache",
                    str(store),
                    "--workers",
                    workers,
                    "-q",
                ),
                (store,),
                Result(store, "sources/*/*/part-*.jsonl"),
                source,
                units=(source,),
                missing="" if source in known else f"mixer has no source {source}",
            )
    return found


def _peers(places: Places) -> dict[str, Job]:
    """List the peers; those that are not installed say so."""
    own = sys.executable
    apart = str(Path(sys.prefix) / "mds" / "bin" / "python")
    offline = {"HF_HUB_OFFLINE": "1"}
    warm, cold = places.work / "hf-warm", places.work / "hf-cold"

    def peer(
        says: str, way: str, module: str, python: str = own, home: Path | None = None, cache: tuple[Path, ...] = ()
    ) -> Job:
        out = places.work / f"{way}.out"
        return Job(
            says,
            (python, str(HERE / "peers.py"), way, str(places.llava / "amounts.json"), str(out)),
            (out, *cache),
            Result(out, "*.mds") if way == "mds" else Result(out),
            records=total("remix", places.scale),
            peer=True,
            env={**offline, "HF_HOME": str(home)} if home else {},
            missing="" if _importable(python, module) else "not installed",
        )

    return {
        "naive-json": peer("naive script, json", "naive_json", "json"),
        "naive-orjson": peer("naive script, orjson", "naive_orjson", "orjson"),
        "polars-lines": peer("polars, lines as text", "polars_lines", "polars"),
        "shuf": peer("shuf -n of each file, then shuf", "shuf", "json"),
        "duckdb-lines": peer("DuckDB, JSON as text", "duckdb_lines", "duckdb"),
        "hf-warm": peer("HF interleave_datasets, its cache warm", "hf_interleave", "datasets", home=warm),
        "hf-cold": peer("HF interleave_datasets, cold", "hf_interleave", "datasets", home=cold, cache=(cold,)),
        "mds": peer("MosaicML MDSWriter, fed by orjson", "mds", "streaming", apart),
    }


def _importable(python: str, module: str) -> bool:
    if python == sys.executable:
        return find_spec(module) is not None
    looked = f"import sys, importlib.util; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return Path(python).exists() and subprocess.run([python, "-c", looked], check=False).returncode == 0


def _yardstick(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, str(HERE / "yardsticks.py"), name, *arguments)


def _help(command: str) -> str:
    return _output(command, "--help")


def _output(*arguments: str) -> str:
    return subprocess.run([*MIXER, *arguments], check=True, capture_output=True, text=True).stdout
