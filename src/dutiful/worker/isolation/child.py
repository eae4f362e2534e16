"""A child process: imports the task, runs one job at a time, and reports how each ended."""

from __future__ import annotations

import contextlib
import importlib
import socket
import sys
from types import FrameType
from typing import Any

import msgspec

from dutiful.client.context import CURRENT, Context
from dutiful.core.errors import BadPayload, UnknownTask
from dutiful.core.outcome import Failed, Outcome, Undecodable, Unknown
from dutiful.worker import forks
from dutiful.worker.error_text import name_of_type, written
from dutiful.worker.failure import raised, returned
from dutiful.worker.logs import continue_logs
from dutiful.worker.system import os, signal

from .contexts import Contexts
from .frames import Begun, Ended, HookBroke, Start, TaskInterrupted, ended, pack
from .parent_death import set_parent_death_signal
from .places import AnyTask, found, lacks, tasks_at
from .process_end import end_process
from .remote import Remote, receive
from .standard import open_standard
from .traces import Traces

_LEFT_TO_WORKER = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop(BaseException):
    """Raised inside the task when its worker asks it to end."""


class ChildRunner:
    """Serves one worker over one socket."""

    def __init__(self, line: socket.socket) -> None:
        """Take the socket to the worker, and keep it from the processes that tasks start."""
        self._line = line
        line.setblocking(True)  # not the default timeout: the wait between jobs may be long
        line.set_inheritable(False)
        forks.close_in_copies(line.fileno())
        forks.reset_in_copies((signal.SIGUSR2, *_LEFT_TO_WORKER))
        self._pid = forks.this_process.pid
        self._current: list[Remote] = []
        self._whole = True
        """Whether the next bytes on the socket begin a message."""

    def run(self) -> None:
        """Serve until the worker closes the socket, or its bytes can no longer be understood."""
        while self._whole and (start := receive(self._line)) is not None:
            if isinstance(start, Start):  # a withdrawal may arrive after its job has ended
                self._handle_signals()
                self._line.sendall(pack(Begun(start.about)))
                self._line.sendall(pack(self._serve(start)))

    def _handle_signals(self) -> None:
        """Set the handlers, again for each job: tasks may have set their own.

        A terminal's Ctrl-C and a service manager's TERM reach the whole process group. The worker
        decides what they mean for jobs, and the child ends when its worker does. The signals get a
        handler and are not ignored, since processes that a task starts would inherit that.
        """
        signal.signal(signal.SIGUSR2, self._interrupt)
        for number in _LEFT_TO_WORKER:
            signal.signal(number, _nothing)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._current:
            self._current.pop().cancelled = True
            raise Stop

    def _serve(self, start: Start) -> Ended | TaskInterrupted:
        about = start.about
        try:
            # In the context of the process, so that what a module sets at import stays set.
            task = find(start)
            if start.log is not None:  # now that the task's module may have set up logging
                continue_logs(start.log)
            own = Contexts().fresh()
            args, kwargs = own.run(forks.guarded, task.signature.decode, start.claim.job.args)
            if start.url is not None:
                task.app.at(start.url)
            if start.trace:
                own.run(_resume, task, start.trace)
        except BadPayload as error:
            # The arguments fitted the worker's code; this process may have loaded newer code.
            return ended(about, Undecodable(str(error), waits=True))
        except BaseException as error:  # noqa: BLE001 - a broken module is the job's failure
            return ended(about, _unloaded(error))
        remote = Remote(start, task, self._line)
        context = Context(remote)
        args, kwargs = task.signature.insert(context, args, kwargs)

        def call() -> Any:
            CURRENT.set(context)
            if remote.log is not None:
                remote.log.enter()
            hooks = task.app.hooks
            surrounded = hooks.surround(
                context, lambda: task.fn(*args, **kwargs), remote.broken.append
            )
            return forks.guarded(surrounded)

        answer = self._run(task, remote, lambda: own.run(call), start.bytes_max)
        for broken in remote.broken:
            self._line.sendall(pack(HookBroke(about, broken.hook, broken.error)))
        return answer

    def _run(
        self, task: AnyTask, remote: Remote, call: Any, bytes_max: int
    ) -> Ended | TaskInterrupted:
        outcome: Outcome | None = None
        traces = Traces()
        try:
            self._current.append(remote)
            if not self._withdrawn():
                value = call()
                self._current.clear()  # an interruption after this line is too late
                outcome = returned(value, task.name, bytes_max)
        except Stop:
            outcome = None
        except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the task's
            self._current.clear()
            outcome = raised(error, task.spec.retry)
        self._current.clear()
        traces.clear()
        remote.end()
        self._whole = not remote.asking  # half an answer may have been read
        if outcome is None:
            remote.rollback()
            return TaskInterrupted(remote.about, remote.lines())
        try:
            answer = remote.conclude(outcome)
        except Exception as error:  # noqa: BLE001 - a failed commit is the attempt's failure
            answer = ended(remote.about, raised(error, task.spec.retry))
        return msgspec.structs.replace(answer, log=remote.lines()) if remote.log else answer

    def _withdrawn(self) -> bool:
        """Whether the job was withdrawn while its module was imported."""
        try:
            return bool(self._line.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False


def main() -> int:
    """Serve the worker at the other end of the socket until it closes it."""
    set_parent_death_signal(signal.SIGKILL)
    with contextlib.suppress(OSError):
        # A terminal's Ctrl-C is for the worker, not for what its tasks have started.
        os.setpgid(0, 0)
    open_standard()
    ChildRunner(socket.socket(fileno=int(sys.argv[1]))).run()
    return end_process(0)


def find(start: Start) -> AnyTask:
    """Import the task's module and find the task: in its app, at its place, or by its name."""
    for name in start.hooks:
        importlib.import_module(name)
    try:
        module: Any = importlib.import_module(start.module)
    except ModuleNotFoundError as error:
        # If the file still exists, the search path is wrong: the job must not wait for new code.
        if lacks(error, start.module) and not os.path.exists(start.file):
            raise UnknownTask(f"there is no module {start.module} any more") from error
        raise
    name = start.claim.job.task
    # Several apps of one module may have tasks of one name.
    tasks = tasks_at(start.app)
    task = found(module, start.attribute, name) if tasks is None else tasks.get(name)
    if task is None:
        raise UnknownTask(f"there is no task {name} in {start.module}")
    return task


def _resume(task: AnyTask, headers: dict[str, str]) -> None:
    """Make the span of the attempt current, if the task's module traces in this process, too."""
    _ = task.app.settings  # which may ask for it
    if (tracer := task.app.hooks.tracer) is not None:
        tracer.resume(headers)


def _unloaded(error: BaseException) -> Failed | Unknown:
    if isinstance(error, UnknownTask):
        # The worker knows the task; this process may have loaded newer code.
        return Unknown()
    return Failed(name_of_type(error), f"the task could not be loaded: {written(error)}")


def _nothing(number: int, frame: FrameType | None) -> None:
    """Leave a signal to the worker."""
