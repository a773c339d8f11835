"""What became of every raw item, and what rules took out: sums that a reader can do again."""

from __future__ import annotations

from collections.abc import Iterator

from mixer.reporting.markup import Html, cell, element, join, note, pointer, row, section, table
from mixer.reporting.overview import Values
from mixer.reports import STEPS

MOST_REASONS = 100
"""Of a source; more are in the manifest."""
_NAMES = {
    "where": "where",
    "where_null": "where (no value)",
    "max_per_image": "cap per image",
    "inexpressible": "format cannot hold",
    "exclude": "lists",
    "leak": "leaks",
    "dedup_images": "near images",
    "dedup_text": "near texts",
}


def losses(values: Values) -> Html:
    """Make the section of losses: the sums, the reasons, and what `except` and `only` compared."""
    steps = _steps(values)
    header = ["name", "read", "− skipped", "− bad", "= used", "made"]
    header += [*(f"− {_NAMES.get(step, step)}" for step in steps), "= pool", "in the mix"]
    rows = [_row(name, leaf, steps) for name, leaf in values["sources"].items()]
    sums = [
        _total(values, "read"), _lost(values, "skipped"), _lost(values, "bad"), _total(values, "used"),
        _total(values, "made"), *(_step_total(values, step) for step in steps), _total(values, "pool"),
        _total(values, "count"),
    ]  # fmt: skip
    return section(
        "losses",
        "Losses",
        table("From raw items to records", header, rows, row("all", *sums)),
        note(
            "Read to used counts raw items of the published files; one may give several conversations or be part of "
            "one. Made to pool counts conversations. Steps that took nothing anywhere are left out."
        ),
        *_reasons(values),
        *_compared(values),
    )


def _steps(values: Values) -> list[str]:
    """List the steps that took something, in the order they apply; steps we do not know come last."""
    named = [*STEPS, *(step for leaf in values["sources"].values() for step in leaf["losses"])]
    return [
        step for step in dict.fromkeys(named) if any(leaf["losses"].get(step) for leaf in values["sources"].values())
    ]


def _row(name: str, leaf: Values, steps: list[str]) -> Html:
    at = ("sources", name)

    def plain(key: str) -> Html:
        return cell(leaf[key], pointer(*at, key))

    lost = [cell(sum(leaf[kind].values()), f"total:{pointer(*at, kind)}") for kind in ("skipped", "bad")]
    taken = [
        cell(leaf["losses"][step], pointer(*at, "losses", step))
        if step in leaf["losses"]
        else element("td", "0", class_="n")
        for step in steps
    ]
    return row(name, plain("read"), *lost, plain("used"), plain("made"), *taken, plain("pool"), plain("count"))


def _total(values: Values, key: str) -> Html:
    return cell(sum(leaf[key] for leaf in values["sources"].values()), f"sum:{key}")


def _lost(values: Values, kind: str) -> Html:
    return cell(sum(sum(leaf[kind].values()) for leaf in values["sources"].values()), f"sum:{kind}")


def _step_total(values: Values, step: str) -> Html:
    return cell(sum(leaf["losses"].get(step, 0) for leaf in values["sources"].values()), f"sum:losses/{step}")


def _reasons(values: Values) -> Iterator[Html]:
    rows, left = [], 0
    for name, leaf in values["sources"].items():
        reasons = [(kind, *reason) for kind in ("skipped", "bad") for reason in leaf[kind].items()]
        reasons.sort(key=lambda reason: -reason[2])
        left += max(0, len(reasons) - MOST_REASONS)
        rows += [
            row(
                name,
                element("td", kind, class_=kind),
                element("td", reason, class_="words"),
                cell(count, pointer("sources", name, kind, reason)),
            )
            for kind, reason, count in reasons[:MOST_REASONS]
        ]
    if not rows:
        yield note("No raw item was skipped, and none was bad.")
        return
    title = f"Why raw items were lost: {len(rows):,} reasons"
    yield table(title, ["name", "<kind", "<reason", "raw items"], rows, tall=True)
    yield note(
        "Skipped: what a source's converter expects to lose. Bad: what does not decode or is not valid.",
        f" {left:,} more reasons are in manifest.json." if left else "",
    )


def _compared(values: Values) -> Iterator[Html]:
    rows = [
        row(
            name,
            element("td", match["rule"]),
            element("td", match["source"]),
            element("td", match["by"]),
            element("td", ", ".join(file["path"] for file in match["files"]), class_="words"),
            cell(match["matched"], pointer("sources", name, "compared", at, "matched")),
            cell(match["removed"], pointer("sources", name, "compared", at, "removed")),
        )
        for name, leaf in values["sources"].items()
        for at, match in enumerate(leaf["compared"])
    ]
    if rows:
        header = ["name", "<rule", "<compared with", "<by", "<files", "matched", "removed"]
        yield table("What `except` and `only` compared", header, rows)


def notes(values: Values) -> Html:
    """Make the section of what a reader should know of the sources; empty where nobody noted anything."""
    listed = [(name, leaf["notes"]) for name, leaf in values["sources"].items() if leaf["notes"]]
    if not listed:
        return Html("")
    items = join(
        element("div", element("dt", name), *(element("dd", line) for line in lines)) for name, lines in listed
    )
    return section("notes", "Notes", element("dl", items, class_="notes"))
