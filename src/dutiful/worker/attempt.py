"""One attempt as a worker runs it; the task sees it through its context."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from dutiful.client.context import CURRENT, Context
from dutiful.client.step_errors import recording
from dutiful.client.task import Task
from dutiful.contract.beside import beside
from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.tracer import AttemptSpan, Tracer
from dutiful.core.errors import ClaimLost, JobLocked, UsageError
from dutiful.core.event import SettlementsDelayed
from dutiful.core.job import Claim, Job
from dutiful.core.payload import encode, plain
from dutiful.core.task_log import LogLine

from . import forks
from .captured_log import AttemptLog
from .owned_task import OWNER
from .patient_begin import abegin_patiently, begin_patiently
from .store_retry import StoreRetry
from .transaction_guard import LATE, AsyncTransactionGuard, TransactionGuard

Why = Literal["timeout", "cancel", "shutdown", "lost", "exit"]

_CHOOSING = threading.Lock()
"""Held while an attempt chooses its one transaction; threads of a coroutine may choose, too."""


class Running(msgspec.Struct, eq=False):
    """A claimed job in a slot."""

    claim: Claim
    job: Job
    steps: dict[str, bytes]
    """The steps that are recorded so far, by name."""
    task: Task[..., Any, Any]
    store: Store
    loop: asyncio.AbstractEventLoop
    store_retry: StoreRetry
    """Repeats a call while the store is unavailable."""
    pid: int
    """The process that runs the attempt; a forked copy has another number."""
    valid: Callable[[], bool]
    """Whether the worker's lease holds; may be called from any thread."""
    redelivered: int = 0
    """How many times the job was given to this worker again while the attempt went on."""
    since: float | None = None
    """When the body began, by the loop's clock; None before."""
    transaction: TransactionGuard | AsyncTransactionGuard | None = None
    """The one that its task has entered: awaited in a coroutine, where the engine can."""
    why: Why | None = None
    """Why the attempt was asked to end, if it was."""
    exit: BaseException | None = None
    """SystemExit or KeyboardInterrupt that a part of the task raised; it ends only this attempt."""
    body: asyncio.Task[None] | None = None
    thread: asyncio.Future[None] | None = None
    """Done when a sync task's thread ends, which may be after a hook has stopped waiting for it."""
    stop: Callable[[Running], Any] | None = None
    """Interrupts the body of the given attempt; None for a thread, which cannot be interrupted."""
    kill: Callable[[], Any] | None = None
    """Kills the body; None unless it runs in a process."""
    unstarted: str | None = None
    """Why the body could not be started, if that is found out after its start."""
    over: bool = False
    """Whether its end is decided: threads and tasks that it left can open and record nothing."""
    waits: bool = False
    """Whether it waits in its slot for the result of another job."""
    recording: int = 0
    """How many results of steps are being recorded."""
    delayed_stop: bool = False
    """Whether the body is to be interrupted when they have been recorded."""
    delayed: bool = False
    """Whether a step has met the lock of another session, and this was reported."""
    limits: list[asyncio.TimerHandle] = []
    log: AttemptLog | None = None
    """What it logs, where that is captured."""
    aside: Callable[[Callable[[], Any]], Awaitable[Any]] = beside
    """Runs a blocking call for a coroutine."""
    span: AttemptSpan | None = None
    """Its span, where the app is traced."""

    @property
    def tracer(self) -> Tracer | None:
        """What traces the app's jobs, if anything does."""
        tracer: Tracer | None = self.task.app.hooks.tracer
        return tracer

    @property
    def awaits(self) -> bool:
        """Whether the task is async."""
        return self.task.spec.isolation == "loop"

    @property
    def lives(self) -> bool:
        """Whether its coroutine has not ended."""
        return self.body is not None and not self.body.done()

    @property
    def cancelled(self) -> bool:
        """Whether the body should end."""
        return self.why is not None

    def may_begin(self) -> bool:
        """Whether the body may begin; checked at the last moment, in the thread that will run it.

        After an attempt gets its slot, a thread or a process is started for it. If the worker is
        frozen during that time, another worker may have started the job when this one goes on.
        """
        if self.valid():
            return True
        if self.why is None:
            self.why = "lost"
        return False

    def trace(self, tracer: Tracer, own: contextvars.Context) -> None:
        """Begin its span, and make that current in its own context."""
        self.span = own.run(tracer.attempt, self.job)

    def enter(self, context: Context) -> None:
        """Set the present context variables for this attempt's code."""
        CURRENT.set(context)
        OWNER.set(self)
        if self.log is not None:
            self.log.enter()

    def logged(self) -> tuple[LogLine, ...]:
        """Return what was captured of its lines so far."""
        return () if self.log is None else self.log.lines()

    def recall(self, name: str) -> tuple[bool, Any]:
        """Say whether a step is recorded, and its result.

        A step that would run while the job's transaction is open is refused. Its record is a
        separate write, which would wait for the transaction, while the transaction waits for the
        step.
        """
        self._original()
        if self.over:
            raise ClaimLost(f"this attempt of job {self.job.id} has ended; step {name!r} is void")
        self.store.require(Capability.STEPS)
        raw = self.steps.get(name)
        if raw is not None:
            return True, plain(raw)
        if self.transaction is not None:
            raise UsageError(f"step {name!r} must be taken before ctx.transaction() is entered")
        return False, None

    async def record(self, name: str, value: Any) -> None:
        """Record a step's result under the claim's fence; raises ClaimLost when it is stale."""
        most = self.task.app.settings.payload_bytes_max
        raw = encode(value, what=f"the result of step {name!r}", bytes_max=most)
        await self.record_raw(name, raw)

    async def record_raw(self, name: str, raw: bytes) -> None:
        """Record a step's result that is JSON already.

        The step has run, so a request to end waits for the record: it would run again otherwise.
        """
        self._original()
        with self._not_interrupted(), recording(name):
            held = (
                self.why != "lost"
                and not self.over
                and await self.store_retry.ask(
                    lambda: self.store.consumer.record_step(self.claim, name, raw),
                    lambda: self.cancelled,
                    self._tell_locked,
                )
            )
        if not held:
            raise ClaimLost(f"job {self.job.id} is no longer this worker's; step {name!r} is void")
        self.steps = {**self.steps, name: raw}

    @contextmanager
    def _not_interrupted(self) -> Generator[None]:
        """Delay an interruption to the end of the block."""
        self.recording += 1
        try:
            yield
        finally:
            self.recording -= 1
            if self.delayed_stop and not self.recording:
                self.delayed_stop = False
                if self.stop is not None:
                    self.stop(self)

    def _tell_locked(self, error: JobLocked) -> None:
        """Report, once for the attempt, that a step waits for another session's lock."""
        if not self.delayed:
            self.delayed = True
            worker = self.job.worker or ""
            self.store.emit(SettlementsDelayed(worker, (self.job.id,), error.who))

    def record_sync(self, name: str, value: Any) -> None:
        """Record a step's result from a thread."""
        self._original()
        recording = self.record(name, value)
        try:
            future = asyncio.run_coroutine_threadsafe(recording, self.loop)
        except RuntimeError:  # the loop is closed: this thread outlived its worker
            recording.close()
            raise ClaimLost(
                f"job {self.job.id}: its worker has ended; step {name!r} is void"
            ) from None
        future.result()

    def begin(self) -> Any:
        """Open the transaction, or return the connection of the one that is open."""
        self._original()
        with _CHOOSING:
            self._refuse_late()
            if self.transaction is None:
                self.transaction = TransactionGuard(
                    self.store.transactional.transaction(self.claim)
                )
        if isinstance(self.transaction, AsyncTransactionGuard):
            raise UsageError(
                "this job's transaction is open on a connection that is awaited; write "
                "`async with ctx.transaction()` here, too"
            )
        return begin_patiently(self.transaction.begin, self._ends)

    async def abegin(self) -> Any:
        """Do what `begin` does without blocking the loop."""
        self._original()
        if asyncio.get_running_loop() is not self.loop:  # one that a sync task runs in its thread
            return await beside(self.begin)
        if self.awaits:
            with _CHOOSING:
                self._refuse_late()
                if self.transaction is None:
                    inner = self.store.transactional.atransaction(self.claim)
                    self.transaction = None if inner is None else AsyncTransactionGuard(inner)
        if isinstance(self.transaction, AsyncTransactionGuard):
            return await abegin_patiently(self.transaction.abegin, self._ends)
        return await self.aside(self.begin)

    def end(self) -> bool:
        """Refuse new transactions and steps; True when a transaction is left open."""
        with _CHOOSING:
            self.over = True
        return self.transaction is not None and not self.transaction.over

    def _ends(self) -> bool:
        """Whether nothing of the attempt is waited for any more."""
        return self.cancelled or self.over

    def _refuse_late(self) -> None:
        if self.over:
            raise ClaimLost(LATE)

    def _original(self) -> None:
        """Raise UsageError in a copy of the process that the task forked."""
        forks.refuse_copy(self.pid, self.job.id)

    def interrupt(self, why: Why) -> None:
        """Ask the body to end, once; it may take any time, and a thread may ignore the request."""
        if self.why is not None:
            return
        self.why = why
        # A lost claim records nothing any more.
        if self.recording and why != "lost":
            self.delayed_stop = True
        elif self.stop is not None:
            self.stop(self)

    def exited(self, error: BaseException) -> bool:
        """End the attempt: a part of it raised SystemExit or KeyboardInterrupt."""
        if self.stop is None:
            return False
        if self.why is None:
            self.exit = error
        self.interrupt("exit")
        return True

    def stop_clocks(self) -> None:
        """Cancel the timers of the timeouts, and stop the time of its span."""
        if self.span is not None:
            self.span.stop()
        for timer in self.limits:
            timer.cancel()
        self.limits.clear()
