"""A state machine that drives an engine beside memory: same commands, same answers, same jobs."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from dutiful.contract.page import Filter
from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.controller import Redrive
from dutiful.core.errors import DuplicateJob
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.job import Claim, Job, NewJob
from dutiful.core.outcome import (
    Cancelled,
    Crashed,
    Discarded,
    Failed,
    Outcome,
    Released,
    Snoozed,
    Succeeded,
    Undecodable,
    Unknown,
)
from dutiful.core.settle import settle
from dutiful.core.state import FINAL, LIVE, State
from dutiful.core.unique import holds, unique
from dutiful.engines.memory import MemoryEngine
from dutiful.testing import FakeClock
from dutiful.testing.conformance.moves import RULES, Half, hand

RULES = replace(RULES, park_max=MINUTE)
WORKERS = ("w1", "w2")
QUEUES = ("a", "b")
LATER = (State.SCHEDULED, State.WAITING)

spans = st.sampled_from([0, 1, 5 * SECOND, MINUTE])
picks = st.integers(0, 3) | st.integers(0, 30)
"""Counts back from the latest; shrinks towards it."""
some = st.lists(picks, min_size=1, max_size=3, unique=True)
workers = st.sampled_from(WORKERS)
queues = st.sampled_from(QUEUES)
wanted = st.builds(
    Wanted,
    queues=st.sampled_from([("a",), ("b",), ("a", "b"), ("b", "a")]),
    limit=st.integers(1, 4),
)
outcomes = st.sampled_from(
    [
        Succeeded(b"1"),
        Failed("E", "one"),
        Failed("F", "two", retryable=False),
        Failed("E", "three", after=MINUTE),
        Snoozed(5 * SECOND),
        Snoozed(MINUTE),
        Released(),
        Discarded("no use"),
        Cancelled("enough"),
        Unknown(),
        Undecodable("odd"),
        Crashed("gone"),
    ]
)
rules = st.builds(
    unique,
    st.sampled_from(["k", "l"]),
    period=st.sampled_from([None, MINUTE]),
    states=st.sampled_from([None, (*LIVE, *FINAL)]),
    on_conflict=st.sampled_from(["existing", "replace", "raise"]),
)
wishes = st.fixed_dictionaries(
    {
        "queue": queues,
        "priority": st.integers(-1, 1),
        "max_attempts": st.integers(1, 3),
        "delay": spans,
        "expires_in": st.sampled_from([None, MINUTE]),
        "unique": st.none() | st.just(unique("k")) | rules,
        "tags": st.sampled_from([(), ("x",)]),
    }
)


class EngineMachine(RuleBasedStateMachine):
    """Subclasses say how the engine beside memory is made."""

    build: Callable[[Path, FakeClock], Any]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.memory = MemoryEngine(self.clock)
        self.engine = type(self).build(Path(self.folder.name), self.clock)
        self.asked: list[list[NewJob]] = []
        self.ids: list[str] = []
        self.claims: list[tuple[Claim, Claim]] = []
        self.fences: set[tuple[str, int]] = set()
        self.stored: set[str] = set()

    def teardown(self) -> None:
        self.do(self.engine.close())
        self.runner.close()
        self.folder.cleanup()

    def do(self, call: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(call)

    def both(self, call: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        """Make one call on each engine and demand equal answers."""
        expected, found = self.do(call(self.memory)), self.do(call(self.engine))
        assert found == expected
        return found

    def chosen(self, picked: list[int]) -> list[str]:
        return list(dict.fromkeys(self.ids[-1 - pick % len(self.ids)] for pick in picked))

    @initialize()
    def open(self) -> None:
        self.do(self.engine.open())
        # They begin with the time, and not the same one.
        floors = [self.do(engine.exporter.fence_floor()) for engine in (self.memory, self.engine)]
        self.both(lambda engine: engine.importer.raise_fence_floor(max(floors)))
        for worker in WORKERS:
            self.both(lambda engine, worker=worker: engine.fleet.join(hand(worker)))

    @rule(wished=st.lists(wishes, min_size=1, max_size=3))
    def enqueue(self, wished: list[dict[str, Any]]) -> None:
        start = len(self.ids)
        jobs = [
            NewJob(id=f"{start + place:08d}", task="t", args=b"%d" % place, **fields)
            for place, fields in enumerate(wished)
        ]
        self.ids += [job.id for job in jobs]
        self.asked.append(jobs)
        self.both(lambda engine: _enqueue(engine, jobs))

    @precondition(lambda self: self.asked)
    @rule(pick=picks)
    def enqueue_again(self, pick: int) -> None:
        jobs = self.asked[-1 - pick % len(self.asked)]
        present = {job.id for job in self.do(self.memory.inspector.get([job.id for job in jobs]))}
        # Nobody waits for a reply so long that the job has ended and been deleted meanwhile.
        jobs = [job for job in jobs if job.id in present or job.id not in self.stored]
        self.both(lambda engine: _enqueue(engine, jobs))

    @precondition(lambda self: self.asked)
    @rule(pick=picks)
    def enqueue_like(self, pick: int) -> None:
        """Ask for jobs of the same unique keys as before."""
        old = self.asked[-1 - pick % len(self.asked)]
        start = len(self.ids)
        jobs = [replace(job, id=f"{start + place:08d}") for place, job in enumerate(old)]
        self.ids += [job.id for job in jobs]
        self.asked.append(jobs)
        self.both(lambda engine: _enqueue(engine, jobs))

    @rule(worker=workers, want=wanted)
    def claim(self, worker: str, want: Wanted) -> None:
        self.exchange(worker, [], want)

    @rule(
        worker=workers,
        outcome=outcomes,
        meanwhile=st.sampled_from(["nothing", "cancel", "purge", "loss", "enqueue"]),
    )
    def run_one(self, worker: str, outcome: Outcome, meanwhile: str) -> None:
        before = len(self.claims)
        self.exchange(worker, [], Wanted(QUEUES, 1))
        if len(self.claims) == before:
            return
        pair = self.claims[-1]
        if meanwhile in ("cancel", "purge"):
            self.both(lambda engine: getattr(engine.controller, meanwhile)([pair[0].job.id]))
        elif meanwhile == "loss":
            self.expire((worker,), then_rescue=True)
            self.exchange(worker, [], Wanted(QUEUES, 4))
        self.exchange(worker, [(pair, outcome)], None)
        if meanwhile == "enqueue":
            self.enqueue_like(0)

    @precondition(lambda self: self.claims)
    @rule(picked=some, outcome=outcomes, worker=workers, want=st.none() | wanted)
    def settle(self, picked: list[int], outcome: Outcome, worker: str, want: Wanted | None) -> None:
        places = {pick % len(self.claims) for pick in picked}
        self.exchange(worker, [(self.claims[-1 - at], outcome) for at in sorted(places)], want)

    def exchange(
        self,
        worker: str,
        ends: list[tuple[tuple[Claim, Claim], Outcome]],
        want: Wanted | None,
    ) -> None:
        now = self.clock.now()
        # One job may be there under two fences; the order of such a pair says nothing.
        ends = list({pair[0].job.id: (pair, outcome) for pair, outcome in ends}.values())
        answers = [
            self.do(
                engine.consumer.exchange(
                    worker,
                    [settle(pair[side], outcome, now, Half(), RULES) for pair, outcome in ends],
                    want,
                )
            )
            for side, engine in enumerate((self.memory, self.engine))
        ]
        expected, found = answers
        assert sorted(found.refused) == sorted(expected.refused)
        assert found.lost == expected.lost
        assert [(claim.job, claim.steps) for claim in found.claims] == [
            (claim.job, claim.steps) for claim in expected.claims
        ]
        assert found.due_in == expected.due_in
        if found.lost:
            self.both(lambda engine: engine.fleet.join(hand(worker)))
        for pair in zip(expected.claims, found.claims, strict=True):
            mark = (pair[0].job.id, pair[0].job.fence)
            assert mark not in self.fences, "a fence was given twice"
            self.fences.add(mark)
            self.claims.append(pair)

    @precondition(lambda self: self.claims)
    @rule(pick=picks, name=st.sampled_from("xy"), results=st.sampled_from([[b"1"], [b"2", b"3"]]))
    def record_step(self, pick: int, name: str, results: list[bytes]) -> None:
        ours, theirs = self.claims[-1 - pick % len(self.claims)]
        for result in results:
            expected = self.do(self.memory.consumer.record_step(ours, name, result))
            assert self.do(self.engine.consumer.record_step(theirs, name, result)) is expected

    @precondition(lambda self: self.ids)
    @rule(picked=some, act=st.sampled_from(["cancel", "run_now", "redrive", "redrive", "purge"]))
    def change_by_hand(self, picked: list[int], act: str) -> None:
        ids = self.chosen(picked)
        if act == "run_now":
            # Whether a job that is due is staged yet is each engine's affair.
            jobs = self.do(self.memory.inspector.get(ids))
            ids = [job.id for job in jobs if not self.due(job)]
        if act == "redrive":
            dead = self.do(self.memory.inspector.find(Filter(states=FINAL), 1000)).jobs
            ids += [dead[pick % len(dead)].id for pick in picked if dead]
            ids = list(dict.fromkeys(ids))
            edited = [Redrive(job_id, b"9" if picked[0] % 2 else None) for job_id in ids]
            self.both(lambda engine: engine.controller.redrive(edited))
        else:
            self.both(lambda engine: getattr(engine.controller, act)(ids))

    @rule(state=st.sampled_from(State), older_than=spans)
    def prune(self, state: State, older_than: int) -> None:
        self.both(lambda engine: engine.retention.prune(state, older_than, 100))

    @rule(queue=queues, act=st.sampled_from(["resume", "resume", "pause"]))
    def pause_or_resume(self, queue: str, act: str) -> None:
        self.both(lambda engine: getattr(engine.controller, act)(queue))

    @rule(by=st.sampled_from(["1us", "4s", "5s", "10s", "1m"]))
    def advance(self, by: str) -> None:
        self.clock.advance(by)

    @rule(by=st.sampled_from(["1m", "-5s", "-1m", "-1h", "1h"]))
    def step_the_wall_clock(self, by: str) -> None:
        self.clock.step(by)
        ours, theirs = (
            [self.shown(job) for job in self.do(engine.inspector.find(Filter(), 1000)).jobs]
            for engine in (self.memory, self.engine)
        )
        if ours != theirs:
            # One engine has staged a job that the other would now call early: step back.
            self.clock.step(by[1:] if by[0] == "-" else f"-{by}")

    @rule(worker=workers, act=st.sampled_from(["renew", "renew", "join", "leave"]))
    def report(self, worker: str, act: str) -> None:
        if act == "join":
            self.both(lambda engine: engine.fleet.join(hand(worker)))
        elif act == "leave":
            self.both(lambda engine: engine.fleet.leave(worker))
        else:
            self.both(lambda engine: _renew(engine, worker))

    @rule(gone=st.sampled_from([(), ("w1",), ("w2", "stranger")]), then_rescue=st.booleans())
    def expire(self, gone: tuple[str, ...], then_rescue: bool) -> None:
        answers = [self.do(engine.fleet.expire(gone)) for engine in (self.memory, self.engine)]
        assert sorted(answers[0]) == sorted(answers[1])
        if then_rescue:
            self.rescue()

    def rescue(self) -> None:
        ours, theirs = (
            sorted(self.do(engine.fleet.abandoned(100)), key=lambda claim: claim.job.id)
            for engine in (self.memory, self.engine)
        )
        assert [(c.job, c.steps) for c in theirs] == [(c.job, c.steps) for c in ours]
        pairs = list(zip(ours, theirs, strict=True))
        self.exchange("rescuer", [(pair, Crashed("gone")) for pair in pairs], None)

    def due(self, job: Job) -> bool:
        return job.state in LATER and job.run_at <= self.clock.now()

    def shown(self, job: Job) -> Job:
        """A job that is due is as good as queued: staging may be lazy."""
        return replace(job, state=State.QUEUED) if self.due(job) else job

    @invariant()
    def same_view(self) -> None:
        expected, view = self.do(_view(self.memory)), self.do(_view(self.engine))
        for seen in (expected, view):
            seen["jobs"] = [self.shown(job) for job in seen["jobs"]]
        assert view == expected
        self.stored |= {job.id for job in view["jobs"]}
        held = [job.unique_key for job in view["jobs"] if holds(job.unique_states, job.state)]
        keys = [key for key in held if key is not None]
        assert len(keys) == len(set(keys)), "two jobs hold one key"
        tally = view["tally"]
        assert tally["enqueued"] == len(view["jobs"]) + tally["pruned"] + tally["purged"]


async def _view(engine: Any) -> dict[str, Any]:
    """Everything that can be seen of a store, in an order that leaves nothing to the engine."""
    jobs = sorted((await engine.inspector.find(Filter(), 1000)).jobs, key=lambda job: job.id)
    groups = await engine.inspector.dead_groups()
    assert [group.count for group in groups] == sorted((g.count for g in groups), reverse=True)
    # A lost worker without claims may be forgotten at any time.
    fleet = [row for row in await engine.fleet.workers() if row.running or not row.lost]
    rows = await engine.inspector.queues()
    assert sum(sum(row.counts.values()) for row in rows) == len(jobs)
    return {
        "jobs": jobs,
        "errors": {job.id: await engine.inspector.errors(job.id) for job in jobs},
        "steps": {job.id: await engine.inspector.steps(job.id) for job in jobs if job.steps},
        "tally": await engine.inspector.tally(),
        "groups": sorted((g.task, g.reason, g.error_type, g.count, g.latest_at) for g in groups),
        "workers": sorted(fleet, key=lambda row: row.info.id),
        "queues": {row.queue: row.paused_at for row in rows},
    }


async def _enqueue(engine: Any, jobs: list[NewJob]) -> Any:
    try:
        return await engine.producer.enqueue(jobs)
    except DuplicateJob as error:
        return (error.key, error.existing)


async def _renew(engine: Any, worker: str) -> Any:
    renewal = await engine.leases.renew(worker)
    return renewal.valid, sorted(renewal.cancels)
