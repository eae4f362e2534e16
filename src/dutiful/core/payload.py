"""Arguments and results as JSON: encoding, typed decoding, and errors that name the place."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Reversible
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import GenericAlias
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec

from .bare import bare, kind_of
from .containers import equal_keys, is_dict, is_series, parts_of
from .depth import DEPTH_MAX, SHALLOW_BYTES, deep
from .errors import BadArguments, BadPayload, PayloadTooLarge
from .text import own_text

PAYLOAD_BYTES_MAX = 256 * 1024

_BY_JSON = "model_validate_json"
"""The method by which a pydantic model is built; pydantic itself need not be installed."""
_DIGITS = 19
_LONG = re.compile(rb"\d{%d}" % _DIGITS)
"""So many digits has an integer that may not fit in 64 bits; the encoder lets all of them pass."""
_OFFSET = re.compile(rb':\d\d"')
"""How a time with an offset ends, other than Z (which also stands for offsets with seconds)."""
_SUSPECT = re.compile(rb'null|Z"|:\d\d"')
"""A null or the end of a time: one search instead of three, for most payloads have neither."""
_TIMELESS = frozenset((str, int, float, bool, type(None), bytes, date, timedelta, Decimal, UUID))
_PLAIN = frozenset((str, int, bool, type(None)))
"""Types of which JSON holds every value, but for numbers of many digits."""
_MINUTE, _NONE = timedelta(minutes=1), timedelta()


def _dumped(value: Any) -> Any:
    """Turn what msgspec does not know, such as a pydantic model, into plain data."""
    kind = kind_of(value)  # not the object, which may have any attribute that is asked for
    dump: Callable[..., Any] | None = getattr(kind, "model_dump", None)
    if dump is not None and hasattr(kind, _BY_JSON):
        return dump(value, mode="json")
    return _bare(value)


def _bare(value: Any) -> Any:
    """Turn what a model's own code returned into plain data, or refuse it."""
    found = bare(value)
    if found is value:
        raise TypeError(f"a {kind_of(value).__qualname__} is not plain data")
    return found


def model_fields(value: Any) -> Any:
    """Return the fields of a model, in Python's own types; None for other values."""
    kind = kind_of(value)
    if not hasattr(kind, "model_dump") or not hasattr(kind, _BY_JSON):
        return None
    return kind.model_dump(value)


def _written(value: Any) -> Any:
    """Write such a value; its own code must return plain data, or this would never end."""
    found = bare(value)
    return found if found is not value else msgspec.Raw(_PLAIN_ENCODER.encode(_dumped(value)))


def _faults(error: ValueError) -> str:
    """Word a model's complaints without the values it complains of, which may be secrets."""
    listed: Callable[..., Any] | None = getattr(error, "errors", None)
    if listed is None:
        return str(error)
    faults = listed(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or '$'}: {one['msg']}" for one in faults)


def _adopt(kind: Any, value: Any) -> Any:
    """Build a type that msgspec does not know from plain data."""
    if hasattr(kind, _BY_JSON):
        # By JSON, so that a strict model takes a date or a UUID from its text.
        by_json: Callable[[bytes], Any] = getattr(kind, _BY_JSON)
        try:
            return by_json(msgspec.json.encode(value))
        except ValueError as error:
            raise ValueError(_faults(error)) from None
    general = get_origin(kind) or kind
    if general in _CONTAINERS:
        parts, made = _CONTAINERS[general]
        plain_kind = GenericAlias(parts, get_args(kind)) if get_args(kind) else parts
        return made(msgspec.convert(value, plain_kind, str_keys=True, dec_hook=_adopt))
    if isinstance(value, general):
        return value
    name = str(kind) if general is not kind else kind.__qualname__
    raise TypeError(
        f"cannot make a {name} from JSON; annotate it as a list, a dict or a class of fields"
    )


_CONTAINERS: dict[Any, tuple[Any, Callable[[Any], Any]]] = {
    Iterable: (list, list),
    Container: (list, list),
    Reversible: (list, list),
    OrderedDict: (dict, OrderedDict),
}
"""From which containers that msgspec knows others are made."""


_PLAIN_ENCODER = msgspec.json.Encoder(enc_hook=_bare, decimal_format="string")
_ENCODER = msgspec.json.Encoder(enc_hook=_written, decimal_format="string")


def encode(
    value: Any, *, what: str, bytes_max: int = PAYLOAD_BYTES_MAX, named: bool = False
) -> bytes:
    """Write a value as JSON; ``what`` names it in errors, ``named`` says a dict of texts.

    Raises BadArguments with the path of the first part that JSON cannot hold (NaN and infinity
    included, which would silently become null), and PayloadTooLarge beyond ``bytes_max``.
    """
    try:
        raw = _ENCODER.encode(value)
        if not named and type(value) in _PLAIN and len(raw) < _DIGITS <= bytes_max:
            return raw  # as most results are
        found = _SUSPECT.search(raw)
        if found is not None and (b'Z"' in raw or _OFFSET.search(raw)):
            raw = _exactly(value, raw)
    except Exception as error:  # a model's own code may raise anything
        place: str | None = _offence(value) or f"$: {said(error)}"
        raise BadArguments(f"{what} cannot be written as JSON: at {place}") from error
    if raw.find(b"{", named) >= 0:
        _refuse_equal_keys(value, raw, what)
    suspect = (found is not None and b"null" in raw) or (len(raw) >= _DIGITS and _LONG.search(raw))
    if suspect and (place := _offence(value)):
        raise BadArguments(f"{what} cannot be written as JSON: at {place}")
    if len(raw) > SHALLOW_BYTES and deep(raw) and (place := _offence(plain(raw))):
        raise BadArguments(f"{what} cannot be written as JSON: at {place}")
    if len(raw) > bytes_max:
        raise PayloadTooLarge(
            f"{what} takes {len(raw):,} bytes as JSON, over the limit of {bytes_max:,}; "
            "store the data elsewhere and pass its key, or raise payload_bytes_max"
        )
    return raw


def _refuse_equal_keys(value: Any, raw: bytes, what: str) -> None:
    """Raise BadArguments for a dict of which JSON would lose a part: ``{1: "a", "1": "b"}``."""
    try:
        lost = len(_PLAIN_ENCODER.encode(msgspec.json.decode(raw))) != len(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return  # another check names it
    if lost and (twice := equal_keys(raw)) is not None:
        raise BadArguments(
            f"{what} cannot be written as JSON: two keys of one dict are written as {twice}, and "
            "one would be lost; make the keys of a dict texts that differ"
        )


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Build a decoder for an annotated type; raises TypeError for types JSON cannot hold."""
    return msgspec.json.Decoder(kind, dec_hook=_adopt)


def decode(raw: bytes, by: msgspec.json.Decoder[Any], *, what: str) -> Any:
    """Read JSON into an annotated type; raises BadPayload with the path of what does not fit."""
    try:
        return by.decode(raw)
    except Exception as error:  # a type's own code may raise anything
        raise BadPayload(f"{what} does not fit: {said(error)}") from error


def plain(raw: bytes) -> Any:
    """Read JSON as plain dicts, lists, strings and numbers."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadPayload(f"stored JSON cannot be read: {error}") from error


def offence(value: Any, path: str = "$", depth: int = 0) -> str | None:
    """Name the path and type of the first part of a value that JSON cannot hold, or None."""
    if depth > DEPTH_MAX:
        return f"{path}: nested deeper than {DEPTH_MAX} levels, or a value that holds itself"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path}: {value} is not a JSON number"
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return f"{path}: the integer does not fit in 64 bits; pass it as a string"
    if isinstance(value, time) and _odd(value):
        return f"{path}: the offset of {value} is not whole minutes, which JSON cannot hold"
    parts = parts_of(value)
    if parts is None:
        return _refused(value, path)
    for step, part in parts:
        if found := offence(part, path + step, depth + 1):
            return found
    return None


def _offence(value: Any) -> str | None:
    try:
        return offence(value)
    except Exception as error:  # noqa: BLE001 - see `encode`
        return f"$: {said(error)}"


def said(error: BaseException) -> str:
    """Return an error's text, or its type where the text is empty or cannot be read."""
    text = own_text(error)
    if isinstance(error, msgspec.MsgspecError | TypeError | ValueError):
        return text or type(error).__qualname__
    return f"{type(error).__qualname__}: {text}" if text else type(error).__qualname__


def in_utc(value: Any) -> Any:
    """Return a value with its odd datetimes in UTC, or None where it has none.

    Odd ones have seconds in their offset. JSON's datetimes (RFC 3339) have no room for these, so
    that the instant would be shifted.
    """
    if not _may_move(value):
        return None
    built = msgspec.to_builtins(value, builtin_types=(datetime, time), enc_hook=_dumped_exactly)
    moved: list[datetime] = []
    exact = _moved(built, moved)
    return exact if moved else None


def _exactly(value: Any, raw: bytes) -> bytes:
    exact = in_utc(value)
    return raw if exact is None else _ENCODER.encode(exact)


def _may_move(value: Any) -> bool:
    """Whether a value is, or may hold, a time whose offset is not whole minutes."""
    kind = kind_of(value)
    if kind in _TIMELESS:
        return False
    if kind is datetime or kind is time:
        return bool(value.tzinfo is not UTC and _odd(value))
    if kind is dict:
        parts: dict[Any, Any] = value
        return any(map(_may_move, parts.values())) or any(map(_may_move, parts))
    if kind is list or kind is tuple:
        return any(map(_may_move, value))
    if isinstance(value, Enum):
        return _may_move(value.value)
    names: Iterable[str] | None = getattr(kind, "__dataclass_fields__", None)
    names = names or getattr(kind, "__struct_fields__", None)
    if names is not None:
        return any(_may_move(getattr(value, name, None)) for name in names)
    return not hasattr(kind, _BY_JSON) or any(map(_may_move, _held(value)))


def _held(model: Any) -> Iterable[Any]:
    fields: dict[str, Any] = getattr(model, "__dict__", {})
    return fields.values()


def _dumped_exactly(value: Any) -> Any:
    """Turn a model into plain data; TypeError where that would shift one of its instants."""
    dumped, moved = _dumped(value), list[datetime]()
    _moved(model_fields(value), moved)
    if moved:
        raise TypeError(
            f"the offset of {moved[0]} is not whole minutes, which JSON cannot hold; "
            "give it in UTC: .astimezone(UTC)"
        )
    return dumped


def _moved(value: Any, moved: list[datetime]) -> Any:
    """Copy plain data with its odd datetimes in UTC, which are noted in ``moved``."""
    if isinstance(value, datetime | time) and _odd(value):
        if isinstance(value, time):
            raise TypeError("the offset of a time is not whole minutes")
        moved.append(value)
        return value.astimezone(UTC)
    if is_dict(value):
        return {_moved(key, moved): _moved(part, moved) for key, part in value.items()}
    if is_series(value):
        return [_moved(part, moved) for part in value]
    return value


def _odd(value: datetime | time) -> bool:
    ahead = value.utcoffset()
    return ahead is not None and ahead % _MINUTE != _NONE


def _refused(value: Any, path: str) -> str | None:
    try:
        _ENCODER.encode(value)
        built = msgspec.to_builtins(value, enc_hook=_dumped_exactly)
    except Exception as error:  # noqa: BLE001 - see `encode`
        return f"{path}: {said(error)}"
    # A dataclass, a Struct or a model shows its parts only as plain data.
    return offence(built, path) if isinstance(built, dict | list) else None
