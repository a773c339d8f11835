"""What a recipe says of its whole mix, made ready: the rules that judge records, and the files they look at."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mixer.errors import MissingFile
from mixer.manifest import CURATED, CurationInput
from mixer.processes import Engine
from mixer.progress import Progress
from mixer.rawfiles import Hashes
from mixer.resolved import Curation
from mixer.ruling import Rule

EXCLUDE, LEAK = CURATED[:2]


@dataclass(frozen=True)
class Gate:
    """A rule that every leaf's records pass through."""

    step: str
    rule: Rule
    refuse: bool = False
    """Records that it speaks against stop the build, instead of being left out."""


def gates(curation: Curation, store: Path, workers: Engine, progress: Progress) -> tuple[Gate, ...]:
    """Make the rules of a recipe ready. Raises MissingFile or DataError for lists that cannot be used."""
    made = []
    if curation.exclude:
        from mixer.auditing import exclude

        made.append(Gate(EXCLUDE, exclude.rule(curation.exclude)))
    if curation.decontaminate:
        from mixer.leaks import gate

        leaks = curation.decontaminate
        made.append(Gate(LEAK, gate.gate(leaks, store, workers, progress), refuse=leaks.on_leak == "error"))
    return tuple(made)


def inputs(curation: Curation) -> Iterator[tuple[str, Path]]:
    """Go through the files that a recipe's curation reads, each with what it is for."""
    if curation.exclude:
        from mixer.auditing import exclude

        yield from (("exclude", exclude.find(path)) for path in curation.exclude)
    if curation.decontaminate:
        from mixer.leaks import gate

        yield from gate.inputs(curation.decontaminate)
    if curation.dedup:
        for of, near in (("images", curation.dedup.images), ("text", curation.dedup.text)):
            if near:
                yield f"dedup {of}", near.file
    if curation.tokens:
        yield "tokenizer", curation.tokens.tokenizer


def described(curation: Curation, hashes: Hashes) -> list[CurationInput]:
    """Describe the files behind a recipe's curation as the manifest does, hashed. Raises MissingFile."""
    return [_described(role, path, hashes) for role, path in inputs(curation)]


def _described(role: str, path: Path, hashes: Hashes) -> CurationInput:
    if path.is_dir():
        files = sorted(Path(folder) / name for folder, _, names in os.walk(path) for name in names)
        each = [f"{_hash(file, hashes)}  {file.relative_to(path).as_posix()}\n" for file in files]
        size, sha256 = sum(file.stat().st_size for file in files), hashlib.sha256("".join(each).encode()).hexdigest()
    elif path.is_file():
        size, sha256 = path.stat().st_size, _hash(path, hashes)
    else:
        raise MissingFile(f"{path}: is missing, which the recipe names for {role}")
    return CurationInput(role=role, path=path.name, size=size, sha256=sha256)


def _hash(path: Path, hashes: Hashes) -> str:
    return hashes.remembered(path) or hashes.hash(path)
