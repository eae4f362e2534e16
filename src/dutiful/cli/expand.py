"""Option groups: a command takes a dataclass, the command line shows one option per field."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter
from typing import Any, get_type_hints


def expand(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one parameter per field of each dataclass among its parameters.

    Commands share their options this way, and stay within a few parameters.
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type[Any]] = {}
    flat: list[Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind) and isinstance(kind, type):
            groups[parameter.name] = kind
            flat.extend(_parameters(kind))
        else:
            flat.append(_keyword(parameter.name, kind, parameter.default))

    @wraps(function)
    def command(**given: Any) -> Any:
        for name, kind in groups.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        return function(**given)

    del command.__wrapped__  # or its signature would be read instead
    vars(command)["__signature__"] = inspect.Signature(flat)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return command


def _parameters(kind: type[Any]) -> list[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [_keyword(field.name, hints[field.name], _default(field)) for field in fields(kind)]


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return Parameter.empty if field.default is MISSING else field.default


def _keyword(name: str, kind: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=kind)
