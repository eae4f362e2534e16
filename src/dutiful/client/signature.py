"""A task's signature: binds and checks arguments at enqueue, decodes them into types at run."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property, partial
from inspect import Parameter
from types import GenericAlias, NoneType, UnionType
from typing import Any
from uuid import UUID

import msgspec

from dutiful.core.canonical import in_order, written
from dutiful.core.errors import BadArguments, BadOption
from dutiful.core.payload import PAYLOAD_BYTES_MAX, decode, decoder, encode, said

from .context import Context

_CONTEXT_WORD = re.compile(r"(?<![\w.])(?:\w+\.)*Context\b(?!\.)")
_CONTAINERS = (list, tuple, set, frozenset, dict)
_BASIC = (Any, int, str, float, bool, bytes, NoneType)
_PLAIN_TYPES = (*_BASIC, datetime, date, time, timedelta, UUID, Decimal)
_PLAIN = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Signature:
    """What a task takes, but for its context; annotations are resolved when first needed."""

    def __init__(self, fn: Callable[..., Any], task: str) -> None:
        """Read the parameters; names in quotes may be defined later in the module."""
        self._fn = fn
        self._task = task
        self._what = f"arguments of {task}"
        everything = inspect.signature(fn).parameters.values()
        self._context_at: int | str | None = None
        self._context_name: str | None = None
        self._parameters: list[Parameter] = []
        names = getattr(inspect.unwrap(_annotated(fn)), "__globals__", {})
        for place, parameter in enumerate(everything):
            if _is_context(parameter, names):
                keyword = parameter.kind is Parameter.KEYWORD_ONLY
                self._context_at = parameter.name if keyword else place
                if parameter.kind is not Parameter.POSITIONAL_ONLY:
                    self._context_name = parameter.name
            else:
                self._parameters.append(parameter)
        self._signature = inspect.Signature(self._parameters)
        self._names = tuple(parameter.name for parameter in self._parameters)
        self._fields = tuple(f"p{place}" for place in range(len(self._names)))
        self._pairs = tuple(zip(self._parameters, self._fields, strict=True))
        self._simple = all(
            parameter.kind in _PLAIN and parameter.default is Parameter.empty
            for parameter in self._parameters
        )

    def encode(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        bytes_max: int = PAYLOAD_BYTES_MAX,
    ) -> bytes:
        """Bind arguments, write them as a JSON object by name, and check them by reading it back.

        Only what was given is written, so a default is that of the code which runs the job.
        Raises BadArguments with the name and path of what does not fit, or PayloadTooLarge.
        """
        if self._simple and not kwargs and len(args) == len(self._names):
            named = dict(zip(self._names, args, strict=True))
        else:
            named = self.bind(args, kwargs)
        raw = encode(named, what=self._what, bytes_max=bytes_max)
        reader = self._decoder
        try:
            reader.decode(raw)
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise BadArguments(f"{self._task}{self._signature}: {said(error)}") from None
        except Exception as error:  # a type's own code may raise anything
            raise BadArguments(f"{self._task}{self._signature}: {said(error)}") from error
        return raw

    def canonical(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        """Write arguments so that calls which are equal for the task give equal bytes.

        An argument that equals its default is left out, as if it had not been given.
        """
        named = self.bind(args, kwargs)
        read = self._decoder.decode(encode(in_order(named), what=self._what, bytes_max=sys.maxsize))
        forms: dict[str, msgspec.Raw] = {}
        for place, name in enumerate(self._names):
            value = getattr(read, self._fields[place])
            if value is msgspec.UNSET:
                continue
            form = written(value)
            if form != self._defaults[place]:
                forms[name] = msgspec.Raw(form)
        return msgspec.json.encode(forms)

    @cached_property
    def _defaults(self) -> tuple[bytes | None, ...]:
        """Each parameter's default in its canonical form, None where it has none."""
        return tuple(_written_default(parameter) for parameter in self._parameters)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Bind arguments to parameter names; BadArguments where Python would raise TypeError."""
        if self._context_name in kwargs:
            raise BadArguments(
                f"{self._task}{self._signature}: {self._context_name!r} is the task's context, "
                "which its worker passes; leave it out"
            )
        try:
            return self._signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise BadArguments(f"{self._task}{self._signature}: {error}") from None

    def decode(self, raw: bytes) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Read stored arguments into annotated types, to call the function without its context.

        Raises BadPayload with the path of what does not fit.
        """
        fields = decode(raw, self._decoder, what=self._what)
        if self._simple:
            return msgspec.structs.astuple(fields), {}
        return self._spread(fields)

    def check(self, raw: bytes) -> None:
        """Raise BadPayload when stored arguments do not fit."""
        decode(raw, self._decoder, what=self._what)

    def describe(self) -> str:
        """Write the signature as Python does, without the context."""
        return f"{self._task}{self._signature}"

    @property
    def takes_context(self) -> bool:
        """Whether the function has a parameter for its context."""
        return self._context_at is not None

    def insert(
        self, context: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Put the context where the function wants it."""
        place = self._context_at
        if place is None:
            return args, kwargs
        if isinstance(place, str) or place > len(args):
            name = place if isinstance(place, str) else list(self._all_names)[place]
            return args, {**kwargs, name: context}
        return (*args[:place], context, *args[place:]), kwargs

    @cached_property
    def _all_names(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self._fn).parameters)

    @cached_property
    def result_decoder(self) -> msgspec.json.Decoder[Any]:
        """A decoder for the annotated return type; for anything where there is none."""
        kind = self._hints.get("return", Any)
        try:
            return decoder(kind)
        except TypeError:
            return decoder(Any)

    @cached_property
    def runs_code(self) -> bool:
        """Whether reading stored arguments may run code of the task's own types."""
        kinds = (self._hints.get(parameter.name, Any) for parameter in self._parameters)
        return not all(_is_plain(kind) for kind in kinds)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            try:
                return typing.get_type_hints(_annotated(self._fn), include_extras=True)
            except NameError:
                # The context's own name may be imported for type checkers alone.
                known = {Context.__name__: Context}
                return typing.get_type_hints(
                    _annotated(self._fn), localns=known, include_extras=True
                )
        except NameError as error:
            raise BadOption(
                f"task {self._task}: {error}; import that name outside of TYPE_CHECKING"
            ) from error
        except Exception as error:  # an annotation in quotes is any code
            raise BadOption(
                f"task {self._task}: its annotations cannot be read: {said(error)}"
            ) from error

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        fields: list[Any] = []
        for place, parameter in enumerate(self._parameters):
            kind = self._hints.get(parameter.name, Any)
            if parameter.kind is Parameter.VAR_POSITIONAL:
                kind = GenericAlias(list, (kind,))
            elif parameter.kind is Parameter.VAR_KEYWORD:
                kind = GenericAlias(dict, (str, kind))
            elif parameter.default is Parameter.empty:
                fields.append((self._fields[place], kind))
                continue
            fields.append((self._fields[place], kind | msgspec.UnsetType, msgspec.UNSET))
        # Fields have names of their own: a class cannot have every name that a parameter may have.
        names = dict(zip(self._fields, self._names, strict=True))
        try:
            shape = msgspec.defstruct(
                "Arguments", fields, kw_only=True, forbid_unknown_fields=True, rename=names
            )
            return decoder(shape)
        except (TypeError, RuntimeError) as error:
            raise BadOption(
                f"task {self._task}: its annotations cannot be JSON: {error}"
            ) from error

    def _spread(self, fields: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter, field in self._pairs:
            value = getattr(fields, field)
            if value is msgspec.UNSET:
                continue
            if parameter.kind is Parameter.VAR_POSITIONAL:
                args.extend(value)
            elif parameter.kind is Parameter.VAR_KEYWORD:
                kwargs.update(value)
            elif parameter.kind is Parameter.KEYWORD_ONLY or self._gap(parameter, args):
                kwargs[parameter.name] = value
            else:
                args.append(value)
        return tuple(args), kwargs

    def _gap(self, parameter: Parameter, args: list[Any]) -> bool:
        """Whether a parameter before this one was left to its default."""
        return self._names.index(parameter.name) != len(args)


def _written_default(parameter: Parameter) -> bytes | None:
    if parameter.default is Parameter.empty:
        return None
    try:
        return written(parameter.default)
    except Exception:  # noqa: BLE001 - a default that is not JSON equals no argument
        return None


def _annotated(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that carries the annotations: what a partial or an object calls."""
    while isinstance(fn, partial):
        fn = fn.func
    plain = inspect.isroutine(fn) or isinstance(fn, type)
    return fn if plain else type(fn).__call__


def _is_context(parameter: Parameter, names: Mapping[str, Any]) -> bool:
    """Whether a parameter wants the context, by its type or, where that is unknown, its words."""
    annotation = parameter.annotation
    if isinstance(annotation, str):
        try:
            annotation = typing.get_type_hints(
                type("Holder", (), {"__annotations__": {"it": annotation}}), dict(names)
            )["it"]
        except Exception:  # noqa: BLE001 - the name may come later in the module, or never
            return _CONTEXT_WORD.search(annotation) is not None
    return annotation is Context or Context in typing.get_args(annotation)


def _is_plain(kind: Any) -> bool:
    """Whether a type and all of its parts are Python's own."""
    parts = typing.get_args(kind)
    if parts and typing.get_origin(kind) in (*_CONTAINERS, typing.Union, UnionType):
        return all(_is_plain(part) for part in parts)
    return any(kind is plain for plain in (*_PLAIN_TYPES, *_CONTAINERS))
