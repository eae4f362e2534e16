"""What the annotations of a task's function say."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from inspect import Parameter
from types import NoneType, UnionType
from typing import Any, NotRequired, Required, Unpack
from uuid import UUID

import msgspec

from dutiful.core.errors import BadOption
from dutiful.core.payload import said

from .async_or_not import beneath, runs
from .context import Context

_CONTEXT_WORD = re.compile(r"(?<![\w.])(?:\w+\.)*Context\b(?!\.)")
_CONTAINERS = (list, tuple, set, frozenset, dict)
_BASIC = (Any, int, str, float, bool, bytes, NoneType)
_PLAIN_TYPES = (*_BASIC, datetime, date, time, timedelta, UUID, Decimal)


def annotated(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that carries the annotations: what a partial or an object calls."""
    fn = beneath(fn)
    if not inspect.isroutine(fn) and hasattr(fn, "__wrapped__"):
        fn = beneath(inspect.unwrap(fn))
    code: Callable[..., Any] = runs(fn)
    return code


def hints_of(fn: Callable[..., Any], task: str) -> dict[str, Any]:
    """Resolve the annotations; raises BadOption for what cannot be resolved."""
    code = annotated(fn)
    try:
        try:
            return typing.get_type_hints(code, include_extras=True)
        except NameError:
            # The context's own name may be imported for type checkers alone.
            known = {Context.__name__: Context}
            return typing.get_type_hints(code, localns=known, include_extras=True)
    except NameError as error:
        raise BadOption(
            f"task {task}: {error}; import that name outside of TYPE_CHECKING"
        ) from error
    except Exception as error:  # an annotation in quotes is any code
        raise BadOption(f"task {task}: its annotations cannot be read: {said(error)}") from error


def wants_context(parameter: Parameter, names: Mapping[str, Any]) -> bool:
    """Whether a parameter takes the context, by its type or, if that is unknown, by its text."""
    annotation = parameter.annotation
    if isinstance(annotation, str):
        try:
            annotation = typing.get_type_hints(
                type("VacuumBlocker", (), {"__annotations__": {"it": annotation}}), dict(names)
            )["it"]
        except Exception:  # noqa: BLE001 - the name may come later in the module, or never
            return _CONTEXT_WORD.search(annotation) is not None
    return annotation is Context or Context in typing.get_args(annotation)


def is_plain(kind: Any) -> bool:
    """Whether a type and all of its parts are Python's own."""
    parts = typing.get_args(kind)
    if parts and typing.get_origin(kind) in (*_CONTAINERS, typing.Union, UnionType):
        return all(is_plain(part) for part in parts)
    return any(kind is plain for plain in (*_PLAIN_TYPES, *_CONTAINERS))


def keywords_of(kind: Any) -> type[msgspec.Struct] | None:
    """Return the shape of ``**options: Unpack[Options]`` (PEP 692); None for other annotations."""
    if typing.get_origin(kind) is not Unpack:
        return None
    options = typing.get_args(kind)[0]
    required: frozenset[str] = options.__required_keys__
    fields: list[Any] = []
    names: dict[str, str] = {}
    for place, (name, part) in enumerate(
        typing.get_type_hints(options, include_extras=True).items()
    ):
        field, needed, of = f"k{place}", name in required, typing.get_origin(part)
        if of in (Required, NotRequired):
            needed, part = of is Required, typing.get_args(part)[0]
        names[field] = name
        fields.append((field, part) if needed else (field, optional(part), msgspec.UNSET))
    return msgspec.defstruct(
        "Keywords", fields, kw_only=True, forbid_unknown_fields=True, rename=names
    )


def optional(kind: Any) -> Any:
    """Return the type of a field that may be left out; raises TypeError for what is no type."""
    return typing.Union[kind, msgspec.UnsetType]  # noqa: UP007 - the bar asks the kind itself


def given_keywords(value: Any) -> Any:
    """Return keywords that were read into such a shape as a dict, and other values as they are."""
    if not isinstance(value, msgspec.Struct) or type(value).__name__ != "Keywords":
        return value
    found = {
        field.encode_name: getattr(value, field.name) for field in msgspec.structs.fields(value)
    }
    return {name: part for name, part in found.items() if part is not msgspec.UNSET}
