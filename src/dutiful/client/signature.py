"""A task's signature: binds and checks arguments at enqueue, decodes them into types at run."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from inspect import Parameter
from types import GenericAlias
from typing import Any

import msgspec
from msgspec import structs

from dutiful.core.canonical import in_order, written
from dutiful.core.errors import BadArguments, BadOption
from dutiful.core.payload import PAYLOAD_BYTES_MAX, decode, decoder, encode, said
from dutiful.core.redaction import Path, marks, secrets_of

from .annotations import (
    annotated,
    given_keywords,
    hints_of,
    is_plain,
    keywords_of,
    optional,
    wants_context,
)
from .binary import Look, look_at
from .context import Context
from .sensitive import marked

_PLAIN = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Signature:
    """What a task takes, except for its context; annotations are resolved when first needed."""

    def __init__(self, fn: Callable[..., Any], task: str) -> None:
        """Read the parameters; names in quotes may be defined later in the module."""
        self._fn = fn
        self._task = task
        self._what = f"arguments of {task}"
        everything = inspect.signature(fn).parameters.values()
        self._context_at: int | str | None = None
        self._context_name: str | None = None
        self._parameters: list[Parameter] = []
        names = getattr(inspect.unwrap(annotated(fn)), "__globals__", {})
        for place, parameter in enumerate(everything):
            if wants_context(parameter, names):
                keyword = parameter.kind is Parameter.KEYWORD_ONLY
                self._context_at = parameter.name if keyword else place
                if parameter.kind is not Parameter.POSITIONAL_ONLY:
                    self._context_name = parameter.name
            else:
                self._parameters.append(parameter)
        self.takes_context = self._context_at is not None
        """Whether the function has a parameter for its context."""
        self._signature = inspect.Signature(self._parameters)
        self._names = tuple(parameter.name for parameter in self._parameters)
        self._fields = tuple(f"p{place}" for place in range(len(self._names)))
        self._pairs = tuple(zip(self._parameters, self._fields, strict=True))
        self._simple = all(
            parameter.kind in _PLAIN and parameter.default is Parameter.empty
            for parameter in self._parameters
        )
        self._refuse_early()

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
        for name, usual, look in self._looks:
            value = named.get(name)
            if type(value) is not usual and (wrong := look(value)) is not None:
                raise BadArguments(f"{self._task}{self._signature}: {name}: {wrong}")
        raw = encode(named, what=self._what, bytes_max=bytes_max, named=True)
        reader = self._decoder
        try:
            reader.decode(raw)
        except (msgspec.MsgspecError, ValueError, TypeError) as error:
            raise BadArguments(self._refusal(error, raw)) from None
        except Exception as error:  # noqa: BLE001 - a type's own code may raise anything
            raise BadArguments(self._refusal(error, raw)) from self._cause(error)
        return raw

    def _cause(self, error: Exception) -> Exception | None:
        """Return what a refusal shows as its cause; a type's own error may repeat the value."""
        return None if self.sensitive else error

    def _refusal(self, error: Exception, raw: bytes) -> str:
        hidden = secrets_of(raw, {}, self.sensitive)
        return f"{self._task}{self._signature}: {hidden.hide(said(error))}"

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
            form = written(given_keywords(value))
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

    def has_context(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether the context is among the arguments: a task around this one has passed it."""
        place = self._context_at
        if self._context_name in kwargs:
            return True
        return isinstance(place, int) and place < len(args) and type(args[place]) is Context

    def insert(
        self, context: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Put the context where the function wants it."""
        place = self._context_at
        if place is None:
            return args, kwargs
        if self._context_name is None and isinstance(place, int) and place > len(args):
            before = [parameter.default for parameter in self._parameters[len(args) : place]]
            if Parameter.empty in before:  # Python says which are missing
                return args, kwargs
            args = (*args, *before)
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
        return not all(is_plain(kind) for kind in kinds)

    @cached_property
    def sensitive(self) -> tuple[Path, ...]:
        """The paths of all arguments, and of the result, that the annotations mark."""
        return marked(self._parameters, self._hints)

    @cached_property
    def marks(self) -> dict[str, str]:
        """What the meta of this task's jobs says of what is sensitive in them."""
        return marks(self.sensitive)

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return hints_of(self._fn, self._task)

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        # Fields have names of their own: a class cannot have every name that a parameter may have.
        names = dict(zip(self._fields, self._names, strict=True))
        try:
            fields = [self._field(parameter, field) for parameter, field in self._pairs]
            shape = msgspec.defstruct(
                "Arguments", fields, kw_only=True, forbid_unknown_fields=True, rename=names
            )
            return decoder(shape)
        except (TypeError, RuntimeError, AttributeError) as error:
            raise BadOption(
                f"task {self._task}: its annotations cannot be JSON: {error}"
            ) from error

    @cached_property
    def _looks(self) -> tuple[tuple[str, Any, Look], ...]:
        """What is looked at before JSON hides it: the parameter, its usual type and the check."""
        found: list[tuple[str, Any, Look]] = []
        for parameter in self._parameters:
            kind = self._hints.get(parameter.name, Any)
            if parameter.kind is Parameter.VAR_POSITIONAL:
                kind = GenericAlias(list, (kind,))
            elif parameter.kind is Parameter.VAR_KEYWORD:
                kind = GenericAlias(dict, (str, kind))
            if (look := look_at(kind)) is not None:
                found.append((parameter.name, kind, look))
        return tuple(found)

    def _field(self, parameter: Parameter, field: str) -> tuple[Any, ...]:
        kind = self._hints.get(parameter.name, Any)
        if parameter.kind is Parameter.VAR_POSITIONAL:
            kind = GenericAlias(list, (kind,))
        elif parameter.kind is Parameter.VAR_KEYWORD:
            keywords = keywords_of(kind)
            kind = GenericAlias(dict, (str, kind)) if keywords is None else keywords
            if keywords is not None and any(one.required for one in structs.fields(keywords)):
                return (field, kind)
        elif parameter.default is Parameter.empty:
            return (field, kind)
        return (field, optional(kind), msgspec.UNSET)

    def _refuse_early(self) -> None:
        """Raise BadOption for a type that JSON cannot hold, where all names are known already."""
        try:
            _ = self._hints
        except BadOption:  # a name may come later in the module
            return
        with suppress(NameError):  # so may one in a class
            _ = self._decoder

    def _spread(self, fields: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args: list[Any] = []
        left_out: list[Any] = []
        kwargs: dict[str, Any] = {}
        for parameter, field in self._pairs:
            value = getattr(fields, field)
            if value is msgspec.UNSET:
                if parameter.kind in _PLAIN:
                    left_out.append(parameter.default)
            elif parameter.kind is Parameter.VAR_KEYWORD:
                kwargs.update(given_keywords(value))
            elif parameter.kind is Parameter.KEYWORD_ONLY:
                kwargs[parameter.name] = value
            elif parameter.kind in _PLAIN or value:
                # What comes after a parameter that was left out keeps its place.
                args += left_out
                left_out.clear()
                args += [value] if parameter.kind in _PLAIN else value
        return tuple(args), kwargs


def _written_default(parameter: Parameter) -> bytes | None:
    if parameter.default is Parameter.empty:
        return None
    try:
        return written(parameter.default)
    except Exception:  # noqa: BLE001 - a default that is not JSON equals no argument
        return None
