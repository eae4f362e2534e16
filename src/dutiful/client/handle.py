"""A handle on one job: its status, its result, and the means to cancel it."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar, cast

import msgspec

from dutiful.contract.capability import Capability
from dutiful.core.errors import BadOption, JobFailed, JobNotFound, ResultTimeout
from dutiful.core.event import SlotWaiting
from dutiful.core.instant import SECOND, seconds
from dutiful.core.job import Job
from dutiful.core.payload import decode
from dutiful.core.state import State

from .context import CURRENT, Context
from .host import Host
from .insist import ainsist

T = TypeVar("T")

_POLL_FIRST, _POLL_MOST = 0.005, 0.5
_TELL_AFTER = 1.0
"""Seconds of waiting after which it is reported that a task occupies its slot only to wait."""


class Handle(Generic[T]):
    """One enqueued job; on an event loop use the async methods, the sync ones are refused there."""

    __slots__ = ("_app", "_decoder", "created", "id")

    def __init__(
        self, app: Host, job_id: str, created: bool, decoder: msgspec.json.Decoder[Any]
    ) -> None:
        """Point at a job; ``created`` is False when a unique rule returned an existing one."""
        self._app = app
        self.id = job_id
        self.created = created
        self._decoder = decoder

    def __repr__(self) -> str:
        """Show the id."""
        return f"<Handle {self.id}>"

    async def ajob(self) -> Job:
        """Return the job's record as it stands; raises JobNotFound."""
        store = await self._app.ready()
        found = await store.inspector.get([self.id])
        if not found:
            raise JobNotFound(self.id)
        return found[0]

    async def astatus(self) -> str:
        """Return the state's word, such as ``queued`` or ``succeeded``."""
        return (await self.ajob()).state.word

    async def aresult(self, timeout: float | None = None) -> T:
        """Wait for the job's end and return its result as the annotated type.

        Raises JobFailed when it died or was cancelled, ResultTimeout after ``timeout`` seconds
        (the job goes on), JobNotFound when it was pruned. The job is always looked up once, so
        ``timeout=0`` asks without waiting. During an outage of the store it keeps trying like an
        enqueue, within the timeout.
        """
        patience = _patience(timeout)
        (await self._app.ready()).require(Capability.RESULTS)
        pause = _POLL_FIRST
        waiter = CURRENT.get()
        loop, outage = asyncio.get_running_loop(), self._app.enqueue_patience
        begun = loop.time()
        until = None if patience is None else begun + patience
        if patience is not None:
            outage = min(outage, round(patience * SECOND))
        job = await ainsist(self.ajob, outage)
        if not job.state.final:
            try:
                async with asyncio.timeout_at(until):
                    while not job.state.final:
                        await asyncio.sleep(pause)
                        if waiter is not None and loop.time() >= begun + _TELL_AFTER:
                            self._tell(waiter)
                            waiter = None
                        pause = min(pause * 1.5, _POLL_MOST)
                        job = await ainsist(self.ajob, outage)
            except TimeoutError:
                raise ResultTimeout(f"job {self.id} has not ended after {patience:g} s") from None
        if job.state is not State.SUCCEEDED:
            raise await self._failure(job)
        value: T = decode(job.result or b"null", self._decoder, what=f"the result of {self.id}")
        return value

    async def acancel(self) -> bool:
        """Cancel the job, or ask for its end when it runs; False when it has ended already."""
        store = await self._app.ready()
        return bool(await store.controller.cancel([self.id]))

    def job(self) -> Job:
        """Return the job's record as it stands; raises JobNotFound."""
        return self._app.portal.call(self.ajob())

    def status(self) -> str:
        """Return the state's word."""
        return self._app.portal.call(self.astatus())

    def result(self, timeout: float | None = None) -> T:
        """Wait for the job's end and return its result; see `aresult`."""
        return self._app.portal.call(self.aresult(timeout))

    def cancel(self) -> bool:
        """Cancel the job, or ask for its end when it runs; False when it has ended already."""
        return self._app.portal.call(self.acancel())

    def _tell(self, waiter: Context) -> None:
        """Report once that a job waits in its slot for another, which may need that slot."""
        if waiter.holds_slot and not waiter.told_waiting:
            waiter.told_waiting = True
            self._app.store.emit(SlotWaiting(waiter.job_id, waiter.job.task, self.id))

    async def _failure(self, job: Job) -> JobFailed:
        store = await self._app.ready()
        errors = await store.inspector.errors(job.id)
        detail = f"{errors[-1].type}: {errors[-1].message}" if errors else ""
        return JobFailed(job.id, job.state.word, job.reason or "", detail)


def _patience(timeout: object) -> float | None:
    """Return for how many seconds to wait; a negative time counts as zero."""
    if timeout is None:
        return None
    over = isinstance(timeout, int | float) and timeout < 0
    try:
        return 0.0 if over else seconds(cast(float, timeout))
    except BadOption as error:
        raise BadOption(f"timeout: {error}") from error
