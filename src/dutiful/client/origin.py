"""Distinguishes a function that was loaded again from another one of the same name."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_DEPTH_MAX = 20
_PLAIN = (str, bytes, int, float, bool, type(None))


class Loaded(NamedTuple):
    """One function, and the run of its module that defined it."""

    module: str
    qualname: str
    code: CodeType | None
    spec: object
    """The module's, which changes with each import; None for a script and for typed code."""

    def named_as(self, other: Loaded) -> bool:
        """Whether two have the same name; one of the modules may be the main script."""
        modules = {self.module, other.module}
        return self.qualname == other.qualname and (len(modules) == 1 or "__main__" in modules)

    def elsewhere(self, other: Loaded) -> bool:
        """Whether two modules of one name were loaded from two files, as plugins are."""
        return self.module == other.module and _file(self.spec) != _file(other.spec)

    def runs_again(self, other: Loaded) -> bool:
        """Whether the code that defined one was run again to define the other."""
        if self.module != other.module:
            return True
        if self.spec is not other.spec:
            return True
        if self.spec is not None or self.code is None or other.code is None:
            return False
        # A cell of a notebook has a file of its own; what is typed at a prompt has none.
        file = self.code.co_filename
        return file != other.code.co_filename or file.startswith("<")


class FunctionOrigin(NamedTuple):
    """Where a function comes from: itself, the functions it holds, and what else it holds."""

    functions: tuple[Loaded, ...]
    held: tuple[Any, ...]

    def again(self, other: FunctionOrigin) -> bool:
        """Whether two are one function: the very same code, or its module loaded again."""
        if len(self.functions) != len(other.functions) or not all(
            map(Loaded.named_as, self.functions, other.functions)
        ):
            return False
        if any(map(Loaded.elsewhere, self.functions, other.functions)):
            return False
        if any(map(Loaded.runs_again, self.functions, other.functions)):
            return True
        return (
            [one.code for one in self.functions] == [one.code for one in other.functions]
            and len(self.held) == len(other.held)
            and all(map(_same, self.held, other.held))
        )


def origin(fn: Callable[..., Any]) -> FunctionOrigin:
    """Note where a function comes from, while its module is loaded."""
    functions: list[Loaded] = []
    held: list[Any] = []
    seen: set[int] = set()
    waiting: list[Any] = [fn]
    while waiting and len(seen) < _DEPTH_MAX:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, FunctionType):
            functions.append(
                Loaded(one.__module__, one.__qualname__, one.__code__, _spec(one.__globals__))
            )
        elif one is fn or inspect.isroutine(one):
            functions.append(_of_object(one))
        for part in _parts(one):
            (waiting if _calls(part) else held).append(part)
    return FunctionOrigin(tuple(functions), tuple(held))


class Once(list[F]):
    """Functions in the order in which they were added, each once however often it is loaded."""

    def __init__(self) -> None:
        """Start with none."""
        super().__init__()
        self._origins: dict[int, FunctionOrigin] = {}

    def add(self, fn: F) -> None:
        """Add a function; it replaces its earlier version when its module was loaded again."""
        found = origin(fn)
        known = [self._origins.get(id(one)) or origin(one) for one in self]
        again = [place for place, other in enumerate(known) if found.again(other)]
        if again:
            self[again[0]], known[again[0]] = fn, found
        else:
            self.append(fn)
            known.append(found)
        # Of the members only: Python may reuse the id of an object that is gone.
        self._origins = {id(one): its for one, its in zip(self, known, strict=True)}


def both(one: FunctionOrigin, other: FunctionOrigin) -> str:
    """Name two functions, with their files where both have the same name."""
    first, second = one.functions[0], other.functions[0]
    words = [f"{loaded.module}.{loaded.qualname}" for loaded in (first, second)]
    files = [loaded.code and loaded.code.co_filename for loaded in (first, second)]
    if words[0] == words[1] and None not in files and files[0] != files[1]:
        words = [f"{word} ({file})" for word, file in zip(words, files, strict=True)]
    return " and ".join(words)


def advice_for(qualname: str) -> str:
    """Say why two functions may have one name: each is what the same decorator returns.

    >>> advice_for("charge")
    ''
    """
    if "<locals>" not in qualname:
        return ""
    return ", or use functools.wraps in the decorator that made it"


def _parts(fn: Any) -> Iterator[Any]:
    """Yield what a function is made of beside its code."""
    if isinstance(fn, partial):
        yield from (fn.func, *fn.args, *fn.keywords.values())
    elif isinstance(fn, MethodType):
        yield from (fn.__func__, fn.__self__)
    elif isinstance(fn, FunctionType):
        for cell in fn.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not set yet, as in a function that calls itself
                continue
        yield from fn.__defaults__ or ()
        yield from (fn.__kwdefaults__ or {}).values()
    else:
        yield fn


def _of_object(fn: Any) -> Loaded:
    kind: Any = fn if isinstance(fn, type) else type(fn)
    module = str(getattr(kind, "__module__", ""))
    return Loaded(module, str(kind.__qualname__), None, _spec(vars(sys.modules.get(module, sys))))


def _spec(names: dict[str, Any]) -> object:
    return names.get("__spec__")


def _file(spec: object) -> object:
    return getattr(spec, "origin", None)


def _calls(part: Any) -> bool:
    return isinstance(part, FunctionType | MethodType | partial)


def _same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and type(one) in _PLAIN and one == other)
