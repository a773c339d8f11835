"""The folder that `mixer dedup` writes: the file for recipes, the table, and who stays and goes at each threshold.

near.parquet          the pairs, for recipes; see near_file.py
table.json, table.md  the table, and how it was made
kept-0.9.txt          what stays at the threshold 0.9, one item a line
dropped-0.9.jsonl     what goes, with its twin and how alike the two are
problems.jsonl        what could not be compared, and why
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mixer import atomic
from mixer.near import near_file, table
from mixer.near.comparing import Compared
from mixer.near.fates import fates
from mixer.near.near_file import About
from mixer.near.table import Row, Table

if TYPE_CHECKING:
    import polars as pl

_OURS = re.compile(r"near\.parquet|table\.(json|md)|problems\.jsonl|kept-[\d.]+\.txt|dropped-[\d.]+\.jsonl")
BATCH = 10_000
"""Lines that are encoded together."""


@dataclass(frozen=True)
class Results:
    """All that is written."""

    about: About
    items: pl.DataFrame
    """item, content, folder and node, as `near_file.with_nodes` gives them."""
    compared: Compared
    problems: pl.DataFrame
    """item, folder, problem."""
    records: Mapping[str, int]
    """Records by folder."""
    by: str
    """What `folder` is called in the table."""
    item: str
    """What an item is called in the lists: image or text."""
    more: Mapping[str, Any]
    """What else table.json says."""


def tabled(results: Results, gone: Sequence[pl.DataFrame]) -> Table:
    """Count by folder; `gone` are the items that go, by threshold."""
    distinct, left_out = _counts(results.items), _counts(results.problems)
    similar = [_counts(each) for each in gone]
    names = sorted({*distinct, *left_out, *results.records})
    rows = (
        Row(
            name,
            results.records.get(name, 0),
            distinct.get(name, 0),
            left_out.get(name, 0),
            tuple(each.get(name, 0) for each in similar),
        )
        for name in names
    )
    return Table(results.by, f"{results.item}s", results.compared.thresholds, tuple(rows))


def _counts(frame: pl.DataFrame) -> dict[str, int]:
    return dict(frame["folder"].value_counts().iter_rows())


def refuse(target: Path, store: Path) -> None:
    """Refuse a folder that lies in the store or holds something else than such results. Raises UsageError."""
    atomic.refuse_unspeakable(target)
    atomic.refuse_overlap(target, store)
    atomic.refuse_foreign(target, _foreign)


def _foreign(folder: Path) -> str | None:
    other = sorted(path.name for path in folder.iterdir() if not _OURS.fullmatch(path.name))
    return f"holds {other[0]}, which is no list of near-duplicates" if other else None


def write(target: Path, results: Results) -> tuple[Table, dict[str, Any]]:
    """Write the folder whole or not at all, replacing older results; give the table, and what table.json says."""
    import polars as pl

    judged = [fates(results.items, kept) for kept in results.compared.kept]
    gone = [each.filter(pl.col("twin").is_not_null()) for each in judged]
    told = tabled(results, gone)
    said = {
        **asdict(results.about),
        "pairs": len(results.compared.pairs),
        **results.more,
        **table.values(told),
    }
    with atomic.replacing(target, check=lambda: atomic.refuse_foreign(target, _foreign)) as folder:
        near_file.write(folder / near_file.NAME, results.items, results.compared.pairs, results.about)
        atomic.write_file(folder / "table.json", json.dumps(said, indent=2, ensure_ascii=False).encode() + b"\n")
        atomic.write_file(folder / "table.md", table.markdown(told).encode() + b"\n")
        for threshold, each, lost in zip(results.compared.thresholds, judged, gone, strict=True):
            stays = each.filter(pl.col("twin").is_null())["item"]
            _lines(folder / f"kept-{threshold}.txt", (f"{item}\n".encode() for item in stays))
            _lines(folder / f"dropped-{threshold}.jsonl", _encoded(lost, results.item, results.by, "twin", "score"))
        _lines(folder / "problems.jsonl", _encoded(results.problems, results.item, results.by, "problem"))
    return told, said


def _encoded(frame: pl.DataFrame, item: str, by: str, *columns: str) -> Iterable[bytes]:
    for values in frame.select("item", "folder", *columns).iter_rows():
        yield msgspec.json.encode(dict(zip((item, by, *columns), values, strict=True))) + b"\n"


def _lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write a new file a few thousand lines at a time."""
    file, waiting = atomic.DurableFile(path), []
    try:
        for line in lines:
            waiting.append(line)
            if len(waiting) == BATCH:
                file.write(b"".join(waiting))
                waiting.clear()
        file.write(b"".join(waiting))
    finally:
        file.close(sync=True)
