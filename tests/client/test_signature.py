"""Arguments are bound and checked at enqueue, and come back as their annotated types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, TypedDict
from uuid import UUID

import msgspec
import pydantic
import pytest

from dutiful import App, BadArguments, BadOption, BadPayload
from dutiful.client.context import Context as Ctx

if TYPE_CHECKING:
    from dutiful import Context


class Colour(Enum):
    RED = "red"


class Line(TypedDict):
    sku: str
    count: int


class Point(msgspec.Struct):
    x: int
    y: int = 0


@dataclass
class Order:
    id: UUID
    lines: list[Line]
    total: Decimal
    at: datetime
    note: str | None = None


class Address(pydantic.BaseModel):
    street: str
    since: date


def back(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Send arguments through JSON and call the function with what comes out."""
    task = App("memory://").task(name="task")(fn)
    given, named = task.signature.decode(task.job(*args, **kwargs).args)
    return fn(*given, **named)


ID = UUID("12345678-1234-5678-1234-567812345678")
ORDER = Order(ID, [{"sku": "a", "count": 2}], Decimal("10.10"), datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Order, ORDER),
        (list[Order], [ORDER, ORDER]),
        (Point, Point(1, 2)),
        (Address, Address(street="a", since=date(2020, 1, 1))),
        (list[Address], [Address(street="a", since=date(2020, 1, 1))]),
        (datetime, datetime(2030, 1, 1, 12, 30, tzinfo=UTC)),
        (timedelta, timedelta(hours=2, microseconds=5)),
        (UUID, ID),
        (Decimal, Decimal("0.1")),
        (Colour, Colour.RED),
        (Line, {"sku": "a", "count": 1}),
        (Literal["a", "b"], "b"),
        (int | str, "x"),
        (int | str, 5),
        (Point | None, None),
        (tuple[int, str], (1, "a")),
        (set[int], {1}),
        (bytes, b"\x00\xff"),
        (dict[str, Point], {"a": Point(1)}),
        (Annotated[int, msgspec.Meta(ge=0)], 3),
        (Any, {"a": [1, None, True]}),
        (float, 0.1),
    ],
    ids=lambda value: str(value)[:30],
)
def test_values_come_back_as_they_went(kind: Any, value: Any) -> None:
    def task(given: Any) -> Any:
        return given

    task.__annotations__ = {"given": kind}
    result = back(task, value)
    assert result == value
    assert type(result) is type(value)


def positional(a: int, b: int = 2, /) -> tuple[int, int]:
    return a, b


def keyword(*, a: int, b: int = 2) -> tuple[int, int]:
    return a, b


def mixed(a: int, /, b: int, *rest: int, c: int = 3, **named: int) -> tuple[Any, ...]:
    return a, b, rest, c, named


def defaults(a: int = 1, b: int = 2, c: int = 3) -> tuple[int, ...]:
    return a, b, c


def odd_names(self: int, type: int, json: int, _: int, name: int = 0) -> tuple[int, ...]:
    return self, type, json, _, name


@pytest.mark.parametrize(
    ("fn", "args", "kwargs", "wanted"),
    [
        (positional, (1,), {}, (1, 2)),
        (positional, (1, 5), {}, (1, 5)),
        (keyword, (), {"a": 1}, (1, 2)),
        (keyword, (), {"b": 5, "a": 1}, (1, 5)),
        (mixed, (1, 2), {}, (1, 2, (), 3, {})),
        (mixed, (1, 2, 3, 4), {"c": 9, "d": 10, "a": 11}, (1, 2, (3, 4), 9, {"d": 10, "a": 11})),
        (mixed, (1,), {"b": 2}, (1, 2, (), 3, {})),
        (defaults, (), {}, (1, 2, 3)),
        (defaults, (), {"b": 9}, (1, 9, 3)),
        (defaults, (7,), {"c": 9}, (7, 2, 9)),
        (odd_names, (1, 2, 3, 4), {"name": 5}, (1, 2, 3, 4, 5)),
    ],
)
def test_arguments_are_bound_as_python_does(
    fn: Any, args: tuple[Any, ...], kwargs: dict[str, Any], wanted: Any
) -> None:
    assert back(fn, *args, **kwargs) == wanted


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, "missing a required argument: 'a'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"c": 1}, "unexpected keyword argument 'c'"),
        (("x",), {}, r"Expected `int`, got `str` - at `\$.a`"),
        ((1,), {"b": [{"x": "no"}]}, r"\$.b\[0\].x"),
        ((float("nan"),), {}, "nan is not a JSON number"),
        ((object(),), {}, "object"),
        ((2**70,), {}, "64 bits"),
        (("\ud800",), {}, "JSON"),
    ],
)
def test_wrong_calls_are_refused_before_any_io(
    args: tuple[Any, ...], kwargs: dict[str, Any], text: str
) -> None:
    app = App("sqlite:////nowhere/at/all/jobs.db")

    @app.task
    def task(a: int, b: list[Point] = []) -> None: ...  # noqa: B006 - never changed

    with pytest.raises(BadArguments, match=text):
        task.enqueue(*args, **kwargs)


def test_a_default_is_that_of_the_code_that_runs() -> None:
    assert App("memory://").task(defaults).job(b=5).args == b'{"b":5}'


def test_the_context_is_found_in_every_spelling() -> None:
    def typed(a: int, ctx: Ctx) -> None: ...
    def union(a: int, ctx: Ctx | None = None) -> None: ...
    def optional(a: int, ctx: Optional[Ctx] = None) -> None: ...  # noqa: UP045 - under test
    def annotated(a: int, ctx: Annotated[Ctx, "mine"]) -> None: ...
    def checked(a: int, ctx: Context) -> None: ...
    def quoted(a: int, ctx: dutiful.Context | None = None) -> None: ...  # noqa: F821 - under test

    for fn in (typed, union, optional, annotated, checked, quoted):
        task = App("memory://").task(fn)
        assert task.signature.takes_context, fn
    assert App("memory://").task(checked).job(1).args == b'{"a":1}'


def test_a_class_of_that_name_is_not_the_context() -> None:
    def other(ctx: pydantic.BaseModel) -> None: ...

    assert not App("memory://").task(other).signature.takes_context


def test_what_cannot_be_resolved_is_explained() -> None:
    def later(a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - under test
    def foreign(a: type) -> None: ...

    with pytest.raises(BadOption, match="TYPE_CHECKING"):
        App("memory://").task(later).job(1)
    with pytest.raises((BadOption, BadArguments)):
        App("memory://").task(foreign).job(int)


def test_stored_arguments_that_do_not_fit_name_the_place() -> None:
    task = App("memory://").task(defaults)
    with pytest.raises(BadPayload, match=r"\$.b"):
        task.signature.decode(b'{"b":"x"}')


def test_a_models_input_is_not_repeated_in_errors() -> None:
    def moves(to: Address) -> None: ...

    task = App("memory://").task(moves)
    with pytest.raises(BadPayload) as caught:
        task.signature.decode(b'{"to":{"street":"hunter2","since":"hunter2"}}')
    assert "since" in str(caught.value)
    assert "hunter2" not in str(caught.value)


NAMES = {
    "__x": "def task(__x: int) -> int: return __x",
    "__struct_fields__": "def task(__struct_fields__: int) -> int: return __struct_fields__",
    "__init__": "def task(__init__: int = 3) -> int: return __init__",
    "self": "def task(self: int) -> int: return self",
    "fn": "def task(fn: int) -> int: return fn",
    "args": "def task(args: int) -> int: return args",
    "größe": "def task(größe: int) -> int: return größe",
    "app": "def task(app: int) -> int: return app",
    "job": "def task(job: int, **rest: int) -> int: return job + len(rest)",
    "p1": "def task(p1: int, p0: int = 0) -> int: return p1 + p0",
}


@pytest.mark.parametrize(("name", "code"), NAMES.items(), ids=NAMES)
async def test_a_parameter_may_have_any_name(name: str, code: str) -> None:
    names: dict[str, Any] = {"__name__": __name__}
    exec(code, names)  # noqa: S102 - the name of a parameter is what is tried
    async with App("memory://") as app:
        task = app.task(name="task")(names["task"])
        for job in (task.job(5), task.job(**{name: 5})):
            assert msgspec.json.decode(job.args) == {name: 5}
            given, named = task.signature.decode(job.args)
            assert task.fn(*given, **named) == 5
        handle = await task.aenqueue(**{name: 5})
        assert handle.created
        assert task(**{name: 5}) == 5
        with pytest.raises(BadArguments, match=rf"\$\.{name}"):
            task.job("five")


def test_positional_only_and_variable_arguments_come_back() -> None:
    def kept(a: int, b: int = 2, /, *rest: int, key: str = "k", **more: float) -> object:
        return a, b, rest, key, more

    assert back(kept, 1) == (1, 2, (), "k", {})
    assert back(kept, 1, 3, 4, 5, key="x", a=1.5) == (1, 3, (4, 5), "x", {"a": 1.5})


def test_the_context_is_not_given() -> None:
    def first(ctx: Ctx, **more: int) -> None: ...
    def only(ctx: Ctx, /, **more: int) -> None: ...

    with pytest.raises(BadArguments, match=r"'ctx' is the task's context"):
        App("memory://").task(first).job(ctx=5)
    assert App("memory://").task(only).job(ctx=5).args == b'{"more":{"ctx":5}}'


class Picky:
    """Raises when it is read."""

    @classmethod
    def model_validate_json(cls, raw: bytes) -> Picky:
        """Fail."""
        raise LookupError("no such thing")


def test_what_the_own_code_of_a_type_raises_is_bad_arguments() -> None:
    def task(a: Picky) -> None: ...
    def broken(a: 1 / 0) -> None: ...  # type: ignore[valid-type]  # under test

    with pytest.raises(BadArguments, match=r"task\(a: .Picky.\): LookupError: no such") as caught:
        App("memory://").task(task).job(1)
    assert isinstance(caught.value.__cause__, LookupError)
    with pytest.raises(BadOption, match="its annotations cannot be read: ZeroDivisionError"):
        App("memory://").task(broken).job(1)


def key(task: Any, *args: Any, **kwargs: Any) -> str:
    rule = task.using(unique=True).job(*args, **kwargs).unique
    return str(rule.key)


def test_arguments_that_a_task_cannot_tell_apart_have_one_unique_key() -> None:
    def typed(
        number: float,
        skus: set[str],
        at: datetime,
        quality: int = 80,
        *,
        colour: Colour = Colour.RED,
    ) -> None: ...
    def untyped(value: Any = None, *rest: Any, **more: Any) -> None: ...

    one = App("memory://").task(typed)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    local = at.astimezone(timezone(timedelta(hours=2)))
    keys = {
        key(one, 1, {"a", "b", "c"}, at),
        key(one, 1.0, {"c", "b", "a"}, local, 80),
        key(one, skus=["b", "a", "c"], number=1, at=at.isoformat(), colour="red"),
        key(one, 1, frozenset("abc"), at, quality=80, colour=Colour.RED),
    }
    assert len(keys) == 1
    assert key(one, 1, {"a", "b"}, at) not in keys
    assert key(one, 1, {"a", "b", "c"}, at, 81) not in keys
    two = App("memory://").task(untyped)
    assert key(two, 1, b=2, a={"y", "x"}) == key(two, 1.0, a={"x", "y"}, b=2)
    assert key(two, {"b": at, "a": 1}) == key(two, {"a": 1, "b": local})
    assert key(two) == key(two, None)
    assert key(two, 1, 2) != key(two, 1, 3)


def test_the_keys_of_plain_arguments_are_those_of_older_releases() -> None:
    def charge(order: int, note: str = "", tags: list[str] | None = None) -> None: ...

    task = App("memory://").task(charge)
    for given, raw in (
        ((42,), b'{"order":42}'),
        ((42, "x", ["b", "a"]), b'{"order":42,"note":"x","tags":["b","a"]}'),
    ):
        assert key(task, *given) == f"charge:{sha256(raw).hexdigest()[:32]}"
