"""Makes the occurrences of schedules when their time has come; any number of schedulers may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence
from contextvars import Context, copy_context
from typing import Protocol

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.meter import OccurrencesMade
from dutiful.contract.roles.schedule_store import Advanced, DueBatch
from dutiful.core.advance import advance, give_up
from dutiful.core.event import ClockSkewed, OccurrenceLate, OccurrenceMissed, ScheduleBroken
from dutiful.core.instant import SECOND
from dutiful.core.occurrence import Advance, Due
from dutiful.core.retry import Random
from dutiful.core.schedule import Schedule, read
from dutiful.core.text import worded

from .advancing import Moved, advance_apart
from .preparing import Prepare, Preparing
from .service import about

_BATCH = 1000
_POLL = 5.0
"""Seconds until a schedule that another process creates is noticed."""
_POLL_EMPTY = 10.0
_HELD = 0.5
"""Seconds between looks whether what a held occurrence waits for has ended."""
_AGAIN = 0.25
"""Seconds until another turn after one that failed."""
_REVIEW = 5.0
_REVIEW_IDLE = 60.0
"""Without a schedule to come, jobs of those that have ended or are paused may still be late."""
_SKEW_MAX = 30 * SECOND
HOOKS_WAIT = 1.0
"""Seconds that other schedules wait for the hooks of those that are due with them."""


class Declarer(Protocol):
    """What an app declares in code, and how it is brought into the store."""

    async def bring(self, store: Store) -> None:
        """Show the declaration version, and declare it where that is due."""
        ...


class Scheduler:
    """Looks at what is due and advances it.

    No leader is needed: a move is written only if no other worker made it. To spare the store,
    the worker that made the last one comes on time and the others a little later: they find
    nothing to do, unless the first has died.
    """

    name = "scheduler"

    def __init__(
        self,
        store: Store,
        declaration: Declarer,
        *,
        clock: Clock,
        rng: Random,
        healthy: Callable[[], bool],
        prepare: Prepare | None = None,
        context: Callable[[], Context] = copy_context,
        hooks_wait: float = HOOKS_WAIT,
    ) -> None:
        """Schedule on behalf of a worker; ``healthy`` says whether its lease holds.

        ``prepare`` is what the app's hooks make of the jobs before they are stored, in a
        ``context`` of their own. A turn waits ``hooks_wait`` seconds for them, a later one takes
        what they have made by then.
        """
        self._store = store
        self._declaration = declaration
        self._clock = clock
        self._rng = rng
        self._healthy = healthy
        self._preparing = Preparing(prepare, wait=hooks_wait, context=context)
        self._leads = False
        self._expects = False
        """Whether this turn was to find something due, unless another made it before."""
        self._wake_at = 0.0
        self._review_at = 0.0
        self._broken: dict[str, str] = {}
        self._skewed = False

    def rest(self, rng: Random) -> float:
        """Return the seconds until the next occurrence, or until it is time to look around."""
        now = asyncio.get_running_loop().time()
        if not self._wake_at:
            return about(0.1, rng)
        wait = max(self._wake_at - now, 0.001)
        if self._leads:
            return wait
        # Late enough to leave it to who leads, soon enough to cover for them.
        return max(wait + 0.05 + 0.15 * rng.random(), 0.2 + 0.1 * rng.random())

    def close(self) -> None:
        """Leave hooks that still run to themselves."""
        self._preparing.close()

    async def run_once(self) -> int:
        """Make what is due and return how many jobs that were."""
        # Stands unless this turn ends well: a store that is away is not asked without a pause.
        self._wake_in(_AGAIN)
        if not self._healthy():
            self._wake_in(1.0)
            return 0
        await self._declaration.bring(self._store)
        batch = await self._store.schedules.due(_BATCH)
        asked = asyncio.get_running_loop().time()
        self._look_at_clock(batch.now)
        if self._expects and not batch.due:
            self._leads = False
        moves = await self._decided(batch)
        moved = await self._write(moves, batch)
        await self._review(batch)
        self._plan_rest(batch, moved.moves, asked)
        return len(moved.answer.made)

    async def _decided(self, batch: DueBatch) -> list[Advance]:
        """Decide about what is due; a move whose jobs are still with the hooks comes later."""
        moves: list[Advance] = []
        hooked: list[Due] = []
        self._preparing.keep(batch.due)
        for due in batch.due:
            try:
                if not self._preparing.has(due):
                    move = advance(due, batch.now)
                    if move is None or not self._preparing.begin(move):
                        moves += [] if move is None else [move]
                        continue
            except BaseException as error:  # noqa: BLE001 - a broken one must not delay the others
                moves.append(self._given_up(due, error, batch.now))
            else:
                hooked.append(due)
        await self._preparing.settle()
        for due in hooked:
            try:
                ready = self._preparing.ready(due)
            except BaseException as error:  # noqa: BLE001 - a broken one must not delay the others
                ready = self._given_up(due, error, batch.now)
            moves += [] if ready is None else [ready]
        return moves

    def _given_up(self, due: Due, error: BaseException, now: int) -> Advance:
        text = worded(error)
        self._tell_broken(due.standing.name, text)
        return give_up(due, text, now)

    async def _write(self, moves: list[Advance], batch: DueBatch) -> Moved:
        if not moves:
            return Moved((), Advanced())
        dues = {due.standing.name: due for due in batch.due}

        def refused(move: Advance, error: Exception) -> Advance:
            return self._given_up(dues[move.name], error, batch.now)

        store = self._store
        moved = await advance_apart(store.schedules.advance, moves, refused, store.emit)
        self._leads = bool(moved.answer.accepted)
        gave_way = {(one.schedule, one.planned) for one in moved.answer.gave_way}
        for move in moved.moves:
            if move.name in moved.answer.accepted and move.broken is None:
                self._broken.pop(move.name, None)
                self._tell(move, read(dues[move.name].standing.spec), batch.now, gave_way)
        return moved

    def _tell_broken(self, name: str, text: str) -> None:
        if self._broken.get(name) != text:
            self._broken[name] = text
            self._store.emit(ScheduleBroken(name, text))

    def _tell(
        self, move: Advance, schedule: Schedule, now: int, gave_way: Container[tuple[str, int]]
    ) -> None:
        """Report what was late, and what will not be made."""
        if move.missed and move.missed_last is not None:
            self._store.emit(OccurrenceMissed(move.name, move.missed_last, move.missed))
        made = [
            (one.planned, one.job.id)
            for one in move.occurrences
            if one.job is not None and (move.name, one.planned) not in gave_way
        ]
        if made and (take := self._store.meter.take) is not None:
            take(OccurrencesMade([max(now - planned, 0) / SECOND for planned, _ in made]))
        for planned, job_id in made:
            late = now - planned
            if late > schedule.late_after:
                self._store.emit(
                    OccurrenceLate(move.name, planned, late / SECOND, "enqueued late", job_id)
                )

    async def _review(self, batch: DueBatch) -> None:
        """Report jobs that have missed a deadline, of any worker."""
        now = asyncio.get_running_loop().time()
        idle = not batch.due and batch.next_in is None
        if now < self._review_at:
            return
        self._review_at = now + about(_REVIEW_IDLE if idle else _REVIEW, self._rng)
        for one in await self._store.schedules.review(_BATCH):
            row = one.occurrence
            by = row.start_by if one.what == "start" else row.finish_by
            verb = "started" if one.what == "start" else "finished"
            late = 0.0 if by is None else (batch.now - by) / SECOND
            reported = OccurrenceLate(
                row.schedule, row.planned, late, f"not {verb} in time", row.job_id
            )
            self._store.emit(reported)

    def _plan_rest(self, batch: DueBatch, moves: Sequence[Advance], asked: float) -> None:
        """Note when to look again."""
        waits = [] if batch.next_in is None else [batch.next_in]
        nexts = [move.next if move.broken is None else move.retry_at for move in moves]
        waits += [at - batch.now for at in nexts if at is not None]
        if self._preparing.busy:
            waits.append(int(HOOKS_WAIT * SECOND))
        if len(batch.due) >= _BATCH:
            waits.append(0)
        held = [due.standing.held for due in batch.due] + [move.held for move in moves]
        poll = _POLL if waits or batch.due else _POLL_EMPTY
        if any(at is not None for at in held):
            poll = _HELD
        soonest = min(waits, default=poll * SECOND) / SECOND
        self._expects = soonest < poll
        self._wake_at = asked + min(poll, soonest)

    def _wake_in(self, seconds: float) -> None:
        self._wake_at = asyncio.get_running_loop().time() + seconds

    def _look_at_clock(self, store: int) -> None:
        skew = self._clock.now() - store
        if abs(skew) > _SKEW_MAX and not self._skewed:
            self._store.emit(ClockSkewed(skew / SECOND))
        self._skewed = abs(skew) > _SKEW_MAX
