"""HTML as ChatGPT's pages had it, made Markdown in the way of Vicuna's data cleaning.

The work is done by `markdownify`, an optional package, of which other releases write some things differently.
"""

from __future__ import annotations

import importlib
import re
import warnings
from functools import cache
from typing import Any

from mixer.errors import UsageError

_OPENING = (re.compile("<div.*?>"), re.compile("<span.*?>"))
"""Tags that would indent code or escape underscores in it; what closes them is dropped with all other tags."""
_CODE = re.compile(r"```\s*(.*?)(?:Copy code)+(.+?)\s*?```", re.DOTALL)
"""A code block whose first line holds its language and the label of a button."""
_EMPTY_CODE = re.compile(r"```.*?Copy code\s*```")
_PAGES = re.compile(r"\d+ / \d+")
_COUNTS = re.compile(r"Copy\d+ chars / \d+ words")


class Unreadable(Exception):
    """HTML that does not parse."""


def markdown(html: str) -> str:
    """Write HTML as Markdown, without the labels of the page's buttons. Raises Unreadable, and UsageError."""
    library, faults = _library()
    for opening in _OPENING:
        html = opening.sub("", html)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short texts look like file names to it
        try:
            text: str = library.markdownify(html).strip()
        except faults as error:
            raise Unreadable(str(error)) from None
    text = _CODE.sub(r"```\1\n\2\n```", text)
    pages = _PAGES.match(text)
    if pages:  # of an answer that was generated several times
        text = text[pages.end() :]
    text = _EMPTY_CODE.sub("", _COUNTS.sub("", text))
    return text.replace("\n\n\n", "\n").strip()


@cache
def _library() -> tuple[Any, tuple[type[Exception], ...]]:
    try:
        library = importlib.import_module("markdownify")
        rejected = importlib.import_module("bs4.builder").ParserRejectedMarkup
    except ImportError:
        raise UsageError("this file holds HTML, which needs: pip install 'instruction-mixer[html]'") from None
    return library, (rejected, AssertionError, RecursionError)
