"""A sample as Markdown, readable as it is and when rendered: a heading a record, a quotation a turn."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mixer import atomic
from mixer.conversation import media
from mixer.sampling.records import About, Shown, answers, turns, visible

_ANYWHERE = re.compile(r"([\\`*\[\]<>#|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_AT_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")


def write(out: Path, about: About, records: Iterable[Shown]) -> list[str]:
    """Write the sample's file; give what a reader should be told."""
    with atomic.replacing_file(out) as file:
        file.write(f"# {escaped(about.name)}\n\n{escaped(about.said)}; mix {about.mix_id[:16]}\n".encode())
        for shown in records:
            file.write(_record(shown).encode())
    return []


def _record(shown: Shown) -> str:
    head = f"\n## {shown.position:,} · {escaped(shown.leaf)} · {escaped(_line(shown.record.id))}\n"
    files = "".join(f"- {escaped(_line(path))}\n" for path in media(shown.record))
    said = [*turns(shown.record), *answers(shown.record)]
    return "\n".join([head, *([files] if files else []), *(f"**{who}**\n\n{quoted(text)}\n" for who, text in said)])


def _line(text: str) -> str:
    return " ".join(visible(text).split())


def escaped(text: str) -> str:
    """Write one line so that nothing in it is markup."""
    return _AT_START.sub(_kept, _ANYWHERE.sub(r"\\\1", text))


def _kept(found: re.Match[str]) -> str:
    blanks, mark = found.groups()
    return f"{blanks}{mark}\\" if mark.isdigit() else f"{blanks}\\{mark}"


def quoted(text: str) -> str:
    """Write text as a quotation that keeps its line breaks."""
    lines = [escaped(line.strip()) for line in text.split("\n")]
    breaks = [f"{line}\\" if line and after else line for line, after in zip(lines, [*lines[1:], ""], strict=True)]
    return "\n".join(f"> {line}".rstrip() for line in breaks)
