"""The tasks of an app by their names: registering functions, and finding them again."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial
from typing import Any, Unpack

from dutiful.core.errors import DuplicateTask, UnknownTask
from dutiful.core.retry import Retry
from dutiful.core.text import shown

from .enqueue import Enqueuer
from .options import Options, refine
from .origin import advice_for, both
from .signature import Signature
from .task import Spec, Task, isolation_of
from .task_decorator import TaskOptions
from .task_validation import ENQUEUE_OPTIONS, capture_level, name_for, timeouts, validate_task


class TaskRegistry:
    """What ``@app.task`` fills, and workers look into."""

    def __init__(self, enqueuer: Enqueuer) -> None:
        """Start with none; the tasks give their jobs to ``enqueuer``."""
        self._enqueuer = enqueuer
        self.tasks: dict[str, Task[..., Any, Any]] = {}

    def register(
        self, fn: Callable[..., Any] | None = None, /, **given: Unpack[TaskOptions]
    ) -> Any:
        """Turn a function into a task; without one, return what does so with these options.

        Raises BadOption, or DuplicateTask where another function has the name.
        """
        if fn is None:
            return partial(self.register, **given)
        task = self._built(fn, given)
        other = self.tasks.get(task.name)
        if other is not None and not task.origin.again(other.origin):
            raise DuplicateTask(
                f"{both(other.origin, task.origin)} are both called {task.name!r}; "
                "give one name=..." + advice_for(task.__qualname__)
            )
        self.tasks[task.name] = task
        return task

    def find(self, name: str) -> Task[..., Any, Any]:
        """Return a registered task by its name; raises UnknownTask with the nearest names."""
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
            raise UnknownTask(f"{shown(name)} is not a task name; give text")
        try:
            return self.tasks[name]
        except KeyError:
            near = difflib.get_close_matches(name, self.tasks, n=3)
            known = ", ".join(sorted(self.tasks)[:10]) or "none; register one with @app.task"
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {known}"
            raise UnknownTask(f"no task is called {name!r}{hint}") from None

    def _built(self, fn: Callable[..., Any], given: TaskOptions) -> Task[..., Any, Any]:
        while isinstance(fn, Task):  # of another app: this one runs the function itself
            fn = fn.fn
        validate_task(fn, given)
        name = name_for(fn, given)
        retry = given.get("retry") or Retry()
        options = {key: value for key, value in given.items() if key in ENQUEUE_OPTIONS}
        timeout, hard = timeouts(given)
        spec = Spec(
            name=name,
            isolation=isolation_of(fn, given.get("cpu", False)),
            retry=retry.policy,
            timeout=timeout,
            hard_timeout=hard,
            capture_logs=capture_level(given),
        )
        defaults = refine(Options(max_attempts=retry.policy.max_attempts), options)
        return Task(self._enqueuer, fn, spec, Signature(fn, name), defaults)
