"""The schedules that an app's code declares, before any store has seen them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from dutiful.core.errors import BadOption
from dutiful.core.rule import Rule
from dutiful.core.schedule import Schedule, written

from .app_declaration import AppDeclaration
from .app_protocol import AppProtocol
from .schedule_options import ScheduleOptions, schedule_of
from .task import Task

AnyTask = TypeVar("AnyTask", bound=Task[..., Any, Any])


class DeclaredSchedules:
    """What ``@app.cron`` and the like declare."""

    def __init__(self, app: AppProtocol) -> None:
        """Start with none."""
        self._app = app
        self.declared: dict[str, Schedule] = {}
        self._tasks: dict[str, Task[..., Any, Any]] = {}

    def decorator(self, rule: Rule, given: ScheduleOptions) -> Callable[[AnyTask], AnyTask]:
        """Return a decorator that declares a schedule of a task and leaves the task as it is."""

        def decorate(task: AnyTask) -> AnyTask:
            schedule = schedule_of(task, rule, given, self._app.name)
            other, earlier = self.declared.get(schedule.name), self._tasks.get(schedule.name)
            # A module that is loaded again replaces its schedules.
            reloaded = earlier is not None and earlier is not task and earlier.name == task.name
            if other is not None and not reloaded and written(other) != written(schedule):
                raise BadOption(
                    f"two schedules are called {schedule.name!r}; give each a name: "
                    f'@app.cron(..., name="{schedule.name}-2")'
                )
            self.declared[schedule.name], self._tasks[schedule.name] = schedule, task
            return task

        return decorate

    def declaration(self) -> AppDeclaration:
        """Return what a worker writes to the store."""
        schedules = tuple(self.declared[name] for name in sorted(self.declared))
        text = b"\n".join(written(schedule) for schedule in schedules)
        declaration_version = hashlib.sha256(text).hexdigest()[:16]
        return AppDeclaration(self._app.name, declaration_version, schedules)
