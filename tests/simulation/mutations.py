"""Bugs put into production code one at a time, to show that the auditor sees each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.contract.roles.fleet import Renewal
from dutiful.contract.roles.producer import Receipt
from dutiful.core.event import Settled
from dutiful.core.instant import HOUR
from dutiful.core.job import Claim, stamp
from dutiful.core.lease import Lease
from dutiful.core.outcome import Crashed, Released, Snoozed
from dutiful.core.state import State
from dutiful.engines.memory.consumer import MemoryConsumer, MemoryTransaction
from dutiful.engines.memory.controller import MemoryController
from dutiful.engines.memory.fleet import MemoryFleet
from dutiful.engines.memory.producer import MemoryProducer
from dutiful.engines.memory.table import Tables
from dutiful.worker.attempt import Running
from dutiful.worker.executor import Executor
from dutiful.worker.fetch_loop import FetchLoop
from dutiful.worker.heartbeat import Heartbeat
from dutiful.worker.registration import Registration
from dutiful.worker.store_clock import StoreClock

from .store import SimStore
from .world import live

SEEDS_FILE = Path(__file__).parent / "mutants.txt"
"""For each mutation, a seed that catches it; found by ``make simulate MUTANTS=1 [ENGINE=...]``."""

_SEEN = ("Violation", "Stalled", "AssertionError")
"""How a failure begins that was seen, and is no mere error of a mutation that does not run."""
_ENGINES = "dutiful.engines"
Make = Callable[[Any], Any]


@dataclass(frozen=True)
class Mutation:
    """One bug: what is put in the place of which name."""

    name: str
    target: Any
    attribute: str
    make: Make
    """Given the original, returns what takes its place."""

    @property
    def everywhere(self) -> bool:
        """Whether the bug is in what all engines share, and not in one of them."""
        return not str(getattr(self.target, "__module__", self.target)).startswith(_ENGINES)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the bug for the length of a block."""
        if isinstance(self.target, str):
            module = __import__(self.target, fromlist=["_"])
            original = getattr(module, self.attribute)
            with patch.object(module, self.attribute, self.make(original)):
                yield
        else:
            original = getattr(self.target, self.attribute)
            with patch.object(self.target, self.attribute, self.make(original)):
                yield


MUTATIONS: list[Mutation] = []


def mutation(target: Any, attribute: str) -> Callable[[Make], Make]:
    """Register a function that makes the wrong one from the right one."""

    def register(make: Make) -> Make:
        MUTATIONS.append(Mutation(make.__name__.removeprefix("_"), target, attribute, make))
        return make

    return register


def first_seed(
    bug: Mutation, seeds: Iterable[int], store: SimStore | None = None
) -> tuple[int | None, str]:
    """Return the first of the seeds that catches a bug, and how; without the bug it must hold."""
    for seed in seeds:
        with bug.applied():
            failure = live(seed, store).failure or ""
        seen = failure.startswith(_SEEN) and " ended with " not in failure
        if seen and live(seed, store).failure is None:
            return seed, failure
    return None, "not caught"


@mutation(MemoryConsumer, "held")
def _settle_ignores_the_fence(original: Any) -> Any:
    def held(self: Any, claim: Claim) -> Any:
        job = self.tables.jobs.get(claim.job.id)
        return job if job is not None and job.state is State.RUNNING else None

    return held


@mutation(MemoryConsumer, "_claim")
def _claim_keeps_the_fence(original: Any) -> Any:
    def claim(self: Any, worker: str, wanted: Any) -> Any:
        claims = []
        for one in original(self, worker, wanted):
            job = replace(one.job, fence=max(one.job.fence - 1, 1))
            self.tables.jobs[job.id] = job
            claims.append(Claim(job, one.handle, one.steps))
        return tuple(claims)

    return claim


@mutation(MemoryConsumer, "settle")
def _rescue_keeps_the_fence(original: Any) -> Any:
    return lambda self, item: original(self, replace(item, rescue=False))


@mutation(MemoryConsumer, "settle")
def _repeated_settlement_is_refused(original: Any) -> Any:
    return lambda self, item: self.held(item.claim) is not None and original(self, item)


@mutation(MemoryConsumer, "settle")
def _cancellation_is_forgotten(original: Any) -> Any:
    def forgetful(self: Any, item: Any) -> Any:
        job = self.tables.jobs.get(item.claim.job.id)
        if job is not None and job.cancel_requested and not item.state.final:
            self.tables.jobs[job.id] = replace(job, cancel_requested=False)
        return original(self, item)

    return forgetful


@mutation(MemoryFleet, "renew")
def _renew_revives_a_lost_worker(original: Any) -> Any:
    async def renew(self: Any, worker: str, **named: Any) -> Renewal:
        if (member := self.tables.fleet.get(worker)) is not None:
            member.lost = False
        return await original(self, worker, **named)

    return renew


@mutation(MemoryFleet, "expire")
def _expire_ignores_a_fresh_renewal(original: Any) -> Any:
    async def expire(self: Any, gone: Any) -> Any:
        for member in self.tables.fleet.values():
            member.renewed_ticks -= member.info.lease // 2
        try:
            return await original(self, gone)
        finally:
            for member in self.tables.fleet.values():
                member.renewed_ticks += member.info.lease // 2

    return expire


@mutation(MemoryFleet, "_lost")
def _abandoned_includes_the_living(original: Any) -> Any:
    return lambda self, worker: True


@mutation(MemoryFleet, "abandoned")
def _the_dead_keep_their_jobs(original: Any) -> Any:
    async def abandoned(self: Any, limit: int) -> Any:
        return ()

    return abandoned


@mutation("dutiful.worker.decide_ends", "settle")
def _release_spends_an_attempt(original: Any) -> Any:
    def spend(claim: Claim, outcome: Any, *rest: Any) -> Any:
        item = original(claim, outcome, *rest)
        released = isinstance(outcome, Released)
        return replace(item, attempt=claim.job.attempt) if released else item

    return spend


@mutation("dutiful.worker.decide_ends", "settle")
def _snooze_spends_an_attempt(original: Any) -> Any:
    def spend(claim: Claim, outcome: Any, *rest: Any) -> Any:
        item = original(claim, outcome, *rest)
        snoozed = isinstance(outcome, Snoozed)
        return replace(item, attempt=claim.job.attempt) if snoozed else item

    return spend


@mutation("dutiful.worker.decide_ends", "settle")
def _retry_drops_the_error(original: Any) -> Any:
    def drop(*given: Any) -> Any:
        item = original(*given)
        return replace(item, error=None) if item.state is State.SCHEDULED else item

    return drop


@mutation(Executor, "release_prefetched")
def _release_loses_the_job(original: Any) -> Any:
    return lambda self: self.waiting.clear()


@mutation("dutiful.services.rescuer", "settle")
def _crash_does_not_spend(original: Any) -> Any:
    def spare(claim: Claim, outcome: Any, *rest: Any) -> Any:
        item = original(claim, outcome, *rest)
        return replace(item, attempt=item.attempt - 1)

    return spare


@mutation("dutiful.services.rescuer", "settle")
def _third_crash_is_retried(original: Any) -> Any:
    def again(claim: Claim, outcome: Crashed, now: int, rng: Any, rules: Any) -> Any:
        return original(claim, outcome, now, rng, replace(rules, crashes_max=99))

    return again


@mutation(Tables, "holder")
def _unique_ignores_who_waits(original: Any) -> Any:
    def holder(self: Any, key: str | None) -> Any:
        found = original(self, key)
        waits = found is not None and found.state in (State.SCHEDULED, State.WAITING)
        return None if waits else found

    return holder


@mutation(Tables, "holder")
def _unique_is_not_released(original: Any) -> Any:
    def holder(self: Any, key: str | None) -> Any:
        for job in self.jobs.values():
            if key is not None and job.unique_key == key:
                return job
        return None

    return holder


@mutation(MemoryController, "_admitted")
def _redrive_ignores_unique(original: Any) -> Any:
    return lambda self, job: True


@mutation(MemoryConsumer, "record_step")
def _step_is_recorded_under_any_fence(original: Any) -> Any:
    async def record(self: Any, claim: Claim, name: str, result: bytes) -> bool:
        job = self.tables.jobs[claim.job.id]
        steps = self.tables.recorded.setdefault(job.id, {})
        steps.setdefault(name, result)
        self.tables.jobs[job.id] = replace(job, steps=len(steps))
        return True

    return record


@mutation(MemoryConsumer, "_claim")
def _steps_are_not_loaded(original: Any) -> Any:
    def claim(self: Any, worker: str, wanted: Any) -> Any:
        return tuple(Claim(one.job, one.handle) for one in original(self, worker, wanted))

    return claim


@mutation(MemoryTransaction, "commit")
def _transaction_commits_without_the_completion(original: Any) -> Any:
    def commit(self: Any, settlement: Any) -> bool:
        self._consumer.tables.data.update(self._changes)
        return True

    return commit


@mutation(MemoryTransaction, "commit")
def _stale_transaction_is_kept(original: Any) -> Any:
    def commit(self: Any, settlement: Any) -> bool:
        changes = dict(self._changes)
        held = original(self, settlement)
        self._consumer.tables.data.update(changes)
        return bool(held)

    return commit


@mutation(Heartbeat, "valid")
def _heartbeat_is_always_valid(original: Any) -> Any:
    return lambda self: True


@mutation(Lease, "deadline")
def _deadline_is_later_than_the_lease(original: Any) -> Any:
    return lambda self, renewed_at: renewed_at + 2 * self.length


@mutation(Registration, "_lease_lost")
def _bodies_outlive_the_lease(original: Any) -> Any:
    return lambda self: self._changed.set()


@mutation(Executor, "drain")
def _drain_forgets_what_waits(original: Any) -> Any:
    def drain(self: Any) -> None:
        self.draining = True
        self.waiting.clear()

    return drain


@mutation(FetchLoop, "__init__")
def _nobody_looks_again_by_itself(original: Any) -> Any:
    def make(self: Any, *given: Any, **named: Any) -> None:
        original(self, *given, **{**named, "poll": 1e6})

    return make


@mutation(FetchLoop, "_find_lost")
def _claims_of_lost_replies_are_forgotten(original: Any) -> Any:
    async def find(self: Any) -> None:
        return None

    return find


@mutation(Running, "record_raw")
def _step_is_not_asked_for_again(original: Any) -> Any:
    async def record(self: Any, name: str, raw: bytes) -> None:
        if await self.store.consumer.record_step(self.claim, name, raw):
            self.steps = {**self.steps, name: raw}

    return record


@mutation(StoreClock, "heard")
def _settling_by_the_workers_own_clock(original: Any) -> Any:
    return lambda self, at: None


@mutation("dutiful.worker.executor", "before_start")
def _expiry_by_a_clock_an_hour_ahead(original: Any) -> Any:
    return lambda job, now: original(job, now + HOUR)


@mutation("dutiful.worker.executor", "before_start")
def _expiry_is_not_looked_at(original: Any) -> Any:
    return lambda job, now: original(job, 0)


@mutation(Tables, "stage")
def _due_jobs_are_lost_by_a_clock_step(original: Any) -> Any:
    def stage(self: Any, now: int) -> None:
        self.staged = max(now, getattr(self, "staged", 0))
        if now == self.staged:
            original(self, now)

    return stage


@mutation(MemoryProducer, "_one")
def _repeated_ids_are_stored_anew(original: Any) -> Any:
    def one(self: Any, new: Any, now: int) -> Receipt:
        if new.id in self.tables.jobs:
            self.tables.jobs[new.id] = stamp(new, now)
            return Receipt(new.id)
        return original(self, new, now)

    return one


@mutation("dutiful.engines.memory.consumer", "_order")
def _priority_is_ignored(original: Any) -> Any:
    return lambda job: job.run_at


@mutation(MemoryConsumer, "_claim")
def _paused_queues_are_served(original: Any) -> Any:
    def claim(self: Any, worker: str, wanted: Any) -> Any:
        with patch.object(self.tables, "paused", {}):
            return original(self, worker, wanted)

    return claim


@mutation(Store, "settled")
def _death_is_not_told(original: Any) -> Any:
    return lambda self, worker, settlements: self.emit(Settled(worker, tuple(settlements)))
