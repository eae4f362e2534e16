"""Random and full jobs, the ways in which they end and move, and a store to keep them."""

import asyncio
import itertools
from collections.abc import Coroutine
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.transfer import Record
from dutiful.core.fence import FENCE_MAX
from dutiful.core.instant import DAY, HOUR, MINUTE, SECOND
from dutiful.core.job import Job, NewJob
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
from dutiful.core.retry import RetryPolicy
from dutiful.core.settle import COUNTED_MAX, Rules
from dutiful.core.state import LIVE, State, mask
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import hand

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
        self.do(engine.fleet.join(hand("w1")))

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
        filled = self.do(
            self.engine.importer.fill(list(map(Record, named, [()] * len(named), recorded)))
        )
        assert (len(filled.stored), filled.refused) == (len(named), ())
        assert self.kept(named) == named
        return named

    def kept(self, given: list[Job]) -> list[Job]:
        return list(self.do(self.engine.inspector.get([job.id for job in given])))


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


FULL = Job(
    id="",
    task="t",
    queue="",
    state=State.RUNNING,
    priority=7,
    args=b"{}",
    attempt=2,
    max_attempts=3,
    enqueued_at=NOW - 9 * DAY,
    run_at=NOW - HOUR,
    started_at=NOW - MINUTE,
    finished_at=NOW - DAY,
    expires_at=NOW + DAY,
    crashes=1,
    fence=5,
    reason="as it was",
    parked_at=NOW - 8 * DAY,
    unique_key="own",
    unique_states=mask(LIVE),
    tags=("x",),
    meta={"tenant": "7"},
    result=b"1",
    redriven_at=NOW - 2 * DAY,
)
"""Something in every column, so that each that is left as it was shows."""
ENDS: tuple[Outcome, ...] = (
    Succeeded(b"2"),
    Succeeded(),
    Failed("E", "again", "Traceback"),
    Failed("E", "no more", retryable=False),
    Failed("E", "later", until=NOW + DAY),
    Snoozed(MINUTE),
    Snoozed(until=NOW + HOUR),
    Released(),
    Cancelled("enough"),
    Cancelled("enough", Failed("E", "besides")),
    Discarded("no use", "Traceback"),
    Undecodable("odd"),
    Undecodable("odd", waits=True),
    Unknown(),
    Crashed("gone"),
    Expired(),
)
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"parked_at": NOW - MINUTE},
    {"parked_at": None, "reason": None},
    {"cancel_requested": True},
    {"crashes": 2, "fence": FENCE_MAX},
    {"attempt": 3},
)


STEPS = st.dictionaries(st.sampled_from(["charge", "ship"]), st.just(b"1"))
MOVES = st.one_of(
    st.just("cancel"),
    st.just("run_now"),
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


BY_HAND: tuple[Any, ...] = (
    "cancel",
    "run_now",
    "claim",
    Redrive(""),
    Redrive("", b"[]"),
    Redrive("", b"[]", keep_steps=True),
    NewJob(id="", task="t", args=b"{}", queue="other"),
    NewJob(id="", task="u", args=b"[]", queue="other", delay=HOUR, expires_in=DAY, tags=("y",)),
)
