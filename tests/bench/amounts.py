"""How much of each source a mix takes: two recipes over the same five sources, and the same amounts for peers."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

from llava_sources import SOURCES, Source

SEED = 17

Amount = int | Fraction | None
"""Records at scale 1, epochs, or the whole once."""

RECIPES: dict[str, dict[str, Amount]] = {
    "mix": {"chat": None, "vqa": 140_000, "gqa": Fraction("1.44"), "ocr": 88_152, "grounding": None},
    "remix": {"chat": 180_000, "vqa": 150_000, "gqa": Fraction("1.2"), "ocr": 113_866, "grounding": None},
}
"""Both take 665,298 records at scale 1, the size of LLaVA-1.5's mix. `remix` is `mix` with its amounts changed."""


def half_up(value: Fraction) -> int:
    """Round to the next integer, halves up."""
    return (value + Fraction(1, 2)).__floor__()


def scaled(records: int, scale: Fraction) -> int:
    """Give a number of records at a scale; never none."""
    return max(1, half_up(records * scale))


def taken(recipe: str, source: Source, scale: Fraction) -> int:
    """Say how many records of a source a recipe takes; more than it has is more than one epoch."""
    amount, pool = RECIPES[recipe][source.name], scaled(source.records, scale)
    if isinstance(amount, Fraction):
        return half_up(amount * pool)
    return pool if amount is None else min(pool, scaled(amount, scale))


def total(recipe: str, scale: Fraction) -> int:
    """Say how many records a mix has."""
    return sum(taken(recipe, source, scale) for source in SOURCES)


def write_recipes(folder: Path, scale: Fraction) -> None:
    """Write both recipes beside the sources, and what peers are told: files, records, how many to take."""
    for name, amounts in RECIPES.items():
        entries = []
        for source in SOURCES:
            amount = amounts[source.name]
            kept = f", epochs: {float(amount)}" if isinstance(amount, Fraction) else ""
            if isinstance(amount, int):
                kept = f", count: {taken(name, source, scale)}"
            entries.append(f"  {source.name}: {{use: {source.use}, path: {source.file}{kept}}}\n")
        text = f"mixer: 1\nname: {name}\nseed: {SEED}\nsources:\n{''.join(entries)}"
        (folder / f"{name}.yaml").write_text(text)
    told = [
        {
            "path": source.file,
            "lines": str(lines_of(folder, source).relative_to(folder)),
            "records": scaled(source.records, scale),
            "take": taken("remix", source, scale),
        }
        for source in SOURCES
    ]
    (folder / "amounts.json").write_text(json.dumps(told, indent=1))


def lines_of(folder: Path, source: Source) -> Path:
    """Give the file that holds a source's records as JSON Lines: its own, or the copy."""
    return folder / source.file if source.lines else folder / "lines" / f"{source.name}.jsonl"
