"""Reports the failures of tasks to Sentry, by the conventions of its SDK for task queues."""

from __future__ import annotations

from contextlib import ExitStack
from time import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import sentry_sdk
from sentry_sdk.integrations.logging import ignore_logger
from sentry_sdk.tracing import TransactionSource
from sentry_sdk.utils import capture_internal_exceptions, event_from_exception

from dutiful.client.context import Context
from dutiful.core.event import Event, JobDied
from dutiful.core.job import Claim, Job
from dutiful.core.outcome import Failed
from dutiful.core.payload import plain
from dutiful.core.retry import RetryPolicy
from dutiful.core.settle import Rules, settle
from dutiful.core.state import State
from dutiful.observe.log import UNLOGGED
from dutiful.worker.failure import raised

if TYPE_CHECKING:
    from dutiful.app import App

Level = Literal["error", "warning"]
ORIGIN = "auto.queue.dutiful"
OPERATION = "queue.task.dutiful"
_FLUSH_SECONDS = 2.0
"""How long a child process, which may be killed soon, waits until its report is sent."""


def instrument(app: App, *, retries: bool = False, arguments: bool = False) -> None:
    """Report to Sentry what makes a job of the app a dead letter; call it after `sentry_sdk.init`.

    Both calls belong to the top level of the app's module, so that child processes of ``cpu=True``
    tasks make them, too. An exception is reported where it is raised, with its stack and what the
    task gave to Sentry; what no task raises, such as a timeout, is reported by the worker that
    sees the job die. With ``retries``, an attempt that will be tried again is reported as a
    warning. Arguments of jobs and local variables are sent only with ``arguments``. The logger
    ``dutiful`` is kept out of Sentry, which would report each dead letter a second time.
    """
    ignore_logger("dutiful")
    app.around_call(_Hook(app, retries=retries, arguments=arguments))
    app.bus.subscribe(lambda event: _seen(app, event, arguments=arguments), ignores=UNLOGGED)


class _Hook:
    """What the app calls for each attempt."""

    def __init__(self, app: App, *, retries: bool, arguments: bool) -> None:
        self._app = app
        self._retries = retries
        self._arguments = arguments

    def __call__(self, ctx: Context) -> _Watch:
        task = self._app.tasks.get(ctx.job.task)
        return _Watch(
            ctx.job,
            self._app.settings.app_version,
            RetryPolicy() if task is None else task.spec.retry,
            retries=self._retries,
            arguments=self._arguments,
            flushes=task is not None and task.spec.isolation == "process",
        )


class _Watch:
    """One call of a task's function, sync or async, in a scope of its own."""

    def __init__(
        self,
        job: Job,
        version: str | None,
        policy: RetryPolicy,
        *,
        retries: bool,
        arguments: bool,
        flushes: bool,
    ) -> None:
        self._job, self._version, self._policy = job, version, policy
        self._retries, self._arguments, self._flushes = retries, arguments, flushes
        self._stack = ExitStack()

    def __enter__(self) -> None:
        scope = self._stack.enter_context(sentry_sdk.isolation_scope())
        with capture_internal_exceptions():
            _describe(scope, self._job, self._version, arguments=self._arguments)
            scope.clear_breadcrumbs()
            transaction = sentry_sdk.start_transaction(
                op=OPERATION, name=self._job.task, source=TransactionSource.TASK, origin=ORIGIN
            )
            transaction.set_data("messaging.message.id", self._job.id)
            transaction.set_data("messaging.destination.name", self._job.queue)
            transaction.set_data("messaging.message.retry.count", self._job.attempt - 1)
            transaction.set_status("ok")
            self._stack.enter_context(transaction)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with capture_internal_exceptions():
            level = None if error is None else self._level(error)
            if error is not None and level is not None:
                _capture(error, level, arguments=self._arguments)
        self._stack.__exit__(kind, error, trace)
        if self._flushes:
            sentry_sdk.flush(_FLUSH_SECONDS)

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)

    def _level(self, error: BaseException) -> Level | None:
        """Judge an exception as the worker will; None where nothing is to be reported here."""
        if not isinstance(error, Exception | SystemExit | KeyboardInterrupt):
            return None  # the worker ends the attempt, and says why
        outcome = raised(error, self._policy)
        if not isinstance(outcome, Failed) or not outcome.traceback:
            return None
        now = int(time() * 1_000_000)
        settlement = settle(Claim(self._job), outcome, now, _Half(), Rules(retry=self._policy))
        if settlement.state is State.DEAD:
            return "error"
        return "warning" if self._retries else None


class _Half:
    """Chance for a decision that is only looked at."""

    def random(self) -> float:
        return 0.5


def _capture(error: BaseException, level: Level, *, arguments: bool) -> None:
    options: dict[str, Any] = {**sentry_sdk.get_client().options}
    options["include_local_variables"] = arguments and options.get("include_local_variables", True)
    mechanism = {"type": "dutiful", "handled": False}
    event, hint = event_from_exception(error, client_options=options, mechanism=mechanism)
    event["level"] = level
    sentry_sdk.capture_event(event, hint=hint)


def _seen(app: App, event: Event, *, arguments: bool) -> None:
    """Report a death that no exception of the task's has reported."""
    if not isinstance(event, JobDied):
        return
    error = event.error
    given_up = event.reason == "discarded" and error is not None and error.type == "Discard"
    if error is not None and error.traceback and not given_up:
        return
    with capture_internal_exceptions(), sentry_sdk.isolation_scope() as scope:
        _describe(scope, event.job, app.settings.app_version, arguments=arguments)
        scope.set_tag("reason", event.reason)
        kind = event.reason if error is None else error.type
        value = {
            "type": kind,
            "value": event.reason if error is None else error.message,
            "mechanism": {"type": "dutiful", "handled": False},
        }
        sentry_sdk.capture_event({"level": "error", "exception": {"values": [value]}})


def _describe(scope: Any, job: Job, version: str | None, *, arguments: bool) -> None:
    """Say of which job this is: the transaction is the task's name."""
    scope.set_transaction_name(job.task, source=TransactionSource.TASK)
    scope.set_tag("queue", job.queue)
    scope.set_tag("job_id", job.id)
    scope.set_tag("attempt", str(job.attempt))
    if version:
        scope.set_tag("app_version", version)
    if arguments:
        scope.set_extra("arguments", plain(job.args))
