"""All pairs of embeddings by cosine, exactly: mixer's search against faiss's flat index, each in a process of its own.

    python tests/bench/near.py [--vectors 88524] [--width 1024] [--threshold 0.9] [--times 1] [--folder DIR]

The embeddings are random, one in a hundred a near copy of another. Each way reads the same .npy whole, finds the pairs
and prints how many; `load` only reads it. Memory is private memory: what is mapped from files does not count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import Run, measure, touch_free_memory

from mixer.tables import size, table

TWINS = 100
"""One vector in so many is a near copy."""


def generate(path: Path, vectors: int, width: int) -> None:
    """Write embeddings; the copies' cosines lie around 0.9, on both sides of it."""
    numbers = np.random.default_rng(17)
    matrix = np.lib.format.open_memmap(path, "w+", np.float32, (vectors, width))
    for start in range(0, vectors, 8192):
        part = matrix[start : start + 8192]
        part[:] = numbers.standard_normal(part.shape, np.float32)
    copies = numbers.permutation(vectors)[: 2 * (vectors // TWINS)].reshape(2, -1)
    strength = numbers.uniform(0.2, 0.8, (copies.shape[1], 1)).astype(np.float32)
    matrix[copies[1]] = matrix[copies[0]] + strength * matrix[copies[1]]
    matrix.flush()


def load(matrix: np.ndarray, _threshold: float) -> int:
    """Find nothing."""
    return 0 * len(matrix)


def mixer(matrix: np.ndarray, threshold: float) -> int:
    """Blocks of products, decided in float64."""
    from mixer.near.cosine import cosine_pairs

    return len(cosine_pairs(matrix, threshold))


def mixer_flat(matrix: np.ndarray, threshold: float) -> int:
    """The same through faiss's flat index, as mixer uses it for large folders."""
    from mixer.near.comparing import compare
    from mixer.near.cosine import Cosine
    from mixer.near.large import by_flat_index

    rows = np.arange(len(matrix))
    search = Cosine(matrix, rows, np.array([0, len(rows)]), find=by_flat_index)
    return len(compare(search, [threshold]).pairs)


def faiss_flat(matrix: np.ndarray, threshold: float) -> int:
    """A flat index and one range search, in float32 alone."""
    import faiss

    faiss.normalize_L2(matrix)
    index = faiss.IndexFlatIP(matrix.shape[1])
    index.add(matrix)
    limits, _, found = index.range_search(matrix, threshold)
    first = np.repeat(np.arange(len(matrix)), np.diff(limits.astype(np.int64)))
    return int((first < found).sum())


WAYS = {way.__name__: way for way in (load, mixer, mixer_flat, faiss_flat)}


def main() -> None:
    """Generate, run each way, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vectors", type=int, default=88_524)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--way", choices=sorted(WAYS), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(WAYS[given.way](np.load(given.file), given.threshold))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        path = Path(folder) / "embeddings.npy"
        generate(path, given.vectors, given.width)
        print(report(path, given))


def report(path: Path, given: argparse.Namespace) -> str:
    """Run each way so many times, in turn, and compare the medians."""
    command = [sys.executable, __file__, "--threshold", str(given.threshold), "--file", str(path), "--way"]
    pairs: dict[str, int] = {}
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    for _ in range(given.times):
        for way in WAYS:
            touch_free_memory()
            out = path.with_name(way)
            shell = ["sh", "-c", 'out=$1; shift; exec "$@" > "$out"', "sh", str(out), *command, way]
            runs[way].append(measure(shell))
            pairs[way] = int(out.read_text())
    matrix = given.vectors * given.width * 4
    rows = [
        [
            way,
            f"{pairs[way]:,}",
            f"{_wall(runs[way]):.1f}",
            f"{_wall(runs[way]) / _wall(runs['faiss_flat']):.2f}",
            size(_peak(runs[way])),
            f"{_peak(runs[way]) / matrix:.2f}",
            f"{_peak(runs[way]) / _peak(runs['faiss_flat']):.2f}",
        ]
        for way in WAYS
    ]
    header = ["way", "pairs", "seconds", "/ faiss", "peak memory", "/ matrix", "/ faiss"]
    told = (
        f"{given.vectors:,} vectors of width {given.width}, {size(matrix)}; pairs of cosine {given.threshold:g} or more"
    )
    return f"{told}\n{table(header, rows)}"


def _wall(runs: list[Run]) -> float:
    return statistics.median(run.wall for run in runs)


def _peak(runs: list[Run]) -> int:
    return max(run.peak for run in runs)


if __name__ == "__main__":
    main()
