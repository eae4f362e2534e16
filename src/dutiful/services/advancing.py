"""Finds the one move that a store cannot hold, so that only its schedule is set aside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from msgspec.structs import replace

from dutiful.contract.roles.schedule_store import Advanced
from dutiful.core.errors import DuplicateJob, EngineError
from dutiful.core.event import Emit, OccurrenceMissed
from dutiful.core.job import NewJob
from dutiful.core.occurrence import Advance

from .settle_apart import about_the_store

Send = Callable[[Sequence[Advance]], Awaitable[Advanced]]
GiveUp = Callable[[Advance, Exception], Advance]
"""Sets a schedule aside whose move was refused: what is written instead of it."""


class Moved(msgspec.Struct, frozen=True):
    """Which moves were sent to the store, and what it answered."""

    moves: tuple[Advance, ...]
    answer: Advanced


async def advance_apart(send: Send, moves: Sequence[Advance], give_up: GiveUp, emit: Emit) -> Moved:
    """Write moves, separately where they cannot be written together.

    Halves are tried until the bad one is alone. Where another job holds a unique key whose rule
    says ``raise``, its occurrences are recorded as skipped and reported; any other schedule is set
    aside. Raises only errors that say that the store itself cannot be used.
    """
    answer, refusal = await _tried(send, moves)
    if refusal is None:
        return Moved(tuple(moves), answer)
    if len(moves) > 1:
        middle = len(moves) // 2
        first = await advance_apart(send, moves[:middle], give_up, emit)
        second = await advance_apart(send, moves[middle:], give_up, emit)
        return Moved(first.moves + second.moves, _joined(first.answer, second.answer))
    return await _alone(send, moves[0], refusal, give_up, emit)


async def _alone(
    send: Send, move: Advance, refusal: Exception, give_up: GiveUp, emit: Emit
) -> Moved:
    if isinstance(refusal, DuplicateJob):
        yielding = _giving_way(move)
        answer, other = await _tried(send, [yielding])
        if other is None:
            _tell(yielding, answer, emit)
            return Moved((yielding,), answer)
        refusal = other
    aside = give_up(move, refusal)
    answer, _ = await _tried(send, [aside])
    return Moved((aside,), answer)


async def _tried(send: Send, moves: Sequence[Advance]) -> tuple[Advanced, Exception | None]:
    try:
        return await send(moves), None
    except EngineError as error:
        if about_the_store(error):
            raise
        return Advanced(), error
    except Exception as error:  # noqa: BLE001 - whatever it is, it must cost one schedule only
        return Advanced(), error


def _giving_way(move: Advance) -> Advance:
    """Let jobs give way that would have the whole move refused."""
    changed = [
        one if one.job is None else replace(one, job=_yielding(one.job)) for one in move.occurrences
    ]
    return replace(move, occurrences=tuple(changed))


def _yielding(job: NewJob) -> NewJob:
    if job.unique is None or job.unique.on_conflict != "raise":
        return job
    return replace(job, unique=replace(job.unique, on_conflict="existing"))


def _tell(move: Advance, answer: Advanced, emit: Emit) -> None:
    """Report occurrences that other jobs kept out: there is no caller to raise to."""
    if answer.gave_way:
        last = answer.gave_way[-1]
        emit(OccurrenceMissed(move.name, last.planned, len(answer.gave_way), last.why))


def _joined(first: Advanced, second: Advanced) -> Advanced:
    return Advanced(
        first.accepted + second.accepted,
        first.made + second.made,
        first.cancelled + second.cancelled,
        first.gave_way + second.gave_way,
    )
