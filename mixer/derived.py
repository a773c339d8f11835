"""Index columns that are made of an entry's lines only when a recipe first asks for them.

Such as digests to compare, counts of tokens, questions of benchmarks. They lie beside the entry's parts and need no
ledger: their names hold their hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from mixer.converter import code_hash

SUFFIX = ".column"


@dataclass(frozen=True)
class Derived:
    """Columns, the code that makes them, and everything besides the lines that their bytes depend on."""

    kind: str
    columns: Mapping[str, str]
    """Name -> name of the polars type."""
    maker: str
    """`module:function` of mixer. Looked up when it runs, so that a change there converts no source again. It is called
    with the file of lines, the Parquet file to write (`columns.write_frame`), one row a line, and the settings."""
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Plain JSON values: hashes of files, and paths only under keys that start with `path`."""

    @property
    def stem(self) -> str:
        """Name the files of these columns: kind and hash of code and settings; where a file lies decides nothing."""
        telling = {key: value for key, value in self.settings.items() if not key.startswith("path")}
        code = code_hash(f"mixer.{self.maker.split(':')[0]}")
        told = hashlib.sha256(msgspec.json.encode((code, telling), order="sorted")).hexdigest()
        return f"{self.kind}-{told[:16]}"


MATCH = Derived("match", {"content": "Binary", "prompt": "Binary"}, "matching:write_digests")
"""Digests behind `except` and `only`, see matching.py."""


def make(maker: str, lines: Path, out: Path, settings: Mapping[str, Any]) -> None:
    """Write the columns of a part."""
    module, function = maker.split(":")
    write: Callable[[Path, Path, Mapping[str, Any]], None] = getattr(import_module(f"mixer.{module}"), function)
    write(lines, out, settings)
