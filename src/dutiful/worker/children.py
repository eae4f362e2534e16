"""Runs attempts in child processes, with the hooks around them in the worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dutiful.client.context import Context
from dutiful.core.event import ArgumentsUnfit, TaskUnknown
from dutiful.core.outcome import (
    Cancelled,
    Crashed,
    Failed,
    Outcome,
    Succeeded,
    Undecodable,
    Unknown,
)

from .app_protocol import WorkerApp
from .attempt import Running
from .attempt_end import failed, interrupted, judged, report
from .failure import returned
from .hook_results import carried, child_ended, value_of, verdict_in
from .isolation.frames import Ended, TaskInterrupted
from .isolation.places import misplaced
from .isolation.processes import ProcessSlots


class Children:
    """The child processes of a worker, and what their answers mean."""

    def __init__(self, app: WorkerApp, bytes_max: int, begun: Callable[[Running], None]) -> None:
        """Start no process yet; ``begun`` is called when a child takes a job."""
        self._app = app
        self._bytes_max = bytes_max
        self._begun = begun
        self._processes = ProcessSlots()

    async def close(self) -> None:
        """End every child."""
        await self._processes.close()

    async def run(self, running: Running, context: Context) -> Outcome | None:
        """Run an attempt within its hooks; None when it is settled already."""
        if not self._app.hooks.around_attempt:
            return await self._remote(running)
        answers: list[Succeeded | None] = []

        async def proceed() -> Any:
            answer = await self._remote(running)
            if answer is None or isinstance(answer, Succeeded):
                answers.append(answer)
                return value_of(answer)
            raise child_ended(answer)

        name = running.task.name
        try:
            value = await self._app.hooks.wrap(context, proceed)()
            if answers:
                return carried(answers[-1], value, name, self._bytes_max)
            return returned(value, name, self._bytes_max)
        except BaseException as error:  # noqa: BLE001 - a hook's error is the attempt's
            verdict = verdict_in(error, asked=running.why is not None)
            return failed(running, error) if verdict is None else verdict

    async def _remote(self, running: Running) -> Outcome | None:
        """Run the task in a child; None when the attempt is settled already."""
        answer: Outcome | Ended | TaskInterrupted
        try:
            answer = await self._processes.run(
                running, self._app.child_url(), self._bytes_max, self._begun
            )
        except Exception as error:  # noqa: BLE001 - no process could be started
            answer = judged(running, error)
        if isinstance(answer, Ended):
            report(running, answer.committed)
            return None
        if running.why is not None and isinstance(answer, Crashed | TaskInterrupted | Cancelled):
            return interrupted(running)
        if isinstance(answer, TaskInterrupted):
            return Failed("TaskInterrupted", "the task's process was interrupted by a signal")
        if isinstance(answer, Unknown):
            return self._unknown(running)
        if isinstance(answer, Undecodable) and running.job.parked_at is None:
            job = running.job
            self._app.bus.emit(ArgumentsUnfit(job.task, job.id, answer.message))
        return answer

    def _unknown(self, running: Running) -> Outcome:
        """Park a job whose task the child does not find, unless no code could ever find it."""
        if (why := misplaced(running.task)) is not None:
            return Failed("UnknownTask", f"the task could not be loaded: {why}")
        if running.job.parked_at is None:
            self._app.bus.emit(TaskUnknown(running.job.task, running.job.id))
        return Unknown()
