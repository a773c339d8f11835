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
    from mixer.building import Mix, Plan, build, list_sources, plan
    from mixer.comparing import diff
    from mixer.recipe import load_recipe
    from mixer.verifying import verify

__all__ = ["Mix", "Plan", "build", "diff", "list_sources", "load_recipe", "plan", "verify"]

_HOMES = {"load_recipe": "recipe", "verify": "verifying", "diff": "comparing"}


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for, so that `mixer --help` stays quick."""
    if name not in __all__:
        raise AttributeError(f"module 'mixer' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"mixer.{_HOMES.get(name, 'building')}"), name)
