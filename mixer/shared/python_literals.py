"""Python literals in cells of published tables, such as `{'caption': 'A kite.', 'parts': [('tail', 2)]}`: read as data.

Nothing is run, and what is read is bounded before Python's own parser sees it: in length, in depth, and to plain
literals, since long chains of operators can exhaust that parser.
"""

from __future__ import annotations

import ast
import re

LONGEST = 256 << 10
"""Characters of a literal; published ones are some thousand."""
DEEPEST = 32
"""Brackets in brackets; published ones are a few."""

# A string is written out instead of as a possessive group, which the first releases of Python 3.11 match wrongly.
_TOKEN = re.compile(
    r"""\s*+(?:(?P<open>[\[{(])|(?P<close>[\]})])|[,:]|None\b|True\b|False\b"""
    r"""|-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])"""
    r"""|(?P<text>'[^'\\\n]*(?:\\[\\'"abfnrtvxuUN][^'\\\n]*)*'|"[^"\\\n]*(?:\\[\\'"abfnrtvxuUN][^"\\\n]*)*"))\s*+"""
)


def parse(text: str) -> object:
    """Read a literal. Raises ValueError for anything else, and for what is longer or deeper than a published one."""
    if len(text) > LONGEST:
        raise ValueError("a Python literal that is too long")
    at = depth = 0
    was_text = False
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or (was_text and token["text"] is not None):  # NumPy's lists have no commas
            raise ValueError("no Python literal")
        was_text = token["text"] is not None
        depth += (token["open"] is not None) - (token["close"] is not None)
        if depth > DEEPEST:
            raise ValueError("a Python literal that is nested too deep")
        at = token.end()
    try:
        value: object = ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError):  # TypeError: a dict as a key
        raise ValueError("no Python literal") from None
    return value
