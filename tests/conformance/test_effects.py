"""What every engine writes into a job is what the core says, on random jobs."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dutiful.contract.moving import Record
from dutiful.contract.protocol import Receipt, Redrive, Wanted
from dutiful.core.apply import apply, cancelled, claimed, due, hurried
from dutiful.core.fence import FENCE_MAX
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND
from dutiful.core.job import AttemptError, Claim, Job, NewJob, stamp
from dutiful.core.outcome import (
    Cancelled,
    Crashed,
    Discarded,
    Expired,
    Failed,
    Outcome,
    Released,
    Snoozed,
    Succeeded,
    Undecodable,
    Unknown,
)
from dutiful.core.redrive import redrive
from dutiful.core.replacement import replaced
from dutiful.core.retry import RetryPolicy
from dutiful.core.settle import COUNTED_MAX, Rules, Settlement, settle
from dutiful.core.state import LIVE, State, mask, movable
from dutiful.core.unique import Unique, holds
from dutiful.core.unwritable import instead
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import Half, hand

NOW = FakeClock().now()
WORDS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=5)
RAW = st.none() | st.binary(max_size=5)
SPANS = st.sampled_from([0, 1, 5 * SECOND, MINUTE, 2 * DAY])
INSTANTS = st.sampled_from([NOW - 8 * DAY, NOW - HOUR, NOW - 1, NOW, NOW + 1, NOW + HOUR])
MAYBE = st.none() | INSTANTS
COUNTS = st.integers(0, 4) | st.just(COUNTED_MAX)
FENCES = st.integers(1, 1000) | st.sampled_from([FENCE_MAX - 1, FENCE_MAX])
SETS = st.sampled_from([0, mask(LIVE), mask((*LIVE, State.SUCCEEDED)), mask(tuple(State))])
RULES = st.builds(
    Rules,
    retry=st.builds(
        RetryPolicy,
        backoff=st.just("fixed"),
        delay=st.sampled_from([0, 10 * SECOND]),
        jitter=st.just("none"),
        within=st.sampled_from([None, HOUR]),
    ),
)
FAILED = st.builds(
    Failed,
    type=WORDS,
    message=WORDS,
    traceback=WORDS,
    retryable=st.booleans(),
    after=st.none() | SPANS,
    until=MAYBE,
)
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Succeeded, result=RAW),
    FAILED,
    st.builds(Snoozed, delay=SPANS, until=MAYBE),
    st.builds(Released),
    st.builds(Cancelled, why=WORDS, error=st.none() | FAILED),
    st.builds(Discarded, why=WORDS, traceback=WORDS),
    st.builds(Undecodable, message=WORDS, waits=st.booleans()),
    st.builds(Unknown),
    st.builds(Crashed, message=WORDS),
    st.builds(Expired),
)


def jobs(states: st.SearchStrategy[State], *, attempt: st.SearchStrategy[int]) -> Any:
    """Jobs with anything in each column; their ids, keys and workers are given by `Stores.fill`."""
    return st.builds(
        Job,
        id=st.just(""),
        task=WORDS,
        queue=st.just("default"),
        state=states,
        priority=st.integers(-100, 100),
        args=st.binary(max_size=5),
        attempt=attempt,
        max_attempts=st.integers(1, 5),
        enqueued_at=INSTANTS,
        run_at=INSTANTS,
        started_at=MAYBE,
        finished_at=MAYBE,
        expires_at=MAYBE,
        crashes=COUNTS,
        fence=FENCES,
        reason=st.none() | WORDS,
        parked_at=MAYBE,
        cancel_requested=st.booleans(),
        unique_key=st.none() | st.just("own"),
        unique_states=SETS,
        tags=st.just(()) | st.just(("x",)),
        meta=st.just({}) | st.just({"tenant": "7"}),
        result=RAW,
        redriven_at=MAYBE,
    )


END = st.fixed_dictionaries(
    {
        "job": jobs(st.just(State.RUNNING), attempt=st.integers(1, 4)),
        "outcome": OUTCOMES,
        "rules": RULES,
        "skew": st.sampled_from([-HOUR, 0, 3 * SECOND]),
        "unstorable": st.sampled_from([False, False, False, True]),
        "cancel_seen": st.booleans(),
        "stale": st.sampled_from([False, False, False, True]),
    }
)


class Stores:
    """One engine, which all examples of a test share."""

    def __init__(self, engine: Any, clock: FakeClock) -> None:
        self.engine = engine
        self.clock = clock
        self._ids = itertools.count()
        self._runner = asyncio.Runner()
        self.do(engine.open())
        self.do(engine.join(hand("w1")))

    def close(self) -> None:
        self.do(self.engine.close())
        self._runner.close()

    def do(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(call)

    def fill(self, given: list[Job], steps: list[dict[str, bytes]] | None = None) -> list[Job]:
        """Store jobs under ids, keys and queues of their own, and return them as they are kept."""
        named: list[Job] = []
        recorded = [{} for _ in given] if steps is None else steps
        for job, taken in zip(given, recorded, strict=True):
            job_id = f"{next(self._ids):016x}"
            key = None if job.unique_key is None else f"own {job_id}"
            running = job.state is State.RUNNING
            named.append(
                replace(
                    job,
                    id=job_id,
                    queue=f"q{job_id}",
                    unique_key=key,
                    steps=len(taken),
                    worker="w1" if running else None,
                    cancel_requested=running and job.cancel_requested,
                )
            )
        filled = self.do(self.engine.fill(list(map(Record, named, [()] * len(named), recorded))))
        assert (len(filled.stored), filled.refused) == (len(named), ())
        assert self.kept(named) == named
        return named

    def kept(self, given: list[Job]) -> list[Job]:
        return list(self.do(self.engine.get([job.id for job in given])))


@pytest.fixture
def stores(connect: Callable[[FakeClock], Any]) -> Iterator[Stores]:
    clock = FakeClock()
    found = Stores(connect(clock), clock)
    yield found
    found.close()


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


def rows(given: list[Job], found: list[Job]) -> None:
    """Demand equal jobs, and show which columns differ."""
    assert [job.id for job in found] == [job.id for job in given]
    for expected, job in zip(given, found, strict=True):
        differing = {
            name: (getattr(expected, name), getattr(job, name))
            for name in Job.__struct_fields__
            if getattr(expected, name) != getattr(job, name)
        }
        assert differing == {}, f"expected and found, of {expected}"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(wishes=st.lists(END, min_size=1, max_size=6), later=SPANS)
def test_a_settlement_writes_what_core_says(
    stores: Stores, wishes: list[dict[str, Any]], later: int
) -> None:
    given = stores.fill([wish["job"] for wish in wishes])
    claims = {claim.job.id: claim for claim in stores.do(stores.engine.claimed("w1"))}
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
    answer = stores.do(stores.engine.exchange("w1", items, None))
    rows(expected, stores.kept(given))
    assert sorted(answer.refused) == sorted(refused)
    assert [stores.do(stores.engine.errors(job.id)) for job in given] == errors


STEPS = st.dictionaries(st.sampled_from(["charge", "ship"]), st.just(b"1"))
MOVES = st.one_of(
    st.just("cancel"),
    st.just("hurry"),
    st.just("claim"),
    st.builds(
        Redrive,
        id=st.just(""),
        args=st.none() | st.just(b'{"n":1}'),
        keep_steps=st.booleans(),
    ),
    st.builds(
        NewJob,
        id=st.just(""),
        task=st.just("t") | WORDS,
        args=st.just(b"{}") | st.just(b'{"n":1}'),
        queue=st.just("other"),
        priority=st.integers(-100, 100),
        max_attempts=st.integers(1, 5),
        delay=SPANS,
        run_at=MAYBE,
        expires_in=st.none() | SPANS,
        tags=st.just(()) | st.just(("x",)),
        meta=st.just({}) | st.just({"tenant": "8"}),
    ),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
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
    given = stores.fill([job for job, _, _ in wishes], [steps for _, steps, _ in wishes])
    for job, (_, steps, move) in zip(given, wishes, strict=True):
        match move:
            case "cancel":
                expected = by_hand(stores, move, job, cancelled(job, stores.clock.now()))
            case "hurry":
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
        assert stores.do(stores.engine.steps(job.id)) == steps
        # Nothing is left that the claims of others could take.
        if not expected.state.final:
            stores.do(stores.engine.cancel([job.id]))


def shown(stores: Stores, job: Job) -> Job:
    """A job that is due is as good as queued: any claim may stage it."""
    return replace(job, state=State.QUEUED) if due(job, stores.clock.now()) else job


def by_hand(stores: Stores, verb: str, job: Job, after: Job | None) -> Job:
    changed = stores.do(getattr(stores.engine, verb)([job.id]))
    assert changed == (() if after is None else (job.id,))
    return job if after is None else after


def taken(stores: Stores, job: Job) -> Job:
    """Claim from the queue of a job, where no other job is."""
    now, floor = stores.clock.now(), stores.do(stores.engine.fence_floor())
    answer = stores.do(stores.engine.exchange("w1", [], Wanted((job.queue,), 1)))
    if not due(job, now) and job.state is not State.QUEUED:
        assert answer.claims == ()
        return job
    after = claimed(job, "w1", now, floor)
    assert [claim.job for claim in answer.claims] == [after]
    return after


def sent_back(stores: Stores, job: Job, move: Redrive) -> Job:
    changed = stores.do(stores.engine.redrive([replace(move, id=job.id)]))
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
    receipts = stores.do(stores.engine.enqueue([new]))
    assert receipts == (Receipt(job.id, created=False, replaced=may),)
    return replaced(job, stamp(new, stores.clock.now())).job if may else job
