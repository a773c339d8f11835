"""What mixing and planning are measured against: the least that such work can take in Python.

    python tests/bench/yardsticks.py lines FILE.jsonl ...
    python tests/bench/yardsticks.py columns STORE
    python tests/bench/yardsticks.py sha256 FILE

`lines` is one core's orjson.loads and orjson.dumps, line by line; nothing is checked, nothing written. `columns` has
polars read four columns of a store's index files. `sha256` is hashlib's.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path


def lines(files: list[str]) -> int:
    """Decode and encode every line; count the bytes."""
    import orjson

    gc.disable()  # the collector finds nothing here, and takes its time
    total = 0
    for name in files:
        with Path(name).open("rb") as file:
            for line in file:
                total += len(orjson.dumps(orjson.loads(line)))
    return total


def columns(store: list[str]) -> int:
    """Read what a plan needs to know of every record, and count them."""
    import polars as pl

    files = sorted(Path(store[0]).glob("sources/*/*/part-*.parquet"))
    return pl.read_parquet(files, columns=["key", "length", "turns", "images"]).height


def sha256(file: list[str]) -> str:
    """Hash a file."""
    import hashlib

    with Path(file[0]).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


if __name__ == "__main__":
    print({"lines": lines, "columns": columns, "sha256": sha256}[sys.argv[1]](sys.argv[2:]))
