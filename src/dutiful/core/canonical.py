"""One form for equal arguments, from which ``unique=True`` makes its key."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from .bare import bare
from .containers import is_dict, is_series
from .payload import model_fields

_ENCODER = msgspec.json.Encoder(decimal_format="string")


def written(value: Any) -> bytes:
    """Write a value so that equal ones give equal bytes.

    Sets and the keys of mappings are put in order, a whole float is its integer, an instant is in
    UTC, a Decimal has no zeros at its end. Tuples are lists, as in JSON.

    >>> written({"b": {3, 1}, "a": 1.0}) == written({"a": 1, "b": frozenset([1, 3])})
    True
    """
    return _ENCODER.encode(canonical(value))


def in_order(value: Any) -> Any:
    """Return a value with sets as lists in order, instants in UTC and Decimals without zeros."""
    if is_dict(value):
        return {_key_in_order(key): in_order(part) for key, part in value.items()}
    if is_series(value):
        parts = sorted(value, key=written) if isinstance(value, set | frozenset) else value
        return [in_order(part) for part in parts]
    if isinstance(value, datetime | Decimal):
        return _scalar_in_order(bare(value))
    if isinstance(value, type):
        return value
    if isinstance(value, msgspec.Struct):
        return _struct_in_order(value)
    return _dataclass_in_order(value) if dataclasses.is_dataclass(value) else value


def canonical(value: Any) -> Any:
    """Return the plain data that `written` writes."""
    if value is None or type(value) in (bool, str, int):
        return value
    value = bare(value)
    for kinds, convert in _FORMS:
        if isinstance(value, kinds):
            return convert(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: canonical(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    fields = model_fields(value)
    if fields is None:
        return value
    if is_dict(fields):  # fields keep the order in which they are declared
        return {key: canonical(part) for key, part in fields.items()}
    return canonical(fields)


def _key_in_order(key: Any) -> Any:
    plain = bare(key)
    return _number(plain) if type(plain) is float else _scalar_in_order(plain)


def _scalar_in_order(value: Any) -> Any:
    if isinstance(value, datetime):
        return _in_utc(value)
    return Decimal(_decimal(value)) if isinstance(value, Decimal) else value


def _struct_in_order(value: msgspec.Struct) -> msgspec.Struct:
    parts = {field: getattr(value, field) for field in value.__struct_fields__}
    ordered = {field: in_order(part) for field, part in parts.items()}
    changed = {field: part for field, part in ordered.items() if part is not parts[field]}
    try:
        return msgspec.structs.replace(value, **changed) if changed else value
    except Exception:  # noqa: BLE001 - its own code may want a set where a list would be written
        return value


def _dataclass_in_order(value: Any) -> Any:
    ordered = copy.copy(value)
    for field in dataclasses.fields(value):
        part = getattr(value, field.name, None)
        if (put := in_order(part)) is not part:
            object.__setattr__(ordered, field.name, put)  # a frozen one, too: the copy is ours
    return ordered


def _number(value: float) -> float:
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        return str(value)
    sign, digits, exponent = value.as_tuple()
    kept = "".join(map(str, digits)).lstrip("0")
    whole = kept.rstrip("0")
    if not whole:
        return "0"
    places = int(exponent) + len(kept) - len(whole)
    return str(Decimal((sign, tuple(map(int, whole)), places)))


def _in_utc(value: datetime) -> datetime:
    return value if value.utcoffset() is None else value.astimezone(UTC)


def _mapping(value: dict[Any, Any]) -> dict[str, Any]:
    return dict(sorted((_key(key), canonical(part)) for key, part in value.items()))


def _key(key: Any) -> str:
    plain = canonical(key)
    return plain if isinstance(plain, str) else _ENCODER.encode(plain).decode().strip('"')


def _struct(value: msgspec.Struct) -> dict[str, Any]:
    fields = msgspec.structs.fields(value)
    found = {field.encode_name: canonical(getattr(value, field.name)) for field in fields}
    config = value.__struct_config__
    if config.tag is None or config.tag_field is None:
        return found
    return {config.tag_field: config.tag, **found}


def _series(value: Iterable[Any]) -> list[Any]:
    return [canonical(part) for part in value]


def _members(value: Iterable[Any]) -> list[Any]:
    return [canonical(part) for part in sorted(value, key=written)]


_FORMS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Enum, lambda value: canonical(value.value)),
    (float, _number),
    (dict, _mapping),
    ((list, tuple), _series),
    ((set, frozenset), _members),
    (datetime, _in_utc),
    (Decimal, _decimal),
    (msgspec.Struct, _struct),
)
"""What is written in another form than JSON would write it."""
