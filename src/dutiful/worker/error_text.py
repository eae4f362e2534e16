"""The name, text and traceback of an error, even if the error's own code fails."""

from __future__ import annotations

import traceback
from itertools import islice
from typing import Any, cast

from dutiful.core.grouped import leaves, members, parts
from dutiful.core.text import own_text, type_name

NAME_MAX = 200
MESSAGE_MAX = 4_000
TRACEBACK_MAX = 16_000
_LEAVES_SHOWN = 3
_read_traceback = cast(Any, BaseException).__traceback__.__get__
_read_cause = cast(Any, BaseException).__cause__.__get__
_read_context = cast(Any, BaseException).__context__.__get__
"""These read the real attributes, even if a class of the task redefines them."""

_CHAIN_MAX, _MEMBERS_MAX = 50, 200
"""If an error has more causes or more parts than this, its traceback is kept without them."""


def name_of(error: BaseException) -> str:
    """Return the name of an error's type, with its module unless it is built in."""
    kind = type(error)
    try:
        module, name = str(kind.__module__), str(kind.__qualname__)
        return clip(name if module in ("builtins", "__main__") else f"{module}.{name}", NAME_MAX)
    except BaseException:  # noqa: BLE001 - a broken metaclass must not hide the failure
        return name_of_type(error)


def text_of(error: BaseException) -> str:
    """Return an error's own text; for a group, followed by its first errors."""
    text = written(error)
    if parts(error):
        inner = leaves(error)
        named = [f"{name_of(one)}: {written(one)}" for one in inner[:_LEAVES_SHOWN]]
        if len(inner) > _LEAVES_SHOWN:
            named.append(f"and {len(inner) - _LEAVES_SHOWN} more")
        text = f"{text}: {'; '.join(named)}"
    return clip(text, MESSAGE_MAX)


def written(value: object) -> str:
    """Return a value's text, cut short and escaped so that a store can hold it."""
    text = own_text(value)
    if text is None:
        return f"(the text of a {name_of_type(value)} could not be read)"
    return clip(text, MESSAGE_MAX)


def name_of_type(value: object) -> str:
    """Return the name of a value's type."""
    return clip(type_name(value), NAME_MAX)


def trace_of(error: BaseException) -> str:
    """Format the traceback from the task's own frame on, without our frames."""
    try:
        at = first = _read_traceback(error)
        while at is not None and _ours(at.tb_frame.f_globals.get("__name__", "")):
            at = at.tb_next
        frames = at or first
        if _many(error):
            lines = ["Traceback (without the errors before and in it, for they are many):\n"]
            lines += [*traceback.format_tb(frames), f"{name_of(error)}: {written(error)}\n"]
        else:
            lines = traceback.format_exception(type(error), error, frames)
        return clip("".join(lines), TRACEBACK_MAX)
    except BaseException as fault:  # noqa: BLE001 - see `written`
        return f"(the traceback could not be formatted: {name_of_type(fault)})"


def clip(text: str, most: int) -> str:
    """Shorten a text and escape what no store can hold: NUL and surrogates (as in file names)."""
    short = _cut(str.__str__(text), most)  # of a subclass only the text itself
    spelled = short.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return spelled if len(spelled) == len(short) else _cut(spelled, most)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n... {len(text) - most} characters left out ...\n{text[-half:]}"


def _ours(module: object) -> bool:
    return isinstance(module, str) and (module == "dutiful" or module.startswith("dutiful."))


def chain(error: BaseException) -> list[BaseException]:
    """Return an error and those before it: its cause, or what was being handled; bounded."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and len(found) <= _CHAIN_MAX and all(at is not one for one in found):
        found.append(at)
        at = _before(at)
    return found


def _before(error: BaseException) -> BaseException | None:
    cause: BaseException | None = _read_cause(error)
    context: BaseException | None = _read_context(error)
    return context if cause is None else cause


def _many(error: BaseException) -> bool:
    """Whether an error comes with so many others that formatting them would take long."""
    inner = list(islice(members(error), _MEMBERS_MAX + 1))
    return len(inner) > _MEMBERS_MAX or any(len(chain(one)) > _CHAIN_MAX for one in inner)
