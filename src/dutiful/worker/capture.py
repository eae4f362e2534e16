"""Of which tasks a worker captures the log lines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from dutiful.client.task import Task
from dutiful.contract.capability import Capability
from dutiful.core.job import Job
from dutiful.core.url import passwords

from .app_protocol import WorkerApp
from .captured_log import AttemptLog, Capture

AnyTask = Task[..., Any, Any]


def captured(app: WorkerApp) -> Callable[[AnyTask, Job], AttemptLog | None]:
    """Return what makes the log of an attempt; it gives None where no lines are captured."""
    captures: dict[str, Capture | None] = {}

    def log_of(task: AnyTask, job: Job) -> AttemptLog | None:
        if job.task not in captures:
            captures[job.task] = _capture_of(app, task)
        capture = captures[job.task]
        return None if capture is None else AttemptLog(job, capture)

    return log_of


def capturing(app: WorkerApp) -> tuple[str, ...]:
    """Return the names of the tasks whose lines are to be captured, on any engine."""
    return tuple(sorted(name for name, task in app.tasks.items() if _level_of(app, task)))


def _capture_of(app: WorkerApp, task: AnyTask) -> Capture | None:
    level = _level_of(app, task)
    if level is None or not app.store.can(Capability.LOGS):
        return None
    number: int = getattr(logging, level.upper())
    return Capture(number, task.signature.sensitive, passwords(app.settings.url))


def _level_of(app: WorkerApp, task: AnyTask) -> str | None:
    level = task.spec.capture_logs or app.settings.capture_logs
    return None if level in (None, "off") else level
