"""What gates, lists and near-duplicates said of the records, and what they took out of the mix."""

from __future__ import annotations

from collections.abc import Iterator

from mixer.reporting.markup import Html, cell, element, figure, note, pointer, row, section, table
from mixer.reporting.overview import Values

_FOUND = {
    "leaks": ("Records that leak a benchmark", "<benchmark"),
    "excluded": ("Records that a list speaks against", "<list"),
}


def curation(values: Values) -> Html:
    """Make the section of leaks and curation."""
    parts = [*_found(values), *_files(values), *_removed(values)]
    if not parts:
        parts = [note("The recipe asks for no gate against leaks, no list and no removal of near-duplicates.")]
    return section("curation", "Leaks and curation", *parts)


def _found(values: Values) -> Iterator[Html]:
    for kind, (title, what) in _FOUND.items():
        rows = [
            row(name, element("td", each, class_="words"), cell(count, pointer("sources", name, kind, each)))
            for name, leaf in values["sources"].items()
            for each, count in leaf.get(kind, {}).items()
        ]
        if rows:
            yield table(title, ["name", what, "records"], rows, tall=True)
    if any(leaf.get("leaks") for leaf in values["sources"].values()):
        yield note("A record that leaks several benchmarks counts for each, so losses may be fewer than the sum.")


def _files(values: Values) -> Iterator[Html]:
    rows = [
        row(
            file["role"],
            element("td", file["path"], class_="words"),
            cell(file["size"], pointer("curation", at, "size")),
            element("td", element("code", file["sha256"])),
        )
        for at, file in enumerate(values.get("curation") or [])
    ]
    if rows:
        yield table("Files behind it", ["role", "<file", "bytes", "<sha256"], rows, tall=True)


def _removed(values: Values) -> Iterator[Html]:
    removed = values.get("removed")
    if removed:
        count = figure(removed["records"], "/removed/records")
        file = element("code", removed["path"])
        yield note("Every record that was taken out is listed with its reason in ", file, ": ", count, " records.")
