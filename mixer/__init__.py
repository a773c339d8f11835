"""mixer: one reproducible training mix from published vision-language datasets.

    from mixer import load_recipe, plan, build, verify

    mix = build(load_recipe("recipes/svit_mix.yaml"), data="miniatures")
    assert not verify(mix.path).problems

Nothing here prints or exits; mistakes and damage are raised as `mixer.errors.MixerError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mixer.building import Mix, build
    from mixer.catalogue import convert, list_sources
    from mixer.comparing import diff
    from mixer.plans import Plan, plan
    from mixer.recipe import load_recipe
    from mixer.verifying import verify

__all__ = ["Mix", "Plan", "build", "convert", "diff", "list_sources", "load_recipe", "plan", "verify"]

_HOMES = {
    "Mix": "building",
    "Plan": "plans",
    "build": "building",
    "convert": "catalogue",
    "diff": "comparing",
    "list_sources": "catalogue",
    "load_recipe": "recipe",
    "plan": "plans",
    "verify": "verifying",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for, so that `mixer --help` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'mixer' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mixer.{_HOMES[name]}"), name)
