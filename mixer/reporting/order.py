"""How evenly the sources lie in a mix's order, drawn slice by slice."""

from __future__ import annotations

from mixer.reporting import charts, evenness
from mixer.reporting.markup import Html, cell, element, note, pointer, row, section, shown, table
from mixer.reporting.measures import Measures
from mixer.reporting.overview import Values

_MEANT = {
    "shuffle": "The mix is shuffled as a whole, so its sources should lie as in a random order.",
    "spread": "The mix is spread: every part of it holds each source's share within a record, which is evener than "
    "a random order.",
    "blocks": "The mix is in blocks: its sources follow one another, so their shares differ along it, as was asked for.",
}


def order(values: Values, measures: Measures) -> Html:
    """Make the section of evenness."""
    records, count = values["records"], len(measures.whole.slices)
    if count < 2:
        return section("order", "Evenness of the order", note("The mix is too short to be cut into slices."))
    rows = [_row(name, leaf, values, measures) for name, leaf in values["sources"].items() if leaf["count"]]
    return section(
        "order",
        "Evenness of the order",
        note(
            f"{_MEANT.get(values['order'], '')} The mix is cut into {count} consecutive slices of about {records // count:,} "
            "records; a column is the source's share of one slice, the line its share of the mix. Off by: the furthest "
            "that a slice is from the line, in percentage points. In 99 of 100 random orders no slice of a source is "
            "further off than the number beside it."
        ),
        table(
            "Shares along the mix",
            ["name", "<first to last slice", "share", "off by", "random order: up to", "<judged"],
            rows,
        ),
    )


def _row(name: str, leaf: Values, values: Values, measures: Measures) -> Html:
    records, slices = values["records"], measures.leaves[name].slices
    off = evenness.deviation(list(slices), leaf["count"], records)
    bound = evenness.expected(leaf["count"], records, len(slices))
    edges = evenness.starts(records, len(slices))
    shares = [held / (edges[at + 1] - edges[at]) for at, held in enumerate(slices)]
    label = f"{name}: {shown(min(shares), 'percent')} to {shown(max(shares), 'percent')} of a slice"
    within = off <= bound + 1e-12
    verdict = element(
        "td", "as random or evener" if within else "less even than random", class_="ok" if within else "off"
    )
    return row(
        name,
        element("td", charts.columns(shares, label, kind="spark", line=leaf["share"]), class_="drawn"),
        cell(leaf["share"], pointer("sources", name, "share"), "percent"),
        element("td", _points(off), class_="n"),
        element("td", _points(bound), class_="n"),
        verdict,
    )


def _points(share: float) -> str:
    return f"{100 * share:.2f}" if share >= 0.001 or not share else f"{100 * share:.2g}"
