"""Equal values have one form."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from dutiful.core.canonical import in_order, written


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: float
    names: set[str]


class Shape(msgspec.Struct, rename="camel"):
    corner_points: list[float]


class Basket(BaseModel):
    skus: set[str]
    total: Decimal = Decimal("1.0")


class Place(BaseModel):
    zone: int
    area: int


class Ids(RootModel[set[int]]):
    """A model that is no mapping."""


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        ({1: 2, 3: 4}, {3: 4, 1: 2}),
        ({"x", "y", "z"}, frozenset({"z", "x", "y"})),
        ({1, "1", (2, 3)}, {(2, 3), "1", 1}),
        ((1, 2), [1, 2]),
        (1, 1.0),
        (0.0, -0.0),
        ([2.0**52], [2**52]),
        (NOON, NOON.astimezone(timezone(timedelta(hours=5, seconds=7)))),
        (Decimal("1.50"), Decimal("1.5")),
        (Decimal("0.00"), Decimal("-0")),
        (Decimal("100"), Decimal("1E+2")),
        (Colour.RED, "red"),
        (Point(1, {"b", "a"}), Point(1.0, {"a", "b"})),
        (Shape([1]), Shape([1.0])),
        (Basket(skus={"a", "b", "c"}), Basket(skus={"c", "b", "a"}, total=Decimal("1.00"))),
    ],
)
def test_equal_values_have_one_form(one: Any, other: Any) -> None:
    assert written(one) == written(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, "1"),
        (1, True),
        (0, False),
        (None, "null"),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 2}),
        (Decimal("1.5"), Decimal("15")),
        (Decimal("10"), Decimal("1")),
        (1.5, 1),
        (NOON, NOON.replace(tzinfo=None)),
        (2**53, 2**53 + 1),
    ],
)
def test_other_values_have_another(one: Any, other: Any) -> None:
    assert written(one) != written(other)


PLAIN = [5, "x", None, True, [1, "a"], {"a": 1, "b": {"c": 2}}, 1.5, NOON]


@pytest.mark.parametrize("value", PLAIN)
def test_most_values_are_written_as_they_always_were(value: Any) -> None:
    assert written(value) == msgspec.json.encode(value)


def test_models_are_written_as_their_fields_are_declared() -> None:
    assert written(Place(zone=1, area=2)) == b'{"zone":1,"area":2}'
    assert written(Ids({3, 1, 2})) == b"[1,2,3]"


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(max_size=3)
    | st.decimals(allow_nan=False)
)
hashable = st.recursive(
    scalars | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
values = st.recursive(
    hashable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)


def shuffled(value: Any) -> Any:
    """Build an equal value in another order, of other types."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return tuple(shuffled(part) for part in value)
    if isinstance(value, tuple):
        return [shuffled(part) for part in value]
    if isinstance(value, frozenset):
        return set(sorted(value, key=repr, reverse=True))
    if type(value) is int and abs(value) < 2**53:
        return float(value)
    return value


@given(values)
def test_any_value_and_its_equal_have_one_form(value: Any) -> None:
    assert written(value) == written(shuffled(value))


class Pay(msgspec.Struct, tag=True):
    order: int


class Refund(msgspec.Struct, tag=True):
    order: int


def test_a_tag_tells_structs_of_equal_fields_apart() -> None:
    assert written(Pay(7)) == written(Pay(7)) != written(Refund(7))


@dataclass(frozen=True)
class Search:
    words: Collection[str]
    inner: Any = None


class Wide(msgspec.Struct, frozen=True):
    words: Collection[str]


@pytest.mark.parametrize(
    "made",
    [
        lambda words: Search(words),
        lambda words: Search([], Search(words)),
        lambda words: Wide(words),
        lambda words: [Wide(words), {"k": Search((), Wide(words))}],
    ],
)
def test_a_set_is_put_in_order_wherever_it_is(made: Callable[[Collection[str]], Any]) -> None:
    words = {f"word {number}" for number in range(50)}
    given = made(words)
    assert msgspec.json.encode(in_order(given)) == msgspec.json.encode(made(sorted(words)))
    assert given == made(words)


def test_equal_keys_and_decimals_are_one_without_an_annotation() -> None:
    noon = datetime(2030, 1, 1, 12, tzinfo=UTC)
    later = noon.astimezone(timezone(timedelta(hours=2)))
    assert in_order({noon: 1}) == {noon: 1}
    assert str(next(iter(in_order({later: 1})))) == str(noon)
    assert [str(one) for one in in_order([Decimal("1.0"), Decimal(100)])] == ["1", "1E+2"]
    assert str(next(iter(in_order({Decimal("1.0"): 1})))) == "1"
    assert [repr(key) for key in in_order({1.0: 1, 0.5: 1})] == ["1", "0.5"]
