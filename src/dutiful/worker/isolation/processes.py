"""Child processes for ``cpu=True`` tasks: one job at a time each, killed when necessary."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable

import msgspec

from dutiful.core.errors import ClaimLost, UsageError
from dutiful.core.event import HookFailed
from dutiful.core.outcome import Crashed, Outcome
from dutiful.observe.output import installed
from dutiful.worker.attempt import Running
from dutiful.worker.exit_code import ending

from .child_process import ChildProcess, Garbled, Surroundings, frame_bytes_max, start_child
from .frames import (
    Begun,
    Ended,
    HookBroke,
    Start,
    Step,
    StepRecorded,
    TaskInterrupted,
    WaitsForJob,
    about,
    outcome_of,
    pack,
)
from .places import place_of, taken

_FAREWELL = 2.0
"""Seconds that idle children get to end by themselves."""


class ProcessSlots:
    """Keeps at most one child per processor; further jobs wait for a free child."""

    def __init__(self, limit: int | None = None) -> None:
        """Start no process yet."""
        self._room = asyncio.Semaphore(limit or os.cpu_count() or 1)
        self._surroundings = Surroundings()
        self._idle: deque[ChildProcess] = deque()
        self._all: set[ChildProcess] = set()

    async def run(
        self,
        running: Running,
        url: str | None,
        bytes_max: int,
        begun: Callable[[Running], None],
    ) -> Outcome | Ended | TaskInterrupted:
        """Run an attempt in a child: its outcome, `Ended` when it is settled, or `TaskInterrupted`.

        ``begun`` is called when a child takes the job. If the child dies after that, the attempt
        has crashed; if it died while it was idle, another child gets the job.
        """
        start = _start(running, url, bytes_max)
        message: Ended | TaskInterrupted | Crashed | None = None
        async with self._room:
            while message is None:
                message = await self._attempt(running, start, begun)
        if isinstance(message, Ended) and not (message.committed or message.refused):
            return outcome_of(message)
        return message

    async def _attempt(
        self, running: Running, start: Start, begun: Callable[[Running], None]
    ) -> Ended | TaskInterrupted | Crashed | None:
        """Give the job to one child; None when that child had died before it took the job."""
        rested = self._rested()
        child = rested or await start_child(self._surroundings)
        self._all.add(child)
        child.about, child.frame_bytes_max = start.about, frame_bytes_max(start.bytes_max)
        if running.cancelled or not running.may_begin():
            self._idle.append(child)
            return TaskInterrupted(start.about)
        taken = False

        def take() -> None:
            nonlocal taken
            taken = True
            begun(running)

        try:
            # After this line an interruption reaches the child after its job, never before it.
            child.writer.write(pack(start))
            running.stop, running.kill = lambda _: child.interrupt(), child.kill
            message = await self._converse(child, running, take)
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self._end(child)
            if rested is not None and not taken:
                return None
            return Crashed(f"the task's process ended by itself ({ending(code)})")
        except Garbled as error:
            await self._end(child)
            return Crashed(f"the task's process was ended: {error}")
        except BaseException:
            child.kill()
            self._drop(child)
            raise
        finally:
            running.stop = running.kill = None
        if child.sound:
            self._idle.append(child)
        else:
            await self._end(child)
        return message

    async def close(self) -> None:
        """End every child."""
        children = list(self._all)
        for child in children:
            child.hang_up()
        ends = [child.ended for child in children]
        if ends:
            _, late = await asyncio.wait(ends, timeout=_FAREWELL)
            if late:
                for child in children:
                    child.kill()
                await asyncio.wait(late)
        self._all.clear()
        self._idle.clear()

    async def _end(self, child: ChildProcess) -> int:
        """End a child that has closed its socket or sent wrong frames; return its exit code."""
        self._drop(child)
        # A child that closed its socket ends with its own code; one that does not end is killed.
        _, late = await asyncio.wait((child.ended,), timeout=_FAREWELL if child.sound else 0)
        if late:
            child.kill()
        return await asyncio.shield(child.ended)

    def _rested(self) -> ChildProcess | None:
        """Take an idle child that is alive: the next job must not count as the cause of a death."""
        while self._idle:
            child = self._idle.pop()
            if not child.ended.done() and not child.reader.at_eof():
                return child
            self._drop(child)
        return None

    async def _converse(
        self, child: ChildProcess, running: Running, take: Callable[[], None]
    ) -> Ended | TaskInterrupted:
        while True:
            match message := await child.heard():
                case Begun():
                    take()
                case Step():
                    held = await _record(running, message)
                    child.writer.write(pack(StepRecorded(message.about, held)))
                case WaitsForJob():
                    running.waits = message.now
                case HookBroke():
                    running.store.emit(HookFailed(message.hook, message.error))
                case _:
                    if running.log is not None:
                        running.log.take(message.log)
                    return message

    def _drop(self, child: ChildProcess) -> None:
        child.hang_up()
        self._all.discard(child)


async def _record(running: Running, step: Step) -> bool:
    try:
        await running.record_raw(step.name, step.result)
    except ClaimLost:
        return False
    return True


def _start(running: Running, url: str | None, bytes_max: int) -> Start:
    task = running.task
    if task.__module__ == "__main__":
        raise UsageError(
            f"task {task.name} is defined in __main__, which a child process cannot import; "
            "move it to a module"
        )
    place = place_of(task)
    if not place and (why := taken(task)) is not None:
        raise UsageError(why)
    # A hook may call the function again after the function has recorded steps.
    claim = msgspec.structs.replace(running.claim, handle=None, steps=running.steps)
    hooks = (getattr(hook, "__module__", None) for hook in task.app.hooks.around_call)
    return Start(
        about=about(claim),
        module=task.__module__,
        attribute=task.__qualname__,
        url=url,
        claim=claim,
        handle=msgspec.json.encode(running.claim.handle),
        bytes_max=bytes_max,
        hooks=tuple({name: None for name in hooks if name and name != "__main__"}),
        app=place,
        log=None if (output := installed()) is None else output.setup,
        capture=None if running.log is None else running.log.capture,
        trace={} if running.span is None else dict(running.span.headers),
        file=getattr(sys.modules.get(task.__module__), "__file__", None) or "",
    )
