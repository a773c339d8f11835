"""How long records are: histograms of characters and of messages, of the whole mix and of each source."""

from __future__ import annotations

from mixer.reporting import bins, charts, markup
from mixer.reporting.markup import Html, details, element, join, note, pointer, section
from mixer.reporting.measures import Measured, Measures

_KINDS = {"characters": ("Characters a record", bins.CHARACTERS), "turns": ("Messages a record", bins.TURNS)}


def lengths(measures: Measures) -> Html:
    """Make the section of histograms."""
    over = {kind: bins.used(getattr(measures.whole, kind).bins) for kind in _KINDS}
    return section(
        "lengths",
        "Lengths",
        note(
            "A bin is about one and a half times as wide as the one before it, the same for every source; the axis "
            "says where bins begin. Heights are records, each chart to its own highest."
        ),
        element("div", *(_large(kind, measures.whole, over[kind]) for kind in _KINDS), class_="pair"),
        *(_by_source(kind, measures, over[kind]) for kind in _KINDS),
    )


def _large(kind: str, whole: Measured, over: range) -> Html:
    title, edges = _KINDS[kind]
    spread, key = getattr(whole, kind), f"index:{pointer('', kind)}"
    return element(
        "figure",
        element("figcaption", element("b", title), ", all sources"),
        charts.spread_line(spread, key),
        charts.histogram(spread, edges, over, title),
        details("Exact numbers", charts.histogram_table(spread, edges, over, title, kind_word(kind), key)),
    )


def _by_source(kind: str, measures: Measures, over: range) -> Html:
    title, edges = _KINDS[kind]
    figures = [
        element(
            "figure",
            element("figcaption", element("b", markup.name(name))),
            charts.spread_line(getattr(leaf, kind), f"index:{pointer(name, kind)}"),
            charts.histogram(getattr(leaf, kind), edges, over, f"{title}, {name}"),
        )
        for name, leaf in measures.leaves.items()
        if leaf.sums["records"]
    ]
    return join([element("h3", f"{title}, source by source"), element("div", *figures, class_="multiples")])


def kind_word(kind: str) -> str:
    """Name what a histogram's bins count."""
    return "messages" if kind == "turns" else kind
