"""Values of a subclass as the built-in values that they are, without what the subclass adds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

_DAY, _NOTHING = date(2000, 1, 1), timedelta()


def kind_of(value: object) -> Any:
    """Return a value's type, whatever it says of itself."""
    return type(value)


def bare(value: Any) -> Any:
    """Return a text, number or time of a subclass as one of the built-in type, else the value.

    Raises TypeError for one that holds more than the built-in type can, such as nanoseconds.

    >>> class Safe(str): ...
    >>> type(bare(Safe("a")))
    <class 'str'>
    """
    kind = kind_of(value)
    for built_in, made in _MADE:
        if kind is built_in:
            return value
        if issubclass(kind, built_in):
            return _same(made(value), value)
    return value


def bare_text(text: str) -> str:
    """Return a text without what a subclass adds to it, such as an enum's name."""
    return text if type(text) is str else str.__str__(text)


def _same(made: Any, value: Any) -> Any:
    equal = not isinstance(made, datetime | time | timedelta) or made == value
    if not equal:
        kind = kind_of(value)
        raise TypeError(
            f"a {kind.__qualname__} that is not equal to its {type(made).__name__}, {made}; "
            f"give a {type(made).__name__} or a string"
        )
    return made


_MADE: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (bool, bool),
    (int, int.__int__),
    (float, float.__float__),
    (datetime, lambda value: datetime.combine(datetime.date(value), datetime.timetz(value))),
    (date, lambda value: date.fromordinal(date.toordinal(value))),
    (time, lambda value: datetime.combine(_DAY, value).timetz()),
    (timedelta, lambda value: timedelta.__add__(value, _NOTHING)),
    (Decimal, Decimal),
    (bytes, lambda value: b"".join((value,))),
)
"""How each is made, by the built-in type's own code; a datetime is a date, so it comes first."""
