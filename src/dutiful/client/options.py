"""What ``using(...)`` and ``@app.task(...)`` take, checked where it is written."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from dutiful.core.admission import meta, priority, tags
from dutiful.core.bare import bare_text
from dutiful.core.errors import BadOption
from dutiful.core.instant import local_instant, span
from dutiful.core.queue import queue_name
from dutiful.core.retry import attempts
from dutiful.core.state import State
from dutiful.core.text import shown
from dutiful.core.unique import Conflict, Unique, admissible, unique

Span = str | float | timedelta
"""A length of time as a caller writes it: ``"10m"``, seconds, or a timedelta."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is enqueued; spans are microseconds."""

    queue: str = "default"
    priority: int = 0
    max_attempts: int = 20
    delay: int = 0
    run_at: int | None = None
    expires_in: int | None = None
    unique: Unique | bool | None = None
    """True makes the key from the task's name and its arguments."""
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = {}
    connection: Any = None
    """The caller's own connection, when the job must commit with its transaction."""
    patience: int | None = None
    """How long to go on trying while the store cannot be used; None is the app's setting."""


def refine(options: Options, changes: dict[str, Any]) -> Options:
    """Apply what a caller wrote to ``using``; raises BadOption naming the option."""
    known(changes, _CHECKS, "using(...)")
    checked: dict[str, Any] = {}
    for name, value in changes.items():
        try:
            checked[name] = _CHECKS[name](value)
        except BadOption as error:
            if name in str(error):
                raise
            raise BadOption(f"{name}: {error}") from None
        except (TypeError, AttributeError) as error:
            raise BadOption(f"{name}={shown(value)} has the wrong type: {error}") from error
    if "delay" in checked and checked.get("run_at") is not None:
        raise BadOption("give delay= or run_at=, not both")
    # What is said last holds: a delay replaces a moment, and a moment a delay.
    if "delay" in checked:
        checked["run_at"] = None
    elif checked.get("run_at") is not None:
        checked["delay"] = 0
    return msgspec.structs.replace(options, **checked)


def known(given: Mapping[str, Any], names: Mapping[str, Any], where: str) -> None:
    """Raise BadOption for an option that is not among ``names``, with the nearest that is."""
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
            raise BadOption(f"{where} has no option {name!r}; {hint}")


def checked_flag(value: object, name: str) -> bool:
    """Return a flag; BadOption unless it is True or False."""
    if type(value) is not bool:
        raise BadOption(f"{name}={shown(value)}; give True or False")
    return value


def unique_rule(
    key: str,
    *,
    period: Span | None = None,
    states: Collection[str] | None = None,
    on_conflict: Conflict = "existing",
) -> Unique:
    """Build a unique rule: ``using(unique=unique("order:42", period="10m"))``.

    While one job of ``key`` is in one of ``states`` (all live ones; with a period succeeded, too),
    a second is not stored: ``on_conflict`` returns the existing job, replaces what a job not yet
    started would run, or raises DuplicateJob. With ``period``, each time range of that length
    since the epoch admits one.
    """
    if states is not None:
        _refuse_single(states)
    chosen = None if states is None else tuple(state_named(word) for word in states)
    length = None if period is None else span(period)
    return unique(key, period=length, states=chosen, on_conflict=on_conflict)


def by_arguments(task: str, args: bytes) -> Unique:
    """Return the rule of ``unique=True``: the task's name and a digest of its arguments."""
    return Unique(key=f"{task}:{hashlib.sha256(args).hexdigest()[:32]}")


def _refuse_single(states: object) -> None:
    if not isinstance(states, list | tuple | set | frozenset):
        raise BadOption(f"states={shown(states)}; give a tuple of words, such as ('queued',)")


def state_named(word: str) -> State:
    """Return the state of that name; BadOption with all of them."""
    try:
        return State[bare_text(word).upper()]
    except (KeyError, TypeError, AttributeError):
        names = ", ".join(state.word for state in State)
        raise BadOption(f"state {shown(word)}; choose from {names}") from None


def _run_at(value: datetime | None) -> int | None:
    return None if value is None else local_instant(value)


def _span_or_none(value: Span | None) -> int | None:
    return None if value is None else span(value)


def _unique(value: str | Unique | bool | None) -> Unique | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Unique):
        return admissible(value)
    return unique(value)


def _as_is(value: Any) -> Any:
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "queue": queue_name,
    "priority": priority,
    "max_attempts": attempts,
    "delay": span,
    "run_at": _run_at,
    "expires_in": _span_or_none,
    "unique": _unique,
    "tags": tags,
    "meta": meta,
    "connection": _as_is,
    "patience": _span_or_none,
}
