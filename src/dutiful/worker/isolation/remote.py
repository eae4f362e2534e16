"""The attempt in a child process, and the messages that the child exchanges with its worker."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import msgspec

from dutiful.client.task import Task
from dutiful.contract.tracer import Tracer
from dutiful.core.errors import ClaimLost, UsageError
from dutiful.core.event import HookFailed
from dutiful.core.outcome import Outcome, Succeeded
from dutiful.core.payload import encode, plain
from dutiful.core.settle import succeed
from dutiful.core.task_log import LogLine
from dutiful.worker import forks
from dutiful.worker.captured_log import AttemptLog, claim_with_log
from dutiful.worker.patient_begin import begin_patiently
from dutiful.worker.transaction_guard import LATE, TransactionGuard

from .frames import (
    HEADER,
    Ended,
    Start,
    Step,
    StepRecorded,
    ToChild,
    WaitsForJob,
    Withdrawn,
    ended,
    pack,
)

_NOTE_SECONDS = 1.0
"""How long a note to the worker waits for a step that is being recorded."""


class Remote:
    """The attempt in the child; the worker records its steps, on request."""

    def __init__(self, start: Start, task: Task[..., Any, Any], line: socket.socket) -> None:
        """Serve the task's context."""
        self.job = start.claim.job
        self.about = start.about
        self.broken: list[HookFailed] = []
        """What hooks around the call raised; reported to the worker before the end."""
        self.cancelled = False
        self.awaits = self._waits = False
        self.asking = False
        """Whether an answer from the worker is on its way."""
        self._turn = threading.RLock()
        """Held from a request to its answer, since the task's threads share the socket. A signal
        handler that interrupts a request of its own thread is refused a request of its own."""
        self._over = False
        self._claim = msgspec.structs.replace(start.claim, handle=msgspec.json.decode(start.handle))
        self._steps = dict(start.claim.steps)
        self._line = line
        self._bytes_max = start.bytes_max
        self._pid = forks.this_process.pid
        self._task = task
        self._shared = start.url is not None
        self.transaction: TransactionGuard | None = None
        self.log = None if start.capture is None else AttemptLog(self.job, start.capture)

    def lines(self) -> tuple[LogLine, ...]:
        """End the capture of what the task logs, and return what was captured."""
        return () if self.log is None else self.log.close()

    def logged(self) -> tuple[LogLine, ...]:
        """Return what was captured of its lines so far."""
        return () if self.log is None else self.log.lines()

    @property
    def waits(self) -> bool:
        """Whether the task waits in its slot for the result of another job."""
        return self._waits

    @waits.setter
    def waits(self, now: bool) -> None:
        """Note it, and let the worker know, which reports the slot as blocked.

        The worker is not informed while a step is being recorded: its answer is awaited then.
        """
        if now is self._waits:
            return
        self._waits = now
        if forks.this_process.pid != self._pid or not self._turn.acquire(timeout=_NOTE_SECONDS):
            return
        try:
            if not (self._over or self.asking):
                with contextlib.suppress(OSError):  # the worker has gone
                    self._line.sendall(pack(WaitsForJob(self.about, now)))
        finally:
            self._turn.release()

    @property
    def tracer(self) -> Tracer | None:
        """What traces the app's jobs in this process, if anything does."""
        tracer: Tracer | None = self._task.app.hooks.tracer
        return tracer

    def recall(self, name: str) -> tuple[bool, Any]:
        """Say whether a step is recorded, and its result; refuses one inside the transaction."""
        self._original()
        if self._over:
            raise ClaimLost(self._late(name))
        raw = self._steps.get(name)
        if raw is not None:
            return True, plain(raw)
        if self.transaction is not None:
            raise UsageError(f"step {name!r} must be taken before ctx.transaction() is entered")
        return False, None

    async def abegin(self) -> Any:
        """Open the transaction; only the protocol needs this method, since cpu tasks are sync."""
        return self.begin()

    async def record(self, name: str, value: Any) -> None:
        """Record a step; only the protocol needs this method, since cpu tasks are sync."""
        self.record_sync(name, value)

    def record_sync(self, name: str, value: Any) -> None:
        """Ask the worker to record a step and wait for its answer."""
        self._original()
        raw = encode(value, what=f"the result of step {name!r}", bytes_max=self._bytes_max)
        with self._turn:
            if self._over:
                raise ClaimLost(self._late(name))
            if self.asking:
                raise ClaimLost(
                    f"job {self.job.id}: an exception cut off what was asked of the worker before; "
                    f"step {name!r} is void"
                )
            self.asking = True
            self._line.sendall(pack(Step(self.about, name, raw)))
            answer = receive(self._line)
            while answer is not None and (
                isinstance(answer, Withdrawn) or answer.about != self.about
            ):  # the signal that is sent with a withdrawal stops the task
                answer = receive(self._line)
            self.asking = False
        if not (isinstance(answer, StepRecorded) and answer.held):
            raise ClaimLost(f"job {self.job.id} is no longer this worker's; step {name!r} is void")
        self._steps[name] = raw

    def begin(self) -> Any:
        """Open the job's transaction on a connection of this process."""
        self._original()
        with self._turn:
            if self._over:
                raise ClaimLost(LATE)
            if self.transaction is None:
                if not self._shared:
                    raise UsageError(
                        "ctx.transaction() in a cpu=True task needs a store of its own URL"
                    )
                store = self._task.app.store
                self.transaction = TransactionGuard(store.transactional.transaction(self._claim))
        return begin_patiently(self.transaction.begin, lambda: self.cancelled or self._over)

    def end(self) -> None:
        """Refuse later requests of threads that the task left behind.

        A request that was sent gets its answer first; otherwise the next job would read it.
        """
        with self._turn:
            self._over = True

    def conclude(self, outcome: Outcome) -> Ended:
        """Commit the task's writes with its completion, or roll them back."""
        if self.transaction is None:
            return ended(self.about, outcome)
        if not (isinstance(outcome, Succeeded) and self.transaction.begun):
            self.rollback()
            return ended(self.about, outcome)
        settlement = succeed(claim_with_log(self._claim, self.log), outcome.result, 0)
        held = bool(self.transaction.commit(settlement))
        return ended(self.about, outcome, committed=held, refused=not held)

    def rollback(self) -> None:
        """Undo the task's writes, if it made any."""
        if self.transaction is not None:
            self.transaction.rollback()

    def _late(self, name: str) -> str:
        return f"this attempt of job {self.job.id} has ended; step {name!r} is void"

    def _original(self) -> None:
        """Raise UsageError in a copy of the process that the task forked."""
        forks.refuse_copy(self._pid, self.job.id)


def receive(line: socket.socket) -> Start | StepRecorded | Withdrawn | None:
    """Read one message; None when the worker has closed the socket."""
    header = _exactly(line, HEADER.size)
    body = header and _exactly(line, HEADER.unpack(header)[0])
    return ToChild.decode(body) if body else None


def _exactly(line: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = line.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)
