"""Writes the data of the benchmark, or finds it written: the same bytes on every machine, outside the tree.

    python tests/bench/generate.py [--scale 0.1] [--folder DIR] [--unit llava ...]

The folder is --folder, else BENCH_FOLDER, else `mixer-bench` in the system's temporary folder. Data is kept there, a
folder a scale, and used again as long as its stamp, written last, names these very generator files and sizes:

    data-<scale>/llava/      five sources, the arrays again as JSON Lines in lines/, two recipes, amounts.json for peers
    data-<scale>/raw/        a data root: vqav2/, gqa/, visual_genome/
    data-<scale>/<unit>.json the stamp

At scale 1 that is 1.9 GB for `llava` and 2 GB for the raw sources.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path

import raw_sources
from amounts import lines_of, scaled, write_recipes
from llava_sources import SOURCES

RAW = {"vqav2": raw_sources.vqav2, "gqa": raw_sources.gqa, "visual_genome": raw_sources.visual_genome}
UNITS = ("llava", *RAW)
_CODE = ("generate.py", "texts.py", "llava_sources.py", "raw_sources.py", "amounts.py")


def scale(text: str) -> Fraction:
    """Read a scale from the command line."""
    given = Fraction(text)
    if given <= 0:
        raise ValueError(text)
    return given


def default_folder() -> Path:
    """Say where data goes if nobody says."""
    return Path(os.environ.get("BENCH_FOLDER") or Path(tempfile.gettempdir()) / "mixer-bench")


def data_folder(folder: Path, scale: Fraction) -> Path:
    """Give the folder of a scale's data."""
    return folder / f"data-{float(scale):g}"


def version() -> str:
    """Hash the generator itself: whoever changes it need not remember to say so."""
    code = b"".join((Path(__file__).parent / name).read_bytes() for name in _CODE)
    return blake2b(code, digest_size=16).hexdigest()


def ensure(folder: Path, scale: Fraction, units: tuple[str, ...] = UNITS) -> dict[str, dict[str, int]]:
    """Write the units that are not there whole; give what each holds, such as its images."""
    data = data_folder(folder, scale)
    missing = [unit for unit in units if _stamped(data, unit) is None]
    if missing:
        print(f"generating {', '.join(missing)} at scale {float(scale):g} in {data}", file=sys.stderr)
        _generate(data, scale, missing)
    return {unit: _stamped(data, unit) for unit in units}


def inputs(folder: Path, scale: Fraction, units: tuple[str, ...]) -> list[Path]:
    """List the files of units."""
    data = data_folder(folder, scale)
    return [data / name for unit in units for name in json.loads((data / f"{unit}.json").read_text())["files"]]


def _stamped(data: Path, unit: str) -> dict[str, int] | None:
    """Give what a unit holds, or None where it is not whole or not of this generator."""
    path = data / f"{unit}.json"
    if not path.exists():
        return None
    stamp = json.loads(path.read_text())
    whole = all(
        (data / name).is_file() and (data / name).stat().st_size == size for name, size in stamp["files"].items()
    )
    return stamp["holds"] if whole and stamp["version"] == version() else None


def _generate(data: Path, scale: Fraction, units: list[str]) -> None:
    for unit in units:
        (data / f"{unit}.json").unlink(missing_ok=True)
    (data / "llava" / "lines").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        running = {unit: [] for unit in units}
        for unit in units:
            if unit == "llava":
                running[unit] = [
                    pool.submit(_write_source, data / "llava", scale, each) for each in range(len(SOURCES))
                ]
            else:
                running[unit] = [pool.submit(RAW[unit], data / "raw" / unit, scale)]
        for unit, futures in running.items():
            holds = {name: value for future in futures for name, value in future.result().items()}
            if unit == "llava":
                write_recipes(data / "llava", scale)
            _stamp(data, unit, holds)


def _stamp(data: Path, unit: str, holds: dict[str, int]) -> None:
    root = data / "llava" if unit == "llava" else data / "raw" / unit
    files = {str(path.relative_to(data)): path.stat().st_size for path in sorted(root.rglob("*")) if path.is_file()}
    written = data / f"{unit}.json.new"
    written.write_text(json.dumps({"version": version(), "holds": holds, "files": files}, indent=1))
    written.rename(data / f"{unit}.json")


def _write_source(folder: Path, scale: Fraction, which: int) -> dict[str, int]:
    """Write a source of the LLaVA job; an array also as JSON Lines, the same records in the same spacing."""
    source = SOURCES[which]
    records = scaled(source.records, scale)
    encode = json.JSONEncoder(ensure_ascii=not source.lines).encode
    with lines_of(folder, source).open("w", encoding="utf-8", buffering=1 << 20) as lines:
        if source.lines:
            for number in range(records):
                lines.write(encode(source.make(number)) + "\n")
            return {source.name: records}
        with (folder / source.file).open("w", encoding="utf-8", buffering=1 << 20) as array:
            for number in range(records):
                text = encode(source.make(number))
                lines.write(text + "\n")
                array.write(f", {text}" if number else f"[{text}")
            array.write("]")
    return {source.name: records}


def main() -> None:
    """Generate, and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=scale, default=Fraction("0.1"))
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--unit", dest="units", action="append", choices=UNITS)
    given = parser.parse_args()
    units = tuple(given.units or UNITS)
    held = ensure(given.folder, given.scale, units)
    for unit in units:
        size = sum(path.stat().st_size for path in inputs(given.folder, given.scale, (unit,)))
        print(f"{unit}: {size / 1e6:,.1f} MB, {', '.join(f'{name} {count:,}' for name, count in held[unit].items())}")


if __name__ == "__main__":
    main()
