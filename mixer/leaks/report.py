"""What leaks, by source and benchmark: for people who look before they build."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mixer.collection import Collection, Records
from mixer.leaks import questions
from mixer.leaks.gate import Found, Gate, gate
from mixer.leaks.registry import WAYS, Way
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.resolved import Decontaminate
from mixer.tables import cut, number, table

if TYPE_CHECKING:
    import polars as pl

EXAMPLES = 5
"""Of hits that are listed of each source and benchmark."""


@dataclass(frozen=True)
class Example:
    """A record that leaks, and by what."""

    id: str
    why: str


@dataclass
class Leaf:
    """What was found of a source."""

    name: str
    source: str
    records: int = 0
    with_images: int = 0
    unkeyed: int = 0
    """Records with images none of which has a key."""
    unseen: int = 0
    """Images that content or look would have to be compared of, and which are missing or damaged."""
    leaked: int = 0
    """Records that leak at least one benchmark."""
    hits: Counter[str] = field(default_factory=Counter)
    """Records by benchmark."""
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Records by benchmark and way."""
    examples: dict[str, list[Example]] = field(default_factory=dict)
    first_unseen: str = ""


@dataclass(frozen=True)
class Looked:
    """A benchmark that was looked for."""

    name: str
    entries: int
    """Of its lists."""
    holds: Mapping[Way, int]
    """What records were compared with, by way: images, ids, questions, hashes."""


@dataclass(frozen=True)
class LeakReport:
    """What was found."""

    name: str
    benchmarks: tuple[Looked, ...]
    leaves: tuple[Leaf, ...]
    notes: tuple[str, ...]

    @property
    def leaked(self) -> int:
        """Count the records that leak."""
        return sum(leaf.leaked for leaf in self.leaves)

    @property
    def uncompared(self) -> list[str]:
        """Say where images could not be compared, so that nothing is known of them; a line a source."""
        return [
            f"{leaf.name}: {leaf.unseen:,} images could not be compared, such as {leaf.first_unseen}"
            for leaf in self.leaves
            if leaf.unseen
        ]

    def values(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {
            "name": self.name,
            "benchmarks": {each.name: {"entries": each.entries, "holds": {**each.holds}} for each in self.benchmarks},
            "sources": {leaf.name: self._leaf(leaf) for leaf in self.leaves},
            "records": sum(leaf.records for leaf in self.leaves),
            "leaked": self.leaked,
            "notes": list(self.notes),
        }

    def _leaf(self, leaf: Leaf) -> dict[str, Any]:
        return {
            "source": leaf.source,
            "records": leaf.records,
            "with_images": leaf.with_images,
            "no_key": leaf.unkeyed,
            "unseen_images": leaf.unseen,
            "leaked": leaf.leaked,
            "benchmarks": {
                each.name: {
                    "records": leaf.hits[each.name],
                    "ways": {way: leaf.ways[each.name, way] for way in each.holds},
                    "examples": [vars(example) for example in leaf.examples.get(each.name, ())],
                }
                for each in self.benchmarks
            },
        }

    def text(self) -> str:
        """Give it as tables: records by source and benchmark, then by way, then examples."""
        names = [each.name for each in self.benchmarks]
        counts = [
            [leaf.records, leaf.with_images, leaf.unkeyed, *(leaf.hits[name] for name in names), leaf.leaked]
            for leaf in self.leaves
        ]
        header = ["source", "records", "with images", "no key", *names, "leaked"]
        total = [sum(column) for column in zip(*counts, strict=True)] if counts else [0] * (len(header) - 1)
        rows = [[leaf.name, *map(number, row)] for leaf, row in zip(self.leaves, counts, strict=True)]
        lines = [table(header, rows, total=["total", *map(number, total)])]
        lines += ["", table(["benchmark", "<by", "compared with", "records", "<for example"], self._by_way())]
        return "\n".join([*lines, *self.uncompared, *self.notes])

    def _by_way(self) -> Iterator[list[str]]:
        for each in self.benchmarks:
            for way in each.holds:
                found = sum(leaf.ways[each.name, way] for leaf in self.leaves)
                examples = [one for leaf in self.leaves for one in leaf.examples.get(each.name, ())]
                shown = f"{examples[0].id}: {examples[0].why}" if examples and found else ""
                yield [each.name, way, number(each.holds[way]), number(found), cut(shown, 60)]


def check(collection: Collection, asked: Decontaminate, store: Path, workers: Engine, progress: Progress) -> LeakReport:
    """Look through a recipe, source or mix for leaks; nothing is changed. Raises as `gate`."""
    rule = gate(asked, store, workers, progress)
    matcher = questions.Matcher(rule.asked) if rule.asked else None
    total = sum(len(records) for records in collection.leaves)
    with progress("looking for leaks", total, "records") as advance:
        leaves = []
        for records in collection.leaves:
            leaf = Leaf(records.name, records.source)
            for frame in _frames(records, rule, matcher):
                _count(leaf, frame, rule.find(frame, records.source, records.media), rule)
                advance(frame.height)
            leaves.append(leaf)
    benchmarks = tuple(Looked(each.name, each.entries, rule.holds(at)) for at, each in enumerate(rule.targets))
    return LeakReport(collection.name, benchmarks, tuple(leaves), rule.notes)


def _frames(records: Records, rule: Gate, matcher: questions.Matcher | None) -> Iterator[pl.DataFrame]:
    """Read what the gate looks at; what records share with questions is found out here, and not remembered."""
    import polars as pl

    lines = records.lines() if matcher else iter(())
    for frame in records.frames(sorted({"id", *rule.columns} - {questions.COLUMN})):
        if matcher is None:
            yield frame
            continue
        shared = [questions.told(matcher.find(questions.human_turns(line))) for line in islice(lines, frame.height)]
        yield frame.with_columns(pl.Series(questions.COLUMN, shared, dtype=pl.String))


def _count(leaf: Leaf, frame: pl.DataFrame, found: Found, rule: Gate) -> None:
    """Add what was found of some records of a source."""
    import polars as pl

    leaf.records += frame.height
    leaf.with_images += frame.filter(pl.col("images") > 0).height
    leaf.unkeyed += found.unkeyed
    leaf.unseen += len(found.missing)
    leaf.first_unseen = leaf.first_unseen or next(iter(found.missing), "")
    leaf.leaked += found.hits["row"].n_unique()
    names = [each.name for each in rule.targets]
    counted = found.hits.group_by("number", "way").agg(pl.len().alias("records"))
    for at, way, records in counted.iter_rows():
        leaf.ways[names[at], WAYS[way]] += records
    firsts = found.hits.unique(["row", "number"], keep="first", maintain_order=True)
    for at, records in firsts.group_by("number").agg(pl.len()).iter_rows():
        leaf.hits[names[at]] += records
    for row, at, _, told in (
        firsts.group_by("number", maintain_order=True).head(EXAMPLES).select(firsts.columns).iter_rows()
    ):
        examples = leaf.examples.setdefault(names[at], [])
        if len(examples) < EXAMPLES:
            examples.append(Example(frame["id"][row], told))
