"""The log of ``dutiful worker`` as a program, and the line with which it starts."""

from __future__ import annotations

import logging
import os
import sys

from dutiful.config import Settings
from dutiful.contract.release import release
from dutiful.core.event import WorkerStarted
from dutiful.core.url import public
from dutiful.observe.output import LogSetup, installed, set_up

from .app_protocol import WorkerApp
from .job_log import fields
from .options import WorkerOptions

_LOG = logging.getLogger("dutiful")


def show_logs(settings: Settings | None, level: str | None = None, form: str | None = None) -> None:
    """Write this program's log lines to standard error, unless it has set up logging itself.

    Then only a level that is asked for applies, to the ``dutiful`` logger. Level and form are those
    of the settings unless they are given. Call it when the app is imported, for that may set up
    logging; a second call changes nothing.
    """
    if installed() is not None:
        return
    asked_level = level or (settings and settings.log_level)
    asked_form = form or (settings and settings.log_format)
    hidden = settings.secrets() if settings else ()
    if set_up(LogSetup(asked_level or "info", asked_form or "console", hidden), fields) is None:
        if asked_level:
            _LOG.setLevel(asked_level.upper())
        if asked_form:
            text = "log_format=%s has no effect, because the program has set up logging itself"
            _LOG.warning(text, asked_form)


def continue_logs(setup: LogSetup) -> None:
    """Write the lines of a child process as its worker writes its own."""
    if installed() is None:
        set_up(setup, fields)


def name_worker(worker: str) -> None:
    """Let each line that follows name the worker of this process."""
    if (output := installed()) is not None:
        output.worker = worker


def started(app: WorkerApp, options: WorkerOptions, processes: int) -> WorkerStarted:
    """Say what a worker is about to do."""
    return WorkerStarted(
        app=app.name,
        store=public(app.settings.url) or "given in code",
        tasks=tuple(sorted(app.tasks)),
        queues={queue.name: queue.weight for queue in options.queues},
        slots=options.concurrency,
        processes=processes,
        schedules=len(app.schedules.declared),
        version=release(),
        python=".".join(map(str, sys.version_info[:3])),
        pid=os.getpid(),
        app_version=app.settings.app_version or "",
    )
