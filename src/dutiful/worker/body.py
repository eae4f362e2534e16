"""Runs the body of an attempt on the loop, in a thread or in a child process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from dutiful.client.context import CURRENT
from dutiful.core.outcome import Crashed, Failed, Outcome

from .attempt import Running
from .failure import raised, returned
from .finish import conclude, interrupted, report
from .host import WorkerHost
from .isolation.frames import Ended, Interrupted
from .isolation.processes import ProcessSlots
from .isolation.threads import ThreadSlots

Finish = Callable[[Running, Outcome | None], None]
Call = Callable[[], Any]


class Bodies:
    """Starts bodies; each ends with one call of ``finish`` on the loop."""

    def __init__(self, app: WorkerHost, loop: asyncio.AbstractEventLoop, finish: Finish) -> None:
        """Start no thread and no process yet."""
        self._app = app
        self._loop = loop
        self._finish = finish
        self._bytes_max = app.settings.payload_bytes_max
        self._threads = ThreadSlots(loop)
        self._processes = ProcessSlots()

    def start(self, running: Running) -> None:
        """Start a body; raises BadPayload, before anything runs, when its arguments do not fit."""
        task = running.task
        if task.spec.isolation == "process":
            task.signature.check(running.job.args)
            running.body = self._loop.create_task(self._in_process(running))
            return
        args, kwargs = task.signature.decode(running.job.args)
        if task.signature.takes_context:
            args, kwargs = task.signature.insert(running.context, args, kwargs)
        call = partial(task.fn, *args, **kwargs) if args or kwargs else task.fn
        if task.spec.isolation == "loop":
            running.body = self._loop.create_task(self._on_loop(running, call))
            running.stop = running.body.cancel
        elif self._app.hooks.around_attempt:
            running.body = self._loop.create_task(self._on_loop(running, self._threaded(call)))
        else:
            body = partial(_in_thread, running, call, self._bytes_max)
            self._threads.submit(body, partial(self._finish, running))

    async def close(self) -> bool:
        """End children and idle threads; False when a thread runs on."""
        await self._processes.close()
        return await asyncio.to_thread(self._threads.close)

    async def _on_loop(self, running: Running, call: Call) -> None:
        CURRENT.set(running.context)
        outcome: Outcome | None
        try:
            if self._app.hooks.around_attempt:
                call = self._app.hooks.wrap(running.context, call)
            outcome = returned(await call(), running.task.name, self._bytes_max)
        except asyncio.CancelledError:
            outcome = interrupted(running)
        except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the task's
            outcome = raised(error, running.task.spec.retry)
        if running.transaction is not None:
            outcome = await asyncio.to_thread(conclude, running, outcome)
        self._finish(running, outcome)

    def _threaded(self, call: Call) -> Call:
        async def awaited() -> Any:
            future: asyncio.Future[Any] = self._loop.create_future()
            self._threads.submit(partial(_caught, call), partial(_resolve, future))
            return await future

        return awaited

    async def _in_process(self, running: Running) -> None:
        outcome: Outcome | None
        answer: Outcome | Ended | Interrupted
        try:
            url = self._app.settings.url
            answer = await self._processes.run(running, url, self._bytes_max)
        except Exception as error:  # noqa: BLE001 - no process could be started
            answer = raised(error, running.task.spec.retry)
        if isinstance(answer, Ended):
            report(running, answer.committed)
            outcome = None
        elif running.why is not None and isinstance(answer, Crashed | Interrupted):
            outcome = interrupted(running)
        elif isinstance(answer, Interrupted):
            outcome = Failed("Interrupted", "the task's process was interrupted by a signal")
        else:
            outcome = answer
        self._finish(running, outcome)


def _in_thread(running: Running, call: Call, bytes_max: int) -> Outcome | None:
    CURRENT.set(running.context)
    try:
        outcome = returned(call(), running.task.name, bytes_max)
    except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the task's
        outcome = raised(error, running.task.spec.retry)
    return outcome if running.transaction is None else conclude(running, outcome)


def _caught(call: Call) -> tuple[Any, BaseException | None]:
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - carried to the loop and raised there
        return None, error


def _resolve(future: asyncio.Future[Any], ended: tuple[Any, BaseException | None]) -> None:
    value, error = ended
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
