"""What a mix is made of: each source's part in it, what was asked for and what came of it, and under which licences."""

from __future__ import annotations

from fractions import Fraction

from mixer.reporting import charts, markup
from mixer.reporting.markup import Html, cell, element, figure, join, note, pointer, row, section, shown, table
from mixer.reporting.measures import Measures
from mixer.reporting.overview import Values, measured, word

BESIDE = 4
"""Measures whose table has room beside the bars."""


def composition(values: Values, measures: Measures) -> Html:
    """Make the section of sources by records, turns, images and whatever else there is."""
    names = measured(measures)
    # Radio buttons in front of what they show: the style sheet alone switches, so it works without a script.
    switch = []
    for at, name in enumerate(names):
        switch.append(Html(f'<input type="radio" name="by" id="by-{name}"{" checked" if not at else ""}>'))
        switch.append(element("label", word(name), for_=f"by-{name}"))
    panels = [_bars(name, measures) for name in names]
    choice = element("fieldset", element("legend", "Show sources by"), *switch, *panels, class_="switch")
    return section(
        "composition",
        "Composition",
        element("div", choice, _table(values, measures, names), class_="beside" if len(names) <= BESIDE else "below"),
        note("Messages are turns of people, models and systems; characters are those of all messages."),
    )


def _bars(measure: str, measures: Measures) -> Html:
    counts = {name: leaf.sums.get(measure, 0) for name, leaf in measures.leaves.items()}
    total, top = sum(counts.values()), max(counts.values(), default=0)
    ordered = sorted(counts.items(), key=lambda item: -item[1])  # equal ones stay in the manifest's order
    items = [
        element(
            "li",
            element("span", markup.name(name), class_="name"),
            element(
                "span", f"{count:,}", element("small", shown(count / total if total else 0.0, "percent")), class_="n"
            ),
            charts.bar(count, top),
        )
        for name, count in ordered
    ]
    return element("ol", *items, class_=f"bars by-{measure}")


def _table(values: Values, measures: Measures, names: list[str]) -> Html:
    named = any(name != leaf["source"] for name, leaf in values["sources"].items())
    rows = [
        row(
            name,
            *([element("td", leaf["source"])] if named else []),
            cell(leaf["count"], pointer("sources", name, "count")),
            cell(leaf["share"], pointer("sources", name, "share"), "percent"),
            *(cell(measures.leaves[name].sums.get(each, 0), _key(name, each)) for each in names[1:]),
        )
        for name, leaf in values["sources"].items()
    ]
    whole = measures.whole.sums
    rest = (cell(whole.get(each, 0), f"index:{pointer('', each)}") for each in names[1:])
    foot = row("all", *([element("td")] if named else []), cell(values["records"], "/records"), _hundred(), *rest)
    header = ["name", *(["<source"] if named else []), "records", "share", *map(word, names[1:])]
    return table("Sources in exact numbers", header, rows, foot)


def _hundred() -> Html:
    return element("td", "100%", class_="n")


def _key(name: str, measure: str) -> str:
    """Say where a sum stands in the manifest, or that it is the index's."""
    in_manifest = measure in ("tokens", "target_tokens")
    return pointer("sources", name, measure) if in_manifest else f"index:{pointer(name, measure)}"


def amounts(values: Values) -> Html:
    """Make the section of what was asked for and what came of it."""
    rows = [_amount(name, leaf) for name, leaf in values["sources"].items()]
    unit = values["unit"]
    total = sum(leaf["count"] for leaf in values["sources"].values())
    foot = row(
        "all",
        element("td"),
        cell(sum(leaf["pool"] for leaf in values["sources"].values()), "sum:pool"),
        element("td"),
        cell(sum(leaf["mass"] for leaf in values["sources"].values()), "sum:mass"),
        element("td"),
        cell(total, "sum:count"),
        *(element("td") for _ in range(3)),
    )
    header = ["name", "pool", f"ideal {unit}", f"realised {unit}", "off by", "records", "epochs", "least", "most"]
    header[1:1] = ["<taken of the pool"]
    return section(
        "amounts",
        "Asked for and realised",
        table("Ideal against realised amounts", header, rows, foot),
        note(
            "Ideals are exact fractions, rounded once. Epochs: records in the mix for each in the pool. ",
            "Least and most: how often the least and the most shown conversation of the pool comes.",
        ),
    )


def _amount(name: str, leaf: Values) -> Html:
    at = ("sources", name)
    ideal = Fraction(leaf["ideal_exact"])
    off = float(leaf["mass"] - ideal)
    return row(
        name,
        element("td", charts.bar(min(leaf["count"], leaf["pool"]), leaf["pool"]), class_="drawn"),
        cell(leaf["pool"], pointer(*at, "pool")),
        element(
            "td", figure(leaf["ideal"], pointer(*at, "ideal"), "hundredths"), class_="n", title=leaf["ideal_exact"]
        ),
        cell(leaf["mass"], pointer(*at, "mass")),
        element("td", f"{off:+,.2f}".replace("+0.00", "0").replace("-0.00", "0").replace("-", "−"), class_="n"),
        cell(leaf["count"], pointer(*at, "count")),
        cell(leaf["epochs"], pointer(*at, "epochs"), "factor"),
        cell(leaf["min_times"], pointer(*at, "min_times")),
        cell(leaf["max_times"], pointer(*at, "max_times")),
    )


def licences(values: Values) -> Html:
    """Make the section of licences, each with the sources under it."""
    by_licence: dict[str, list[str]] = {}
    for name, leaf in values["sources"].items():
        by_licence.setdefault(leaf["licence"], []).append(name)
    rows = []
    for licence, names in sorted(by_licence.items(), key=lambda item: -_records(values, item[1])):
        links = join([_link(name, values["sources"][name]["homepage"]) for name in names], ", ")
        records = _records(values, names)
        share = element("td", shown(records / values["records"] if values["records"] else 0.0, "percent"), class_="n")
        terms = dict.fromkeys(term for name in names for term in values["sources"][name].get("terms", ()))
        said = element("td", " and ".join(terms) or "—", class_="words")
        rows.append(
            row(licence, said, element("td", links, class_="words"), cell(records, f"licence:{licence}"), share)
        )
    return section(
        "licences",
        "Licences",
        table("Records by licence", ["licence", "<terms", "<sources", "records", "share"], rows),
        note(
            "As each source states it; terms are what a gate on licences reads, all of which must be accepted. Links go to the sources' own pages."
        ),
    )


def _records(values: Values, names: list[str]) -> int:
    return sum(values["sources"][name]["count"] for name in names)


def _link(name: str, homepage: str) -> Html:
    if not homepage.startswith(("https://", "http://")):
        return element("span", name)
    return element("a", name, href=homepage, rel="noreferrer noopener")
