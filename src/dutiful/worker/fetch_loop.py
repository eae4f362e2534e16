"""Moves jobs between store and slots: one exchange settles ended jobs and claims more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.errors import EngineError, ReplyUnknown
from dutiful.core.event import SettlementsDelayed
from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome, Released
from dutiful.core.queue import Served, fetch_order
from dutiful.core.retry import Random
from dutiful.core.settle import Rules, Settlement
from dutiful.services.settle_apart import about_the_store, settle_apart

from .decide_ends import decided
from .end_deadline import EndDeadline
from .executor import Executor
from .prefetch import STALE_SECONDS
from .shorten_wait import shorten
from .store_retry import StoreRetry
from .unwritable_ends import UnwritableEnds

_BATCH = 2000
_TRIP_MOST = 0.25
_COMPARED_SECONDS = 30.0
"""Seconds after which a working worker asks the store again which jobs it holds."""


class FetchLoop:
    """Exchanges one after another; attempts that end meanwhile wait, so batches grow with load."""

    def __init__(
        self,
        store: Store,
        worker: str,
        executor: Executor,
        *,
        queues: tuple[Served, ...],
        poll: float,
        rng: Random,
        rules: Callable[[str], Rules],
        changed: asyncio.Event,
        store_retry: StoreRetry,
        burst: bool,
    ) -> None:
        """Join the parts; ``changed`` is set when a slot changes or a stop is requested."""
        self._store = store
        self._worker = worker
        self._executor = executor
        self._queues = queues
        self._poll = poll
        self._rng = rng
        self._rules = rules
        self._changed = changed
        self._store_retry = store_retry
        self._burst = burst
        self._batch = min(_BATCH, store.engine.bounds.batch or _BATCH)
        self._time = asyncio.get_running_loop().time
        self._hopeful = True
        """Whether the store may have jobs that were not claimed."""
        self._hungry = asyncio.Event()
        self._doubts = store_retry.failures
        """The number of failed calls at the time when this worker last knew which jobs it holds."""
        self._compared_at = self._time()  # when the store was last asked what it holds
        self._due_in: float | None = None
        self._leash: asyncio.Timeout | None = None
        """Ends the present wait when a job is due sooner than was known at its start."""
        leases, fenced = executor.leases, store.can(Capability.FENCED)
        self._in_time = None if leases is None or fenced else leases.valid
        self._rescued = store.can(Capability.FLEET)
        self._ask_every = None if leases is None else leases.ask_every
        self._asked_at = self._time()
        self.lost = False
        self._dry_at: int | None = None
        self._unwritable = UnwritableEnds(store.emit)
        self.released = 0
        """How many jobs were released."""
        self.asking: float | None = None  # since when an exchange has been under way
        self.overdue: Callable[[], bool] = lambda: False
        """Whether to stop waiting for a store that is unavailable."""

    @property
    def dry(self) -> bool:
        """Whether the last claim found nothing, and nothing has ended since."""
        return self._dry_at == self._executor.done

    async def run(self, stopping: Callable[[], bool]) -> None:
        """Exchange until ``stopping`` is true or the store says that this worker is lost."""
        watch = asyncio.create_task(self._watch())
        try:
            while not stopping() and not self.lost:
                self._changed.clear()
                if self._burst and not self.dry and self._executor.resting:
                    self._hopeful = True
                if not await self.turn():
                    await self._idle()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def turn(self) -> bool:
        """Exchange once if there is anything to exchange; return whether there was."""
        executor = self._executor
        executor.trim()
        ended = executor.take_ended()
        limit = executor.wanted() if self._hopeful else 0
        if not ended and limit == 0 and self._unheard() != 0:
            return False
        now = self._executor.store_clock.now()
        settlements = decided(ended, now, self._rng, self._rules, self._store.emit)
        wanted = self._wanted(min(limit, self._batch)) if limit else None
        started, done = self._time(), executor.done
        self.asking = started
        try:
            answer = await self._exchange(settlements, wanted)
        except BaseException:
            executor.unsettled(ended)
            raise
        finally:
            self.asking = None
        # The time that calls take during an outage says nothing about how many jobs to prefetch.
        executor.prefetch.observe_trip(min(self._time() - started, _TRIP_MOST))
        self._count(ended, answer)
        fresh = executor.delayed.keep(ended, answer.delayed)
        executor.settled(ended, answer.delayed)
        if locked := tuple(job_id for job_id in fresh if job_id not in self._unwritable):
            self._store.emit(SettlementsDelayed(self._worker, locked, answer.locked_by))
        over = {claim.job.id for claim, _ in ended}.difference(answer.delayed)
        self._unwritable.forget(over, rescued=self._rescued)
        if answer.lost:
            self.lost = True
        elif wanted is not None:
            self._hopeful = len(answer.claims) == wanted.limit
            self._dry_at = None if answer.claims else done
            self._due_in = None if answer.due_in is None else answer.due_in / 1_000_000
            shorten(self._leash, self._due_in)
            if answer.claims:
                executor.store_clock.heard(answer.claims[0].job.started_at)
            executor.offer(answer.claims)
            if self._doubtful(answer):
                await self._find_lost()
        else:
            self._released(settlements)
        return True

    async def _exchange(self, settlements: list[Settlement], wanted: Wanted | None) -> Exchanged:
        """Settle and claim; a settlement that cannot be written costs only its own attempt."""
        try:
            return await self._send(settlements, wanted)
        except Exception as error:
            # Without settlements, or when the store cannot be used, no job is the cause.
            if not settlements or (isinstance(error, EngineError) and about_the_store(error)):
                raise
        apart = await settle_apart(self._send, settlements, self._unwritable.tell, self._rng)
        answer = await self._send([], wanted) if wanted is not None else Exchanged()
        return replace(
            answer,
            refused=apart.refused,
            delayed=tuple(filter(self._unwritable.again, apart.delayed)),
            locked_by=apart.locked_by,
        )

    async def _send(
        self, settlements: Sequence[Settlement], wanted: Wanted | None = None
    ) -> Exchanged:
        ends = EndDeadline(self._worker, settlements, self._in_time, self._store.emit)

        async def exchange() -> Exchanged:
            asked = None if self._executor.draining else wanted
            left = ends.left()
            if ends.dropped and not left and asked is None:  # all leases have ended in an outage
                return Exchanged()
            self._asked_at = self._time()
            if self._executor.leases is not None:
                self._executor.leases.asking()
            try:
                return await self._store.exchange(self._worker, left, asked, ends.in_time)
            except ReplyUnknown:
                ends.doubted()
                raise

        answer = await self._store_retry.ask(exchange, self._give_up)
        return replace(answer, refused=answer.refused + ends.dropped) if ends.dropped else answer

    def _count(self, ended: list[tuple[Claim, Outcome]], answer: Exchanged) -> None:
        back = [claim.job.id for claim, outcome in ended if isinstance(outcome, Released)]
        unwritten = {*answer.refused, *answer.delayed}
        self.released += len(back) - len(unwritten.intersection(back))

    def _doubtful(self, answer: Exchanged) -> bool:
        """Whether the store may hold claims of this worker that the worker does not know.

        This is possible even if no call failed: a standby may have taken over between two calls.
        """
        if self._doubts != self._store_retry.failures or answer.refused:
            return True
        return self._time() - self._compared_at >= _COMPARED_SECONDS

    async def _find_lost(self) -> None:
        """Start jobs that the store has given to this worker but that the worker does not hold.

        Either the reply to their claim was lost, or a standby took over that does not know that
        they have ended. They would not be rescued, because their worker is alive.
        """
        failures = self._store_retry.failures
        if not self._rescued:  # such jobs come back when their leases are over
            self._doubts = failures
            return
        # A job that settles in its own transaction during this call must not run again. A job whose
        # end the store always refuses is left to rescue: it would end so again here.
        before = self._executor.held() | self._unwritable.given_up()
        claims = await self._store_retry.ask(
            lambda: self._store.fleet.claimed(self._worker, before), self._give_up
        )
        known = before | self._executor.held()
        found = [claim for claim in claims if claim.job.id not in known]
        if found and not self._executor.store_clock.known:
            self._executor.store_clock.heard(found[-1].job.started_at)
        self._executor.offer(found)
        self._doubts, self._compared_at = failures, self._time()

    async def flush(self) -> None:
        """Settle everything that has ended, and claim nothing."""
        self._hopeful = False
        while await self.turn():
            pass

    def _wanted(self, limit: int) -> Wanted:
        length = 0 if (leases := self._executor.leases) is None else leases.wanted
        return Wanted(fetch_order(self._queues, self._rng), limit, length)

    def look_again(self) -> None:
        """Claim again, after the executor has wanted nothing for a while."""
        self._hopeful = True
        self._changed.set()

    def _give_up(self) -> bool:
        return self.overdue()

    def _released(self, settlements: list[Settlement]) -> None:
        """Look for jobs again when a settlement may have made one due."""
        if any(not item.state.final for item in settlements):
            self._dry_at = None
            self._hopeful = True

    async def _idle(self) -> None:
        """Wait until a slot changes, the store has work, or prefetched jobs are to be released."""
        executor = self._executor
        if not self._hopeful and executor.wanted():
            self._hungry.set()
        if not executor.waiting:
            pauses = [one for one in (executor.delayed.due_in, self._unheard()) if one is not None]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(pauses, default=None)):
                    await self._changed.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STALE_SECONDS):
                await self._changed.wait()
        if not self._changed.is_set():
            executor.release_stale()

    def _unheard(self) -> float | None:
        """Return the seconds until the server is asked whether it still keeps jobs for us, if so.

        With all slots in use nothing else is exchanged, and others may be given the same jobs.
        """
        if self._ask_every is None or not self._executor.running:
            return None
        return max(self._asked_at + self._ask_every - self._time(), 0)

    async def _wait(self, names: list[str], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as self._leash:
                try:
                    await self._store.consumer.wait(names, seconds)
                finally:
                    self._leash = None

    async def _watch(self) -> None:
        """Wait in the store whenever a slot is free and no job was found."""
        while True:
            await self._hungry.wait()
            seconds = self._poll if self._due_in is None else min(self._poll, self._due_in)
            names = [queue.name for queue in self._queues]
            try:
                await self._wait(names, max(seconds, 0.001))
            except Exception:  # noqa: BLE001 - the next exchange meets and reports the same error
                self._doubts = -1
                await asyncio.sleep(min(seconds, 0.2))
            self._hungry.clear()
            self._hopeful = True
            self._changed.set()
