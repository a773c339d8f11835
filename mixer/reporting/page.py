"""The page around the sections: one file, whose style and script are its own and the only ones a browser may run."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from string import Template

from mixer.reporting.markup import Html, element, join, name, text
from mixer.reporting.overview import Values, banner


def page(values: Values, sections: list[Html]) -> bytes:
    """Put sections into the page, with a link to each."""
    style, script = _part("page.css"), _part("page.js")
    links = [
        element("li", element("a", Html(title), href=f"#{id}"))
        for id, title in (found.groups() for each in sections for found in _HEAD.finditer(each))
    ]
    return (
        Template(_part("page.html"))
        .substitute(
            style=style,
            style_hash=_hash(style),
            script=script,
            script_hash=_hash(script),
            title=text(f"{values['name']}: report of a mix"),
            name=name(values["name"]),
            version=text(values["version"]),
            links=join(links),
            banner=banner(values),
            sections=join([section for section in sections if section], "\n"),
        )
        .encode()
    )


_HEAD = re.compile(r'<h2 id="([a-z]+)-title">([^<]*)</h2>')


def _part(name: str) -> str:
    return files("mixer.reporting").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """Name a style or script as a Content-Security-Policy does."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
