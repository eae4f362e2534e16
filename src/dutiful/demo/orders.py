"""Reading and checking a CSV file of orders; every complaint names file, line and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dutiful.core.errors import BadOption

COLUMNS = ("order_id", "card", "cents", "currency")
"""The columns that must be there; others, such as the customer's name, are left alone."""

ORDERS_MAX = 20_000
CENTS_MAX = 100_000_000
TEXT_MAX = 100

Row = dict[str | None, str | list[str] | None]


class Order(msgspec.Struct, frozen=True):
    """One order to charge."""

    order_id: str
    card: str
    cents: int
    currency: str


def read_orders(path: Path) -> tuple[Order, ...]:
    """Read a file of orders; raises BadOption with the place and a way to fix it."""
    text = _text(path)
    lines = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_header(path, lines.fieldnames)
        orders = tuple(_orders(path, lines))
    except csv.Error as error:
        raise BadOption(f"{path}: line {lines.line_num}: not readable as CSV: {error}") from error
    if not orders:
        raise BadOption(f"{path}: no orders below the header line")
    return orders


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise BadOption(f"{path}: no such file") from None
    except OSError as error:
        raise BadOption(f"{path}: cannot be read: {error.strerror}") from error
    if not raw.strip():
        raise BadOption(f"{path}: the file is empty; its first line must be {','.join(COLUMNS)}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadOption(
            f"{path}: line {line}: byte 0x{raw[error.start]:02x} is not UTF-8; "
            "save the file as UTF-8"
        ) from error


def _check_header(path: Path, names: Sequence[str] | None) -> None:
    found = list(names or ())
    missing = [column for column in COLUMNS if column not in found]
    if not missing:
        return
    if len(found) == 1 and ";" in found[0]:
        raise BadOption(f"{path}: line 1: columns are parted by ';'; save the file with commas")
    raise BadOption(
        f"{path}: line 1: no column {', '.join(missing)}; found {', '.join(found) or 'nothing'}"
    )


def _orders(path: Path, lines: csv.DictReader[str]) -> Iterator[Order]:
    seen: dict[str, int] = {}
    for row in lines:
        line = lines.line_num
        order = _order(path, line, dict(row))
        if order.order_id in seen:
            first = seen[order.order_id]
            raise _wrong(path, line, "order_id", f"{order.order_id!r} stands on line {first}, too")
        seen[order.order_id] = line
        if len(seen) > ORDERS_MAX:
            raise BadOption(f"{path}: more than {ORDERS_MAX:,} orders; the demo is not a benchmark")
        yield order


def _order(path: Path, line: int, row: Row) -> Order:
    values: dict[str, str] = {}
    for column in COLUMNS:
        value = row.get(column)
        if not isinstance(value, str):
            raise _wrong(path, line, column, "is missing: the line has too few columns")
        values[column] = value.strip()
        if not values[column]:
            raise _wrong(path, line, column, "is empty")
        if len(values[column]) > TEXT_MAX:
            raise _wrong(path, line, column, f"is longer than {TEXT_MAX} characters")
    currency = values["currency"]
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise _wrong(path, line, "currency", f"{currency!r} is not a code such as EUR")
    cents = _cents(path, line, values["cents"])
    return Order(values["order_id"], values["card"], cents, currency)


def _cents(path: Path, line: int, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise _wrong(path, line, "cents", f"{text!r} is not a whole number; write 1250 for 12.50")
    cents = int(text) if len(text) <= 12 else CENTS_MAX + 1
    if not 0 < cents <= CENTS_MAX:
        raise _wrong(path, line, "cents", f"{text} is not between 1 and {CENTS_MAX}")
    return cents


def _wrong(path: Path, line: int, column: str, what: str) -> BadOption:
    return BadOption(f"{path}: line {line}, column {column}: {what}")
