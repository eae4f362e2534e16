"""Finds the one settlement that a store cannot hold, so that only its attempt fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from dutiful.contract.roles.consumer import Exchanged
from dutiful.core.errors import EngineError
from dutiful.core.event import Emit, OutcomeRefused
from dutiful.core.retry import Random
from dutiful.core.settle import Settlement
from dutiful.core.text import worded
from dutiful.core.unwritable import bare, instead

Send = Callable[[Sequence[Settlement]], Awaitable[Exchanged]]


async def settle_apart(
    send: Send, items: Sequence[Settlement], emit: Emit, rng: Random
) -> Exchanged:
    """Write settlements, separately where they cannot be written together.

    Returns which were refused and which are still to be written. Halves are tried until the bad
    one is alone. Instead of it a failure is settled. If that cannot be written, the job dies
    with no details; if that cannot be written either, the settlement is delayed. Raises only
    errors that say that the store itself cannot be used.
    """
    try:
        return await send(items)
    except EngineError as error:
        if about_the_store(error):
            raise
        refusal: Exception = error
    except Exception as error:  # noqa: BLE001 - whatever it is, it must cost one attempt only
        refusal = error
    if len(items) > 1:
        middle = len(items) // 2
        first = await settle_apart(send, items[:middle], emit, rng)
        second = await settle_apart(send, items[middle:], emit, rng)
        return Exchanged(
            refused=first.refused + second.refused,
            delayed=first.delayed + second.delayed,
            locked_by=first.locked_by or second.locked_by,
        )
    return await _instead(send, items[0], refusal, emit, rng)


def about_the_store(error: EngineError) -> bool:
    """Whether an engine's error says that the store cannot be used, whatever is written to it."""
    return type(error) is not EngineError


async def _instead(
    send: Send, item: Settlement, refusal: Exception, emit: Emit, rng: Random
) -> Exchanged:
    job, why = item.claim.job, worded(refusal)
    emit(OutcomeRefused(job.id, job.task, why))
    text = f"the store could not hold how attempt {job.attempt} ended: {why}"
    for other in (instead(item, "OutcomeRefused", text, rng), bare(item)):
        try:
            return await send([other])
        except EngineError as error:
            if about_the_store(error):
                raise
        except Exception as error:  # noqa: BLE001 - the bare one comes after it
            emit(OutcomeRefused(job.id, job.task, worded(error)))
    return Exchanged(delayed=(job.id,))
