"""Libraries that only some commands need: an extra is installed by who wants it, and loaded where it is used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from mixer.errors import UsageError


def need(module: str, extra: str) -> ModuleType:
    """Load a module of an extra. Raises UsageError that says what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(f"this needs: pip install 'instruction-mixer[{extra}]' ({error})") from None
