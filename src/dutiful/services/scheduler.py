"""Makes the occurrences of schedules when their time has come; any number of schedulers may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Protocol

from msgspec.structs import replace

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.scheduling import Advanced, DueBatch
from dutiful.core.advance import advance, give_up
from dutiful.core.errors import UsageError
from dutiful.core.event import ClockSkewed, OccurrenceLate, OccurrenceMissed, ScheduleBroken
from dutiful.core.instant import SECOND
from dutiful.core.job import NewJob
from dutiful.core.occurrence import Advance, Due
from dutiful.core.retry import Random
from dutiful.core.schedule import Schedule, read
from dutiful.core.text import worded

from .service import about

_BATCH = 1000
_POLL = 5.0
"""Seconds until a schedule that somebody else creates is noticed."""
_POLL_EMPTY = 10.0
_HELD = 0.5
"""Seconds between looks whether what a held occurrence waits for has ended."""
_AGAIN = 0.25
"""Seconds until another turn after one that failed."""
_REVIEW = 5.0
_REVIEW_IDLE = 60.0
"""Without a schedule to come, jobs of those that have ended or are paused may still be late."""
_SKEW_MAX = 30 * SECOND


Prepare = Callable[[Sequence[NewJob]], Awaitable[Sequence[NewJob]]]


class Declaration(Protocol):
    """What an app declares in code, and how it is brought into the store."""

    async def bring(self, store: Store) -> None:
        """Show the edition, and declare it where that is due."""
        ...


class Scheduler:
    """Looks at what is due and advances it.

    No leader is needed: a move is written only if nobody else made it. To spare the store, who
    made the last one comes on time and the others a little later: they find nothing to do, unless
    the first has died.
    """

    name = "scheduler"

    def __init__(
        self,
        store: Store,
        declaration: Declaration,
        *,
        clock: Clock,
        rng: Random,
        healthy: Callable[[], bool],
        prepare: Prepare | None = None,
    ) -> None:
        """Schedule on behalf of a worker; ``healthy`` says whether its lease holds.

        ``prepare`` is what the app's hooks make of the jobs before they are stored.
        """
        self._store = store
        self._declaration = declaration
        self._clock = clock
        self._rng = rng
        self._healthy = healthy
        self._prepare = prepare
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

    async def run_once(self) -> int:
        """Make what is due and return how many jobs that were."""
        # Stands unless this turn ends well: a store that is away is not asked without a pause.
        self._wake_in(_AGAIN)
        if not self._healthy():
            self._wake_in(1.0)
            return 0
        await self._declaration.bring(self._store)
        batch = await self._store.scheduling.due(_BATCH)
        asked = asyncio.get_running_loop().time()
        self._look_at_clock(batch.now)
        if self._expects and not batch.due:
            self._leads = False
        moves = [move for due in batch.due if (move := await self._decide(due, batch.now))]
        made = await self._write(moves, batch) if moves else 0
        await self._review(batch)
        self._plan_rest(batch, moves, asked)
        return made

    async def _decide(self, due: Due, now: int) -> Advance | None:
        try:
            move = advance(due, now)
            return move if move is None or self._prepare is None else await self._prepared(move)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a broken schedule must not delay the others
            text = worded(error)
            self._tell_broken(due.standing.name, text)
            return give_up(due, text, now)

    async def _prepared(self, move: Advance) -> Advance:
        made = [one for one in move.occurrences if one.job is not None]
        prepare = self._prepare
        if not made or prepare is None:
            return move
        jobs = await prepare([one.job for one in made if one.job is not None])
        ready = {one.planned: job for one, job in zip(made, jobs, strict=True)}
        return replace(
            move,
            occurrences=tuple(replace(one, job=ready.get(one.planned)) for one in move.occurrences),
        )

    async def _write(self, moves: list[Advance], batch: DueBatch) -> int:
        answer = await self._advanced(moves)
        self._leads = bool(answer.accepted)
        specs = {due.standing.name: due.standing.spec for due in batch.due}
        for move in moves:
            if move.name in answer.accepted and move.broken is None:
                self._broken.pop(move.name, None)
                self._tell(move, read(specs[move.name]), batch.now)
        return len(answer.made)

    async def _advanced(self, moves: Sequence[Advance]) -> Advanced:
        """Write moves together; if one of them cannot be written, each by itself."""
        try:
            return await self._store.scheduling.advance(moves)
        except UsageError as error:
            if len(moves) == 1:
                self._tell_broken(moves[0].name, worded(error))
                return Advanced()
        parts = [await self._advanced([move]) for move in moves]
        return Advanced(
            tuple(chain.from_iterable(part.accepted for part in parts)),
            tuple(chain.from_iterable(part.made for part in parts)),
            tuple(chain.from_iterable(part.cancelled for part in parts)),
        )

    def _tell_broken(self, name: str, text: str) -> None:
        if self._broken.get(name) != text:
            self._broken[name] = text
            self._store.emit(ScheduleBroken(name, text))

    def _tell(self, move: Advance, schedule: Schedule, now: int) -> None:
        """Tell of what was late or is not made up for."""
        if move.missed and move.missed_last is not None:
            self._store.emit(OccurrenceMissed(move.name, move.missed_last, move.missed))
        for one in move.occurrences:
            late = now - one.planned
            if one.job is not None and late > schedule.late_after:
                what, job_id = "enqueued late", one.job.id
                self._store.emit(
                    OccurrenceLate(move.name, one.planned, late / SECOND, what, job_id)
                )

    async def _review(self, batch: DueBatch) -> None:
        """Tell of jobs that have missed a deadline, whoever was to run them."""
        now = asyncio.get_running_loop().time()
        idle = not batch.due and batch.next_in is None
        if now < self._review_at:
            return
        self._review_at = now + about(_REVIEW_IDLE if idle else _REVIEW, self._rng)
        for one in await self._store.scheduling.review(_BATCH):
            row = one.occurrence
            by = row.start_by if one.what == "start" else row.finish_by
            verb = "started" if one.what == "start" else "finished"
            late = 0.0 if by is None else (batch.now - by) / SECOND
            told = OccurrenceLate(
                row.schedule, row.planned, late, f"not {verb} in time", row.job_id
            )
            self._store.emit(told)

    def _plan_rest(self, batch: DueBatch, moves: list[Advance], asked: float) -> None:
        """Note when to look again."""
        waits = [] if batch.next_in is None else [batch.next_in]
        nexts = [move.next if move.broken is None else move.retry_at for move in moves]
        waits += [at - batch.now for at in nexts if at is not None]
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
