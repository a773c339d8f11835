"""The known benchmarks, as they stand in docs/leaks.md."""

from __future__ import annotations

from mixer.leaks.registry import BENCHMARKS, Known


def markdown() -> str:
    """Give a table of the benchmarks, and below it what their lists are."""
    lines = [
        "| benchmark | title | images | matched by | key | images and entries |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, known in BENCHMARKS.items():
        cells = (
            f"`{name}`",
            known.title,
            known.images_of,
            ", ".join(known.by),
            known.key or "its form",
            _counts(known),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for name, known in BENCHMARKS.items():
        files = ", ".join(f"`{file}`" for file in known.lists)
        note = f" ({known.note})" if known.note else ""
        lines.append(f"- `{name}`: {files} of {known.published}. {known.form}. Stays out: {known.held_out}{note}.")
    return "\n".join(lines)


def _counts(known: Known) -> str:
    """Say how much the published lists hold together; `~`: as published, not computed from them."""
    about = "" if known.computed else "~"
    counts = ("–" if count is None else f"{about}{count:,}" for count in (known.images, known.records))
    return ", ".join(counts) if known.images or known.records else "–"
