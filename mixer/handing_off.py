"""What to paste into a trainer: the text of a target's writer, with the paths of a mix and of its media put in.

Writers say `MIX` and `MEDIA` where paths belong, and are given a word for the mix's name, which may hold these itself.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping

NAME = "\0"
"""Stands for the name of the mix: no path holds it, nor does any text."""
_PLACE = re.compile(rf"MIX|MEDIA|{NAME}")
_PIECE = re.compile(rf"""'[^'\n]*'|f?"[^"\n]*"|[^\s"']*(?:{_PLACE.pattern})[^\s"']*""")
"""Scripts of sed, texts of Python, and words of a shell or of YAML."""


def filled(said: str, places: Mapping[str, str]) -> str:
    """Put in what stands for MIX, MEDIA and NAME, quoted as the place needs it: paths may hold blanks, quotes and #."""

    def put(text: str, written: Callable[[str], str] = str) -> str:
        return _PLACE.sub(lambda place: written(places[place[0]]), text)

    def piece(found: re.Match[str]) -> str:
        text = found[0]
        if text.startswith("'"):
            return put(text, _in_sed)
        if text.startswith('f"'):
            return put(text, lambda path: _in_quotes(path).replace("{", "{{").replace("}", "}}"))
        return put(text, _in_quotes) if text.startswith('"') else shlex.quote(put(text))

    return _PIECE.sub(piece, said)


def _in_quotes(path: str) -> str:
    """Write a path so that it can stand between double quotes, in Python and in JSON."""
    return json.dumps(path, ensure_ascii=False)[1:-1]


def _in_sed(path: str) -> str:
    """Write a path so that sed puts it between double quotes; its script is one word of a shell, its mark is #."""
    return re.sub(r"([#&\\])", r"\\\1", _in_quotes(path)).replace("'", r"'\''")
