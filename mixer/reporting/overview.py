"""What a mix is, at a glance: its headline numbers, its identity, the files it was made of."""

from __future__ import annotations

import json
from typing import Any

from mixer.reporting.markup import Child, Html, cell, details, element, figure, join, note, pointer, row, section, table
from mixer.reporting.measures import Measures
from mixer.tables import size

_TILES = ("turns", "images", "videos", "audios", "tokens", "target_tokens")
_WORDS = {"audios": "audio files", "target_tokens": "target tokens", "turns": "messages"}
MOST_FILES = 50
"""Data files, and raw files of a source, that are listed."""
MOST_RECIPE = 100_000
"""Characters of the recipe that are shown."""

Values = dict[str, Any]
"""A manifest as plain JSON values."""


def word(measure: str) -> str:
    """Give the name of a measure as a page says it."""
    return _WORDS.get(measure, measure)


def measured(measures: Measures) -> list[str]:
    """List what there is any of in the mix, records first."""
    return [name for name in ("records", *_TILES, "characters") if measures.whole.sums.get(name) or name == "records"]


def banner(values: Values) -> Html:
    """Warn of a mix that is made of invented data."""
    if values["data"] != "miniatures":
        return Html("")
    return element(
        "p",
        element("strong", "Made of miniatures."),
        " Every record was invented to try mixer out, and absolute amounts are scaled down. Do not train on it.",
        class_="banner",
        role="note",
    )


def summary(values: Values, measures: Measures) -> Html:
    """Make the section of headline numbers."""
    tiles = [
        _tile("records", figure(values["records"], "/records")),
        _tile("sources", figure(len(values["sources"]), "count:/sources")),
        *(_tile(word(name), figure(measures.whole.sums[name], f"index:{pointer('', name)}"))
          for name in _TILES if measures.whole.sums.get(name)),
        _tile("of data", element("data", size(_bytes(values)), value=str(_bytes(values)))),
    ]  # fmt: skip
    return section("summary", "Summary", element("ul", *tiles, class_="tiles"), _identity(values), _outputs(values))


def _bytes(values: Values) -> int:
    """Add up the files that hold the records as they are: those of the first target."""
    first = values["outputs"][0]["target"]
    return sum(output["bytes"] for output in values["outputs"] if output["target"] == first)


def _tile(label: str, value: Html) -> Html:
    return element("li", element("span", value, class_="value"), element("span", label, class_="label"))


def _identity(values: Values) -> Html:
    size = "none" if values["size"] is None else figure(values["size"], "/size")
    asked = values["recipe"].get("size")
    shrunk = ["; the recipe asks for ", figure(asked, "/recipe/size")] if asked not in (None, values["size"]) else []
    facts: list[tuple[str, Child]] = [
        ("mix id", element("code", values["mix_id"], data_key="/mix_id")),
        ("seed", figure(values["seed"], "/seed")),
        ("order", element("span", values["order"], data_key="/order")),
        ("size", join([size, "; unit: ", element("span", values["unit"], data_key="/unit"), *shrunk])),
        ("recipe", element("code", values["recipe_sha256"], data_key="/recipe_sha256")),
        ("made by", join(["mixer ", element("span", values["version"], data_key="/version")])),
    ]
    pairs = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *pairs, class_="facts")


def _outputs(values: Values) -> Html:
    rows = [
        row(
            output["path"],
            element("td", output["target"]),
            cell(output["records"], pointer("outputs", at, "records")),
            cell(output["bytes"], pointer("outputs", at, "bytes")),
            element("td", element("code", output["sha256"], data_key=pointer("outputs", at, "sha256"))),
        )
        for at, output in enumerate(values["outputs"][:MOST_FILES])
    ]
    parts = [table("Data files", ["file", "<format", "records", "bytes", "<sha256"], rows, tall=True)]
    if len(values["outputs"]) > MOST_FILES:
        parts.append(note(f"{len(values['outputs']) - MOST_FILES:,} more are in manifest.json."))
    if values.get("media"):
        files = figure(values["media"]["files"], "/media/files")
        sizes = figure(values["media"]["bytes"], "/media/bytes")
        parts.append(note("Media that came inside of annotations: ", files, " files, ", sizes, " bytes."))
    return join(parts)


def inputs(values: Values) -> Html:
    """Make the section of what a mix was made from: raw files and the recipe as it was resolved."""
    tables = [_files(name, leaf) for name, leaf in values["sources"].items()]
    recipe = json.dumps(values["recipe"], indent=2, ensure_ascii=False)
    cut = len(recipe) - MOST_RECIPE
    text = recipe if cut <= 0 else f"{recipe[:MOST_RECIPE]}\n… {cut:,} more characters: see manifest.json"
    shown = element("pre", element("code", text), tabindex="0", role="region", aria_label="Recipe as resolved")
    return section("inputs", "Inputs", element("div", *tables, details("Recipe as resolved", shown), class_="stack"))


def _files(name: str, leaf: Values) -> Html:
    rows = [
        row(
            file["path"],
            cell(file["size"], pointer("sources", name, "files", at, "size")),
            element("td", element("code", file["sha256"])),
        )
        for at, file in enumerate(leaf["files"][:MOST_FILES])
    ]
    more = len(leaf["files"]) - len(rows)
    parts = [table(f"Raw files of {name}", ["file", "bytes", "<sha256"], rows)]
    if more:
        parts.append(note(f"{more:,} more are in manifest.json."))
    options = json.dumps(leaf["options"], ensure_ascii=False, sort_keys=True)
    said = element("p", "Options: ", element("code", options), " · converter ", element("code", leaf["converter"]))
    count = f"{len(leaf['files']):,} file{'' if len(leaf['files']) == 1 else 's'}"
    return details(join([element("b", name), f" — {leaf['source']}, {count}"]), said, *parts)
