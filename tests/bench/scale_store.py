"""A store that is made up, at any size: the five sources of the 665K mix, of which there are only index columns.

Every column follows from the number of the record, and keys are mixed numbers, so that none comes twice. A part that is
on disk is read like any; one that is not is made up when it is asked for: a driver can go through half a billion records
for which no disk has room. Records are as short as can be, but parts have as many as those of real length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import polars as pl
from amounts import RECIPES, SEED, scaled, taken
from llava_sources import SOURCES

from mixer import plans, pools
from mixer.columns import MEDIA, media_lists, schema, write_frame
from mixer.conversion import SPAN
from mixer.ordering import mix64_column, salt
from mixer.plans import Plan
from mixer.recipe import load_recipe
from mixer.roots import DataRoot
from mixer.store import Entry, Ledger, LedgerFile, Part

REAL = 1356
"""Bytes of a record of the 665K mix, on average."""
PART = SPAN // REAL
"""Records of a part."""
LENGTH = 15
"""Bytes of a record here, which is its number; scale.py sets it."""
LONG = 40
"""Turns more than others that one record in 16 has; a rule leaves it out of `vqa`."""


class Invented(Entry):
    """A converted source that never was."""

    def part_index(self, number: int, columns: list[str]) -> pl.DataFrame:
        """See Entry."""
        part = self.ledger.parts[number]
        if (self.folder / f"{part.name}.parquet").exists():
            return super().part_index(number, columns)
        wanted = {*columns, *(MEDIA if "media" in columns else ())}
        made = frame(self.ledger.address, part.first_item, part.records, sorted(wanted))
        if "media" in columns:
            made = made.with_columns(media_lists(made))
        return made.with_columns(pl.lit(number, dtype=pl.UInt32).alias("part"))

    def write(self) -> None:
        """Put the parts on disk, as a conversion leaves them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in self.ledger.parts:
            first = part.first_item
            with self.data(part).open("wb") as lines:
                lines.writelines(b"%0*d\n" % (LENGTH, number) for number in range(first, first + part.records))
            columns = frame(self.ledger.address, first, part.records, list(schema()))
            write_frame(columns, self.folder / f"{part.name}.parquet")


def frame(source: str, first: int, count: int, columns: Iterable[str]) -> pl.DataFrame:
    """Make up index columns of `count` records of a source, from the `first` on."""
    row = pl.int_range(count, dtype=pl.UInt64, eager=True)
    number = row + pl.Series([first], dtype=pl.UInt64)

    def key() -> pl.Series:
        return mix64_column(number, salt(source, SEED, "invented", 0))

    def digest() -> pl.Series:
        data = hashlib.shake_128(f"{source} {first}".encode()).digest(16 * count)
        return pl.Series([data[start : start + 16] for start in range(0, len(data), 16)], dtype=pl.Binary)

    def path() -> pl.Series:
        named = pl.concat_str(pl.lit("coco/train2017/"), pl.col("id"), pl.lit(".jpg"))
        return identifier().to_frame("id").select(named).to_series()

    def identifier() -> pl.Series:
        return number.cast(pl.String).str.zfill(12)

    makers: dict[str, Callable[[], pl.Series]] = {
        "item": lambda: row, "offset": lambda: row * (LENGTH + 1), "key": key, "digest": digest, "id": identifier,
        "paths": path, "turns": lambda: (number % 16 == 0).cast(pl.UInt32) * LONG + 2,
    }  # fmt: skip
    alike = {"length": LENGTH, "images": 1, "videos": 0, "audios": 0, "characters": LENGTH}
    alike |= {"literal_tokens": False, "separators": False}
    types = schema()
    return pl.DataFrame(
        [
            makers[name]().cast(types[name]).alias(name)
            if name in makers
            else pl.repeat(alike.get(name), count, dtype=types[name], eager=True).alias(name)
            for name in columns
            if name in types
        ]
    )


def entries(folder: Path, times: Fraction) -> dict[str, Invented]:
    """Give the five sources at so many times their records."""
    return {source.name: _entry(folder, source.name, scaled(source.records, times)) for source in SOURCES}


def _entry(folder: Path, name: str, records: int) -> Invented:
    firsts = range(0, records, PART)
    parts = [
        Part(f"part-{number:05d}", count, count * (LENGTH + 1), first, index_sha256="")
        for number, first in enumerate(firsts)
        for count in [min(PART, records - first)]
    ]
    ledger = Ledger(
        source="llava_json",
        address=name,
        options={},
        converter="",
        files=[LedgerFile(f"{name}.json", records * REAL, "0" * 64)],
        read=records,
        used=records,
        skipped={},
        bad={},
        made=records,
        parts=parts,
        lost_sha256="",
    )
    return Invented((folder / "sources" / "llava_json" / name).absolute(), ledger)


def planned(folder: Path, times: Fraction, shards: int) -> Plan:
    """Plan the 665K mix at so many times its records: whole sources, samples of two, one of them by a rule, one 1.44 times."""
    folder.mkdir(parents=True, exist_ok=True)
    made = entries(folder, times)
    recipe = load_recipe(_recipe(folder, times, shards))
    pools_ = [pools.pool(leaf, recipe, made[leaf.name], _never, (), (), expecting=False) for leaf in recipe.leaves()]
    leaves, size = plans._allot(recipe, pools_)
    return Plan(recipe, DataRoot(None, "given"), leaves, size, tuple(pools.shared_records(pools_)))


def _never(given: object) -> Entry:
    raise LookupError(f"{given}: nothing is compared here")


def _recipe(folder: Path, times: Fraction, shards: int) -> Path:
    lines = []
    for source in SOURCES:
        amount = RECIPES["mix"][source.name]
        kept = f", epochs: {float(amount)}" if isinstance(amount, Fraction) else ""
        if isinstance(amount, int):
            kept = f", count: {taken('mix', source, times)}"
        kept += f", where: turns < {LONG}" if source.name == "vqa" else ""
        lines.append(f"  {source.name}: {{use: llava_json, path: {source.name}.json{kept}}}\n")
    path = folder / "mix.yaml"
    output = f"output: {{for: jsonl, shards: {shards}}}\n"
    path.write_text(f"mixer: 1\nname: mix\nseed: {SEED}\nsources:\n{''.join(lines)}{output}")
    return path
