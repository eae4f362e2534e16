"""Runs the hooks for dead letters, of those jobs that this worker has settled."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Container
from functools import partial
from typing import Any

from dutiful.client.async_or_not import is_async
from dutiful.client.hooks import OnDeath, in_thread
from dutiful.core.event import Event, HookFailed, JobDied, Settled
from dutiful.core.redaction import secrets_of
from dutiful.core.state import State
from dutiful.core.text import worded
from dutiful.observe.log import UNLOGGED

from . import forks
from .app_protocol import WorkerApp
from .isolation.contexts import Contexts
from .owned_task import OWNER, HookRun


class DeathHooks:
    """Hears of dead letters on the app's bus, and runs each hook in a task of its own."""

    def __init__(self, app: WorkerApp, contexts: Contexts, workers: Container[str]) -> None:
        """Listen to what ``workers`` settle; call this on the loop that runs the hooks.

        Another worker of the same app runs its own hooks.
        """
        self._app = app
        self._contexts = contexts
        self._workers = workers
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._leave = app.bus.subscribe(self._heard, ignores=UNLOGGED)

    async def close(self, seconds: float) -> bool:
        """Listen no more, wait for the hooks, and cancel those that are late: False if any is."""
        self._leave()
        await asyncio.sleep(0)  # those of the last moment are still to be started
        if not self._running:
            return True
        _, stuck = await asyncio.wait(self._running, timeout=seconds)
        for hook in stuck:
            hook.cancel()
        return not stuck

    def _heard(self, event: Event) -> None:
        if not isinstance(event, Settled) or event.worker not in self._workers:
            return
        for item in event.settlements:
            if item.state is State.DEAD:
                died = JobDied(item.claim.job, item.reason or "", item.error)
                for hook in self._app.hooks.on_death:
                    self._loop.call_soon_threadsafe(self._start, hook, died)

    def _start(self, hook: OnDeath, event: JobDied) -> None:
        owner, context = HookRun(), self._contexts.fresh()
        context.run(OWNER.set, owner)
        owner.task = task = asyncio.get_running_loop().create_task(
            self._run(hook, event, owner), context=context
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, hook: OnDeath, event: JobDied, owner: HookRun) -> None:
        try:
            call: Callable[[JobDied], Any] = hook
            said = (
                call(event)
                if is_async(hook)
                else await in_thread(partial(forks.guarded, call, event))
            )
            if inspect.isawaitable(said):
                await said
        except asyncio.CancelledError:
            if owner.exit is None:
                raise
            self._failed(hook, event, owner.exit)
        except BaseException as error:  # noqa: BLE001 - a hook that exits must not end the worker
            self._failed(hook, event, error)

    def _failed(self, hook: OnDeath, event: JobDied, error: BaseException) -> None:
        name, job = getattr(hook, "__name__", "on_death"), event.job
        text = secrets_of(job.args, job.meta).hide(worded(error))
        self._app.bus.emit(HookFailed(name, text))
