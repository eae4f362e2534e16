"""Which parts of a task's arguments are sensitive, as its annotations mark them."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from inspect import Parameter
from typing import Annotated, Any, Unpack, cast

import msgspec

from dutiful.core.redaction import EACH, RESULT, Path

_DEPTH_MAX = 12


class Sensitive:
    """Marks a value that is never shown: ``card: Annotated[str, Sensitive]``.

    The mark is for parameters of tasks, their return value, and fields of dataclasses, structs,
    TypedDicts and NamedTuples in them. Logs, error messages, stored tracebacks and commands show
    ``***`` in its place; the stored argument stays as it is, since the job needs it.
    """


def marked(parameters: Iterable[Parameter], hints: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the paths of all values that the annotations of a task mark.

    Where a class holds itself, the inner one is sensitive as a whole if the class has any mark.
    """
    found: dict[Path, None] = {}
    for one in parameters:
        kind = hints.get(one.name)
        several = one.kind is Parameter.VAR_POSITIONAL or (
            one.kind is Parameter.VAR_KEYWORD and typing.get_origin(kind) is not Unpack
        )
        start = (one.name, EACH) if several else (one.name,)
        found.update(dict.fromkeys((*start, *path) for path in _paths(kind, ())))
    found.update(dict.fromkeys((RESULT, *path) for path in _paths(hints.get(RESULT), ())))
    return tuple(found)


def _paths(kind: Any, within: tuple[Any, ...]) -> Iterator[Path]:
    kind = _unwrapped(kind)
    of, parts = typing.get_origin(kind), typing.get_args(kind)
    if of is Annotated:
        if any(mark is Sensitive or isinstance(mark, Sensitive) for mark in parts[1:]):
            yield ()
        else:
            yield from _paths(parts[0], within)
        return
    if len(within) > _DEPTH_MAX:
        return
    if (fields := _fields(kind)) is not None:
        yield from _of_fields(kind, fields, within)
        return
    for number, part in enumerate(parts):
        for path in _paths(part, within):
            yield from _placed(of, number, parts, path)


def _placed(of: Any, number: int, parts: tuple[Any, ...], path: Path) -> Iterator[Path]:
    """Say where in a container the values of one of its type's parts are."""
    if of is tuple:
        yield (EACH if Ellipsis in parts else str(number), *path)
    elif isinstance(of, type) and issubclass(of, Mapping):
        if number == len(parts) - 1:
            yield (EACH, *path)
        else:  # its keys: the whole is hidden, for names of fields are shown
            yield ()
    elif isinstance(of, type) and hasattr(of, "__iter__"):
        yield (EACH, *path)
    else:  # a union, and what only wraps a type, such as Required
        yield path


def _of_fields(kind: Any, fields: Mapping[str, Any], within: tuple[Any, ...]) -> Iterator[Path]:
    if kind in within:
        return
    inner = (*within, kind)
    found = [(name, *path) for name, part in fields.items() for path in _paths(part, inner)]
    if found and getattr(kind, "__struct_config__", None) and kind.__struct_config__.array_like:
        yield ()  # its fields have no names in JSON
        return
    yield from found
    if found:
        yield from ((name,) for name, part in fields.items() if _holds(part, kind, 0))


def _holds(part: Any, kind: Any, depth: int) -> bool:
    """Whether a field's type is a class, or has it among its parts."""
    part = _unwrapped(part)
    if part is kind:
        return True
    return depth < _DEPTH_MAX and any(_holds(one, kind, depth + 1) for one in typing.get_args(part))


def _fields(kind: Any) -> dict[str, Any] | None:
    """Return the fields of a class by the names that they have in JSON; None for other types."""
    plain: Any = typing.get_origin(kind) or kind
    if not inspect.isclass(plain):
        return None
    lines: tuple[type, ...] = plain.__mro__
    if msgspec.Struct in lines:
        names = {
            field.name: field.encode_name
            for field in msgspec.structs.fields(cast("type[msgspec.Struct]", plain))
        }
        return _by_names(plain, names)
    if dataclasses.is_dataclass(plain) or hasattr(plain, "__attrs_attrs__"):
        return _hints(plain)
    if typing.is_typeddict(plain):
        return _hints(plain)
    if tuple in lines and (places := getattr(plain, "_fields", None)) is not None:
        return _by_names(plain, {name: str(place) for place, name in enumerate(places)})
    if isinstance(models := getattr(plain, "model_fields", None), dict):  # pydantic's
        fields = cast("dict[str, Any]", models).items()
        aliases = {name: getattr(field, "alias", None) or name for name, field in fields}
        return {**_hints(plain), **_by_names(plain, aliases)}
    return None


def _by_names(kind: Any, names: Mapping[str, str]) -> dict[str, Any]:
    hints = _hints(kind)
    return {shown: hints.get(name, Any) for name, shown in names.items()}


def _hints(kind: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001 - a name that cannot be resolved fails the task's own decoder
        return {}


def _unwrapped(kind: Any) -> Any:
    """Return what a NewType, an alias (PEP 695) or a Required stands for."""
    for _ in range(_DEPTH_MAX):
        inner = getattr(kind, "__supertype__", None) or getattr(kind, "__value__", None)
        if inner is None:
            return kind
        kind = inner
    return kind
