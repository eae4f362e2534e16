"""Ends of attempts that a store cannot hold."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.consumer import Exchanged
from dutiful.core.event import Event
from dutiful.core.job import AttemptError
from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.services.settle_apart import settle_apart
from dutiful.testing.conformance.moves import Half, add, ending, look, take
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract

_HUGE = 2**70
_ODD = "half \ud800 a character, and \0"


def _error(**changed: Any) -> AttemptError:
    return replace(AttemptError("", 1, 0, "w1", "Odd", "odd"), **changed)


EXTREMES: list[Any] = [
    pytest.param(changes, id=name)
    for name, changes in {
        "delay": {"delay": _HUGE},
        "run_at": {"run_at": _HUGE},
        "run_at-sum": {"delay": 2**63 - 1},
        "attempt": {"attempt": _HUGE},
        "crashes": {"crashes": 2**40},
        "parked_at": {"parked_at": -_HUGE},
        "reason": {"reason": _ODD},
        "error-text": {"error": _error(message=_ODD, type=_ODD, traceback=_ODD)},
        "error-numbers": {"error": _error(attempt=_HUGE, at=_HUGE)},
        "types": {"delay": "soon", "reason": 5},
    }.items()
]


class UnwritableContract(Contract):
    """Holds that a settlement which the store refuses costs its own attempt and no other."""

    @pytest.mark.parametrize("changes", EXTREMES)
    @requires(Capability.INSPECT)
    async def test_what_cannot_be_written_costs_one_attempt(
        self, engine: Roles, changes: dict[str, Any]
    ) -> None:
        ids = [await add(engine) for _ in range(5)]
        claims = {claim.job.id: claim for claim in await take(engine, limit=5)}
        items = [ending(claims[job_id], Succeeded()) for job_id in ids]
        state = State.DEAD if "error" in changes else State.SCHEDULED
        odd = replace(items[2], state=state, reason=None, attempt=1)
        items[2] = replace(odd, **changes)
        reported: list[Event] = []

        async def send(part: Any) -> Exchanged:
            return await engine.consumer.exchange("w1", part, None)

        answer = await settle_apart(send, items, reported.append, Half())
        assert answer.refused == answer.delayed == ()
        for number, job_id in enumerate(ids):
            job = await look(engine, job_id)
            if number == 2:
                assert job.state in (State.SCHEDULED, State.DEAD)
                if reported and job.state is State.DEAD:
                    assert (await engine.inspector.errors(job_id))[-1].type == "OutcomeRefused"
            else:
                assert job.state is State.SUCCEEDED
