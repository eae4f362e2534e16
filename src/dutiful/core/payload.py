"""Arguments and results as JSON: encoding, typed decoding, and errors that name the place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeGuard

import msgspec

from .errors import BadArguments, BadPayload, PayloadTooLarge

PAYLOAD_BYTES_MAX = 256 * 1024

_DEPTH_MAX = 64
_BY_JSON = "model_validate_json"
"""The method by which a pydantic model is built; pydantic itself need not be installed."""
_DIGITS = 19
_LONG = re.compile(rb"\d{%d}" % _DIGITS)
"""So many digits has an integer that may not fit in 64 bits; the encoder lets all of them pass."""
_REFUSALS = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)


def _foreign(value: Any) -> Any:
    """Turn what msgspec does not know, such as a pydantic model, into plain data."""
    dump: Callable[..., Any] | None = getattr(value, "model_dump", None)
    if dump is not None and hasattr(value, _BY_JSON):
        return dump(mode="json")
    raise TypeError(f"a {type(value).__qualname__} is not plain data")


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
    if isinstance(value, kind):
        return value
    raise TypeError(f"cannot make a {kind.__qualname__} from JSON")


_ENCODER = msgspec.json.Encoder(enc_hook=_foreign, decimal_format="string")


def encode(value: Any, *, what: str, bytes_max: int = PAYLOAD_BYTES_MAX) -> bytes:
    """Write a value as JSON; ``what`` names it in errors.

    Raises BadArguments with the path of the first part that JSON cannot hold (NaN and infinity
    included, which would silently become null), and PayloadTooLarge beyond ``bytes_max``.
    """
    try:
        raw = _ENCODER.encode(value)
    except _REFUSALS as error:
        place: str | None = offence(value) or f"$: {error}"
        raise BadArguments(f"{what} cannot be written as JSON: at {place}") from error
    suspect = b"null" in raw or (len(raw) >= _DIGITS and _LONG.search(raw))
    if suspect and (place := offence(value)):
        raise BadArguments(f"{what} cannot be written as JSON: at {place}")
    if len(raw) > bytes_max:
        raise PayloadTooLarge(
            f"{what} takes {len(raw):,} bytes as JSON, over the limit of {bytes_max:,}; "
            "store the data elsewhere and pass its key, or raise payload_bytes_max"
        )
    return raw


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Build a decoder for an annotated type; raises TypeError for types JSON cannot hold."""
    return msgspec.json.Decoder(kind, dec_hook=_adopt)


def decode(raw: bytes, by: msgspec.json.Decoder[Any], *, what: str) -> Any:
    """Read JSON into an annotated type; raises BadPayload with the path of what does not fit."""
    try:
        return by.decode(raw)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
        raise BadPayload(f"{what} does not fit: {error}") from error


def plain(raw: bytes) -> Any:
    """Read JSON as plain dicts, lists, strings and numbers."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadPayload(f"stored JSON cannot be read: {error}") from error


def offence(value: Any, path: str = "$", depth: int = 0) -> str | None:
    """Name the path and type of the first part of a value that JSON cannot hold, or None."""
    if depth > _DEPTH_MAX:
        return f"{path}: nested deeper than {_DEPTH_MAX} levels, or a value that holds itself"
    if isinstance(value, float) and not math.isfinite(value):
        return f"{path}: {value} is no JSON number"
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return f"{path}: the integer does not fit in 64 bits; pass it as a string"
    parts = _parts(value)
    if parts is None:
        return _refused(value, path)
    for step, part in parts:
        if found := offence(part, path + step, depth + 1):
            return found
    return None


def _parts(value: Any) -> Iterator[tuple[str, Any]] | None:
    if _is_mapping(value):
        return ((f".{key}", part) for key, part in value.items())
    if _is_series(value):
        return ((f"[{place}]", part) for place, part in enumerate(value))
    return None


def _is_mapping(value: Any) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_series(value: Any) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, list | tuple | set | frozenset)


def _refused(value: Any, path: str) -> str | None:
    try:
        _ENCODER.encode(value)
        built = msgspec.to_builtins(value, enc_hook=_foreign)
    except _REFUSALS as error:
        return f"{path}: {error}"
    # A dataclass, a Struct or a model shows its parts only as plain data.
    return offence(built, path) if isinstance(built, dict | list) else None
