"""Records by vectors that the user brings, one for each: which vector is whose."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from mixer.collection import Collection, Records
from mixer.conversation import encode
from mixer.errors import DataError
from mixer.texts.reading import digest_of, group_of, items_of
from mixer.texts.spoken import base_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from mixer.embedding.brought import Vectors

_KEY = re.compile(r"[0-9a-f]{16}")


def placed(collection: Collection, vectors: Vectors, *, media: bool) -> pl.DataFrame:
    """Find each record's vector. Names are keys where all of them are 16 hex digits, else ids.

    Gives item, content, folder (the source), group (UInt64) and place (UInt32): the row of the matrix. `media`: only
    records of the same media are alike. Raises DataError where a record has no vector, and where records that differ
    share an id, and so a vector.
    """
    import polars as pl

    by = "key" if vectors.keys and all(map(_KEY.fullmatch, vectors.keys)) else "id"
    named = pl.DataFrame({by: vectors.keys}, schema={by: pl.String}).with_row_index("place")
    schema = dict.fromkeys(("item", "folder", "id", "key"), pl.String) | {"digest": pl.Binary, "names": pl.Binary}
    told = pl.concat(
        [
            pl.DataFrame(schema=schema),
            *(frame for records in collection.leaves for frame in _told(records, media=media)),
        ]
    )
    told = told.unique("item", keep="first", maintain_order=True).join(named, on=by, how="left", maintain_order="left")
    _check(told, by)
    hashes = {at: blake2b(vectors.matrix[at].tobytes(), digest_size=16).digest() for at in set(told["place"].to_list())}
    names = told["names"].to_list()
    contents = [digest_of(name, hashes[at]) for name, at in zip(names, told["place"].to_list(), strict=True)]
    return told.select(
        "item",
        pl.Series("content", contents, dtype=pl.String),
        "folder",
        pl.Series("group", map(group_of, names), dtype=pl.UInt64),
        "place",
    )


def _told(records: Records, *, media: bool) -> Iterator[pl.DataFrame]:
    """Read what records are told by; `names` are those of their media as bytes."""
    import polars as pl

    for frame in records.frames(["id", "key", "digest", "media"]):
        items = items_of(records.source, frame["key"])
        names = [encode([base_name(path) for path in paths]) if media else b"" for paths in frame["media"].to_list()]
        yield frame.select(
            items,
            pl.lit(records.source).alias("folder"),
            "id",
            items.str.tail(16).alias("key"),
            "digest",
            pl.Series("names", names, dtype=pl.Binary),
        )


def _check(told: pl.DataFrame, by: str) -> None:
    import polars as pl

    missing = told.filter(told["place"].is_null())
    if missing.height:
        raise DataError(
            f"{missing.height:,} of {told.height:,} records have no embedding by their {by}, such as {missing[by][0]!r} of "
            f"{missing['folder'][0]}; bring one for each, named by the record's id or by its key"
        )
    unlike = told.unique([by, "digest"]).filter(pl.col(by).is_duplicated())
    if unlike.height:
        raise DataError(
            f"{unlike[by].n_unique():,} ids are those of several records that differ, such as {unlike[by].min()!r}; name "
            "the embeddings by the records' keys, 16 hex digits"
        )
