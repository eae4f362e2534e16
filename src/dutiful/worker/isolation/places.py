"""Where a child process, which knows only names, finds a task and its app."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, cast
from weakref import WeakKeyDictionary

from dutiful.client.task import Task

AnyTask = Task[..., Any, Any]


def found(module: Any, attribute: str, name: str) -> AnyTask | None:
    """Return a task: at its place in the module, elsewhere in it by its name, or in an app."""
    at = module
    for part in attribute.split("."):
        at = getattr(at, part, None)
    members: list[Any] = [at, *cast(dict[str, Any], vars(module)).values()]
    for member in members:
        if isinstance(member, Task) and member.spec.name == name:
            return cast(AnyTask, member)
    for member in members:
        tasks = getattr(member, "tasks", None)
        if isinstance(tasks, dict) and isinstance(task := cast(Any, tasks).get(name), Task):
            return cast(AnyTask, task)
    return None


def misplaced(task: AnyTask) -> str | None:
    """Say why no child can find a task, unless the code that the child loads may be the reason."""
    if "<locals>" not in task.__qualname__:
        return None
    return (
        f"task {task.name} is not found by importing {task.__module__}; a cpu=True task belongs at "
        "the top level of its module"
    )


_PLACES: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""The places from which apps were loaded, or at which they were found."""


def remember(app: Any, place: str) -> None:
    """Remember from which place, as ``module:attribute``, an app was loaded."""
    _PLACES[app] = place


def place_of(task: AnyTask) -> str:
    """Return where a child finds the app of a task, as ``module:attribute``; empty if not known.

    The task's own module is searched first, since the child imports it anyway.
    """
    own = sys.modules.get(task.__module__)
    if own is not None and (name := _name_in(own, task.app)) is not None:
        return f"{task.__module__}:{name}"
    if (known := _PLACES.get(task.app)) is None:
        known = _PLACES[task.app] = _searched(task.app)
    return known


def taken(task: AnyTask) -> str | None:
    """Say why a child would run the code of another app; None if it would not.

    This happens when the place of the task's own app is not known.
    """
    module = sys.modules.get(task.__module__)
    other = None if module is None else found(module, task.__qualname__, task.name)
    if other is None or other.app is task.app:
        return None
    return (
        f"task {task.name} is another app's in {task.__module__}, and its own app has no name in "
        "any module by which a child process could find it; give it one at the top level of one"
    )


def _searched(app: Any) -> str:
    for place, module in list(sys.modules.items()):
        if place != "__main__" and (name := _name_in(module, app)) is not None:
            return f"{place}:{name}"
    return ""


def _name_in(module: object, app: Any) -> str | None:
    if not issubclass(type(module), ModuleType):
        return None
    # Not by getattr: some modules import more when an attribute is read.
    members: dict[str, Any] = dict(object.__getattribute__(module, "__dict__"))
    return next((name for name, value in members.items() if value is app), None)


def tasks_at(place: str) -> dict[str, AnyTask] | None:
    """Import the app at a place and return its tasks; None where the code has no app there."""
    module, _, attribute = place.partition(":")
    if not attribute:
        return None
    try:
        app: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if not lacks(error, module):
            raise
        return None
    for name in attribute.split("."):
        app = getattr(app, name, None)
    tasks = getattr(app, "tasks", None)
    return cast(dict[str, AnyTask], tasks) if isinstance(tasks, dict) else None


def lacks(error: BaseException, module: str) -> bool:
    """Whether an import failed because the module itself, not one that it imports, is missing."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return missing is not None and f"{module}.".startswith(f"{missing}.")
