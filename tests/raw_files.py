"""Raw files of a miniature taken apart and put together again, whatever their shape."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
from conftest import records

TABLES = (".parquet", ".csv", ".tsv")
"""Files whose columns are the file's, not the record's."""


def opened(path):
    """Give a file's records, and what writes others in their place."""
    return _SHAPES.get(path.suffix, _json)(path)


def without_column(path, name):
    """Take a column from a table; say whether it was there."""
    values, _write = opened(path)
    if not any(name in each for each in values):
        return False
    kept = [{key: value for key, value in each.items() if key != name} for each in values]
    if path.suffix == ".parquet":
        pl.read_parquet(path).drop(name).write_parquet(path)
    else:
        _write_rows(path, kept)
    return True


def _lines(path):
    return records(path), lambda kept: _write(path, "".join(json.dumps(each) + "\n" for each in kept))


def _json(path):
    """An array, an object with records by id, or one with them in a member."""
    whole = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(whole, list):
        return whole, lambda kept: _write(path, json.dumps(kept))
    lists = [name for name, member in whole.items() if isinstance(member, list)]
    if lists:
        return whole[lists[0]], lambda kept: _write(path, json.dumps({**whole, lists[0]: kept}))
    keys = {id(record): key for key, record in whole.items()}
    return list(whole.values()), lambda kept: _write(path, json.dumps({keys[id(each)]: each for each in kept}))


def _parquet(path):
    frame = pl.read_parquet(path)
    return frame.to_dicts(), lambda kept: pl.DataFrame(kept, schema=frame.schema).write_parquet(path)


def _rows(path):
    with path.open(encoding="utf-8", newline="") as lines:
        values = list(csv.DictReader(lines, delimiter=_delimiter(path)))
    return values, lambda kept: _write_rows(path, kept)


def _write_rows(path, kept):
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(kept[0]), delimiter=_delimiter(path))
        writer.writeheader()
        writer.writerows(kept)


def _delimiter(path):
    return "\t" if path.suffix == ".tsv" else ","


def _write(path: Path, text: str):
    path.write_text(text, encoding="utf-8")


_SHAPES = {".jsonl": _lines, ".parquet": _parquet, ".csv": _rows, ".tsv": _rows}
