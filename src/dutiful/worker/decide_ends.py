"""Decides the settlements of attempts that ended; one by one if a policy raises an error."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dutiful.core.event import Emit, OutcomeRefused
from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome, Succeeded
from dutiful.core.retry import Random
from dutiful.core.settle import Rules, Settlement, settle, succeed
from dutiful.core.text import worded
from dutiful.core.unwritable import undecided

RulesOf = Callable[[str], Rules]
"""Returns the rules of a task by its name."""


def decided(
    ended: Sequence[tuple[Claim, Outcome]], now: int, rng: Random, rules: RulesOf, emit: Emit
) -> list[Settlement]:
    """Return a settlement for each attempt that ended; ``now`` is the store's present instant."""
    try:
        return [
            succeed(claim, how.result, now)
            if type(how) is Succeeded
            else settle(claim, how, now, rng, rules(claim.job.task))
            for claim, how in ended
        ]
    except Exception:  # noqa: BLE001 - deciding one by one shows whose policy failed
        return [_decided(claim, how, now, rng, rules, emit) for claim, how in ended]


def _decided(
    claim: Claim, outcome: Outcome, now: int, rng: Random, rules: RulesOf, emit: Emit
) -> Settlement:
    try:
        return settle(claim, outcome, now, rng, rules(claim.job.task))
    except Exception as error:  # noqa: BLE001 - one job's policy must not cost the others
        emit(OutcomeRefused(claim.job.id, claim.job.task, worded(error)))
        why = f"what follows from this attempt cannot be decided: {worded(error)}"
        return undecided(claim, outcome, now, why, rng)
