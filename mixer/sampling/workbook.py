"""A sample as a workbook: a row a record, its conversation readable in one cell. Needs `[excel]`.

Its bytes hang on the records and the library only: no clock enters.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mixer import atomic
from mixer.conversation import media
from mixer.errors import UsageError
from mixer.extras import need
from mixer.sampling.records import About, Shown, answers, conversation, turns, visible

ROWS = 1_048_575
"""Records that fit a sheet below its header."""
CELL = 32_767
"""UTF-16 units that fit a cell."""
COLUMNS = {
    "position": 10, "leaf": 22, "source": 22, "id": 24, "turns": 7, "media": 36, "conversation": 100, "chosen": 60,
    "rejected": 60,
}  # fmt: skip
"""Name of a column -> its width in characters."""
_PAIRS = ("chosen", "rejected")
_CREATED = datetime(2000, 1, 1, tzinfo=UTC)
"""Any fixed time will do: else the library writes the present one."""


def write(out: Path, about: About, records: Iterable[Shown]) -> list[str]:
    """Write the sample's file; give what a reader should be told. Raises UsageError where a sheet is too small."""
    xlsxwriter = need("xlsxwriter", "excel")
    if about.taken > ROWS:
        raise UsageError(
            f"-o {out}: a sheet holds {ROWS:,} records, the sample has {about.taken:,}; take fewer, or .jsonl"
        )
    with atomic.working_folder(out.parent) as folder:
        made = folder / "sample.xlsx"
        # Rows leave memory as they are written; whatever looks like a formula or a link is text.
        options = {
            "constant_memory": True,
            "tmpdir": str(folder),
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        with xlsxwriter.Workbook(str(made), options) as book:
            book.set_properties(
                {
                    "title": f"Sample of {about.name}",
                    "comments": f"{about.said}; mix {about.mix_id}",
                    "created": _CREATED,
                }
            )
            cut = _fill(book, about, records)
        atomic.move_file(made, out)
    said = f"texts cut at {CELL:,} characters, which is all that a cell holds: {cut:,}; .jsonl keeps them whole"
    return [said] if cut else []


def _fill(book: Any, about: About, records: Iterable[Shown]) -> int:
    """Write the sheet; give how many cells were cut."""
    sheet = book.add_worksheet("sample")
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    number = book.add_format({"valign": "top", "num_format": "#,##0"})
    bold = book.add_format({"bold": True, "bottom": 1, "valign": "top"})
    for column, (name, width) in enumerate(COLUMNS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, bold)
    cut = 0
    for row, shown in enumerate(records, start=1):
        for column, value in enumerate(_cells(shown)):
            if isinstance(value, int):
                sheet.write_number(row, column, value, number)
            elif value:
                whole = _plain(value)
                fitting = fitted(whole)
                cut += fitting != whole
                sheet.write_string(row, column, fitting, wrapped)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, about.taken, len(COLUMNS) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    return cut


def _cells(shown: Shown) -> list[int | str]:
    record = shown.record
    pair = dict(answers(record))
    return [
        shown.position,
        shown.leaf,
        shown.source,
        visible(record.id),
        len(record.conversations),
        "\n".join(map(visible, media(record))),
        conversation(turns(record)),
        *(pair.get(name.capitalize(), "") for name in _PAIRS),
    ]


def fitted(text: str) -> str:
    """Cut a text that a cell cannot hold, and say so at its end."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * CELL:
        return text
    said = f"\n[cut: {len(text):,} characters in all]"
    return units[: 2 * (CELL - len(said))].decode("utf-16-le", errors="ignore") + said


def _plain(text: str) -> str:
    """Keep the library from taking a text for markup of its own; a newline at its end is not seen."""
    return f"{text}\n" if text.startswith("<r>") and text.endswith("</r>") else text
