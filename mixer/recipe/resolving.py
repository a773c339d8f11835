"""A recipe's merged text becomes the tree of leaves and groups; every mistake is noted where it was written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from mixer.errors import RecipeError
from mixer.recipe.curating import curation
from mixer.recipe.inputs import leaf_input, matches
from mixer.recipe.language import AMOUNTS, LEAF_KEYS, LeafText, OutputText, RecipeText, name
from mixer.recipe.locating import judged, key_place, place_of
from mixer.recipe.merging import follow
from mixer.recipe.mistakes import Mistakes
from mixer.recipe.quantities import described
from mixer.recipe.yaml_scalars import Number
from mixer.recipe.yaml_text import PathKey, Place, Tree
from mixer.resolved import ALL_ONCE, Amount, Group, Kind, Leaf, Output, Recipe, Shards
from mixer.where import Where, WhereError, parse
from mixer.writers import COMPRESSED

MAX_ENTRIES = 10_000
"""The most leaves and groups of a recipe: nested recipes could otherwise double at every level."""

CURATION = ("licence", "exclude", "decontaminate", "dedup", "tokens")
"""Keys of a recipe that are about the whole mix."""
SHARDED: dict[str, Literal["shards", "records", "bytes"]] = {
    "shards": "shards", "shard_records": "records", "shard_bytes": "bytes"
}  # fmt: skip
"""Keys of an output -> what they count."""

Child = Leaf | Group


@dataclass
class Resolver:
    """Resolves one recipe with its nested ones; remembers what must agree across them."""

    found: Mistakes
    defined: dict[str, tuple[Leaf, Place]] = field(default_factory=dict)
    entries: int = 0
    kind: Kind = "instruct"
    """The outer recipe's."""
    notes: list[str] = field(default_factory=list)

    def recipe(self, tree: Tree, seed: int | None, size: int | None) -> Recipe | None:
        """Give the recipe of a text, or None and its mistakes in `found`. `seed` and `size` replace its own."""
        text = judged(RecipeText, tree, (), self.found)
        self.kind = text.kind if text else "instruct"
        children = self.children(tree, (os.path.realpath(tree.file),))
        if text is None:
            return None
        size = text.size if size is None else size
        if size is None and "size" not in tree.value:
            self.check_size(tree, children, text.unit)
        return Recipe(
            name=text.name,
            seed=text.seed if seed is None else seed,
            children=children,
            path=Path(os.path.abspath(tree.file)),  # noqa: PTH100 - resolve() would follow links
            kind=text.kind,
            unit=text.unit,
            size=size,
            on_short=text.on_short,
            order=text.order,
            outputs=self.outputs(tree, text),
            max_bad=text.max_bad,
            curation=curation(tree, text, self.found),
            croissant=text.croissant,
            notes=tuple(self.notes),
        )

    def outputs(self, tree: Tree, text: RecipeText) -> tuple[Output, ...]:
        """Give the targets, each at most once."""
        seen: set[str] = set()
        written = tree.value.get("output")
        for index, output in enumerate(text.output):
            entry = next(iter(written[index:]), None) if isinstance(written, list) else written
            if isinstance(entry, dict) and entry.get("for", output.for_) != output.for_:
                continue  # refused already
            if output.for_ in seen:
                place = place_of(tree, (), "output", index, "for")
                self.found.append(place.problem(f"output {output.for_} is given twice; keep one"))
            if text.kind == "preference" and output.for_ == "llava" and isinstance(entry, dict):
                place = place_of(tree, (), "output", index, "for")
                self.found.append(place.problem("llava's trainer reads no preference pairs; write jsonl"))
            if output.compression and output.for_ not in COMPRESSED:
                place = key_place(tree, (), "output", index, "compression")
                self.found.append(place.problem(f"only {', '.join(COMPRESSED)} can be packed; remove it"))
            asked = [key for key in SHARDED if getattr(output, key) is not None]
            for key in asked[1:]:
                place = key_place(tree, (), "output", index, key)
                self.found.append(place.problem(f"an output is cut in one way, and {asked[0]!r} is given; keep one"))
            seen.add(output.for_)
        if text.kind == "preference" and "output" not in tree.value:
            return (Output("jsonl"),)
        return tuple(
            Output(output.for_, output.inexpressible, _shards(output), output.compression, output.separators)
            for output in text.output
        )

    # --- leaves and groups -------------------------------------------------------------------------------------------

    def children(self, tree: Tree, chain: tuple[str, ...]) -> tuple[Child, ...]:
        """Give the leaves and groups of one recipe; those with mistakes are left out."""
        sources = tree.value.get("sources")
        if not isinstance(sources, dict):
            return ()
        given = [self.child(tree, key, chain) for key in sources]
        children = tuple(child for child in given if child is not None)
        self.check_shares(tree, children)
        return children

    def child(self, tree: Tree, key: str, chain: tuple[str, ...]) -> Child | None:
        """Give one entry of `sources`."""
        self.entries += 1
        path: PathKey = ("sources", key)
        if self.entries > MAX_ENTRIES:
            problem = key_place(tree, path).problem(
                f"the recipe and its nested ones have more than {MAX_ENTRIES} entries"
            )
            raise RecipeError([problem])
        try:
            name(key)
        except ValueError as error:
            self.found.append(key_place(tree, path).problem(str(error)))
        value = tree.value["sources"][key]
        if not isinstance(value, dict):
            self.found.append(tree.places[path].problem(_no_map(key, value)))
            return None
        amounts = [kind for kind in value if kind in AMOUNTS]
        for extra in amounts[1:]:
            self.found.append(
                key_place(tree, (*path, extra)).problem(
                    f"an entry has one amount, and {amounts[0]!r} is given; keep one"
                )
            )
        text = judged(LeafText, tree, path, self.found)
        if "recipe" in value:
            return self.group(tree, key, text, chain)
        return self.leaf(tree, key, text) if text else None

    def group(self, tree: Tree, key: str, text: LeafText | None, chain: tuple[str, ...]) -> Group | None:
        """Give a nested recipe: its sources and pool rules; its head's other keys do not count."""
        path: PathKey = ("sources", key)
        for extra in tree.at(path):
            if extra in LEAF_KEYS - {"recipe", *AMOUNTS}:
                message = f"beside `recipe` stands only an amount; write {extra!r} in the entries of the nested recipe"
                self.found.append(key_place(tree, (*path, extra)).problem(message))
        if text is None or text.recipe is None:
            return None
        nested = follow(place_of(tree, path, "recipe"), text.recipe, self.found, chain)
        if nested is None:
            return None
        head = judged(RecipeText, nested, (), self.found)
        unapplied = [word for word in CURATION if word in nested.value]
        if unapplied:
            words = ", ".join(f"`{word}`" for word in unapplied)
            self.notes.append(f"{key}: {words} of {Path(nested.file).name} does not apply: only the outer recipe's do")
        children = self.children(nested, (*chain, os.path.realpath(nested.file)))
        return Group(key, children, _amount(text), head.size if head else None)

    def leaf(self, tree: Tree, key: str, text: LeafText) -> Leaf | None:
        """Give a leaf, and see that no other place gives its name another meaning."""
        path: PathKey = ("sources", key)
        input_ = leaf_input(tree, path, key, text, self.kind, self.found)
        where = self.where(tree, path, text)
        except_ = matches(tree, path, "except", text.except_, input_, self.kind, self.found)
        only = matches(tree, path, "only", text.only, input_, self.kind, self.found)
        if input_ is None:
            return None
        leaf = Leaf(
            name=key,
            input=input_,
            amount=_amount(text) or ALL_ONCE,
            where=where,
            except_=except_,
            only=only,
            max_per_image=text.max_per_image,
            max_epochs=text.max_epochs,
        )
        place = key_place(tree, path)
        other, first = self.defined.setdefault(key, (leaf, place))
        if not leaf.same_pool(other):
            where_first = f"{first.file}:{first.line}"
            self.found.append(
                place.problem(f"{key!r} is another thing in {where_first}; give one of them another name, with `use:`")
            )
        return leaf

    def where(self, tree: Tree, path: PathKey, text: LeafText) -> Where | None:
        """Read the condition of a leaf."""
        if text.where is None:
            return None
        try:
            return parse(text.where)
        except WhereError as error:
            place = place_of(tree, path, "where")
            self.found.append(place.problem_inside(f"where: {error.message}", error.position))
            return None

    # --- what must hold between entries ------------------------------------------------------------------------------

    def check_shares(self, tree: Tree, children: tuple[Child, ...]) -> None:
        """Refuse shares that are more than the whole, at the entry that goes beyond it."""
        total = Fraction(0)
        for child in children:
            before, total = total, total + _share(child)
            if before <= 1 < total:
                place = place_of(tree, ("sources", child.name), "share")
                percent = float(total * 100)
                self.found.append(place.problem(f"the shares add up to {percent:g}%, more than the whole; lower them"))

    def check_size(self, tree: Tree, children: tuple[Child, ...], unit: str) -> None:
        """Refuse relative amounts where nothing says what they are relative to; the first one is enough."""
        for child in children:
            kind = _relative(child)
            if kind is not None:
                place = key_place(tree, ("sources", child.name))
                place = tree.keys.get(("sources", child.name, kind), place)
                self.found.append(place.problem(f"a {kind} needs `size:` at the top of the recipe, the mix's {unit}"))
                return


def _shards(output: OutputText) -> Shards | None:
    """Say how an output is cut."""
    for key, by in SHARDED.items():
        value = getattr(output, key)
        if value is not None:
            return Shards(by, value)
    return None


def _no_map(key: str, value: object) -> str:
    """Say what to write where an entry is no map."""
    expected = f"expected a map, got {described(value)}"
    if value is None:
        return f"{expected}: for all of {key}, once, write {{}}"
    if isinstance(value, Number):
        return f"{expected}: the key is the unit, write {{weight: {value}}} or {{count: {value}}}"
    if isinstance(value, str) and value.endswith("%"):
        return f"{expected}: the key is the unit, write {{share: {value}}}"
    return f"{expected}, such as {{weight: 3}}"


def _amount(text: LeafText) -> Amount | None:
    for kind in AMOUNTS:
        value = getattr(text, kind)
        if value is not None:
            return Amount(kind, Fraction(value))
    return None


def _is_open(child: Child) -> bool:
    """Say whether a group's children count as if they stood in the group's place."""
    return isinstance(child, Group) and child.amount is None and child.size is None


def _share(child: Child) -> Fraction:
    """Give the part of the whole that an entry asks for."""
    if isinstance(child, Group) and _is_open(child):
        return sum(map(_share, child.children), Fraction(0))
    return child.amount.value if child.amount and child.amount.kind == "share" else Fraction(0)


def _relative(child: Child) -> str | None:
    """Name the relative amount that an entry asks for, if it does."""
    if isinstance(child, Group) and _is_open(child):
        return next(filter(None, map(_relative, child.children)), None)
    return child.amount.kind if child.amount and child.amount.kind in ("share", "weight") else None
