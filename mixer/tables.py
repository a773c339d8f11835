"""Aligned plain-text tables, and numbers as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, total: Sequence[str] = ()) -> str:
    """Align rows under a header: the first `left` columns to the left, the others to the right, a total under a line.

    A column whose header starts with `<` is aligned to the left too.
    """
    body = [list(row) for row in rows]
    every = [[name.lstrip("<") for name in header], *body, *([list(total)] if total else [])]
    widths = [max(len(row[column]) for row in every) for column in range(len(header))]
    to_left = [column < left or name.startswith("<") for column, name in enumerate(header)]

    def line(cells: Sequence[str]) -> str:
        cut = zip(cells, widths, to_left, strict=True)
        return "  ".join(cell.ljust(width) if side else cell.rjust(width) for cell, width, side in cut).rstrip()

    rule = "  ".join("-" * width for width in widths)
    lines = [line(every[0]), rule, *map(line, body)]
    return "\n".join([*lines, rule, line(total)] if total else lines)


def cut(text: str, width: int = 40) -> str:
    """Shorten a long cell; what is whole is in the JSON."""
    return text if len(text) <= width else f"{text[: width - 1].rstrip()}…"


def number(value: float) -> str:
    """Write a number with thousands separated, and one decimal if it is not whole."""
    return f"{int(value):,}" if value == int(value) else f"{value:,.1f}"


def size(value: int) -> str:
    """Write bytes in decimal units."""
    power = min((len(str(value)) - 1) // 3, 4)
    return f"{value / 1000**power:,.1f} {('B', 'kB', 'MB', 'GB', 'TB')[power]}" if power else f"{value} B"
