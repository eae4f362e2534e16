"""JSON in and out, and errors that name the place."""

import enum
import math
import re
import tracemalloc
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from itertools import count, repeat
from numbers import Number
from typing import Any, Literal, TypedDict
from unittest.mock import MagicMock, Mock
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from pydantic import BaseModel

from dutiful.core.errors import BadArguments, BadPayload, PayloadTooLarge
from dutiful.core.payload import decode, decoder, encode, offence, plain

NAN, INF = float("nan"), float("inf")


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: float
    y: float


class Order(msgspec.Struct):
    number: int
    points: list[Point]


class Address(TypedDict):
    city: str


class Person(BaseModel):
    name: str
    born: datetime
    height: float = 1.0


class Strict(BaseModel, strict=True):
    id: UUID


class Foreign:
    pass


def write(value: Any, **options: Any) -> bytes:
    return encode(value, what="the argument", **options)


def through(value: Any, kind: Any) -> Any:
    return decode(write(value), decoder(kind), what="the argument")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, None),
        ("Zoë 🚀", str),
        (2**64 - 1, int),
        (-(2**63), int),
        (0.1, float),
        ([1, "a", None], list[Any]),
        ((1, "a"), tuple[int, str]),
        ({1, 2}, set[int]),
        ({"a": {"b": [1]}}, dict[str, Any]),
        ({1: "a"}, dict[int, str]),
        (b"\x00\xff", bytes),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime),
        (timedelta(seconds=90), timedelta),
        (UUID(int=7), UUID),
        (Decimal("1.10"), Decimal),
        (Colour.RED, Colour),
        ("b", Literal["a", "b"]),
        (Point(1.0, 2.0), Point),
        (Order(1, [Point(0.0, 0.5)]), Order),
        (Order(1, []), Order | None),
        (3, int | str),
        ("3", int | str),
        ({"city": "Ulm"}, Address),
        (Person(name="Ada", born=datetime(1815, 12, 10, tzinfo=UTC)), Person),
        (Strict(id=UUID(int=7)), Strict),
        ([Strict(id=UUID(int=7))], list[Strict]),
    ],
)
def test_a_value_comes_back_as_its_annotated_type(value: Any, kind: Any) -> None:
    found = through(value, kind)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda bad: bad, "$"),
        (lambda bad: {"a": [0.0, bad]}, "$.a[1]"),
        (lambda bad: ({"b": (bad,)},), "$[0].b[0]"),
        (lambda bad: Point(0.0, bad), "$.y"),
        (lambda bad: [Order(1, [Point(bad, 0.0)])], "$[0].points[0].x"),
        (lambda bad: {"who": Person(name="x", born=datetime.now(UTC), height=bad)}, "$.who.height"),
        (lambda bad: [None, bad], "$[1]"),
    ],
)
def test_nan_and_infinity_are_refused_wherever_they_hide(wrap: Any, path: str, bad: float) -> None:
    with pytest.raises(BadArguments) as caught:
        write(wrap(bad))
    assert f"at {path}: {bad} is not a JSON number" in str(caught.value)


def test_the_word_null_in_a_string_is_no_offence() -> None:
    assert write({"a": "null", "b": None, "c": Point(0.0, 1.0)})


@pytest.mark.parametrize("huge", [2**64, -(2**63) - 1, 10**400], ids=["over", "under", "far"])
@pytest.mark.parametrize(
    ("wrap", "path"),
    [
        (lambda v: v, "$"),
        (lambda v: {"a": {"b": v}}, "$.a.b"),
        (lambda v: [None, Order(v, [])], "$[1].number"),
    ],
)
def test_huge_integers_are_refused_with_advice(wrap: Any, path: str, huge: int) -> None:
    with pytest.raises(BadArguments, match="pass it as a string") as caught:
        write(wrap(huge))
    assert f"at {path}: " in str(caught.value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (Foreign(), "$"),
        ({"a": [1, Foreign()]}, "$.a[1]"),
        ([{"a": 1}, (2, Foreign())], "$[1][1]"),
        ({"a": {1, 2}, "b": lambda: 1}, "$.b"),
    ],
)
def test_foreign_objects_are_refused_with_their_place(value: Any, path: str) -> None:
    with pytest.raises(BadArguments, match="is not plain data") as caught:
        write(value)
    assert f"the argument cannot be written as JSON: at {path}: a " in str(caught.value)


def test_the_class_of_a_model_is_not_a_model() -> None:
    with pytest.raises(BadArguments):
        write(Person)


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(BadArguments, match="holds itself"):
        write(loop)


def test_keys_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(BadArguments, match="cannot be written as JSON"):
        write({(1, 2): 3})


def test_a_surrogate_is_refused() -> None:
    with pytest.raises(BadArguments, match="cannot be written as JSON"):
        write({"a": "\ud800"})


def test_the_size_limit_counts_bytes() -> None:
    assert len(write("x" * 8, bytes_max=10)) == 10
    with pytest.raises(PayloadTooLarge, match="takes 11 bytes as JSON, over the limit of 10"):
        write("x" * 9, bytes_max=10)


def test_the_usual_limit_is_a_quarter_of_a_mebibyte() -> None:
    with pytest.raises(PayloadTooLarge, match="over the limit of 262,144"):
        write("x" * 262_144)


@pytest.mark.parametrize(
    ("raw", "kind", "message"),
    [
        (b'{"number":"x","points":[]}', Order, r"\$\.number"),
        (b'"green"', Colour, "Invalid enum value"),
        (b'"c"', Literal["a", "b"], "Invalid enum value"),
        (b'{"name":"x"}', Person, "born"),
        (b"{", int, "the argument does not fit"),
        (b"1", Foreign, "cannot make a Foreign from JSON"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(raw: bytes, kind: Any, message: str) -> None:
    with pytest.raises(BadPayload, match=message):
        decode(raw, decoder(kind), what="the argument")


def test_an_abstract_type_takes_a_value_that_is_one() -> None:
    assert through(1, Number) == 1
    with pytest.raises(BadPayload, match="cannot make a Number from JSON"):
        decode(b'"x"', decoder(Number), what="the argument")


def test_plain_reads_any_json() -> None:
    assert plain(b'{"a":[1,null]}') == {"a": [1, None]}
    with pytest.raises(BadPayload, match="stored JSON cannot be read"):
        plain(b"{")


def test_what_json_holds_is_no_offence() -> None:
    assert offence({"a": [1, 2.5, "x", None, True, Colour.RED, Point(1.0, 2.0)]}) is None
    assert offence(math.pi) is None


class Endless:
    """Looks like a model, and gives itself as its plain data."""

    def model_dump(self, mode: str = "python") -> Any:
        """Return what is not plain data."""
        return {"self": self}

    @classmethod
    def model_validate_json(cls, raw: bytes) -> Any:
        """Only be there."""
        return cls()


class Odd(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        """Fail."""
        raise RuntimeError


class Faulty(BaseModel):
    number: int = 0

    def model_dump(self, **options: Any) -> Any:
        """Fail in the user's own code."""
        raise self.fault()

    @staticmethod
    def fault() -> BaseException:
        """Return what is raised."""
        return KeyError("no such column")


class Unreadable(Faulty):
    @staticmethod
    def fault() -> BaseException:
        """Return an error without a text."""
        return Odd()


class Nowhere(tzinfo):
    """A zone whose own code fails, also while a value in it is refused."""

    def utcoffset(self, when: datetime | None) -> timedelta:
        """Fail."""
        raise LookupError("no such place")


class Circular(dict[str, Any]):
    """A dict whose own code would never end."""

    def items(self) -> Any:
        """Never end."""
        return zip(count(), repeat(float("nan")), strict=False)

    def __iter__(self) -> Any:
        """Never end."""
        return count()


HOSTILE = [
    (Mock(), "a Mock is not plain data"),
    (MagicMock(), "a MagicMock is not plain data"),
    (Mock(spec=BaseModel), "a Mock is not plain data"),
    (Mock(spec=dict), "a Mock is not plain data"),
    (Endless(), "Endless"),
    (Faulty(), "KeyError: 'no such column'"),
    (Unreadable(), "Odd"),
    ((n for n in count()), "a generator is not plain data"),
    (count(), "a count is not plain data"),
    (range(10**12), "a range is not plain data"),
    (Circular(a=object()), "a object is not plain data"),
    (time(1, tzinfo=timezone(timedelta(seconds=30))), "not whole minutes"),
]


@pytest.mark.parametrize(("value", "text"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_value_is_refused_with_its_place(value: Any, text: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(BadArguments, match=rf"at \$\.a\[0\].*{re.escape(text)}") as caught:
            encode({"a": [value]}, what="x")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.__cause__ is not None


def test_what_a_type_raises_while_it_is_refused_is_told() -> None:
    with pytest.raises(BadArguments, match=r"at \$: LookupError: no such place") as caught:
        encode({"a": time(1, tzinfo=Nowhere())}, what="x")
    assert caught.value.__cause__ is not None


@dataclass
class Guarded:
    number: int

    def __post_init__(self) -> None:
        """Fail in the user's own code."""
        raise LookupError("not today")


def test_what_a_type_raises_while_it_is_read_is_told() -> None:
    with pytest.raises(BadPayload, match="x does not fit: LookupError: not today") as caught:
        decode(b'{"number":1}', decoder(Guarded), what="x")
    assert isinstance(caught.value.__cause__, LookupError)


AMSTERDAM = datetime(1890, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam"))
ODD = [
    AMSTERDAM,
    datetime(1920, 5, 5, 5, tzinfo=ZoneInfo("Europe/Amsterdam")),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(seconds=30))),
    datetime(2026, 1, 1, tzinfo=timezone(-timedelta(hours=5, minutes=3, seconds=59))),
    datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=timezone(timedelta(microseconds=1))),
    datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 1),  # noqa: DTZ001 - a naive one stays as it is
]


@dataclass
class Dated:
    at: datetime
    others: list[datetime]
    by_moment: dict[str, datetime]


@pytest.mark.parametrize("at", ODD, ids=str)
def test_a_datetime_comes_back_exact_whatever_its_offset(at: datetime) -> None:
    kept = Dated(at, [at, at], {"a": at})
    assert decode(encode(kept, what="x"), decoder(Dated), what="x") == kept
    assert decode(encode({at}, what="x"), decoder(set[datetime]), what="x") == {at}
    keyed = {at: [at]}
    assert decode(encode(keyed, what="x"), decoder(dict[datetime, list[datetime]]), what="x") == (
        keyed
    )


class When(BaseModel):
    at: datetime


@pytest.mark.parametrize("at", ODD, ids=str)
def test_a_models_datetime_comes_back_exact_or_is_refused(at: datetime) -> None:
    offset = at.utcoffset()
    if offset is not None and offset % timedelta(minutes=1):
        with pytest.raises(BadArguments, match=r"at \$\.a: the offset of .*not whole minutes"):
            encode({"a": When(at=at)}, what="x")
    else:
        assert decode(encode(When(at=at), what="x"), decoder(When), what="x") == When(at=at)


@pytest.mark.parametrize(
    "value",
    [
        {1: 1, "1": 2},
        {"deep": [{1: 1, "1": 2}]},
        {Colour.RED: 1, "red": 2},
        {b"ab": 1, "YWI=": 2},
        [{Decimal("1.5"): 1, "1.5": 2}],
        {"a": {datetime(2030, 1, 1, tzinfo=UTC): 1, "2030-01-01T00:00:00Z": 2}},
    ],
)
def test_two_keys_that_json_cannot_tell_apart_are_refused(value: Any) -> None:
    with pytest.raises(BadArguments, match=r"two keys of one dict are written as '.*', and one"):
        write(value)


def test_keys_that_differ_are_written() -> None:
    for value in ({1: 1, "2": 2}, {"a": {1.5: 0.1, "b": 1e300}}, {"a": {"b": "ä\n\x7f{"}}, {}):
        assert len(plain(write(value))) == len(value)
    assert write({"a": msgspec.Raw(b'{"b" : 1}')}) == b'{"a":{"b" : 1}}'
