"""What `mixer dedup text` prints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mixer.near import near_file, table
from mixer.near.table import Table


def text(told: Table, said: Mapping[str, Any], out: Path, width: int | None = None) -> str:
    """Print results for people: the table, and below it what there is to say."""
    copies, pairs, missed = said["copies"], said["pairs"], said["missed"]
    lines = [table.text(told, width)]
    if copies:
        told_copies = "1 record is a copy of another" if copies == 1 else f"{copies:,} records are copies of others"
        lines.append(f"{told_copies} in all that is compared")
    if missed:
        shares = ", ".join(f"{_share(share)} at {threshold}" for threshold, share in missed.items())
        lines.append(
            f"MinHash is expected to miss {shares} of the pairs that are just so alike, and fewer of others; "
            "--exhaustive misses none"
        )
    return "\n".join([*lines, f"{pairs:,} {'pair' if pairs == 1 else 'pairs'} in {out / near_file.NAME}"])


def _share(share: float) -> str:
    """Write a share in percent, small ones in words."""
    return "less than 0.01 %" if share < 0.0001 else f"{100 * share:.2f} %"
