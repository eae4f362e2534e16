"""Stored arguments and the function's own rules: what was left out, and what types accept."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator
from datetime import date
from typing import Annotated, Any, NotRequired, TypedDict, Unpack

import pytest

from dutiful import App, BadArguments, BadOption, BadPayload, Context
from dutiful.client.signature import Signature


def read(fn: Any, raw: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return Signature(fn, "task").decode(raw)


def back(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Send arguments through JSON and call the function with what comes out."""
    task = App("memory://").task(name="task")(fn)
    given, named = task.signature.decode(task.job(*args, **kwargs).args)
    return fn(*given, **named)


def test_a_parameter_in_front_of_others_is_given_its_default() -> None:
    def spread(a: int, b: int = 5, c: int = 6, *rest: int) -> Any:
        return a, b, c, rest

    def strict(a: int = 1, b: int = 2, /, c: int = 3) -> Any:
        return a, b, c

    def calls(fn: Any, raw: bytes) -> Any:
        args, kwargs = read(fn, raw)
        return fn(*args, **kwargs)

    assert calls(spread, b'{"a":1,"rest":[2,3]}') == (1, 5, 6, (2, 3))
    assert calls(spread, b'{"a":1,"c":9,"rest":[2]}') == (1, 5, 9, (2,))
    assert calls(spread, b'{"a":1,"rest":[]}') == (1, 5, 6, ())
    assert calls(strict, b'{"b":7}') == (1, 7, 3)
    assert calls(strict, b'{"c":7}') == (1, 2, 7)
    assert read(spread, b'{"a":1}') == ((1,), {})


async def test_a_positional_only_context_after_a_default() -> None:
    def task(a: int = 1, ctx: Context | None = None, /) -> Any:
        return a, ctx

    signature = Signature(task, "task")
    here: Any = object()
    assert task(*signature.insert(here, (), {})[0]) == (1, here)
    assert task(*signature.insert(here, (3,), {})[0]) == (3, here)
    made = App("memory://").task(task)
    assert isinstance(made()[1], Context)

    def needed(a: int, b: int = 2, ctx: Context | None = None, /) -> Any: ...

    with pytest.raises(TypeError, match="missing 1 required"):
        needed(*Signature(needed, "task").insert(here, (), {})[0])


def test_a_type_that_json_cannot_hold_is_refused_where_it_is_declared() -> None:
    def function(x: Any = None) -> None: ...

    function.__annotations__["x"] = any

    def both(x: bytes | str) -> None: ...

    def one_shot(x: Iterator[int]) -> None: ...

    wrong: list[Any] = [function, both]
    for fn in wrong:
        with pytest.raises(BadOption, match=r"task \w+: its annotations cannot be JSON"):
            App("memory://").task(fn)
    with pytest.raises(BadArguments, match=r"Iterator\[int\] from JSON; annotate it as a list"):
        App("memory://").task(one_shot).job([1])  # type: ignore[arg-type]  # wrong


def test_a_name_that_comes_later_is_waited_for() -> None:
    code = """
from __future__ import annotations
from dataclasses import dataclass
from dutiful import App
app = App("memory://")
@dataclass
class Order:
    at: Place
@app.task
def early(x: Later, order: Order): ...
@app.task
def within(order: Order): ...
@dataclass
class Later: ...
@dataclass
class Place: ...
early.job(Later(), Order(Place()))
within.job(Order(Place()))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_general_containers_are_lists_and_dicts() -> None:
    def sums(numbers: Iterable[int], days: Container[date], names: OrderedDict[str, date]) -> Any:
        return numbers, days, names

    day = date(2030, 1, 2)
    named: OrderedDict[str, date] = OrderedDict([("b", day), ("a", day)])
    assert back(sums, (1, 2), {day}, named) == ([1, 2], [day], named)
    _, _, found = back(sums, [1], [], named)
    assert isinstance(found, OrderedDict)
    assert list(found) == ["b", "a"]
    with pytest.raises(BadArguments, match="int"):
        App("memory://").task(sums).job(["one"], [], named)  # type: ignore[list-item]  # wrong


class Options(TypedDict):
    size: int
    due: NotRequired[date]


class Loose(TypedDict, total=False):
    size: int


def test_keywords_of_a_typed_dict() -> None:
    def resize(path: str, **options: Unpack[Options]) -> Any:
        return path, options

    def loose(**options: Unpack[Loose]) -> Any:
        return options

    day = date(2030, 1, 2)
    assert back(resize, "a", size=1, due=day) == ("a", {"size": 1, "due": day})
    assert back(resize, "a", size=1) == ("a", {"size": 1})
    assert (back(loose), back(loose, size=2)) == ({}, {"size": 2})
    task = App("memory://").task(unique=True)(resize)
    assert task.job("a", size=1, due=day).unique == task.job(path="a", due=day, size=1).unique
    assert task.job("a", size=1).unique != task.job("a", size=2).unique
    wrong: Any = task
    for given, text in (({"size": "x"}, "int"), ({"size": 1, "b": 2}, "b"), ({}, "options")):
        with pytest.raises(BadArguments, match=text):
            wrong.job("a", **given)
    with pytest.raises(BadPayload, match="later"):
        task.signature.decode(b'{"path":"a","options":{"size":1,"later":2}}')


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (str, "ab", b"ab"),
        (str, "ab", bytearray(b"ab")),
        (str | None, None, b"ab"),
        (list[str], ["a"], ["a", b"ab"]),
        (dict[str, str], {"a": "b"}, {"a": b"ab"}),
        (dict[str, list[str]], {"a": ["b"]}, {"a": [b"ab"]}),
        (Annotated[str, "note"], "ab", memoryview(b"ab")),
        (bytes, b"ab", "abcd"),
        (bytes | None, None, "abcd"),
        (list[bytes], [b"ab"], [b"ab", "abcd"]),
        (tuple[bytes, ...], (b"ab",), ("abcd",)),
        (dict[int, bytes], {1: b"ab"}, {1: "abcd"}),
    ],
    # Not a memoryview's own text, which names its address: the ids are alike in each process.
    ids=lambda value: type(value).__name__ if isinstance(value, memoryview) else str(value),
)
def test_text_and_bytes_are_not_taken_for_each_other(kind: Any, good: Any, bad: Any) -> None:
    def one(given: Any) -> Any:
        return given

    def many(*given: Any, **named: Any) -> Any:
        return given, named

    one.__annotations__["given"] = kind
    many.__annotations__.update(given=kind, named=kind)
    assert back(one, good) == good
    assert back(many, good, key=good) == ((good,), {"key": good})
    app = App("memory://")
    for refused in (
        lambda: app.task(one).job(bad),
        lambda: app.task(many).job(good, bad),
        lambda: app.task(many).job(key=bad),
    ):
        with pytest.raises(BadArguments, match=r"(given|named): (text|bytes) given for"):
            refused()


def test_bytes_go_where_no_type_says_text() -> None:
    def free(given: Any, mixed: list[Any]) -> Any:
        return given, mixed

    assert back(free, b"ab", [b"ab", "c"]) == ("YWI=", ["YWI=", "c"])
