"""Lines of a screen with a known number of cells; no stored text can make one wider."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dutiful.cli import render

if TYPE_CHECKING:
    from rich.text import Text

GAP = 1
_OPEN_MIN = 12
_TEXT_MAX = 2_000
"""More of a stored text is never looked at: no screen is so wide."""


class Cell(NamedTuple):
    """A text in a column."""

    text: str
    style: str = ""


class ScreenColumn(NamedTuple):
    """A column of a table; one without a width takes what is left."""

    heading: str
    width: int | None = None
    right: bool = False


def fit(text: str, width: int, *, right: bool = False) -> str:
    r"""Make a text exactly so many cells wide, on one line and without control characters.

    >>> fit("a\x1bb", 8), fit("too long for it", 8), fit("7", 3, right=True)
    ('a\\x1bb   ', 'too lon…', '  7')
    """
    text = cut(text, width)
    pad = " " * (width - _size(text))
    return pad + text if right else text + pad


def cut(text: str, width: int) -> str:
    """Make a text at most so many cells wide, on one line and without control characters."""
    from rich.cells import set_cell_size

    if width <= 0:
        return ""
    text = render.flat(text[:_TEXT_MAX])
    return set_cell_size(text, width - 1) + "…" if _size(text) > width else text


def line(cells: Sequence[Cell], width: int) -> Text:
    """Write texts one after the other, as far as they fit."""
    from rich.text import Text

    found = Text(no_wrap=True, end="")
    left = width
    for cell in cells:
        if left <= 0:
            break
        text = cut(cell.text, left)
        found.append(text, cell.style)
        left -= _size(text)
    return found


def row(columns: Sequence[ScreenColumn], cells: Sequence[Cell], width: int) -> Text:
    """Write cells under their columns."""
    from rich.text import Text

    found = Text(no_wrap=True, end="")
    left = width
    for column, cell, size in zip(columns, cells, widths(columns, width), strict=True):
        size = min(size, left)
        if size <= 0:
            break
        found.append(fit(cell.text, size, right=column.right), cell.style)
        left -= size
        found.append(" " * min(GAP, left))
        left -= min(GAP, left)
    found.rstrip()
    return found


def widths(columns: Sequence[ScreenColumn], width: int) -> list[int]:
    """Return how wide each column is; those without a width share what is left.

    They are never too narrow to be read: on a narrow screen the last columns are cut instead.
    """
    fixed = sum(column.width for column in columns if column.width is not None)
    open_ones = sum(column.width is None for column in columns)
    rest = max(width - fixed - GAP * (len(columns) - 1), 0)
    share = max(rest // max(open_ones, 1), min(_OPEN_MIN, width))
    return [share if column.width is None else column.width for column in columns]


def _size(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def amount(number: int, *, none: str = "·") -> str:
    """Write a count in at most eight cells; nothing is a quiet dot.

    >>> amount(0), amount(999_999), amount(12_345_678), amount(5_000_000_000)
    ('·', '999,999', '12.3M', '5.0G')
    """
    if not number:
        return none
    if abs(number) < 1_000_000:
        return f"{number:,}"
    for unit, size in (("M", 10**6), ("G", 10**9), ("T", 10**12)):
        if abs(number) < size * 1000:
            return f"{number / size:.1f}{unit}"
    return "many"


def speed(a_second: float) -> str:
    """Write a rate in at most six cells.

    >>> speed(0), speed(0.04), speed(3.25), speed(1234.5), speed(-2.5)
    ('0', '0.04', '3.2', '1,234', '-2.5')
    """
    size = abs(a_second)
    if not size:
        return "0"
    if size < 0.1:
        return f"{a_second:.2f}" if size >= 0.01 else "<0.01"
    return f"{a_second:.1f}" if size < 100 else amount(int(a_second))
