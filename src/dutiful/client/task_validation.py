"""Refuses what cannot be a task, where it is declared."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from dutiful.core.admission import task_name
from dutiful.core.errors import BadOption
from dutiful.core.instant import SECOND, span, spell
from dutiful.core.retry import Retry
from dutiful.core.task_log import LEVELS
from dutiful.core.text import shown

from .async_or_not import is_async, runs
from .options import known
from .task_decorator import TaskOptions

HARD_TIMEOUT_GRACE = 10 * SECOND
"""How long a task may go on after its timeout, unless it has a hard timeout of its own."""

ENQUEUE_OPTIONS = ("queue", "priority", "unique", "expires_in", "tags")


def validate_task(fn: Callable[..., Any], given: TaskOptions) -> None:
    """Raise BadOption for a function that would do nothing, and for options that do not exist."""
    known(given, TaskOptions.__annotations__, "@app.task")
    if not callable(fn):
        raise BadOption(f"@app.task takes a function, not {shown(fn)}")
    name = name_for(fn, given)
    if not isinstance(given.get("cpu", False), bool):
        raise BadOption(f"cpu={shown(given.get('cpu'))}; write cpu=True or leave it out")
    code = runs(fn)
    if inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
        raise BadOption(f"task {name} is a generator, which does nothing when called; use return")
    if given.get("cpu") and is_async(fn):
        raise BadOption(f"task {name}: cpu=True runs sync functions in processes; drop it or async")
    try:
        inspect.signature(fn)
    except (TypeError, ValueError) as error:
        raise BadOption(f"task {name}: its signature cannot be read: {error}") from error
    if _is_method(fn):
        raise BadOption(f"task {name} is a method, and its object is not stored; use a function")
    retry: Any = given.get("retry")
    if retry is not None and not isinstance(retry, Retry):
        raise BadOption(f"retry={shown(retry)}; write retry=Retry(max_attempts=...)")
    if retry is not None and retry.after is not None:
        raise BadOption(
            "retry=Retry(after=...): after= is what a task raises; for a policy write "
            f'retry=Retry(delay="{spell(retry.after)}", backoff="fixed")'
        )


def name_for(fn: Callable[..., Any], given: TaskOptions) -> str:
    """Return the task's name, given or the function's; raises BadOption where there is none."""
    name = given.get("name", getattr(fn, "__name__", ""))
    if not name or name == "<lambda>":
        raise BadOption("a task needs a name; define it with def, or give name=...")
    return task_name(name)


def timeouts(given: TaskOptions) -> tuple[int | None, int | None]:
    """Read the soft and the hard timeout; a soft one alone is followed by a hard one."""
    soft, hard = (_timeout(name, given.get(name)) for name in ("timeout", "hard_timeout"))
    if soft is not None and hard is not None and hard < soft:
        raise BadOption("hard_timeout is shorter than timeout; it ends a task that goes on")
    if soft is not None and hard is None:
        hard = soft + HARD_TIMEOUT_GRACE
    return soft, hard


def capture_level(given: TaskOptions) -> str | None:
    """Read from which level on lines are captured; None where the task does not say it."""
    value: Any = given.get("capture_logs")
    if value is None or isinstance(value, bool):
        return None if value is None else "info" if value else "off"
    if isinstance(value, str) and value.lower() in ("off", *LEVELS):
        return value.lower()
    raise BadOption(
        f"capture_logs={shown(value)}; use True, False, or a level: {', '.join(LEVELS)}"
    )


def _timeout(name: str, value: Any) -> int | None:
    if value is None:
        return None
    try:
        length = span(value)
    except BadOption as error:
        raise BadOption(f"{name}: {error}") from error
    if length == 0:
        raise BadOption(f"{name}={shown(value)}; use a time above 0")
    return length


def _is_method(fn: Callable[..., Any]) -> bool:
    """Whether a function is written in a class and takes its object."""
    owner, _, _ = getattr(fn, "__qualname__", "").rpartition(".")
    if not owner or owner.endswith("<locals>") or inspect.ismethod(fn):
        return False
    first = next(iter(inspect.signature(fn).parameters), "")
    return first in ("self", "cls")
