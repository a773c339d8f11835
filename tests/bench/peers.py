"""The same mix by other means: each takes the amounts of `remix` from the five sources, shuffles, and writes one file.

    python tests/bench/peers.py NAME amounts.json OUT

amounts.json lists for each source, beside it, its file (array or JSON Lines), the same records as JSON Lines, how many
there are and how many to take; beyond a whole epoch the rest is a sample. All are seeded where they can be. Each is
written the way its documentation shows, and the way most favourable to it that we found.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED = 17


def naive_json(told: list[dict[str, Any]], out: str) -> None:
    """What everyone writes: load everything, sample, shuffle, dump."""
    random.seed(SEED)
    mixed = []
    for source in told:
        with Path(source["path"]).open(encoding="utf-8") as file:
            array = source["path"].endswith(".json")
            records = json.load(file) if array else [json.loads(line) for line in file]
        mixed += _sampled(records, source["take"])
    random.shuffle(mixed)
    with Path(out).open("w", encoding="utf-8") as file:
        json.dump(mixed, file)


def naive_orjson(told: list[dict[str, Any]], out: str) -> None:
    """The same with the fastest parser."""
    import orjson

    random.seed(SEED)
    Path(out).write_bytes(orjson.dumps(_mixed_by_orjson(told, orjson.loads)))


def mds(told: list[dict[str, Any]], out: str) -> None:
    """MosaicML streaming: the records, shuffled, into MDS shards."""
    import orjson
    from streaming import MDSWriter

    random.seed(SEED)
    mixed = _mixed_by_orjson(told, orjson.loads)
    with MDSWriter(out=out, columns={"record": "bytes"}) as writer:
        for record in mixed:
            writer.write({"record": orjson.dumps(record)})


def _mixed_by_orjson(told: list[dict[str, Any]], loads: Callable[[bytes], Any]) -> list[Any]:
    mixed = []
    for source in told:
        raw = Path(source["path"]).read_bytes()
        records = loads(raw) if source["path"].endswith(".json") else [loads(line) for line in raw.splitlines()]
        mixed += _sampled(records, source["take"])
    random.shuffle(mixed)
    return mixed


def _sampled(records: list[Any], take: int) -> list[Any]:
    epochs, rest = divmod(take, len(records))
    return records * epochs + random.sample(records, rest)


def hf_interleave(told: list[dict[str, Any]], out: str) -> None:
    """Hugging Face datasets: interleaved with probabilities until a source runs out, shuffled, written."""
    import datasets

    datasets.disable_progress_bars()
    sources = []
    for source in told:
        loaded = datasets.load_dataset("json", data_files=source["lines"], split="train")
        if "model" in loaded.column_names:
            loaded = loaded.remove_columns("model")
        sources.append(loaded.cast_column("id", datasets.Value("string")))  # one source has numbers, as published
    total = sum(source["take"] for source in told)
    probabilities = [source["take"] / total for source in told]
    mixed = datasets.interleave_datasets(
        sources, probabilities=probabilities, seed=SEED, stopping_strategy="first_exhausted"
    )
    mixed.shuffle(seed=SEED).to_json(out)


def polars_lines(told: list[dict[str, Any]], out: str) -> None:
    """polars: each line a text that is never parsed."""
    import polars as pl

    frames = []
    for source in told:
        lines = pl.scan_csv(
            source["lines"], has_header=False, separator="\x01", quote_char=None, new_columns=["line"]
        ).collect()
        epochs, rest = divmod(source["take"], source["records"])
        frames += [lines] * epochs + [lines.sample(rest, seed=SEED)]
    mixed = pl.concat(frames).sample(fraction=1, shuffle=True, seed=SEED)
    mixed.lazy().sink_csv(out, include_header=False, quote_style="never", separator="\x01")


def duckdb_lines(told: list[dict[str, Any]], out: str) -> None:
    """DuckDB: each record a JSON text whose fields are never typed."""
    import duckdb

    parts = []
    for source in told:
        table = f"SELECT json FROM read_json_objects('{source['lines']}', format = 'newline_delimited')"
        epochs, rest = divmod(source["take"], source["records"])
        parts += [table] * epochs
        if rest:
            parts.append(f"SELECT json FROM ({table}) USING SAMPLE reservoir({rest} ROWS) REPEATABLE ({SEED})")
    mixed = " UNION ALL ".join(f"({part})" for part in parts)
    connection = duckdb.connect()
    connection.execute(f"SELECT setseed({SEED / 100})")
    connection.execute(
        f"COPY (SELECT json FROM ({mixed}) ORDER BY random()) TO '{out}' "
        "(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\\x01')"
    )


def shuf(told: list[dict[str, Any]], out: str) -> None:
    """Coreutils: `shuf -n` of each file, then `shuf` of all."""
    steps = []
    for source in told:
        file = shlex.quote(source["lines"])
        epochs, rest = divmod(source["take"], source["records"])
        steps += [f"cat {file}"] * epochs + ([f"shuf -n {rest} {file}"] if rest else [])
    script = f"{{ {'; '.join(steps)}; }} | shuf -o {shlex.quote(out)}"
    subprocess.run(["bash", "-o", "pipefail", "-c", script], check=True, env={**os.environ, "LC_ALL": "C"})


WAYS = {way.__name__: way for way in (naive_json, naive_orjson, hf_interleave, polars_lines, duckdb_lines, shuf, mds)}

if __name__ == "__main__":
    amounts = Path(sys.argv[2])
    beside = [
        {**source, "path": str(amounts.parent / source["path"]), "lines": str(amounts.parent / source["lines"])}
        for source in json.loads(amounts.read_text())
    ]
    WAYS[sys.argv[1]](beside, sys.argv[3])
