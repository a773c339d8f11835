"""The identity of code, such as what converts a source: a hash over its modules and the modules they use."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent
_IMPORT = re.compile(r"^[ \t]*from (mixer[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
"""The one way that our modules import each other; reading them all as syntax trees takes as long as planning a mix."""


def converter_hash(source: str) -> str:
    """Hash the code that decides what a source's conversion writes: its module, `tasks`, and all they import of mixer."""
    return code_hash(f"mixer.sources.{source}", "mixer.tasks")


@cache
def code_hash(*modules: str) -> str:
    """Hash modules of mixer and all they import of it."""
    found: dict[str, bytes] = {}
    waiting = [*modules]
    while waiting:
        module = waiting.pop()
        path = _path(module)
        if path is None or module in found:
            continue
        found[module] = path.read_bytes()
        waiting += _imports(found[module].decode())
    digest = hashlib.sha256()
    for module in sorted(found):
        digest.update(b"%d:%b%d:%b" % (len(module), module.encode(), len(found[module]), found[module]))
    return digest.hexdigest()[:16]


def _path(module: str) -> Path | None:
    """Give the file of one of our modules; names imported from a module are no modules and have none.

    The package itself holds the API's names and no code that converts.
    """
    head, *names = module.split(".")
    if head != "mixer" or not names:
        return None
    base = _PACKAGE.joinpath(*names)
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


def _imports(code: str) -> Iterator[str]:
    """Go through the names that a module imports of ours; one that only its text names does no harm."""
    for module, names in _IMPORT.findall(code):
        yield module
        yield from (f"{module}.{name}" for name in re.findall(r"\w+", names))
