"""Embeddings that lie in files: a folder that `mixer embed` wrote, or the user's own Parquet or .npy with names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mixer.embedding import vectors_folder
from mixer.errors import DataError, MissingFile, UsageError
from mixer.extras import need
from mixer.fingerprints import first_line

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

ROWS = 1 << 14
"""Rows that are read at once."""
NAMES = ("sha256", "path", "image", "item", "name", "file", "key", "id")
"""Columns of a Parquet file that may say whose embedding a row is, the first of them that is there."""
_MAGIC = b"\x93NUMPY"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_TEXT = re.compile(r"[\ud800-\udfff\0]")
"""What no file's name holds, and UTF-8 cannot."""


@dataclass(frozen=True)
class Vectors:
    """Embeddings by name: all finite, none of them zero."""

    keys: list[str]
    """Sorted, each once."""
    by: Literal["sha256", "path"]
    """What keys are: hashes of images' bytes, or image paths as in records."""
    matrix: np.ndarray
    """(keys, width) float32, C order, as they came: not normalised."""
    model: Mapping[str, Any] | None = None
    """What is known of the model, see vectors_folder.py; None: the user made them."""


@dataclass(frozen=True)
class _Rows:
    """A file's rows: their names, in the order of the rows, and the vectors piece by piece."""

    names: Sequence[str]
    width: int
    pieces: Callable[[], Iterator[np.ndarray]]


def load(path: Path, names: Path | None = None) -> Vectors:
    """Read embeddings: a folder of `mixer embed`, a .parquet file, or a .npy file (N x width) with `names`.

    Parquet has a column of names (see NAMES) and one of lists or arrays of floats, `embedding` if there are several.
    `names` is a JSON array (.json) or a text of one name a line. Names are hashes where the column is `sha256` or all of
    them look like one, else image paths. Several rows of one name must be equal. Memory: the matrix, and ROWS rows.

    Raises UsageError for what is none of these, MissingFile, and DataError for rows that cannot be used, by name.
    """
    need("numpy", "dedup")
    if not path.exists():
        raise MissingFile(f"{path}: no such file of embeddings; make them with `mixer embed`")
    if path.suffix == ".npy" and path.is_file():
        if names is None:
            raise UsageError(f"{path}: a .npy needs the file of its rows' names")
        return _gathered(path, _npy_rows(path, _read_names(names), names))
    if names is not None:
        raise UsageError(f"{names}: names go with a .npy only; {path} has its own")
    if path.is_dir():
        model = vectors_folder.model_of(path)
        parts = [_parquet_rows(part) for part in vectors_folder.parts(path)]
        return _gathered(path, _joined(path, parts, model["width"]), model)
    return _gathered(path, _parquet_rows(path))


def _gathered(path: Path, rows: _Rows, model: Mapping[str, Any] | None = None) -> Vectors:
    """Put rows in the order of their names, and refuse those that cannot be used."""
    import numpy as np

    keys = sorted(set(rows.names))
    place = {name: at for at, name in enumerate(keys)}
    places = np.fromiter((place[name] for name in rows.names), dtype=np.int64, count=len(rows.names))
    first = np.zeros(len(places), dtype=bool)
    first[np.unique(places, return_index=True)[1]] = True
    matrix = np.empty((len(keys), rows.width), dtype=np.float32)
    at = 0
    for piece in rows.pieces():
        span = slice(at, at + len(piece))
        with np.errstate(over="ignore"):
            vectors = piece.astype(np.float32)
        _refuse_unusable(path, vectors, rows.names[span])
        new = first[span]
        matrix[places[span][new]] = vectors[new]
        differing = np.flatnonzero((matrix[places[span]] != vectors).any(axis=1))
        if differing.size:
            name = rows.names[at + int(differing[0])]
            raise DataError(f"{path}: {name} has several embeddings that differ; leave one")
        at += len(piece)
    hashes = model is not None or (bool(keys) and all(map(_SHA256.fullmatch, keys)))
    return Vectors(keys, "sha256" if hashes else "path", matrix, model)


def _refuse_unusable(path: Path, vectors: np.ndarray, names: Sequence[str]) -> None:
    """Refuse rows whose cosines mean nothing."""
    import numpy as np

    for bad, said in (
        (~np.isfinite(vectors).all(axis=1), "NaN or infinite values in float32"),
        (~vectors.any(axis=1), "nothing but zeros"),
    ):
        found = np.flatnonzero(bad)
        if found.size:
            more = f", and {found.size - 1:,} near it do too" if found.size > 1 else ""
            raise DataError(f"{path}: the embedding of {names[int(found[0])]} has {said}{more}; leave such rows out")


def _npy_rows(path: Path, names: list[str], names_file: Path) -> _Rows:
    """Map a .npy file; nothing in it can run code."""
    import numpy as np

    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise DataError(f"{path}: is no .npy file, whatever its name says; `numpy.save` writes one")
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise DataError(f"{path}: cannot be read as .npy: {first_line(error)}") from error
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind != "f" or not array.shape[1]:
        got = f"{getattr(array, 'dtype', 'an archive')} of shape {getattr(array, 'shape', '?')}"
        raise DataError(f"{path}: expected floats of shape (images, width), got {got}")
    if len(names) != len(array):
        raise DataError(f"{names_file}: expected {len(array):,} names, one for each row of {path}, got {len(names):,}")
    return _Rows(names, array.shape[1], lambda: (array[start : start + ROWS] for start in range(0, len(array), ROWS)))


def _read_names(path: Path) -> list[str]:
    """Read names: a JSON array of strings, or one a line."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        found = json.loads(text) if path.suffix == ".json" else text.removesuffix("\n").split("\n") if text else []
    except FileNotFoundError:
        raise MissingFile(f"{path}: no such file of names") from None
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    if not isinstance(found, list):
        raise DataError(f"{path}: expected an array of names, got another JSON value")
    for number, name in enumerate(found, 1):
        if not isinstance(name, str) or not name.strip() or _NO_TEXT.search(name):
            raise DataError(f"{path}: name {number:,} is {json.dumps(name)[:100]}; expected a path or a sha256")
    return found if path.suffix == ".json" else [name.removesuffix("\r") for name in found]


def _parquet_rows(path: Path) -> _Rows:
    """Find the columns of a Parquet file."""
    import polars as pl

    try:
        lazy = pl.scan_parquet(path, glob=False)
        schema = lazy.collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {first_line(error)}") from error
    name = next((name for name in NAMES if schema.get(name) == pl.String), None)
    if name is None:
        got = ", ".join(f"{each} ({type_})" for each, type_ in schema.items())
        raise DataError(f"{path}: expected a column of names ({', '.join(NAMES)}) as text, got {got}")
    vectors = [each for each, type_ in schema.items() if _is_vector(type_)]
    if len(vectors) > 1 and "embedding" in vectors:
        vectors = ["embedding"]
    if len(vectors) != 1:
        raise DataError(
            f"{path}: expected one column of lists of floats, or one named embedding, got {', '.join(vectors) or 'none'}"
        )
    names = _collected(path, lazy.select(name))[name]
    if names.null_count():
        raise DataError(f"{path}: row {names.is_null().arg_true()[0] + 1:,} has no {name}")
    told = names.to_list()
    hashes = [each for each in told if not _SHA256.fullmatch(each)] if name == "sha256" else []
    if hashes:
        raise DataError(f"{path}: {hashes[0]!r} in column sha256 is none; expected 64 of 0-9 and a-f")
    width = _width(path, lazy.select(vectors[0]), told)
    return _Rows(told, width, lambda: _parquet_pieces(path, lazy.select(vectors[0]), told, width))


def _is_vector(type_: pl.DataType) -> bool:
    import polars as pl

    return isinstance(type_, (pl.List, pl.Array)) and type_.inner.is_float()


def _width(path: Path, lazy: pl.LazyFrame, names: list[str]) -> int:
    """Give the width of the first row, which the others must have."""
    frame = _collected(path, lazy.head(1))
    first = frame.to_series()[0] if names else None
    if names and not (first is not None and len(first)):
        raise DataError(f"{path}: {names[0]} has no embedding")
    return 0 if first is None else len(first)


def _parquet_pieces(path: Path, lazy: pl.LazyFrame, names: list[str], width: int) -> Iterator[np.ndarray]:
    import polars as pl

    for start in range(0, len(names), ROWS):
        column = _collected(path, lazy.slice(start, ROWS)).to_series()
        lists = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
        widths = lists.list.len().fill_null(0)
        other = (widths != width).arg_true()
        if len(other):
            at = other[0]
            raise DataError(f"{path}: the embedding of {names[start + at]} has width {widths[at]}, others have {width}")
        # A value that is missing becomes NaN, which is refused.
        yield lists.explode().to_numpy().reshape(len(lists), width)


def _collected(path: Path, lazy: pl.LazyFrame) -> pl.DataFrame:
    import polars as pl

    try:
        return lazy.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {first_line(error)}") from error


def _joined(path: Path, parts: list[_Rows], width: int) -> _Rows:
    """Take the parts of a folder as one."""
    other = [part for part in parts if part.names and part.width != width]
    if other:
        raise DataError(f"{path}: a part's embeddings have width {other[0].width}, its model.json says {width}")
    names = [name for part in parts for name in part.names]
    return _Rows(names, width, lambda: (piece for part in parts for piece in part.pieces()))
