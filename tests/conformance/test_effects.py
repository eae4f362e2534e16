"""What every engine writes into a job is what the core says, on random jobs."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.producer import Receipt
from dutiful.core.apply import apply, cancelled, claimed, due, hurried
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.job import AttemptError, Claim, Job, NewJob, stamp
from dutiful.core.redrive import redrive
from dutiful.core.replacement import replaced
from dutiful.core.settle import Rules, Settlement, settle
from dutiful.core.state import State, movable
from dutiful.core.unique import Unique, holds
from dutiful.core.unwritable import instead
from dutiful.testing.conformance.moves import Half
from tests.conformance.effects import (
    BY_HAND,
    COUNTS,
    END,
    ENDS,
    FULL,
    MOVES,
    NOW,
    SPANS,
    STEPS,
    VARIANTS,
    Stores,
    jobs,
    rows,
)

EXAMPLES = settings(
    max_examples=100,
    # A failure is told as it was found: to make it smaller takes longer than a test may take.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def decided(claim: Claim, now: int, wish: dict[str, Any]) -> Settlement:
    """Decide an end as a worker would, whose clock and whose knowledge differ from the store's."""
    job = claim.job
    if not wish["cancel_seen"]:
        job = replace(job, cancel_requested=False)
    if wish["stale"]:
        job = replace(job, fence=job.fence - 1)
    seen = replace(claim, job=job)
    item = settle(seen, wish["outcome"], now + wish["skew"], Half(), wish["rules"])
    return instead(item, "Unstorable", "no store holds it", Half()) if wish["unstorable"] else item


@pytest.mark.parametrize("alone", [False, True])
def test_every_kind_of_settlement(stores: Stores, alone: bool) -> None:
    usual = {"rules": Rules(), "skew": 0, "cancel_seen": False, "stale": False}
    wishes = [
        {**usual, **how, "outcome": outcome, "job": replace(FULL, **variant)}
        for outcome in ENDS
        for variant in VARIANTS
        for how in (
            {"unstorable": False},
            {"unstorable": False, "cancel_seen": True},
            {"unstorable": True},
            {"unstorable": False, "stale": True},
        )
    ]
    for part in [[wish] for wish in wishes] if alone else [wishes]:
        settle_all(stores, part, MINUTE)


@pytest.mark.slow
@EXAMPLES
@given(wishes=st.lists(END, min_size=1, max_size=6), later=SPANS)
def test_a_settlement_writes_what_core_says(
    stores: Stores, wishes: list[dict[str, Any]], later: int
) -> None:
    settle_all(stores, wishes, later)


def settle_all(stores: Stores, wishes: list[dict[str, Any]], later: int) -> None:
    """End attempts by one exchange, so much later, and look at their jobs and errors."""
    given = stores.fill([wish["job"] for wish in wishes])
    claims = {claim.job.id: claim for claim in stores.do(stores.engine.fleet.claimed("w1"))}
    assert [claims[job.id].job for job in given] == given
    decided_at = stores.clock.now()
    stores.clock.advance(later / SECOND)
    now = stores.clock.now()
    items = [
        decided(claims[job.id], decided_at, wish) for job, wish in zip(given, wishes, strict=True)
    ]
    expected: list[Job] = []
    errors: list[tuple[AttemptError, ...]] = []
    refused: list[str] = []
    for job, item, wish in zip(given, items, wishes, strict=True):
        expected.append(job if wish["stale"] else apply(job, item, now))
        left = item.error is not None and not wish["stale"]
        errors.append((item.error,) if left and item.error is not None else ())
        refused += [job.id] if wish["stale"] else []
    answer = stores.do(stores.engine.consumer.exchange("w1", items, None))
    rows(expected, stores.kept(given))
    assert sorted(answer.refused) == sorted(refused)
    assert [stores.do(stores.engine.inspector.errors(job.id)) for job in given] == errors


def test_every_move_from_every_state(stores: Stores) -> None:
    full = [
        replace(FULL, state=state, run_at=NOW + later) for state in State for later in (-HOUR, HOUR)
    ]
    move_all(stores, [(job, {"charge": b"1"}, move) for move in BY_HAND for job in full])


@pytest.mark.slow
@EXAMPLES
@given(
    wishes=st.lists(
        st.tuples(jobs(st.sampled_from(State), attempt=COUNTS), STEPS, MOVES),
        min_size=1,
        max_size=6,
    )
)
def test_a_move_by_hand_or_by_a_worker_writes_what_core_says(
    stores: Stores, wishes: list[tuple[Job, dict[str, bytes], Any]]
) -> None:
    move_all(stores, wishes)


def move_all(stores: Stores, wishes: list[tuple[Job, dict[str, bytes], Any]]) -> None:
    """Move jobs one by one, and look at each and at its steps."""
    given = stores.fill([job for job, _, _ in wishes], [steps for _, steps, _ in wishes])
    for job, (_, steps, move) in zip(given, wishes, strict=True):
        match move:
            case "cancel":
                expected = by_hand(stores, move, job, cancelled(job, stores.clock.now()))
            case "run_now":
                (job,) = stores.kept([job])  # a claim before may have staged it
                expected = by_hand(stores, move, job, hurried(job, stores.clock.now()))
            case "claim":
                (job,) = stores.kept([job])
                expected = taken(stores, job)
            case Redrive():
                expected = sent_back(stores, job, move)
            case _:
                expected = given_work(stores, job, move)
        rows([shown(stores, expected)], [shown(stores, one) for one in stores.kept([job])])
        if expected.steps != job.steps:
            assert expected.steps == 0
            steps = {}
        assert stores.do(stores.engine.inspector.steps(job.id)) == steps
        # Nothing is left that the claims of others could take.
        if not expected.state.final:
            stores.do(stores.engine.controller.cancel([job.id]))


def shown(stores: Stores, job: Job) -> Job:
    """A job that is due is as good as queued: any claim may stage it."""
    return replace(job, state=State.QUEUED) if due(job, stores.clock.now()) else job


def by_hand(stores: Stores, verb: str, job: Job, after: Job | None) -> Job:
    changed = stores.do(getattr(stores.engine.controller, verb)([job.id]))
    assert changed == (() if after is None else (job.id,))
    return job if after is None else after


def taken(stores: Stores, job: Job) -> Job:
    """Claim from the queue of a job, where no other job is."""
    now, floor = stores.clock.now(), stores.do(stores.engine.exporter.fence_floor())
    answer = stores.do(stores.engine.consumer.exchange("w1", [], Wanted((job.queue,), 1)))
    if not due(job, now) and job.state is not State.QUEUED:
        assert answer.claims == ()
        return job
    after = claimed(job, "w1", now, floor)
    assert [claim.job for claim in answer.claims] == [after]
    return after


def sent_back(stores: Stores, job: Job, move: Redrive) -> Job:
    changed = stores.do(stores.engine.controller.redrive([replace(move, id=job.id)]))
    if not movable(job.state, "redrive"):
        assert changed == ()
        return job
    assert changed == (job.id,)
    after, _ = redrive(job, move.args, stores.clock.now(), keep_steps=move.keep_steps)
    return after


def given_work(stores: Stores, job: Job, move: NewJob) -> Job:
    """Enqueue another job of the unique key, which replaces the work of one that may move."""
    if job.unique_key is None or not holds(job.unique_states, job.state):
        return job
    rule = Unique(job.unique_key, on_conflict="replace")
    new = replace(move, id=f"new {job.id}", unique=rule)
    may = movable(job.state, "replace")
    receipts = stores.do(stores.engine.producer.enqueue([new]))
    assert receipts == (Receipt(job.id, created=False, replaced=may),)
    return replaced(job, stamp(new, stores.clock.now())).job if may else job
