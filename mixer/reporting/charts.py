"""Bars drawn by hand as SVG. They hold no text, which would be stretched with them: names and numbers stand beside."""

from __future__ import annotations

from collections.abc import Sequence

from mixer.reporting import bins
from mixer.reporting.markup import Html, element, figure, join, table
from mixer.reporting.markup import cell as number_cell
from mixer.reporting.markup import row as table_row
from mixer.reporting.measures import Spread

HIGH = 100
"""Units of height of a chart; how large that is the style sheet says."""
TICKS = 8
"""About so many labels on an axis."""


def bar(part: float, whole: float) -> Html:
    """Draw a horizontal bar: `part` of `whole`."""
    width = 100 * part / whole if whole else 0.0
    return _svg("bar", 100, 10, element("rect", width=_short(width), height="10"))


def columns(values: Sequence[float], label: str, *, kind: str, line: float | None = None) -> Html:
    """Draw columns from the left, the highest as high as the chart; `line` is a level to compare them with."""
    top = max([*values, line or 0.0]) or 1.0
    heights = [HIGH * value / top for value in values]
    path = "".join(
        f"M{at + 0.06:.2f} {HIGH}V{_short(HIGH - max(height, 1.5))}h.88V{HIGH}z"
        for at, height in enumerate(heights)
        if height
    )
    parts = [element("path", d=path)]
    if line is not None:
        level = _short(HIGH - HIGH * line / top)
        parts.append(element("line", x1="0", x2=str(len(values)), y1=level, y2=level))
    return _svg(kind, len(values), HIGH, *parts, label=label)


def histogram(spread: Spread, edges: Sequence[int], over: range, label: str) -> Html:
    """Draw how many records each bin holds, with its axis; `over` are the bins that are drawn."""
    every = max(1, -(-len(over) // TICKS))
    ticks = [element("span", bins.tick(edges[bin_]) if place % every == 0 else "") for place, bin_ in enumerate(over)]
    said = f"{label}: half of the records hold {spread.median:,} or less, nine of ten {spread.ninetieth:,} or less"
    return join(
        [
            columns([spread.bins[bin_] for bin_ in over], said, kind="histogram"),
            element("div", *ticks, class_="axis", aria_hidden="true"),
        ]
    )


def histogram_table(spread: Spread, edges: Sequence[int], over: range, caption: str, unit: str, key: str) -> Html:
    """Say what a histogram draws in numbers."""
    rows = [table_row(bins.name(bin_, edges), number_cell(spread.bins[bin_], f"{key}/{edges[bin_]}")) for bin_ in over]
    return table(caption, [unit, "records"], rows)


def spread_line(spread: Spread, key: str) -> Html:
    """Say where a number lies in one line."""
    return element(
        "p",
        "median ",
        figure(spread.median, f"{key}/median"),
        " · 90 % up to ",
        figure(spread.ninetieth, f"{key}/ninetieth"),
        " · most ",
        figure(spread.most, f"{key}/most"),
        class_="spread",
    )


def _svg(kind: str, width: int, height: int, *parts: Html, label: str | None = None) -> Html:
    named = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    return element(
        "svg", *parts, class_=kind, viewBox=f"0 0 {width} {height}", preserveAspectRatio="none", **named
    )  # fmt: skip


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
