"""Runs the body of an attempt on the loop, in a thread or in a child process."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from functools import partial
from typing import Any

from dutiful.client.context import Context
from dutiful.core.event import SlotStuck
from dutiful.core.outcome import Outcome, Released

from . import forks
from .app_protocol import WorkerApp
from .attempt import Running
from .attempt_end import aconclude, aundo, conclude, failed, interrupted, judged, undo
from .capacity import CannotStart
from .children import Children
from .failure import raised, returned
from .hook_results import child_ended, verdict_in
from .isolation.answers import caught, resolve
from .isolation.contained import Contained, spawner
from .isolation.contexts import Contexts
from .isolation.stepping import COROUTINE, Code, awaiting, resumed
from .isolation.threads import ThreadSlots, in_own_thread
from .transaction_guard import AsyncTransactionGuard, TransactionGuard

Finish = Callable[[Running, Outcome | None], None]
Begun = Callable[[Running], None]
Call = Callable[[], Any]

_FAREWELL = 0.2
"""Seconds that interrupted coroutines get to end before the worker ends without them."""
_UNDOING = 2.0
"""Seconds for a rollback; after that the worker ends, and the store has to notice that itself."""


class Runners:
    """Starts bodies; each calls ``begun`` once when it runs, and ``finish`` once at its end.

    Both are called on the loop. A body that waits for a child process has not begun.
    """

    def __init__(
        self, app: WorkerApp, loop: asyncio.AbstractEventLoop, begun: Begun, finish: Finish
    ) -> None:
        """Start no thread and no process yet."""
        self._app = app
        self._loop = loop
        self._begun = begun
        self._finish = finish
        self._bytes_max = app.settings.payload_bytes_max
        self._contexts = Contexts()
        self._task = spawner(loop)
        self._threads = ThreadSlots(loop)
        self._children = Children(app, self._bytes_max, begun)
        self._coroutines: set[asyncio.Task[None]] = set()
        self._undoing: set[asyncio.Task[None]] = set()

    def start(self, running: Running) -> None:
        """Start a body.

        Raises, before anything runs, BadPayload when its arguments do not fit and CannotStart when
        the system has no thread or process left for it.
        """
        task = running.task
        running.aside = self._aside
        own = self._contexts.fresh()
        if task.spec.isolation == "process":
            task.signature.check(running.job.args)
            if (tracer := self._app.hooks.tracer) is not None:
                running.trace(tracer, own)
            remote = Contained(self._in_process(running), running)
            self._watch(running, self._spawn(running, remote, own))
            return
        context = Context(running)
        decode, raw = task.signature.decode, running.job.args
        guarded = task.signature.runs_code
        args, kwargs = own.run(forks.guarded, decode, raw) if guarded else decode(raw)
        if (tracer := self._app.hooks.tracer) is not None:
            running.trace(tracer, own)
        if task.signature.takes_context:
            args, kwargs = task.signature.insert(context, args, kwargs)
        call = partial(task.fn, *args, **kwargs) if args or kwargs else task.fn
        if task.spec.isolation == "loop":
            if self._app.hooks.around_call:
                call = self._app.hooks.asurround(context, call, self._app.bus.emit)
            self._spawn(running, self._on_loop(running, context, call), own)
            running.stop = self._stop
            self._begun(running)
            return
        if self._app.hooks.around_call:
            call = self._app.hooks.surround(context, call, self._app.bus.emit)
        if self._app.hooks.around_attempt:
            call = partial(self._in_thread_of_ours, running, context, call)
            self._watch(running, self._spawn(running, self._on_loop(running, context, call), own))
        else:
            inside = partial(_in_thread, running, context, call, self._bytes_max)
            run: Call = lambda: own.run(inside)  # noqa: E731 - a partial of run has no types
            self._threads.submit(run, partial(self._finish, running))
        self._begun(running)

    def abandon(self, running: Running) -> None:
        """Undo the transaction of a body that goes on, so that its locks do not block the store."""
        transaction = running.transaction
        if isinstance(transaction, AsyncTransactionGuard):
            awaited = self._loop.create_task(aundo(transaction))
            self._undoing.add(awaited)
            awaited.add_done_callback(self._undoing.discard)
        elif transaction is not None:
            undoing = partial(undo, transaction)
            try:
                self._threads.submit(undoing, _nothing)
            except CannotStart:
                undoing()

    async def close(self) -> bool:
        """End children, coroutines and idle threads; False when one of them does not end."""
        await self._children.close()
        stuck: set[asyncio.Task[None]] = set()
        if self._coroutines:
            for coroutine in self._coroutines:
                coroutine.cancel()
            _, stuck = await asyncio.wait(self._coroutines, timeout=_FAREWELL)
        if self._undoing:
            await asyncio.wait(self._undoing, timeout=_UNDOING)
        return await in_own_thread(self._threads.close) and not stuck

    def _spawn(
        self, running: Running, coroutine: Any, context: contextvars.Context
    ) -> asyncio.Task[None]:
        running.body = body = self._task(coroutine, running, context)
        self._coroutines.add(body)
        return body

    def _stop(self, running: Running) -> None:
        """Cancel a coroutine; only a cancelled one can end before its first line."""
        if running.body is not None:
            self._watch(running, running.body)
            contextvars.Context().run(running.body.cancel)  # with no owner: `OwnedTask` obeys

    def _watch(self, running: Running, body: asyncio.Task[None]) -> None:
        body.add_done_callback(partial(self._ended, running))

    def _ended(self, running: Running, body: asyncio.Task[None]) -> None:
        """Free the slot of a body that was cancelled before its first line, or that broke."""
        self._coroutines.discard(body)
        if body.cancelled():
            self._finish(running, interrupted(running))
        elif (error := body.exception()) is not None:
            self._finish(running, raised(error, running.task.spec.retry))

    async def _on_loop(self, running: Running, context: Context, call: Call) -> None:
        running.enter(context)
        outcome: Outcome | None
        origin = forks.this_process
        try:
            if self._app.hooks.around_attempt:
                call = self._app.hooks.wrap(context, partial(_if_held, running, call))
                given: Any = call()
            else:
                given = call() if running.valid() else _if_held(running, call)
            code: Code = given if type(given) is COROUTINE else awaiting(given)
            try:
                awaited = code.send(None)
            except StopIteration as end:  # many tasks never await
                value = end.value
            else:
                value = await resumed(code, awaited, origin)
            outcome = returned(value, running.task.spec.name, self._bytes_max)
        except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the task's
            if forks.this_process is not origin:
                forks.leave(error)
            verdict = verdict_in(error, asked=running.why is not None)
            outcome = judged(running, error) if verdict is None else verdict
        if forks.this_process is not origin:
            forks.leave(None)
        if running.thread is not None:  # the slot is in use until the thread ends
            await asyncio.shield(running.thread)
        if running.transaction is not None:
            outcome = await self._concluded(running, outcome)
        if running.body is not None:
            self._coroutines.discard(running.body)
        running.stop = running.body = None  # `body` refers to the attempt: breaks the cycle
        self._finish(running, outcome if running.unstarted is None else Released())

    async def _in_thread_of_ours(self, running: Running, context: Context, call: Call) -> Any:
        """Run the body of a sync task; a hook may hide the error of a thread that cannot start.

        A hook may also stop waiting for the body, for example by `asyncio.wait_for`, which does not
        end the thread. Then the attempt keeps its slot until the thread has ended, and does not
        start another one.
        """
        while running.thread is not None:
            await asyncio.shield(running.thread)
        context.taken.clear()
        running.thread = over = self._loop.create_future()
        try:
            inside = partial(_raisable, running, call)
            return await self._aside(inside, partial(self._thread_over, running))
        except CannotStart as error:
            running.unstarted = str(error)
            self._thread_over(running)
            raise
        except asyncio.CancelledError:
            if not over.done():
                spec = running.task.spec
                self._app.bus.emit(SlotStuck(running.job.id, spec.name, spec.isolation))
            raise

    def _thread_over(self, running: Running) -> None:
        if running.thread is not None:
            running.thread.set_result(None)
            running.thread = None

    async def _concluded(self, running: Running, outcome: Outcome) -> Outcome | None:
        """End the attempt's transaction; the slot becomes free even if that fails."""
        try:
            if isinstance(running.transaction, AsyncTransactionGuard):
                return await aconclude(running, outcome)
            concluded: Outcome | None = await self._aside(partial(conclude, running, outcome))
        except asyncio.CancelledError:
            return interrupted(running)
        except BaseException as error:  # noqa: BLE001 - what broke is the attempt's failure
            if isinstance(error, CannotStart) and isinstance(running.transaction, TransactionGuard):
                undo(running.transaction)
            return judged(running, error)
        return concluded

    async def _aside(self, call: Call, over: Call | None = None) -> Any:
        """Run a blocking call in one of the worker's own threads, with the present context.

        Not in the loop's default threads: these are few, and if all of them waited for the store's
        lock, the holder of the lock would have no thread in which to release it. ``over`` is called
        when the thread ends.
        """
        context = contextvars.copy_context()
        future: asyncio.Future[tuple[Any, BaseException | None]] = self._loop.create_future()
        self._threads.submit(lambda: context.run(caught, call), partial(resolve, future, over))
        value, error = await future
        for variable, changed in context.items():
            if variable.get(None) is not changed:
                variable.set(changed)
        if error is not None:
            raise error
        return value

    async def _in_process(self, running: Running) -> None:
        context = Context(running)
        running.enter(context)
        outcome = await self._children.run(running, context)
        self._finish(running, outcome if running.unstarted is None else Released())


def _in_thread(running: Running, context: Context, call: Call, bytes_max: int) -> Outcome | None:
    if not running.may_begin():
        return Released()
    running.enter(context)
    try:
        outcome = returned(forks.guarded(call), running.task.name, bytes_max)
    except BaseException as error:  # noqa: BLE001 - SystemExit, too, is an answer of the task's
        outcome = failed(running, error)
    try:
        return outcome if running.transaction is None else conclude(running, outcome)
    except BaseException as error:  # noqa: BLE001 - the slot must come free whatever happens
        return raised(error, running.task.spec.retry)


def _if_held(running: Running, call: Call) -> Any:
    """Call, unless the lease has ended since the job got its slot; then release the job."""
    if not running.may_begin():
        raise child_ended(Released())
    return call()


def _raisable(running: Running, call: Call) -> Any:
    """Call, and replace StopIteration, which a coroutine cannot raise."""
    try:
        return _if_held(running, call)
    except StopIteration as error:
        raise child_ended(failed(running, error)) from error


def _nothing(ended: None) -> None:
    """Ignore a result for which no caller waits."""
