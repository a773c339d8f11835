"""Plans, mixes and differences as a notebook shows them: small tables of the very values that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mixer.reporting.markup import Html, element, join
from mixer.tables import cut, number, size

LEAVES = 60
"""Rows of a table; a notebook is no place for hundreds, and the total counts all."""
NOTES = 20
_WIDE = "overflow-x: auto"
_NUMBER = "text-align: right; font-variant-numeric: tabular-nums"
_WORD = "text-align: left"


def plan_html(values: Mapping[str, Any]) -> str:
    """Show a plan, of the values of `reports.plan_values`."""
    leaves = values["sources"]
    head = f"{number(values['records'])} records, seed {values['seed']}"
    if values["data"] == "miniatures":
        head += "; made of the built-in miniatures"
    totals = values["totals"]
    steps = [name for name in totals if name in _lost(leaves) and totals[name]]
    columns = [*_PLAN[: _PLAN.index("pool")], *steps, *_PLAN[_PLAN.index("pool") :]]
    columns += [name for name in ("tokens", "target_tokens") if totals.get(name)]
    rows = [(name, [_leaf_number(leaf, column) for column in columns]) for name, leaf in leaves.items()]
    return _shown(
        f"Plan of {values['name']}",
        head,
        [f"-{name}" if name in steps else name for name in columns],
        rows,
        [totals[column] for column in columns],
        [*(f"{name}: {note}" for name, leaf in leaves.items() for note in leaf["notes"]), *values["notes"]],
    )


_PLAN = ["read", "skipped", "bad", "made", "pool", "ideal", "count"]


def _lost(leaves: Mapping[str, Any]) -> set[str]:
    return {step for leaf in leaves.values() for step in leaf["losses"]}


def _leaf_number(leaf: Mapping[str, Any], column: str) -> float:
    if column in ("skipped", "bad"):
        lost: dict[str, int] = leaf[column]
        return sum(lost.values())
    found: float | None = leaf[column] if column in leaf else leaf["losses"].get(column)
    return found or 0


def mix_html(values: Mapping[str, Any]) -> str:
    """Show a finished mix, of the values of `reports.mix_json`: its manifest, and its path."""
    leaves = values["sources"]
    columns = ["pool", "ideal", "count"]
    columns += [name for name in ("tokens", "target_tokens") if any(leaf.get(name) for leaf in leaves.values())]
    rows = [(name, [_leaf_number(leaf, column) for column in columns]) for name, leaf in leaves.items()]
    notes = [
        f"{output['path']}: {number(output['records'])} records, {size(output['bytes'])}"
        for output in values["outputs"]
    ]
    if values.get("media"):
        notes.append(f"{values['media']['path']}: {number(values['media']['files'])} media files")
    notes += [f"{name}: {note}" for name, leaf in leaves.items() for note in leaf["notes"]]
    head = f"{number(values['records'])} records, mix {values['mix_id'][:16]}, seed {values['seed']}"
    if values["data"] == "miniatures":
        head += "; made of the built-in miniatures"
    totals = [sum(numbers[at] for _name, numbers in rows) for at in range(len(columns))]
    return _shown(f"Mix {values['name']}", f"{head}; {values['path']}", columns, rows, totals, notes)


def diff_html(values: Mapping[str, Any]) -> str:
    """Show a difference, of the values of `Difference.values`."""
    if values["same"]:
        return _framed("The same records in the same order", f"mix {values['a'][:16]}", Html(), values["reasons"])
    columns = ["count_a", "count_b", "only_a", "only_b"]
    rows = [(leaf["leaf"], [leaf[column] for column in columns]) for leaf in values["leaves"]]
    totals = [sum(leaf[column] for leaf in values["leaves"]) for column in columns]
    order = f"in another order, {number(values['moved'])} moved" if values["order_changed"] else "in the same order"
    return _shown(
        f"Mix {values['a'][:16]} (a) and mix {values['b'][:16]} (b)",
        f"{number(values['common'])} records are in both, {order}",
        ["records a", "records b", "only in a", "only in b"],
        rows,
        totals,
        values["reasons"],
    )


def _shown(
    title: str,
    head: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float]]],
    totals: Sequence[float],
    notes: Sequence[str],
) -> str:
    """Make a table with its totals, between what is said above it and below it."""
    above = [
        element("th", name, style=_NUMBER if at else _WORD, scope="col") for at, name in enumerate(["leaf", *columns])
    ]
    body = [_row("td", name, numbers) for name, numbers in rows[:LEAVES]]
    if len(rows) > LEAVES:
        said = f"and {len(rows) - LEAVES:,} leaves more"
        body.append(element("tr", element("td", said, colspan=str(len(columns) + 1), style=_WORD)))
    table = element(
        "table",
        element("thead", element("tr", *above)),
        element("tbody", *body),
        element("tfoot", _row("th", "total", totals)),
    )
    return _framed(title, head, element("div", table, style=_WIDE), notes)


def _row(tag: str, name: str, numbers: Iterable[float]) -> Html:
    cells = [element(tag, number(value), style=_NUMBER) for value in numbers]
    return element("tr", element("th", name, style=_WORD, scope="row"), *cells)


def _framed(title: str, head: str, table: Html, notes: Sequence[str]) -> str:
    listed = [element("li", cut(note, 200)) for note in notes[:NOTES]]
    if len(notes) > NOTES:
        listed.append(element("li", f"and {len(notes) - NOTES:,} more"))
    parts = [element("strong", title), element("p", head), table]
    return element("div", join(parts), element("ul", *listed) if listed else Html())
