"""A child process: imports the task, runs one job at a time, and says how each ended."""

from __future__ import annotations

import ctypes
import importlib
import signal
import socket
import sys
from types import FrameType
from typing import Any, cast

import msgspec

from dutiful.client.context import CURRENT, Context
from dutiful.client.task import Task
from dutiful.core.errors import BadPayload, ClaimLost, UnknownTask
from dutiful.core.outcome import Failed, Outcome, Succeeded, Undecodable
from dutiful.core.payload import encode, plain
from dutiful.core.settle import succeed
from dutiful.worker.failure import raised, returned

from .frames import HEADER, Ended, Interrupted, Recorded, Start, Step, ToChild, ended, pack

_PR_SET_PDEATHSIG = 1


class Stop(BaseException):
    """Raised inside the task when its worker asks it to end."""


class Remote:
    """The attempt as the child sees it: steps are recorded by the worker, on request."""

    def __init__(self, start: Start, task: Task[..., Any, Any], line: socket.socket) -> None:
        """Stand behind the task's context."""
        self.job = start.claim.job
        self.cancelled = False
        self._claim = msgspec.structs.replace(start.claim, handle=msgspec.json.decode(start.handle))
        self._steps = dict(start.claim.steps)
        self._line = line
        self._task = task
        self.transaction: Any = None
        self._connection: Any = None

    def recall(self, name: str) -> tuple[bool, Any]:
        """Say whether a step is recorded, and its result."""
        raw = self._steps.get(name)
        return (False, None) if raw is None else (True, plain(raw))

    async def record(self, name: str, value: Any) -> None:
        """Record a step; cpu tasks are sync, so this only keeps the protocol whole."""
        self.record_sync(name, value)

    def record_sync(self, name: str, value: Any) -> None:
        """Ask the worker to record a step and wait for its answer."""
        raw = encode(value, what=f"the result of step {name!r}")
        self._line.sendall(pack(Step(name, raw)))
        answer = receive(self._line)
        if not (isinstance(answer, Recorded) and answer.held):
            raise ClaimLost(f"job {self.job.id} is no longer this worker's; step {name!r} is void")
        self._steps[name] = raw

    def begin(self) -> Any:
        """Open the job's transaction on a connection of this process's own."""
        if self._connection is None:
            store = self._task.app.store
            self.transaction = store.transactional.transaction(self._claim)
            self._connection = self.transaction.begin()
        return self._connection

    def conclude(self, outcome: Outcome) -> Ended:
        """Commit the task's writes with its completion, or roll them back."""
        if self.transaction is None:
            return ended(outcome)
        if not isinstance(outcome, Succeeded):
            self.rollback()
            return ended(outcome)
        settlement = succeed(self._claim, outcome.result, 0)
        held = bool(self.transaction.commit(settlement))
        return ended(outcome, committed=held, refused=not held)

    def rollback(self) -> None:
        """Undo the task's writes, if it made any."""
        if self.transaction is not None:
            self.transaction.rollback()


def main(descriptor: int) -> None:
    """Serve the worker at the other end of the socket until it hangs up."""
    _die_with_parent()
    line = socket.socket(fileno=descriptor)
    current: list[Remote] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        if current:
            current[0].cancelled = True
            raise Stop

    signal.signal(signal.SIGUSR2, interrupt)
    # A terminal's Ctrl-C reaches the whole group; the worker decides what it means for jobs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while isinstance(start := receive(line), Start):
        line.sendall(pack(_serve(start, line, current)))


def receive(line: socket.socket) -> Start | Recorded | None:
    """Read one message; None when the worker has hung up."""
    header = _exactly(line, HEADER.size)
    body = header and _exactly(line, HEADER.unpack(header)[0])
    return ToChild.decode(body) if body else None


def _serve(start: Start, line: socket.socket, current: list[Remote]) -> Ended | Interrupted:
    try:
        task: Task[..., Any, Any] = _find(start)
        args, kwargs = task.signature.decode(start.claim.job.args)
    except BadPayload as error:
        return ended(Undecodable(str(error)))
    except Exception as error:  # noqa: BLE001 - a broken module is the job's failure
        return ended(Failed(type(error).__name__, f"the task could not be loaded: {error}"))
    if start.url is not None:
        task.app.at(start.url)
    remote = Remote(start, task, line)
    context = Context(remote)
    CURRENT.set(context)
    args, kwargs = task.signature.insert(context, args, kwargs)
    try:
        current.append(remote)
        outcome = returned(task.fn(*args, **kwargs), task.name, start.bytes_max)
        current.clear()
    except Stop:
        current.clear()
        remote.rollback()
        return Interrupted()
    except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the task's
        current.clear()
        outcome = raised(error, task.spec.retry)
    try:
        return remote.conclude(outcome)
    except Exception as error:  # noqa: BLE001 - a failed commit is the attempt's failure
        return ended(raised(error, task.spec.retry))


def _find(start: Start) -> Any:
    found: Any = importlib.import_module(start.module)
    for name in start.attribute.split("."):
        found = getattr(found, name)
    if not isinstance(found, Task):
        raise UnknownTask(f"{start.module}:{start.attribute} is no task")
    return cast(Any, found)


def _exactly(line: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = line.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return bytes(parts)


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its worker dies, where it can be asked."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
