"""Repeats a call while the store cannot be used, for as long as the caller has patience.

Only what may be repeated is sent again: jobs of which the store said that it has not stored them,
and, where it stores a job once though it is sent twice, those whose reply was lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import (
    DutifulError,
    EngineError,
    EngineUnavailable,
    PartlyEnqueued,
    ReplyUnknown,
)
from dutiful.core.instant import SECOND, spell
from dutiful.core.job import NewJob

T = TypeVar("T")

REPEATED = (EngineUnavailable, PartlyEnqueued, ReplyUnknown)
"""The errors of an enqueue that `EnqueueRetry` judges; any other ends it."""
_FIRST, _MOST = 0.05, 1.0


class OutageRetry:
    """The failed tries of one call, and when it is given up."""

    __slots__ = ("_end", "_patience", "_pause", "_unknown")

    def __init__(self, patience: int, began: float) -> None:
        """Begin with none; ``patience`` is in microseconds from ``began``, in seconds, on."""
        self._patience = patience
        self._end = began + patience / SECOND
        self._pause = _FIRST
        self._unknown = False

    def pause_after(self, error: EngineError, now: float) -> float:
        """Return how many seconds to wait before the next try.

        When the patience is at its end, raises the error, with how long the call was tried. It is
        ReplyUnknown if one of the tries may have been stored.
        """
        self._unknown = self._unknown or isinstance(error, ReplyUnknown)
        left = self._end - now
        if left <= 0:
            raise self._last(error) from error
        pause = min(self._pause, left)
        self._pause = min(self._pause * 2, _MOST)
        return pause

    def _last(self, error: EngineError) -> EngineError:
        if isinstance(error, PartlyEnqueued):
            return error
        text = str(error)
        if self._patience:
            text = f"{text}; tried for {spell(self._patience)} (enqueue_patience)"
        if not self._unknown:
            return EngineUnavailable(text)
        if not isinstance(error, ReplyUnknown):
            text = f"{text}; an earlier try may have stored it"
        return ReplyUnknown(text)


class EnqueueRetry:
    """The failed tries of one enqueue, which of its jobs are stored, and which are sent again."""

    def __init__(
        self, jobs: Sequence[NewJob], patience: int, began: float, *, engine: str, idempotent: bool
    ) -> None:
        """Begin with none stored; ``idempotent`` says whether a lost reply may be repeated."""
        self._jobs = jobs
        self._outage = OutageRetry(patience, began)
        self._engine = engine
        self._idempotent = idempotent
        self._stored: dict[str, Receipt] = {}
        self.left = jobs
        """The jobs that are to be sent."""

    def pause_after(self, error: EngineError, now: float) -> float:
        """Return how many seconds to wait before `left` is sent again.

        Raises, when the patience is at its end or the call may not be repeated, what says most:
        PartlyEnqueued once a job was stored, ReplyUnknown if some may have been.
        """
        partly = error if isinstance(error, PartlyEnqueued) else error.__cause__
        if isinstance(partly, PartlyEnqueued):
            self._stored |= partly.receipts
        if isinstance(error, ReplyUnknown) and not self._idempotent:
            raise self._unrepeatable(error, partly) from (self._partly(partly) or error)
        if isinstance(error, PartlyEnqueued):
            self.left = [job for job in self.left if job.id in error.failed]
            if _is_final(error.__cause__):
                raise self._partial(error) from error.__cause__
        elif isinstance(partly, PartlyEnqueued):
            self.left = [job for job in self.left if job.id not in partly.receipts]
        try:
            return self._outage.pause_after(error, now)
        except EngineUnavailable as last:
            if not self._stored:
                raise
            raise self._partial(last) from error
        except PartlyEnqueued as last:
            raise self._partial(last) from error
        except ReplyUnknown as last:
            raise last from (self._partly(partly) or error)

    def ended_by(self, error: Exception) -> None:
        """Raise PartlyEnqueued where jobs were stored before an error that ends all tries."""
        if self._stored:
            raise self._partial(error) from error

    def receipts(self, last: Sequence[Receipt]) -> tuple[Receipt, ...]:
        """Return the receipts of all jobs in their order; ``last`` are those of `left`."""
        if not self._stored:
            return tuple(last)
        found = self._stored | {job.id: one for job, one in zip(self.left, last, strict=True)}
        return tuple(found[job.id] for job in self._jobs)

    def _partial(self, last: Exception) -> PartlyEnqueued:
        """Say of all jobs which are stored, and why the others are not."""
        why = last.failed if isinstance(last, PartlyEnqueued) else {}
        failed = {
            job.id: why.get(job.id, str(last)) for job in self.left if job.id not in self._stored
        }
        return PartlyEnqueued(tuple(self._stored), failed, self._stored)

    def _partly(self, partly: object) -> PartlyEnqueued | None:
        failed = partly.failed if isinstance(partly, PartlyEnqueued) else {}
        if not (self._stored or failed):
            return None
        return PartlyEnqueued(tuple(self._stored), failed, self._stored)

    def _unrepeatable(self, error: ReplyUnknown, partly: object) -> ReplyUnknown:
        known = len(self._stored)
        known += len(partly.failed) if isinstance(partly, PartlyEnqueued) else 0
        unknown = len(self._jobs) - known
        which = "the job" if len(self._jobs) == 1 else f"{unknown} of {len(self._jobs)} jobs"
        return ReplyUnknown(
            f"{error}; {which} may be stored or not, and the {self._engine} engine would store a "
            "job twice that is sent twice: send again only what may run twice"
        )


def _is_final(why: BaseException | None) -> bool:
    """Whether a batch was stored in part because of an error that another try meets again."""
    return isinstance(why, DutifulError) and not isinstance(why, REPEATED)


async def arepeat(call: Callable[[], Awaitable[T]], patience: int) -> T:
    """Call until the store answers; after ``patience`` microseconds, raise its error."""
    clock = asyncio.get_running_loop().time
    outage = OutageRetry(patience, clock())
    while True:
        try:
            return await call()
        except (EngineUnavailable, ReplyUnknown) as error:
            pause = outage.pause_after(error, clock())
        await asyncio.sleep(pause)
