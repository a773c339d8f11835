"""What a recipe means once its text is read: the tree of leaves and groups with amounts, all frozen and printable.

recipe.py makes these from YAML; pools, planning, selection and ordering work on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from mixer.sources import Options
from mixer.where import Where

Unit = Literal["samples", "turns", "images", "tokens", "target_tokens"]
OnShort = Literal["error", "repeat", "redistribute", "shrink"]
Order = Literal["shuffle", "spread", "blocks"]
AmountKind = Literal["count", "epochs", "budget", "share", "weight"]
Kind = Literal["instruct", "preference"]
MatchBy = Literal["content", "prompt", "id", "image"]
Scope = Literal["source", "mix"]
LeakBy = Literal["id", "image", "content", "perceptual", "question", "image_question"]


@dataclass(frozen=True)
class Amount:
    """How much of a leaf or group: `count` in records, `epochs` a factor, `budget` in the unit, `share` of 1, `weight`."""

    kind: AmountKind
    value: Fraction


ALL_ONCE = Amount("epochs", Fraction(1))
"""What a leaf gets when its recipe says nothing."""


@dataclass(frozen=True)
class Input:
    """Which raw files to convert and how: a source with its options, the user's own path, moved files."""

    source: str
    options: Options
    path: Path | None = None
    files: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    """Published path -> where the recipe says it lies."""


@dataclass(frozen=True)
class Match:
    """One entry of `except` or `only`: the records of another input, and by what they are the same."""

    input: Input
    by: MatchBy
    expect: int | None = None


@dataclass(frozen=True)
class Leaf:
    """One source with its pool rules and amount; `name` is its key in the recipe."""

    name: str
    input: Input
    amount: Amount = ALL_ONCE
    where: Where | None = None
    except_: tuple[Match, ...] = ()
    only: tuple[Match, ...] = ()
    max_per_image: int | None = None
    max_epochs: Fraction | None = None

    def same_pool(self, other: Leaf) -> bool:
        """Say whether two leaves are one in all but their amounts."""
        return _without_amount(self) == _without_amount(other)


def _without_amount(leaf: Leaf) -> tuple[object, ...]:
    return (leaf.name, leaf.input, leaf.where, leaf.except_, leaf.only, leaf.max_per_image, leaf.max_epochs)


@dataclass(frozen=True)
class Group:
    """A nested recipe: children whose amounts are relative to the group's own."""

    name: str
    children: tuple[Leaf | Group, ...]
    amount: Amount | None = None
    """None: nothing was said, so the children's amounts hold as they are written."""
    size: int | None = None
    """The nested recipe's own `size`, which its fixed amounts are relative to."""


@dataclass(frozen=True)
class Shards:
    """How a target's records are cut into files: into so many, of so many records, or of so many bytes at most."""

    by: Literal["shards", "records", "bytes"]
    value: int


@dataclass(frozen=True)
class Output:
    """One target of the mix: a writer's name and what it does with records that the target cannot express."""

    target: str = "llava"
    inexpressible: Literal["error", "drop"] = "error"
    shards: Shards | None = None
    """None: one file."""
    compression: Literal["zstd"] | None = None
    separators: Literal["refuse", "keep"] = "refuse"
    """Whether texts that hold what a template parts turns by are beyond the target."""


@dataclass(frozen=True)
class Part:
    """One of the parts that a conversion is cut into for several machines: `number` of `of`, from 1."""

    number: int
    of: int


@dataclass(frozen=True)
class Near:
    """Which near-duplicates go: those of a file that `mixer dedup` wrote, at or above a threshold."""

    file: Path
    threshold: Fraction


@dataclass(frozen=True)
class Dedup:
    """Near-duplicates of one another go but one, within each leaf (`source`) or among all of the mix."""

    images: Near | None = None
    text: Near | None = None
    scope: Scope = "source"


@dataclass(frozen=True)
class Benchmark:
    """A benchmark whose images or questions must not be in the mix, and the user's copies of its lists."""

    name: str
    """In the registry, or one of the user's own."""
    files: tuple[Path, ...] = ()
    by: tuple[LeakBy, ...] = ()
    """How records are matched; nothing said: as the registry says."""
    key: str | None = None
    """For a list of the user's own: what its entries are, such as `coco`; else as the registry says."""
    field: str | None = None
    """For a list of the user's own: where an entry stands in its records; else as the registry says."""
    images: Path | None = None
    """Folder of the benchmark's images, for `content` and `perceptual`."""
    ngram: int = 13
    """For `question`: words in a row that must be the same; a shorter question must be the same as a whole."""
    distance: int = 4
    """For `perceptual`: bits of 64 in which a picture's hash may differ."""


@dataclass(frozen=True)
class Decontaminate:
    """The gate against leaks."""

    benchmarks: tuple[Benchmark, ...]
    on_leak: Literal["error", "drop"] = "error"
    image_data: Path | None = None
    """Visual Genome's image_data.json, which says which of its images are of COCO and of Flickr."""


@dataclass(frozen=True)
class Licences:
    """Which licences a mix may use."""

    allow: tuple[str, ...]
    unknown: Literal["error", "allow"] = "error"


@dataclass(frozen=True)
class Tokens:
    """How tokens are counted."""

    tokenizer: Path
    """A tokenizer.json."""
    image: int | str = 0
    """Visual tokens of an image: a number, or the name of a rule that looks at its size."""


@dataclass(frozen=True)
class Curation:
    """What a recipe says of the whole mix beyond its leaves' pool rules; nothing of it is on unless it is written."""

    licences: Licences | None = None
    exclude: tuple[Path, ...] = ()
    """Lists of media and records to leave out, such as `mixer check` writes."""
    decontaminate: Decontaminate | None = None
    dedup: Dedup | None = None
    tokens: Tokens | None = None

    @property
    def removes(self) -> bool:
        """Say whether any of it may take records out."""
        return bool(self.exclude or self.decontaminate or self.dedup)


NO_CURATION = Curation()


@dataclass(frozen=True)
class Recipe:
    """A whole recipe, resolved: nested recipes read, parents merged, options checked, paths absolute."""

    name: str
    seed: int
    children: tuple[Leaf | Group, ...]
    path: Path
    kind: Kind = "instruct"
    unit: Unit = "samples"
    size: int | None = None
    on_short: OnShort = "error"
    order: Order = "shuffle"
    outputs: tuple[Output, ...] = (Output(),)
    max_bad: Fraction = Fraction(1, 100)
    curation: Curation = NO_CURATION
    croissant: bool = False
    """Describe the mix for machines, too."""
    notes: tuple[str, ...] = ()
    """What a reader of a plan should know of its text."""

    def leaves(self) -> list[Leaf]:
        """List the distinct leaves in recipe order; a leaf that several groups share stands where it is first named."""
        distinct: dict[str, Leaf] = {}
        for leaf in walk(self.children):
            distinct.setdefault(leaf.name, leaf)
        return list(distinct.values())


def walk(children: tuple[Leaf | Group, ...]) -> Iterator[Leaf]:
    """Go through all leaves of a tree, depth first, in recipe order; shared leaves come once per place."""
    for child in children:
        if isinstance(child, Leaf):
            yield child
        else:
            yield from walk(child.children)
