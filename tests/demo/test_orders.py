"""Every complaint about a file of orders names the file, the line and the column."""

import re
import runpy
from pathlib import Path

import pytest

from dutiful.core.errors import BadOption
from dutiful.demo.books import FAILING
from dutiful.demo.orders import ORDERS_MAX, Order, read_orders

SHOP = Path(__file__).parents[2] / "examples" / "shop"
HEAD = "order_id,card,cents,currency\n"

BAD = {
    "empty file": ("", "the file is empty; its first line must be order_id,card,cents,currency"),
    "only blank": (" \n\n", "the file is empty"),
    "no orders": (HEAD, "no orders below the header line"),
    "missing columns": ("order_id,cents,price\nA,1,2\n", "line 1: no column card, currency; found"),
    "semicolons": ("order_id;card;cents;currency\nA;t;1;EUR\n", "save the file with commas"),
    "decimal amount": (HEAD + "A,t,12.50,EUR\n", "line 2, column cents: '12.50' is not a whole"),
    "negative amount": (HEAD + "A,t,-5,EUR\n", "line 2, column cents: '-5' is not a whole number"),
    "no money": (HEAD + "A,t,1,EUR\nB,t,0,EUR\n", "line 3, column cents: 0 is not between"),
    "too much money": (HEAD + f"A,t,{10**40},EUR\n", "line 2, column cents: 1000"),
    "foreign digits": (HEAD + "A,t,١٢,EUR\n", "line 2, column cents"),
    "duplicate": (
        HEAD + "A,t,1,EUR\nB,t,1,EUR\nA,t,1,EUR\n",
        "line 4, column order_id: 'A'",
    ),
    "empty card": (HEAD + "A, ,1,EUR\n", "line 2, column card: is empty"),
    "short line": (HEAD + "A,t,1\n", "line 2, column currency: is missing"),
    "bad currency": (HEAD + "A,t,1,euro\n", "line 2, column currency: 'euro' is not a code"),
    "long id": (HEAD + "A" * 101 + ",t,1,EUR\n", "line 2, column order_id: is longer"),
    "open quote": (HEAD + 'A,"t,1,EUR\n', "not readable as CSV"),
}


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(BadOption, match=re.escape(message)) as caught:
        read_orders(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_other_encoding_names_the_line(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD.encode() + b"A,t,1,EUR\nB\xe9,t,1,EUR\n")
    with pytest.raises(BadOption, match="line 3: byte 0xe9 is not UTF-8"):
        read_orders(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="no such file"):
        read_orders(tmp_path / "none.csv")
    with pytest.raises(BadOption, match="cannot be read: Is a directory"):
        read_orders(tmp_path)


def test_too_many_orders(tmp_path: Path) -> None:
    rows = "".join(f"{number},t,1,EUR\n" for number in range(ORDERS_MAX + 1))
    with pytest.raises(BadOption, match="more than 20,000 orders"):
        read_orders(write(tmp_path, HEAD + rows))


def test_what_spreadsheets_write_is_read(tmp_path: Path) -> None:
    text = '\ufefforder_id,note,card,cents,currency\r\n A ,"two\r\nlines",t,7,EUR\r\n'
    assert read_orders(write(tmp_path, text)) == (Order("A", "t", 7, "EUR"),)


def test_line_numbers_count_lines_within_quotes(tmp_path: Path) -> None:
    text = 'order_id,note,card,cents,currency\nA,"two\nlines",t,7,EUR\nB,,t,x,EUR\n'
    with pytest.raises(BadOption, match="line 4, column cents"):
        read_orders(write(tmp_path, text))


def test_shop_orders_are_what_the_generator_writes(tmp_path: Path) -> None:
    copy = tmp_path / "generate.py"
    copy.write_text((SHOP / "generate.py").read_text())
    runpy.run_path(str(copy), run_name="__main__")
    assert (tmp_path / "orders.csv").read_bytes() == (SHOP / "orders.csv").read_bytes()


def test_shop_has_2000_orders_of_which_12_fail() -> None:
    orders = read_orders(SHOP / "orders.csv")
    assert len(orders) == len({order.card for order in orders}) == 2000
    assert sum(order.card.startswith(FAILING) for order in orders) == 12
