"""A handle on one job: its status, its result, and the means to cancel it."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, Self, TypeVar, cast

import msgspec

from dutiful.contract.capability import Capability
from dutiful.core.errors import (
    BadOption,
    EngineError,
    EngineUnavailable,
    JobFailed,
    JobNotFound,
    ResultTimeout,
)
from dutiful.core.event import SlotWaiting
from dutiful.core.instant import SECOND, seconds
from dutiful.core.job import AttemptError, Job
from dutiful.core.payload import decode
from dutiful.core.state import State

from .app_protocol import AppProtocol
from .context import CURRENT, Context
from .outage_retry import arepeat

T = TypeVar("T")

_POLL_FIRST, _POLL_MOST = 0.005, 0.5
_TELL_AFTER = 1.0
"""Seconds of waiting after which it is reported that a task occupies its slot only to wait."""
_SILENT_AFTER = 1.0
"""After this many seconds without an answer of the store, a wait ends with that error."""
_CANCELLED = "cancelled"
"""The reason of a job that was cancelled from outside; a task that cancels itself gives its own."""


class Handle(Generic[T]):
    """One enqueued job; on an event loop use the async methods, the sync ones are refused there."""

    __slots__ = ("_app", "_decoder", "created", "id")

    def __init__(
        self, app: AppProtocol, job_id: str, created: bool, decoder: msgspec.json.Decoder[Any]
    ) -> None:
        """Point at a job; ``created`` is False when a unique rule returned an existing one."""
        self._app = app
        self.id = job_id
        self.created = created
        self._decoder = decoder

    def __repr__(self) -> str:
        """Show the id."""
        return f"<Handle {self.id}>"

    def __copy__(self) -> Self:
        """Return itself: it cannot be changed."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Return itself, as `copy.copy` does."""
        return self

    def __reduce__(self) -> str:
        """Refuse to be pickled: the store that it asks belongs to this process."""
        raise TypeError(
            "a handle cannot be pickled, since it holds its app's store; pass handle.id on, and "
            "make another there: task.handle(id)"
        )

    async def ajob(self) -> Job:
        """Return the job's record as it stands; raises JobNotFound."""
        self._app.store.require(Capability.INSPECT)
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
        enqueue, within the timeout, and raises EngineUnavailable if the timeout ends first.
        """
        patience = _patience(timeout)
        self._app.store.require(Capability.RESULTS)
        await self._app.ready()
        pause = _POLL_FIRST
        waiter = CURRENT.get()
        loop, outage = asyncio.get_running_loop(), self._app.settings.enqueue_patience
        begun = loop.time()
        until = None if patience is None else begun + patience
        if patience is not None:
            outage = min(outage, round(patience * SECOND))
        look = _Look(self)
        job = await arepeat(look, outage)
        if not job.state.final:
            try:
                async with asyncio.timeout_at(until):
                    while not job.state.final:
                        await asyncio.sleep(pause)
                        if waiter is not None and loop.time() >= begun + _TELL_AFTER:
                            self._tell(waiter)
                        pause = min(pause * 1.5, _POLL_MOST)
                        job = await arepeat(look, outage)
            except TimeoutError:
                look.raise_trouble(loop.time())
                raise ResultTimeout(f"job {self.id} has not ended after {patience:g} s") from None
            finally:
                if waiter is not None:
                    waiter.waiting(now=False)
        if job.state is not State.SUCCEEDED:
            raise await self._failure(job)
        value: T = decode(job.result or b"null", self._decoder, what=f"the result of {self.id}")
        return value

    async def acancel(self) -> bool:
        """Cancel the job, or ask for its end when it runs; False when it has ended already."""
        self._app.store.require(Capability.CANCEL)
        store = await self._app.ready()
        return bool(await store.controller(Capability.CANCEL).cancel([self.id]))

    def job(self) -> Job:
        """Return the job's record as it stands; raises JobNotFound."""
        return self._app.portal.run(self.ajob())

    def status(self) -> str:
        """Return the state's word."""
        return self._app.portal.run(self.astatus())

    def result(self, timeout: float | None = None) -> T:
        """Wait for the job's end and return its result; see `aresult`."""
        return self._app.portal.run(self.aresult(timeout))

    def cancel(self) -> bool:
        """Cancel the job, or ask for its end when it runs; False when it has ended already."""
        return self._app.portal.run(self.acancel())

    def _tell(self, waiter: Context) -> None:
        """Report once that a job waits in its slot for another, which may need that slot."""
        waiter.waiting(now=True)
        if waiter.holds_slot and not waiter.told_waiting:
            waiter.told_waiting = True
            self._app.store.emit(SlotWaiting(waiter.job_id, waiter.job.task, self.id))

    async def _failure(self, job: Job) -> JobFailed:
        store = await self._app.ready()
        errors = await store.inspector.errors(job.id)
        last = errors[-1] if errors else None
        detail = f"{last.type}: {last.message}" if last is not None and _ended(job, last) else ""
        return JobFailed(job.id, job.state.word, job.reason or "", detail)


class _Look:
    """Looks a job up, and keeps the error of the latest try: the job may have ended meanwhile."""

    def __init__(self, handle: Handle[Any]) -> None:
        self._handle = handle
        self._trouble: EngineError | None = None
        self._asked: float | None = None
        """When the request began that is not answered yet."""

    async def __call__(self) -> Job:
        self._asked = asyncio.get_running_loop().time()
        try:
            job = await self._handle.ajob()
        except EngineError as error:
            self._trouble, self._asked = error, None
            raise
        self._trouble = self._asked = None
        return job

    def raise_trouble(self, now: float) -> None:
        """Raise EngineUnavailable if the latest try failed, or has waited long for an answer."""
        if self._trouble is not None:
            text = str(self._trouble)
        elif self._asked is not None and now - self._asked >= _SILENT_AFTER:
            text = f"the store has not answered for {now - self._asked:.1f} s"
        else:
            return
        raise EngineUnavailable(
            f"{text}; job {self._handle.id} had not ended when it was last seen"
        ) from self._trouble


def _ended(job: Job, error: AttemptError) -> bool:
    """Whether the job ended with this error; a cancelled job may have older errors."""
    if job.state is State.DEAD:
        return True
    return job.reason != _CANCELLED and error.attempt == job.attempt


def _patience(timeout: object) -> float | None:
    """Return for how many seconds to wait; a negative time counts as zero."""
    if timeout is None:
        return None
    over = isinstance(timeout, int | float) and timeout < 0
    try:
        return 0.0 if over else seconds(cast(float, timeout))
    except BadOption as error:
        raise BadOption(f"timeout: {error}") from error
