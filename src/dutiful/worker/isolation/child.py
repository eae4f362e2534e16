"""A child process: imports the task, runs one job at a time, and says how each ended."""

from __future__ import annotations

import ctypes
import importlib
import json
import signal
import socket
import sys
from types import FrameType
from typing import Any, cast

import msgspec

from dutiful.client.context import CURRENT, Context
from dutiful.client.task import Task
from dutiful.core.errors import BadPayload, ClaimLost, UnknownTask, UsageError
from dutiful.core.outcome import Failed, Outcome, Succeeded, Undecodable
from dutiful.core.payload import encode, plain
from dutiful.core.settle import succeed
from dutiful.worker.failure import raised, returned

from .frames import (
    HEADER,
    Begun,
    Ended,
    Interrupted,
    Recorded,
    Start,
    Step,
    ToChild,
    Withdrawn,
    ended,
    pack,
)

_PR_SET_PDEATHSIG = 1


class Stop(BaseException):
    """Raised inside the task when its worker asks it to end."""


class Remote:
    """The attempt as the child sees it: steps are recorded by the worker, on request."""

    def __init__(self, start: Start, task: Task[..., Any, Any], line: socket.socket) -> None:
        """Stand behind the task's context."""
        self.job = start.claim.job
        self.cancelled = False
        self.awaits = False
        self.asking = False
        """Whether the line holds, or will hold, the answer to a question."""
        self._claim = msgspec.structs.replace(start.claim, handle=msgspec.json.decode(start.handle))
        self._steps = dict(start.claim.steps)
        self._line = line
        self._task = task
        self._shared = start.url is not None
        self.transaction: Any = None
        self._connection: Any = None

    def recall(self, name: str) -> tuple[bool, Any]:
        """Say whether a step is recorded, and its result; refuses one inside the transaction."""
        raw = self._steps.get(name)
        if raw is not None:
            return True, plain(raw)
        if self.transaction is not None:
            raise UsageError(f"step {name!r} must be taken before ctx.transaction() is entered")
        return False, None

    async def abegin(self) -> Any:
        """Open the transaction; cpu tasks are sync, so this only keeps the protocol whole."""
        return self.begin()

    async def record(self, name: str, value: Any) -> None:
        """Record a step; cpu tasks are sync, so this only keeps the protocol whole."""
        self.record_sync(name, value)

    def record_sync(self, name: str, value: Any) -> None:
        """Ask the worker to record a step and wait for its answer."""
        raw = encode(value, what=f"the result of step {name!r}")
        self.asking = True
        self._line.sendall(pack(Step(name, raw)))
        answer = receive(self._line)
        while isinstance(answer, Withdrawn):  # the signal that came with it does the work
            answer = receive(self._line)
        self.asking = False
        if not (isinstance(answer, Recorded) and answer.held):
            raise ClaimLost(f"job {self.job.id} is no longer this worker's; step {name!r} is void")
        self._steps[name] = raw

    def begin(self) -> Any:
        """Open the job's transaction on a connection of this process's own."""
        if self._connection is None:
            if not self._shared:
                raise UsageError(
                    "ctx.transaction() in a cpu=True task needs a store of its own URL"
                )
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


def main(descriptor: int, path: list[str]) -> None:
    """Serve the worker at the other end of the socket until it hangs up."""
    _die_with_parent()
    sys.path[:] = path
    line = socket.socket(fileno=descriptor)
    current: list[Remote] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        if current:
            current.pop().cancelled = True
            raise Stop

    signal.signal(signal.SIGUSR2, interrupt)
    # A terminal's Ctrl-C and a service manager's TERM reach the whole group; what they mean for
    # jobs is the worker's to decide, and the child ends when its worker does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while (start := receive(line)) is not None:
        if isinstance(start, Start):  # a withdrawal may come when its job has ended
            line.sendall(pack(Begun()))
            line.sendall(pack(_serve(start, line, current)))


def receive(line: socket.socket) -> Start | Recorded | Withdrawn | None:
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
        if _withdrawn(line):
            current.clear()
            return Interrupted()
        value = task.fn(*args, **kwargs)
        current.clear()  # from here on an interruption comes too late
        outcome = returned(value, task.name, start.bytes_max)
    except Stop:
        remote.rollback()
        if remote.asking:  # half an answer may have been read; nothing after it would be understood
            line.sendall(pack(Interrupted()))
            raise SystemExit from None
        return Interrupted()
    except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the task's
        current.clear()
        outcome = raised(error, task.spec.retry)
    try:
        return remote.conclude(outcome)
    except Exception as error:  # noqa: BLE001 - a failed commit is the attempt's failure
        return ended(raised(error, task.spec.retry))


def _withdrawn(line: socket.socket) -> bool:
    """Whether the job was called off while its module was imported."""
    try:
        return bool(line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return False


def _find(start: Start) -> Any:
    """Import the task's module and find the task by its place there, else by its name."""
    module: Any = importlib.import_module(start.module)
    found, name = module, start.claim.job.task
    for part in start.attribute.split("."):
        found = getattr(found, part, None)
    members: list[Any] = [found, *cast(dict[str, Any], vars(module)).values()]
    for member in members:
        if isinstance(member, Task) and member.spec.name == name:
            return cast(Any, member)
    for member in members:
        tasks = getattr(member, "tasks", None)
        if isinstance(tasks, dict) and isinstance(task := cast(Any, tasks).get(name), Task):
            return cast(Any, task)
    raise UnknownTask(
        f"task {name} is not found by importing {start.module}; a cpu=True task belongs at the "
        "top level of its module"
    )


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
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
