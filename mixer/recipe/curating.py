"""What a recipe says of the whole mix beyond its leaves: gates, lists, near-duplicates, tokens."""

from __future__ import annotations

from pathlib import Path

from mixer.errors import did_you_mean
from mixer.recipe.inputs import absolute
from mixer.recipe.language import BenchmarkText, DecontaminateText, DedupText, NearText, RecipeText
from mixer.recipe.locating import place_of
from mixer.recipe.mistakes import Mistakes
from mixer.recipe.yaml_text import Tree
from mixer.resolved import Benchmark, Curation, Decontaminate, Dedup, Licences, Near, Tokens
from mixer.visual_tokens import RULES


def curation(tree: Tree, text: RecipeText, found: Mistakes) -> Curation:
    """Give what a recipe says of its whole mix; mistakes are added to `found`."""
    if text.unit in ("tokens", "target_tokens") and "tokens" not in tree.value:
        place = place_of(tree, (), "unit")
        found.append(place.problem(f"unit {text.unit} needs `tokens: {{tokenizer: PATH}}`, the tokenizer that counts"))
    licence, tokens = text.licence, text.tokens
    if tokens is not None and isinstance(tokens.image, str) and tokens.image not in RULES:
        place = place_of(tree, ("tokens",), "image")
        found.append(
            place.problem(f"expected a number, or a rule, got {tokens.image!r}{did_you_mean(tokens.image, RULES)}")
        )
    return Curation(
        licences=Licences(tuple(licence.allow), licence.unknown) if licence else None,
        exclude=_files(tree, text.exclude, "exclude"),
        decontaminate=_decontaminate(tree, text.decontaminate) if text.decontaminate else None,
        dedup=_dedup(tree, text.dedup, found) if text.dedup else None,
        tokens=Tokens(_file(tree, tokens.tokenizer, "tokens", "tokenizer"), tokens.image) if tokens else None,
    )


def _file(tree: Tree, name: str, *path: str | int) -> Path:
    return absolute(place_of(tree, (), *path), name)


def _files(tree: Tree, names: list[str] | None, *path: str | int) -> tuple[Path, ...]:
    """Give the paths of a list; one text may stand for a list of one."""
    return tuple(_file(tree, name, *path, index) for index, name in enumerate(names or []))


def _decontaminate(tree: Tree, text: DecontaminateText) -> Decontaminate:
    benchmarks = tuple(_benchmark(tree, name, each) for name, each in sorted(text.benchmarks.items()))
    at = ("decontaminate", "image_data")
    return Decontaminate(benchmarks, text.on_leak, _file(tree, text.image_data, *at) if text.image_data else None)


def _benchmark(tree: Tree, name: str, text: BenchmarkText) -> Benchmark:
    here = ("decontaminate", "benchmarks", name)
    return Benchmark(
        name=name,
        files=_files(tree, text.files, *here, "files"),
        by=tuple(dict.fromkeys(text.by or ())),
        key=text.key,
        field=text.field,
        images=_file(tree, text.images, *here, "images") if text.images else None,
        ngram=text.ngram,
        distance=text.distance,
    )


def _dedup(tree: Tree, text: DedupText, found: Mistakes) -> Dedup | None:
    if text.images is None and text.text is None:
        if not {"images", "text"} & {*tree.at(("dedup",))}:
            found.append(place_of(tree, (), "dedup").problem("expected `images:` or `text:`, got neither"))
        return None
    return Dedup(_near(tree, text.images, "images"), _near(tree, text.text, "text"), text.scope)


def _near(tree: Tree, text: NearText | None, of: str) -> Near | None:
    return Near(_file(tree, text.file, "dedup", of, "file"), text.threshold) if text else None
