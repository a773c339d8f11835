"""Raw files of a miniature taken apart and put together again, whatever their shape."""

from __future__ import annotations

import csv
import io
import json
import pickle
from pathlib import Path

import polars as pl
from conftest import records

from mixer.readers import csv_rows

TABLES = (".parquet", ".csv", ".tsv")
"""Files whose columns are the file's, not the record's."""


def opened(path, reader=None):
    """Give a file's records, and what writes others in their place; of a table without a header its reader tells."""
    if _has_no_header(reader):
        return _bare_rows(path, reader.dialect)
    return _SHAPES.get(path.suffix, _json)(path)


def is_table(path, reader=None):
    """Say whether a file's columns are the file's: a table with a header, or parallel lists."""
    return not _has_no_header(reader) and (path.suffix in TABLES or bool(_lists_of(path)))


def _has_no_header(reader):
    return isinstance(reader, csv_rows.Table) and reader.dialect.columns is not None


def without_column(path, name):
    """Take a column from a table; say whether it was there."""
    values, _ = opened(path)
    if not any(name in each for each in values):
        return False
    kept = [{key: value for key, value in each.items() if key != name} for each in values]
    if path.suffix == ".parquet":
        pl.read_parquet(path).drop(name).write_parquet(path)
    elif lists := _lists_of(path):
        _write(path, json.dumps({key: value for key, value in lists.items() if key != name}))
    else:
        _write_rows(path, kept)
    return True


def _lists_of(path):
    """Give the parallel lists of texts of a JSON object, or none."""
    if path.suffix != ".json":
        return {}
    whole = json.loads(path.read_text(encoding="utf-8"))
    lists = list(whole.values()) if isinstance(whole, dict) else []
    return (
        whole if lists and all(isinstance(each, list) and each and isinstance(each[0], str) for each in lists) else {}
    )


def _lines(path):
    return records(path), lambda kept: _write(path, "".join(json.dumps(each) + "\n" for each in kept))


def _json(path):
    """An array, an object with records by id, or one with them in a member, or in `dialogs` of `data`."""
    whole = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(whole, list):
        return whole, lambda kept: _write(path, json.dumps(kept))
    if columns := _lists_of(path):
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return rows, lambda kept: _write(path, json.dumps({name: [row[name] for row in kept] for name in columns}))
    lists = [name for name, member in whole.items() if isinstance(member, list)]
    if lists:
        name = "annotations" if "annotations" in lists else lists[0]  # COCO's files list the images, too
        return whole[name], lambda kept: _write(path, json.dumps({**whole, name: kept}))
    data = whole.get("data")
    if isinstance(data, dict) and all(isinstance(each, dict) for each in data.values()):
        ids = {id(record): key for key, record in data.items()}
        return list(data.values()), lambda kept: _write(
            path, json.dumps({**whole, "data": {ids[id(each)]: each for each in kept}})
        )
    held = whole.get("data")
    if isinstance(held, dict) and "dialogs" in held:
        return held["dialogs"], lambda kept: _write(path, json.dumps({**whole, "data": {**held, "dialogs": kept}}))
    keys = {id(record): key for key, record in whole.items()}
    return list(whole.values()), lambda kept: _write(path, json.dumps({keys[id(each)]: each for each in kept}))


def _parquet(path):
    frame = pl.read_parquet(path)
    return frame.to_dicts(), lambda kept: pl.DataFrame(kept, schema=frame.schema).write_parquet(path)


def _rows(path):
    with path.open(encoding="utf-8", newline="") as lines:
        values = list(csv.DictReader(lines, delimiter=_delimiter(path)))
    return values, lambda kept: _write_rows(path, kept)


def _bare_rows(path, dialect):
    """Rows without a header, below lines of comments."""
    lines = path.read_bytes().decode(dialect.encoding).splitlines(keepends=True)
    comments = [line for line in lines if dialect.comment and line.startswith(dialect.comment)]
    values = [
        dict(zip(dialect.columns, row, strict=True)) for row in dialect.parse(iter(lines[len(comments) :])) if row
    ]

    def write(kept):
        text = io.StringIO("".join(comments), newline="")
        text.seek(0, io.SEEK_END)
        csv.writer(text, delimiter=dialect.delimiter, lineterminator="\n").writerows(each.values() for each in kept)
        path.write_bytes(text.getvalue().encode(dialect.encoding))

    return values, write


def _write_rows(path, kept):
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(kept[0]), delimiter=_delimiter(path))
        writer.writeheader()
        writer.writerows(kept)


def _pickled(path):
    return pickle.loads(path.read_bytes(), encoding="latin-1"), lambda kept: path.write_bytes(pickle.dumps(kept, 2))


def _delimiter(path):
    return "\t" if path.suffix == ".tsv" else ","


def _write(path: Path, text: str):
    path.write_text(text, encoding="utf-8")


_SHAPES = {".jsonl": _lines, ".p": _pickled, ".parquet": _parquet, ".csv": _rows, ".tsv": _rows}
