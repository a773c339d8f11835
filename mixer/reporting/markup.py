"""HTML made of values: whatever is not `Html` already is text of somebody's data, and is escaped on its way in."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence

from mixer.tables import number


class Html(str):
    """Text that is markup."""

    __slots__ = ()


Child = Html | str
_BIDI = (0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069)
_CONTROLS = (code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n")
_NAMED = (*_CONTROLS, *_BIDI, 0xFEFF, 0xFFFE, 0xFFFF)
_SHOWN = {
    **{code: f"⟨U+{code:04X}⟩" for code in _NAMED},
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
"""Characters that a page cannot hold, or that would change how the text around them reads -> what stands for them."""


def text(value: str) -> Html:
    """Escape text for a page; control characters and those that turn the direction of reading become visible."""
    return Html(html.escape(value.translate(_SHOWN), quote=False))


def element(name: str, *children: Child, **attributes: str | bool | None) -> Html:
    """Make an element; `data_key` is written `data-key` and `class_` `class`. None and False leave an attribute out."""
    inner = "".join(child if isinstance(child, Html) else text(child) for child in children)
    return Html(f"<{name}{_attributes(attributes)}>{inner}</{name}>")


def void(name: str, **attributes: str | bool | None) -> Html:
    """Make an element that holds nothing, such as `img`."""
    return Html(f"<{name}{_attributes(attributes)}>")


def _attributes(given: dict[str, str | bool | None]) -> str:
    written = []
    for key, value in given.items():
        name = key.rstrip("_").replace("_", "-")
        if value is True:
            written.append(f" {name}")
        elif isinstance(value, str):
            written.append(f' {name}="{html.escape(value.translate(_SHOWN))}"')
    return "".join(written)


def join(parts: Iterable[Child], between: str = "") -> Html:
    """Put parts one behind the other."""
    return Html(text(between).join(part if isinstance(part, Html) else text(part) for part in parts))


def pointer(*parts: str | int) -> str:
    """Name a value of the manifest as JSON Pointer does: `/sources/gqa/count`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def shown(value: float, form: str = "number") -> str:
    """Write a number as people read it: whole or with a decimal, to `hundredths`, as percent, or with three digits (`factor`)."""
    if form == "percent":
        return f"{value:.1%}" if value >= 0.001 or not value else f"{100 * value:.2g}%"
    if form == "hundredths":
        return number(value) if value == int(value) else f"{value:,.2f}"
    if form == "factor":
        return f"{value:.3g}" if value < 1000 else number(value)
    return number(value)


def figure(value: float, key: str | None = None, form: str = "number") -> Html:
    """Write a number with its exact value beside it: `key` says which of the manifest's it is."""
    return element("data", shown(value, form), data_key=key, value=json.dumps(value))


def cell(value: float, key: str | None = None, form: str = "number") -> Html:
    """Make a table's cell of a number."""
    return element("td", figure(value, key, form), class_="n")


def name(value: str) -> Html:
    """Write a name that may be long, with places where a line may break."""
    return Html(re.sub(r"([_\-./])(?=\w)", r"\1<wbr>", text(value)))


def row(head: str, *cells: Html) -> Html:
    """Make a table's row: its first cell names it."""
    return element("tr", element("th", name(head), scope="row"), *cells)


def table(
    caption: str, header: Sequence[str], rows: Sequence[Html], foot: Html | None = None, *, tall: bool = False
) -> Html:
    """Make a table inside a region that scrolls by itself, `tall` ones downwards too.

    A header that starts with `<` is of a column of words, and so is the first.
    """
    heads = [
        element("th", each.lstrip("<"), scope="col", class_="n" if at and not each.startswith("<") else None)
        for at, each in enumerate(header)
    ]
    parts = [element("caption", caption), element("thead", element("tr", *heads)), element("tbody", *rows)]
    if foot is not None:
        parts.append(element("tfoot", foot))
    inner = element("table", *parts)
    kind = "scroll tall" if tall else "scroll"
    return element("div", inner, class_=kind, tabindex="0", role="region", aria_label=caption)


def section(id: str, title: str, *children: Child) -> Html:
    """Make a section of the page."""
    return element("section", element("h2", title, id=f"{id}-title"), *children, id=id, aria_labelledby=f"{id}-title")


def details(summary: Child, *children: Child) -> Html:
    """Make what is folded away until it is asked for."""
    return element("details", element("summary", summary), *children)


def note(*children: Child) -> Html:
    """Make a line that explains."""
    return element("p", *children, class_="note")
